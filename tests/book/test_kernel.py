"""A kernel that dies before the first cell is started again; one that dies in a cell is not."""

import textwrap

import nbformat
import pytest

import execute
import kernel
from guard import BookError


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Function that executes a notebook of one cell; the first `deaths` kernels die at their start.

    It returns how many kernels were started.
    """
    for name, value in kernel.kernel_environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    starts = tmp_path / "starts"
    config = tmp_path / "ipython" / "profile_default" / "ipython_kernel_config.py"

    def run(code, deaths):
        config.write_text(
            textwrap.dedent(
                f"""
                import os, pathlib
                starts = pathlib.Path({str(starts)!r})
                with starts.open("a") as file:
                    file.write("start ")
                if starts.read_text().count("start") <= {deaths}:
                    os.write(2, b"Address already in use\\n")
                    os._exit(1)
                """
            )
        )
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        target = tmp_path / "store" / "a.ipynb"
        target.parent.mkdir()
        try:
            execute.run_notebook(notebook, target, {}, tmp_path)
        finally:
            run.started = starts.read_text().count("start")
        return execute.read_notebook(target).cells[0].outputs[0]["data"]["text/plain"]

    run.log = tmp_path / "store" / "a.log"
    return run


def test_a_kernel_that_dies_at_its_start_is_started_again(run):
    assert run("6 * 7", deaths=kernel.TRIES - 1) == "42"
    assert run.started == kernel.TRIES


def test_kernels_that_all_die_at_their_start_end_in_one_line(run):
    with pytest.raises(BookError) as error:
        run("6 * 7", deaths=100)
    assert run.started == kernel.TRIES
    assert str(error.value).startswith("a.ipynb: the kernel died before its first cell")
    assert str(error.value).endswith("see a.log")
    assert run.log.read_text().count("Address already in use") == kernel.TRIES


def test_a_kernel_that_dies_in_a_cell_is_not_started_again(run):
    with pytest.raises(BookError, match=r"a\.ipynb: the kernel died \(out of memory\?\)"):
        run("import os; os._exit(1)", deaths=0)
    assert run.started == 1
