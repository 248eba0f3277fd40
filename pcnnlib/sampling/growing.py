"""A finished image as it grew, pixel by pixel."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, as_array, check_int
from pcnnlib.nn.raster import raster_order


def frames(
    images: ArrayLike,
    keep: ArrayLike | None = None,
    every: int = 1,
    first: int = 0,
    order: int = 0,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """An image growing pixel by pixel: frame t shows the first t pixels, and the kept ones.

    Generation never revisits a pixel, so the frames follow from the finished image.

    Args:
        images: `(n, H, W, C)`.
        keep: mask of pixels known from the start, broadcastable to `(n, H, W, C)`.
        every: pixels from one frame to the next.
        first: pixels shown by the first frame.
        order: in which the images were drawn.

    Yields:
        `(images with zeros where nothing is drawn yet, bool mask of drawn pixels (n, H, W, C))`.

    Raises:
        UsageError: an argument out of range, or a mask that does not fit the images.
    """
    images = as_array("images", images)
    if images.ndim != 4:
        raise UsageError(f"images must be (n, H, W, C), got shape {images.shape}")
    height, width = images.shape[1:3]
    turns = raster_order(height, width, order=order)[..., None]
    keep = as_array("keep", False if keep is None else keep)
    try:
        np.broadcast_to(keep, images.shape)
    except ValueError:
        raise UsageError(f"keep must fit images {images.shape}, got shape {keep.shape}") from None
    if keep.dtype.kind not in "biu":
        raise UsageError(f"keep must be a boolean mask, got {keep.dtype}")
    first, every = check_int("first", first, 0), check_int("every", every, 1)
    return _frames(images, keep.astype(bool), [*range(first, height * width, every)], turns)


def _frames(images, keep, times, turns):
    for t in [*times, turns.size]:
        shown = np.broadcast_to(keep | (turns < t), images.shape)
        yield np.where(shown, images, 0), shown
