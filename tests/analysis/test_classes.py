"""Bayes' rule on a class-conditional model."""

import numpy as np
import pytest
from scipy import special
from support import gated, random_images

import pcnnlib as pcnn
from pcnnlib import UsageError, analysis


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


@pytest.mark.parametrize(
    "scores", [3.0, np.zeros((3, 0)), [[0, np.nan]], [[-np.inf, -np.inf]], [[np.inf, 0]]]
)
def test_scores_that_are_none_are_refused(scores):
    with pytest.raises(UsageError, match="log_likelihoods must be") as raised:
        analysis.posterior(scores)
    assert "\n" not in str(raised.value)
    probabilities, evidence = analysis.posterior([[0.0, -np.inf]])
    assert probabilities.tolist() == [[1, 0]] and evidence[0] == pytest.approx(-np.log(2))


@pytest.mark.parametrize("prior", [[0.5, 0.5], [0.5, 0.5, 0.5], [1.5, -0.5, 0.0]])
def test_prior_that_is_none_is_refused(prior):
    with pytest.raises(UsageError, match="prior must be 3 probabilities"):
        analysis.posterior(np.zeros((2, 3)), prior)
