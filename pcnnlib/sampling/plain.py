"""The plain way to draw, and the reference: the whole network once per pixel. Simple and slow."""

from typing import Any

import numpy as np
from keras import ops

from pcnnlib._internal import backend
from pcnnlib.nn.distributions import drawn_levels


def start(model: Any, batch: int, condition: Any) -> tuple:
    """The state before the first row: images without a pixel drawn, and the condition."""
    return np.zeros((batch, *model.image_shape), "int32"), condition


def draw_row(
    model: Any, state: Any, i: Any, inputs: Any, temperature: float, keep_parameters: bool = False
) -> tuple:
    """Draw row i of a batch; see `pcnnlib.sampling.draw.METHODS`."""
    images, condition = state
    noise, image, keep = (part[:, i] for part in inputs)

    def draw(images, condition, noise, image, keep, at, temperature):
        """Parameters and values of the pixel in row i, column j, from the whole network."""
        parameters = model(images if condition is None else (images, condition), training=False)
        parameters = ops.take(ops.take(parameters, at[0], axis=1), at[1], axis=1)[:, None, None]
        given = (x[:, None, None] for x in (image, keep))
        values = model.distribution.sample_given(
            parameters, noise[:, None, None], temperature, *given
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
                None if condition is None else ops.convert_to_tensor(condition),
                *(ops.convert_to_tensor(x[:, j]) for x in (noise, image, keep)),
                at,
                ops.convert_to_tensor(temperature, "float32"),
            )
            values = drawn_levels(values)
            # Channels before this one are fixed by now; later ones must not be seen yet.
            upto = steps + 1 if model.distribution.channelwise else channels
            images[:, i, j, :upto] = values[:, :upto]
        row_parameters.append(ops.convert_to_numpy(parameters))
    return (images, condition), images[:, i].astype("uint8"), np.stack(row_parameters, axis=1)
