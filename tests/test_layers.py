"""Layers recomputed in NumPy: float64, plain loops over pixels and taps.

The tolerance 1e-5 is that of float32: sums of up to a hundred products of order one, each rounded
to 6e-8 of its size.
"""

import keras
import numpy as np
import pytest
from support import shake

from pcnnlib import masks
from pcnnlib.errors import UsageError
from pcnnlib.layers import CausalConv2D, ChannelDense, GatedBlock, PixelHead, ResidualBlock, gate

TOLERANCE = 1e-5


def loops(inputs, kernel, bias, mask, dilation=1):
    """Masked convolution by definition: kernel and mask of full size, one tap after another."""
    batch, height, width, _ = inputs.shape
    half = mask.shape[0] // 2
    outputs = np.zeros((batch, height, width, mask.shape[-1])) + bias
    for i in range(height):
        for j in range(width):
            for row in range(-half, half + 1):
                for column in range(-half, half + 1):
                    at = i + row * dilation, j + column * dilation
                    if 0 <= at[0] < height and 0 <= at[1] < width:
                        tap = (kernel * mask)[row + half, column + half]
                        outputs[:, i, j] += inputs[:, *at] @ tap
    return outputs


def full_kernel(layer, mask):
    """The layer's stored kernel at its place in a square one; NaN where it stores nothing."""
    half = mask.shape[0] // 2
    top, bottom, left, right = (edge // layer.dilation for edge in layer.kernel_extent)
    kernel = np.zeros(mask.shape)
    kernel[top + half : bottom + half + 1, left + half : right + half + 1] = np.reshape(
        layer.kernel, layer.mask.shape
    )
    return kernel


def convolved(layer, inputs):
    """`layer` on `inputs`, recomputed."""
    in_groups = masks.feature_groups(inputs.shape[-1], layer.channel_groups)
    build = {"raster": masks.raster_mask, "vertical": masks.vertical_mask}
    build = build.get(layer.stack, masks.horizontal_mask)
    out_groups = np.tile(
        masks.feature_groups(layer.filters, layer.channel_groups), layer.filter_multiplier
    )
    mask = build(layer.kernel_size, layer.mask_type, in_groups, out_groups)
    bias = np.asarray(layer.bias, float) if layer.use_bias else 0.0
    return loops(inputs, full_kernel(layer, mask), bias, mask, layer.dilation)


def dense(layer, inputs, channel_groups=1):
    """A 1x1 convolution, recomputed, with the links between channel groups cut."""
    kernel = np.asarray(layer.kernel, float)
    before = masks.feature_groups(kernel.shape[0], channel_groups)[:, None]
    kernel = kernel * (before <= masks.feature_groups(kernel.shape[1], channel_groups)[None, :])
    outputs = np.einsum("bhwi,io->bhwo", inputs, kernel)
    return outputs if layer.bias is None else outputs + np.asarray(layer.bias, float)


def gated_in_numpy(inputs):
    features = inputs.shape[-1] // 2
    return np.tanh(inputs[..., :features]) / (1 + np.exp(-inputs[..., features:]))


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("channel_groups", [1, 3])
@pytest.mark.parametrize("mask_type", ["A", "B"])
@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("stack", ["raster", "vertical", "horizontal"])
def test_causal_convolution_equals_plain_loops(stack, size, mask_type, channel_groups):
    layer = CausalConv2D(
        6,
        size,
        stack=stack,
        mask_type=mask_type,
        channel_groups=channel_groups,
        filter_multiplier=2,
    )
    inputs = noise(2, 4, 5, 3)
    layer.build(inputs.shape)
    shake(layer)
    np.testing.assert_allclose(
        layer(inputs.astype("float32")), convolved(layer, inputs), atol=TOLERANCE
    )


@pytest.mark.parametrize("mask_type", ["A", "B"])
@pytest.mark.parametrize("dilation", [2, 3])
@pytest.mark.parametrize("stack", ["raster", "vertical", "horizontal"])
def test_dilated_convolution_equals_plain_loops(stack, dilation, mask_type):
    """On an image that the kernel overhangs, and on one of a single pixel."""
    layer = CausalConv2D(2, 5, stack=stack, mask_type=mask_type, dilation=dilation)
    layer.build((None, None, None, 3))
    shake(layer)
    for shape in [(2, 7, 6, 3), (1, 1, 1, 3)]:
        inputs = noise(*shape)
        np.testing.assert_allclose(
            layer(inputs.astype("float32")), convolved(layer, inputs), atol=TOLERANCE
        )


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (2, 2)])
@pytest.mark.parametrize("stack", ["raster", "vertical", "horizontal"])
def test_kernels_larger_than_the_image_are_cut_off_by_it(stack, shape):
    layer = CausalConv2D(2, 7, stack=stack, mask_type="A")
    inputs = noise(1, *shape, 1)
    layer.build(inputs.shape)
    shake(layer)
    np.testing.assert_allclose(
        layer(inputs.astype("float32")), convolved(layer, inputs), atol=TOLERANCE
    )


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("stack", ["raster", "vertical", "horizontal"])
def test_one_pixels_window_gives_what_the_whole_image_gives(stack, dilation):
    """The sampler's short cut: the window of one pixel as a single matrix product."""
    layer = CausalConv2D(4, 3, stack=stack, mask_type="B", dilation=dilation)
    inputs = noise(2, 3, 4, 2).astype("float32")
    layer.build(inputs.shape)
    shake(layer)
    whole, padded = np.asarray(layer(inputs)), np.asarray(layer.pad(inputs))
    rows, columns = ((taps - 1) * dilation + 1 for taps in layer.mask.shape[:2])
    for i in range(3):
        for j in range(4):
            window = padded[:, i : i + rows, j : j + columns]
            one = np.asarray(layer.convolve(window))
            np.testing.assert_allclose(one, whole[:, i : i + 1, j : j + 1], atol=TOLERANCE)


def test_a_block_of_mask_a_is_not_dilated():
    with pytest.raises(UsageError, match="dilation must be 1 in a block of mask_type A, got 2"):
        GatedBlock(4, mask_type="A", dilation=2)


@pytest.mark.parametrize("condition_shape", [None, (1, 1), (4, 5)])
@pytest.mark.parametrize("channel_groups", [1, 2])
@pytest.mark.parametrize("mask_type", ["A", "B"])
def test_gated_block_equals_numpy(mask_type, channel_groups, condition_shape):
    """Figure 2 of the paper, with the condition of equations 4 and 5 in both gates."""
    features = 4 if mask_type == "B" else channel_groups
    block = GatedBlock(
        4,
        3,
        mask_type=mask_type,
        channel_groups=channel_groups,
        conditional=condition_shape is not None,
    )
    vertical, horizontal = noise(2, 4, 5, features), noise(2, 4, 5, features, seed=1)
    condition = None if condition_shape is None else noise(2, *condition_shape, 3, seed=2)
    block.build(vertical.shape, horizontal.shape, None if condition is None else condition.shape)
    shake(block)

    found = convolved(block.vertical, vertical)
    told = dense(block.link, found)
    to_vertical = to_horizontal = 0.0
    if condition is not None:
        to_vertical = dense(block.vertical_condition, condition)
        to_horizontal = dense(block.horizontal_condition, condition)
    above = gated_in_numpy(found + to_vertical)
    along = gated_in_numpy(convolved(block.horizontal, horizontal) + told + to_horizontal)
    along = dense(block.project, along, channel_groups)
    if mask_type == "B":
        along = along + horizontal

    given = [x if x is None else x.astype("float32") for x in (vertical, horizontal, condition)]
    got = block(*given)
    np.testing.assert_allclose(got[0], above, atol=TOLERANCE)
    np.testing.assert_allclose(got[1], along, atol=TOLERANCE)


@pytest.mark.parametrize("channel_groups", [1, 2])
def test_residual_block_equals_numpy(channel_groups):
    block = ResidualBlock(8, 3, channel_groups=channel_groups)
    inputs = noise(2, 4, 5, 8)
    block.build(inputs.shape)
    shake(block)
    features = dense(block.reduce, np.maximum(inputs, 0), channel_groups)
    features = convolved(block.convolution, np.maximum(features, 0))
    expected = inputs + dense(block.expand, np.maximum(features, 0), channel_groups)
    np.testing.assert_allclose(block(inputs.astype("float32")), expected, atol=TOLERANCE)


@pytest.mark.parametrize("channel_groups", [1, 3])
def test_head_equals_numpy(channel_groups):
    head = PixelHead(6, 9, channel_groups=channel_groups)
    inputs = noise(2, 3, 4, 6)
    head.build(inputs.shape)
    shake(head)
    hidden = dense(head.mix, np.maximum(inputs, 0), channel_groups)
    expected = dense(head.predict, np.maximum(hidden, 0), channel_groups)
    np.testing.assert_allclose(head(inputs.astype("float32")), expected, atol=TOLERANCE)


def test_channel_dense_with_one_group_is_keras_dense():
    layer = ChannelDense(5)
    inputs = noise(2, 3, 3, 4).astype("float32")
    layer.build(inputs.shape)
    shake(layer)
    reference = keras.layers.Dense(5)
    reference.build(inputs.shape)
    reference.set_weights(layer.get_weights())
    np.testing.assert_array_equal(layer(inputs), reference(inputs))


def test_channel_dense_applies_its_activation_and_order():
    layer = ChannelDense(4, channel_groups=2, activation="relu")
    inputs = noise(2, 1, 1, 4).astype("float32")
    layer.build(inputs.shape)
    shake(layer)
    expected = np.maximum(dense(layer, inputs.astype(float), 2), 0)
    np.testing.assert_allclose(layer(inputs), expected, atol=TOLERANCE)


def test_gate_is_tanh_of_one_half_times_sigmoid_of_the_other():
    inputs = noise(2, 3, 3, 8)
    np.testing.assert_allclose(
        gate(inputs.astype("float32")), gated_in_numpy(inputs), atol=TOLERANCE
    )


def test_convolution_stores_no_tap_that_is_never_seen():
    vertical = CausalConv2D(4, 3, stack="vertical", mask_type="B")
    horizontal = CausalConv2D(4, 3, stack="horizontal", mask_type="A")
    for layer, taps in ((vertical, (2, 3)), (horizontal, (1, 1))):
        layer.build((None, 8, 8, 2))
        assert tuple(layer.kernel.shape) == (np.prod(taps) * 2, 4)


def test_dropout_acts_in_training_alone():
    block = GatedBlock(4, 3, dropout=0.5)
    x = noise(2, 4, 4, 4).astype("float32")
    block.build(x.shape, x.shape)
    shake(block)
    first, second = (np.asarray(block(x, x, training=False)[1]) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    first, second = (np.asarray(block(x, x, training=True)[0]) for _ in range(2))
    assert (first != second).any()
    # Inverted dropout: what is kept is doubled, the rest is zero.
    kept = np.asarray(block(x, x, training=False)[0])
    ratio = first / kept
    assert set(np.round(np.unique(ratio), 4)) <= {0.0, 2.0}


@pytest.mark.parametrize(
    "layer",
    [
        CausalConv2D(
            6,
            5,
            stack="raster",
            mask_type="A",
            channel_groups=3,
            filter_multiplier=2,
            use_bias=False,
        ),
        ChannelDense(6, channel_groups=3, activation="relu"),
        GatedBlock(6, 5, mask_type="A", channel_groups=3, dropout=0.25, conditional=True),
        ResidualBlock(12, 5, channel_groups=3),
        PixelHead(6, 9, channel_groups=3),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_configuration_survives_serialisation(layer):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(copy) is type(layer)
    assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"stack": "diagonal"},
            "stack must be one of raster, vertical, horizontal, got 'diagonal'",
        ),
        ({"mask_type": "C"}, "mask_type must be"),
        ({"kernel_size": 4}, "kernel_size must be odd.*got 4"),
        ({"filters": 0}, "filters must be an integer >= 1, got 0"),
        (
            {"filters": 4, "channel_groups": 3},
            "filters must be a multiple of the 3 channel groups, got 4",
        ),
    ],
)
def test_convolution_refuses(arguments, message):
    arguments = {
        "filters": 6,
        "kernel_size": 3,
        "stack": "vertical",
        "mask_type": "A",
        **arguments,
    }
    with pytest.raises(UsageError, match=message):
        CausalConv2D(arguments.pop("filters"), arguments.pop("kernel_size"), **arguments)


@pytest.mark.parametrize(("filters", "channel_groups"), [(3, 1), (1, 1), (9, 3)])
def test_residual_block_refuses_filters_it_cannot_halve(filters, channel_groups):
    with pytest.raises(UsageError, match="filters must be"):
        ResidualBlock(filters, channel_groups=channel_groups)
