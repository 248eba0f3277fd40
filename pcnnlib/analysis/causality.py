"""Is a model causal? Which predictions change when a pixel, or a condition, changes.

"Before" means raster order: row by row, left to right, and R before G before B within a pixel; or
another of the orders in `pcnnlib.nn.raster.ORDERS`.
H rows, W columns, C channels, K levels.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import (
    UsageError,
    check_has,
    check_int,
    check_seed,
    check_size,
    check_weights_finite,
    not_finite,
)
from pcnnlib._internal.levels import as_levels
from pcnnlib.models import LatentPrior
from pcnnlib.nn.conditions import joined, rows_of
from pcnnlib.nn.raster import before, orders_of, raster_order


@dataclass(frozen=True)
class CausalityReport:
    """Which predictions change when a pixel changes.

    Attributes:
        influence: bool `(H, W, C, H, W, C)`: `[i, j, c]` changes the prediction `[k, l, d]`.
        causal: whether every prediction depends on earlier values alone.
        leaks: list of `((i, j, c), (k, l, d))` where a value changes the prediction of itself or of
            an earlier one.
        order: in which the model read.
        blind_spot: bool, same shape: an earlier value that never changes a later prediction.
    """

    influence: np.ndarray = field(repr=False)
    order: int = 0

    @property
    def before(self) -> np.ndarray:
        """bool, same shape: the input comes before the prediction in the order of generation."""
        turns = raster_order(*self.influence.shape[:3], order=self.order)
        return turns[..., None, None, None] < turns

    @property
    def leaks(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        pairs = np.argwhere(self.influence & ~self.before)
        return [(tuple(map(int, pair[:3])), tuple(map(int, pair[3:]))) for pair in pairs]

    @property
    def causal(self) -> bool:
        return not (self.influence & ~self.before).any()

    @property
    def blind_spot(self) -> np.ndarray:
        return self.before & ~self.influence

    def seen_from(self, at: tuple[int, int]) -> np.ndarray:
        """bool `(H, W)`: pixels of which some channel changes the prediction at `(i, j)`."""
        return np.any(self.influence[:, :, :, at[0], at[1], :], axis=(2, 3))

    def blind_to(self, at: tuple[int, int]) -> np.ndarray:
        """bool `(H, W)`: earlier pixels that change no channel's prediction at `(i, j)`."""
        earlier = before(self.influence.shape[:2], at, self.order)
        return np.asarray(earlier & ~self.seen_from(at))

    def __str__(self):
        pairs = int(self.before.sum())
        blind = int(self.blind_spot.sum())
        lines = ["causal: yes" if self.causal else f"causal: NO, {len(self.leaks)} leaks"]
        for value, prediction in self.leaks[:3]:
            lines.append(f"  value {value} changes the prediction of {prediction}")
        share = f" ({100 * blind / pairs:.1f}%)" if pairs else ""
        lines.append(f"earlier values never seen: {blind:,} of {pairs:,} pairs{share}")
        return "\n".join(lines)


def check_causality(
    model: Any,
    *,
    condition: Any = None,
    images: int = 4,
    seed: int | None = 0,
    batch_size: int = 64,
    order: int = 0,
) -> CausalityReport:
    """Change every value of an image in turn and see which predictions change.

    Two images that differ in one value are evaluated at the same place of two batches of equal
    size, so on a CPU an output that does not depend on the value is equal to the last bit, and the
    comparison is exact.

    The distribution is a part of the prediction: a mixture's parameters have no channels, so each
    channel's prediction is the mixture's, given the earlier channels of its pixel
    (`LogisticMixture.per_channel`).

    Args:
        model: anything with `image_shape` and `levels` that maps integer images `(B, H, W, C)` to
            parameters `(B, H, W, C, ...)`; also `condition` if it is conditional, and
            `distribution` if its parameters have no axis of channels.
        condition: `(images, ...)` for a conditional model; random if None.
        images: random images tried; an influence counts if any of them shows it.
        seed: of the images.
        batch_size: images evaluated at once.
        order: in which the model reads.

    Returns:
        `CausalityReport`. Its blind spot counts all earlier values that are not seen; of a shallow
        model, also those too far away.

    Raises:
        UsageError: an argument out of range, or a model that predicts NaN.
    """
    check_pixel_model(model)
    check_size("images", images, "images at once")
    check_size("batch_size", batch_size, "images at once")
    check_weights_finite(model)
    shape = tuple(model.image_shape)
    n = int(np.prod(shape))
    rng = np.random.default_rng(check_seed(seed))
    influence = np.zeros((n, n), bool)
    conditions = getattr(model, "condition", None)
    if conditions is not None and condition is None:
        condition = random_condition(conditions, images, rng)
    orders = orders_of(model)
    order = check_int("order", order, 0, orders - 1)
    given = None
    if condition is not None or orders > 1:
        given = model.check_condition(condition, images, *([order] if orders > 1 else []))
    for trial in range(images):
        image = rng.integers(0, model.levels, shape)
        # 1 .. K-1 further, modulo K: always another level.
        shifts = rng.integers(1, model.levels, n)
        for first in range(0, n, batch_size):
            changed = np.minimum(np.arange(first, first + batch_size), n - 1)
            plain = np.repeat(image.reshape(1, n), batch_size, axis=0)
            other = plain.copy()
            values = other[np.arange(batch_size), changed]
            other[np.arange(batch_size), changed] = (values + shifts[changed]) % model.levels
            same = rows_of(given, np.full(batch_size, trial))
            pairs = (x.reshape(batch_size, *shape) for x in (plain, other))
            inputs = [joined(as_levels(x, model.levels), same) for x in pairs]
            seen = [predictions_of(model, x) for x in inputs]
            differs = (seen[0] != seen[1]).reshape(batch_size, n, -1).any(axis=-1)
            influence[changed] |= differs
    return CausalityReport(influence.reshape(*shape, *shape), order)


def check_pixel_model(model: Any) -> None:
    """Raise `UsageError` unless a model has a prediction of each pixel, given those before it.

    That a prediction sees later pixels too, as that of an autoencoder does, is for the caller.
    """
    check_has("model", model, "a model of this library", "image_shape", "levels")
    if isinstance(model, LatentPrior):
        raise UsageError(
            "model must predict pixels, and a LatentPrior predicts codes: take its prior or its "
            "autoencoder"
        )


def predictions_of(model: Any, inputs: Any) -> np.ndarray:
    """A model's prediction of every channel of every pixel, given all before: `(B, H, W, C, ...)`.

    Args:
        model: as for `check_causality`.
        inputs: integer images `(B, H, W, C)`, or images and what they come with, as a tuple.

    Raises:
        UsageError: a prediction is NaN.
    """
    parameters = model(inputs)
    if hasattr(model, "distribution"):
        images = inputs[0] if isinstance(inputs, tuple) else inputs
        parameters = model.distribution.per_channel(parameters, ops.convert_to_tensor(images))
    return comparable(parameters)


def comparable(predictions: Any) -> np.ndarray:
    """Predictions as an array, to be compared with others.

    Raises:
        UsageError: there is a NaN in it, which differs from itself: everything would seem changed.
    """
    predictions = ops.convert_to_numpy(predictions)
    if np.isnan(predictions).any():
        raise not_finite("predictions", "compare")
    return predictions


def changed_predictions(
    model: Any, images: ArrayLike, condition: Any, other: Any, order: Any = 0
) -> np.ndarray:
    """Which pixels' predictions change when the condition does and the images do not.

    Args:
        model: a conditional model.
        images: integer levels `(N, H, W, C)`.
        condition, other: two conditions, `(N, ...)` each.
        order: in which the images are read.

    Returns:
        bool `(H, W)`: whether the parameters of the pixel differ for any of the images.

    Raises:
        UsageError: images or conditions that do not fit the model.
    """
    check_pixel_model(model)
    images = model.check_images(images)
    # In one batch shape, so that on a CPU what does not depend on the condition is equal exactly.
    seen = [
        comparable(model(joined(images, model.check_condition(c, len(images), order))))
        for c in (condition, other)
    ]
    differs = seen[0] != seen[1]
    return differs.any(axis=(0, *range(3, differs.ndim)))


def random_condition(condition: Any, n: int, rng: np.random.Generator) -> np.ndarray:
    """`n` random values of a `Labels`, `Vector` or `Map` condition."""
    return np.asarray(condition.random(n, rng))
