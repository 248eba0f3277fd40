"""The gated block, with a vertical and a horizontal stack.

Follows van den Oord et al. 2016 (arXiv:1606.05328), section 2 and figure 2. Tensors are NHWC:
B batch, H rows, W columns, F filters.

A block that the cached sampler can draw from has the methods of `pcnnlib.sampling.CachedBlock`.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from pcnnlib._internal import backend
from pcnnlib._internal.errors import UsageError
from pcnnlib.nn.layers import CausalConv2D, ChannelDense

_register = keras.saving.register_keras_serializable("pcnnlib")

# The stacks whose gates a condition can enter.
CONDITION_STACKS = ("vertical", "horizontal")


@backend.fused
def gate(inputs: Any) -> Any:
    """Gated activation unit: tanh of one half of the features times the sigmoid of the other.

    Equation 2 of arXiv:1606.05328: `y = tanh(W_f * x) . sigmoid(W_g * x)`.

    Args:
        inputs: `(..., 2F)`, the features to gate and then the gates.

    Returns:
        `(..., F)`.
    """
    features, gates = ops.split(inputs, 2, axis=-1)  # each (..., F)
    return ops.tanh(features) * ops.sigmoid(gates)


def relu_of_sum(inputs: Any) -> Any:
    """ReLU in place of the gate, with the same weights: the two halves are added.

    Args:
        inputs: `(..., 2F)`.

    Returns:
        `(..., F)`.
    """
    features, gates = ops.split(inputs, 2, axis=-1)  # each (..., F)
    return ops.relu(features + gates)


def glu(inputs: Any) -> Any:
    """Gated linear unit: one half of the features times the sigmoid of the other.

    Dauphin et al. 2017 (arXiv:1612.08083): the gate without its tanh.

    Args:
        inputs: `(..., 2F)`.

    Returns:
        `(..., F)`.
    """
    features, gates = ops.split(inputs, 2, axis=-1)  # each (..., F)
    return features * ops.sigmoid(gates)


# What stands between a block's two convolutions and its features: functions, and how many outputs
# of the convolutions each needs for a feature. A plain activation needs one. ("relu_of_sum" has the
# weights of the gate, but a sum of two convolutions is one convolution.)
ACTIVATIONS = {
    "gate": (gate, 2),
    "glu": (glu, 2),
    "relu_of_sum": (relu_of_sum, 2),
    "relu": (ops.relu, 1),
    "silu": (ops.silu, 1),
}


@_register
class GatedBlock(keras.layers.Layer):
    """One layer of the Gated PixelCNN: figure 2 of arXiv:1606.05328.

    The vertical stack convolves the rows above and is gated. The horizontal stack convolves the row
    to the left, adds the output of the vertical convolution *before* its gate (through a 1x1
    convolution, the link), is gated, mixed by a 1x1 convolution and added to its input. A condition
    enters the gates (equations 4 and 5).

    Args:
        filters: int, features F of each stack, a multiple of `channel_groups`.
        kernel_size: odd int of at least 3.
        mask_type: "A" for the block that reads the image (it has no residual), else "B".
        dilation: int, pixels from one tap to the next in both stacks; 1 for mask A, which would
            else skip the pixel's neighbours.
        channel_groups: int, channel groups of the horizontal stack.
        dropout: float in [0, 1), share of gated features dropped while training.
        activation: "gate", "glu", "relu_of_sum", "relu" or "silu"; the last two need half of the
            convolutions' outputs.
        condition_stacks: those of "vertical" and "horizontal" whose gates a condition enters; if
            there are any, `call` gets a condition.
        last: bool, whether no block follows. Nothing then reads the vertical features, and a
            condition in their gate would be weights without a gradient.

    Raises:
        UsageError: dilation with mask A, an unknown activation or stack, or what `CausalConv2D`
            refuses.

    Input shape:
        Vertical `(B, H, W, I)`, horizontal `(B, H, W, I)` and, if conditional, condition
        `(B, 1, 1, D)` (the same everywhere) or `(B, H, W, D)`.

    Output shape:
        Two tensors `(B, H, W, F)`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        *,
        mask_type: str = "B",
        dilation: int = 1,
        channel_groups: int = 1,
        dropout: float = 0.0,
        activation: str = "gate",
        condition_stacks: Sequence[str] = (),
        last: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        if mask_type == "A" and dilation != 1:
            raise UsageError(f"dilation must be 1 in a block of mask_type A, got {dilation!r}")
        self.mask_type = mask_type
        self.dilation = dilation
        self.channel_groups = channel_groups
        self.dropout = dropout
        self.activation = check_activation(activation)
        self.condition_stacks = check_condition_stacks(condition_stacks)
        self.last = last
        self.activate, multiplier = ACTIVATIONS[self.activation]
        self.convolved_features = multiplier * filters
        convolution = {
            "mask_type": mask_type,
            "dilation": dilation,
            "filter_multiplier": multiplier,
            "dtype": self.dtype_policy,
        }
        # The vertical stack sees whole rows above: no channel of the current pixel, so no groups.
        self.vertical = CausalConv2D(
            filters, kernel_size, stack="vertical", name="vertical", **convolution
        )
        self.horizontal = CausalConv2D(
            filters,
            kernel_size,
            stack="horizontal",
            channel_groups=channel_groups,
            name="horizontal",
            **convolution,
        )
        # The horizontal convolution has the gate's bias: link and conditions add none.
        unbiased = {"use_bias": False, "dtype": self.dtype_policy}
        self.link = keras.layers.Dense(self.convolved_features, name="link", **unbiased)
        self.project = ChannelDense(
            filters, channel_groups, name="project", dtype=self.dtype_policy
        )
        kept = {"rate": dropout, "dtype": self.dtype_policy}
        self.vertical_dropout = keras.layers.Dropout(name="vertical_dropout", **kept)
        self.horizontal_dropout = keras.layers.Dropout(name="horizontal_dropout", **kept)
        self.vertical_condition = self.horizontal_condition = None
        if "vertical" in self.condition_stacks and not last:
            self.vertical_condition = keras.layers.Dense(
                self.convolved_features, name="vertical_condition", **unbiased
            )
        if "horizontal" in self.condition_stacks:
            self.horizontal_condition = keras.layers.Dense(
                self.convolved_features, name="horizontal_condition", **unbiased
            )

    def build(
        self, vertical_shape: Any, horizontal_shape: Any, condition_shape: Any = None
    ) -> None:
        self.input_features = vertical_shape[-1]
        pixels = tuple(vertical_shape[:-1])
        self.vertical.build(vertical_shape)
        self.horizontal.build(horizontal_shape)
        self.link.build((*pixels, self.convolved_features))
        self.project.build((*pixels, self.filters))
        for layer in (self.vertical_condition, self.horizontal_condition):
            if layer is not None:
                layer.build(condition_shape)

    def vertical_stack(
        self, window: Any, condition: Any = None, training: bool = False
    ) -> tuple[Any, Any]:
        """The vertical stack on a window.

        Returns:
            The next block's vertical features `(B, rows, columns, F)`, and the link features
            `(B, rows, columns, 2F)`, or F with a plain activation: all that enters the horizontal
            gate from outside its row.
        """
        vertical_features = self.vertical.convolve(window)
        link_features = self.link(vertical_features)
        if self.vertical_condition is not None:
            vertical_features = vertical_features + self.vertical_condition(condition)
        if self.horizontal_condition is not None:
            link_features = link_features + self.horizontal_condition(condition)
        gated = self.activate(vertical_features)
        return self.vertical_dropout(gated, training=training), link_features

    def horizontal_stack(
        self, window: Any, link_features: Any, residual: Any, training: bool = False
    ) -> Any:
        """The horizontal stack on a window.

        Args:
            window: the row to the left, `(B, rows, columns + w - 1, I)`.
            link_features: from `vertical_stack`, of the same pixels.
            residual: the block's horizontal input at the same pixels.

        Returns:
            `(B, rows, columns, F)`.
        """
        return self._add_row(self.horizontal.convolve(window), link_features, residual, training)

    def _add_row(self, convolved, link_features, residual, training=False):
        """What follows the horizontal convolution: link, gate, 1x1 convolution, residual."""
        gated = self.activate(convolved + link_features)
        features = self.project(self.horizontal_dropout(gated, training=training))
        # In the first block a residual would pass on the pixel's own value.
        return features if self.mask_type == "A" else residual + features

    def call(
        self, vertical: Any, horizontal: Any, condition: Any = None, training: bool = False
    ) -> Any:
        vertical_features, link_features = self.vertical_stack(
            self.vertical.pad(vertical), condition, training
        )
        horizontal_features = self.horizontal_stack(
            self.horizontal.pad(horizontal), link_features, horizontal, training
        )
        return vertical_features, horizontal_features

    # What the cached sampler calls: see `pcnnlib.sampling.CachedBlock`.

    def initial_cache(self, batch: int, width: int) -> tuple[Any, Any]:
        top, _, first, last = self.vertical.kernel_extent
        above = (batch, -top, width - first + last, self.input_features)
        left = (batch, 1, -self.horizontal.kernel_extent[2], self.input_features)
        return ops.zeros(above, self.compute_dtype), ops.zeros(left, self.compute_dtype)

    def vertical_step(self, above: Any, row: Any, condition: Any = None) -> tuple[Any, Any]:
        window = above
        if self.mask_type == "B":  # mask A hides the row itself
            window = ops.concatenate([above, self._pad_columns(row)], axis=1)
        return self.vertical_stack(window, condition)

    def append_row(self, above: Any, row: Any) -> Any:
        return ops.concatenate([above, self._pad_columns(row)], axis=1)[:, 1:]

    def horizontal_step(self, left: Any, pixel: Any, link_features: Any) -> Any:
        window = left
        if self.horizontal.kernel_extent[3] == 0:  # the pixel itself, or earlier channels of it
            window = ops.concatenate([left, pixel], axis=2)
        return self.horizontal_stack(window, link_features, pixel)

    def append_pixel(self, left: Any, pixel: Any) -> Any:
        return ops.concatenate([left, pixel], axis=2)[:, :, 1:]

    def horizontal_row(self, row: Any, link_features: Any) -> Any:
        convolved = self.horizontal.convolve_row(self.horizontal.pad(row))
        return self._add_row(convolved, link_features, row)

    def _pad_columns(self, row):
        _, _, first, last = self.vertical.kernel_extent
        return ops.pad(row, ((0, 0), (0, 0), (-first, last), (0, 0)))

    def compute_output_shape(
        self, vertical_shape: Any, horizontal_shape: Any, condition_shape: Any = None
    ) -> Any:
        shape = (*vertical_shape[:-1], self.filters)
        return shape, shape

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "mask_type": self.mask_type,
            "dilation": self.dilation,
            "channel_groups": self.channel_groups,
            "dropout": self.dropout,
            "activation": self.activation,
            "condition_stacks": self.condition_stacks,
            "last": self.last,
        }


def check_activation(activation: str) -> str:
    """Return the name of an activation, or raise `UsageError`."""
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise UsageError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    return activation


def check_condition_stacks(stacks: str | Sequence[str]) -> tuple[str, ...]:
    """Return the names of stacks as a tuple, each once, or raise `UsageError`."""
    names = (stacks,) if isinstance(stacks, str) else stacks
    names = names if isinstance(names, (tuple, list)) else (names,)
    for name in names:
        if name not in CONDITION_STACKS:
            raise UsageError(
                f"condition_stacks must be some of {', '.join(CONDITION_STACKS)}, got {name!r}"
            )
    return tuple(stack for stack in CONDITION_STACKS if stack in names)
