"""Reads notebooks and settings; whatever is wrong with a file is one line that names it."""

import json
import warnings

import nbformat
import yaml

from guard import BookError


def one_line(error):
    """Returns what an error says, on one line; of a validator's report, its first line."""
    return " ".join(str(getattr(error, "message", error)).split()) or type(error).__name__


def read_text(path):
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BookError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BookError(f"cannot read {path}: it is not UTF-8 text") from None


def read_yaml(path):
    try:
        return yaml.safe_load(read_text(path))
    # A date such as 2020-13-01 is a ValueError.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BookError(f"{path} is not YAML: {' '.join(str(error).split())[:200]}") from None


def read_notebook(path):
    """Returns the notebook of a file; raises BookError for anything that is no notebook."""
    text = read_text(path)
    try:
        # Checked first: nbformat logs what is wrong with a notebook, and goes on.
        contents = json.loads(text)
        if not isinstance(contents, dict) or contents.get("nbformat") != 4:
            raise ValueError("expected a notebook of format 4")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cells without an id, which is no harm
            nbformat.validate(contents)
            return nbformat.reads(text, as_version=4)
    except (ValueError, nbformat.ValidationError, RecursionError) as error:
        raise BookError(f"{path} is no notebook: {one_line(error)[:200]}") from None


def replace_text(path, text):
    replace_bytes(path, text.encode("utf-8"))


def replace_bytes(path, contents):
    """Writes a file in one step: it is the old one or the new one, whole."""
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_bytes(contents)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def tags(cell):
    return cell.metadata.get("tags", [])


def code_cells(notebook):
    """Returns the code cells of the source, without the cell that papermill inserts."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and "injected-parameters" not in tags(cell)
    ]
