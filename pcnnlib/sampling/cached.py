"""Drawing from caches: computes what a new pixel changes, and nothing else.

In the spirit of Ramachandran et al. 2017 (arXiv:1704.06001). The vertical stack of a row depends on
nothing but the rows above: it runs once per row, for all columns. The horizontal stack runs once
per pixel (once per channel for ordered colour). The caches hold the rows and columns that the
kernels still reach, so memory grows with W times layers (times dilation), not with H*W times
layers. Blocks that read all earlier pixels (`ImageBlock`) are the exception: theirs is a memory of
the whole image.

B batch, W columns, C channels, N uniform numbers per channel.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from pcnnlib._internal import backend
from pcnnlib.nn.conditions import of_each
from pcnnlib.nn.distributions import drawn_levels
from pcnnlib.sampling.guidance import copies_of
from pcnnlib.sampling.protocol import CachedBlock, ImageBlock

# Whether TensorFlow compiles a row through XLA. Small batches spend their time between operations,
# which XLA removes; `benchmarks/sampling.py` measures both.
XLA = True


def fits(model: Any) -> bool:
    """Whether every block of a model can be drawn from caches."""
    blocks = getattr(model, "blocks", ())
    return bool(blocks) and all(isinstance(block, CachedBlock | ImageBlock) for block in blocks)


def start(model: Any, batch: int, given: Any) -> tuple:
    """The state before the first row: what blocks keep of rows above, the encoded condition."""
    width = model.image_shape[1]
    seen = batch * copies_of(model)
    caches = [
        block.initial_memory(seen) if has_memory(block) else block.initial_cache(seen, width)[0]
        for block in model.blocks
    ]
    encoded = ()
    if given is not None:
        encoded = model.encode_condition(of_each(ops.convert_to_tensor, given))
    return caches, encoded


def has_memory(block: Any) -> bool:
    """Whether a block keeps something of all pixels drawn so far, from row to row."""
    return isinstance(block, ImageBlock)


def draw_row(
    model: Any, state: Any, i: Any, inputs: Any, temperature: float, keep_parameters: bool = False
) -> tuple:
    """Draw row i of a batch; see `pcnnlib.sampling.draw.METHODS`."""
    caches, encoded = state
    noise, image, keep = (part[:, i] for part in inputs)
    h = row_condition(model, encoded, i)

    def draw(caches, h, noise, image, keep, temperature):
        return _draw_row(model, caches, h, noise, image, keep, temperature, keep_parameters)

    name = "cached, with parameters" if keep_parameters else "cached"
    draw = backend.compiled_once(model, (name, len(noise)), draw, xla=XLA)
    caches, values, parameters = draw(
        caches,
        h,
        ops.convert_to_tensor(noise),
        ops.convert_to_tensor(image),
        ops.convert_to_tensor(keep),
        ops.convert_to_tensor(temperature, "float32"),
    )
    return (caches, encoded), drawn_levels(values, model.levels), ops.convert_to_numpy(parameters)


def row_condition(model: Any, encoded: Any, i: int) -> Any:
    """The encoded condition of row i; see `start`."""
    # A map differs from row to row; labels and vectors are the same in all of them.
    return encoded[:, i : i + 1] if not is_nothing(encoded) and encoded.shape[1] > 1 else encoded


def is_nothing(encoded: Any) -> bool:
    """Whether there is no encoded condition, see `start`: an empty tuple can be compiled for."""
    return isinstance(encoded, tuple)


def vertical_steps(model: Any, caches: Any, h: Any) -> tuple[list, list]:
    """The vertical stack of one row: each block's input, and its link features `(B, 1, W, any)`.

    The first block's input is None: the image's own row is not drawn yet.
    """
    row = None
    rows, link_features = [], []
    for block, above in zip(model.blocks, caches, strict=True):
        rows.append(row)
        row, features = block.vertical_step(above, row, h)
        link_features.append(features)
    return rows, link_features


def append_rows(model: Any, caches: Any, rows: list, values: Any) -> list:
    """The blocks' caches for the next row.

    Args:
        caches: for the row that has been drawn; what keeps the whole image is complete already.
        rows: each block's input in that row, from `vertical_steps`.
        values: that were drawn, `(B, W, C)`: the first block's input.
    """
    rows = [model.scale_levels(values)[:, None], *rows[1:]]
    return [
        above if has_memory(block) else block.append_row(above, row)
        for block, above, row in zip(model.blocks, caches, rows, strict=True)
    ]


def cache_size(model: Any) -> int:
    """Numbers that are kept from one row to the next, and within a row, for one image.

    Grows with the width of the image and the number of blocks. It grows with the height only where
    blocks read all earlier pixels, as attention does.
    """
    caches = [
        block.initial_memory(1)
        if has_memory(block)
        else block.initial_cache(1, model.image_shape[1])
        for block in model.blocks
    ]
    return sum(int(np.prod(cache.shape)) for cache in keras.tree.flatten(caches))


def _draw_row(model, caches, h, noise, image, keep, temperature, keep_parameters):
    """Draw one row of a batch.

    Args:
        caches: per block, what it keeps of the rows above.
        h: encoded condition of this row, or an empty tuple.
        noise: `(B, W, C, N)`; image: int `(B, W, C)`; keep: bool `(B, W, C)`.

    Returns:
        `(caches for the next row, values (B, W, C), parameters (B, W, ...) if kept)`.
    """
    h = None if is_nothing(h) else h
    batch, width = image.shape[:2]
    rows, link_features = vertical_steps(model, caches, h)
    sizes = [features.shape[-1] for features in link_features]
    link_features = ops.concatenate(link_features, axis=-1)[:, 0]  # (B, W, all blocks' features)

    left = left_of_row(model, caches, batch)
    columns = ops.arange(width, dtype="int32")

    def put(row, j, pixel):
        """The row with its column j replaced."""
        at = ops.reshape(columns == j, (1, width, *[1] * (len(row.shape) - 2)))
        return ops.where(at, ops.expand_dims(pixel, 1), row)

    def step(j, state):
        left, values, seen = state
        column = [ops.squeeze(_column(x, j), 1) for x in (link_features, noise, image, keep)]
        pixel, left, parameters = _draw_pixel(model, left, sizes, *column, temperature)
        # Kept only where they are wanted: with 256 levels they would be most of the memory traffic.
        return left, put(values, j, pixel), put(seen, j, parameters) if keep_parameters else seen

    values = ops.zeros_like(image)
    parameters = ops.zeros((0,), "float32")
    if keep_parameters:
        size = (batch, 1, width, model.distribution.size)
        parameters = model.distribution.parameters(ops.zeros(size))[:, 0]
    left, values, parameters = ops.fori_loop(0, width, step, (left, values, parameters))
    caches = after_row(model, caches, left)
    return append_rows(model, caches, rows, values), values, parameters


def _draw_pixel(model, left, sizes, link_features, noise, image, keep, temperature):
    """Draw one pixel of a batch, channel after channel.

    Args:
        left: per block, what it keeps of the row to the left, or of all pixels before.
        sizes: per block, how many of the link features are its own.
        link_features: of this pixel, all blocks together, `(B, sum of sizes)`.
        noise: `(B, C, N)`; image, keep: `(B, C)`.

    Returns:
        `(values (B, C), left of the next pixel, parameters of the pixel (B, ...))`.
    """
    link_features = link_features[:, None, None]
    if len(sizes) > 1:  # TensorFlow takes an empty list of positions for floats
        link_features = ops.split(link_features, np.cumsum(sizes)[:-1].tolist(), axis=-1)
    else:
        link_features = [link_features]
    channels = image.shape[-1]
    values = ops.where(keep, image, ops.zeros_like(image))
    for channel in range(channels if model.distribution.channelwise else 1):
        parameters, pixels = predict_pixel(model, left, link_features, values)
        given = (x[:, None, None] for x in (image, keep))
        drawn = model.distribution.sample_given(
            parameters, noise[:, None, None], temperature, *given
        )[:, 0, 0]
        if model.distribution.channelwise:
            # Later channels are placeholders until it is their turn.
            values = ops.where(np.arange(channels) <= channel, drawn, values)
        else:
            values = drawn
    left = append_pixel(model, left, pixels, link_features, values)
    return values, left, parameters[:, 0, 0]


def predict_pixel(model: Any, left: list, link_features: list, values: Any) -> tuple[Any, list]:
    """Parameters of one pixel, and the input of each block at it.

    Args:
        model: one that `fits`.
        left: per block, what it keeps of the row to the left, or of all pixels before.
        link_features: per block, of this pixel, `(B, 1, 1, any)`.
        values: the channels known so far, and placeholders, `(B, C)`.

    Returns:
        `(parameters (B, 1, 1, ...), inputs)`, each input `(B, 1, 1, any)`.
    """
    pixel, pixels = model.scale_levels(values)[:, None, None], []
    for block, kept, features in zip(model.blocks, left, link_features, strict=True):
        pixels.append(pixel)
        pixel = block.horizontal_step(kept, pixel, features)
    return model.distribution.parameters(model.head(pixel)), pixels


def append_pixel(model: Any, left: list, pixels: list, link_features: list, values: Any) -> list:
    """What the blocks keep for the next pixel, once all channels of this one are known."""
    # The inputs of all blocks but the first were complete before.
    image = model.scale_levels(values)[:, None, None]
    pixels = [image, *pixels[1:]]
    return [
        block.remember(kept, pixel, features, image)
        if has_memory(block)
        else block.append_pixel(kept, pixel)
        for block, kept, pixel, features in zip(
            model.blocks, left, pixels, link_features, strict=True
        )
    ]


def left_of_row(model: Any, caches: Any, batch: int) -> list:
    """What the blocks keep before the first pixel of a row.

    A memory of the whole image goes on where the row above has left it.
    """
    width, seen = model.image_shape[1], batch * copies_of(model)
    return [
        above if has_memory(block) else block.initial_cache(seen, width)[1]
        for block, above in zip(model.blocks, caches, strict=True)
    ]


def after_row(model: Any, caches: Any, left: list) -> list:
    """The caches after the last pixel of a row: a memory of the whole image has grown."""
    return [
        kept if has_memory(block) else above
        for block, above, kept in zip(model.blocks, caches, left, strict=True)
    ]


def _column(x, j):
    """Column j of `(B, W, ...)`, as `(B, 1, ...)`, for an index known only when running."""
    start = [0, j, *[0] * (len(x.shape) - 2)]
    return ops.slice(x, start, (x.shape[0], 1, *x.shape[2:]))
