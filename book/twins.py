"""Writes each notebook's twin: notebooks/NN_name.py -> notebooks/NN_name.ipynb, without outputs.

Edit the .py file. Everything in the twin, even the cell ids, follows from it, so that the twin
changes only when the .py file does.
"""

import hashlib
import sys
from pathlib import Path

import jupytext
import nbformat
from jupytext.config import load_jupytext_config

import setup_cell

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"


def twin(source):
    """Returns the text of the .ipynb file for the .py file `source`."""
    config = load_jupytext_config(str(source))
    notebook = jupytext.read(source, config=config)
    counts = {}
    for cell in notebook.cells:
        # The id comes from the content: a cell keeps it when another cell is inserted before it.
        content = f"{cell.cell_type}\n{setup_cell.without_address(cell.source)}"
        sha = hashlib.sha256(content.encode()).hexdigest()[:12]
        counts[sha] = counts.get(sha, 0) + 1
        cell.id = sha if counts[sha] == 1 else f"{sha}-{counts[sha]}"
    notebook.metadata = {
        "jupytext": {"formats": "ipynb,py:percent"},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return nbformat.writes(notebook, indent=1) + "\n"


def sources(folder=FOLDER):
    return sorted(folder.glob("[0-9][0-9]_*.py"))


def main():
    for source in sources():
        target, text = source.with_suffix(".ipynb"), twin(source)
        if not target.is_file() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
            print(f"wrote {target.relative_to(FOLDER.parent)}")
    without_source = set(FOLDER.glob("[0-9][0-9]_*.ipynb")) - {
        source.with_suffix(".ipynb") for source in sources()
    }
    if without_source:
        names = ", ".join(sorted(path.name for path in without_source))
        sys.exit(f"error: no .py source for {names}")


if __name__ == "__main__":
    main()
