"""Attention equal to its definition, recomputed in NumPy pixel by pixel."""

import keras
import numpy as np
import pytest
from reference import TOLERANCE, noise
from support import shake

from pcnnlib import UsageError
from pcnnlib.nn.attention import AttentionBlock, pixel_positions, visible_before
from pcnnlib.nn.masks import feature_groups


def built(shape=(3, 4), features=4, channels=2, vertical=True, **options):
    """A block of random weights, and inputs for two images."""
    block = AttentionBlock(features, **options)
    stacks = [noise(2, *shape, features, seed=seed) for seed in (0, 1)]
    inputs = [stacks[0] if vertical else None, stacks[1], noise(2, *shape, channels, seed=2)]
    block.build(*(None if x is None else x.shape for x in inputs))
    return shake(block), inputs


def called(block, inputs):
    tensors = (None if x is None else keras.ops.convert_to_tensor(x, "float32") for x in inputs)
    return [None if x is None else keras.ops.convert_to_numpy(x) for x in block(*tensors)]


def linear(layer, inputs, groups=1):
    kernel = np.asarray(layer.kernel, float)
    before, after = (feature_groups(size, groups) for size in kernel.shape)
    kernel = kernel * (before[:, None] <= after)
    return inputs @ kernel + (0 if layer.bias is None else np.asarray(layer.bias, float))


def by_hand(block, vertical, horizontal, image):
    """The horizontal features behind the block, and the weights: loops over pixels and heads."""
    batch, height, width, features = horizontal.shape
    read = horizontal
    if block.norm is not None:
        spread = np.sqrt(read.var(axis=-1, keepdims=True) + 1e-6)
        read = (read - read.mean(axis=-1, keepdims=True)) / spread
        read = read * np.asarray(block.norm.gamma) + np.asarray(block.norm.beta)
    place = np.zeros((height, width, 2))
    for i, j in np.ndindex(height, width):
        place[i, j] = 2 * i / max(height - 1, 1) - 1, 2 * j / max(width - 1, 1) - 1
    places = np.broadcast_to(place, (batch, height, width, 2))
    queries = linear(block.query, read, block.channel_groups) + linear(block.query_position, places)
    seen = [x for x in (image, vertical, read, places) if x is not None]
    keys, values = np.split(linear(block.key_value, np.concatenate(seen, axis=-1)), 2, axis=-1)
    n, d = height * width, features // block.heads
    queries, keys, values = (x.reshape(batch, n, block.heads, d) for x in (queries, keys, values))
    taken, weights = np.zeros((batch, n, block.heads, d)), np.zeros((batch, block.heads, n, n))
    for b, p, h in np.ndindex(batch, n, block.heads):
        if p:
            scores = keys[b, :p, h] @ queries[b, p, h] / np.sqrt(d)
            weights[b, h, p, :p] = np.exp(scores) / np.exp(scores).sum()
            taken[b, p, h] = weights[b, h, p, :p] @ values[b, :p, h]
    taken = linear(block.project, taken.reshape(horizontal.shape), block.channel_groups)
    return horizontal + taken, weights


CASES = {
    "one head": {"heads": 1},
    "two heads": {"heads": 2},
    "two channel groups": {"features": 8, "heads": 4, "channel_groups": 2},
    "no vertical stack, normalised": {"vertical": False, "normalize": True},
}


@pytest.mark.parametrize("case", [pytest.param(c, marks=pytest.mark.both_backends) for c in CASES])
def test_attention_equals_numpy(case):
    block, inputs = built(**CASES[case])
    vertical, horizontal = called(block, inputs)
    expected, weights = by_hand(block, *inputs)
    np.testing.assert_allclose(horizontal, expected, atol=TOLERANCE)
    assert np.abs(horizontal - inputs[1]).max() > 0.5  # attention adds something
    if inputs[0] is None:
        assert vertical is None
    else:
        np.testing.assert_array_equal(vertical, inputs[0].astype("float32"))
    tensors = [None if x is None else x.astype("float32") for x in inputs]
    maps = keras.ops.convert_to_numpy(block.maps(*tensors))
    np.testing.assert_allclose(maps, weights, atol=TOLERANCE)
    assert maps[..., 1:, :].sum(axis=-1) == pytest.approx(1, abs=1e-5)
    assert np.ptp(maps[..., -1, :-1]) > 0.01  # not the same for all pixels


@pytest.mark.both_backends
@pytest.mark.parametrize("dtype", ["float32", "mixed_float16", "mixed_bfloat16"])
def test_the_first_pixel_takes_nothing_and_nothing_is_nan(dtype):
    """Also where scores are large: a softmax of what is hidden would be NaN, or uniform."""
    block, inputs = built(dtype=dtype)
    block.set_weights([4 * weight for weight in block.get_weights()])
    inputs = [x.astype(block.compute_dtype) for x in (4 * y for y in inputs)]
    _, horizontal = called(block, inputs)
    assert np.isfinite(horizontal.astype("float32")).all()
    first = (inputs[1][:, 0, 0] + np.asarray(block.project.bias, inputs[1].dtype)).astype("float32")
    assert horizontal[:, 0, 0].astype("float32") == pytest.approx(first, rel=0.02)
    assert not keras.ops.convert_to_numpy(block.maps(*inputs))[:, :, 0].any()


def test_a_later_pixel_changes_no_bit():
    block, inputs = built()
    before = called(block, inputs)[1].reshape(2, 12, 4)
    for pixel in (0, 5, 11):
        changed = [x.copy() for x in inputs]
        for x in changed:
            x.reshape(2, 12, -1)[:, pixel] += 1
        after = called(block, changed)[1].reshape(2, 12, 4)
        differs = (before != after).any(axis=(0, 2))
        assert not differs[:pixel].any() and differs[pixel:].all()


def test_positions_go_from_minus_one_to_one_in_raster_order():
    expected = [[-1, -1], [-1, 0], [-1, 1], [1, -1], [1, 0], [1, 1]]
    assert pixel_positions(2, 3).tolist() == expected
    assert pixel_positions(1, 2).tolist() == [[0, -1], [0, 1]]


def test_a_pixel_sees_those_before_it_and_not_itself():
    turns = np.arange(6)
    np.testing.assert_array_equal(visible_before(6), turns[None] < turns[:, None])


@pytest.mark.parametrize(
    ("arguments", "heads"),
    [
        ({"filters": 8}, 4),
        ({"filters": 6}, 2),
        ({"filters": 5}, 1),
        ({"filters": 12, "channel_groups": 3}, 3),
        ({"filters": 12, "channel_groups": 3, "heads": 6}, 6),
    ],
)
def test_heads_are_four_or_what_fits(arguments, heads):
    assert AttentionBlock(**arguments).heads == heads


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"heads": 3}, "heads must be a divisor of the 8 filters, got 3"),
        ({"heads": 0}, "heads must be an integer >= 1, got 0"),
        ({"heads": 2.0}, "heads must be an integer >= 1, got 2.0"),
        ({"heads": True}, "heads must be an integer >= 1, got True"),
        ({"heads": "4"}, "heads must be an integer >= 1, got '4'"),
        (
            {"heads": 1, "channel_groups": 2},
            "heads must be a divisor of the 8 filters and a multiple of the 2 channel groups, "
            "got 1",
        ),
        (
            {"channel_groups": 2, "normalize": True},
            "normalize must be False with channel groups, which it would mix",
        ),
        ({"filters": 0}, "filters must be an integer >= 1, got 0"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(arguments, message):
    with pytest.raises(UsageError) as raised:
        AttentionBlock(**{"filters": 8, **arguments})
    assert str(raised.value) == message


def test_an_image_with_too_many_pixels_is_refused_before_memory_is_asked_for():
    block = AttentionBlock(4)
    with pytest.raises(UsageError, match="at most 16,384 pixels, got 129x128: it weighs"):
        block.build((None, 129, 128, 4), (None, 129, 128, 4), (None, 129, 128, 1))
