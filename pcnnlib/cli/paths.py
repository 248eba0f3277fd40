"""Where a run keeps its files."""

import importlib.util
import os
import pathlib
from typing import NamedTuple

from pcnnlib._internal.errors import UsageError, first_line
from pcnnlib.cli.flags import Network, Settings
from pcnnlib.data import short_name
from pcnnlib.training import AUTOENCODER, PRIOR, TOP_PRIOR


class RunPaths(NamedTuple):
    """The folders of a run; no `logs` where TensorFlow, which writes them, is missing."""

    checkpoints: pathlib.Path
    pictures: pathlib.Path
    logs: pathlib.Path | None


def run_paths(settings: Settings) -> RunPaths:
    """The folders that flags of data and network name, below those of the paths' flags."""
    files = settings.files
    kind = settings.network.model or "unconditional"
    name = f"{pathlib.Path(short_name(settings.data.data)).stem}-{kind}"
    if settings.network.orders > 1:
        name += f"-{settings.network.orders}-orders"
    if settings.network.code_grids > 1:
        name += f"-{settings.network.code_grids}-grids"
    if settings.network.attention:
        name += f"-attention-{'-'.join(map(str, sorted(settings.network.attention)))}"
    checkpoints, pictures, logs = (
        pathlib.Path(path) / name
        for path in (files.ckpt_path, files.samples_path, files.summary_path)
    )
    if importlib.util.find_spec("tensorflow") is None:
        print("no TensorBoard files: they are written by TensorFlow, which is not installed")
        return RunPaths(checkpoints, pictures, None)
    return RunPaths(checkpoints, pictures, logs)


def stages(checkpoints: pathlib.Path, network: Network) -> tuple[pathlib.Path, ...]:
    """The folders of checkpoints of each stage of a training, the last being that of the model."""
    if network.model != "vqvae":
        return (checkpoints,)
    named = (AUTOENCODER, TOP_PRIOR, PRIOR) if network.code_grids > 1 else (AUTOENCODER, PRIOR)
    return tuple(checkpoints / stage for stage in named)


def check_writable(folder: pathlib.Path) -> None:
    """Raise `UsageError` unless files can be written to `folder`, which may not exist yet."""
    try:
        there = folder.absolute()
        while not _exists(there):
            there = there.parent
        if not there.is_dir():
            raise UsageError(f"{folder} cannot be written: {there} is no folder")
        if not os.access(there, os.W_OK | os.X_OK):
            raise UsageError(f"{folder} cannot be written: {there} allows no writing")
        longest = os.pathconf(there, "PC_NAME_MAX") if hasattr(os, "pathconf") else 255
        if max(len(os.fsencode(name)) for name in folder.parts or ("",)) > longest:
            raise UsageError(f"{folder} cannot be written: a name in it is too long")
        # Not all of a system's own folders keep what they promise: /proc does not.
        probe = there / f".writable.{os.getpid()}"
        probe.mkdir()
        probe.rmdir()
    except (OSError, ValueError) as error:
        if isinstance(error, UsageError):
            raise
        reason = getattr(error, "strerror", None) or first_line(error)
        raise UsageError(f"{folder} cannot be written: {reason}") from error


def _exists(path):
    """Whether a path is there; `OSError` for one that cannot be followed."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise UsageError(f"{path} cannot be written: it is a link to nothing") from None
        return False
    return True
