"""The prose pages keep up with the library."""

import pathlib
import re

import plain_docstrings
import setup_cell

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Small things that only the library itself uses.
INTERNAL = {"__init__", "backend", "startup"}


def test_every_module_is_on_the_api_page():
    page = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"automodule:: pcnnlib\.(\w+)", page))
    modules = {path.stem for path in (ROOT / "pcnnlib").glob("*.py")}
    assert modules - INTERNAL == listed


def test_guide_shows_the_set_up_cell_letter_for_letter():
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert setup_cell.setup_cell() in guide


def test_no_tracked_page_part_is_large():
    files = [path for path in (ROOT / "book").rglob("*") if path.is_file()]
    assert max(path.stat().st_size for path in files) < 3 * 2**20


def test_docstring_code_tables_and_shapes_become_restructuredtext():
    lines = ["`Split`s of ``x``.", "", "| a | b |", "|---|---|", "| `c` | d |", "",
             "Input shape: `(B, H)`,", "    or more.", "", "done"]  # fmt: skip
    text = "\n".join(plain_docstrings.convert(lines))
    assert text.startswith("``Split``\\ s of ``x``.")
    assert "   * - ``c``\n     - d\n" in text
    assert "\n**Input shape.** ``(B, H)``,\nor more.\n\ndone" in text
