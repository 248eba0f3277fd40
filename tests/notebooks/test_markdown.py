"""The text of a notebook reads the same in Jupyter, in Colab and on the page.

Roles and directives of MyST are known to the page alone: the others show them as they are typed.
"""

import ast
import pathlib
import re

import nbformat
import pytest

import execute
import twins

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = twins.sources(ROOT / "notebooks")
# Chapters that still have roles. The set can only become smaller: a chapter in it that has none
# fails, too.
NOT_YET = set()
SHOWN_AS_TEXT = {"show_text", "show_solution"}

DIRECTIVE = re.compile(r"^\s*(?:```+|~~~+|:::+)\s*\{[^}]*\}", re.MULTILINE)
ROLE = re.compile(r"(?<!`)\{[\w:.+-]+\}`")
CODE = re.compile(r"^(```+|~~~+)[^\n]*\n.*?^\1|(`+)(?!`).+?(?<!`)\2(?!`)", re.MULTILINE | re.DOTALL)
MATHEMATICS = re.compile(r"\$\$.+?\$\$|\$[^$\n]+(?:\n[^$\n]+)?\$", re.DOTALL)
MARKUP_OF_MYST = re.compile(r"\{[^}\n]*\}|^\s*:::+|^\(\w+\)=$|^%|\{\{", re.MULTILINE)


def raw_markup(markdown):
    """What Jupyter or Colab would print as it is typed."""
    found = DIRECTIVE.findall(markdown) + ROLE.findall(markdown)
    without_code = CODE.sub("", markdown)
    return found + MARKUP_OF_MYST.findall(MATHEMATICS.sub("", without_code))


def chance_lists(markdown):
    """Lines of a paragraph that begin a list, because a number or a dash came to stand first."""
    lines = markdown.split("\n")
    return [
        line
        for before, line in zip(lines, lines[1:], strict=False)
        if re.match(r"(\d+[.)]|[-+*]) ", line) and re.match(r"(?!\d+[.)] |[-+*] |\|)\S", before)
    ]


def shown_texts(source):
    """The texts that a code cell shows, with 0 for each value in them."""

    def text(node):
        if isinstance(node, ast.Constant):
            return str(node.value)
        if isinstance(node, ast.JoinedStr):
            return "".join(text(part) for part in node.values)
        return "0"

    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    shown = [call for call in calls if getattr(call.func, "id", "") in SHOWN_AS_TEXT]
    return [text(call.args[0]) for call in shown]


def texts_of(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            yield cell.source
        else:
            yield from shown_texts(cell.source)


@pytest.mark.parametrize(
    "text",
    [
        "It has {glue:text}`weights:,` weights.",
        "See {cite:p}`oord2016`.",
        "```{literalinclude} a.py\n:pyobject: f\n```",
        ":::{note}\nAh.\n:::",
        "| {glue:text}`a` |",
        "Chapter {ref}`two`",
        "{{ value }}",
        "(target)=\n",
        "% a comment",
    ],
)
def test_markup_that_only_a_page_can_show_is_found(text):
    assert raw_markup(f"Words.\n\n{text}")


def test_mathematics_and_code_may_have_braces():
    text = (
        "The pixel $x_{i,\\,j}$ is `{a}` and ``{b}``:\n\n$$ \\frac{1}{2}\n= x_{1} $$\n\n"
        "```python\nd = {1: 2}\n```\n\n<details><summary>Solution</summary>\n\nYes.\n\n</details>"
    )
    assert raw_markup(text) == []


def test_texts_that_cells_show_are_read_with_their_values():
    source = 'show_text(rf"""It costs {a:.2f}, $x_{{1}}$""")\nshow_solution("b", f)\nprint("{c}")'
    assert shown_texts(source) == ["It costs 0, $x_{1}$", "b"]
    assert raw_markup(shown_texts('show_text(f"{{glue:text}}`a`")')[0])


@pytest.mark.parametrize("source", SOURCES, ids=[path.stem for path in SOURCES])
def test_text_has_nothing_that_only_a_page_can_show(source):
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    found = [markup for text in texts_of(notebook) for markup in raw_markup(text)]
    if source.stem in NOT_YET:
        assert found, f"{source.stem} is done: take it out of NOT_YET"
    else:
        assert found == []


def test_a_number_that_came_to_stand_first_is_found():
    assert chance_lists("The interval from 0 to\n1. Cut it.") == ["1. Cut it."]
    assert chance_lists("Of these:\n\n1. One,\n   of two.\n2. Two.\n\n- a\n- b") == []


@pytest.mark.parametrize("source", SOURCES, ids=[path.stem for path in SOURCES])
def test_no_line_of_a_paragraph_begins_a_list(source):
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert [line for text in texts for line in chance_lists(CODE.sub("", text))] == []


@pytest.mark.parametrize("source", SOURCES, ids=[path.stem for path in SOURCES])
def test_cells_that_only_show_text_have_their_code_removed(source):
    for cell in execute.code_cells(nbformat.read(source.with_suffix(".ipynb"), as_version=4)):
        if shown_texts(cell.source):
            assert "remove-input" in execute.tags(cell)


@pytest.mark.parametrize("source", SOURCES, ids=[path.stem for path in SOURCES])
def test_no_text_of_the_page_stands_in_a_code_cell(source):
    """Where the line that begins a cell is forgotten, headings become comments of the code."""
    for cell in execute.code_cells(nbformat.read(source.with_suffix(".ipynb"), as_version=4)):
        assert not re.findall(r"^# (?:#+ |\*\*\d).*", cell.source, re.MULTILINE)
