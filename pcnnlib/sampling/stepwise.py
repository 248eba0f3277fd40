"""One pixel at a time, with the caller between them: for whoever must see each prediction first.

The sampler compiles a whole row, because nothing of it is needed outside. A decoder of compressed
images has to look up each value in a file before the next can be predicted: here the probabilities
of a value come out, and the value goes in.

The same compiled functions run whether the values are known before or not, so that both sides of a
file compute the same bits. B batch, W columns, C channels, K levels.
"""

from typing import Any

import numpy as np
from keras import ops

from pcnnlib._internal import backend
from pcnnlib.nn.conditions import of_each
from pcnnlib.sampling import cached, plain


def pixel_steps(model: Any, batch: int, given: Any) -> Any:
    """Steps through a batch of images in raster order.

    Args:
        model: any model of this library.
        batch: B.
        given: what the images come with, see `AutoregressiveModel.check_condition`.

    Returns:
        An object whose methods are called in this order: `begin_row(i)`; then for each column
        `probabilities(j, channel, values)` of each channel, float32 `(B, K)`, and
        `append(j, values)`; then `end_row(values)` with the whole row `(B, W, C)`. The values of
        a pixel are int32 `(B, C)`, zeros standing where a channel is not known yet.
    """
    if cached.fits(model):
        return CachedSteps(model, batch, given)
    return PlainSteps(model, batch, given)


class CachedSteps:
    """From the caches of `pcnnlib.sampling.cached`: of each pixel only what is new."""

    def __init__(self, model: Any, batch: int, given: Any) -> None:
        self.model, self.batch = model, batch
        self.caches, self.encoded = cached.start(model, batch, given)
        self.rows: Any = None  # each block's input in this row, from the second block on
        self.link_features: Any = None
        self.left: Any = None
        self.parameters: Any = None
        self.pixels: Any = None  # each block's input at this pixel

    def begin_row(self, i: int) -> None:
        """The vertical stack of row i, for all columns."""

        # What is compiled stays with the model, and must not keep this object.
        model, batch = self.model, self.batch

        def begin(caches, h):
            h = None if cached.is_nothing(h) else h
            rows, features = cached.vertical_steps(model, caches, h)
            left = cached.left_of_row(model, caches, batch)
            return rows[1:], [part[:, 0] for part in features], left

        h = cached.row_condition(self.model, self.encoded, i)
        self.rows, self.link_features, self.left = self._compiled("begin", begin)(self.caches, h)

    def probabilities(self, j: int, channel: int, values: np.ndarray) -> np.ndarray:
        """Probability of each level of one channel in column j, given the channels before it."""
        model = self.model

        def predict(left, link_features, j, values):
            features = _column(link_features, j)
            parameters, pixels = cached.predict_pixel(model, left, features, values)
            return parameters, pixels, of_channel(parameters, values)

        def of_channel(parameters, values):
            known = values[:, None, None]
            return model.distribution.probabilities(parameters, known)[:, 0, 0, channel]

        values = ops.convert_to_tensor(values)
        if channel and not model.distribution.channelwise:
            found = self._compiled(f"channel {channel}", of_channel)(self.parameters, values)
        else:
            column = ops.convert_to_tensor(j, "int32")
            self.parameters, self.pixels, found = self._compiled(f"predict {channel}", predict)(
                self.left, self.link_features, column, values
            )
        return ops.convert_to_numpy(found)

    def append(self, j: int, values: np.ndarray) -> None:
        """The pixel in column j is known."""
        model = self.model

        def append(left, pixels, link_features, j, values):
            features = _column(link_features, j)
            return cached.append_pixel(model, left, pixels, features, values)

        append = self._compiled("append", append)
        column = ops.convert_to_tensor(j, "int32")
        self.left = append(
            self.left, self.pixels, self.link_features, column, ops.convert_to_tensor(values)
        )

    def end_row(self, values: np.ndarray) -> None:
        """The whole row is known, `(B, W, C)`."""
        model = self.model

        def end(caches, left, rows, values):
            caches = cached.after_row(model, caches, left)
            return cached.append_rows(model, caches, [None, *rows], values)

        values = ops.convert_to_tensor(values)
        self.caches = self._compiled("end", end)(self.caches, self.left, self.rows, values)

    def _compiled(self, name, function):
        key = (f"step by step, {name}", self.batch)
        return backend.compiled_once(self.model, key, function, xla=cached.XLA)


class PlainSteps:
    """From the whole network, once for each value: for models without caches. Slow."""

    def __init__(self, model: Any, batch: int, given: Any) -> None:
        self.model, self.given = model, of_each(ops.convert_to_tensor, given)
        self.images = np.zeros((batch, *model.image_shape), "int32")
        self.row = 0

    def begin_row(self, i: int) -> None:
        self.row = i

    def probabilities(self, j: int, channel: int, values: np.ndarray) -> np.ndarray:
        """See `CachedSteps.probabilities`."""

        model = self.model

        def predict(images, given, at):
            parameters = plain.predict(model, images, given)
            parameters, known = (
                ops.take(ops.take(x, at[0], axis=1), at[1], axis=1)[:, None, None]
                for x in (parameters, images)
            )
            found = model.distribution.probabilities(parameters, known)[:, 0, 0]
            return ops.take(found, at[2], axis=1)

        self.images[:, self.row, j] = values
        key = ("step by step", len(self.images))
        predict = backend.compiled_once(model, key, predict, xla=False)
        at = ops.convert_to_tensor([self.row, j, channel], "int32")
        return ops.convert_to_numpy(predict(ops.convert_to_tensor(self.images), self.given, at))

    def append(self, j: int, values: np.ndarray) -> None:
        self.images[:, self.row, j] = values

    def end_row(self, values: np.ndarray) -> None:
        pass


def _column(parts, j):
    """Column j of `(B, W, F)` each, as `(B, 1, 1, F)`."""
    # A slice would be compiled anew for every column: XLA takes its beginning for fixed.
    return [ops.take(part, j, axis=1)[:, None, None] for part in parts]
