"""How levels enter a network: as shades on one scale, or each as a learned vector of its own.

A shade is near the next one; a code of another network says nothing by its number. B batch, H rows,
W columns, C channels, K levels, E numbers in a vector.
"""

from typing import Any

import keras
from keras import ops

from pcnnlib._internal.errors import UsageError, check_size, check_weights
from pcnnlib._internal.levels import MOST_SHADES

_register = keras.saving.register_keras_serializable("pcnnlib")

INPUTS = ("scaled", "embedding")
EMBEDDING_SIZE = 32


def default_inputs(levels: int) -> str:
    """What levels are taken for unless a model is told: above 256 they are codes, not shades."""
    return "scaled" if levels <= MOST_SHADES else "embedding"


def check_inputs(inputs: Any, embedding_size: Any, levels: int) -> tuple[str, int | None]:
    """Return how levels enter and the numbers in a vector, or raise `UsageError`; None: default."""
    inputs = default_inputs(levels) if inputs is None else inputs
    if not isinstance(inputs, str) or inputs not in INPUTS:
        wanted = " or ".join(map(repr, INPUTS))
        raise UsageError(f"inputs must be {wanted}, got {inputs!r}")
    if inputs == "scaled":
        if embedding_size is not None:
            raise UsageError(
                f'embedding_size needs inputs="embedding", got {embedding_size!r} with "scaled"'
            )
        return inputs, None
    size = EMBEDDING_SIZE if embedding_size is None else embedding_size
    return inputs, check_size("embedding_size", size, "features")


def described_inputs(inputs: str, embedding_size: int | None, levels: int) -> dict:
    """The arguments for a model's configuration; none for shades, which are described as ever."""
    if inputs == default_inputs(levels) == "scaled":
        return {}
    return {"inputs": inputs, "embedding_size": embedding_size}


@_register
class LevelEmbedding(keras.layers.Layer):
    """A learned vector for each level of each channel.

    Outside the image are zeros, the vector of no level. A learned vector there would add nothing:
    moving all vectors by it gives the same outputs, since the biases take up the rest.

    Args:
        levels: K.
        size: E.
        channels: C, each with vectors of its own.

    Input shape:
        `(..., C)`, integers. What is no level gets the nearest one's vector: whoever calls refuses
        it.

    Output shape:
        `(..., C * E)`, the vectors of the channels one behind the other.

    >>> LevelEmbedding(512, 16)(np.zeros((2, 7, 7, 1), int)).shape
    TensorShape([2, 7, 7, 16])
    """

    def __init__(self, levels: int, size: int, channels: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.levels, self.size, self.channels = levels, size, channels
        check_weights({"levels": levels, "embedding_size": size}, channels * levels * size)

    def build(self, input_shape: Any = None) -> None:
        self.vectors = self.add_weight(
            name="vectors",
            shape=(self.channels * self.levels, self.size),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
        )
        self.built = True

    def call(self, levels: Any) -> Any:
        rows = ops.clip(ops.cast(levels, "int32"), 0, self.levels - 1)
        if self.channels > 1:
            rows = rows + ops.arange(self.channels, dtype="int32") * self.levels
        vectors = ops.cast(ops.take(self.vectors, rows, axis=0), self.compute_dtype)
        return ops.reshape(vectors, (-1, *levels.shape[1:-1], self.channels * self.size))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.channels * self.size)

    def get_config(self) -> dict:
        sizes = {"levels": self.levels, "size": self.size, "channels": self.channels}
        return {**super().get_config(), **sizes}
