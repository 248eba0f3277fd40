"""The training images nearest to drawn ones: has a model memorised any?"""

import math

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, as_array, check_int, short


def nearest(
    images: ArrayLike, among: ArrayLike, batch_size: int = 5000
) -> tuple[np.ndarray, np.ndarray]:
    """For each image the one most like it among others: has a model memorised any?

    Args:
        images: integer levels `(N, H, W, C)`.
        among: integer levels `(M, H, W, C)`, at least one.
        batch_size: of `among` at once.

    Returns:
        `(index (N,), distance (N,))`: the first image with the smallest sum of squared differences,
        and that sum; for binary images the number of pixels that differ.

    Raises:
        UsageError: images of another shape, none to compare with, or what are no finite numbers.
    """
    images, among = as_array("images", images), as_array("among", among)
    for name, array in (("images", images), ("among", among)):
        if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
            raise UsageError(f"{name} must be finite numbers, got {short(array)}")
    if not images.ndim or not among.ndim:
        raise UsageError(f"images and among must be arrays, got {images} and {among}")
    if images.shape[1:] != among.shape[1:] or not len(among):
        raise UsageError(
            f"among must be images like the others, (M, {str(images.shape[1:])[1:]}, "
            f"got shape {among.shape}"
        )
    flat = images.reshape(len(images), math.prod(images.shape[1:])).astype("float64")
    index, distance = np.zeros(len(flat), int), np.full(len(flat), np.inf)
    for start in range(0, len(among), check_int("batch_size", batch_size, 1)):
        others = among[start : start + batch_size].reshape(-1, flat.shape[1]).astype("float64")
        products = (others**2).sum(axis=1) - 2 * flat @ others.T
        closest = products.argmin(axis=1)
        smallest = products[np.arange(len(flat)), closest] + (flat**2).sum(axis=1)
        better = smallest < distance
        index[better], distance[better] = start + closest[better], smallest[better]
    return index, distance
