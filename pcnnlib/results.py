"""Published runs: what they were, what they gave, and their weights.

A run is a JSON file of its command, seed, data, hardware, versions, history and figures, and, where
it trained a model of this library, the weights beside it. Runs that belong together share a folder
of `results/`, which is part of the installed package.
"""

import json
import pathlib

from pcnnlib import training
from pcnnlib.errors import UsageError


def folder():
    """Where the published runs are: in the installed package, or beside it in a checkout."""
    package = pathlib.Path(__file__).parent
    installed = package / "published"
    return installed if installed.is_dir() else package.parent / "results"


def read_runs(group):
    """The runs of a folder of `results/`.

    Args:
        group: name of the folder, such as "cifar-subset".

    Returns:
        dict of run name -> dict of what its file says.

    Raises:
        UsageError: no such folder, or a damaged file.
    """
    files = sorted(_known(folder(), group, "group").glob("*.json"))
    runs = {}
    for file in files:
        try:
            runs[file.stem] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"result {file} cannot be read: {error}") from error
    return runs


def load_pretrained(name):
    """A published model with its weights, ready to draw.

    Args:
        name: folder and run, such as "cifar-subset/mixture".

    Returns:
        A model of this library.

    Raises:
        UsageError: no such run, or one without weights.
    """
    group, _, run = str(name).partition("/")
    return training.load_model(_known(_known(folder(), group, "group"), f"{run}.keras", "run"))


def _known(place, name, kind):
    """`place / name`, which must be one of the names found there."""
    suffix = pathlib.PurePath(name).suffix
    there = sorted(p.name for p in place.glob(f"*{suffix}") if p.is_dir() != bool(suffix))
    if name not in there:
        known = ", ".join(pathlib.PurePath(n).stem for n in there) or "none"
        raise UsageError(f"{kind} must be one of {known}, got {pathlib.PurePath(name).stem!r}")
    return place / name
