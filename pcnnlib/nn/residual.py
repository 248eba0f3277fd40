"""The residual block of the first PixelCNN (arXiv:1601.06759), with one stack and a blind spot."""

from typing import Any

import keras
from keras import ops

from pcnnlib._internal.errors import UsageError, check_int
from pcnnlib.nn.layers import CausalConv2D, ChannelDense

_register = keras.saving.register_keras_serializable("pcnnlib")


@_register
class ResidualBlock(keras.layers.Layer):
    """A layer of the 2016 PixelCNN: ReLU, 1x1, masked 3x3, 1x1, added to the input.

    Follows arXiv:1601.06759, section 3.3 and figure 5: the masked convolution works on half the
    features.

    Args:
        filters: int, features F; half of them must still be a multiple of `channel_groups`.
        kernel_size: odd int of at least 3.
        channel_groups: int, channel groups.

    Input and output shape: `(B, H, W, F)`.
    """

    def __init__(
        self, filters: int, kernel_size: int = 3, *, channel_groups: int = 1, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.filters = check_int("filters", filters, 2 * channel_groups)
        if filters % (2 * channel_groups):
            raise UsageError(f"filters must be a multiple of {2 * channel_groups}, got {filters}")
        self.kernel_size = kernel_size
        self.channel_groups = channel_groups
        policy = {"dtype": self.dtype_policy}
        self.reduce = ChannelDense(filters // 2, channel_groups, name="reduce", **policy)
        self.convolution = CausalConv2D(
            filters // 2,
            kernel_size,
            stack="raster",
            mask_type="B",
            channel_groups=channel_groups,
            name="convolution",
            **policy,
        )
        self.expand = ChannelDense(filters, channel_groups, name="expand", **policy)

    def build(self, input_shape: Any) -> None:
        half = (*input_shape[:-1], self.filters // 2)
        self.reduce.build(input_shape)
        self.convolution.build(half)
        self.expand.build(half)

    def call(self, inputs: Any) -> Any:
        features = self.reduce(ops.relu(inputs))
        features = self.convolution(ops.relu(features))
        return inputs + self.expand(ops.relu(features))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "channel_groups": self.channel_groups,
        }
