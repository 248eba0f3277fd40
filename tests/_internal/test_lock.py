"""A folder belongs to one process at a time, and to none that has died."""

import contextlib
import errno
import fcntl
import os
import signal

import pytest

from pcnnlib import UsageError
from pcnnlib._internal import lock
from pcnnlib._internal.lock import locked

pytestmark = pytest.mark.robustness


def test_a_second_owner_is_refused_in_one_line_and_the_first_keeps_the_folder(tmp_path):
    with locked(tmp_path, "training"):
        for _ in range(2):  # being refused frees nothing
            with pytest.raises(UsageError, match="another process is training in") as raised:
                with locked(tmp_path, "training"):
                    raise AssertionError("two at once")
            assert f"process {os.getpid()} on " in str(raised.value)
            assert "\n" not in str(raised.value)
    with locked(tmp_path, "training"):
        pass
    assert not list(tmp_path.iterdir())


def forked(work):
    """Do some work in a child that is then killed; wait until it says so, and return its number."""
    ready, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            work(lambda: (os.write(tell, b"!"), signal.pause()))
        finally:
            os._exit(1)
    os.read(ready, 1)
    return child


def kill(child):
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_a_lock_whose_process_was_killed_is_free(tmp_path):
    def work(wait):
        with locked(tmp_path, "training"):
            wait()

    child = forked(work)
    with pytest.raises(UsageError, match=f"process {child} on"), locked(tmp_path, "training"):
        pass
    kill(child)
    assert (tmp_path / lock.LOCK).exists()  # its file is left, and means nothing
    with locked(tmp_path, "training"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_child_of_the_owner_neither_frees_the_lock_nor_keeps_it(tmp_path):
    def leave(wait):
        stack.close()
        wait()

    with contextlib.ExitStack() as stack:
        stack.enter_context(locked(tmp_path, "training"))
        child = forked(leave)
        with pytest.raises(UsageError), locked(tmp_path, "training"):
            pass
    with locked(tmp_path, "training"):  # though the child still lives
        pass
    kill(child)


def test_a_file_removed_between_opening_and_locking_is_not_taken_for_the_lock(
    tmp_path, monkeypatch
):
    flock, calls = fcntl.flock, []

    def removed_first(file, how):
        calls.append(how)
        if len(calls) == 1:
            (tmp_path / lock.LOCK).unlink()
        return flock(file, how)

    monkeypatch.setattr(fcntl, "flock", removed_first)
    with locked(tmp_path, "training"):
        with pytest.raises(UsageError), locked(tmp_path, "training"):
            pass
    assert len(calls) == 3


@pytest.mark.parametrize("number", lock.NO_LOCKS)
def test_a_file_system_without_locks_is_told_in_a_warning(tmp_path, monkeypatch, number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.warns(UserWarning, match="cannot be locked"), locked(tmp_path, "training"):
        pass


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_folder_that_cannot_be_written_can_still_be_read(tmp_path, monkeypatch, number):
    def fail(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", fail)
    with locked(tmp_path, "training"):
        pass


def test_what_cannot_be_a_folder_is_one_line(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="file cannot be written"):
        with locked(tmp_path / "file", "training"):
            pass
    assert (tmp_path / "file").read_text() == "mine"
