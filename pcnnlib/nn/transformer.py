"""What a decoder-only transformer over pixels has beside attention: embedding and feed-forward.

Each is a block with the methods of `pcnnlib.sampling.ImageBlock`, without a vertical stack: where a
block of two stacks takes and returns vertical features, these have None. B batch, H rows,
W columns, C channels, F filters.
"""

from typing import Any

import keras
from keras import ops

from pcnnlib._internal.errors import check_size
from pcnnlib.nn import biases

_register = keras.saving.register_keras_serializable("pcnnlib")


class PixelBlock(keras.layers.Layer):
    """What blocks without a vertical stack share: no vertical features, and no links."""

    def vertical_step(self, memory: Any, row: Any, condition: Any = None) -> tuple[Any, Any]:
        return None, ops.zeros((memory[0].shape[0], 1, self.width, 0), self.compute_dtype)


@_register
class PixelEmbedding(PixelBlock):
    """The first block of a transformer: the pixel before, and the place of the pixel to predict.

    A transformer predicts the next word from the last one. So each pixel reads the one before it in
    raster order (the first reads zeros), through a 1x1 layer, and adds a learned vector of its row
    and one of its column.

    Args:
        filters: int, features F.

    Input shape:
        Vertical None, horizontal and image `(B, H, W, C)`, both the scaled image.

    Output shape:
        None, `(B, H, W, F)`.
    """

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = check_size("filters", filters, "features")
        self.embed = biases.Dense(filters, name="embed", dtype=self.dtype_policy)

    def build(self, vertical_shape: Any, horizontal_shape: Any, image_shape: Any) -> None:
        self.height, self.width, self.channels = image_shape[1:]
        self.embed.build(image_shape)
        shape = {"initializer": keras.initializers.RandomNormal(stddev=0.02)}
        self.rows = self.add_weight(name="rows", shape=(self.height, self.filters), **shape)
        self.columns = self.add_weight(name="columns", shape=(self.width, self.filters), **shape)

    def call(self, vertical: Any, horizontal: Any, image: Any) -> tuple[None, Any]:
        pixels = ops.reshape(image, (-1, self.height * self.width, self.channels))
        before = ops.pad(pixels, ((0, 0), (1, 0), (0, 0)))[:, :-1]
        before = ops.reshape(before, (-1, *image.shape[1:]))
        places = ops.cast(self.rows, image.dtype)[:, None] + ops.cast(self.columns, image.dtype)
        return None, self.embed(before) + places

    def initial_memory(self, batch: int) -> Any:
        last = ops.zeros((batch, 1, 1, self.channels), self.compute_dtype)
        return last, ops.zeros((), "int32")  # the last pixel, and how many there were

    def horizontal_step(self, memory: Any, pixel: Any, link_features: Any) -> Any:
        last, known = memory
        row = ops.take(self.rows, known // self.width, axis=0)
        column = ops.take(self.columns, known % self.width, axis=0)
        return self.embed(last) + ops.cast(row, last.dtype) + ops.cast(column, last.dtype)

    def remember(self, memory: Any, pixel: Any, link_features: Any, image: Any) -> Any:
        return image, memory[1] + 1

    def get_config(self) -> dict:
        return {**super().get_config(), "filters": self.filters}


@_register
class FeedForward(PixelBlock):
    """The part of a transformer that looks at each pixel alone: normalise, widen, SiLU, narrow.

    Args:
        filters: int, features F.
        expansion: int, how many times F the inner features are.

    Input shape:
        Vertical None, horizontal `(B, H, W, F)`, image (not read).

    Output shape:
        None, `(B, H, W, F)`: what came, and what was computed added to it.
    """

    def __init__(self, filters: int, expansion: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = check_size("filters", filters, "features")
        self.expansion = check_size("expansion", expansion, "features")
        policy = {"dtype": self.dtype_policy}
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6, name="norm", **policy)
        self.widen = biases.Dense(expansion * filters, "silu", name="widen", **policy)
        self.narrow = biases.Dense(filters, name="narrow", **policy)

    def build(self, vertical_shape: Any, horizontal_shape: Any, image_shape: Any) -> None:
        self.width = horizontal_shape[2]
        self.norm.build(horizontal_shape)
        self.widen.build(horizontal_shape)
        self.narrow.build((*horizontal_shape[:-1], self.expansion * self.filters))

    def call(self, vertical: Any, horizontal: Any, image: Any) -> tuple[None, Any]:
        return None, horizontal + self.narrow(self.widen(self.norm(horizontal)))

    def initial_memory(self, batch: int) -> Any:
        return (ops.zeros((batch, 0), self.compute_dtype),)  # nothing of other pixels

    def horizontal_step(self, memory: Any, pixel: Any, link_features: Any) -> Any:
        return self.call(None, pixel, None)[1]

    def remember(self, memory: Any, pixel: Any, link_features: Any, image: Any) -> Any:
        return memory

    def get_config(self) -> dict:
        return {**super().get_config(), "filters": self.filters, "expansion": self.expansion}
