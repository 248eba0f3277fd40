"""Every public function says what it takes and returns; `make test` runs mypy over the same."""

import ast
import pathlib

import pytest

import pcnnlib

ROOT = pathlib.Path(pcnnlib.__file__).parent
# The model in one file is a lesson: its shapes stand in words, and types would say less.
MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "minimal.py")


def without_types(tree):
    """Names of public functions, and of methods of public classes, that lack an annotation."""

    def functions(node, prefix=""):
        for child in node.body:
            if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
                yield from functions(child, f"{child.name}.")
            elif isinstance(child, ast.FunctionDef):
                if child.name == "__init__" or not child.name.startswith("_"):
                    yield prefix, child

    for prefix, function in functions(tree):
        arguments = function.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
        if prefix and every and every[0].arg in ("self", "cls"):
            del every[0]
        if function.returns is None or any(a.annotation is None for a in every):
            yield f"{prefix}{function.name}"


def test_a_missing_annotation_is_noticed():
    source = """
def good(x: int) -> int: ...
def bad(x) -> int: ...
def no_return(x: int): ...
def _private(x): ...
class Thing:
    def __init__(self, x): ...
    def good(self, *, y: int = 1) -> None: ...
"""
    assert list(without_types(ast.parse(source))) == ["bad", "no_return", "Thing.__init__"]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_public_functions_are_annotated(path):
    assert list(without_types(ast.parse(path.read_text("utf-8")))) == []


def test_programs_that_use_the_library_see_its_types():
    assert (ROOT / "py.typed").is_file()
