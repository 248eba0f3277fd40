"""Mixtures of logistics against float64, and their samples against their probabilities."""

import keras
import numpy as np
import pytest
from scipy import special
from support import all_images, chi_square_p, name_of, on_both, random_images, random_parameters

from pcnnlib import UsageError
from pcnnlib._internal import backend
from pcnnlib.nn.distributions import Categorical, LogisticMixture

MIXTURES = [
    LogisticMixture(10, 256, 3),
    LogisticMixture(5, 256, 1),
    LogisticMixture(2, 17, 3),
    LogisticMixture(3, 5, 2),
    LogisticMixture(1, 2, 3),
    LogisticMixture(3, 4, 4),
]


def log_bins(levels, means, log_scales, K):
    """Log-probability of each level, float64 `(..., K)`, for means and log-scales `(...)`.

    By another way than the library: differences of the distribution function, taken in the tail
    that they are small in.
    """
    edges = (np.arange(K - 1) + 0.5) * 2 / (K - 1) - 1
    z = (edges - means[..., None]) / np.exp(np.clip(log_scales, -7, 7))[..., None]
    ends = np.full((*z.shape[:-1], 1), np.inf)
    a, b = np.concatenate([-ends, z], axis=-1), np.concatenate([z, ends], axis=-1)
    right = a > 0
    a, b = np.where(right, -b, a), np.where(right, -a, b)
    return special.log_expit(b) + np.log1p(-np.exp(special.log_expit(a) - special.log_expit(b)))


def mixture_tables(distribution, parameters, images):
    """In float64: nats of each pixel, and p of each level of each channel given earlier ones.

    Returns:
        `(B, H, W)` and `(B, H, W, C, K)`.
    """
    K, C, M = distribution.levels, distribution.channels, distribution.components
    parameters = parameters.astype("float64").reshape(*parameters.shape[:3], -1, M)
    joint = special.log_softmax(parameters[..., 0, :], axis=-1)
    means, log_scales = parameters[..., 1 : 1 + C, :], parameters[..., 1 + C : 1 + 2 * C, :]
    multiples = iter(np.tanh(np.moveaxis(parameters[..., 1 + 2 * C :, :], -2, 0)))
    values = images.astype("float64") * 2 / (K - 1) - 1
    conditional = []
    for channel in range(C):
        mean = means[..., channel, :].copy()
        for earlier in range(channel):
            mean += next(multiples) * values[..., earlier, None]
        table = log_bins(K, mean, log_scales[..., channel, :], K)  # (B, H, W, M, K)
        weights = special.log_softmax(joint, axis=-1)
        conditional.append(special.logsumexp(weights[..., None] + table, axis=-2))
        index = images[..., channel, None, None].astype(int)
        joint = joint + np.take_along_axis(table, index, axis=-1)[..., 0]
    return special.logsumexp(joint, axis=-1), np.exp(np.stack(conditional, axis=-2))


def one_pixel(distribution, draws, scale=1.0, seed=0):
    """Parameters of one pixel, repeated; and noise to draw it by."""
    one = random_parameters(distribution, pixels=(1, 1, 1), scale=scale, seed=seed)
    shape = (draws, 1, 1, distribution.channels, 2)
    return np.repeat(one, draws, axis=0), np.random.default_rng(3).random(shape, "float32")


def colours(distribution, parameters):
    """Every value of a pixel `(n, C)`, and its probability under one pixel's parameters."""
    values = all_images((1, 1, distribution.channels), distribution.levels)
    repeated = np.repeat(parameters[:1], len(values), axis=0)
    nats = np.asarray(distribution.log_likelihood(repeated, values), "float64").ravel()
    return values[:, 0, 0], np.exp(nats)


def counts_of(drawn, levels):
    """How often each colour occurs, in the order of `colours`."""
    drawn = np.asarray(drawn).reshape(len(drawn), -1)
    powers = levels ** np.arange(drawn.shape[1])[::-1]
    return np.bincount(drawn @ powers, minlength=levels ** drawn.shape[1])


@pytest.mark.parametrize("distribution", MIXTURES, ids=name_of)
def test_mixture_equals_float64(distribution):
    parameters = random_parameters(distribution, scale=2.0)
    images = random_images(2, (3, 4, distribution.channels), distribution.levels)
    nats, conditional = mixture_tables(distribution, parameters, images)
    # float32: 1e-6 of some hundred nats, where a component of scale exp(-6) lies far away.
    np.testing.assert_allclose(
        distribution.log_likelihood(parameters, images), nats, rtol=1e-5, atol=1e-4
    )
    # A narrow component moves by its mean's rounding: 6e-8 of a mean over a scale of exp(-6).
    np.testing.assert_allclose(
        distribution.probabilities(parameters, images), conditional, atol=1e-4
    )


@pytest.mark.parametrize("scale", on_both([0.1, 3.0, 1e3, 1e30], "3.0"))
def test_probabilities_of_all_256_levels_sum_to_one(scale):
    for distribution in (LogisticMixture(10, 256, 3), Categorical(256, 3)):
        parameters = random_parameters(distribution, scale=scale)
        images = random_images(2, (3, 4, 3), 256)
        probabilities = np.asarray(distribution.probabilities(parameters, images))
        assert probabilities.shape == (2, 3, 4, 3, 256)
        assert probabilities.min() >= 0
        # 256 float32 probabilities, each rounded by 6e-8 of itself, and their logarithms.
        np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("distribution", MIXTURES[2:], ids=name_of)
def test_probabilities_of_all_colours_sum_to_one(distribution):
    parameters, _ = one_pixel(distribution, 1, scale=2.0)
    _, probabilities = colours(distribution, parameters)
    assert probabilities.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("distribution", MIXTURES, ids=name_of)
def test_channels_given_earlier_ones_make_up_the_pixel(distribution):
    """The chain rule within a pixel: conditional probabilities multiply to the joint one."""
    parameters = random_parameters(distribution, scale=1.0)
    images = random_images(2, (3, 4, distribution.channels), distribution.levels)
    probabilities = np.asarray(distribution.probabilities(parameters, images), "float64")
    chosen = np.take_along_axis(probabilities, images[..., None].astype(int), -1)[..., 0]
    nats = np.asarray(distribution.log_likelihood(parameters, images))
    np.testing.assert_allclose(np.log(chosen).sum(-1), nats, rtol=1e-4, atol=1e-4)
    weights = np.split(np.asarray(distribution.per_channel(parameters, images)), 3, axis=-1)[0]
    np.testing.assert_allclose(np.exp(weights).sum(-1), 1, atol=1e-5)


EXTREMES = [0.0, 1.0, -1.0, 30.0, -30.0, 1e4, -1e4, 1e15, -1e15, 1e30, -1e30, 3e38, -3e38]


@pytest.mark.parametrize("channels", on_both([1, 3], "3"))
def test_mixture_is_finite_for_any_parameters(channels):
    distribution = LogisticMixture(4, 256, channels)
    rng = np.random.default_rng(0)
    outputs = rng.choice(EXTREMES, (200, 4, 4, distribution.size)).astype("float32")
    # Pixels of one kind of extreme too: where all components fail alike.
    outputs[: len(EXTREMES)] = np.array(EXTREMES, "float32")[:, None, None, None]
    images = rng.choice([0, 1, 127, 254, 255], (200, 4, 4, channels)).astype("int32")
    noise = rng.random((200, 4, 4, channels, 2), "float32")

    def nats(outputs):
        return keras.ops.sum(distribution.log_likelihood(distribution.parameters(outputs), images))

    assert np.isfinite(backend.gradient(nats, outputs)).all()
    parameters = distribution.parameters(outputs)
    for values in (
        distribution.log_likelihood(parameters, images),
        distribution.per_channel(parameters, images),
        distribution.probabilities(parameters, images),
        distribution.mean(parameters),
    ):
        assert np.isfinite(values).all()
    for temperature in (1e-30, 1.0, 1e30):
        drawn = np.asarray(distribution.sample(parameters, noise, temperature))
        assert drawn.min() >= 0 and drawn.max() <= 255


@pytest.mark.parametrize("level", [0, 1, 128, 254, 255])
def test_mixture_stays_right_far_from_its_means(level):
    """Where a difference of sigmoids would be 0 in float32, and its logarithm infinite."""
    distribution = LogisticMixture(2, 256, 1)
    parameters = np.zeros((1, 1, 1, 2 * 3), "float32")
    parameters[..., 2:4] = 1 if level < 128 else -1
    parameters[..., 4:] = -6
    images = np.full((1, 1, 1, 1), level, "uint8")
    nats, _ = mixture_tables(distribution, parameters, images)
    assert nats < -50
    np.testing.assert_allclose(distribution.log_likelihood(parameters, images), nats, rtol=1e-5)


@pytest.mark.parametrize("components", [1, 10])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("levels", [2, 17, 256])
def test_untrained_mixture_costs_about_log2_levels_bits_per_dim(levels, channels, components):
    distribution = LogisticMixture(components, levels, channels)
    parameters = distribution.parameters(np.zeros((64, 8, 8, distribution.size), "float32"))
    images = random_images(64, (8, 8, channels), levels)
    bits = -np.asarray(distribution.log_likelihood(parameters, images)).mean() / np.log(2)
    assert np.log2(levels) <= bits / channels + 0.01
    assert bits / channels < np.log2(levels) + 0.6  # any colour; likely ones cost less


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("distribution", MIXTURES[2:], ids=name_of)
def test_mixture_samples_have_its_frequencies(distribution, temperature):
    parameters, noise = one_pixel(distribution, 20_000, seed=1)
    drawn = distribution.sample(parameters, noise, temperature)
    # The same as drawing at temperature 1 from logits divided and scales multiplied.
    tempered = parameters[:1].copy()
    M, C = distribution.components, distribution.channels
    tempered[..., :M] /= temperature
    tempered[..., M * (1 + C) : M * (1 + 2 * C)] += np.log(temperature)
    _, probabilities = colours(distribution, tempered)
    counts = counts_of(drawn, distribution.levels)
    assert chi_square_p(counts, probabilities) > 0.01  # fixed seed
    if temperature != 1:
        _, plain = colours(distribution, parameters)
        assert chi_square_p(counts, plain) < 1e-10


def test_mixture_samples_one_channel_of_256_levels():
    distribution = LogisticMixture(3, 256, 1)
    parameters, noise = one_pixel(distribution, 20_000)
    counts = counts_of(distribution.sample(parameters, noise), 256)
    assert chi_square_p(counts, colours(distribution, parameters)[1]) > 0.01  # fixed seed


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_mixture_samples_given_kept_channels(kept):
    """What is drawn follows p(channel | earlier ones), drawn or kept, and knows no later one."""
    distribution = LogisticMixture(3, 4, 3)
    parameters, noise = one_pixel(distribution, 20_000, seed=2)
    image = np.full((20_000, 1, 1, 3), 2, "int32")
    keep = np.zeros(image.shape, bool)
    keep[..., kept] = True
    drawn = np.asarray(distribution.sample_given(parameters, noise, 1.0, image, keep))
    assert (drawn[..., kept] == 2).all()
    joint = colours(distribution, parameters)[1].reshape(4, 4, 4)
    red, green = joint.sum((1, 2)), joint.sum(2) / joint.sum((1, 2))[:, None]
    blue = joint / joint.sum(2, keepdims=True)
    tables = [red[:, None, None], green[:, :, None], blue]
    tables[kept] = (np.arange(4) == 2).reshape(np.roll([4, 1, 1], kept))
    expected = (tables[0] * tables[1] * tables[2]).ravel()
    assert chi_square_p(counts_of(drawn, 4), expected) > 0.01  # fixed seed
    if kept:  # the check has teeth: earlier channels that knew of a kept later one
        posterior = joint * tables[kept] / (joint * tables[kept]).sum()
        assert chi_square_p(counts_of(drawn, 4), posterior.ravel()) < 1e-10


@pytest.mark.parametrize("temperature", [1e-3, 1e-6, 1e-30])
def test_low_temperature_draws_the_mean_of_the_likeliest_component(temperature):
    distribution = LogisticMixture(4, 256, 3)
    parameters = random_parameters(distribution, pixels=(4, 5, 5), scale=0.3)
    noise = np.random.default_rng(0).random((2, 4, 5, 5, 3, 2), "float32")
    temperature = keras.ops.convert_to_tensor(temperature)
    drawn = [np.asarray(distribution.sample(parameters, n, temperature)) for n in noise]
    # At 1e-3 a few means lie on the edge between two levels, or two logits within 0.01.
    assert (drawn[0] != drawn[1]).mean() < 0.05
    likeliest = parameters[..., :4].argmax(-1)[..., None]
    red = np.take_along_axis(parameters[..., 4:8], likeliest, -1)[..., 0]
    assert (np.abs(drawn[0][..., 0] - np.clip((red + 1) * 127.5, 0, 255)) <= 1).mean() > 0.95


def test_mixture_mean_is_the_expected_level():
    for distribution in (LogisticMixture(3, 17, 1), LogisticMixture(2, 6, 3)):
        parameters, _ = one_pixel(distribution, 1, scale=0.3)
        values, probabilities = colours(distribution, parameters)
        expected = (values * probabilities[:, None]).sum(0)
        mean = np.asarray(distribution.mean(parameters)).ravel()
        assert mean[0] == pytest.approx(expected[0], abs=1e-4)
        # Of later channels the edges cut off a little, differently for each earlier value.
        np.testing.assert_allclose(mean, expected, atol=0.05)


def test_mixture_probabilities_ask_for_the_earlier_channels():
    distribution = LogisticMixture(2, 4, 3)
    parameters = random_parameters(distribution)
    with pytest.raises(UsageError, match="images are missing: with 3 channels"):
        distribution.probabilities(parameters)
    one = LogisticMixture(2, 4, 1)
    parameters = random_parameters(one)
    images = random_images(2, (3, 4, 1), 4)
    np.testing.assert_array_equal(
        one.probabilities(parameters), one.probabilities(parameters, images)
    )
