"""What each prediction may depend on: exactly what is generated before it, and nothing else."""

import keras
import numpy as np
import pytest
from support import (
    MIXTURE,
    gated,
    inputs_for,
    on_both,
    outputs,
    plain,
    random_condition,
    random_images,
    shake,
)

import pcnnlib as pcnn
from pcnnlib.nn import masks
from pcnnlib.nn.raster import raster_order

# Deep enough for every earlier pixel of a 4x4 image to be seen by a model without a blind spot.
CAUSAL_CASES = {
    "gated, binary": lambda: gated(blocks=4, filters=6),
    "gated, 4 levels": lambda: gated(levels=4, blocks=4, filters=6),
    # Six features per channel: with two, ReLUs of the head that never open would hide something.
    "gated, colour": lambda: gated((4, 4, 3), levels=4, blocks=4, filters=18),
    "gated, binary colour": lambda: gated((3, 4, 3), blocks=4, filters=18),
    "gated, 256 colour levels": lambda: gated((3, 3, 3), levels=256, blocks=3, filters=18),
    "gated, mixture": lambda: gated((4, 4, 3), levels=256, blocks=4, **MIXTURE),
    "gated, mixture of one channel": lambda: gated(levels=256, blocks=4, **MIXTURE),
    "gated, labels": lambda: gated(blocks=4, condition=pcnn.Labels(3)),
    "gated, vector": lambda: gated(blocks=4, condition=pcnn.Vector(4)),
    "gated, map": lambda: gated(blocks=4, condition=pcnn.Map((2, 2, 3))),
    "gated, dilated": lambda: gated((5, 5, 1), blocks=5, dilations=(1, 2)),
    "gated, dilated, colour": lambda: gated((4, 5, 3), 4, filters=18, blocks=4, dilations=(2, 1)),
    "gated, 7x7 first": lambda: gated((5, 5, 1), blocks=3, first=7),
}


@pytest.mark.parametrize(
    "case",
    on_both(
        CAUSAL_CASES,
        "'gated, binary'",
        "'gated, colour'",
        "'gated, map'",
        "'gated, mixture'",
        "'gated, dilated'",
    ),
)
def test_gated_predictions_depend_on_all_earlier_values_and_no_later_one(case):
    """Exact, not within a tolerance: an output that does not depend on a value is bitwise equal."""
    model = CAUSAL_CASES[case]()
    report = pcnn.check_causality(model, images=4)
    assert report.causal, report.leaks[:5]
    assert not report.blind_spot.any()
    assert report.influence.any()  # all of them, by the line above: the probe has teeth


@pytest.mark.parametrize(
    "options",
    on_both(
        [
            {},
            {"levels": 4},
            {"shape": (4, 4, 3), "levels": 4},
            {"shape": (4, 4, 3), "levels": 256, **MIXTURE},
        ],
        "{}",
    ),
    ids=["binary", "4 levels", "colour", "mixture"],
)
def test_pixelcnn_predictions_depend_on_no_later_value(options):
    report = pcnn.check_causality(plain(**options), images=4)
    assert report.causal, report.leaks[:5]
    assert report.influence.any()


@pytest.mark.parametrize(
    "kind",
    on_both(
        ["gated", "gated, colour", "gated, colour mixture", "pixelcnn", "gated, labels"],
        "'gated, colour'",
    ),
)
def test_training_keeps_models_causal(kind):
    shape = (4, 4, 3) if "colour" in kind else (4, 4, 1)
    condition = pcnn.Labels(3) if "labels" in kind else None
    options = MIXTURE if "mixture" in kind else {}
    if kind == "pixelcnn":
        model = plain(shape, levels=4)
    else:
        model = gated(shape, levels=4, condition=condition, **options)
    images = random_images(16, shape, 4)
    model.compile(optimizer=keras.optimizers.Adam(0.05))
    before = [w.copy() for w in model.get_weights()]
    batch = inputs_for(model, images, random_condition(condition, 16))
    model.fit(x=batch, epochs=3, batch_size=8, verbose=0)
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    assert pcnn.check_causality(model).causal


def leaks_of(model):
    report = pcnn.check_causality(model, images=4)
    assert not report.causal
    assert "causal: NO" in str(report)
    return report


def test_unmasked_centre_is_caught_at_every_pixel():
    """The baseline with type B in its first layer: each pixel sees itself, and nothing later."""
    model = plain()
    model.first.mask = masks.raster_mask(3, "B", np.zeros(1, int), np.zeros(6, int))[:2]
    report = leaks_of(model)
    assert set(report.leaks) == {((i, j, 0), (i, j, 0)) for i in range(4) for j in range(4)}


def test_type_b_in_the_first_gated_block_is_caught():
    model = gated(blocks=1)
    first = type(model.blocks[0])(6, 3, mask_type="B")
    first.build((None, 4, 4, 1), (None, 4, 4, 1))
    model.blocks[0] = first
    shake(model)
    leaks = leaks_of(model).leaks
    # The horizontal stack sees the pixel itself; the vertical one its whole neighbourhood in row.
    assert {((i, j, 0), (i, j, 0)) for i in range(4) for j in range(4)} <= set(leaks)
    assert ((2, 2, 0), (2, 1, 0)) in leaks
    assert all(value[0] == prediction[0] for value, prediction in leaks)


def test_a_right_neighbour_is_caught():
    """An ordinary convolution in place of a masked one: rows above are right, the row is not."""
    model = gated(blocks=1)

    def right_neighbour(inputs):
        return keras.ops.roll(inputs, -1, axis=2)

    model.blocks[0].horizontal.pad = right_neighbour
    leaks = leaks_of(model).leaks
    # The last column wraps around to the first, which is no leak: it comes before.
    assert set(leaks) == {((i, j + 1, 0), (i, j, 0)) for i in range(4) for j in range(3)}


def test_gates_split_across_channel_groups_are_caught():
    """2F gate inputs grouped as one run, instead of each half by itself, mix up the channels."""
    model = gated((3, 3, 3), levels=4, blocks=2)
    for block in model.blocks:
        layer = block.horizontal
        in_groups = masks.feature_groups(layer.mask.shape[2], 3)
        wrong = masks.feature_groups(2 * layer.filters, 3)
        full = masks.horizontal_mask(3, layer.mask_type, in_groups, wrong)
        layer.mask, _ = masks.crop_to_taps(full)
    leaks = leaks_of(model).leaks
    # Later channels of the pixel leak into earlier ones; no later pixel does.
    assert all(value[:2] == prediction[:2] for value, prediction in leaks)
    assert all(value[2] >= prediction[2] for value, prediction in leaks)
    assert leaks


def test_a_mixture_that_sees_its_own_pixel_is_caught():
    """There are no channel groups: what leaks, leaks from all channels to all."""
    model = gated((3, 3, 3), levels=4, blocks=2, **MIXTURE)
    block = model.blocks[0]
    horizontal_stack = block.horizontal_stack

    def leaky(window, link_features, residual, training=False):
        features = horizontal_stack(window, link_features, residual, training)
        return features + keras.ops.sum(residual, axis=-1, keepdims=True)

    block.horizontal_stack = leaky
    leaks = set(leaks_of(model).leaks)
    channels = range(3)
    assert all(((1, 1, c), (1, 1, d)) in leaks for c in channels for d in channels if c >= d)


def test_a_mixture_whose_channels_are_linked_backwards_is_caught():
    """The network is right; in the distribution red depends on green."""
    model = gated((3, 3, 3), levels=4, blocks=2, **MIXTURE)
    per_channel = model.distribution.per_channel

    def backwards(parameters, images):
        return per_channel(parameters, images[..., ::-1])

    model.distribution.per_channel = backwards
    leaks = leaks_of(model).leaks
    assert all(value[:2] == prediction[:2] for value, prediction in leaks)
    assert ((1, 1, 1), (1, 1, 0)) not in leaks  # red takes blue for red, and depends on nothing
    assert ((1, 1, 2), (1, 1, 1)) in leaks


def test_a_mixture_links_channels_in_the_distribution_and_not_in_the_network():
    model = gated((3, 3, 3), levels=4, blocks=2, **MIXTURE)
    image = random_images(1, (3, 3, 3), 4)
    other = image.copy()
    other[0, 1, 1] = (image[0, 1, 1] + 1) % 4
    seen = [outputs(model, x)[0] for x in (image, other)]
    differs = (seen[0] != seen[1]).any(axis=-1)
    np.testing.assert_array_equal(differs, raster_order(3, 3) > 4)


def test_a_residual_in_the_first_block_is_caught():
    model = gated(blocks=2)
    block = model.blocks[0]
    horizontal_stack = block.horizontal_stack

    def leaky(window, link_features, residual, training=False):
        return horizontal_stack(window, link_features, residual, training) + residual

    block.horizontal_stack = leaky
    leaks = leaks_of(model).leaks
    assert {((i, j, 0), (i, j, 0)) for i in range(4) for j in range(4)} <= set(leaks)
