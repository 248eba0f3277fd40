"""How many levels a pixel can have, and the smallest type that holds them."""

from typing import Any

import numpy as np

from pcnnlib._internal.errors import UsageError, check_int

# Codes of another network are levels too, and a codebook has thousands of them.
MOST_LEVELS = 65_536
# Shades: what a byte of a picture holds, and what every distribution but the categorical takes.
MOST_SHADES = 256


def check_levels(levels: Any, most: int = MOST_LEVELS) -> int:
    """Return a number of levels K, 2 .. `most`, or raise `UsageError`."""
    try:
        return check_int("levels", levels, 2, most)
    except UsageError as error:
        if most == MOST_LEVELS or not _fits(levels):
            raise
        raise UsageError(f"{error}: codes alone, categorical ones, have more") from None


def _fits(levels):
    """Whether it is a number of levels of codes."""
    return isinstance(levels, (int, np.integer)) and 2 <= levels <= MOST_LEVELS


def level_dtype(levels: int) -> str:
    """The smallest integer type that holds levels 0 .. K-1: "uint8", or "uint16" above 256."""
    return "uint8" if levels <= MOST_SHADES else "uint16"


def as_levels(values: np.ndarray, levels: int) -> np.ndarray:
    """An array of levels 0 .. K-1 in the smallest type that holds them."""
    return values.astype(level_dtype(levels))
