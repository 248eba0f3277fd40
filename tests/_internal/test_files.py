"""Files that are replaced in one step: whatever fails, the old file is still there, whole."""

import errno
import os
import pathlib
import zipfile

import pytest

from pcnnlib import UsageError
from pcnnlib._internal.files import UnreadableError, reading, rename, replacing

pytestmark = pytest.mark.robustness


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")
    return path


def only_the_old_one(path):
    return path.read_text() == "old" and [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_new_file_takes_the_old_ones_name(old):
    with replacing(old) as scratch:
        # Beside it, so that one step is enough; with its suffix, which Keras looks at.
        assert scratch.parent == old.parent and scratch.suffix == old.suffix
        assert scratch != old
        scratch.write_text("new")
        assert old.read_text() == "old"  # until the end
    assert old.read_text() == "new"
    assert [path.name for path in old.parent.iterdir()] == [old.name]


def test_folders_are_made(tmp_path):
    path = tmp_path / "a" / "b" / "file.txt"
    with replacing(str(path)) as scratch:
        scratch.write_text("new")
    assert path.read_text() == "new"


@pytest.mark.parametrize("kind", [OSError, RuntimeError, ValueError])
def test_failures_to_write_are_one_line_and_leave_the_old_file(old, kind):
    with pytest.raises(UsageError) as raised, replacing(old) as scratch:
        scratch.write_text("half of the n")
        raise kind("no space left\non the device")
    assert str(raised.value) == f"{old} cannot be written: no space left"
    assert only_the_old_one(old)


@pytest.mark.parametrize("kind", [KeyError, KeyboardInterrupt, SystemExit, MemoryError])
def test_other_failures_pass_and_leave_the_old_file(old, kind):
    with pytest.raises(kind), replacing(old) as scratch:
        scratch.write_text("half of the n")
        raise kind("stopped")
    assert only_the_old_one(old)


def test_nothing_written_leaves_the_old_file(old):
    with pytest.raises(UsageError, match="cannot be written"), replacing(old):
        pass
    assert only_the_old_one(old)


@pytest.mark.parametrize("name", ["fsync", "replace"])
def test_a_disk_that_fails_at_the_last_moment_leaves_the_old_file(old, name, monkeypatch):
    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(os, name, fail)
    with pytest.raises(UsageError, match="cannot be written: disk full"):
        with replacing(old) as scratch:
            scratch.write_text("new")
    assert only_the_old_one(old)


def test_contents_reach_the_disk_before_the_name_does(old, monkeypatch):
    """Else a power cut could leave the new name with nothing behind it."""
    steps = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda *a: (steps.append("written"), fsync(*a)))
    monkeypatch.setattr(os, "replace", lambda *a: (steps.append("replaced"), replace(*a)))
    with replacing(old) as scratch:
        scratch.write_text("new")
    assert steps == ["written", "replaced"]


@pytest.mark.parametrize("blocked", ["folder", "path"])
def test_what_cannot_be_a_file_is_one_line(tmp_path, blocked):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    path = tmp_path / ("file/below.txt" if blocked == "folder" else "folder")
    with pytest.raises(UsageError, match="cannot be written") as raised:
        with replacing(path) as scratch:
            pathlib.Path(scratch).write_text("new")
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "folder"]


# ---------------------------------------------------------------- reading


def read_badly(error, cause=None):
    with reading("a/file.x", "checkpoint"):
        if cause is None:
            raise error
        try:
            raise cause
        except Exception:
            raise error  # noqa: B904  # as Keras does


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EIO, "Input/output error"),
        PermissionError(errno.EACCES, "Permission denied"),
        OSError(errno.EMFILE, "Too many open files"),
        MemoryError("too large"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_what_the_system_refuses_is_never_called_damage(error, wrapped):
    with pytest.raises(UnreadableError, match="checkpoint a/file.x cannot be read: ") as raised:
        read_badly(ValueError("bad\nfile") if wrapped else error, error if wrapped else None)
    assert str(error) in str(raised.value)
    assert "damaged" not in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("no\nmodel"),
        OSError("file signature not found"),  # HDF5's, without a number
        OSError(errno.EINVAL, "Invalid argument"),  # a place before the beginning of the file
        RecursionError("nested"),
        zipfile.BadZipFile("no zip"),
    ],
    ids=repr,
)
def test_what_is_wrong_with_the_contents_is_damage(error):
    with pytest.raises(UsageError, match="checkpoint a/file.x is damaged: ") as raised:
        read_badly(error)
    assert not isinstance(raised.value, UnreadableError) and "\n" not in str(raised.value)


def test_a_file_is_renamed_over_another_or_named_in_one_line(old, tmp_path):
    (tmp_path / "new.keras").write_text("new")
    rename(tmp_path / "new.keras", old)
    assert old.read_text() == "new"
    with pytest.raises(UsageError, match="model.keras cannot be written") as raised:
        rename(tmp_path / "none.keras", old)
    assert "\n" not in str(raised.value) and old.read_text() == "new"
