"""Layers equal to their definition, recomputed in NumPy."""

import keras
import numpy as np
import pytest
from reference import TOLERANCE, convolved, dense, noise
from support import shake

from pcnnlib import UsageError
from pcnnlib._internal import backend
from pcnnlib.nn.blocks import CONDITION_STACKS, GatedBlock
from pcnnlib.nn.layers import CausalConv2D, ChannelDense, PixelHead
from pcnnlib.nn.residual import ResidualBlock


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


@pytest.mark.parametrize("dilation, mask_type", [(1, "A"), (1, "B"), (2, "B")])
@pytest.mark.parametrize("stack", ["raster", "vertical", "horizontal"])
def test_products_in_place_of_convolutions_equal_plain_loops(
    stack, dilation, mask_type, monkeypatch
):
    """What runs on a GPU under JAX."""
    monkeypatch.setattr(backend, "jax_on_gpu", lambda: True)
    monkeypatch.setattr(keras.ops, "conv", None)
    layer = CausalConv2D(
        4, 3, stack=stack, mask_type=mask_type, dilation=dilation, channel_groups=2
    )
    inputs = noise(2, 6, 5, 2)
    layer.build(inputs.shape)
    shake(layer)
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


def test_convolution_stores_no_tap_that_is_never_seen():
    vertical = CausalConv2D(4, 3, stack="vertical", mask_type="B")
    horizontal = CausalConv2D(4, 3, stack="horizontal", mask_type="A")
    for layer, taps in ((vertical, (2, 3)), (horizontal, (1, 1))):
        layer.build((None, 8, 8, 2))
        assert tuple(layer.kernel.shape) == (np.prod(taps) * 2, 4)


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
        GatedBlock(
            6,
            5,
            mask_type="A",
            channel_groups=3,
            dropout=0.25,
            activation="relu_of_sum",
            condition_stacks=CONDITION_STACKS,
            last=True,
        ),
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
