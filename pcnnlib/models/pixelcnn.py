"""The PixelCNN of 2016, the baseline with a blind spot."""

from collections.abc import Sequence
from typing import Any

import keras

from pcnnlib._internal.errors import check_kernel_size, check_size, check_weights
from pcnnlib.models.base import AutoregressiveModel
from pcnnlib.nn.distributions import Distribution
from pcnnlib.nn.layers import CausalConv2D, PixelHead
from pcnnlib.nn.residual import ResidualBlock

_register = keras.saving.register_keras_serializable("pcnnlib")


@_register
class PixelCNN(AutoregressiveModel):
    """The PixelCNN of van den Oord et al. 2016 (arXiv:1601.06759): one stack, and a blind spot.

    A first masked convolution (type A), then residual blocks (type B) and a head of two 1x1
    convolutions. Stacking masked 3x3 kernels never reaches a triangle of pixels above and to the
    right: `pcnnlib.check_causality` finds it.

    Args:
        image_shape: `(H, W, C)`, any number of channels.
        levels: values a pixel can take, 2..256; to 65,536 if they are categorical.
        filters: features F; half of them a multiple of C, unless a mixture orders the channels.
        blocks: masked layers: the first convolution, and `blocks - 1` residual blocks.
        first_kernel_size, kernel_size: odd, at least 3.
        distribution: `Distribution`, a name in `DISTRIBUTIONS`, or None (by `levels`).

    Raises:
        UsageError: an argument out of range.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int = 2,
        filters: int = 32,
        blocks: int = 5,
        *,
        first_kernel_size: int = 7,
        kernel_size: int = 3,
        distribution: Distribution | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, distribution, **kwargs)
        self.filters = check_size("filters", filters, "features")
        self.n_blocks = check_size("blocks", blocks, "blocks")
        self.first_kernel_size = check_kernel_size("first_kernel_size", first_kernel_size)
        self.kernel_size = check_kernel_size("kernel_size", kernel_size)
        check_weights(
            {"filters": filters, "blocks": blocks, "kernel_size": kernel_size},
            blocks * filters**2 * (kernel_size**2 + 4) // 4,
        )
        policy = {"dtype": self.dtype_policy}
        self.first = CausalConv2D(
            filters,
            first_kernel_size,
            stack="raster",
            mask_type="A",
            channel_groups=self.channel_groups,
            name="first",
            **policy,
        )
        self.blocks = [
            ResidualBlock(
                filters,
                kernel_size,
                channel_groups=self.channel_groups,
                name=f"block_{i}",
                **policy,
            )
            for i in range(blocks - 1)
        ]
        self.head = PixelHead(
            filters,
            self.distribution.size,
            channel_groups=self.channel_groups,
            name="head",
            **policy,
        )
        features = (None, *self.image_shape[:2], filters)
        self.first.build((None, *self.image_shape))
        for block in self.blocks:
            block.build(features)
        self.head.build(features)
        self.built = True

    def outputs_of(self, scaled: Any, condition: Any, training: bool) -> Any:
        features = self.first(scaled)
        for block in self.blocks:
            features = block(features)
        return self.head(features)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "blocks": self.n_blocks,
            "first_kernel_size": self.first_kernel_size,
            "kernel_size": self.kernel_size,
        }

    @classmethod
    def constructor_arguments(cls, config: dict) -> dict:
        arguments = super().constructor_arguments(config)
        if "components" in config:  # before version 0.2 `blocks` did not count the first layer
            arguments["blocks"] += 1
        return arguments
