"""Causal self-attention: a pixel looks at all pixels before it, however far away they are.

Follows PixelSNAIL (Chen et al. 2018, arXiv:1712.09763, sections 3 and 4); attention is that of
Vaswani et al. 2017 (arXiv:1706.03762). Tensors are NHWC: B batch, H rows, W columns, F filters.
Pixels in raster order are n = H*W.

The cached sampler draws from it by the methods of `pcnnlib.sampling.ImageBlock`.
"""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from pcnnlib._internal.errors import UsageError, check_int, check_size
from pcnnlib.nn import biases
from pcnnlib.nn.layers import ChannelDense

_register = keras.saving.register_keras_serializable("pcnnlib")

HEADS = 4  # by default, where the features can be divided by so many
# Every pixel is weighed against every other: more make a table that no memory holds.
MOST_PIXELS = 16_384
# Added to the score of a pixel that must not be seen: finite, so that there is no NaN where no
# pixel may be seen, and so large that the softmax of a hidden pixel is 0 exactly.
HIDDEN = -1e9


def visible_before(pixels: int) -> np.ndarray:
    """The causal mask of attention: which pixel sees which, bool `(n, n)`.

    Row p is the pixel that looks, in raster order. It sees the pixels before it, and not itself.

    >>> visible_before(3).astype(int).tolist()
    [[0, 0, 0], [1, 0, 0], [1, 1, 0]]
    """
    return np.tril(np.ones((pixels, pixels), bool), -1)


def pixel_positions(height: int, width: int) -> np.ndarray:
    """Row and column of each pixel in raster order, from -1 to 1, float32 `(n, 2)`."""
    sides = [np.linspace(-1, 1, side) if side > 1 else np.zeros(1) for side in (height, width)]
    return np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 2).astype("float32")


def attention_weights(queries: Any, keys: Any, visible: Any, heads: int) -> Any:
    """How much each pixel takes from each: `softmax(Q K^T / sqrt(d))` of what it may see.

    Args:
        queries: `(B, m, F)`; each head has d = F / heads of the features.
        keys: `(B, n, F)`.
        visible: bool `(m, n)`.
        heads: int, a divisor of F.

    Returns:
        float32 `(B, heads, m, n)`, rows that sum to one. A row that sees nothing is uniform: what
        is taken by it must be thrown away.
    """
    queries, keys = (_by_head(x, heads) for x in (queries, keys))
    scores = ops.matmul(queries * queries.shape[-1] ** -0.5, ops.swapaxes(keys, -1, -2))
    if keys.shape[-2] == 1:  # an image of one pixel: Keras warns of a softmax of one number
        return ops.ones_like(scores, "float32")
    hidden = ops.where(visible, 0.0, HIDDEN)
    return ops.softmax(ops.cast(scores, "float32") + ops.cast(hidden, "float32"), axis=-1)


def attend(queries: Any, keys: Any, values: Any, visible: Any, heads: int) -> Any:
    """What each pixel takes from those it sees: their values, weighted. Zeros if it sees none.

    Args:
        queries, keys, visible, heads: see `attention_weights`.
        values: `(B, n, F)`.

    Returns:
        `(B, m, F)`, of the dtype of the values.
    """
    weights = ops.cast(attention_weights(queries, keys, visible, heads), values.dtype)
    taken = ops.matmul(weights, _by_head(values, heads))  # (B, heads, m, d)
    taken = ops.reshape(ops.swapaxes(taken, 1, 2), (-1, *queries.shape[1:]))
    sees = ops.any(visible, axis=-1, keepdims=True)
    return taken * ops.cast(sees, values.dtype)


@_register
class AttentionBlock(keras.layers.Layer):
    """Causal self-attention over all earlier pixels, to stand behind a `GatedBlock`.

    Keys and values are made of the image and the features of both stacks at each pixel, queries of
    the horizontal features; both are told the pixel's row and column. What is taken from the
    earlier pixels, through a 1x1 layer, is added to the horizontal features. The vertical features
    are passed on.

    Each pixel is weighed against each other: training needs time and memory for `heads * (H*W)^2`
    numbers an image. Drawing from caches keeps keys and values of all pixels, `2 * H*W * F` numbers
    an image: other than the caches of convolutions, they grow with the height of the image.

    Args:
        filters: int, features F, a multiple of `heads`.
        heads: int, parts of the features that look separately, a multiple of `channel_groups`. None
            means 4, or as many as fit, and with channel groups one for each.
        channel_groups: int, channel groups of the horizontal stack. At the pixel itself a group
            sees the groups before it alone; at earlier pixels it sees all.
        normalize: bool, whether the horizontal features are normalised before they are read, as in
            a transformer; it would mix channel groups, so they must be one.

    Input shape:
        Vertical `(B, H, W, F)` or None, horizontal `(B, H, W, F)`, image `(B, H, W, C)` as floats.

    Output shape:
        Vertical features as they came, horizontal `(B, H, W, F)`.

    Raises:
        UsageError: heads that do not fit, or, when built, an image of more than 16,384 pixels.
    """

    def __init__(
        self,
        filters: int,
        heads: int | None = None,
        *,
        channel_groups: int = 1,
        normalize: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = check_size("filters", filters, "features")
        self.channel_groups = check_int("channel_groups", channel_groups, 1)
        self.heads = check_heads("heads", heads, filters, channel_groups)
        if normalize and channel_groups > 1:
            raise UsageError("normalize must be False with channel groups, which it would mix")
        self.normalize = bool(normalize)
        policy = {"dtype": self.dtype_policy}
        self.norm = None
        if self.normalize:
            self.norm = keras.layers.LayerNormalization(epsilon=1e-6, name="norm", **policy)
        self.query = ChannelDense(filters, channel_groups, name="query", **policy)
        self.query_position = biases.Dense(filters, use_bias=False, name="query_position", **policy)
        # Earlier pixels are complete, so their channels need no groups.
        self.key_value = biases.Dense(2 * filters, name="key_value", **policy)
        self.project = ChannelDense(filters, channel_groups, name="project", **policy)

    def build(self, vertical_shape: Any, horizontal_shape: Any, image_shape: Any) -> None:
        height, width, features = horizontal_shape[1:]
        if height * width > MOST_PIXELS:
            raise UsageError(
                f"attention must have images of at most {MOST_PIXELS:,} pixels, got "
                f"{height}x{width}: it weighs every pixel against every other"
            )
        self.width = width
        self.positions = pixel_positions(height, width)
        above = 0 if vertical_shape is None else vertical_shape[-1]
        if self.norm is not None:
            self.norm.build(horizontal_shape)
        self.query.build((None, features))
        self.query_position.build((None, 2))
        self.key_value.build((None, image_shape[-1] + above + features + 2))
        self.project.build((None, self.filters))

    def queries(self, horizontal: Any, positions: Any) -> Any:
        """What pixels look for, `(B, m, F)`, from features `(B, m, F)` and positions `(m, 2)`."""
        positions = ops.cast(positions, self.compute_dtype)
        return self.query(self._normed(horizontal)) + self.query_position(positions)

    def keys_and_values(
        self, vertical: Any, horizontal: Any, image: Any, positions: Any
    ) -> tuple[Any, Any]:
        """What pixels are found by, and what they give, `(B, m, F)` each; see `queries`."""
        positions = ops.cast(positions, self.compute_dtype)
        positions = ops.broadcast_to(positions, (ops.shape(horizontal)[0], *positions.shape))
        seen = [image, vertical, self._normed(horizontal), positions]
        seen = ops.concatenate([x for x in seen if x is not None], axis=-1)
        keys, values = ops.split(self.key_value(seen), 2, axis=-1)
        return keys, values

    def _normed(self, horizontal):
        return horizontal if self.norm is None else self.norm(horizontal)

    def looks(self, vertical: Any, horizontal: Any, image: Any) -> tuple[Any, Any, Any]:
        """Queries, keys and values of whole images, `(B, n, F)` each; see `call`."""
        above = None if vertical is None else _flat(vertical)
        features, positions = _flat(horizontal), self.positions
        keys, values = self.keys_and_values(above, features, _flat(image), positions)
        return self.queries(features, positions), keys, values

    def call(self, vertical: Any, horizontal: Any, image: Any) -> tuple[Any, Any]:
        queries, keys, values = self.looks(vertical, horizontal, image)
        visible = visible_before(len(self.positions))
        taken = self.project(attend(queries, keys, values, visible, self.heads))
        return vertical, horizontal + ops.reshape(taken, (-1, *horizontal.shape[1:]))

    def maps(self, vertical: Any, horizontal: Any, image: Any) -> Any:
        """Where each pixel looks: the attention weights, float32 `(B, heads, n, n)`.

        Row p holds what pixel p takes from each pixel before it; that of the first is all zeros.
        """
        queries, keys, _ = self.looks(vertical, horizontal, image)
        visible = visible_before(len(self.positions))
        weights = attention_weights(queries, keys, visible, self.heads)
        return weights * ops.cast(visible, "float32")

    # What the cached sampler calls: see `pcnnlib.sampling.ImageBlock`.

    def initial_memory(self, batch: int) -> Any:
        room = (batch, len(self.positions), self.filters)
        keys, values = (ops.zeros(room, self.compute_dtype) for _ in range(2))
        return keys, values, ops.zeros((), "int32")  # pixels that are known

    def vertical_step(self, memory: Any, row: Any, condition: Any = None) -> tuple[Any, Any]:
        if row is None:  # a network without a vertical stack
            return None, ops.zeros((memory[0].shape[0], 1, self.width, 0), self.compute_dtype)
        return row, row

    def horizontal_step(self, memory: Any, pixel: Any, link_features: Any) -> Any:
        keys, values, known = memory
        queries = self.queries(pixel[:, 0], self._position(known))
        visible = (ops.arange(len(self.positions), dtype="int32") < known)[None]
        taken = self.project(attend(queries, keys, values, visible, self.heads))
        return pixel + taken[:, None]

    def remember(self, memory: Any, pixel: Any, link_features: Any, image: Any) -> Any:
        keys, values, known = memory
        vertical = link_features[:, 0] if link_features.shape[-1] else None
        new = self.keys_and_values(vertical, pixel[:, 0], image[:, 0], self._position(known))
        zero = ops.zeros_like(known)
        keys, values = (
            ops.slice_update(kept, (zero, known, zero), one)
            for kept, one in zip((keys, values), new, strict=True)
        )
        return keys, values, known + 1

    def _position(self, pixel):
        """Row and column of a pixel whose number is known only when running, `(1, 2)`."""
        return ops.take(self.positions, pixel, axis=0)[None]

    def compute_output_shape(
        self, vertical_shape: Any, horizontal_shape: Any, image_shape: Any
    ) -> Any:
        if vertical_shape is None:  # Keras has no shape for a None: its summary then says "?"
            raise NotImplementedError("a block without a vertical stack")
        return vertical_shape, (*horizontal_shape[:-1], self.filters)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "heads": self.heads,
            "channel_groups": self.channel_groups,
            "normalize": self.normalize,
        }


def check_attention(name: str, attention: Any, blocks: int) -> tuple[int, ...]:
    """Return the numbers of the blocks that attention follows, in order, or raise `UsageError`."""
    wanted = f"{name} must be different numbers of blocks, 1..{blocks}"
    if not isinstance(attention, (tuple, list)):
        raise UsageError(f"{wanted}, such as (1, 2), got {attention!r}")
    numbers = [check_int(f"each of {name}", number, 1, blocks) for number in attention]
    if len(set(numbers)) < len(numbers):
        raise UsageError(f"{wanted}, got {tuple(numbers)}")
    return tuple(sorted(numbers))


def check_heads(name: str, heads: Any, filters: int, channel_groups: int = 1) -> int:
    """Return a number of heads that divides the features, or raise `UsageError`.

    A head reads one channel group. None: one for each group, or, of a single one, 4 or what fits.
    """
    if heads is None:
        return channel_groups if channel_groups > 1 else math.gcd(HEADS, filters)
    heads = check_int(name, heads, 1)
    if filters % heads or heads % channel_groups:
        groups = f" and a multiple of the {channel_groups} channel groups"
        raise UsageError(
            f"{name} must be a divisor of the {filters} filters"
            f"{groups if channel_groups > 1 else ''}, got {heads}"
        )
    return heads


def _flat(images):
    """Pixels in raster order, `(B, n, F)`, of `(B, H, W, F)`."""
    return ops.reshape(images, (-1, math.prod(images.shape[1:3]), images.shape[-1]))


def _by_head(features, heads):
    """`(B, heads, n, F / heads)` of `(B, n, F)`."""
    pixels, size = features.shape[1], features.shape[2] // heads
    return ops.swapaxes(ops.reshape(features, (-1, pixels, heads, size)), 1, 2)
