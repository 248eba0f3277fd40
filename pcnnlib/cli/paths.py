"""Where a run keeps its files."""

import importlib.util
import os
import pathlib
from typing import NamedTuple

from pcnnlib._internal.errors import UsageError
from pcnnlib.cli.flags import Settings


class RunPaths(NamedTuple):
    """The folders of a run; no `logs` where TensorFlow, which writes them, is missing."""

    checkpoints: pathlib.Path
    pictures: pathlib.Path
    logs: pathlib.Path | None


def run_paths(settings: Settings) -> RunPaths:
    """The folders that --data and --model name, below those of the paths' flags."""
    files = settings.files
    kind = settings.network.model or "unconditional"
    name = f"{pathlib.Path(settings.data.data).stem}-{kind}"
    checkpoints, pictures, logs = (
        pathlib.Path(path) / name
        for path in (files.ckpt_path, files.samples_path, files.summary_path)
    )
    if importlib.util.find_spec("tensorflow") is None:
        print("no TensorBoard files: they are written by TensorFlow, which is not installed")
        return RunPaths(checkpoints, pictures, None)
    return RunPaths(checkpoints, pictures, logs)


def check_writable(folder: pathlib.Path) -> None:
    """Raise `UsageError` unless files can be written to `folder`, which may not exist yet."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise UsageError(f"{folder} cannot be written: {there} is no folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"{folder} cannot be written: {there} allows no writing")
