"""Notebooks are executed side by side or alone, with the given values, and checked."""

import fcntl
import json
import pathlib
import re
import textwrap
import threading
import time

import nbformat
import pytest

import execute
import forms
import kernel
from guard import BookError
from parameters import with_values

ROOT = pathlib.Path(__file__).resolve().parents[2]

# ---------------------------------------------------------------- parameters


def test_values_for_one_notebook_win_over_shared_ones(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("steps: 1\nname: a\n01_toy: {steps: 2}\n")
    parameters = execute.Parameters.read(path, ["01_toy", "02_other"])
    assert parameters.for_notebook("01_toy", {"steps": "int", "name": "str"}) == {
        "steps": 2,
        "name": "a",
    }
    assert parameters.for_notebook("02_other", {"steps": ""}) == {"steps": 1}


def test_parameters_cell_is_shown_with_the_values_given():
    source = 'n: int = 3  # how many\nname = "é"; rate: float = 1e-3  # see n'
    values = {"n": 70, "rate": 0.5, "name": "a"}
    shown = "n: int = 70  # how many\nname = 'a'; rate: float = 0.5  # see n"
    assert with_values(source, values) == shown
    assert with_values(source, {}) == source


# ---------------------------------------------------------------- outputs


def notebook_with(*outputs):
    cell = nbformat.v4.new_code_cell("model.fit(x)", outputs=list(outputs))
    return nbformat.v4.new_notebook(cells=[cell])


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (nbformat.v4.new_output("stream", name="stderr", text="Warning: old\n"), "Warning: old"),
        (nbformat.v4.new_output("stream", text="1/9 [=>\r2/9 [==>"), "progress bar residue"),
        (nbformat.v4.new_output("stream", text="\x1b[1m1/9\x1b[0m"), "progress bar residue"),
        (
            nbformat.v4.new_output("display_data", {execute.WIDGET_VIEW: {}, "text/plain": "x"}),
            "no static form",
        ),
    ],
)
def test_output_that_no_reader_asked_for_is_an_error(output, message):
    with pytest.raises(BookError, match=message) as error:
        execute.check_outputs(notebook_with(output), "05.ipynb")
    assert "05.ipynb, code cell 1 (`model.fit(x)`)" in str(error.value)


def test_framework_log_lines_are_dropped_and_nothing_else():
    log = (
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
        "I0000 00:00:1795517442.746725   15202 port.cc:153] oneDNN custom operations are on.\n"
    )
    executed = notebook_with(
        nbformat.v4.new_output("stream", name="stderr", text=log),
        nbformat.v4.new_output("stream", name="stdout", text=f"{log}3.05 bits/dim\n"),
    )
    execute.check_outputs(executed, "05.ipynb")
    shown = forms.Executed(notebook_with(), executed, {}).file().cells[0].outputs
    assert [output.text for output in shown] == ["3.05 bits/dim\n"]


# ---------------------------------------------------------------- order


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Function that executes notebooks given as {name: (code, tags)}, two of them at once.

    A list of such pairs is a notebook of several cells.
    """
    monkeypatch.setattr(execute, "count_at_once", lambda: 2)
    for variable in kernel.kernel_environment(tmp_path):
        monkeypatch.setenv(variable, "")  # so that what execute_all sets is undone afterwards
    (tmp_path / "params.yaml").touch()
    lines = []

    def run(**cells):
        paths = []
        for name, pairs in cells.items():
            notebook = nbformat.v4.new_notebook(
                cells=[
                    nbformat.v4.new_code_cell(textwrap.dedent(code), metadata={"tags": tags})
                    for code, tags in (pairs if isinstance(pairs, list) else [pairs])
                ]
            )
            paths.append(tmp_path / f"{name}.ipynb")
            nbformat.write(notebook, paths[-1])
        store = tmp_path / "store"
        execute.execute_all(paths, tmp_path / "params.yaml", tmp_path, store, lines.append)

    run.folder, run.store, run.lines = tmp_path, tmp_path / "store", lines
    return run


def wait_for(path):
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end, f"{path.name} did not come"
        time.sleep(0.05)


# Waits for the other notebook: ends only if both run at the same time.
MEETS_THE_OTHER = """
import os, pathlib, time
os.write(2, b"I0000 00:00:1.5 7 x.cc:1] log of {own}\\n")
pathlib.Path("{own}").touch()
end = time.monotonic() + 60
while not pathlib.Path("{other}").exists():
    assert time.monotonic() < end, "runs alone"
    time.sleep(0.05)
time.sleep(0.5)
pathlib.Path("{own}_done").touch()
"""


def test_notebooks_run_side_by_side(run):
    run(
        a=(MEETS_THE_OTHER.format(own="a", other="b"), []),
        b=(MEETS_THE_OTHER.format(own="b", other="a"), []),
    )
    assert {line.split(":")[0] for line in run.lines} == {"a", "b"}
    for own, other in ("ab", "ba"):
        log = (run.store / f"{own}.log").read_text()
        assert f"log of {own}" in log
        assert f"log of {other}" not in log


# Writes down when it began and ended; a second run does not take the first one's times for its own.
TAKES_A_WHILE = """
import pathlib, time
begin = time.monotonic()
time.sleep(0.3)
with open("{name}.times", "a") as file:
    print(begin, time.monotonic(), file=file)
"""


def test_no_cell_runs_beside_one_that_measures_time(run):
    def cells(name):
        return [(TAKES_A_WHILE.format(name=f"{name}{tag}"), [tag]) for tag in ("timing", "x") * 3]

    run(a=cells("a"), b=cells("b"))

    def times(name):
        lines = (run.folder / f"{name}.times").read_text().splitlines()
        return [tuple(map(float, line.split())) for line in lines]

    timed = {name: times(f"{name}timing") for name in "ab"}
    other = {name: times(f"{name}x") for name in "ab"}
    for mine, theirs in ("ab", "ba"):
        assert len(timed[mine]) == len(other[mine]) == 3
        for begin, end in timed[mine]:
            assert all(e < begin or end < b for b, e in timed[theirs] + other[theirs])


def test_a_notebook_is_not_charged_for_waiting(run):
    run(a=[("import pathlib; pathlib.Path('begun').touch()", []), ("1", ["timing"])])
    (run.folder / "begun").unlink()

    def hold_the_turn():
        with open(run.store / "cells.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            held.set()
            wait_for(run.folder / "begun")
            time.sleep(3)

    held = threading.Event()
    other = threading.Thread(target=hold_the_turn)
    other.start()
    held.wait()
    source = execute.read_notebook(run.folder / "a.ipynb")
    start = time.perf_counter()
    seconds = execute.Job("a", source, {}, "key", run.store / "a.ipynb").run(run.folder)
    waited = time.perf_counter() - start - seconds
    other.join()
    assert waited > 2


def test_a_cell_that_fails_while_it_is_alone_lets_the_others_go_on(run):
    with pytest.raises(BookError, match="raised ZeroDivisionError"):
        run(
            bad=("import time; time.sleep(3); 1 / 0", ["timing"]),
            beside=[("import time; time.sleep(1)", []), ("1", [])],
        )
    assert (run.store / "beside.key").exists()


# Runs until some time after the kernel whose number stands in a file has ended.
OUTLIVES_IT = """
import os, pathlib, time
end = time.monotonic() + 120
while not pathlib.Path("pid").exists():
    assert time.monotonic() < end, "it did not begin"
    time.sleep(0.05)
pid = int(pathlib.Path("pid").read_text())
try:
    while time.monotonic() < end:
        os.kill(pid, 0)
        time.sleep(0.05)
except ProcessLookupError:
    time.sleep(5)
"""
FAILS = """
import os, pathlib
pathlib.Path("new").write_text(str(os.getpid()))
os.replace("new", "pid")
raise ValueError('no\\nsuch plot')
"""


def test_after_an_error_finished_notebooks_are_kept_and_no_other_starts(run):
    run_all = {
        "late": ("1", []),
        "good": ("'long'", []),
        "bad": (FAILS, []),
        "beside": (OUTLIVES_IT, []),
    }
    with pytest.raises(BookError) as error:
        run(**run_all)
    assert str(error.value).startswith("bad.ipynb, code cell 1 (`import os")
    assert str(error.value).endswith("raised ValueError: no such plot")
    done = {path.stem for path in run.store.glob("*.key")}
    assert done == {"beside"}
    run.lines.clear()
    run(**{**run_all, "bad": ("3", [])})
    lines = {line.split(":")[0]: line for line in run.lines}
    assert sorted(lines) == ["bad", "beside", "good", "late"]
    assert {name for name, line in lines.items() if line.endswith(": unchanged")} == done
    (cell,) = json.loads((run.store / "bad.ipynb").read_text())["cells"]
    assert cell["outputs"][0]["data"]["text/plain"] == ["3"]


def test_every_notebook_that_measures_time_is_marked():
    measures = re.compile(r"perf_counter|histor(y|ies\[\w+\])\[\"seconds\"\]")
    marked, measuring = set(), set()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = execute.code_cells(execute.read_notebook(path))
        if any("timing" in execute.tags(cell) for cell in cells):
            marked.add(path.stem)
        if any(measures.search(cell.source) for cell in cells):
            measuring.add(path.stem)
    assert measuring == marked != set()
