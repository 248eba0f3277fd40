"""The caches compute what the whole network computes, and both ways draw the same images."""

import numpy as np
import pytest
from support import (
    MIXTURE,
    gated,
    on_both,
    outputs,
    random_condition,
    random_images,
)

import pcnnlib as pcnn
from pcnnlib import sampling
from pcnnlib.sampling import cached

# float32: a dozen sums of some twenty products of order one, each in another order.
TOLERANCE = 1e-5


COLOUR_MIXTURE = {"shape": (3, 4, 3), "levels": 17, **MIXTURE}


EXACT = {
    "3x3": {},
    "one block": {"blocks": 1},
    "deep": {"blocks": 5},
    "5x5 first": {"first": 5},
    "7x7 first, 5x5": {"first": 7, "kernel_size": 5, "blocks": 3},
    "dilated": {"shape": (6, 5, 1), "blocks": 5, "dilations": (1, 2, 4)},
    "dilated, 5x5": {"shape": (6, 7, 1), "first": 5, "kernel_size": 5, "dilations": (2,)},
    "dilated, colour": {"shape": (4, 5, 3), "levels": 4, "blocks": 3, "dilations": (2, 1)},
    "dilated, one pixel": {"shape": (1, 1, 1), "first": 7, "blocks": 3, "dilations": (3,)},
    "higher than wide": {"shape": (6, 3, 1)},
    "wider than high": {"shape": (3, 6, 1), "first": 5},
    "one row": {"shape": (1, 5, 1)},
    "one column": {"shape": (5, 1, 1)},
    "one pixel": {"shape": (1, 1, 1)},
    "4 levels": {"levels": 4},
    "256 levels": {"levels": 256, "shape": (3, 3, 1)},
    "categorical, 2 levels": {"distribution": "categorical"},
    "labels": {"condition": pcnn.Labels(3)},
    "vector": {"condition": pcnn.Vector(4)},
    "map": {"condition": pcnn.Map((2, 2, 3)), "levels": 4},
    "colour": {"shape": (3, 4, 3), "levels": 4},
    "binary colour": {"shape": (3, 3, 3)},
    "256 levels, colour": {"shape": (3, 3, 3), "levels": 256},
    "one pixel, colour": {"shape": (1, 1, 3), "levels": 256},
    "mixture": {"shape": (3, 4, 3), "levels": 256, **MIXTURE},
    "mixture, one pixel": {"shape": (1, 1, 3), "levels": 256, **MIXTURE},
    "mixture, one channel": {"levels": 256, **MIXTURE},
    "mixture, map": {"condition": pcnn.Map((2, 2, 3)), "levels": 17, **MIXTURE},
    "two channels, labels": {"shape": (3, 4, 2), "levels": 3, "condition": pcnn.Labels(3)},
    "head of its own width": {"head_filters": 9},
    "dropout": {"dropout": 0.5},
}


@pytest.mark.parametrize(
    "case",
    on_both(
        EXACT,
        "'7x7 first, 5x5'",
        "'dilated'",
        "'higher than wide'",
        "'map'",
        "'two channels, labels'",
        "'mixture'",
    ),
)
def test_cached_parameters_equal_the_whole_networks(case):
    model = gated(**{"blocks": 2, **EXACT[case]})
    images = random_images(3, model.image_shape, model.levels)
    condition = random_condition(model.condition, 3)
    whole = outputs(model, images, condition)
    seen = sampling.parameters(model, images, condition)
    assert seen.shape == whole.shape
    if "one pixel" not in case:
        assert np.ptp(whole) > 0.5  # far from constant, so equality says something
    np.testing.assert_allclose(seen, whole, atol=TOLERANCE)


@pytest.mark.parametrize("case", ["3x3", "colour", "mixture", "labels"])
def test_full_parameters_equal_the_whole_networks(case):
    model = gated(**EXACT[case])
    images = random_images(2, model.image_shape, model.levels)
    condition = random_condition(model.condition, 2)
    seen = sampling.parameters(model, images, condition, method="full")
    np.testing.assert_allclose(seen, outputs(model, images, condition), atol=TOLERANCE)


def test_a_stale_cache_would_be_noticed():
    """The check above can fail: caches that forget the rows above give other parameters."""
    model = gated(blocks=3)
    images = random_images(2, model.image_shape, 2)
    start, row = sampling.METHODS["cached"]

    def forgetful(model, state, i, *args, **kwargs):
        caches, encoded = state
        return row(model, ([0 * cache for cache in caches], encoded), i, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sampling.METHODS, "cached", (start, forgetful))
        seen = sampling.parameters(model, images)
    differs = (np.abs(seen - outputs(model, images)) > 1e-3).any(axis=(0, 2, 3))
    assert differs.tolist() == [False, True, True, True]


@pytest.mark.parametrize(
    "options",
    on_both(
        [
            {},
            {"distribution": "categorical"},
            {"levels": 5},
            {"shape": (3, 4, 3), "levels": 4},
            {"shape": (3, 3, 3), "levels": 256},
            {"shape": (1, 1, 3), "levels": 256},
            COLOUR_MIXTURE,
            {"shape": (3, 3, 3), "levels": 256, **MIXTURE},
            {"shape": (1, 1, 3), "levels": 256, **MIXTURE},
            {"shape": (4, 4, 1), "levels": 256, **MIXTURE},
            {"condition": pcnn.Labels(3)},
            {"condition": pcnn.Map((2, 2, 3)), "levels": 4},
            {"shape": (5, 5, 1), "blocks": 4, "dilations": (1, 2)},
        ],
        "{}",
        "{'shape': (3, 4, 3), 'levels': 4}",
        repr(COLOUR_MIXTURE),
        "{'condition': Labels(3)}",
    ),
    ids=str,
)
def test_cached_and_full_draw_the_same_images(options):
    """Not by chance of a tolerance: parameters differ by some 1e-6, and no noise falls in there."""
    model = gated(**options)
    condition = random_condition(model.condition, 6)
    quick = model.sample(6, condition, seed=4)
    full = model.sample(6, condition, seed=4, method="full")
    np.testing.assert_array_equal(quick, full)
    assert len(np.unique(quick.reshape(6, -1), axis=0)) > 1


def test_cached_and_full_draw_the_same_images_from_trained_weights(trained):
    np.testing.assert_array_equal(
        trained.sample(32, seed=1), trained.sample(32, seed=1, method="full")
    )


def test_caches_hold_only_the_rows_in_reach():
    """Memory grows with the width, not with the height."""
    sizes = []
    for height in (4, 16):
        model = gated((height, 4, 1), blocks=3, first=7)
        caches, _ = cached.start(model, 2, None)
        sizes.append([tuple(cache.shape) for cache in caches])
    assert sizes[0] == sizes[1]
    assert sizes[0] == [(2, 3, 10, 1), (2, 1, 6, 6), (2, 1, 6, 6)]


def test_cache_grows_with_the_width_and_not_with_the_height():
    sizes = {
        shape: sampling.cache_size(gated((*shape, 1), filters=4, blocks=3))
        for shape in [(4, 4), (40, 4), (4, 40)]
    }
    assert sizes[40, 4] == sizes[4, 4] < sizes[4, 40]
