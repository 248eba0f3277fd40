"""The order in which an image is generated: row by row, left to right, and R before G before B.

Checks and figures ask here. An order that turns or mirrors the image needs no change: turn the
images, as `experiments/orders.py` does. Any other also needs other masks (`masks.py`), caches
(`blocks.py`) and loops (`sampling/`).
"""

import math

import numpy as np


def raster_order(*shape: int) -> np.ndarray:
    """The turn of each pixel, or of each value, in the order of generation.

    Args:
        shape: `H, W` for pixels, `H, W, C` for values.

    Returns:
        int array of this shape: 0 is generated first.

    >>> raster_order(2, 3).tolist()
    [[0, 1, 2], [3, 4, 5]]
    """
    return np.arange(math.prod(shape)).reshape(shape)


def before(shape: tuple[int, int], pixel: tuple[int, int]) -> np.ndarray:
    """Which pixels are generated before one.

    Args:
        shape: `(H, W)`.
        pixel: `(i, j)`, row and column.

    Returns:
        bool array `(H, W)`.
    """
    order = raster_order(*shape)
    return order < order[tuple(pixel)]
