"""Files that are replaced in one step: a reader finds the old one or the new one, whole."""

import contextlib
import os
import pathlib
from collections.abc import Iterator

from pcnnlib._internal.errors import UsageError, first_line


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Within, a scratch file beside `path` is written; at the end it takes the place of `path`.

    Args:
        path: file to write or replace; its folder is made.

    Yields:
        `pathlib.Path` of the scratch file, with the suffix of `path`.

    Raises:
        UsageError: the file cannot be written (disk full, say); an old one is untouched.
    """
    path = pathlib.Path(path)
    scratch = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {first_line(error)}") from error
    try:
        yield scratch
        with open(scratch, "rb") as file:
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except (OSError, RuntimeError, ValueError) as error:  # HDF5 and Keras each raise their own
        raise UsageError(f"{path} cannot be written: {first_line(error)}") from error
    finally:
        scratch.unlink(missing_ok=True)
