"""The library's rooms: a folder imports only folders above it, and files stay small.

Imports are read from the source, those within functions too, so that nothing needs to be run.
"""

import ast
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).parents[2] / "pcnnlib"
# From the ground up. `minimal` is a file; `pcnnlib` itself, its `__init__.py`, may import all.
ROOMS = [
    "_internal",
    "minimal",
    "data",
    "nn",
    "sampling",
    "models",
    "codec",
    "analysis",
    "training",
    "runs",
    "viz",
    "cli",
]
BACKENDS = {"tensorflow", "jax", "jaxlib"}
LONGEST = 350  # lines


def modules(package):
    """The Python files of a package, and the names of the modules that they are."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        yield path, parts[:-1] if parts[-1] == "__init__" else parts


def imports(path, module):
    """The modules that a file imports, as tuples of names; whatever is relative made absolute."""
    package = module if path.name == "__init__.py" else module[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield tuple(alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            source = (*base, *(node.module.split(".") if node.module else ()))
            # `from pcnnlib import data` names the room only here.
            for alias in node.names:
                yield (*source, alias.name)
        elif isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            name = getattr(node.func, "id", None) or node.func.attr
            if name in ("import_module", "__import__") and node.args:
                yield tuple(str(getattr(node.args[0], "value", "")).split("."))


def wrong_imports(package, rooms=ROOMS):
    """What is imported from a room that is not above, as `file: imported module`."""
    wrong = []
    for path, module in modules(package):
        room = module[1] if len(module) > 1 else None
        if room is None:  # the package itself
            continue
        for imported in imports(path, module):
            if imported[0] != package.name:
                continue
            other = imported[1] if len(imported) > 1 else ""
            if other == room and other in rooms:
                continue
            # A name that is no room is of the package itself, which imports everything.
            if other not in rooms or rooms.index(other) > rooms.index(room):
                wrong.append(f"{path.relative_to(package)}: {'.'.join(imported)}")
    return wrong


def backend_imports(package):
    """Where a backend is imported, as `file: module`."""
    return [
        f"{path.relative_to(package).as_posix()}: {imported[0]}"
        for path, module in modules(package)
        for imported in imports(path, module)
        if imported[0] in BACKENDS
    ]


def test_every_folder_is_a_room_and_a_package():
    names = {path.name for path in PACKAGE.iterdir() if path.is_dir()} - {"__pycache__"}
    assert names == set(ROOMS) - {"minimal"}
    for name in names:
        assert (PACKAGE / name / "__init__.py").is_file(), name
    files = {path.stem for path in PACKAGE.glob("*.py")}
    assert {"__init__", "minimal"} <= files <= {"__init__", "__main__", "minimal"}


def test_a_room_imports_only_rooms_above_it():
    assert wrong_imports(PACKAGE) == []


def test_only_the_internal_room_names_a_backend():
    where = backend_imports(PACKAGE)
    assert [line for line in where if not line.startswith("_internal/")] == []
    # The check has teeth: these imports stand within functions.
    assert {line.split(": ")[1] for line in where} == {"tensorflow", "jax"}


def test_the_model_in_one_file_imports_keras_and_numpy_alone():
    path = PACKAGE / "minimal.py"
    assert len(path.read_text("utf-8").splitlines()) <= 120
    assert {imported[0] for imported in imports(path, ("pcnnlib", "minimal"))} <= {"keras", "numpy"}


def test_no_file_is_long():
    lengths = {
        str(path.relative_to(PACKAGE)): len(path.read_text("utf-8").splitlines())
        for path, _ in modules(PACKAGE)
    }
    assert {name: n for name, n in lengths.items() if n > LONGEST} == {}


@pytest.mark.parametrize(
    ("file", "line", "imported"),
    [
        ("nn/masks.py", "from pcnnlib.models import GatedPixelCNN", "models.GatedPixelCNN"),
        ("nn/masks.py", "import pcnnlib.viz.plots", "viz.plots"),
        ("nn/masks.py", "from pcnnlib import sampling", "sampling"),
        ("nn/masks.py", "from ..models import base", "models.base"),
        ("nn/masks.py", "def f():\n    from pcnnlib import runs", "runs"),
        ("nn/distributions/base.py", "from ...cli import main", "cli.main"),
        ("data/__init__.py", "from ..nn import masks", "nn.masks"),
        ("data/__init__.py", "import importlib\nimportlib.import_module('pcnnlib.nn')", "nn"),
        ("models/base.py", "from pcnnlib import GatedPixelCNN", "GatedPixelCNN"),
    ],
)
def test_an_import_from_below_would_be_noticed(tmp_path, file, line, imported):
    path = tmp_path / "pcnnlib" / file
    path.parent.mkdir(parents=True)
    path.write_text(f"import numpy\nfrom pcnnlib._internal import errors\n{line}\n")
    assert wrong_imports(tmp_path / "pcnnlib") == [f"{file}: pcnnlib.{imported}"]


@pytest.mark.parametrize(
    "line",
    [
        "import tensorflow as tf",
        "def f():\n    from tensorflow import nest",
        "def f():\n    import importlib\n    return importlib.import_module('tensorflow.nn')",
    ],
)
def test_a_backend_named_elsewhere_would_be_noticed(tmp_path, line):
    path = tmp_path / "pcnnlib" / "nn" / "layers.py"
    path.parent.mkdir(parents=True)
    path.write_text(line + "\n")
    assert backend_imports(tmp_path / "pcnnlib") == ["nn/layers.py: tensorflow"]
