"""Causal convolutions, and the 1x1 layers that keep the order of the channels.

Tensors are NHWC: B batch, H rows, W columns, F filters.

Every causal convolution has one piece of mathematics, `convolve(window)`. Training pads the whole
image and convolves it; sampling keeps the rows and columns just generated, which *are* the padding,
and convolves that window. The two cannot drift apart.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from pcnnlib._internal import backend
from pcnnlib._internal.errors import UsageError, check_int
from pcnnlib.nn import masks
from pcnnlib.nn.biases import Dense

_register = keras.saving.register_keras_serializable("pcnnlib")
STACKS = {
    "raster": masks.raster_mask,
    "vertical": masks.vertical_mask,
    "horizontal": masks.horizontal_mask,
}


@_register
class CausalConv2D(keras.layers.Layer):
    """Convolution that sees only what is generated before each pixel.

    Only the taps that the mask shows are stored (`masks.crop_to_taps`); where part of a tap is
    hidden (the baseline's centre row, or the pixel's own later channels), the kernel is multiplied
    by the mask. It is stored as the matrix that multiplies each window, `(h * w * I, n * F)`:
    optimisers that work on matrices (Muon) can then update it without a change of shape.

    Args:
        filters: int, output features F.
        kernel_size: odd int of at least 3; the unmasked kernel would be square.
        stack: "raster" (the 2016 PixelCNN), "vertical" or "horizontal".
        mask_type: "A" hides the pixel itself, "B" shows it.
        channel_groups: int, channel groups (1, or one per image channel, R before G before B).
        filter_multiplier: int, how many times the F outputs are repeated, each time with the same
            groups: 2 where a gate follows.
        dilation: int, pixels from one tap to the next, in both directions; 1: none between.
        use_bias: bool.

    Input shape:
        `(B, H, W, I)`, I a multiple of `channel_groups`.

    Output shape:
        `(B, H, W, filter_multiplier * filters)`.

    Raises:
        UsageError: unknown stack or mask type, even kernel, filters that are no multiple of
            `channel_groups`.

    >>> CausalConv2D(16, 7, stack="raster", mask_type="A")(np.zeros((2, 28, 28, 1))).shape
    TensorShape([2, 28, 28, 16])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        *,
        stack: str,
        mask_type: str,
        channel_groups: int = 1,
        filter_multiplier: int = 1,
        dilation: int = 1,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if stack not in STACKS:
            raise UsageError(f"stack must be one of {', '.join(STACKS)}, got {stack!r}")
        self.filters = check_int("filters", filters, 1)
        self.kernel_size = kernel_size
        self.stack = stack
        self.mask_type = mask_type
        self.channel_groups = channel_groups
        self.filter_multiplier = filter_multiplier
        self.dilation = check_int("dilation", dilation, 1)
        self.use_bias = use_bias
        self.out_groups = np.tile(masks.feature_groups(filters, channel_groups), filter_multiplier)
        # Which taps exist does not depend on the number of input features.
        _, kernel_extent = masks.crop_to_taps(self._full_mask(np.arange(channel_groups)))
        self.kernel_extent = tuple(edge * dilation for edge in kernel_extent)

    def _full_mask(self, in_groups):
        return STACKS[self.stack](self.kernel_size, self.mask_type, in_groups, self.out_groups)

    def causal_mask(self, features: int) -> np.ndarray:
        """The mask of the stored taps, `(h, w, features, n * F)`, for so many input features."""
        in_groups = masks.feature_groups(features, self.channel_groups)
        return masks.crop_to_taps(self._full_mask(in_groups))[0]

    def build(self, input_shape: Any) -> None:
        self.mask = self.causal_mask(input_shape[-1])
        self.kernel = self.add_weight(
            name="kernel",
            shape=(int(np.prod(self.mask.shape[:3])), self.mask.shape[-1]),
            initializer="glorot_uniform",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(self.mask.shape[-1],), initializer="zeros"
            )

    def convolve(self, window: Any) -> Any:
        """Valid convolution of a window that already holds its padding.

        Args:
            window: `(B, rows + (h - 1) d, columns + (w - 1) d, I)` for a stored kernel of h by w
                taps and dilation d.

        Returns:
            `(B, rows, columns, filter_multiplier * filters)`.
        """
        kernel = self._masked_kernel(window.dtype)
        top, bottom, left, right = self.kernel_extent
        if tuple(window.shape[1:3]) == (bottom - top + 1, right - left + 1):
            # One output pixel: the convolution is a single matrix product.
            taps = window[:, :: self.dilation, :: self.dilation]
            outputs = ops.matmul(ops.reshape(taps, (-1, 1, 1, self.kernel.shape[0])), kernel)
        elif backend.jax_on_gpu():
            # For so few features cuDNN's convolutions take 1.5 times as long as products.
            outputs = ops.matmul(self._taps(window), kernel)
        else:
            outputs = ops.conv(
                window,
                ops.reshape(kernel, self.mask.shape),
                padding="valid",
                data_format="channels_last",
                dilation_rate=self.dilation,
            )
        if self.use_bias:
            outputs = outputs + ops.cast(self.bias, window.dtype)
        return outputs

    def convolve_row(self, window: Any) -> Any:
        """`convolve` for a kernel of one row: a product of matrices, which compiles to less.

        Args:
            window: `(B, 1, columns + (w - 1) d, I)`.

        Returns:
            `(B, 1, columns, filter_multiplier * filters)`.
        """
        seen = self._taps(window)
        kernel = self._masked_kernel(window.dtype)
        outputs = ops.matmul(ops.reshape(seen, (-1, kernel.shape[0])), kernel)
        outputs = ops.reshape(outputs, (-1, 1, seen.shape[2], kernel.shape[1]))
        return outputs + ops.cast(self.bias, window.dtype) if self.use_bias else outputs

    def _taps(self, window):
        """What each output pixel's taps read, side by side: `(B, rows, columns, h w I)`."""
        d = self.dilation
        last_row, last_column = (d * (taps - 1) for taps in self.mask.shape[:2])
        rows, columns = window.shape[1] - last_row, window.shape[2] - last_column
        seen = [
            window[:, i : i + rows, j : j + columns]
            for i in range(0, last_row + 1, d)
            for j in range(0, last_column + 1, d)
        ]
        return ops.concatenate(seen, axis=-1)

    def _masked_kernel(self, dtype):
        """The stored matrix, with what the mask hides within a tap set to zero."""
        kernel = ops.cast(self.kernel, dtype)
        if not self.mask.all():
            kernel = kernel * ops.cast(self.mask.reshape(self.kernel.shape), dtype)
        return kernel

    def pad(self, inputs: Any) -> Any:
        """The window of a whole image: zeros before it, and rows or columns not seen dropped."""
        top, bottom, left, right = self.kernel_extent
        # Negative in an image so small that even its last pixel sees only padding.
        rows, columns = inputs.shape[1] + min(bottom, 0), inputs.shape[2] + min(right, 0)
        before = (-top + min(rows, 0), -left + min(columns, 0))
        inputs = inputs[:, : max(rows, 0), : max(columns, 0)]
        after = (max(bottom, 0), max(right, 0))
        return ops.pad(inputs, ((0, 0), (before[0], after[0]), (before[1], after[1]), (0, 0)))

    def call(self, inputs: Any) -> Any:
        return self.convolve(self.pad(inputs))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.filter_multiplier * self.filters)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "stack": self.stack,
            "mask_type": self.mask_type,
            "channel_groups": self.channel_groups,
            "filter_multiplier": self.filter_multiplier,
            "dilation": self.dilation,
            "use_bias": self.use_bias,
        }


@_register
class ChannelDense(Dense):
    """A 1x1 convolution, written as `Dense`, that keeps the order of the channel groups.

    Written as `Dense` because a matrix product is about three times as fast as a 1x1 convolution on
    a CPU. With one group it is exactly `keras.layers.Dense`, or in a lower precision
    `pcnnlib.nn.biases.Dense`.

    Args:
        units: int, output features, a multiple of `channel_groups`.
        channel_groups: int, channel groups; a group sees itself and the ones before it (mask B).

    Input shape:
        `(..., I)`.

    Output shape:
        `(..., units)`.
    """

    def __init__(self, units: int, channel_groups: int = 1, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.channel_groups = channel_groups
        self.out_groups = masks.feature_groups(units, channel_groups)

    def causal_mask(self, features: int) -> np.ndarray:
        """The mask `(features, F)` for so many input features."""
        in_groups = masks.feature_groups(features, self.channel_groups)
        return masks.channel_mask("B", in_groups, self.out_groups)

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.mask = self.causal_mask(input_shape[-1])

    def _linear(self, inputs: Any) -> Any:
        kernel = self.kernel
        if self.channel_groups > 1:
            kernel = kernel * ops.cast(self.mask, kernel.dtype)
        return ops.matmul(inputs, kernel)

    def call(self, inputs: Any, **options: Any) -> Any:
        if self.channel_groups == 1 or self._lower_precision:
            return super().call(inputs, **options)
        outputs = self._linear(inputs)
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        return self.activation(outputs) if self.activation is not None else outputs

    def get_config(self) -> dict:
        return {**super().get_config(), "channel_groups": self.channel_groups}


@_register
class PixelHead(keras.layers.Layer):
    """From features to the parameters of each pixel's distribution: ReLU, 1x1, ReLU, 1x1.

    Args:
        filters: int, features F between the two 1x1 convolutions.
        parameters: int, outputs per pixel, a multiple of `channel_groups`.
        channel_groups: int, channel groups.

    Input shape:
        `(B, H, W, F)`.

    Output shape:
        `(B, H, W, parameters)`.
    """

    def __init__(
        self, filters: int, parameters: Any, *, channel_groups: int = 1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.parameters = parameters
        self.channel_groups = channel_groups
        policy = {"dtype": self.dtype_policy}
        self.mix = ChannelDense(filters, channel_groups, name="mix", **policy)
        self.predict = ChannelDense(parameters, channel_groups, name="predict", **policy)

    def build(self, input_shape: Any) -> None:
        self.mix.build(input_shape)
        self.predict.build((*input_shape[:-1], self.filters))

    def call(self, inputs: Any) -> Any:
        return self.predict(ops.relu(self.mix(ops.relu(inputs))))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.parameters)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "parameters": self.parameters,
            "channel_groups": self.channel_groups,
        }
