"""Likelihood's units, the causality report and receptive fields, against independent answers."""

import math

import numpy as np
import pytest
from scipy import special
from support import gated, on_both, plain, random_images

import pcnnlib as pcnn
from pcnnlib import analysis
from pcnnlib.errors import UsageError


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


@pytest.mark.parametrize("build", [gated, plain])
@pytest.mark.parametrize("at", on_both([(4, 2), (0, 3), (2, 0)], "(4, 2)"))
def test_receptive_field_by_gradient_is_the_one_found_by_changing_pixels(build, at):
    model = build((5, 5, 1), levels=4, blocks=3, filters=8)
    field = pcnn.receptive_field(model, at=at, images=8)
    assert field.shape == (5, 5)
    assert (field >= 0).all()
    seen = pcnn.check_causality(model, images=8).seen_from(at)
    np.testing.assert_array_equal(field > 0, seen)


def test_receptive_field_of_colour_and_conditions():
    model = gated((4, 4, 3), levels=4, filters=12, blocks=3, condition=pcnn.Labels(3))
    field = pcnn.receptive_field(model, at=(2, 1))
    order = np.arange(16).reshape(4, 4)
    # Its own pixel counts: green sees red.
    assert (field[order <= order[2, 1]] > 0).any()
    assert not field[order > order[2, 1]].any()
    assert field[2, 1] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"at": (4, 0)}, r"at row must be an integer 0\.\.3, got 4"),
        ({"at": (0, -1)}, r"at column must be an integer 0\.\.3, got -1"),
        ({"at": (1.0, 0)}, "at row must be an integer"),
        ({"at": 3}, r"at must be \(row, column\), got 3"),
        ({"at": (1, 2, 3)}, r"at must be \(row, column\), got \(1, 2, 3\)"),
        ({"at": (0, 0), "images": 0}, "images must be an integer >= 1, got 0"),
        ({"at": (0, 0), "condition": [0]}, "this model is unconditional"),
    ],
)
def test_receptive_field_refuses(arguments, message):
    with pytest.raises(UsageError, match=message):
        pcnn.receptive_field(gated(), **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": 0}, "images must be an integer >= 1, got 0"),
        ({"batch_size": 0}, "batch_size must be an integer >= 1, got 0"),
        ({"condition": np.array([0])}, "condition must have 4 rows, one per image, got 1"),
    ],
)
def test_causality_check_refuses(arguments, message):
    with pytest.raises(UsageError, match=message):
        pcnn.check_causality(gated(condition=pcnn.Labels(3)), **arguments)


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


def test_evaluate_refuses_images_of_another_shape(trained):
    with pytest.raises(UsageError, match="images must have shape"):
        pcnn.evaluate(trained, pcnn.Split(random_images(3, (5, 5, 1), 2)))


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


def test_changed_features_stay_below_and_behind_the_changed_pixel():
    """Block by block: the vertical stack changes in rows below, the horizontal one behind too."""
    model = gated((5, 5, 1), levels=4, blocks=3, filters=8)
    vertical, horizontal = analysis.changed_features(model, (1, 2))
    assert vertical.shape == horizontal.shape == (3, 5, 5)
    row, column = np.mgrid[:5, :5]
    for block in range(3):
        # Each 3x3 layer reaches one row further down and one column further to both sides.
        far = (row - 1 <= block + 1) & (abs(column - 2) <= block + 1)
        np.testing.assert_array_equal(vertical[block], (row > 1) & far)
        along = (row == 1) & (column > 2) & (column - 2 <= block + 1)
        assert not (horizontal[block] & ~((row > 1) | along)).any()
        np.testing.assert_array_equal(horizontal[block][1], along[1])
    with pytest.raises(UsageError, match="at column must be"):
        analysis.changed_features(model, (0, 5))


# ---------------------------------------------------------------- labels and other conditions


def test_class_log_likelihoods_are_the_models_own_given_each_label():
    model = gated(condition=pcnn.Labels(3))
    images = random_images(5, (4, 4, 1), 2)
    table = analysis.class_log_likelihoods(model, images, batch_size=2)
    assert table.shape == (5, 3)
    for label in range(3):
        own = model.log_likelihood(images, np.full(5, label))
        # Two batch sizes: the same sums of some ten nats in another order, in float32.
        np.testing.assert_allclose(table[:, label], own, atol=1e-4)
    with pytest.raises(UsageError, match="model must be conditioned on Labels, got None"):
        analysis.class_log_likelihoods(gated(), images)


def test_posterior_is_bayes_rule():
    rng = np.random.default_rng(0)
    logs, prior = rng.normal(-800, 3, (6, 4)), np.array([0.1, 0.2, 0.7, 0.0])
    # exp(-800) is 0 in float64, so the expected values are computed 800 nats higher.
    joint = np.exp(logs + 800) * prior
    probabilities, evidence = analysis.posterior(logs, prior)
    np.testing.assert_allclose(probabilities, joint / joint.sum(-1, keepdims=True))
    np.testing.assert_allclose(evidence, np.log(joint.sum(-1)) - 800)
    np.testing.assert_allclose(analysis.posterior(logs)[0], special.softmax(logs, axis=-1))


@pytest.mark.parametrize("prior", [[0.5, 0.5], [0.5, 0.5, 0.5], [1.5, -0.5, 0.0]])
def test_prior_that_is_none_is_refused(prior):
    with pytest.raises(UsageError, match="prior must be 3 probabilities"):
        analysis.posterior(np.zeros((2, 3)), prior)


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


@pytest.mark.parametrize("levels", [2, 256])
def test_nearest_is_the_nearest_of_all(levels):
    rng = np.random.default_rng(0)
    images, among = (rng.integers(0, levels, (n, 3, 2, 1), "uint8") for n in (7, 23))
    among[20] = images[4]
    index, distance = analysis.nearest(images, among, batch_size=5)
    difference = images[:, None].astype(int) - among[None].astype(int)
    every = (difference**2).sum(axis=(2, 3, 4))
    np.testing.assert_array_equal(distance, every.min(axis=1))
    np.testing.assert_array_equal(index, every.argmin(axis=1))
    assert distance[4] == 0


def test_nearest_refuses_other_shapes_and_nothing():
    images = np.zeros((2, 3, 3, 1), "uint8")
    for among in (np.zeros((2, 3, 4, 1)), np.zeros((0, 3, 3, 1))):
        with pytest.raises(UsageError, match=r"among must be images .*\(M, 3, 3, 1\), got shape"):
            analysis.nearest(images, among)
