"""Where the output is a log: a plain line a minute, and no control codes."""

import sys

import keras
import pytest

from pcnnlib._internal import progress


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_line_a_minute_and_none_for_what_is_quick(clock, capsys):
    lines = progress.Lines(600, "row", prefix="sampling: ")
    for _ in range(600):
        clock[0] += 0.45
        lines.add(1)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "sampling: row 134/600"
    assert len(printed) == 4  # in 270 seconds
    quick = progress.Lines(600)
    for step in range(600):
        quick.update(step + 1)
    assert not capsys.readouterr().out


def test_values_stand_behind_the_count(clock, capsys):
    lines = progress.Lines(9)
    assert not lines.due()
    clock[0] = 61
    assert lines.due()
    lines.update(3, "1.5 nats")
    assert capsys.readouterr().out == "step 3/9, 1.5 nats\n"


@pytest.mark.parametrize("redrawn", [True, False])
def test_a_terminal_keeps_the_bar(monkeypatch, redrawn):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: redrawn, raising=False)
    assert progress.on_terminal() is redrawn
    bar = progress.progress_bar(3, "row")
    assert isinstance(bar, keras.utils.Progbar if redrawn else progress.Lines)


@pytest.mark.parametrize("kind", ["none", "closed"])
def test_no_output_is_no_terminal(monkeypatch, tmp_path, kind):
    with open(tmp_path / "out", "w") as closed:
        pass
    monkeypatch.setattr(sys, "stdout", None if kind == "none" else closed)
    assert progress.on_terminal() is False


def test_a_notebook_is_redrawn(monkeypatch):
    stream = type("OutStream", (), {"__module__": "ipykernel.iostream", "write": print})()
    monkeypatch.setattr(sys, "stdout", stream)
    shown = progress.on_terminal()
    monkeypatch.undo()
    assert shown
