"""The parameters of notebooks: their cells, and the files that give them values."""

import ast
from dataclasses import dataclass, field
from pathlib import Path

from guard import BookError
from notebook_files import code_cells, one_line, read_yaml, tags


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# What a type's value may be in a file. A text may be written as a number: `dilations: 2`.
TYPES = {
    "int": ("an integer", lambda v: isinstance(v, int) and not isinstance(v, bool)),
    "float": ("a number", is_number),
    "str": ("a text", lambda v: isinstance(v, str) or is_number(v)),
    "bool": ("true or false", lambda v: isinstance(v, bool)),
}


@dataclass
class Parameters:
    """A parameter file: values for all notebooks, and values for one."""

    path: Path
    shared: dict = field(default_factory=dict)
    own: dict = field(default_factory=dict)  # notebook name -> its values

    @classmethod
    def read(cls, path, names):
        if not path.is_file():  # a folder, or a pipe that would never end
            raise BookError(f"cannot read the parameters {path}: there is no such file")
        values = read_yaml(path) or {}
        if not isinstance(values, dict):
            raise BookError(f"{path}: expected 'name: value' lines, got {type(values).__name__}")
        values = {str(key): value for key, value in values.items()}
        own = {key: value or {} for key, value in values.items() if key[:2].isdigit()}
        unknown = sorted(set(own) - set(names))
        if unknown:
            raise BookError(f"{path}: no notebook is called {', '.join(unknown)}")
        for key, value in own.items():
            if not isinstance(value, dict):
                raise BookError(f"{path}: expected 'name: value' lines below {key}, got {value!r}")
            own[key] = {str(name): v for name, v in value.items()}
        return cls(path, {key: v for key, v in values.items() if key not in own}, own)

    def for_notebook(self, name, known):
        """Returns the values for a notebook; `known` are its parameters and their types."""
        unknown = sorted(set(self.own.get(name, {})) - set(known))
        if unknown:
            raise BookError(
                f"{self.path}: {name} has no parameter {', '.join(unknown)}; it has "
                f"{', '.join(sorted(known)) or 'none'}"
            )
        values = {key: value for key, value in self.shared.items() if key in known}
        values |= self.own.get(name, {})
        for key, value in values.items():
            wanted, fits = TYPES.get(known[key], ("", lambda _: True))
            if not fits(value):
                raise BookError(f"{self.path}: {key} of {name} must be {wanted}, got {value!r}")
        return values

    def check(self, known_by_notebook):
        """Raises BookError if a shared value is a parameter of no notebook."""
        known = set().union(*known_by_notebook.values())
        unknown = sorted(set(self.shared) - known)
        if unknown:
            raise BookError(
                f"{self.path}: no notebook has a parameter {', '.join(unknown)}; known are "
                f"{', '.join(sorted(known)) or 'none'}"
            )


def assignments(source):
    """Yields name, type and value of each `name = value` or `name: type = value` statement."""
    for node in ast.parse(source).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and getattr(node, "value", None) is not None:
            kind = getattr(node, "annotation", None)
            yield target.id, ast.unparse(kind) if kind else "", node.value


def known_parameters(name, notebook):
    """Returns {parameter: name of its type, or ""} of the notebook `name`."""
    cells = [cell for cell in code_cells(notebook) if "parameters" in tags(cell)]
    try:
        return {key: kind for cell in cells for key, kind, _ in assignments(cell.source)}
    except (SyntaxError, ValueError, RecursionError) as error:  # ValueError: a null character
        line = f" (line {error.lineno} of it)" if getattr(error, "lineno", None) else ""
        message = getattr(error, "msg", None) or one_line(error)
        raise BookError(f"the parameters cell of {name} is not Python: {message}{line}") from None


def with_values(source, values):
    """Returns the source of a parameters cell with each default replaced by the given value."""
    text = source.encode()  # ast counts columns in bytes
    starts = [0]
    for line in text.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    for name, _, node in reversed(list(assignments(source))):
        if name in values:
            first = starts[node.lineno - 1] + node.col_offset
            last = starts[node.end_lineno - 1] + node.end_col_offset
            text = text[:first] + repr(values[name]).encode() + text[last:]
    return text.decode()
