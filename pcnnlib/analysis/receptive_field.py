"""How far a prediction sees, and which features a pixel changes. H rows, W columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from pcnnlib._internal import backend
from pcnnlib._internal.errors import (
    UsageError,
    check_has,
    check_int,
    check_seed,
    check_size,
    check_weights_finite,
    short,
)
from pcnnlib.analysis.causality import check_pixel_model, comparable, random_condition
from pcnnlib.nn.conditions import of_each
from pcnnlib.nn.raster import orders_of, reorient, restore


def receptive_field(
    model: Any,
    at: tuple[int, int],
    *,
    condition: Any = None,
    images: int = 4,
    seed: int | None = 0,
    order: int = 0,
) -> np.ndarray:
    """How strongly the prediction of one pixel depends on every pixel, measured by gradient.

    Args:
        model: `PixelCNN` or `GatedPixelCNN`.
        at: `(i, j)`, row and column of the predicted pixel.
        condition: `(images, ...)` for a conditional model; random if None.
        images: random images averaged over.
        seed: of those images.
        order: in which the model reads.

    Returns:
        float32 `(H, W)`: mean over images of the absolute gradient of the pixel's parameters with
        respect to what the network is given of each pixel, its scaled values or their vectors,
        summed over parameters and these. Zero means not seen.

    Raises:
        UsageError: `at` outside the image, or a model that gives NaN.
    """
    check_pixel_model(model)
    i, j = check_pixel(at, model.image_shape)
    check_size("images", images, "images at once")
    check_weights_finite(model)
    rng = np.random.default_rng(check_seed(seed))
    order = check_int("order", order, 0, orders_of(model) - 1)
    encoded = _encoded_condition(model, condition, images, rng, order)
    levels = rng.integers(0, model.levels, (images, *model.image_shape))
    scaled = ops.convert_to_numpy(ops.cast(model.scale_levels(levels), "float32"))

    def predicted(inputs):
        return restore(model.predict_scaled(reorient(inputs, order), encoded), order)

    outputs = comparable(predicted(ops.convert_to_tensor(scaled)))
    # A random projection of the parameters: their plain sum could cancel.
    weights = rng.normal(size=outputs[:, i, j].shape).astype("float32")

    def at_pixel(inputs):
        return ops.sum(predicted(inputs)[:, i, j] * weights)

    gradient = backend.gradient(at_pixel, ops.convert_to_tensor(scaled))
    return np.abs(comparable(gradient)).mean(axis=0).sum(axis=-1)


def changed_features(
    model: Any, at: tuple[int, int], *, seed: int | None = 0, order: int = 0
) -> tuple[np.ndarray, ...]:
    """Which features of an unconditional `GatedPixelCNN` change when one pixel changes.

    Args:
        model: `GatedPixelCNN`.
        at: `(i, j)`, row and column of the pixel.
        seed: of the random image.
        order: in which the model reads.

    Returns:
        bool `(blocks, H, W)` for the vertical stack and the same for the horizontal one: whether
        any feature of that pixel, after that block, changes.
    """
    check_has("model", model, "a GatedPixelCNN", "stacks")
    i, j = check_pixel(at, model.image_shape)
    image = np.random.default_rng(check_seed(seed)).integers(0, model.levels, model.image_shape)
    other = image.copy()
    other[i, j] = (other[i, j] + 1) % model.levels
    # Each in a batch of its own: two in one batch could be rounded differently.
    order = check_int("order", order, 0, model.orders - 1)
    plain, changed = (_stacks(model, x[None], order) for x in (image, other))
    return tuple((plain != changed).any(axis=-1))


def _stacks(model, image, order):
    """Features of one image after every block, `(2, blocks, H, W, F)`: vertical, horizontal."""
    scaled = reorient(ops.convert_to_tensor(model.scale(image)), order)
    encoded = _encoded_condition(model, None, 1, None, order) if model.orders > 1 else None
    features = []
    for pair in model.stacks(scaled, encoded):
        features.append([comparable(restore(stack, order))[0] for stack in pair])
    return np.array(features).swapaxes(0, 1)


def check_pixel(at: tuple[int, int], shape: Sequence[int]) -> tuple[int, int]:
    """Return `at` as row and column within the image, or raise `UsageError`."""
    if not isinstance(at, (tuple, list)) or len(at) != 2:
        raise UsageError(f"at must be (row, column), got {short(at)}")
    row, column = (
        check_int(f"at {n}", v, 0, size - 1)
        for n, v, size in zip(("row", "column"), at, shape[:2], strict=True)
    )
    return row, column


def _encoded_condition(model, condition, n, rng, order):
    if condition is None and model.condition is not None:
        condition = random_condition(model.condition, n, rng)
    given = model.check_condition(condition, n, *([order] if order else []))
    return None if given is None else model.encode_condition(of_each(ops.convert_to_tensor, given))
