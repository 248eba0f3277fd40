"""Histograms of levels, checked by counting."""

import math

import numpy as np
import pytest

import pcnnlib as pcnn
from pcnnlib import UsageError
from pcnnlib.models import Histogram, best_smoothing


@pytest.fixture(scope="module")
def data():
    return pcnn.load_dataset("digits")


def test_before_fitting_every_level_costs_log2_levels_bits(data):
    uniform = Histogram(data.image_shape, data.levels)
    assert pcnn.evaluate(uniform, data.test).bits_per_dim == pytest.approx(math.log2(17))


def test_one_histogram_is_the_entropy_of_the_levels_on_its_own_images(data):
    model = Histogram(data.image_shape, 17, per_pixel=False, smoothing=1e-9).fit(data.train)
    shares = np.bincount(data.train.images.ravel(), minlength=17) / data.train.images.size
    entropy = -sum(p * math.log2(p) for p in shares if p > 0)
    assert pcnn.evaluate(model, data.train).bits_per_dim == pytest.approx(entropy, abs=1e-6)


def test_per_pixel_probabilities_are_smoothed_counts():
    images = np.array([[[[0]]], [[[0]]], [[[2]]]], "uint8")
    model = Histogram((1, 1, 1), 3, smoothing=0.5).fit(pcnn.Split(images))
    assert model.probabilities.ravel() == pytest.approx([2.5 / 4.5, 0.5 / 4.5, 1.5 / 4.5])
    assert model.log_likelihood(images) == pytest.approx(np.log([2.5, 2.5, 1.5]) - np.log(4.5))


def test_samples_follow_the_histogram_and_the_seed():
    images = np.array([[[[0]]]] * 3 + [[[[1]]]], "uint8")
    model = Histogram((1, 1, 1), 2, smoothing=1e-9).fit(pcnn.Split(images))
    drawn = model.sample(4000, seed=0)
    assert (drawn == model.sample(4000, seed=0)).all()
    # Four standard deviations of a share of 1/4 among 4000.
    assert drawn.mean() == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / 4000))


def test_best_smoothing_is_best_on_validation(data):
    chosen = best_smoothing(data.train, data.validation, 17, choices=(0.01, 0.3, 10.0))
    costs = {
        s: -Histogram(data.image_shape, 17, smoothing=s)
        .fit(data.train)
        .log_likelihood(data.validation.images)
        .mean()
        for s in (0.01, 0.3, 10.0)
    }
    assert chosen == min(costs, key=costs.get)


def test_wrong_shapes_and_no_smoothing_are_refused():
    with pytest.raises(UsageError, match="images must have shape"):
        Histogram((8, 8, 1), 17).log_likelihood(np.zeros((2, 4, 4, 1), "uint8"))
    with pytest.raises(UsageError, match="smoothing"):
        Histogram((8, 8, 1), 17, smoothing=0)
    with pytest.raises(UsageError, match="image_shape must be .H, W, C., got 8"):
        Histogram(8, 17)
    with pytest.raises(UsageError, match="per_pixel must be True or False, got 'no'"):
        Histogram((8, 8, 1), 17, per_pixel="no")
    with pytest.raises(UsageError, match="n must be an integer >= 1, got 1.5"):
        Histogram((8, 8, 1), 17).sample(1.5)
