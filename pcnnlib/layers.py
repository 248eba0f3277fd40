"""Causal convolutions, the gate, and a gated block with a vertical and a horizontal stack.

Follows van den Oord et al. 2016 (arXiv:1606.05328), section 2 and figure 2. Tensors are NHWC:
B batch, H rows, W columns, F filters.

Every causal convolution has one piece of mathematics, `convolve(window)`. Training pads the whole
image and convolves it; sampling keeps the rows and columns just generated, which *are* the padding,
and convolves that window. The two cannot drift apart.
"""

import keras
import numpy as np
from keras import ops

from pcnnlib import backend, masks
from pcnnlib.errors import UsageError, check_int

_register = keras.saving.register_keras_serializable("pcnnlib")

STACKS = {
    "raster": masks.raster_mask,
    "vertical": masks.vertical_mask,
    "horizontal": masks.horizontal_mask,
}


@_register
class CausalConv2D(keras.layers.Layer):
    """Convolution that sees only what is generated before each pixel.

    The kernel lives on its mask's window alone (`masks.crop_to_taps`); where part of a tap is hidden (the
    baseline's centre row, or the pixel's own later channels), it is multiplied by the mask. It is
    stored as the matrix that multiplies each window, `(h * w * I, filter_multiplier * filters)`: optimisers
    that work on matrices (Muon) then take it as it is.

    Args:
        filters: int, output features F.
        kernel_size: odd int of at least 3; the unmasked kernel would be square.
        stack: "raster" (the 2016 PixelCNN), "vertical" or "horizontal".
        mask_type: "A" hides the pixel itself, "B" shows it.
        channel_groups: int, channel groups (1, or one per image channel, R before G before B).
        filter_multiplier: int, how many times the F outputs are repeated, each time with the same groups: 2
            where a gate follows.
        dilation: int, pixels from one tap to the next, in both directions; 1: none between.
        use_bias: bool.

    Input shape: `(B, H, W, I)`, I a multiple of `channel_groups`.
    Output shape: `(B, H, W, filter_multiplier * filters)`.

    Raises:
        UsageError: unknown stack or mask type, even kernel, filters not a multiple of channel_groups.

    >>> CausalConv2D(16, 7, stack="raster", mask_type="A")(np.zeros((2, 28, 28, 1))).shape
    TensorShape([2, 28, 28, 16])
    """

    def __init__(
        self,
        filters,
        kernel_size,
        *,
        stack,
        mask_type,
        channel_groups=1,
        filter_multiplier=1,
        dilation=1,
        use_bias=True,
        **kwargs,
    ):
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

    def build(self, input_shape):
        in_groups = masks.feature_groups(input_shape[-1], self.channel_groups)
        self.mask, _ = masks.crop_to_taps(self._full_mask(in_groups))
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

    def convolve(self, window):
        """Valid convolution of a window that already holds its padding.

        Args:
            window: `(B, rows + (h - 1) d, columns + (w - 1) d, I)` for a stored kernel of h by w
                taps and dilation d.

        Returns:
            `(B, rows, columns, filter_multiplier * filters)`.
        """
        kernel = ops.cast(self.kernel, window.dtype)
        if not self.mask.all():
            kernel = kernel * ops.cast(self.mask.reshape(self.kernel.shape), window.dtype)
        top, bottom, left, right = self.kernel_extent
        if tuple(window.shape[1:3]) == (bottom - top + 1, right - left + 1):
            # One output pixel: the convolution is a single matrix product.
            taps = window[:, :: self.dilation, :: self.dilation]
            outputs = ops.matmul(ops.reshape(taps, (-1, 1, 1, self.kernel.shape[0])), kernel)
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

    def pad(self, inputs):
        """The window of a whole image: zeros before it, and rows or columns not seen dropped."""
        top, bottom, left, right = self.kernel_extent
        # Negative in an image so small that even its last pixel sees nothing but padding.
        rows, columns = inputs.shape[1] + min(bottom, 0), inputs.shape[2] + min(right, 0)
        before = (-top + min(rows, 0), -left + min(columns, 0))
        inputs = inputs[:, : max(rows, 0), : max(columns, 0)]
        after = (max(bottom, 0), max(right, 0))
        return ops.pad(inputs, ((0, 0), (before[0], after[0]), (before[1], after[1]), (0, 0)))

    def call(self, inputs):
        return self.convolve(self.pad(inputs))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filter_multiplier * self.filters)

    def get_config(self):
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
class ChannelDense(keras.layers.Dense):
    """A 1x1 convolution, written as `Dense`, that keeps the order of the channel groups.

    Written as `Dense` because a matrix product is about three times as fast as a 1x1 convolution on
    a CPU. With one group it is exactly `keras.layers.Dense`.

    Args:
        units: int, output features, a multiple of `channel_groups`.
        channel_groups: int, channel groups; a group sees itself and the ones before it (mask B).

    Input shape: `(..., I)`. Output shape: `(..., units)`.
    """

    def __init__(self, units, channel_groups=1, **kwargs):
        super().__init__(units, **kwargs)
        self.channel_groups = channel_groups
        self.out_groups = masks.feature_groups(units, channel_groups)

    def build(self, input_shape):
        super().build(input_shape)
        in_groups = masks.feature_groups(input_shape[-1], self.channel_groups)
        self.mask = masks.channel_mask("B", in_groups, self.out_groups)

    def call(self, inputs, training=None):
        if self.channel_groups == 1:
            return super().call(inputs, training=training)
        outputs = ops.matmul(inputs, self.kernel * ops.cast(self.mask, self.kernel.dtype))
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        return self.activation(outputs) if self.activation is not None else outputs

    def get_config(self):
        return {**super().get_config(), "channel_groups": self.channel_groups}


@backend.fused
def gate(inputs):
    """Gated activation unit: tanh of one half of the features times the sigmoid of the other.

    Equation 2 of arXiv:1606.05328: `y = tanh(W_f * x) . sigmoid(W_g * x)`.

    Args:
        inputs: `(..., 2F)`, the features to gate and then the gates.

    Returns:
        `(..., F)`.
    """
    features, gates = ops.split(inputs, 2, axis=-1)  # each (..., F)
    return ops.tanh(features) * ops.sigmoid(gates)


@_register
class GatedBlock(keras.layers.Layer):
    """One layer of the Gated PixelCNN: figure 2 of arXiv:1606.05328.

    The vertical stack convolves the rows above and is gated. The horizontal stack convolves the row
    to the left, adds what the vertical convolution found *before* its gate (through a 1x1
    convolution), is gated, mixed by a 1x1 convolution and added to its input. A condition enters
    both gates (equations 4 and 5).

    Args:
        filters: int, features F of each stack, a multiple of `channel_groups`.
        kernel_size: odd int of at least 3.
        mask_type: "A" for the block that reads the image (it has no residual), else "B".
        dilation: int, pixels from one tap to the next in both stacks; 1 for mask A, which would
            else skip the pixel's neighbours.
        channel_groups: int, channel groups of the horizontal stack.
        dropout: float in [0, 1), share of gated features dropped while training.
        conditional: bool, whether `call` gets a condition.
        last: bool, whether no block follows. Nothing then reads the vertical features, and a
            condition in their gate would be weights without a gradient.

    Raises:
        UsageError: dilation with mask A, or what `CausalConv2D` refuses.

    Input shape: vertical `(B, H, W, I)`, horizontal `(B, H, W, I)` and, if conditional, condition
        `(B, 1, 1, D)` (the same everywhere) or `(B, H, W, D)`.
    Output shape: two tensors `(B, H, W, F)`.
    """

    def __init__(
        self,
        filters,
        kernel_size=3,
        *,
        mask_type="B",
        dilation=1,
        channel_groups=1,
        dropout=0.0,
        conditional=False,
        last=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        if mask_type == "A" and dilation != 1:
            raise UsageError(f"dilation must be 1 in a block of mask_type A, got {dilation!r}")
        self.mask_type = mask_type
        self.dilation = dilation
        self.channel_groups = channel_groups
        self.dropout = dropout
        self.conditional = conditional
        self.last = last
        convolution = {
            "mask_type": mask_type,
            "dilation": dilation,
            "filter_multiplier": 2,
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
        self.link = keras.layers.Dense(2 * filters, name="link", **unbiased)
        self.project = ChannelDense(
            filters, channel_groups, name="project", dtype=self.dtype_policy
        )
        self.vertical_dropout = keras.layers.Dropout(dropout, name="vertical_dropout")
        self.horizontal_dropout = keras.layers.Dropout(dropout, name="horizontal_dropout")
        if conditional:
            if not last:
                self.vertical_condition = keras.layers.Dense(
                    2 * filters, name="vertical_condition", **unbiased
                )
            self.horizontal_condition = keras.layers.Dense(
                2 * filters, name="horizontal_condition", **unbiased
            )

    def build(self, vertical_shape, horizontal_shape, condition_shape=None):
        pixels = tuple(vertical_shape[:-1])
        self.vertical.build(vertical_shape)
        self.horizontal.build(horizontal_shape)
        self.link.build((*pixels, 2 * self.filters))
        self.project.build((*pixels, self.filters))
        if self.conditional:
            if not self.last:
                self.vertical_condition.build(condition_shape)
            self.horizontal_condition.build(condition_shape)

    def look_up(self, window, condition=None, training=False):
        """The vertical stack on a window.

        Returns:
            The next block's vertical features `(B, rows, columns, F)`, and all that the gates of
            the horizontal stack must know from outside its row, `(B, rows, columns, 2F)`.
        """
        found = self.vertical.convolve(window)
        told = self.link(found)
        if self.conditional:
            if not self.last:
                found = found + self.vertical_condition(condition)
            told = told + self.horizontal_condition(condition)
        return self.vertical_dropout(gate(found), training=training), told

    def look_left(self, window, told, here, training=False):
        """The horizontal stack on a window.

        Args:
            window: the row to the left, `(B, rows, columns + w - 1, I)`.
            told: what `look_up` said of the same pixels.
            here: the block's horizontal input at the same pixels, for the residual.

        Returns:
            `(B, rows, columns, F)`.
        """
        gated = gate(self.horizontal.convolve(window) + told)
        features = self.project(self.horizontal_dropout(gated, training=training))
        # In the first block a residual would hand the pixel's own value on.
        return features if self.mask_type == "A" else here + features

    def call(self, vertical, horizontal, condition=None, training=False):
        above, told = self.look_up(self.vertical.pad(vertical), condition, training)
        along = self.look_left(self.horizontal.pad(horizontal), told, horizontal, training)
        return above, along

    def compute_output_shape(self, vertical_shape, horizontal_shape, condition_shape=None):
        shape = (*vertical_shape[:-1], self.filters)
        return shape, shape

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "mask_type": self.mask_type,
            "dilation": self.dilation,
            "channel_groups": self.channel_groups,
            "dropout": self.dropout,
            "conditional": self.conditional,
            "last": self.last,
        }


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

    def __init__(self, filters, kernel_size=3, *, channel_groups=1, **kwargs):
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

    def build(self, input_shape):
        half = (*input_shape[:-1], self.filters // 2)
        self.reduce.build(input_shape)
        self.convolution.build(half)
        self.expand.build(half)

    def call(self, inputs):
        features = self.reduce(ops.relu(inputs))
        features = self.convolution(ops.relu(features))
        return inputs + self.expand(ops.relu(features))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "channel_groups": self.channel_groups,
        }


@_register
class PixelHead(keras.layers.Layer):
    """From features to the parameters of each pixel's distribution: ReLU, 1x1, ReLU, 1x1.

    Args:
        filters: int, features F between the two 1x1 convolutions.
        parameters: int, outputs per pixel, a multiple of `channel_groups`.
        channel_groups: int, channel groups.

    Input shape: `(B, H, W, F)`. Output shape: `(B, H, W, parameters)`.
    """

    def __init__(self, filters, parameters, *, channel_groups=1, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.parameters = parameters
        self.channel_groups = channel_groups
        policy = {"dtype": self.dtype_policy}
        self.mix = ChannelDense(filters, channel_groups, name="mix", **policy)
        self.predict = ChannelDense(parameters, channel_groups, name="predict", **policy)

    def build(self, input_shape):
        self.mix.build(input_shape)
        self.predict.build((*input_shape[:-1], self.filters))

    def call(self, inputs):
        return self.predict(ops.relu(self.mix(ops.relu(inputs))))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.parameters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "parameters": self.parameters,
            "channel_groups": self.channel_groups,
        }
