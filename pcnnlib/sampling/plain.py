"""The plain way to draw, and the reference: the whole network once per pixel. Simple and slow."""

from typing import Any

import numpy as np
from keras import ops

from pcnnlib._internal import backend
from pcnnlib._internal.levels import as_levels
from pcnnlib.nn.conditions import joined, of_each
from pcnnlib.nn.distributions import drawn_levels
from pcnnlib.nn.raster import orders_of


def predict(model: Any, images: Any, given: Any) -> Any:
    """Parameters of every pixel, of images that are in raster order already.

    Args:
        model: any model of this library.
        images: levels; of a model that reads in several orders, reoriented.
        given: what they come with, as the model's `check_condition` returns it.
    """
    if orders_of(model) == 1:
        return model(joined(images, given), training=False)
    # The model itself would reorient them once more.
    return model.predict_scaled(model.scale_levels(images), model.encode_condition(given))


def start(model: Any, batch: int, given: Any) -> tuple:
    """The state before the first row: images without a pixel drawn, and what they come with."""
    return np.zeros((batch, *model.image_shape), "int32"), given


def draw_row(
    model: Any, state: Any, i: Any, inputs: Any, temperature: float, keep_parameters: bool = False
) -> tuple:
    """Draw row i of a batch; see `pcnnlib.sampling.draw.METHODS`."""
    images, given = state
    noise, image, keep = (part[:, i] for part in inputs)

    def draw(images, given, noise, image, keep, at, temperature):
        """Parameters and values of the pixel in row i, column j, from the whole network."""
        parameters = predict(model, images, given)
        parameters = ops.take(ops.take(parameters, at[0], axis=1), at[1], axis=1)[:, None, None]
        kept = (x[:, None, None] for x in (image, keep))
        values = model.distribution.sample_given(
            parameters, noise[:, None, None], temperature, *kept
        )
        return values[:, 0, 0], parameters[:, 0, 0]

    draw = backend.compiled_once(model, ("full", len(images)), draw, xla=False)
    images, row_parameters = images.copy(), []
    width, channels = images.shape[2:]
    for j in range(width):
        for steps in range(channels if model.distribution.channelwise else 1):
            at = ops.convert_to_tensor([i, j], "int32")
            values, parameters = draw(
                ops.convert_to_tensor(images),
                of_each(ops.convert_to_tensor, given),
                *(ops.convert_to_tensor(x[:, j]) for x in (noise, image, keep)),
                at,
                ops.convert_to_tensor(temperature, "float32"),
            )
            values = drawn_levels(values, model.levels)
            # Channels before this one are fixed by now; later ones must not be seen yet.
            upto = steps + 1 if model.distribution.channelwise else channels
            images[:, i, j, :upto] = values[:, :upto]
        row_parameters.append(ops.convert_to_numpy(parameters))
    return (images, given), as_levels(images[:, i], model.levels), np.stack(row_parameters, axis=1)
