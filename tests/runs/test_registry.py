"""Runs are found by name and read whole, those of the library and those of one's own."""

import os

import numpy as np
import pytest

import pcnnlib as pcnn
from pcnnlib import runs

DAMAGED = [
    "{",
    "3",
    "[]",
    "null",
    b"\xff\xfe\x00",
    "[" * 200_000,
    '{"a":' * 200_000 + "1" + "}" * 200_000,
    '{"seed": ' + "9" * 10_000 + "}",
    "[" + "1, " * 10_000 + "1]",
    "",
    "{\n}\n{\n}",
]


def test_runs_are_read_by_name(published):
    assert runs.list_runs() == ["alone", "small/ours", "small/theirs"]
    group = runs.read_runs("small")
    assert {name: run["seed"] for name, run in group.items()} == {"ours": 1, "theirs": 2}
    assert runs.read_run("alone")["weights"]["parameters"] == published[1].count_params()


@pytest.mark.parametrize("name", ["large", "small", "../alone", "small/", ""])
def test_unknown_names_are_refused(published, name):
    with pytest.raises(pcnn.UsageError) as raised:
        runs.read_run(name)
    assert f"run must be one of alone, small/ours, small/theirs, got {name!r}" in str(raised.value)


def test_unknown_groups_are_refused(published):
    with pytest.raises(pcnn.UsageError, match="group must be one of small, got 'alone'"):
        runs.read_runs("alone")


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: repr(content[:8]))
def test_a_damaged_record_is_named(published, content):
    content = content if isinstance(content, bytes) else content.encode()
    (published[0] / "small" / "ours" / "run.json").write_bytes(content)
    with pytest.raises(pcnn.UsageError, match="run.json cannot be read") as raised:
        runs.read_runs("small")
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 400


def test_a_huge_record_is_refused_before_it_is_read(published, monkeypatch):
    path = published[0] / "alone" / runs.RUN
    with open(path, "r+b") as file:
        file.truncate(10**12)  # a hole, which takes no room
    monkeypatch.setattr(type(path), "read_text", lambda *_, **__: pytest.fail("read"))
    with pytest.raises(pcnn.UsageError, match="it is larger than 16 MB"):
        runs.read_run("alone")


def test_a_record_that_is_a_pipe_is_not_waited_for(published):
    path = published[0] / "alone" / runs.RUN
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(pcnn.UsageError, match="run.json cannot be read: it is a pipe or a device"):
        runs.read_run("alone")


@pytest.mark.parametrize("name", ["none", "x" * 300, "a\0b", "small/ours/run.json"])
def test_a_folder_of_runs_that_is_none_is_named(published, name):
    with pytest.raises(pcnn.UsageError, match="results_path must be a folder, got"):
        runs.read_run("alone", published[0] / name)


def test_runs_of_ones_own_are_read_from_their_folder(published, tmp_path):
    own = tmp_path / "own"
    images = {"test": np.zeros((2, 4, 4, 1))}
    runs.write_run(own / "mine", {"seed": 7}, published[1], images)
    runs.write_run(own / "more" / "first", {"seed": 8})
    assert runs.list_runs(own) == ["mine", "more/first"] and "alone" in runs.list_runs()
    assert runs.read_run("mine", own)["seed"] == 7
    assert runs.read_runs("more", own)["first"]["seed"] == 8
    assert runs.read_examples("mine", own)["test"].shape == (2, 4, 4, 1)
    pcnn.load_pretrained("mine", own)
    with pytest.raises(pcnn.UsageError, match="run must be one of mine, more/first, got 'alone'"):
        pcnn.load_pretrained("alone", own)


def test_runs_are_beside_the_package_in_a_checkout():
    assert (runs.runs_dir() / "README.md").is_file()
