"""Checks of what figures are given: one line names the argument, what came and what was wanted."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, check_int, check_number, short

ROUNDING = 1e-4  # a sum of probabilities in float32 may come out a little above 1
KINDS = {"bool": "b", "integers": "iu", "numbers": "biuf", "colours": "u"}


def check_named(name: str, value: Any, wanted: str) -> dict:
    """Return a dict that is not empty, or raise `UsageError`; `wanted` says what it holds."""
    if not isinstance(value, Mapping) or not value:
        raise UsageError(f"{name} must be a dict of {wanted}, not empty, got {short(value)}")
    return dict(value)


def check_optional(name: str, value: Any, wanted: str) -> dict:
    """Return a dict, empty for None, or raise `UsageError`; `wanted` says what it holds."""
    if value is not None and not isinstance(value, Mapping):
        raise UsageError(f"{name} must be a dict of {wanted}, or None, got {short(value)}")
    return dict(value or {})


def check_sequence(name: str, value: Any, length: int | None = None) -> list:
    """Return a sequence of `length` items (any number but 0 by default), or raise `UsageError`."""
    try:
        items = None if isinstance(value, str) else list(value)
    except TypeError:
        items = None
    if items is None or len(items) != (length or len(items) or -1):
        wanted = "a sequence, not empty" if length is None else f"{length} values"
        raise UsageError(f"{name} must be {wanted}, got {short(value)}")
    return items


def check_array(
    name: str,
    value: ArrayLike,
    shape: Sequence[int | str],
    kind: str = "numbers",
    *,
    finite: bool = True,
) -> np.ndarray:
    """Return an array of a shape and kind, or raise `UsageError`.

    Args:
        name: of the argument.
        value: what came.
        shape: an int for each size that is known, a text for each that is any number but 0.
        kind: "bool", "integers", "numbers", or "colours" (uint8).
        finite: whether NaN and infinity are refused.
    """
    wanted = f"{name} must be {kind} of shape ({', '.join(map(str, shape))})"
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):  # rows of different lengths
        raise UsageError(f"{wanted}, got {short(value)}") from None
    if array.dtype.kind not in KINDS[kind] or (kind == "colours" and array.dtype != "uint8"):
        raise UsageError(f"{wanted}, got {array.dtype} of shape {array.shape}")
    sizes_fit = len(array.shape) == len(shape) and all(
        n == size if isinstance(size, int) else n > 0
        for n, size in zip(array.shape, shape, strict=True)
    )
    if not sizes_fit:
        any_size = ", no size 0" if any(isinstance(size, str) for size in shape) else ""
        raise UsageError(f"{wanted}{any_size}, got shape {array.shape}")
    if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise UsageError(f"{name} must be finite, got {array[~np.isfinite(array)][0]}")
    return array


def check_probabilities(name: str, value: ArrayLike, shape: Sequence[int | str]) -> np.ndarray:
    """Return probabilities of a shape, or raise `UsageError`."""
    array = check_array(name, value, shape)
    if array.min() < 0 or array.max() > 1 + ROUNDING:
        wrong = array.min() if array.min() < 0 else array.max()
        raise UsageError(f"{name} must be probabilities, 0 to 1, got {wrong:g}")
    return array


def check_levels(levels: int) -> int:
    """Return K, the number of levels, or raise `UsageError`."""
    return check_int("levels", levels, 2)


def check_images(name: str, images: ArrayLike, levels: int, kind: str = "numbers") -> np.ndarray:
    """Return images `(n, H, W, 1 or 3)` of levels 0..K-1, or raise `UsageError`.

    What lies between two levels, such as the mean of several images, is shown as such.
    """
    array = check_array(name, images, ("n", "H", "W", "1 or 3"), kind)
    if array.shape[-1] not in (1, 3):
        raise UsageError(
            f"{name} must be {kind} of shape (n, H, W, 1 or 3), got shape {array.shape}"
        )
    lowest, highest = array.min(), array.max()
    if lowest < 0 or highest > check_levels(levels) - 1:
        wrong = lowest if lowest < 0 else highest
        raise UsageError(f"{name} must hold levels 0..{levels - 1} (levels={levels}), got {wrong}")
    return array


def check_mask(name: str, mask: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """Return a mask that can be broadcast to `shape`, as bool, or raise `UsageError`."""
    wanted = f"{name} must be a mask that fits images of shape {shape}"
    try:
        array = np.asarray(mask)
        wide = np.broadcast_to(array, shape)
    except (TypeError, ValueError):
        raise UsageError(f"{wanted}, got shape {np.shape(mask)}") from None
    if array.dtype.kind not in "biu":
        raise UsageError(f"{wanted}, got {array.dtype}")
    return wide.astype(bool)


def check_pixel(name: str, at: Any, shape: Sequence[int]) -> tuple[int, int]:
    """Return `(i, j)` within an image of `shape`, or raise `UsageError`."""
    row, column = check_sequence(name, at, 2)
    height, width = shape
    return (
        check_int(f"row of {name}", row, 0, height - 1),
        check_int(f"column of {name}", column, 0, width - 1),
    )


def check_columns(columns: int | None, n: int) -> int:
    """Return the columns of a grid of n pictures, by default a square, or raise `UsageError`."""
    if columns is None:
        return int(np.ceil(np.sqrt(n)))
    return min(n, check_int("columns", columns, 1))


def check_size(name: str, value: float) -> float:
    """Return a width, a gap or a time, a number above 0, or raise `UsageError`."""
    return check_number(name, value, 0, open_below=True)
