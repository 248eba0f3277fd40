"""Where the published runs are, and their records.

A run is a folder of `results/` with a `run.json`: the command, the network's architecture under
`model`, the fields of the `TrainConfig` under `training`, seed, data, hardware, versions, history
and test. Where it trained a model of this library, its weights lie beside it, and `examples.npz`
holds the few images that a page shows where the data set is not at hand. Its name is its path below
`results/`, such as "mnist" or "cifar-subset/mixture". The folder is a part of the installed
package.
"""

import json
import os
import pathlib

from pcnnlib._internal.errors import UsageError, first_line
from pcnnlib.data.files import is_regular_file

RUN, WEIGHTS, EXAMPLES = "run.json", "weights.keras", "examples.npz"
LARGEST_RECORD = 16 * 10**6  # bytes: hundreds of times what a long history takes


def runs_dir() -> pathlib.Path:
    """Where the published runs are: in the installed package, or beside it in a checkout."""
    package = pathlib.Path(__file__).parents[1]
    installed = package / "published"
    return installed if installed.is_dir() else package.parent / "results"


def list_runs(results_path: str | os.PathLike | None = None) -> list[str]:
    """Names of all published runs, sorted; of those in `results_path`, if it is given."""
    folder = root(results_path)
    paths = folder.glob(f"**/{RUN}")
    return sorted(path.parent.relative_to(folder).as_posix() for path in paths)


def read_run(name: str, results_path: str | os.PathLike | None = None) -> dict:
    """The record of a run.

    Args:
        name: of the run, such as "mnist".
        results_path: folder of runs of your own, or None for those that come with the library.

    Returns:
        dict, the contents of its `run.json`.

    Raises:
        UsageError: no such run, or a damaged file.
    """
    return read_run_dir(run_dir(name, results_path))


def read_run_dir(path: str | os.PathLike) -> dict:
    """The record of the run in a folder.

    Args:
        path: the run's own folder.

    Returns:
        dict, the contents of its `run.json`.

    Raises:
        UsageError: no such file, or a damaged one.
    """
    path = pathlib.Path(path) / RUN
    if not is_regular_file(path, "result"):
        raise UsageError(f"result {path} does not exist")
    try:
        if path.stat().st_size > LARGEST_RECORD:
            raise ValueError(f"it is larger than {LARGEST_RECORD // 10**6} MB")
        run = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise UsageError(f"result {path} cannot be read: it is nested too deeply") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"result {path} cannot be read: {first_line(error)}") from error
    if not isinstance(run, dict):
        raise UsageError(
            f"result {path} cannot be read: it should hold fields, and holds {run!r:.60}"
        )
    return run


def read_runs(group: str, results_path: str | os.PathLike | None = None) -> dict[str, dict]:
    """The runs of a folder of `results/`.

    Args:
        group: name of the folder, such as "cifar-subset".
        results_path: folder of runs of your own, or None for those that come with the library.

    Returns:
        dict of run -> its record, a dict.

    Raises:
        UsageError: no run in such a folder, or a damaged file.
    """
    known = [name for name in list_runs(results_path) if "/" in name]
    groups = sorted({name.rpartition("/")[0] for name in known})
    if group not in groups:
        raise UsageError(f"group must be one of {', '.join(groups) or 'none'}, got {group!r}")
    inside = [name for name in known if name.rpartition("/")[0] == group]
    return {name.rpartition("/")[2]: read_run(name, results_path) for name in inside}


def root(results_path: str | os.PathLike | None) -> pathlib.Path:
    """The folder that runs are looked for in; None means `runs_dir()`."""
    return runs_dir() if results_path is None else pathlib.Path(results_path)


def run_dir(name: str, results_path: str | os.PathLike | None) -> pathlib.Path:
    """The folder of a run, or `UsageError` if there is no such run."""
    if not os.path.isdir(root(results_path)):
        raise UsageError(f"results_path must be a folder, got {os.fspath(root(results_path))!r}")
    runs = list_runs(results_path)
    if name not in runs:
        raise UsageError(f"run must be one of {', '.join(runs) or 'none'}, got {name!r}")
    return root(results_path) / name
