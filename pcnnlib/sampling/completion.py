"""Which pixels of an image are kept, and which are drawn."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError


def check_keep(
    model: Any, n: int, image: ArrayLike | None, keep: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray]:
    """`image` and `keep` as int32 and bool arrays `(n, H, W, C)`; zeros and False for None.

    Raises:
        UsageError: one without the other, or shapes or values that do not fit the model.
    """
    shape = (n, *model.image_shape)
    if image is None and keep is None:  # one image seen n times: no memory for each
        one = np.zeros((1, *model.image_shape), "int32")
        return np.broadcast_to(one, shape), np.broadcast_to(one.astype(bool), shape)
    if image is None or keep is None:
        missing = "keep" if keep is None else "image"
        raise UsageError(f"image and keep come together: {missing} is missing")
    image = np.asarray(image)
    image = image[None] if image.shape == model.image_shape else image
    image = model.check_images(image, "image")
    if len(image) not in (1, n):
        raise UsageError(f"image must hold 1 or {n} images, got {len(image)}")
    keep = np.asarray(keep)
    if keep.dtype != bool:
        raise UsageError(f"keep must be a boolean mask, got {keep.dtype}")
    values, pixels = model.image_shape, model.image_shape[:2]
    if keep.shape in (pixels, (1, *pixels), (n, *pixels)):
        keep = keep[..., None]
    elif keep.shape not in (values, (1, *values), (n, *values)):
        raise UsageError(f"keep must have shape {pixels}, {values} or {shape}, got {keep.shape}")
    image = np.broadcast_to(image.astype("int32"), shape)
    return image, np.broadcast_to(keep, shape)
