"""Keeps each notebook, notebooks/NN_name.py, and its twin NN_name.ipynb the same.

The twin keeps the hash of the cells that both had when it was written. So it is known which of them
was edited since, whatever their times say: the other one follows. If both were edited, nothing is
written, and one line says so.

Everything else in the twin, even the cell ids, follows from the .py file, and it has no outputs.
"""

import argparse
import hashlib
import json
import re
from pathlib import Path

import jupytext
import nbformat
from jupytext.config import load_jupytext_config

import guard
import setup_cell
from guard import BookError
from notebook_files import one_line, read_notebook, read_text, replace_text, tags

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
HEADER = """\
# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

"""
OWN_HEADER = re.compile(r"# ---\n(?:#.*\n)*?# ---\n\n*")
KEPT = ("tags", "mystnb")  # of a cell's metadata
# Cells that a page folds or leaves out; Jupyter and Colab hide their code in their own ways.
FOLDED = {"hide-input", "remove-input", "remove-cell"}
HIDDEN = {"jupyter": {"source_hidden": True}, "cellView": "form"}
RECORD = "pcnnlib"  # of the twin's metadata: {"cells": the hash}


def read_source(source):
    """Returns the notebook of a .py file."""
    text = read_text(source)
    try:
        return jupytext.reads(text, "py:percent", config=load_jupytext_config(str(source)))
    except Exception as error:  # whatever a broken header makes the parsers raise
        raise BookError(f"{source} is no py:percent notebook: {one_line(error)}") from None


def write_source(source, notebook):
    """Returns the text of the .py file for the cells of a notebook, with the header that it has."""
    header = HEADER
    if source.is_file():
        match = OWN_HEADER.match(read_text(source))
        header = match[0] if match else ""  # a notebook needs none
    bare = nbformat.v4.new_notebook()
    bare.cells = [with_kept_metadata(cell) for cell in notebook.cells]
    bare.metadata.jupytext = {"notebook_metadata_filter": "-all"}
    return header + jupytext.writes(bare, "py:percent").lstrip("\n")


def with_kept_metadata(cell):
    kept = {name: value for name, value in cell.metadata.items() if name in KEPT and value}
    new = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    return new.get(cell.cell_type, nbformat.v4.new_raw_cell)(cell.source, metadata=kept)


def cells_digest(notebook):
    """Returns the hash of what is written in a notebook: no outputs, no address, no format."""
    cells = []
    for cell in notebook.cells:
        kept = with_kept_metadata(cell)
        source = setup_cell.without_address(cell.source).strip("\n")
        cells.append([cell.cell_type, source, kept.metadata])
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()


def twin(source):
    """Returns the text of the .ipynb file for the .py file `source`."""
    notebook = read_source(source)
    counts = {}
    for cell in notebook.cells:
        # The id comes from the content: a cell keeps it when another cell is inserted before it.
        content = f"{cell.cell_type}\n{setup_cell.without_address(cell.source)}"
        sha = hashlib.sha256(content.encode()).hexdigest()[:12]
        counts[sha] = counts.get(sha, 0) + 1
        cell.id = sha if counts[sha] == 1 else f"{sha}-{counts[sha]}"
        if FOLDED & set(tags(cell)):
            cell.metadata.update(HIDDEN)
    notebook.metadata = {
        "jupytext": {"formats": "ipynb,py:percent"},
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        RECORD: {"cells": cells_digest(notebook)},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return nbformat.writes(notebook, indent=1) + "\n"


def sources(folder=FOLDER):
    return sorted(folder.glob("[0-9][0-9]_*.py"))


def edited(source, keep=None):
    """Returns which file of a pair was edited since they were the same: "py", "ipynb" or None.

    If both were, it is the one to `keep`; without that, BookError says what can be done.
    """
    target = source.with_suffix(".ipynb")
    if not source.is_file():
        if keep == "ipynb":
            return "ipynb"
        raise BookError(f"no .py source for {target}: delete it, or run make notebooks KEEP=ipynb")
    if not target.exists():
        return "py"
    own = cells_digest(read_source(source))
    try:
        notebook = read_notebook(target)
    except BookError as error:
        if keep == "py":
            return "py"
        raise BookError(f"{error}; make notebooks KEEP=py writes it anew") from None
    theirs = cells_digest(notebook)
    record = notebook.metadata.get(RECORD)
    before = record.get("cells") if isinstance(record, dict) else None
    if own == theirs:
        return None
    if theirs == before:
        return "py"
    if own == before:
        return "ipynb"
    if keep is None:
        raise BookError(
            f"{source} and its twin .ipynb were both edited: merge them by hand, or "
            "run make notebooks KEEP=py or KEEP=ipynb to keep the one and lose the other"
        )
    return keep


def synchronise(folder=FOLDER, keep=None, tidy=False, print_line=print):
    """Writes what is out of date; with `tidy`, also each twin that holds more than its source.

    Raises BookError, before anything is written, if both files of a pair were edited.
    """
    pairs = {*sources(folder), *(p.with_suffix(".py") for p in folder.glob("[0-9][0-9]_*.ipynb"))}
    changed = {source: edited(source, keep) for source in sorted(pairs)}

    def write(path, text, reason):
        if not path.is_file() or read_text(path) != text:
            replace_text(path, text)
            print_line(f"wrote {path.relative_to(folder.parent)}{reason}")

    for source, which in changed.items():
        target = source.with_suffix(".ipynb")
        if which == "ipynb":
            notebook = read_notebook(target)
            text = write_source(source, notebook)
            again = jupytext.reads(text, "py:percent")
            if cells_digest(again) != cells_digest(notebook):
                raise BookError(f"{target} has a cell that a .py file cannot hold")
            write(source, text, f" from {target.name}, which was edited")
        if which or tidy:
            write(target, twin(source), "")


def main():
    parser = argparse.ArgumentParser(description="Bring notebooks and their twins together.")
    parser.add_argument("--keep", choices=("py", "ipynb"), help="which, where both were edited")
    options = parser.parse_args()
    guard.run(lambda: synchronise(keep=options.keep, tidy=True))


if __name__ == "__main__":
    main()
