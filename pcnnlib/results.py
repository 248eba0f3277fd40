"""Published runs: what they were, what they gave, and their weights.

A run is a folder of `results/` with a `run.json` (command, configuration, seed, data, hardware,
versions, history, figures) and, where it trained a model of this library, the weights beside it.
Its name is its path below `results/`, such as "mnist" or "cifar-subset/mixture". The folder is part
of the installed package.
"""

import hashlib
import json
import os
import pathlib
import platform
import subprocess
from importlib import metadata

import keras

from pcnnlib import backend, training
from pcnnlib.errors import UsageError

RUN, WEIGHTS = "run.json", "weights.keras"


def folder():
    """Where the published runs are: in the installed package, or beside it in a checkout."""
    package = pathlib.Path(__file__).parent
    installed = package / "published"
    return installed if installed.is_dir() else package.parent / "results"


def names():
    """Names of all published runs, sorted."""
    root = folder()
    return sorted(path.parent.relative_to(root).as_posix() for path in root.glob(f"**/{RUN}"))


def read_run(name):
    """What a run says of itself.

    Args:
        name: of the run, such as "mnist".

    Returns:
        dict, the contents of its `run.json`.

    Raises:
        UsageError: no such run, or a damaged file.
    """
    path = _place(name) / RUN
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"result {path} cannot be read: {error}") from error


def read_runs(group):
    """The runs of a folder of `results/`.

    Args:
        group: name of the folder, such as "cifar-subset".

    Returns:
        dict of run -> dict of what it says of itself.

    Raises:
        UsageError: no run in such a folder, or a damaged file.
    """
    known = [name for name in names() if "/" in name]
    groups = sorted({name.rpartition("/")[0] for name in known})
    if group not in groups:
        raise UsageError(f"group must be one of {', '.join(groups) or 'none'}, got {group!r}")
    inside = [name for name in known if name.rpartition("/")[0] == group]
    return {name.rpartition("/")[2]: read_run(name) for name in inside}


def load_pretrained(name):
    """A published model with its weights, ready to draw.

    Args:
        name: of the run, such as "mnist" or "cifar-subset/mixture".

    Returns:
        A model of this library.

    Raises:
        UsageError: no such run, one without weights, or weights that are not those published.
    """
    run, path = read_run(name), _place(name) / WEIGHTS
    if "weights" not in run or not path.is_file():
        raise UsageError(f"run {name!r} has no weights")
    if _checksum(path) != run["weights"]["sha256"]:
        raise UsageError(f"{path} is damaged: its checksum is not the one in {RUN}")
    return training.load_model(path)


def write_run(place, fields, model=None):
    """Write or replace a run, each file in one step.

    Args:
        place: folder of the run.
        fields: dict for its `run.json`.
        model: its best weights, kept beside it, or None.

    Returns:
        `fields`, with file, size and checksum of the weights under `weights`, if there are any.

    Raises:
        UsageError: the folder cannot be written.
    """
    place = pathlib.Path(place)
    if model is not None:
        training.save(model, place / WEIGHTS)
        fields = {
            **fields,
            "weights": {"sha256": _checksum(place / WEIGHTS), "parameters": model.count_params()},
        }
    scratch = place / f".{RUN}.{os.getpid()}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        scratch.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
        os.replace(scratch, place / RUN)
    except OSError as error:
        raise UsageError(f"{place / RUN} cannot be written: {error}") from error
    finally:
        scratch.unlink(missing_ok=True)
    return fields


def describe_data(data):
    """Name, checksum and sizes of a `Dataset`, for a `run.json`."""
    parts = {part: len(getattr(data, part)) for part in ("train", "validation", "test")}
    return {"name": pathlib.Path(data.name).name, "sha256": data.checksum, **parts}


def surroundings(packages=None):
    """Where a run was made: commit, hardware and versions, for a `run.json`.

    Args:
        packages: names of installed packages whose versions matter; None: Keras and its backend.

    Returns:
        dict with `commit` (a plus at its end if files had been changed since; None outside of a
        checkout), `hardware` and `versions`.
    """
    versions = {"python": platform.python_version()}
    for package in packages or ["pcnnlib", "keras", keras.backend.backend(), "numpy"]:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return {"commit": _commit(), "hardware": _hardware(), "versions": versions}


def _hardware():
    path = pathlib.Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    processors = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": processors[0] if processors else platform.processor() or platform.machine(),
        "cores": backend.processor_cores(),
        "accelerators": backend.accelerators(),
    }


def _commit():
    ask = {
        "cwd": pathlib.Path(__file__).parent,
        "check": True,
        "capture_output": True,
        "text": True,
    }
    try:
        name = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], **ask).stdout.strip()
        changed = subprocess.run(["git", "status", "--porcelain", "-uno"], **ask).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return name + ("+" if changed.strip() else "")


def _place(name):
    known = names()
    if name not in known:
        raise UsageError(f"run must be one of {', '.join(known) or 'none'}, got {name!r}")
    return folder() / name


def _checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
