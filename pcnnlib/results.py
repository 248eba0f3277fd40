"""Published runs: what they were, what they gave, and their weights.

A run is a folder of `results/` with a `run.json` (command, configuration, seed, data, hardware,
versions, history, figures) and, where it trained a model of this library, the weights beside it and
`examples.npz`, the few images that a page shows where the data set is not at hand.
Its name is its path below `results/`, such as "mnist" or "cifar-subset/mixture". The folder is part
of the installed package.
"""

import hashlib
import json
import os
import pathlib
import platform
import statistics
import subprocess
import time
import zipfile
import zlib
from importlib import metadata

import keras
import numpy as np

from pcnnlib import analysis, backend, training
from pcnnlib.autoencoders import PixelCNNAutoencoder
from pcnnlib.conditions import Labels
from pcnnlib.errors import UsageError

RUN, WEIGHTS, EXAMPLES = "run.json", "weights.keras", "examples.npz"
LITERATURE = "literature.json"


def runs_dir():
    """Where the published runs are: in the installed package, or beside it in a checkout."""
    package = pathlib.Path(__file__).parent
    installed = package / "published"
    return installed if installed.is_dir() else package.parent / "results"


def list_runs(results_path=None):
    """Names of all published runs, sorted; of those in `results_path`, if it is given."""
    root = _root(results_path)
    return sorted(path.parent.relative_to(root).as_posix() for path in root.glob(f"**/{RUN}"))


def read_run(name, results_path=None):
    """What a run says of itself.

    Args:
        name: of the run, such as "mnist".
        results_path: folder of runs of your own, or None for those that come with the library.

    Returns:
        dict, the contents of its `run.json`.

    Raises:
        UsageError: no such run, or a damaged file.
    """
    return read_run_dir(_run_dir(name, results_path))


def read_run_dir(run_dir):
    """What the run in a folder says of itself.

    Args:
        run_dir: the run's own folder.

    Returns:
        dict, the contents of its `run.json`.

    Raises:
        UsageError: no such file, or a damaged one.
    """
    path = pathlib.Path(run_dir) / RUN
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"result {path} cannot be read: {error}") from error
    if not isinstance(run, dict):
        raise UsageError(f"result {path} cannot be read: it should hold fields, and holds {run!r}")
    return run


def read_runs(group):
    """The runs of a folder of `results/`.

    Args:
        group: name of the folder, such as "cifar-subset".

    Returns:
        dict of run -> dict of what it says of itself.

    Raises:
        UsageError: no run in such a folder, or a damaged file.
    """
    known = [name for name in list_runs() if "/" in name]
    groups = sorted({name.rpartition("/")[0] for name in known})
    if group not in groups:
        raise UsageError(f"group must be one of {', '.join(groups) or 'none'}, got {group!r}")
    inside = [name for name in known if name.rpartition("/")[0] == group]
    return {name.rpartition("/")[2]: read_run(name) for name in inside}


def read_literature(task):
    """What others published for a task.

    Args:
        task: name of a run or data set, such as "mnist" or "binarized_mnist".

    Returns:
        list of dicts: `model`, `nats` per image, `on` which images, `source` and its `url`; where
        known `epochs`, and `bound` if the figure is an upper bound.

    Raises:
        UsageError: nothing is known of such a task.
    """
    known = json.loads((runs_dir() / LITERATURE).read_text(encoding="utf-8"))
    known.pop("about")
    if task not in known:
        raise UsageError(f"task must be one of {', '.join(sorted(known))}, got {task!r}")
    return known[task]


def compare(task, name):
    """A published run among what others published for the same task.

    Args:
        task: what `read_literature` calls it.
        name: of our run.

    Returns:
        list of dicts like those of `read_literature`, the lowest nats last; ours has the key
        `error`, the standard error, too.

    Raises:
        UsageError: unknown task, no such run, or a run without a test.
    """
    run = read_run(name)
    if "test" not in run:
        raise UsageError(f"run {name!r} has not been tested")
    kind = "Autoencoder" if run.get("config", {}).get("code_size") else "Gated PixelCNN"
    ours = {
        "model": f"{kind} of this book",
        "nats": run["test"]["nats_per_image"],
        "error": run["test"]["standard_error"],
        "epochs": len(run["history"]["loss"]),
        "on": "test",
        "source": f"results/{name}",
    }
    return sorted([*read_literature(task), ours], key=lambda row: -row["nats"])


def hardware(run):
    """What a run was made on, in words: "1 core, AMD EPYC", or the names of accelerators."""
    made_on = run["hardware"]
    if made_on["accelerators"]:
        return ", ".join(made_on["accelerators"])
    cores = made_on["cores"]
    return f"{cores} core{'s' if cores > 1 else ''}, {made_on['cpu']}"


def load_pretrained(name, results_path=None):
    """A published model with its weights, ready to draw.

    Args:
        name: of the run, such as "mnist" or "cifar-subset/mixture".
        results_path: folder of runs of your own, or None for those that come with the library.

    Returns:
        A model of this library.

    Raises:
        UsageError: no such run, one without weights, or weights that are not those published.
    """
    run, path = read_run(name, results_path), _run_dir(name, results_path) / WEIGHTS
    if "weights" not in run:
        raise UsageError(f"run {name!r} has no weights")
    if not path.is_file():
        raise UsageError(f"{path} is missing")
    published = run["weights"].get("sha256") if isinstance(run["weights"], dict) else None
    if _checksum(path) != published:
        raise UsageError(f"{path} is damaged: its checksum is not the one in {RUN}")
    return training.load_model(path)


def read_examples(name, results_path=None):
    """Images beside a run, for pages that show it.

    Args:
        name: of the run, such as "mnist".
        results_path: folder of runs of your own, or None for those that come with the library.

    Returns:
        dict of arrays, see `examples`; empty if the run has none.

    Raises:
        UsageError: no such run, or a damaged file.
    """
    path = _run_dir(name, results_path) / EXAMPLES
    if not path.is_file():
        return {}
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise UsageError(f"result {path} cannot be read: {error}") from error


def examples(model, data, *, drawn=100, shown=10, seed=0):
    """Images that a page needs and cannot compute without the data.

    Args:
        model: the run's, with its best weights.
        data: its `Dataset`.
        drawn: images drawn, and test images, that are compared with all training images.
        shown: images kept of each kind.
        seed: of the draws.

    Returns:
        dict of arrays: `test`, uint8 `(shown, H, W, C)`, one test image of each class in turn, or
        the first where there are no classes. But for autoencoders also `drawn`, the first images
        drawn, and `nearest`, the training images nearest to them; and distances to the nearest
        training image (see `analysis.nearest`), `(drawn,)` each: `drawn_distance` of images drawn,
        `test_distance` of test images, and `copied_distance` of training images as one who had
        learnt them by heart would draw them, binarised afresh where the data are.
    """
    test = data.test
    order = np.arange(len(test))
    if test.labels is not None:
        # The first of each class, then the second of each.
        earlier = [(test.labels[:k] == label).sum() for k, label in enumerate(test.labels)]
        order = np.lexsort((test.labels, earlier))
    arrays = {"test": test.images[order[:shown]]}
    if isinstance(model, PixelCNNAutoencoder):
        return arrays
    images = model.sample(drawn, _labels(model, drawn), seed=seed)
    index, distance = analysis.nearest(images, data.train.images)
    rows = np.arange(min(drawn, len(data.train)))
    copied = data.train.draw(rows, np.random.default_rng(seed))
    return {
        **arrays,
        "drawn": images[:shown],
        "nearest": data.train.images[index[:shown]],
        "drawn_distance": distance,
        "test_distance": analysis.nearest(test.images[:drawn], data.train.images)[1],
        "copied_distance": analysis.nearest(copied, data.train.images)[1],
    }


def speed(model, data, seconds, *, drawn=100):
    """What a run costs: of training from its history, of drawing measured here and now.

    Args:
        model: the run's.
        data: its `Dataset`.
        seconds: of each epoch, validation included.
        drawn: images drawn at once.

    Returns:
        dict: `seconds_per_epoch`, the median; `images_per_second` trained on, where a validated
        image counts as a third of one; `flop_per_image` of training, three forward passes' worth;
        `drawn_per_second`, compiling left out.
    """
    median = statistics.median(seconds)
    began = []
    for _ in range(2):  # the first call compiles
        began.append(time.perf_counter())
        if isinstance(model, PixelCNNAutoencoder):
            model.decode(np.zeros((drawn, model.code_size), "float32"), seed=0)
        else:
            model.sample(drawn, _labels(model, drawn), seed=0)
    return {
        "seconds_per_epoch": median,
        "images_per_second": (len(data.train) + len(data.validation) / 3) / median,
        "flop_per_image": 3 * analysis.flop_per_image(model),
        "drawn_per_second": drawn / (time.perf_counter() - began[-1]),
    }


def _labels(model, n):
    """Labels to draw `n` images of, each class in turn; None for a model without labels."""
    return np.arange(n) % model.condition.n if isinstance(model.condition, Labels) else None


def write_run(run_dir, fields, model=None, images=None):
    """Write or replace a run, each file in one step.

    Args:
        run_dir: folder of the run.
        fields: dict for its `run.json`.
        model: its best weights, kept beside it, or None.
        images: dict of arrays kept beside it, see `examples`, or None.

    Returns:
        `fields`, with file, size and checksum of the weights under `weights`, if there are any.

    Raises:
        UsageError: the folder cannot be written.
    """
    run_dir = pathlib.Path(run_dir)
    if model is not None:
        training.save(model, run_dir / WEIGHTS)
        fields = {
            **fields,
            "weights": {"sha256": _checksum(run_dir / WEIGHTS), "parameters": model.count_params()},
        }
    if images is not None:
        _replace(run_dir / EXAMPLES, lambda file: np.savez_compressed(file, **images))
    text = json.dumps(fields, indent=1) + "\n"
    _replace(run_dir / RUN, lambda file: file.write(text.encode("utf-8")))
    return fields


def _replace(path, write):
    """Write a file in one step: `write` is given a binary file."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(scratch, "wb") as file:
            write(file)
        os.replace(scratch, path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error}") from error
    finally:
        scratch.unlink(missing_ok=True)


def describe_data(data):
    """Name, checksum and sizes of a `Dataset`, for a `run.json`."""
    parts = {part: len(getattr(data, part)) for part in ("train", "validation", "test")}
    return {"name": pathlib.Path(data.name).name, "sha256": data.checksum, **parts}


def provenance(packages=None):
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


def _root(results_path):
    return runs_dir() if results_path is None else pathlib.Path(results_path)


def _run_dir(name, results_path):
    known = list_runs(results_path)
    if name not in known:
        raise UsageError(f"run must be one of {', '.join(known) or 'none'}, got {name!r}")
    return _root(results_path) / name


def _checksum(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
