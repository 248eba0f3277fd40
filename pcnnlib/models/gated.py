"""The Gated PixelCNN: two stacks, and no blind spot."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from pcnnlib._internal.errors import (
    UsageError,
    check_dilations,
    check_kernel_size,
    check_number,
    check_size,
    check_weights,
)
from pcnnlib.models.base import AutoregressiveModel
from pcnnlib.nn import masks
from pcnnlib.nn.blocks import CONDITION_STACKS, GatedBlock, check_activation, check_condition_stacks
from pcnnlib.nn.conditions import Condition
from pcnnlib.nn.distributions import Distribution
from pcnnlib.nn.layers import PixelHead

_register = keras.saving.register_keras_serializable("pcnnlib")


@_register
class GatedPixelCNN(AutoregressiveModel):
    """The Gated PixelCNN of van den Oord et al. 2016 (arXiv:1606.05328), section 2.

    Two stacks of gated blocks: the vertical one sees all rows above, the horizontal one the row to
    the left, and together they have no blind spot.

    Args:
        image_shape: `(H, W, C)`, any number of channels.
        levels: K, values a pixel can take, 2..256.
        filters: features F of each stack; a multiple of C, unless a mixture orders the channels.
        blocks: gated blocks, the first (mask A) included.
        first_kernel_size, kernel_size: odd, at least 3.
        dilations: ints of at least 1, pixels from one tap to the next in the second block, the
            third and so on, from the start again when they run out; the first block has none. The
            same weights then see farther: 8 blocks of the default kernels see 10 pixels to the
            left, with `(1, 2, 4, 8)` 25 (Yu and Koltun 2016, arXiv:1511.07122). Dilations that
            would skip pixels are refused.
        head_filters: features between the head's two 1x1 convolutions; None means F.
        dropout: share of gated features dropped while training, in [0, 1).
        activation: "gate", or in its place "glu", "relu_of_sum", "relu" or "silu" (with half of the
            convolutions' weights, see `GatedBlock`).
        condition: None, `Labels(n)`, `Vector(dim)` or `Map((h, w, c))`; the inputs are then
            `(images, condition)`.
        condition_stacks: stacks whose gates the condition enters: "vertical", "horizontal" or both.
        distribution: `Distribution`, a name in `DISTRIBUTIONS`, or None (by `levels`).

    Raises:
        UsageError: an argument out of range.

    >>> GatedPixelCNN((8, 8, 1), levels=17, filters=8, blocks=2)(np.zeros((4, 8, 8, 1), int)).shape
    TensorShape([4, 8, 8, 1, 17])
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
        dilations: Sequence[int] = (1,),
        head_filters: int | None = None,
        dropout: float = 0.0,
        activation: str = "gate",
        condition: Condition | None = None,
        condition_stacks: Sequence[str] = CONDITION_STACKS,
        distribution: Distribution | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, distribution, **kwargs)
        self.filters = check_size("filters", filters, "features")
        self.n_blocks = check_size("blocks", blocks, "blocks")
        self.first_kernel_size = check_kernel_size("first_kernel_size", first_kernel_size)
        self.kernel_size = check_kernel_size("kernel_size", kernel_size)
        self.dilations = check_dilations(dilations)
        # Of a block's two convolutions and its 1x1 layers, about.
        check_weights(
            {"filters": filters, "blocks": blocks, "kernel_size": kernel_size},
            blocks * filters**2 * (kernel_size**2 + 5),
        )
        by_block = [self.dilations[i % len(self.dilations)] for i in range(blocks - 1)]
        skipped = masks.unseen_between(first_kernel_size, kernel_size, by_block)
        if skipped:
            raise UsageError(
                f"dilations {self.dilations} skip pixels, those at a distance of "
                f"{', '.join(map(str, skipped[:5]))}{' ...' if skipped[5:] else ''}: "
                "begin with smaller ones, or with a larger first_kernel_size"
            )
        self.head_filters = (
            None if head_filters is None else check_size("head_filters", head_filters, "features")
        )
        self.dropout = check_number("dropout", dropout, 0.0)
        if self.dropout >= 1:
            raise UsageError(f"dropout must be below 1, got {dropout}")
        if condition is not None and not isinstance(condition, Condition):
            raise UsageError(
                "condition must be None, Labels(n), Vector(dim) or Map((h, w, c)), "
                f"got {condition!r}"
            )
        self.condition = condition
        self.activation = check_activation(activation)
        self.condition_stacks = check_condition_stacks(condition_stacks)
        unread = ((), ("vertical",)) if blocks == 1 else ((),)
        if condition is not None and self.condition_stacks in unread:
            # The last block's vertical features are not read, and it may be the only one.
            raise UsageError(
                f"condition_stacks must let the condition reach an output of {blocks} blocks, "
                f"got {self.condition_stacks!r}"
            )
        policy = {"dtype": self.dtype_policy}
        shared = {
            "channel_groups": self.channel_groups,
            "dropout": dropout,
            "activation": self.activation,
            "condition_stacks": () if condition is None else self.condition_stacks,
            **policy,
        }
        self.blocks = [
            GatedBlock(
                filters,
                kernel_size if i else first_kernel_size,
                mask_type="B" if i else "A",
                dilation=by_block[i - 1] if i else 1,
                last=i == blocks - 1,
                name=f"block_{i}",
                **shared,
            )
            for i in range(blocks)
        ]
        self.head = PixelHead(
            head_filters or filters,
            self.distribution.size,
            channel_groups=self.channel_groups,
            name="head",
            **policy,
        )
        self._build_layers(policy)

    def _build_layers(self, policy):
        condition_shape = self.condition_encoder = None
        if self.condition is not None:
            self.condition_encoder = self.condition.make_encoder(
                self.image_shape, dtype=policy["dtype"]
            )
            if self.condition_encoder is not None:
                self.condition_encoder.build((None, *self.condition.shape))
            condition_shape = (None, 1, 1, self.condition.depth)
        shape = (None, *self.image_shape)
        for block in self.blocks:
            block.build(shape, shape, condition_shape)
            shape = (None, *self.image_shape[:2], self.filters)
        self.head.build(shape)
        self.built = True

    def encode_condition(self, condition: Any) -> Any:
        if self.condition is None:
            return None
        dtype = keras.backend.standardize_dtype(condition.dtype)
        if not self.condition.shape and not dtype.startswith(("int", "uint")):
            raise UsageError(f"condition must be integer labels, got {dtype}")
        if dtype == "bool":
            raise UsageError("condition must be numbers, got bool")
        if tuple(condition.shape[1:]) != tuple(self.condition.shape):
            raise UsageError(
                f"condition must have shape (B, ...) for {self.condition!r}, "
                f"got {tuple(condition.shape)}"
            )
        encoded = self.condition.encode(self.condition_encoder, condition)
        return ops.cast(encoded, self.compute_dtype)

    def outputs_of(self, scaled: Any, condition: Any, training: bool) -> Any:
        vertical = horizontal = scaled
        for block in self.blocks:
            vertical, horizontal = block(vertical, horizontal, condition, training=training)
        return self.head(horizontal)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "blocks": self.n_blocks,
            "first_kernel_size": self.first_kernel_size,
            "kernel_size": self.kernel_size,
            "dilations": self.dilations,
            "head_filters": self.head_filters,
            "dropout": self.dropout,
            "activation": self.activation,
            "condition": keras.saving.serialize_keras_object(self.condition),
            "condition_stacks": self.condition_stacks,
        }
