"""A folder that one process has for itself."""

import contextlib
import errno
import os
import pathlib
import socket
import warnings
from collections.abc import Iterator

from pcnnlib._internal.errors import UsageError, first_line

try:
    import fcntl
except ImportError:  # no Unix: nothing is locked
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
# What a file system answers that knows no locks.
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)

# Descriptors of the locks that this process holds.
_held: set[int] = set()


@contextlib.contextmanager
def locked(folder: str | os.PathLike, what: str) -> Iterator[None]:
    """Within, no other process may have the same folder.

    The system holds the lock and frees it when the process ends, however that happens: a lock is
    never left behind, and the file by itself, which a killed process leaves, means nothing. A
    network's file system hands the lock to its server, so that other hosts see it too.

    Args:
        folder: made if it does not exist.
        what: what another process that has the folder is doing: "training", say.

    Raises:
        UsageError: another process has it, or it cannot be written.
    """
    path = pathlib.Path(folder) / LOCK
    try:
        file = _lock(path)
    except BlockingIOError:
        raise UsageError(
            f"another process is {what} in {folder} ({_owner(path)}): wait until it has finished, "
            "or choose another folder"
        ) from None
    except OSError as error:
        raise UsageError(f"{folder} cannot be written: {first_line(error)}") from error
    if file is not None:
        _held.add(file)
    try:
        yield
    finally:
        if file in _held:
            _held.discard(file)
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)  # while the lock is held: it is still this one's file
            os.close(file)


def _lock(path):
    """The locked file's descriptor; None where nothing can be locked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while fcntl is not None:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            # Where nothing can be written, nothing can be lost either: a finished run is read.
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                return None
            raise
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its last owner may have removed the file since it was opened here.
            if path.exists() and os.path.samestat(os.fstat(file), os.stat(path)):
                os.ftruncate(file, 0)
                with contextlib.suppress(OSError):  # the disk may be full; the lock holds anyway
                    os.write(file, f"process {os.getpid()} on {socket.gethostname()}".encode())
                return file
        except OSError as error:
            os.close(file)
            if error.errno not in NO_LOCKS:
                raise
            warnings.warn(
                f"{path.parent} cannot be locked: let only one process use it", stacklevel=4
            )
            return None
        os.close(file)
    return None


def _owner(path):
    """What the lock's file says about who holds it."""
    try:
        text = path.read_bytes()[:200].decode("utf-8", "replace")
    except OSError:
        text = ""
    return " ".join(text.split()) or "of an unknown number"


def _give_up_copies():
    """In a child by fork: its copies of the descriptors would keep the locks of a dead parent."""
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_give_up_copies)
