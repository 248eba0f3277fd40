"""An executed notebook becomes a page to read and a file to run again."""

import copy

import nbformat
import pytest

import forms

FIGURE = '<figure class="pcnn-figure"><svg></svg><figcaption>It rises.</figcaption></figure>'
TABLE = '<figure class="pcnn-figure"><table></table><figcaption>Seconds.</figcaption></figure>'


def shown(kind, text):
    return nbformat.v4.new_output("display_data", {kind: text, "text/plain": text})


def cell(code, *outputs, tags=()):
    return nbformat.v4.new_code_cell(code, metadata={"tags": list(tags)}, outputs=list(outputs))


@pytest.fixture
def executed():
    done = nbformat.v4.new_notebook(
        cells=[
            cell("steps: int = 3  # how many", tags=["parameters"]),
            cell("import math\nfrom os import path"),
            cell("show(a)", shown("text/html", FIGURE)),
            cell("show_text(b)", shown("text/markdown", "It is **4**."), tags=["remove-input"]),
            cell("table(c)", shown("text/html", TABLE), shown("text/html", FIGURE)),
            cell("import math\n"),
        ]
    )
    source = copy.deepcopy(done)
    for each in source.cells:
        each.outputs = []
    return forms.Executed(source, done, {"steps": 5})


def test_page_folds_parameters_and_imports_under_their_names(executed):
    parameters, imports, figure, *_, later = executed.page("03_toy").cells
    for folded, name in ((parameters, "Parameters of this run"), (imports, "Imports")):
        assert "hide-input" in folded.metadata.tags
        assert folded.metadata.mystnb["code_prompt_show"] == name
    # What else is imported belongs to the lesson.
    assert "hide-input" not in figure.metadata.tags + later.metadata.tags


def test_page_shows_computed_text_as_text(executed):
    text = executed.page("03_toy").cells[3]
    assert (text.cell_type, text.source) == ("markdown", "It is **4**.")


def test_page_numbers_figures_and_tables_by_chapter(executed):
    cells = executed.page("03_toy").cells
    captions = [o.data["text/html"] for i in (2, 4) for o in cells[i].outputs]
    for html, number in zip(captions, ("Figure 3.1", "Table 3.1", "Figure 3.2"), strict=True):
        assert f'<figcaption><span class="pcnn-number">{number}</span> ' in html


def test_file_is_the_notebook_with_its_outputs_and_the_values_of_the_run(executed):
    file = executed.file()
    nbformat.validate(file)
    assert file.cells[0].source == "steps: int = 5  # how many"
    assert [c.source for c in file.cells[1:]] == [c.source for c in executed.source.cells[1:]]
    assert [c.outputs for c in file.cells] == [c.outputs for c in executed.copy.cells]
    assert "hide-input" not in file.cells[1].metadata.tags


def test_neither_form_changes_what_was_executed(executed):
    before = copy.deepcopy(executed)
    executed.page("03_toy"), executed.file()
    assert executed == before


def test_what_is_printed_at_a_stretch_is_one_output(executed):
    """A kernel may send the end of a line in a message of its own."""

    def printed(text):
        return nbformat.v4.new_output("stream", name="stdout", text=text)

    figure = shown("text/html", FIGURE)
    executed.copy.cells[2].outputs = [printed("a"), printed("\n"), figure, printed("b\n")]
    outputs = executed.file().cells[2].outputs
    assert [each.get("text") for each in outputs] == ["a\n", None, "b\n"]
