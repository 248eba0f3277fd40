"""The convolutional encoder of both autoencoders."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from pcnnlib._internal.errors import UsageError, check_size, short
from pcnnlib.nn import biases

_register = keras.saving.register_keras_serializable("pcnnlib")


@_register
class Encoder(keras.layers.Layer):
    """Three convolutions with pooling between them, then a linear code.

    Masci et al. 2011: 5x5, pool, 5x5, pool, 3x3. An image too small to be halved is not pooled. The
    code is linear: a softmax over it would throw away all but one proportion.

    Args:
        code_size: S, numbers in a code.
        filters: features of the three convolutions.

    Input shape:
        `(B, H, W, C)`, floats in [-1, 1].

    Output shape:
        `(B, S)`.
    """

    def __init__(
        self, code_size: int, filters: Sequence[int] = (100, 150, 200), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.code_size = check_size("code_size", code_size, "features")
        if not np.iterable(filters) or len(tuple(filters)) != 3:
            raise UsageError(f"encoder_filters must be three numbers, got {short(filters)}")
        self.filters = tuple(check_size("encoder_filters", f, "features") for f in filters)

        # Inputs are scaled down (see `_scaled`), and weights start at one (He et al. 2015) instead.
        def options(variance):
            normal = keras.initializers.RandomNormal(stddev=math.sqrt(variance))
            return {"kernel_initializer": normal, "dtype": self.dtype_policy}

        last = {"data_format": "channels_last"}  # whatever Keras's own setting is

        self.convolutions = [
            biases.Conv2D(
                f,
                size,
                padding="same",
                activation="relu",
                name=f"convolution_{i}",
                **last,
                **options(2),
            )
            for i, (f, size) in enumerate(zip(self.filters, (5, 5, 3), strict=True))
        ]
        self.code = biases.Dense(code_size, name="code", **options(1))

    def build(self, input_shape: Any) -> None:
        shape = tuple(input_shape)
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = self._pooled((*shape[:-1], convolution.filters), convolution)
        self.code.build((None, int(np.prod(shape[1:]))))

    def _pooled(self, shape, convolution):
        """Shape after pooling, where there is any: not after the last convolution."""
        if convolution is self.convolutions[-1]:
            return shape
        return (shape[0], *(n // 2 if n > 1 else n for n in shape[1:3]), shape[3])

    def call(self, inputs: Any) -> Any:
        features = inputs
        for convolution in self.convolutions:
            features = convolution(_scaled(features, convolution))
            pooled = self._pooled(features.shape, convolution)
            size = tuple(n // m for n, m in zip(features.shape[1:3], pooled[1:3], strict=True))
            if size != (1, 1):
                features = ops.max_pool(
                    features, size, size, padding="valid", data_format="channels_last"
                )
        n = int(np.prod(features.shape[1:]))
        return self.code(_scaled(ops.reshape(features, (-1, n)), self.code))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (input_shape[0], self.code_size)

    def get_config(self) -> dict:
        return {**super().get_config(), "code_size": self.code_size, "filters": self.filters}


def _scaled(features, layer):
    """Inputs of a layer over the root of the number of its weights to one output.

    An optimiser moves every weight by about the learning rate. With thousands of inputs as they
    are, one step would move the code by dozens, and close the gates that it enters for good.

    Source: Karras et al. 2018 (arXiv:1710.10196), section 4.1, "equalized learning rate".
    """
    return features / math.sqrt(int(np.prod(layer.kernel.shape[:-1])))
