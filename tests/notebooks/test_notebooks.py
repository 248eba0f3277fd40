"""Every notebook: equal to its twin, begins alike, with parameters that are known.

`make book` executes each notebook, and `make smoke` with tiny parameters.
"""

import ast
import pathlib
import re
import sys

import jupytext
import nbformat
import pytest

import address
import execute
import setup_cell
import twins

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
SOURCES = twins.sources(FOLDER)

each_notebook = pytest.mark.parametrize("source", SOURCES, ids=[path.stem for path in SOURCES])


def twin_of(source):
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def test_every_twin_has_a_source():
    assert [path.stem for path in sorted(FOLDER.glob("*.ipynb"))] == [path.stem for path in SOURCES]


@each_notebook
def test_pair_holds_the_same_cells(source):
    cells, twin = jupytext.read(source).cells, twin_of(source).cells
    fix = "make notebooks"
    assert [(c.cell_type, c.source) for c in cells] == [(c.cell_type, c.source) for c in twin], fix
    assert source.with_suffix(".ipynb").read_text(encoding="utf-8") == twins.twin(source), fix


@each_notebook
def test_twin_keeps_no_trace_of_a_run(source):
    twin = twin_of(source)
    assert set(twin.metadata) == {"jupytext", "kernelspec", "language_info", twins.RECORD}
    for cell in execute.code_cells(twin):
        assert cell.outputs == []
        assert cell.execution_count is None
        folded = twins.FOLDED & set(execute.tags(cell))
        hidden = {name: cell.metadata[name] for name in set(cell.metadata) - {"tags", "mystnb"}}
        assert hidden == (twins.HIDDEN if folded else {})


@each_notebook
def test_notebook_begins_with_its_title_and_the_set_up_cell(source):
    title, first, *_ = twin_of(source).cells
    assert title.cell_type == "markdown" and title.source.startswith("# ")
    assert first.source == setup_cell.setup_cell(address.configured(ROOT))
    assert execute.tags(first) == ["remove-cell"]


@each_notebook
def test_nothing_else_installs_anything(source):
    for cell in execute.code_cells(twin_of(source))[1:]:
        assert "pip install" not in cell.source
        assert not cell.source.lstrip().startswith(("!", "%pip", "%conda"))


@each_notebook
def test_parameters_are_typed_and_commented(source):
    (cell,) = [c for c in execute.code_cells(twin_of(source)) if "parameters" in execute.tags(c)]
    form = re.compile(r"[a-z_]+: (str|int|float|bool) = \S.*  # \S")
    for line in filter(None, cell.source.splitlines()):
        assert form.match(line), f"expected `name: type = value  # comment` on one line, got {line}"


@pytest.mark.parametrize("file", ["quick.yaml", "smoke.yaml", "full.yaml"])
def test_parameter_files_name_only_known_parameters(file):
    known = {
        source.stem: execute.known_parameters(source.stem, twin_of(source)) for source in SOURCES
    }
    parameters = execute.Parameters.read(FOLDER / "params" / file, known)
    parameters.check(known)
    for name, names in known.items():
        parameters.for_notebook(name, names)


@pytest.fixture
def prepared(monkeypatch):
    """Calls of `prepare_process`, which would change the process of the tests."""
    calls = []
    monkeypatch.setattr("pcnnlib_startup.prepare_process", lambda: calls.append("prepared"))
    return calls


def test_set_up_cell_stops_in_colab_while_there_is_no_address(monkeypatch, prepared):
    monkeypatch.setitem(sys.modules, "google.colab", object())
    with pytest.raises(SystemExit, match="no public address yet"):
        exec(setup_cell.setup_cell(), {})
    assert prepared == []


def test_set_up_cell_installs_from_the_address_alone_and_then_prepares(monkeypatch, prepared):
    ran = prepared
    monkeypatch.setitem(sys.modules, "google.colab", object())
    monkeypatch.setattr("subprocess.run", lambda command, check: ran.append((command, check)))
    exec(setup_cell.setup_cell("https://github.com/a/b"), {})
    (command, check), last = ran
    assert last == "prepared"
    assert command[-1] == "pcnnlib[notebooks] @ git+https://github.com/a/b"
    assert check


def test_set_up_cell_only_prepares_the_process_elsewhere(monkeypatch, prepared):
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("ran a command"))
    exec(setup_cell.setup_cell("https://github.com/a/b"), {})
    assert prepared == ["prepared"]


def definitions(source):
    """Top-level imports, functions and classes of Python code, each as it is written."""
    kinds = ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef
    nodes = [node for node in ast.parse(source).body if isinstance(node, kinds)]
    return [ast.get_source_segment(source, node) for node in nodes]


def test_chapter_three_writes_the_model_in_one_file_letter_for_letter():
    cells = execute.code_cells(twin_of(FOLDER / "03_gated_stacks.py"))
    visible = [c.source for c in cells if not {"hide-input", "remove-input"} & set(execute.tags(c))]
    written = [part for source in visible for part in definitions(source)]
    file = definitions((ROOT / "pcnnlib" / "minimal.py").read_text(encoding="utf-8"))
    assert len(file) == 3 + 8 and [part for part in written if part in file] == file
