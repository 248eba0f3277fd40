"""A decoder-only transformer over pixels: the network of language models, on images."""

from collections.abc import Sequence
from typing import Any

import keras

from pcnnlib._internal.errors import UsageError, check_size, check_weights
from pcnnlib.models.base import AutoregressiveModel
from pcnnlib.nn.attention import AttentionBlock, check_heads
from pcnnlib.nn.distributions import Distribution
from pcnnlib.nn.layers import PixelHead
from pcnnlib.nn.transformer import FeedForward, PixelEmbedding

_register = keras.saving.register_keras_serializable("pcnnlib")


@_register
class PixelTransformer(AutoregressiveModel):
    """Attention in place of convolutions, as in the Image Transformer (arXiv:1802.05751).

    Each pixel reads the one before it and its own place; then attention over all earlier pixels and
    a layer that looks at each pixel alone take turns. There are no convolutions, and it has no
    blind spot however few blocks it has. Training needs time and memory for the square of the
    number of pixels, see `AttentionBlock`.

    Args:
        image_shape: `(H, W, C)`, any number of channels, at most 16,384 pixels.
        levels: values a pixel can take, 2..256.
        filters: features F, a multiple of `heads`.
        blocks: pairs of an `AttentionBlock` and a `FeedForward`.
        heads: int, of each `AttentionBlock`; None: 4, or as many as fit.
        distribution: `Distribution`, a name in `DISTRIBUTIONS`, or None (by `levels`). Images of
            several channels need one that orders the channels itself, `LogisticMixture`.

    Raises:
        UsageError: an argument out of range.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int = 2,
        filters: int = 32,
        blocks: int = 4,
        *,
        heads: int | None = None,
        distribution: Distribution | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, distribution, **kwargs)
        if self.channel_groups > 1:
            raise UsageError(
                "distribution must order the channels itself, as LogisticMixture does: a "
                f"PixelTransformer reads the {self.image_shape[-1]} channels of a pixel at once, "
                f"got {self.distribution!r}"
            )
        self.filters = check_size("filters", filters, "features")
        self.n_blocks = check_size("blocks", blocks, "blocks")
        self.heads = check_heads("heads", heads, filters)
        check_weights({"filters": filters, "blocks": blocks}, 8 * blocks * filters**2)
        policy = {"dtype": self.dtype_policy}
        self.blocks: list = [PixelEmbedding(filters, name="embedding", **policy)]
        for i in range(blocks):
            self.blocks += [
                AttentionBlock(filters, heads, normalize=True, name=f"attention_{i}", **policy),
                FeedForward(filters, name=f"feed_forward_{i}", **policy),
            ]
        self.head = PixelHead(filters, self.distribution.size, name="head", **policy)
        image = shape = (None, *self.image_shape)
        for block in self.blocks:
            block.build(None, shape, image)
            shape = (*image[:3], filters)
        self.head.build(shape)
        self.built = True

    def outputs_of(self, scaled: Any, condition: Any, training: bool) -> Any:
        horizontal = scaled
        for block in self.blocks:
            _, horizontal = block(None, horizontal, scaled)
        return self.head(horizontal)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "blocks": self.n_blocks,
            "heads": self.heads,
        }
