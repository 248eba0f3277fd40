"""Files: replaced in one step, and read so that only what is damaged is called damaged."""

import contextlib
import errno
import os
import pathlib
from collections.abc import Iterator

from pcnnlib._internal.errors import UsageError, first_line


class UnreadableError(UsageError):
    """The system does not give a file's contents. The file itself may be sound."""


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Within, a scratch file beside `path` is written; at the end it takes the place of `path`.

    A reader finds the old file or the new one, whole.

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
        with contextlib.suppress(OSError):  # what went wrong above is worth more than this
            scratch.unlink(missing_ok=True)


def rename(source: pathlib.Path, target: pathlib.Path) -> None:
    """Give a file the name of another in its folder, once all earlier changes there are on disk.

    Raises:
        UsageError: the system refuses.
    """
    try:
        with contextlib.suppress(OSError):  # not every file system knows folders as files
            folder = os.open(source.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        os.replace(source, target)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {first_line(error)}") from error


@contextlib.contextmanager
def reading(path: str | os.PathLike, what: str, damage: str = "is damaged") -> Iterator[None]:
    """Within, a file is read; whatever a reader raises becomes one line that names the file.

    A full disk, a failing one or too little memory says nothing about the file: whoever reads
    "damaged" would delete a good one.

    Args:
        path: the file.
        what: what it is called: "checkpoint", say.
        damage: what is said of its contents.

    Raises:
        UnreadableError: the system did not give the contents.
        UsageError: they came, and are not what was wanted.
    """
    try:
        yield
    except Exception as error:  # Keras, HDF5 and zipfile each raise their own
        reason = _reason_outside(error)
        if reason is not None:
            raise UnreadableError(f"{what} {path} cannot be read: {first_line(reason)}") from error
        raise UsageError(f"{what} {path} {damage}: {first_line(error)}") from error


def _reason_outside(error):
    """The failure of the system that an exception came from, or None.

    Keras catches some failures and then raises others of its own; they name what they follow.
    """
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, MemoryError):
            return error
        # Where a damaged file sends its reader to a place that no file has, that is "invalid".
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            return error
        error = error.__cause__ or error.__context__
    return None
