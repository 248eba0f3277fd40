"""Simple statistics of an image: how much ink it has, how far it slants, its coarse version.

Conditions for `Vector` and `Map` are made of these, and drawn images are measured by them. Images
are floats 0..1, `(N, H, W, C)`, as `Dataset.brightness` gives them.
"""

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, as_array, check_int


def ink(brightness: ArrayLike) -> np.ndarray:
    """Mean brightness of each image, 0..1, `(N,)`."""
    return _images(brightness, "float64").mean(axis=(1, 2, 3))


def slant(brightness: ArrayLike) -> np.ndarray:
    """Columns that the strokes of each image move to the right for every row upwards, `(N,)`.

    The slope of the line through the brightness by least squares: its covariance of rows and
    columns over its variance of rows. An image without height has none, and gets 0.
    """
    weights = _images(brightness, "float64").mean(axis=-1)  # (N, H, W)
    total = np.maximum(weights.sum(axis=(1, 2)), 1e-12)
    rows, columns = np.indices(weights.shape[1:])

    def mean(values):
        return (weights * values).sum(axis=(1, 2)) / total

    row, column = mean(rows), mean(columns)
    variance = mean(rows**2) - row**2
    covariance = mean(rows * columns) - row * column
    flat = variance < 1e-9
    return np.where(flat, 0.0, -covariance / np.where(flat, 1.0, variance))


def coarse(brightness: ArrayLike, block: int) -> np.ndarray:
    """Means over squares of `block` by `block` pixels, float32 `(N, H / block, W / block, C)`.

    Raises:
        UsageError: sides that are no multiples of `block`.
    """
    brightness = _images(brightness)
    n, height, width, channels = brightness.shape
    block = check_int("block", block, 1)
    if height % block or width % block:
        raise UsageError(f"block must divide images of {height}x{width}, got {block}")
    squares = brightness.reshape(n, height // block, block, width // block, block, channels)
    return squares.mean(axis=(2, 4)).astype("float32")


def _images(brightness, dtype=None):
    images = as_array("brightness", brightness, dtype)
    if images.ndim != 4:
        raise UsageError(f"brightness must be (N, H, W, C), got shape {images.shape}")
    return images
