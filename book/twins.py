"""Writes each notebook's twin: notebooks/NN_name.py -> notebooks/NN_name.ipynb, without outputs.

The twin depends on nothing but its source, down to the cell ids, so that it never differs for
another reason than an edit. The .py file is the one to edit.
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
    """The text of the .ipynb file for the .py file `source`."""
    config = load_jupytext_config(str(source))
    notebook = jupytext.read(source, config=config)
    seen = {}
    for cell in notebook.cells:
        # From the content, so that a cell keeps its id when others are put in before it.
        content = f"{cell.cell_type}\n{setup_cell.without_address(cell.source)}"
        sha = hashlib.sha256(content.encode()).hexdigest()[:12]
        seen[sha] = seen.get(sha, 0) + 1
        cell.id = sha if seen[sha] == 1 else f"{sha}-{seen[sha]}"
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
    strays = set(FOLDER.glob("[0-9][0-9]_*.ipynb")) - {s.with_suffix(".ipynb") for s in sources()}
    if strays:
        sys.exit(f"error: no .py source for {', '.join(sorted(path.name for path in strays))}")


if __name__ == "__main__":
    main()
