"""A notebook and its twin: whichever was edited, the other follows, and no edit is lost."""

import json
import sys

import jupytext
import nbformat
import pytest
import toy

import build
import twins
from guard import BookError
from notebook_files import read_notebook


@pytest.fixture
def source(project):
    """The .py file of a notebook whose twin is up to date."""
    return project / "notebooks" / "01_toy.py"


@pytest.fixture
def synchronise(source):
    """Function that brings the pair together; returns what it printed."""

    def synchronise(**options):
        lines = []
        twins.synchronise(source.parent, print_line=lines.append, **options)
        return lines

    return synchronise


def edit_source(source, old="Mathematics:", new="New words:"):
    text = source.read_text(encoding="utf-8")
    assert old in text
    source.write_text(text.replace(old, new), encoding="utf-8")


def edit_twin(source, change=None):
    path = source.with_suffix(".ipynb")
    notebook = read_notebook(path)
    if change is None:
        notebook.cells.append(nbformat.v4.new_code_cell("steps + 1  # é"))
    else:
        change(notebook)
    nbformat.write(notebook, path)
    return path


def contents(source):
    return [path.read_text(encoding="utf-8") for path in (source, source.with_suffix(".ipynb"))]


def test_a_pair_that_agrees_is_left_alone(source, synchronise):
    before = contents(source)
    assert synchronise() == synchronise(tidy=True) == []
    assert contents(source) == before


def test_an_edited_source_reaches_its_twin(source, synchronise):
    edit_source(source)
    own = source.read_text(encoding="utf-8")
    assert synchronise() == ["wrote notebooks/01_toy.ipynb"]
    assert contents(source) == [own, twins.twin(source)]
    assert "New words:" in contents(source)[1]
    assert synchronise() == []


@pytest.mark.parametrize(
    ("change", "sign", "more"),
    [
        (None, "steps + 1  # é", 1),
        (lambda notebook: notebook.cells.pop(2), "steps: int", -1),
        (
            lambda n: n.cells.insert(1, n.cells.pop()),
            "show_source(colorsys.rgb_to_yiq)\n\n#",
            1,
        ),
        (lambda n: n.cells[3].metadata.update(tags=["timing"]), '# %% tags=["timing"]', 1),
        (lambda n: n.cells[0].update(source="# Toy\n\n`%x`"), "# `%x`", 1),
        (lambda n: n.cells.append(nbformat.v4.new_raw_cell("as it is")), "# %% [raw]", 1),
        (
            lambda n: n.cells.append(nbformat.v4.new_code_cell("%matplotlib inline")),
            "# %matplotlib",
            1,
        ),
    ],
)
def test_an_edited_twin_reaches_its_source(source, synchronise, change, sign, more):
    before = source.read_text(encoding="utf-8")
    path = edit_twin(source, change)
    cells = [(c.cell_type, c.source, c.metadata.get("tags")) for c in read_notebook(path).cells]
    assert synchronise() == [
        "wrote notebooks/01_toy.py from 01_toy.ipynb, which was edited",
        "wrote notebooks/01_toy.ipynb",
    ]
    after = source.read_text(encoding="utf-8")
    assert after.count(sign) - before.count(sign) == more
    again = read_notebook(path).cells
    assert [(c.cell_type, c.source, c.metadata.get("tags")) for c in again] == cells
    assert synchronise() == []


def test_the_times_of_files_do_not_matter(source, synchronise):
    edit_twin(source)
    source.touch()
    assert "which was edited" in synchronise()[0]
    edit_source(source)
    source.with_suffix(".ipynb").touch()
    assert synchronise() == ["wrote notebooks/01_toy.ipynb"]


def test_two_edits_are_refused_and_both_kept(source, synchronise):
    edit_source(source)
    edit_twin(source)
    before = contents(source)
    for tidy in (False, True):
        with pytest.raises(BookError, match="were both edited: merge them by hand") as error:
            synchronise(tidy=tidy)
        assert "\n" not in str(error.value)
        assert contents(source) == before


@pytest.mark.parametrize(("keep", "kept"), [("py", "New words:"), ("ipynb", "steps + 1")])
def test_of_two_edits_the_one_that_is_named_is_kept(source, synchronise, keep, kept):
    edit_source(source)
    edit_twin(source)
    synchronise(keep=keep)
    for text in contents(source):
        assert kept in text
        assert ("New words:" in text) + ("steps + 1" in text) == 1


def test_the_same_edit_of_both_is_no_conflict(source, synchronise):
    edit_source(source)

    def same_edit(notebook):
        for cell in notebook.cells:
            cell.source = cell.source.replace("Mathematics:", "New words:")

    edit_twin(source, same_edit)
    assert synchronise() == []
    assert synchronise(tidy=True) == ["wrote notebooks/01_toy.ipynb"]


def test_a_run_in_jupyter_is_no_edit(source, synchronise):
    def run(notebook):
        for k, cell in enumerate(twins_code_cells(notebook)):
            cell.execution_count = k
            cell.outputs = [nbformat.v4.new_output("stream", text="hello")]
            cell.metadata |= {"execution": {"iopub.status.busy": "x"}, "collapsed": False}
        notebook.metadata["colab"] = {"provenance": []}

    def twins_code_cells(notebook):
        return [cell for cell in notebook.cells if cell.cell_type == "code"]

    path = edit_twin(source, run)
    own = source.read_text(encoding="utf-8")
    assert synchronise() == []
    assert "hello" in path.read_text(encoding="utf-8")  # a build takes no outputs away
    assert synchronise(tidy=True) == ["wrote notebooks/01_toy.ipynb"]
    assert contents(source) == [own, twins.twin(source)]


def test_a_save_by_jupytext_in_jupyter_is_no_edit(source, synchronise):
    """Where Jupytext is part of a Jupyter, a save writes both files, the source with a header."""
    notebook = read_notebook(source.with_suffix(".ipynb"))
    notebook.metadata["kernelspec"]["display_name"] = "Python 3 (ipykernel)"
    jupytext.write(notebook, source, fmt="py:percent")
    own = source.read_text(encoding="utf-8")
    assert "jupytext:" in own and own.startswith("# ---\n")
    assert twins.edited(source) is None
    assert synchronise() == []
    assert synchronise(tidy=True) == []
    edit_source(source)
    assert synchronise() == ["wrote notebooks/01_toy.ipynb"]
    assert contents(source)[1] == twins.twin(source)
    edit_twin(source, lambda notebook: notebook.cells.pop())
    (line,) = [line for line in synchronise() if "01_toy.py from 01_toy.ipynb" in line]
    assert source.read_text(encoding="utf-8").startswith(own[: own.index("# %%")])


def test_without_a_record_nothing_is_guessed(source, synchronise):
    edit_twin(source, lambda notebook: notebook.metadata.pop(twins.RECORD))
    assert synchronise() == []
    edit_source(source)
    with pytest.raises(BookError, match="were both edited"):
        synchronise()


def test_a_twin_that_is_missing_or_damaged(source, synchronise):
    path = source.with_suffix(".ipynb")
    path.unlink()
    assert synchronise() == ["wrote notebooks/01_toy.ipynb"]
    for damaged in ("[1]", "{}", "", "<<<<<<< HEAD", '{"nbformat": 4, "cells": 1}', "[" * 100_000):
        path.write_text(damaged)
        with pytest.raises(BookError, match="is no notebook: .*; make notebooks KEEP=py") as error:
            synchronise()
        assert "\n" not in str(error.value)
        assert path.read_text() == damaged
    synchronise(keep="py")
    assert path.read_text(encoding="utf-8") == twins.twin(source)


def test_a_source_that_is_missing_or_unreadable(source, synchronise):
    own, other = twins.read_source(source), contents(source)[1]
    source.unlink()
    with pytest.raises(BookError, match="no .py source for .*01_toy.ipynb"):
        synchronise()
    synchronise(keep="ipynb")
    assert source.read_text(encoding="utf-8").startswith(twins.HEADER)
    assert twins.cells_digest(twins.read_source(source)) == twins.cells_digest(own)
    assert contents(source)[1] == other
    source.write_bytes(b"# %%\n\xff")
    with pytest.raises(BookError, match="01_toy.py: it is not UTF-8"):
        synchronise()


def test_a_build_sees_the_edit_of_either_file(source, project, monkeypatch):
    built = []

    def execute_all(notebooks, *_):
        built.append(json.dumps([read_notebook(path) for path in notebooks]))
        raise BookError("far enough")

    monkeypatch.setattr(build, "execute_all", execute_all)
    edit_source(source)
    with pytest.raises(BookError, match="far enough"):
        toy.build_project(project)
    assert "New words:" in built[-1]
    edit_twin(source)
    with pytest.raises(BookError, match="far enough"):
        toy.build_project(project)
    assert "steps + 1" in built[-1] and "steps + 1" in source.read_text(encoding="utf-8")
    edit_source(source, "Toy", "Top")
    edit_twin(source)
    with pytest.raises(BookError, match="were both edited"):
        toy.build_project(project)
    assert len(built) == 2


def test_the_command_answers_in_one_line(source, monkeypatch, capsys):
    monkeypatch.setattr(twins.synchronise, "__defaults__", (source.parent, None, False, print))
    monkeypatch.setattr(sys, "argv", ["twins.py"])
    edit_source(source)
    with pytest.raises(SystemExit, match="^0$"):
        twins.main()
    assert capsys.readouterr().out == "wrote notebooks/01_toy.ipynb\n"
    edit_source(source, "Toy", "Top")
    edit_twin(source)
    with pytest.raises(SystemExit, match="^2$"):
        twins.main()
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1
    monkeypatch.setattr(sys, "argv", ["twins.py", "--keep", "py"])
    with pytest.raises(SystemExit, match="^0$"):
        twins.main()
    assert "Top" in contents(source)[1]
