"""Checks of a notebook's parameters, before it starts to work."""

import ast
from collections.abc import Mapping
from typing import Any

from pcnnlib._internal.errors import UsageError, check_int, check_number, parse_integers
from pcnnlib.data import Dataset

# What papermill writes above the values that it was given.
INJECTED = "# Parameters\n"


def check_parameters(namespace: Mapping[str, Any], **wanted: Any) -> None:
    """Raise `UsageError` for the first parameter that is not what it should be.

    Args:
        namespace: `globals()` of the notebook.
        wanted: for each parameter `str` for a text, a range for an integer, a pair
            `(above, most)` for a number, or a text such as "1,2,4" for integers >= 1 with commas
            between them; `("1,2,4", 3)` for just so many.

    Raises:
        UsageError: a wrong type, a value out of range, or a name that papermill was given and that
            is no parameter.

    >>> check_parameters({"filters": 16}, filters=range(2, 4097, 2))
    """
    unknown = sorted(_injected(namespace) - set(wanted))
    if unknown:
        raise UsageError(
            f"this notebook has no parameter {', '.join(unknown)}; it has {', '.join(wanted)}"
        )
    for name, want in wanted.items():
        _check(name, namespace[name], want)


def _check(name: str, value: Any, want: Any) -> None:
    if want is str:
        if not isinstance(value, str) or not value.strip():
            raise UsageError(f"{name} must be a text, got {value!r}")
    elif isinstance(want, range):
        number = check_int(name, value, want[0], want[-1])
        if number not in want:
            raise UsageError(f"{name} must be a multiple of {want.step}, got {value!r}")
    elif isinstance(want, str):
        _check_integers(name, value, want)
    elif isinstance(want[0], str):
        example, count = want
        if _check_integers(name, value, example) != count:
            raise UsageError(f"{name} must be {count} integers such as {example}, got {value!r}")
    else:
        above, most = want
        check_number(name, value, above, most, open_below=True)


def _check_integers(name: str, value: Any, example: str) -> int:
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        raise UsageError(f"{name} must be integers such as {example}, got {value!r}")
    numbers = parse_integers(name, value, example)
    for number in numbers:
        check_int(f"each of {name}", number, 1, 4096)
    return len(numbers)


def _injected(namespace: Mapping[str, Any]) -> set[str]:
    """Names that papermill has given values to. IPython keeps the cells that were run in `In`."""
    cells = [cell for cell in namespace.get("In", []) if cell.startswith(INJECTED)]
    nodes = ast.parse(cells[-1]).body if cells else []
    targets = [target for node in nodes if isinstance(node, ast.Assign) for target in node.targets]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def check_dataset(
    data: Dataset,
    *,
    channels: int | None = 1,
    test: int = 10,
    classes: int = 0,
    squares: tuple[str, int] | None = None,
) -> None:
    """Raise `UsageError` if a chapter cannot be run on a data set.

    Args:
        data: the data set.
        channels: 1 for grey images, 3 for colour, None for any.
        test: test images that are needed.
        classes: classes that are needed, each with a test image; 0 if labels are not used.
        squares: name and side of squares into which every image must fall.
    """
    name, (height, width, depth) = data.name, data.image_shape
    if channels is not None and depth != channels:
        kind = "grey images (1 channel)" if channels == 1 else "colour images (3 channels)"
        raise UsageError(f"dataset must hold {kind} for this chapter, {name} has {depth}")
    if len(data.test) < test:
        raise UsageError(f"dataset must hold {test} test images, {name} has {len(data.test)}")
    if classes:
        if data.test.labels is None:
            raise UsageError(f"dataset must have labels for this chapter, {name} has none")
        if (data.classes or 0) < classes:
            raise UsageError(f"dataset must have {classes} classes, {name} has {data.classes}")
    if squares and (height % squares[1] or width % squares[1]):
        raise UsageError(
            f"{squares[0]} must divide the height and width of the images of {name}, "
            f"{height} x {width}, got {squares[1]}"
        )
