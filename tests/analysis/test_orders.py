"""Likelihoods in each order, and of mixtures of some of them."""

import itertools

import numpy as np
import pytest
from support import gated, random_images

import pcnnlib as pcnn
from pcnnlib import UsageError, analysis


def test_likelihoods_in_each_order_make_that_of_the_mixture():
    model = gated((4, 4, 1), orders=4, condition=pcnn.Labels(2))
    images, labels = random_images(5, (4, 4, 1), 2), np.arange(5) % 2
    logs = analysis.order_log_likelihoods(model, images, labels)
    assert logs.shape == (4, 5) and np.ptp(logs, axis=0).min() > 0.1
    np.testing.assert_array_equal(logs[2], model.log_likelihood(images, labels, order=2))
    together = analysis.mixture_log_likelihood(logs)
    np.testing.assert_array_equal(together, model.log_likelihood(images, labels, order="mixture"))
    np.testing.assert_allclose(np.exp(together), np.exp(logs).mean(axis=0))


def test_mixtures_by_size_average_all_choices_of_so_many_orders():
    logs = -np.random.default_rng(0).uniform(5, 9, (4, 30))
    nats, error = analysis.mixtures_by_size(logs)
    for size in range(1, 5):
        choices = [list(c) for c in itertools.combinations(range(4), size)]
        expected = [-np.log(np.exp(logs[c]).mean(axis=0)) for c in choices]
        assert nats[size - 1] == pytest.approx(np.mean(expected))
        gains = np.mean(expected, axis=0) + logs.mean(axis=0)
        assert error[size - 1] == pytest.approx(gains.std(ddof=1) / np.sqrt(30))
    assert (np.diff(nats) < 0).all()  # each further order helps
    assert nats[0] == pytest.approx(-logs.mean()) and error[0] == 0
    assert np.isnan(analysis.mixtures_by_size(logs[:, :1])[1]).all()
    same, _ = analysis.mixtures_by_size(np.repeat(logs[:1], 4, axis=0))
    np.testing.assert_allclose(same, same[0])  # orders that agree gain nothing


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros(4), r"numbers of shape \(orders, images\), at least one of each, got \(4,\)"),
        (np.zeros((0, 4)), r"got \(0, 4\)"),
        (np.full((2, 2), np.nan), r"got \(2, 2\) with NaN"),
        ("a", "log_likelihoods must be an array of numbers, .*got 'a'"),
        ([[1], [1, 2]], r"log_likelihoods must be an array of numbers, .*got \[\[1\], \[1, 2\]\]"),
    ],
)
def test_what_are_no_likelihoods_of_orders_is_refused(values, message):
    for function in (analysis.mixture_log_likelihood, analysis.mixtures_by_size):
        with pytest.raises(UsageError, match=message):
            function(values)
    with pytest.raises(UsageError, match="must be of at most 8 orders, got 9"):
        analysis.mixtures_by_size(np.zeros((9, 2)))
