"""Likelihood's units, its sums, and the operations that it takes."""

import math

import numpy as np
import pytest
from support import gated, random_images

import pcnnlib as pcnn
from pcnnlib import UsageError, analysis


def test_units_of_likelihood():
    """Uniform over 256 levels: 8 bits per dimension, whatever the image's size."""
    nats = np.full(10, 4 * 5 * 3 * math.log(256))
    found = pcnn.Likelihood.of(nats, (4, 5, 3))
    assert found.bits_per_dim == pytest.approx(8)
    assert found.nats_per_pixel == pytest.approx(3 * math.log(256))
    assert found.nats_per_image == pytest.approx(60 * math.log(256))
    assert found.standard_error == pytest.approx(0)
    assert found.images == 10


def test_standard_error_is_that_of_the_mean():
    nats = np.random.default_rng(0).normal(100, 7, 400)
    found = pcnn.Likelihood.of(nats, (8, 8, 1))
    assert found.standard_error == pytest.approx(np.std(nats, ddof=1) / 20)
    assert math.isnan(pcnn.Likelihood.of(nats[:1], (8, 8, 1)).standard_error)
    assert "nats/image" in str(found)


def test_evaluate_is_the_mean_over_the_split(trained, tiny_data):
    found = pcnn.evaluate(trained, tiny_data.test, batch_size=3)
    nats = -trained.log_likelihood(tiny_data.test.images)
    assert found.nats_per_image == pytest.approx(nats.mean(), rel=1e-6)
    assert found.images == len(tiny_data.test)


def test_evaluate_gives_labels_to_a_conditional_model(tiny_data):
    model = gated(condition=pcnn.Labels(3))
    split = tiny_data.test
    expected = -model.log_likelihood(split.images, split.labels).mean()
    assert pcnn.evaluate(model, split).nats_per_image == pytest.approx(expected, rel=1e-6)
    with pytest.raises(UsageError, match="the data has no labels"):
        pcnn.evaluate(model, pcnn.Split(split.images))


def test_evaluate_refuses_what_it_cannot_evaluate(trained, tiny_data):
    split = tiny_data.test
    for arguments, message in (
        ((trained, pcnn.Split(random_images(3, (5, 5, 1), 2))), "images must have shape"),
        ((trained, tiny_data), "split must be a Split, such as the test of a Dataset, got Dataset"),
        ((trained, split.images), "split must be a Split, .*got ndarray"),
        ((None, split), "model must be a model of this library, got NoneType"),
        ((split, trained), "model must be a model of this library, got Split"),
        ((trained, split, 100, False), "order must be 0, .*got False"),
        ((trained, split, 0), "batch_size must be"),
    ):
        with pytest.raises(UsageError, match=message):
            pcnn.evaluate(*arguments)


@pytest.mark.parametrize(
    "look",
    [
        pcnn.check_causality,
        analysis.flop_per_image,
        lambda model: pcnn.receptive_field(model, (0, 0)),
        lambda model: analysis.changed_features(model, (0, 0)),
        lambda model: analysis.surprise(model, random_images(3, (4, 4, 1), 2)),
        lambda model: analysis.order_log_likelihoods(model, random_images(3, (4, 4, 1), 2)),
        lambda model: analysis.class_log_likelihoods(model, random_images(3, (4, 4, 1), 2)),
        lambda model: analysis.code_usage(model, random_images(3, (4, 4, 1), 2)),
    ],
)
def test_what_is_no_model_is_named(look):
    with pytest.raises(UsageError, match="model must be .*, got (None|Dataset)"):
        look(None)


@pytest.mark.parametrize("condition", [None, pcnn.Labels(3)], ids=repr)
def test_surprise_adds_up_to_the_likelihood(condition):
    model = gated((4, 4, 3), levels=4, condition=condition)
    images = random_images(3, (4, 4, 3), 4)
    values = None if condition is None else np.array([0, 1, 2])
    cost = analysis.surprise(model, images, values)
    assert cost.shape == (3, 4, 4)
    # float32 terms, added up in another order.
    total = -model.log_likelihood(images, values)
    np.testing.assert_allclose(cost.sum(axis=(1, 2)), total, rtol=1e-5)


def test_a_model_is_evaluated_under_the_conditions_of_its_data(digits):
    data = digits.conditioned(lambda split: split.images.mean(axis=(1, 2)))
    model = gated((8, 8, 1), 17, condition=pcnn.Vector(1))
    part = data.test.take(5)
    expected = -model.log_likelihood(part.images, part.conditions).mean()
    assert pcnn.evaluate(model, part).nats_per_image == pytest.approx(expected)
    with pytest.raises(UsageError, match="the data has no conditions"):
        pcnn.evaluate(model, digits.test)


@pytest.mark.both_backends
@pytest.mark.parametrize("condition", [None, pcnn.Labels(3)])
def test_operations_are_two_for_each_weight_and_pixel(condition):
    small, large = (gated((n, 8, 1), 2, filters=16, condition=condition) for n in (8, 16))
    counted = analysis.flop_per_image(small)
    expected = 2 * 64 * small.count_params()
    if condition is not None:
        assert counted < expected  # what the label adds is the same for every pixel
    assert 0.8 * expected < counted < 1.15 * expected
    assert 1.9 * counted < analysis.flop_per_image(large) < 2.1 * counted


def test_costs_of_pixels_add_up_to_the_cost_of_the_image(digits):
    model = pcnn.PixelCNN(digits.image_shape, digits.levels, filters=8, blocks=2)
    images = digits.test.images[:5]
    costs = pcnn.analysis.surprise(model, images)
    assert costs.shape == (5, 8, 8)
    # Sums of 64 float32 terms of about 3.
    assert costs.sum(axis=(1, 2)) == pytest.approx(-model.log_likelihood(images), rel=1e-5)
