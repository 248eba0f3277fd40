"""The causality report against dependencies that are known."""

import math

import numpy as np
import pytest
from support import gated, random_images

import pcnnlib as pcnn
from pcnnlib import UsageError, analysis


class Chain:
    """A stand-in for a model whose dependencies are known: see `sees`."""

    condition = None
    levels = 4

    def __init__(self, shape, sees):
        self.image_shape = shape
        self.sees = sees  # bool (inputs, predictions)

    def __call__(self, images):
        flat = np.asarray(images, float).reshape(len(images), -1)
        # Powers of 4: the sum tells every set of levels apart.
        return (flat * 4.0 ** np.arange(flat.shape[1])) @ self.sees.astype(float)


@pytest.mark.parametrize("shape", [(2, 3, 1), (2, 2, 3)])
@pytest.mark.parametrize("seed", [0, 1])
def test_influence_found_is_the_influence_there_is(shape, seed):
    n = math.prod(shape)
    sees = np.random.default_rng(seed).random((n, n)) < 0.3
    report = pcnn.check_causality(Chain(shape, sees), images=1, batch_size=5)
    np.testing.assert_array_equal(report.influence.reshape(n, n), sees)
    earlier = np.triu(np.ones((n, n), bool), 1)
    np.testing.assert_array_equal(report.before.reshape(n, n), earlier)
    assert report.causal == (not (sees & ~earlier).any())
    np.testing.assert_array_equal(report.blind_spot.reshape(n, n), earlier & ~sees)
    flat = [
        (np.ravel_multi_index(a, shape), np.ravel_multi_index(b, shape)) for a, b in report.leaks
    ]
    assert flat == list(map(tuple, np.argwhere(sees & ~earlier)))


def test_report_speaks_of_pixels_too():
    n = 12
    sees = np.triu(np.ones((n, n), bool), 1)
    sees[:3, 9:] = False  # the last pixel is blind to the first, whatever the channels
    report = pcnn.check_causality(Chain((2, 2, 3), sees), images=1)
    assert report.blind_to((1, 1)).tolist() == [[True, False], [False, False]]
    # The last pixel's later channels see its own earlier ones.
    assert report.seen_from((1, 1)).tolist() == [[False, True], [True, True]]
    assert str(report) == "causal: yes\nearlier values never seen: 9 of 66 pairs (13.6%)"


def test_report_of_one_pixel_has_no_pairs():
    report = pcnn.check_causality(gated((1, 1, 1)))
    assert report.causal
    assert str(report) == "causal: yes\nearlier values never seen: 0 of 0 pairs"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": 0}, "images must be an integer >= 1, got 0"),
        ({"seed": "a"}, "seed must be an integer >= 0, got 'a'"),
        ({"batch_size": 0}, "batch_size must be an integer >= 1, got 0"),
        ({"condition": np.array([0])}, "condition must have 4 rows, one per image, got 1"),
    ],
)
def test_causality_check_refuses(arguments, message):
    with pytest.raises(UsageError, match=message):
        pcnn.check_causality(gated(condition=pcnn.Labels(3)), **arguments)


def test_labels_reach_every_prediction_and_a_map_reaches_from_its_own_place_on():
    images = random_images(3, (4, 4, 1), 2)
    model = gated(condition=pcnn.Labels(3))
    assert analysis.changed_predictions(model, images, [0, 1, 2], [1, 2, 0]).all()
    assert not analysis.changed_predictions(model, images, [0, 1, 2], [0, 1, 2]).any()
    model = gated(condition=pcnn.Map((2, 2, 1)))
    maps = np.random.default_rng(0).normal(size=(3, 2, 2, 1)).astype("float32")
    other = maps.copy()
    other[:, 1, 1] += 1
    reached = analysis.changed_predictions(model, images, maps, other)
    assert reached[2:, 2:].all()  # the place that the map speaks of
    assert not reached[:2].any()  # features flow down and to the right, never up
