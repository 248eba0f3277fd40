"""The prose pages keep up with the library."""

import pathlib
import re

import yaml
from sphinx.ext.napoleon import Config, GoogleDocstring

import setup_cell

ROOT = pathlib.Path(__file__).resolve().parents[2]
# On the page a room stands for its modules of parts, which no program imports by itself.
PARTS = {"cli", "viz.explorers.base"}


def test_every_public_module_is_on_the_api_page():
    page = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"automodule:: pcnnlib\.([\w.]+)", page))
    library = ROOT / "pcnnlib"
    modules = {
        ".".join(path.relative_to(library).with_suffix("").parts)
        for path in library.rglob("*.py")
        if path.name != "__init__.py" and "_internal" not in path.parts
    }
    rooms = {path.parent.name for path in library.glob("[a-z]*/__init__.py")}
    packages = {"nn.distributions"}
    private = {m for m in modules if any(m == p or m.startswith(f"{p}.") for p in PARTS)}
    assert listed == (modules - private) | rooms | packages


def test_guide_shows_the_set_up_cell_letter_for_letter():
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert setup_cell.setup_cell() in guide


def test_no_tracked_page_part_is_large():
    files = [path for path in (ROOT / "book").rglob("*") if path.is_file()]
    assert max(path.stat().st_size for path in files) < 3 * 2**20


def test_shapes_in_docstrings_become_fields_beside_the_arguments():
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"][
        "config"
    ]
    config = Config(**{key: v for key, v in settings.items() if key.startswith("napoleon_")})
    docstring = "Layer.\n\nArgs:\n    n: int.\n\nInput shape:\n    `(B, H)`,\n    or more.\n"
    text = str(GoogleDocstring(docstring, config))
    assert ":param n: int." in text
    assert ":Input shape: `(B, H)`,\n" in text
