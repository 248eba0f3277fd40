"""The Gated PixelCNN: two stacks, and no blind spot."""

from collections.abc import Iterator, Sequence
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
from pcnnlib.models.one_order import in_order
from pcnnlib.nn import masks
from pcnnlib.nn.attention import AttentionBlock, check_attention, check_heads
from pcnnlib.nn.blocks import CONDITION_STACKS, GatedBlock, check_activation, check_condition_stacks
from pcnnlib.nn.conditions import Condition
from pcnnlib.nn.distributions import Distribution
from pcnnlib.nn.embedding import LevelEmbedding, check_inputs, described_inputs
from pcnnlib.nn.layers import PixelHead
from pcnnlib.nn.raster import check_orders, reorient_each, restore_each

_register = keras.saving.register_keras_serializable("pcnnlib")


@_register
class GatedPixelCNN(AutoregressiveModel):
    """The Gated PixelCNN of van den Oord et al. 2016 (arXiv:1606.05328), section 2.

    Two stacks of gated blocks: the vertical one sees all rows above, the horizontal one the row to
    the left, and together they have no blind spot.

    Args:
        image_shape: `(H, W, C)`, any number of channels.
        levels: K, values a pixel can take, 2..256; to 65,536 if they are categorical.
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
        orders: R, 1..8, or 1..4 if images are not square: the orders in which images are read and
            drawn, the first R of `pcnnlib.nn.raster.ORDERS`. With more than one the same weights
            are told each image's order through the gates, as they are told a class; the inputs are
            then `(images, order)` or `(images, condition, order)`, and what a pixel's prediction
            may depend on are the pixels before it in that order.
        attention: numbers of the blocks, counted from 1, behind which an `AttentionBlock` lets
            every pixel look at all pixels before it. Its time and memory grow with the square of
            the number of pixels; drawing from caches keeps keys and values of every pixel.
        attention_heads: int, of each `AttentionBlock`, a divisor of `filters`; None: 4, or as many
            as fit.
        distribution: `Distribution`, a name in `DISTRIBUTIONS`, or None (by `levels`).
        inputs: "scaled": levels are shades, numbers from -1 to 1. "embedding": levels are codes,
            and each has a learned vector. None: by `levels`, "embedding" above 256.
        embedding_size: numbers in such a vector, 32 by default.

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
        orders: int = 1,
        attention: Sequence[int] = (),
        attention_heads: int | None = None,
        distribution: Distribution | str | None = None,
        inputs: str | None = None,
        embedding_size: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, distribution, **kwargs)
        self.filters = check_size("filters", filters, "features")
        self.n_blocks = check_size("blocks", blocks, "blocks")
        self.first_kernel_size = check_kernel_size("first_kernel_size", first_kernel_size)
        self.kernel_size = check_kernel_size("kernel_size", kernel_size)
        self.dilations = check_dilations(dilations)
        self.attention = check_attention("attention", attention, blocks)
        self.attention_heads = attention_heads
        if attention_heads is not None:
            if not self.attention:
                raise UsageError(
                    f"attention_heads must be None without attention, got {attention_heads!r}"
                )
            check_heads("attention_heads", attention_heads, filters, self.channel_groups)
        # Of a block's two convolutions and its 1x1 layers, and of attention's layers, about.
        check_weights(
            {"filters": filters, "blocks": blocks, "kernel_size": kernel_size},
            filters**2 * (blocks * (kernel_size**2 + 5) + len(self.attention) * 6),
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
        if (head_filters or 0) % self.channel_groups:
            raise UsageError(
                f"head_filters must be a multiple of the {self.channel_groups} channel groups, "
                f"got {head_filters}"
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
        self.orders = check_orders(orders, self.image_shape)
        told = condition is not None or self.orders > 1
        self.activation = check_activation(activation)
        self.condition_stacks = check_condition_stacks(condition_stacks)
        unread = ((), ("vertical",)) if blocks == 1 else ((),)
        if told and self.condition_stacks in unread:
            # The last block's vertical features are not read, and it may be the only one.
            what = "order" if condition is None else "condition"
            raise UsageError(
                f"condition_stacks must let the {what} reach an output of {blocks} blocks, "
                f"got {self.condition_stacks!r}"
            )
        policy = {"dtype": self.dtype_policy}
        shared = {
            "channel_groups": self.channel_groups,
            "dropout": dropout,
            "activation": self.activation,
            "condition_stacks": self.condition_stacks if told else (),
            **policy,
        }
        self.input_kind, self.embedding_size = check_inputs(inputs, embedding_size, levels)
        self.embedding = None
        if self.embedding_size is not None:
            self.embedding = LevelEmbedding(
                levels, self.embedding_size, self.image_shape[-1], name="embedding", **policy
            )
        # The gated blocks, and attention behind those that are named.
        self.blocks: list = []
        for i in range(blocks):
            gated = GatedBlock(
                filters,
                kernel_size if i else first_kernel_size,
                mask_type="B" if i else "A",
                dilation=by_block[i - 1] if i else 1,
                # Attention behind the last block reads its vertical features too.
                last=i == blocks - 1 and blocks not in self.attention,
                name=f"block_{i}",
                **shared,
            )
            self.blocks.append(gated)
            if i + 1 in self.attention:
                attending = AttentionBlock(
                    filters,
                    attention_heads,
                    channel_groups=self.channel_groups,
                    name=f"attention_{i}",
                    **policy,
                )
                self.blocks.append(attending)
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
        depth = 0 if self.condition is None else self.condition.depth
        depth += self.orders if self.orders > 1 else 0
        if depth:
            condition_shape = (None, 1, 1, depth)
        shape = (None, *self.image_shape)
        if self.embedding is not None:
            self.embedding.build(shape)
            shape = self.embedding.compute_output_shape(shape)
        image_shape = shape
        for block in self.blocks:
            attends = isinstance(block, AttentionBlock)
            block.build(shape, shape, image_shape if attends else condition_shape)
            shape = (None, *self.image_shape[:2], self.filters)
        self.head.build(shape)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        if self.orders == 1:
            return super().call(inputs, training)
        images, given = self.split_inputs(inputs)
        encoded = self.encode_condition(given)
        _, order = self.inputs_taken.split(given)
        scaled = reorient_each(self.scale(images), order)
        return restore_each(self.predict_scaled(scaled, encoded, training), order)

    def scale_levels(self, levels: Any) -> Any:
        return super().scale_levels(levels) if self.embedding is None else self.embedding(levels)

    def encode_condition(self, given: Any) -> Any:
        """What enters the gates, in the order of each image: the condition, then the order."""
        condition, order = self.inputs_taken.split(given)
        encoded = None if self.condition is None else self._encode_own_condition(condition)
        if self.orders == 1:
            return encoded
        dtype = keras.backend.standardize_dtype(order.dtype)
        if not dtype.startswith(("int", "uint")) or len(order.shape) != 1:
            raise UsageError(
                f"order must be integers of shape (B,), got {dtype} {tuple(order.shape)}"
            )
        one_hot = ops.one_hot(ops.cast(order, "int32"), self.orders, dtype=self.compute_dtype)
        one_hot = one_hot[:, None, None, :]  # (B, 1, 1, R): picks a learned vector per order
        if encoded is None:
            return one_hot
        if tuple(encoded.shape[1:3]) != (1, 1):  # a map, the only one that knows of places
            encoded = reorient_each(encoded, order)
            one_hot = one_hot + ops.zeros((*encoded.shape[1:3], 1), self.compute_dtype)
        return ops.concatenate([encoded, one_hot], axis=-1)

    def _encode_own_condition(self, condition):
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
        *_, (_, horizontal) = self.stacks(scaled, condition, training)
        return self.head(horizontal)

    def stacks(
        self, scaled: Any, condition: Any = None, training: bool = False
    ) -> Iterator[tuple[Any, Any]]:
        """Vertical and horizontal features, `(B, H, W, F)` each, after every block."""
        vertical = horizontal = scaled
        for block in self.blocks:
            if isinstance(block, AttentionBlock):
                vertical, horizontal = block(vertical, horizontal, scaled)
            else:
                vertical, horizontal = block(vertical, horizontal, condition, training=training)
            yield vertical, horizontal

    def in_order(self, order: int) -> "GatedPixelCNN":
        """A model of raster order alone that equals this one in an order.

        What the gates are told of the order is then the same for every image, and stands in the
        biases. For programs that know raster order alone.

        Args:
            order: 0 .. orders-1.

        Returns:
            `GatedPixelCNN` with `orders=1` and the same condition: `log_likelihood(images,
            order=k)` of this model is that of `reorient(images, k)` under `in_order(k)`; a map is
            reoriented as the images are.
        """
        return in_order(self, order)

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
            # What reads in raster order alone is described as it always was.
            **({"orders": self.orders} if self.orders > 1 else {}),
            **self._attention_config(),
            **described_inputs(self.input_kind, self.embedding_size, self.levels),
        }

    def _attention_config(self):
        if not self.attention:
            return {}
        return {"attention": self.attention, "attention_heads": self.attention_heads}
