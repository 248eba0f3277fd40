"""Keras's layers with gradients of their biases that are not lost in a lower precision.

The gradient of a bias is a sum over all pixels of a batch. On a CPU TensorFlow sums it in the dtype
of the layer (`BiasAddGrad`): in bfloat16, which has eight bits, a quarter of it or more gets lost.
Here the bias is added by an operation whose gradient is summed in float32. In float32 nothing
differs from Keras's layers, whose names these have, since names of classes stand in saved files.
"""

from typing import Any

import keras
from keras import ops


class _Biased:
    """Mixin of a layer that computes `_linear`, adds a bias, and applies an activation."""

    use_bias: bool
    bias: Any
    activation: Any
    compute_dtype: Any
    variable_dtype: Any

    @property
    def _lower_precision(self) -> bool:
        return bool(self.use_bias) and self.compute_dtype != self.variable_dtype

    def _linear(self, inputs: Any) -> Any:
        raise NotImplementedError

    def call(self, inputs: Any, **options: Any) -> Any:
        if not self._lower_precision:
            return super().call(inputs, **options)  # type: ignore[misc]
        outputs = self._linear(inputs)
        # Not `ops.add`, which would be TensorFlow's `bias_add`.
        outputs = outputs + ops.cast(self.bias, outputs.dtype)
        return self.activation(outputs) if self.activation is not None else outputs


@keras.saving.register_keras_serializable(package="pcnnlib")
class Dense(_Biased, keras.layers.Dense):
    """See `keras.layers.Dense`."""

    def _linear(self, inputs: Any) -> Any:
        return ops.matmul(inputs, self.kernel)


@keras.saving.register_keras_serializable(package="pcnnlib")
class Conv2D(_Biased, keras.layers.Conv2D):
    """See `keras.layers.Conv2D`."""

    def _linear(self, inputs: Any) -> Any:
        return self.convolution_op(inputs, self.kernel)


@keras.saving.register_keras_serializable(package="pcnnlib")
class Conv2DTranspose(_Biased, keras.layers.Conv2DTranspose):
    """See `keras.layers.Conv2DTranspose`."""

    def _linear(self, inputs: Any) -> Any:
        return ops.conv_transpose(
            inputs,
            self.kernel,
            strides=list(self.strides),
            padding=self.padding,
            output_padding=self.output_padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
        )
