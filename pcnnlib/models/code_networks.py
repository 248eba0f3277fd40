"""The networks of a VQ-VAE: pixels to the vectors that are quantised, and vectors to pixels.

Follows van den Oord et al. 2017 (arXiv:1711.00937), section 4.1; with a second grid of codes Razavi
et al. 2019 (arXiv:1906.00446), section 3.1. B batch; h by w codes of the bottom grid, F features, D
numbers in a code's vector.
"""

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from pcnnlib.nn import biases
from pcnnlib.nn.quantize import VectorQuantizer


@dataclass(frozen=True)
class CodeNetworks:
    """Makes the parts of a VQ-VAE, all of the same sizes.

    Args:
        filters: F.
        residual_blocks: of each encoder and decoder.
        code_size: D.
        dtype: policy.
    """

    filters: int
    residual_blocks: int
    code_size: int
    dtype: Any

    @property
    def _same(self):
        return {"padding": "same", "data_format": "channels_last", "dtype": self.dtype}

    def encoded(self, features: Any, halvings: int, part: str = "encoder") -> Any:
        """Features `(B, h, w, F)` of what is `2 ** halvings` times as large in each direction."""
        for i in range(halvings):
            filters = self.filters if i == halvings - 1 else self.filters // 2
            halve = biases.Conv2D(
                filters, 4, strides=2, activation="relu", name=f"{part}_halve_{i}", **self._same
            )
            features = halve(features)
        first = biases.Conv2D(self.filters, 3, name=f"{part}_convolution", **self._same)
        return self._residual_stack(part, first(features))

    def vectors(self, features: Any, part: str = "encoder") -> Any:
        """Vectors `(B, h, w, D)` of unit variance, to be quantised."""
        dense = biases.Dense(self.code_size, name=f"{part}_code", dtype=self.dtype)
        vectors = dense(features)
        # Vectors of unit variance cannot all become one, which the codebook would follow: without
        # this, an encoder of MNIST soon sent all images to one code.
        normalize = keras.layers.BatchNormalization(
            momentum=0.9, center=False, scale=False, name=f"{part}_normalize", dtype="float32"
        )
        return normalize(vectors)

    def decoded(
        self, vectors: Any, doublings: int, size: int, part: str = "decoder", last: str = "predict"
    ) -> Any:
        """What is `2 ** doublings` times as large as the vectors, `size` numbers at each place.

        Muon leaves to Adam what is called "predict", see `pcnnlib.training.optimizers`.
        """
        first = biases.Conv2D(self.filters, 3, name=f"{part}_convolution", **self._same)
        features = self._residual_stack(part, first(vectors))
        for i in range(doublings):
            double = biases.Conv2DTranspose(
                self.filters // 2,
                4,
                strides=2,
                activation="relu",
                name=f"{part}_double_{i}",
                **self._same,
            )
            features = double(features)
        return biases.Conv2D(size, 3, name=f"{part}_{last}", **self._same)(features)

    def _residual_stack(self, part, features):
        """Residual blocks of a 3x3 and a 1x1 convolution, as in the paper's section 4.1."""
        policy = {"dtype": self.dtype}
        for i in range(self.residual_blocks):
            inner = keras.layers.ReLU(name=f"{part}_relu_{i}", **policy)(features)
            inner = biases.Conv2D(
                self.filters // 2, 3, activation="relu", name=f"{part}_residual_{i}", **self._same
            )(inner)
            inner = biases.Dense(self.filters, name=f"{part}_mix_{i}", **policy)(inner)
            features = keras.layers.Add(name=f"{part}_add_{i}", **policy)([features, inner])
        return keras.layers.ReLU(name=f"{part}_relu", **policy)(features)


class TopGrid(keras.layers.Layer):
    """A second, coarser grid of codes, and what the finer one below it is told of it.

    The top's codes are decoded to a map of the bottom's size, `(B, h, w, D)`. The bottom is encoded
    given this map, and the decoder of the pixels reads both.

    Args:
        networks: makes the layers.
        below: `(h, w)`, of the bottom.
        quantizer: the top's.

    Attributes:
        code_shape: `(ceil(h / 2), ceil(w / 2), 1)`.
        quantizer: the top's `VectorQuantizer`.
        encoder: of features `(B, h, w, F)` to the top's vectors.
        decoder: of the top's vectors to maps, which may be larger than the bottom by one.
        bottom: of features and maps to the bottom's vectors.
    """

    def __init__(
        self,
        networks: CodeNetworks,
        below: tuple[int, int],
        quantizer: VectorQuantizer,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype=networks.dtype, **kwargs)
        self.below = below
        self.code_shape = (*coarser(below), 1)
        self.quantizer = quantizer
        features = keras.Input((*below, networks.filters), name="features")
        vectors = networks.vectors(networks.encoded(features, 1, "top_encoder"), "top_encoder")
        self.encoder = keras.Model(features, vectors, name="top_encoder")
        quantized = keras.Input((*self.code_shape[:2], networks.code_size), name="top_vectors")
        maps = networks.decoded(quantized, 1, networks.code_size, "top_decoder", "map")
        self.decoder = keras.Model(quantized, maps, name="top_decoder")
        maps = keras.Input((*below, networks.code_size), name="maps")
        both = keras.layers.Concatenate(name="bottom_inputs", dtype=networks.dtype)
        vectors = networks.vectors(both([features, maps]), "bottom_encoder")
        self.bottom = keras.Model([features, maps], vectors, name="bottom_encoder")
        quantizer.build((None, *self.code_shape[:2], networks.code_size))
        self.built = True

    def call(self, features: Any, training: bool | None = None) -> tuple[Any, Any]:
        """`(maps, vectors)`: the decoded top, and the bottom's vectors, which read it."""
        vectors = self.quantizer(self.encoder(features, training=training), training=training)
        maps = self.maps(vectors)
        return maps, self.bottom([features, maps], training=training)

    def codes(self, features: Any) -> Any:
        """The top's codes, int32 `(B, h', w', 1)`."""
        return self.quantizer.codes(self.encoder(features, training=False))

    def maps(self, vectors: Any) -> Any:
        """The decoded top, `(B, h, w, D)`, of its vectors."""
        height, width = self.below
        return ops.cast(self.decoder(vectors)[:, :height, :width], "float32")


def coarser(shape: tuple[int, int]) -> tuple[int, int]:
    """Half as many places in each direction, rounded up."""
    return -(-shape[0] // 2), -(-shape[1] // 2)
