"""Blocks equal to their definition, recomputed in NumPy."""

import numpy as np
import pytest
from reference import TOLERANCE, convolved, dense, gated_block, noise
from support import shake

from pcnnlib import UsageError
from pcnnlib.nn.blocks import (
    ACTIVATIONS,
    CONDITION_STACKS,
    GatedBlock,
    check_condition_stacks,
    gate,
    relu_of_sum,
)
from pcnnlib.nn.residual import ResidualBlock

KNOWN = "gate, glu, relu_of_sum, relu, silu"


def check_block(condition_shape=None, **options):
    """A block of four filters on images of 4x5 equals its definition, in both stacks."""
    block = GatedBlock(4, 3, **options)
    features = 4 if block.mask_type == "B" else block.channel_groups
    inputs = [noise(2, 4, 5, features), noise(2, 4, 5, features, seed=1)]
    if condition_shape is not None:
        inputs.append(noise(2, *condition_shape, 3, seed=2))
    block.build(*(x.shape for x in inputs))
    shake(block)
    outputs = block(*(x.astype("float32") for x in inputs))
    for got, expected in zip(outputs, gated_block(block, *inputs), strict=True):
        np.testing.assert_allclose(got, expected, atol=TOLERANCE)
    return block


@pytest.mark.parametrize("condition_shape", [None, (1, 1), (4, 5)])
@pytest.mark.parametrize("channel_groups", [1, 2])
@pytest.mark.parametrize("mask_type", ["A", "B"])
def test_gated_block_equals_numpy(mask_type, channel_groups, condition_shape):
    stacks = () if condition_shape is None else CONDITION_STACKS
    check_block(
        condition_shape, mask_type=mask_type, channel_groups=channel_groups, condition_stacks=stacks
    )


@pytest.mark.parametrize("activation", sorted(set(ACTIVATIONS) - {"gate"}))
@pytest.mark.parametrize("mask_type", ["A", "B"])
def test_block_without_the_gate_equals_numpy(mask_type, activation):
    block = check_block(
        (1, 1), mask_type=mask_type, activation=activation, condition_stacks=CONDITION_STACKS
    )
    gated = GatedBlock(4, 3, mask_type=mask_type)
    shape = (2, 4, 5, block.input_features)
    gated.build(shape, shape)
    outputs = gated.vertical.kernel.shape[-1] // block.vertical.kernel.shape[-1]
    if activation in ("relu", "silu"):  # no second half, so half of the outputs
        assert outputs == 2
    else:  # the same weights as with the gate: the two differ in nothing else
        plain = [w.shape for w in block.weights if "condition" not in w.path]
        assert outputs == 1 and [w.shape for w in gated.weights] == plain


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("stacks", ["vertical", ("horizontal",), ("horizontal", "vertical")])
def test_condition_enters_the_stacks_asked_for(stacks, last):
    block = check_block((1, 1), condition_stacks=stacks, last=last)
    stacks = (stacks,) if isinstance(stacks, str) else stacks
    # Nothing reads the vertical features of the last block: weights there would have no gradient.
    assert (block.vertical_condition is not None) == ("vertical" in stacks and not last)
    assert (block.horizontal_condition is not None) == ("horizontal" in stacks)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"activation": "tanh"}, f"activation must be one of {KNOWN}, got 'tanh'"),
        ({"activation": None}, f"activation must be one of {KNOWN}, got None"),
        (
            {"condition_stacks": ("vertical", "diagonal")},
            "condition_stacks must be some of vertical, horizontal, got 'diagonal'",
        ),
        ({"mask_type": "A", "dilation": 2}, "dilation must be 1 in a block of mask_type A, got 2"),
    ],
)
def test_gated_block_refuses(arguments, message):
    with pytest.raises(UsageError) as raised:
        GatedBlock(4, **arguments)
    assert str(raised.value) == message


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


def test_gate_is_tanh_of_one_half_times_sigmoid_of_the_other():
    inputs = noise(2, 3, 3, 8)
    expected = np.tanh(inputs[..., :4]) / (1 + np.exp(-inputs[..., 4:]))
    np.testing.assert_allclose(gate(inputs.astype("float32")), expected, atol=TOLERANCE)


def test_relu_of_sum_adds_the_halves_of_the_gate():
    inputs = noise(2, 3, 3, 8)
    expected = np.maximum(inputs[..., :4] + inputs[..., 4:], 0)
    np.testing.assert_allclose(relu_of_sum(inputs.astype("float32")), expected, atol=TOLERANCE)


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


@pytest.mark.parametrize(("filters", "channel_groups"), [(3, 1), (1, 1), (9, 3)])
def test_residual_block_refuses_filters_it_cannot_halve(filters, channel_groups):
    with pytest.raises(UsageError, match="filters must be"):
        ResidualBlock(filters, channel_groups=channel_groups)


@pytest.mark.parametrize(
    ("stacks", "names"),
    [
        ("horizontal", ("horizontal",)),
        (["horizontal", "vertical"], ("vertical", "horizontal")),
        (("vertical", "vertical"), ("vertical",)),
    ],
)
def test_stacks_are_named_once_and_in_one_order(stacks, names):
    assert check_condition_stacks(stacks) == names


@pytest.mark.parametrize("stacks", [None, 5, [["vertical"]]])
def test_what_is_no_stack_is_refused_in_one_line(stacks):
    with pytest.raises(UsageError, match="condition_stacks must be some of vertical, horizontal"):
        check_condition_stacks(stacks)


def test_an_activation_that_is_no_name_is_refused_in_one_line():
    with pytest.raises(UsageError, match=r"activation must be one of .* got \['gate'\]"):
        GatedBlock(4, activation=["gate"])
