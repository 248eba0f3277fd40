"""Drawing by fixed-point iteration: guess the pixels, redraw all of them, until nothing changes.

Once the noise is drawn, every value is a function of the values before it. A round redraws all of
them, and puts right at least the first one that was still wrong: so no more rounds are needed than
there are values, and values that a round does not change are those that drawing one after another
gives. Where few of them depend on their nearest neighbours, far fewer rounds are enough (Wiggers
and Hoogeboom 2020, arXiv:2002.09928; Song et al. 2021, arXiv:2002.03629).

B batch, H rows, W columns, C channels, N uniform numbers per channel.
"""

from typing import Any

import numpy as np
from keras import ops

from pcnnlib._internal import backend
from pcnnlib.nn.conditions import of_each
from pcnnlib.nn.distributions import drawn_levels
from pcnnlib.sampling import cached, plain
from pcnnlib.sampling.protocol import RowBlock


def draw_image(model: Any, given: Any, inputs: Any, temperature: float) -> tuple:
    """Draw a batch, all pixels in each round: the whole network, once a round. For any model.

    Args:
        model: any model of this library.
        given: what the images come with, see `plain.predict`, or None.
        inputs: noise `(B, H, W, C, N)`, image int `(B, H, W, C)`, keep bool `(B, H, W, C)`.
        temperature: > 0.

    Returns:
        `(values (B, H, W, C), rounds int (B, H))`: after how many rounds each row of each image was
        as it stayed.
    """
    noise, image, keep = (ops.convert_to_tensor(part) for part in inputs)
    given = of_each(ops.convert_to_tensor, given)

    def redraw(values, given, noise, image, keep, temperature):
        parameters = plain.predict(model, values, given)
        drawn = model.distribution.sample_given(parameters, noise, temperature, image, keep)
        return drawn, ops.any(drawn != values, axis=(2, 3))

    redraw = backend.compiled_once(model, ("parallel", len(inputs[0])), redraw, xla=False)
    temperature = ops.convert_to_tensor(temperature, "float32")
    values = ops.where(keep, image, ops.zeros_like(image))
    settled = np.zeros(image.shape[:2], int)
    for number in range(1, int(np.prod(model.image_shape)) + 1):
        values, changed = redraw(values, given, noise, image, keep, temperature)
        changed = ops.convert_to_numpy(changed)
        settled[changed] = number
        if not changed.any():
            break
    return drawn_levels(values, model.levels), settled


def start(model: Any, batch: int, given: Any) -> tuple:
    """The state before the first row: no images yet, and what they come with."""
    return None, given


def take_row(
    model: Any, state: Any, i: Any, inputs: Any, temperature: float, keep_parameters: bool = False
) -> tuple:
    """Row i of images that are drawn whole before their first row; see `sampling.draw.METHODS`."""
    images, given = state
    if images is None:
        images, _ = draw_image(model, given, inputs, temperature)
    parameters = np.zeros(0)
    if keep_parameters:
        parameters = ops.convert_to_numpy(plain.predict(model, images, given))[:, i]
    return (images, given), images[:, i], parameters


def fits_rows(model: Any) -> bool:
    """Whether every block of a model can compute a row that is guessed."""
    blocks = getattr(model, "blocks", ())
    return bool(blocks) and all(isinstance(block, RowBlock) for block in blocks)


def draw_row(
    model: Any, state: Any, i: Any, inputs: Any, temperature: float, keep_parameters: bool = False
) -> tuple:
    """Draw row i of a batch; see `pcnnlib.sampling.draw.METHODS`.

    The rows above are finished and cached, as in `cached`; rounds are needed within the row alone.
    The state is that of `cached.start`, and, after the first row, the rounds of each row.
    """
    caches, encoded, *rounds = state
    h = cached.row_condition(model, encoded, i)

    def draw(caches, h, *inputs):
        return _draw_row(model, caches, h, *inputs, keep_parameters)

    name = "rows, with parameters" if keep_parameters else "rows"
    draw = backend.compiled_once(model, (name, len(inputs[0])), draw, xla=cached.XLA)
    caches, values, parameters, number = draw(
        caches,
        h,
        *(ops.convert_to_tensor(part[:, i]) for part in inputs),
        ops.convert_to_tensor(temperature, "float32"),
    )
    state = (caches, encoded, *rounds, int(number))
    return state, drawn_levels(values, model.levels), ops.convert_to_numpy(parameters)


def _draw_row(model, caches, h, noise, image, keep, temperature, keep_parameters):
    """As `cached._draw_row`; returns also how many rounds changed something."""
    h = None if cached.is_nothing(h) else h
    rows, link_features = cached.vertical_steps(model, caches, h)

    def predict(values):
        row = model.scale_levels(values)[:, None]
        for block, features in zip(model.blocks, link_features, strict=True):
            row = block.horizontal_row(row, features)
        return model.distribution.parameters(model.head(row))

    def redraw(values, number, changed):
        given = (part[:, None] for part in (image, keep))
        drawn = model.distribution.sample_given(
            predict(values), noise[:, None], temperature, *given
        )[:, 0]
        changed = ops.any(drawn != values)
        return drawn, number + ops.cast(changed, "int32"), changed

    first = ops.where(keep, image, ops.zeros_like(image))
    values, number, _ = ops.while_loop(
        lambda values, number, changed: changed,
        redraw,
        (first, ops.zeros((), "int32"), ops.ones((), "bool")),
        maximum_iterations=int(np.prod(image.shape[1:])) + 1,
    )
    parameters = predict(values)[:, 0] if keep_parameters else ops.zeros((0,), "float32")
    return cached.append_rows(model, caches, rows, values), values, parameters, number
