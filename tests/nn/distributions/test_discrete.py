"""Bernoulli and categorical against SciPy, and their samples against their probabilities."""

import keras
import numpy as np
import pytest
from scipy import special, stats
from support import chi_square_p, name_of, random_images, random_parameters

from pcnnlib.nn.distributions import Bernoulli, Categorical

# The largest float32 below 1 that a generator gives: 24 random bits.
ALMOST_ONE = np.float32(1 - 2**-24)


CASES = [Bernoulli(2, 1), Bernoulli(2, 3), Categorical(2, 1), Categorical(5, 1), Categorical(17, 3)]


def log_probabilities(distribution, parameters):
    """Independent of the library: float64, `(..., C, K)`."""
    parameters = parameters.astype("float64")
    if isinstance(distribution, Bernoulli):
        parameters = np.stack([np.zeros_like(parameters), parameters], axis=-1)
    return special.log_softmax(parameters, axis=-1)


@pytest.mark.parametrize("distribution", CASES, ids=name_of)
def test_log_likelihood_equals_scipy(distribution):
    parameters = random_parameters(distribution)
    images = random_images(2, (3, 4, distribution.channels), distribution.levels)
    table = log_probabilities(distribution, parameters)
    expected = np.take_along_axis(table, images[..., None].astype(int), -1)[..., 0].sum(-1)
    got = distribution.log_likelihood(parameters, images)
    # float32 sums of three terms of up to about twenty nats: a few times 20 * 6e-8.
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("distribution", CASES, ids=name_of)
def test_probabilities_and_mean_equal_scipy(distribution):
    parameters = random_parameters(distribution)
    expected = np.exp(log_probabilities(distribution, parameters))
    # Probabilities are at most 1, and so rounded by at most some 1e-7; means by K times that.
    np.testing.assert_allclose(distribution.probabilities(parameters), expected, atol=1e-6)
    mean = (expected * np.arange(distribution.levels)).sum(-1)
    np.testing.assert_allclose(distribution.mean(parameters), mean, atol=1e-5)


@pytest.mark.parametrize("logit", [-300.0, -30.0, 0.0, 30.0, 300.0])
def test_bernoulli_likelihood_stays_finite_and_right_at_extreme_logits(logit):
    parameters = np.full((1, 1, 1, 1), logit, "float32")
    for value in (0, 1):
        images = np.full((1, 1, 1, 1), value, "uint8")
        got = float(np.asarray(Bernoulli().log_likelihood(parameters, images)).item())
        expected = -np.logaddexp(0, -logit if value else logit)
        assert got == pytest.approx(expected, rel=1e-6, abs=1e-6)  # float32


@pytest.mark.parametrize("levels", [2, 4, 17, 256])
def test_uniform_logits_cost_log2_levels_bits_per_dim(levels):
    distribution = Categorical(levels, channels=3)
    images = random_images(2, (4, 4, 3), levels)
    parameters = distribution.parameters(np.zeros((2, 4, 4, distribution.size), "float32"))
    nats = -np.asarray(distribution.log_likelihood(parameters, images), "float64")
    bits = nats.sum(axis=(1, 2)) / (4 * 4 * 3 * np.log(2))
    assert bits == pytest.approx(np.log2(levels), abs=1e-5)  # float32 logarithms


def test_parameters_of_a_channel_are_contiguous_outputs():
    """The head's groups are contiguous runs of its outputs: channel c must read run c."""
    distribution = Categorical(4, channels=3)
    outputs = np.arange(12, dtype="float32").reshape(1, 1, 1, 12)
    parameters = np.asarray(distribution.parameters(outputs))
    np.testing.assert_array_equal(parameters[0, 0, 0], np.arange(12).reshape(3, 4))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("distribution", [Bernoulli(2), Categorical(5)], ids=name_of)
def test_samples_have_the_distributions_frequencies(distribution, temperature):
    draws = 20_000
    one = random_parameters(distribution, pixels=(1, 1, 1), scale=1.5)
    parameters = np.repeat(one, draws, axis=0)
    noise = np.random.default_rng(3).random((draws, 1, 1, 1, 1), "float32")
    drawn = np.asarray(distribution.sample(parameters, noise, temperature)).ravel()
    logits = log_probabilities(distribution, one).ravel()
    probabilities = special.softmax(logits / temperature)
    counts = np.bincount(drawn, minlength=distribution.levels)
    # Fixed seed: this cannot fail by chance; a wrong sampler gives p below 1e-10.
    assert chi_square_p(counts, probabilities) > 0.01


def test_the_chi_square_check_can_fail():
    counts = np.random.default_rng(0).multinomial(20_000, [0.22, 0.28, 0.5])
    assert chi_square_p(counts, [0.25, 0.25, 0.5]) < 1e-10
    assert chi_square_p(counts, [0.22, 0.28, 0.5]) > 0.01


@pytest.mark.parametrize("noise", [0.0, ALMOST_ONE], ids=["lowest", "highest"])
@pytest.mark.parametrize(
    "distribution", [Bernoulli(2), Categorical(2), Categorical(256)], ids=name_of
)
def test_inversion_at_the_ends_of_the_noise_stays_within_the_levels(distribution, noise):
    # No level rarer than some 1e-4, so that the last one's share is more than rounding.
    parameters = random_parameters(distribution, pixels=(2, 8, 8), scale=0.5)
    shape = (2, 8, 8, 1, 1)
    drawn = np.asarray(distribution.sample(parameters, np.full(shape, noise, "float32")))
    assert (drawn == (0 if noise == 0 else distribution.levels - 1)).all()


@pytest.mark.parametrize("noise", [0.0, 0.5, ALMOST_ONE])
@pytest.mark.parametrize("level", [0, 1])
def test_values_of_no_probability_are_never_drawn(level, noise):
    noise = np.full((1, 1, 1, 1, 1), noise, "float32")
    sign = 1 if level else -1
    bernoulli = np.full((1, 1, 1, 1), 400.0 * sign, "float32")
    assert np.asarray(Bernoulli().sample(bernoulli, noise)).item() == level
    categorical = np.full((1, 1, 1, 1, 3), -400.0, "float32")
    categorical[..., level] = 400
    assert np.asarray(Categorical(3).sample(categorical, noise)).item() == level


def test_inversion_gives_each_level_its_share_of_the_noise():
    """Level k is drawn for noise in [P(x < k), P(x <= k)): exact steps of a cumulative sum."""
    logits = np.log(np.array([0.25, 0.5, 0.25], "float32")).reshape(1, 1, 1, 1, 3)
    for noise, level in [(0.2499, 0), (0.2501, 1), (0.7499, 1), (0.7501, 2)]:
        at = np.full((1, 1, 1, 1, 1), noise, "float32")
        assert np.asarray(Categorical(3).sample(logits, at)).item() == level


@pytest.mark.parametrize("temperature", [1e-3, 1e-6, 1e-30])
@pytest.mark.parametrize("distribution", [Bernoulli(2), Categorical(5)], ids=name_of)
def test_low_temperature_draws_the_likeliest_level(distribution, temperature):
    parameters = random_parameters(distribution, pixels=(4, 5, 5))
    noise = np.random.default_rng(0).random((4, 5, 5, 1, 1), "float32")
    drawn = distribution.sample(parameters, noise, keras.ops.convert_to_tensor(temperature))
    likeliest = log_probabilities(distribution, parameters).argmax(-1)
    np.testing.assert_array_equal(drawn, likeliest)


@pytest.mark.parametrize("distribution", [Bernoulli(2), Categorical(5)], ids=name_of)
def test_high_temperature_draws_all_levels_alike(distribution):
    parameters = random_parameters(distribution, pixels=(50, 20, 20))
    noise = np.random.default_rng(0).random((50, 20, 20, 1, 1), "float32")
    drawn = np.asarray(distribution.sample(parameters, noise, 1e6)).ravel()
    counts = np.bincount(drawn, minlength=distribution.levels)
    assert stats.chisquare(counts).pvalue > 0.01  # fixed seed
