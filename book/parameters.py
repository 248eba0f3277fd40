"""The parameters of notebooks: their cells, and the files that give them values."""

import ast
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from notebook_files import BookError, code_cells, tags


@dataclass
class Parameters:
    """A parameter file: values for all notebooks, and values for one."""

    path: Path
    shared: dict = field(default_factory=dict)
    own: dict = field(default_factory=dict)  # notebook name -> its values

    @classmethod
    def read(cls, path, names):
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except OSError as error:
            raise BookError(f"cannot read the parameters {path}: {error.strerror}") from None
        except yaml.YAMLError as error:
            raise BookError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
        if not isinstance(values, dict):
            raise BookError(f"{path}: expected 'name: value' lines, got {type(values).__name__}")
        own = {key: value or {} for key, value in values.items() if str(key)[:2].isdigit()}
        unknown = sorted(set(own) - set(names))
        if unknown:
            raise BookError(f"{path}: no notebook is called {', '.join(unknown)}")
        return cls(path, {key: v for key, v in values.items() if key not in own}, own)

    def for_notebook(self, name, known):
        """Returns the values for the notebook `name`, whose parameters are `known`."""
        unknown = sorted(set(self.own.get(name, {})) - set(known))
        if unknown:
            raise BookError(
                f"{self.path}: {name} has no parameter {', '.join(unknown)}; it has "
                f"{', '.join(sorted(known)) or 'none'}"
            )
        values = {key: value for key, value in self.shared.items() if key in known}
        return values | self.own.get(name, {})

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
    """Yields name and value of each `name = value` or `name: type = value` statement."""
    for node in ast.parse(source).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and getattr(node, "value", None) is not None:
            yield target.id, node.value


def known_parameters(notebook):
    cells = [cell for cell in code_cells(notebook) if "parameters" in tags(cell)]
    return [name for cell in cells for name, _ in assignments(cell.source)]


def with_values(source, values):
    """Returns the source of a parameters cell with each default replaced by the given value."""
    text = source.encode()  # ast counts columns in bytes
    starts = [0]
    for line in text.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    for name, node in reversed(list(assignments(source))):
        if name in values:
            first = starts[node.lineno - 1] + node.col_offset
            last = starts[node.end_lineno - 1] + node.end_col_offset
            text = text[:first] + repr(values[name]).encode() + text[last:]
    return text.decode()
