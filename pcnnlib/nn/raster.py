"""The orders in which an image is generated: raster order, and the others that it turns into.

Raster order goes row by row, left to right, and R before G before B. The symmetries of the grid
turn it into eight orders, of which four are left where an image is not square. An image that is
mirrored or turned first, and back afterwards, is read in another order by a network that knows
raster order alone: masks, caches and loops stay as they are. Checks and figures ask here. An order
of any other kind also needs other masks (`masks.py`), caches (`blocks.py`) and loops (`sampling/`).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from pcnnlib._internal.errors import UsageError, as_array, check_int

# Order k is ORDERS[k]. The second is the first from behind; with four of them every corner is one's
# beginning, and images need not be square.
ORDERS = (
    "from the top left, row by row",
    "from the bottom right, row by row",
    "from the top right, row by row",
    "from the bottom left, row by row",
    "from the top left, column by column",
    "from the bottom right, column by column",
    "from the top right, column by column",
    "from the bottom left, column by column",
)
MIXTURE = "mixture"
_UPWARDS = np.array(["bottom" in name for name in ORDERS])
_LEFTWARDS = np.array(["right" in name for name in ORDERS])
_BY_COLUMN = np.array(["column" in name for name in ORDERS])
ROW_ORDERS = int(np.sum(~_BY_COLUMN))  # these come first


def reorient(images: Any, order: int, axes: tuple[int, int] = (1, 2)) -> Any:
    """Images such that raster order goes through them as an order goes through the given ones.

    Args:
        images: array or tensor with axes of rows and columns: images, masks, maps.
        order: 0..7, see `ORDERS`.
        axes: of rows and columns; those of a mask `(H, W)` are `(0, 1)`.

    Returns:
        The same values, mirrored and, for orders that go column by column, with rows and columns
        exchanged. Order 0 leaves all as it is.

    >>> reorient(np.array([[1, 2], [3, 4]]), 6, axes=(0, 1)).tolist()  # from the top right, down
    [[2, 4], [1, 3]]
    """
    order = check_int("order", order, 0, len(ORDERS) - 1)
    if order == 0:
        return images
    xp = _namespace(images)
    for mirrored, axis in zip((_UPWARDS[order], _LEFTWARDS[order]), axes, strict=True):
        images = xp.flip(images, axis) if mirrored else images
    return xp.swapaxes(images, *axes) if _BY_COLUMN[order] else images


def restore(images: Any, order: int, axes: tuple[int, int] = (1, 2)) -> Any:
    """The inverse of `reorient`."""
    order = check_int("order", order, 0, len(ORDERS) - 1)
    if order == 0:
        return images
    xp = _namespace(images)
    images = xp.swapaxes(images, *axes) if _BY_COLUMN[order] else images
    for mirrored, axis in zip((_UPWARDS[order], _LEFTWARDS[order]), axes, strict=True):
        images = xp.flip(images, axis) if mirrored else images
    return images


def reorient_each(images: Any, order: Any) -> Any:
    """`reorient` of a batch, each image in an order of its own.

    Args:
        images: `(B, H, W, ...)`.
        order: int `(B,)`, below 4 if images are not square.
    """
    xp, order = _namespace(images), _like(order, images)
    images = _mirrored_each(xp, images, order)
    return _exchanged_each(xp, images, order)


def restore_each(images: Any, order: Any) -> Any:
    """The inverse of `reorient_each`."""
    xp, order = _namespace(images), _like(order, images)
    images = _exchanged_each(xp, images, order)
    return _mirrored_each(xp, images, order)


def raster_order(*shape: int, order: int = 0) -> np.ndarray:
    """The turn of each pixel, or of each value, in the order of generation.

    Args:
        shape: `H, W` for pixels, `H, W, C` for values.
        order: 0..7, see `ORDERS`; the channels of a pixel always follow each other.

    Returns:
        int array of this shape: 0 is generated first.

    >>> raster_order(2, 3).tolist()
    [[0, 1, 2], [3, 4, 5]]
    >>> raster_order(2, 3, order=2).tolist()
    [[2, 1, 0], [5, 4, 3]]
    """
    seen = shape
    if _BY_COLUMN[check_int("order", order, 0, len(ORDERS) - 1)]:
        seen = (shape[1], shape[0], *shape[2:])
    return np.asarray(restore(np.arange(math.prod(shape)).reshape(seen), order, axes=(0, 1)))


def before(shape: tuple[int, int], pixel: tuple[int, int], order: int = 0) -> np.ndarray:
    """Which pixels are generated before one.

    Args:
        shape: `(H, W)`.
        pixel: `(i, j)`, row and column.
        order: 0..7, see `ORDERS`.

    Returns:
        bool array `(H, W)`.
    """
    turns = raster_order(*shape, order=order)
    return turns < turns[tuple(pixel)]


def orders_of(model: Any) -> int:
    """How many orders a model reads in: one, if it does not say."""
    return getattr(model, "orders", 1)


def check_orders(orders: Any, image_shape: Sequence[int]) -> int:
    """Return a number of orders, 1 .. 8, or .. 4 if images are not square, or raise `UsageError`.

    Which they are: the first so many of `ORDERS`.
    """
    orders = check_int("orders", orders, 1, len(ORDERS))
    height, width = image_shape[:2]
    if height != width and orders > ROW_ORDERS:
        raise UsageError(
            f"orders must be an integer 1..{ROW_ORDERS} for images that are not square, "
            f"{height}x{width}, got {orders}"
        )
    return orders


def check_order(order: Any, orders: int, n: int) -> np.ndarray:
    """Return the order of each of n images, int32 `(n,)`, or raise `UsageError`.

    Args:
        order: one for all, or one for each image.
        orders: how many there are.
        n: images.
    """
    values = ops.convert_to_numpy(order) if ops.is_tensor(order) else as_array("order", order)
    wanted = "0" if orders == 1 else f"an integer 0..{orders - 1}"
    if values.dtype.kind not in "iu" or values.shape not in ((), (n,)):
        got = repr(order) if values.ndim == 0 else f"{values.dtype} {values.shape}"
        raise UsageError(f"order must be {wanted}, or one for each of {n} images, got {got:.60}")
    if values.size and (values.min() < 0 or values.max() >= orders):
        wrong = np.ravel(values)[np.ravel((values < 0) | (values >= orders))][0]
        known = ": this model knows one order" if orders == 1 else ""
        raise UsageError(f"order must be {wanted}, got {wrong}{known}")
    return np.broadcast_to(values.astype("int32"), (n,))


def is_mixture(order: Any) -> bool:
    """Whether an order is "mixture", all of them together; `UsageError` for any other text."""
    if isinstance(order, str) and order != MIXTURE:
        raise UsageError(f"order must be an integer or {MIXTURE!r}, got {order!r:.60}")
    return isinstance(order, str)


def _namespace(images):
    """What computes with these: NumPy with arrays, Keras with tensors."""
    return ops if ops.is_tensor(images) else np


def _like(order, images):
    """The orders as a tensor for tensors, as an array for arrays."""
    return ops.cast(order, "int32") if ops.is_tensor(images) else np.asarray(order)


def _mirrored_each(xp, images, order):
    for mirrored, axis in ((_UPWARDS, 1), (_LEFTWARDS, 2)):
        images = xp.where(_chosen(xp, mirrored, order, images), xp.flip(images, axis), images)
    return images


def _exchanged_each(xp, images, order):
    if images.shape[1] != images.shape[2]:
        return images
    return xp.where(_chosen(xp, _BY_COLUMN, order, images), xp.swapaxes(images, 1, 2), images)


def _chosen(xp, which, order, images):
    """Whether each image's order is one of those that `which` marks, bool `(B, 1, ...)`."""
    chosen = xp.take(which, order)
    return xp.reshape(chosen, (-1, *[1] * (len(images.shape) - 1)))
