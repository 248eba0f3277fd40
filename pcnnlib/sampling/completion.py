"""Which pixels of an image are kept, which are drawn, and in which order."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, as_array
from pcnnlib.nn.raster import check_order, is_mixture, orders_of, reorient


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
    image = as_array("image", image)
    image = image[None] if image.shape == model.image_shape else image
    image = model.check_images(image, "image")
    if len(image) not in (1, n):
        raise UsageError(f"image must hold 1 or {n} images, got {len(image)}")
    keep = as_array("keep", keep)
    if keep.dtype != bool:
        raise UsageError(f"keep must be a boolean mask, got {keep.dtype}")
    values, pixels = model.image_shape, model.image_shape[:2]
    # A mask of the shape of an image is that, also where there are as many images as rows.
    if keep.shape in (values, (1, *values), (n, *values)):
        pass
    elif keep.shape in (pixels, (1, *pixels), (n, *pixels)):
        keep = keep[..., None]
    else:
        raise UsageError(f"keep must have shape {pixels}, {values} or {shape}, got {keep.shape}")
    image = np.broadcast_to(image.astype("int32"), shape)
    return image, np.broadcast_to(keep, shape)


def order_of_each(
    model: Any, n: int, order: Any, keep: np.ndarray | None, seed: int | None
) -> np.ndarray:
    """The order in which each of n images is drawn, int32 `(n,)`.

    Args:
        model: any model of this library.
        n: images.
        order: one for all, one for each, "mixture" for a random one for each, or None: the best
            for the pixels that are kept, and without any the first.
        keep: bool `(n, H, W, C)`, or None.
        seed: of the random orders.

    Raises:
        UsageError: an order that the model does not know, or "mixture" where pixels are kept.
    """
    orders = orders_of(model)
    if order is None:
        return np.zeros(n, "int32") if keep is None or orders == 1 else _best(keep, orders)
    if is_mixture(order):
        if keep is not None:
            # Given some of its pixels, an image's orders are no longer equally likely.
            raise UsageError(
                f"order must be an integer 0..{orders - 1} or None where pixels are kept, "
                f"got {order!r}"
            )
        rng = np.random.default_rng(None if seed is None else [seed, 1])
        return rng.integers(0, orders, n, "int32")
    return check_order(order, orders, n)


def best_order(model: Any, keep: ArrayLike) -> Any:
    """The order that puts most of the kept pixels before the drawn ones: that of a completion.

    Counted are the pairs of a kept and a drawn pixel of which the kept one comes first; of orders
    with equally many it is the first.

    Args:
        model: any model of this library; with one order that is the answer.
        keep: boolean mask `(H, W)` or `(H, W, C)`, or one for each image, `(n, ...)`.

    Returns:
        int, see `pcnnlib.nn.raster.ORDERS`; of masks `(n, ...)` int32 `(n,)`.

    Raises:
        UsageError: a mask that does not fit the model.
    """
    keep = as_array("keep", keep)
    several = keep.ndim > 2 and keep.shape != model.image_shape
    n = len(keep) if several else 1
    _, masks = check_keep(model, n, np.zeros(model.image_shape, "int32"), keep)
    best = _best(masks, orders_of(model))
    return best if several else int(best[0])


def kept_first(keep: np.ndarray, order: int) -> np.ndarray:
    """Pairs of a kept and a drawn value of which the kept one comes first in an order, `(n,)`.

    Args:
        keep: bool `(n, H, W, C)`.
        order: see `pcnnlib.nn.raster.ORDERS`.
    """
    seen = reorient(keep, order).reshape(len(keep), math.prod(keep.shape[1:]))
    return (np.cumsum(seen, axis=1) * ~seen).sum(axis=1)


def all_kept_first(keep: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Whether in each image's order all kept values come before all drawn ones, bool `(n,)`."""
    kept = keep.reshape(len(keep), -1).sum(axis=1)
    pairs = kept * (keep[0].size - kept)
    first = np.zeros(len(keep), int)
    for one in np.unique(order):
        first[order == one] = kept_first(keep[order == one], int(one))
    return first == pairs


def _best(keep, orders):
    # One mask for all images is looked at once.
    looked_at = keep[:1] if keep.strides[0] == 0 else keep
    pairs = [kept_first(looked_at, order) for order in range(orders)]
    best = np.argmax(pairs, axis=0).astype("int32")
    return np.broadcast_to(best, (len(keep),))
