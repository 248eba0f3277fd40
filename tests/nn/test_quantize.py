"""Vector quantisation: the codebook against NumPy, the gradient that goes straight through."""

import keras
import numpy as np
import pytest
from keras import ops

from pcnnlib import UsageError
from pcnnlib._internal import backend
from pcnnlib.nn.quantize import CodebookUse, VectorQuantizer

K, D = 5, 3


def quantizer(**options):
    layer = VectorQuantizer(K, D, seed=0, **options)
    layer.build()
    layer.codebook.assign(np.random.default_rng(0).normal(size=(K, D)))
    return layer


def vectors(seed=1, n=4):
    return np.random.default_rng(seed).normal(size=(n, 2, 3, D)).astype("float32")


def nearest(values, codebook):
    distances = ((values[..., None, :] - codebook) ** 2).sum(axis=-1)
    return distances.argmin(axis=-1)


@pytest.mark.both_backends
def test_each_vector_becomes_the_nearest_code_and_back():
    layer, values = quantizer(), vectors()
    codebook = np.asarray(layer.codebook)
    expected = nearest(values, codebook)
    codes = ops.convert_to_numpy(layer.codes(values))
    np.testing.assert_array_equal(codes, expected[..., None])
    found = ops.convert_to_numpy(layer(values))
    np.testing.assert_allclose(found, codebook[expected], atol=1e-6)  # of a difference added back
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.vectors(codes)), codebook[expected])


@pytest.mark.both_backends
def test_the_gradient_goes_straight_through_and_the_commitment_pulls_to_the_code():
    """Of `sum(weights * quantized) + commitment`: the weights, and 2 beta (z - e) / images."""
    layer, values = quantizer(beta=0.7), vectors()
    weights = vectors(seed=2)

    def loss(inputs):
        value = ops.sum(layer(inputs) * weights)
        inputs = inputs - ops.stop_gradient(layer.vectors(layer.codes(inputs)))
        return value + 0.7 * ops.sum(inputs**2) / len(values)

    straight = ops.convert_to_numpy(backend.gradient(lambda x: ops.sum(layer(x) * weights), values))
    np.testing.assert_allclose(straight, weights, rtol=1e-6)
    codebook = np.asarray(layer.codebook)
    away = values - codebook[nearest(values, codebook)]
    both = ops.convert_to_numpy(backend.gradient(loss, values))
    np.testing.assert_allclose(both, weights + 2 * 0.7 * away / len(values), rtol=1e-4, atol=1e-6)
    # What the layer adds to the loss is that distance.
    layer._clear_losses()
    layer(values)
    (commitment,) = layer.losses
    expected = 0.7 * (away**2).sum() / len(values)
    np.testing.assert_allclose(ops.convert_to_numpy(commitment), expected, rtol=1e-5)


@pytest.mark.both_backends
def test_the_codebook_is_the_moving_average_of_what_it_stands_for():
    """Equations 6 to 8 of appendix A.1, recomputed in NumPy over three batches."""
    layer = quantizer(decay=0.8, revive=0)
    codebook, use = np.asarray(layer.codebook).astype(float), np.ones(K)
    for seed in range(3):
        values = vectors(seed)
        flat, found = values.reshape(-1, D), nearest(values, codebook).ravel()
        before = codebook * use[:, None]
        sums = np.stack([flat[found == k].sum(axis=0) for k in range(K)])
        use = 0.8 * use + 0.2 * np.bincount(found, minlength=K)
        codebook = (0.8 * before + 0.2 * sums) / use[:, None]
        layer(values, training=True)
        np.testing.assert_allclose(np.asarray(layer.use), use, rtol=1e-5)
        np.testing.assert_allclose(np.asarray(layer.codebook), codebook, rtol=1e-4, atol=1e-6)


def test_without_training_nothing_of_the_codebook_changes():
    layer = quantizer()
    before = [np.array(weight) for weight in layer.weights]
    layer(vectors())
    layer(vectors(), training=False)
    layer.codes(vectors())
    for value, weight in zip(before, layer.weights, strict=True):
        np.testing.assert_array_equal(value, np.asarray(weight))
    assert not layer.trainable_weights


@pytest.mark.both_backends
def test_dead_codes_take_the_place_of_vectors_of_the_batch():
    layer = quantizer(revive=0.1)
    far = np.asarray(layer.codebook) + [[0, 0, 0], *[[1e3, 0, 0]] * (K - 1)]  # all but one unused
    layer.codebook.assign(far)
    values = vectors()
    layer(values, training=True)
    flat = values.reshape(-1, D)
    codebook = np.asarray(layer.codebook)
    np.testing.assert_allclose(codebook[0], flat.mean(axis=0), rtol=1e-4, atol=1e-6)
    for code in codebook[1:]:
        assert np.abs(flat - code).max(axis=1).min() < 1e-5
    assert len(np.unique(ops.convert_to_numpy(layer.codes(values)))) > 2


@pytest.mark.both_backends
def test_use_of_the_codebook_is_counted_over_all_batches():
    metric = CodebookUse(4)
    for used in ([2.0, 0, 0, 0], [0, 2.0, 0, 0], [1.0, 1.0, 2.0, 0]):
        metric.update_state(ops.convert_to_tensor(used))
    shares = np.array([3, 3, 2]) / 8
    found = {name: float(value) for name, value in metric.result().items()}
    assert found["codes_used"] == 3
    assert found["perplexity"] == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-5)
    metric.reset_state()
    assert float(metric.result()["perplexity"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"codes": 1}, "codes must be an integer >= 2, got 1"),
        ({"codes": 65_537}, r"codes must be"),
        ({"codes": 8.0}, "codes must be an integer >= 2, got 8.0"),
        ({"size": 0}, "code_size must be an integer >= 1, got 0"),
        ({"decay": 1}, "decay must be below 1, got 1"),
        ({"decay": -0.1}, "decay must be a finite number >= 0"),
        ({"beta": -1}, "beta must be a finite number >= 0"),
        ({"revive": 2}, "revive must be a finite number >= 0 and <= 1, got 2"),
    ],
)
def test_quantizers_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        VectorQuantizer(**{"codes": 4, "size": 2, **arguments})


def test_a_quantizer_is_what_its_configuration_says():
    layer = quantizer(decay=0.5, beta=1.0, revive=0.2)
    again = VectorQuantizer.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    metric = CodebookUse(4)
    assert CodebookUse.from_config(metric.get_config()).get_config() == metric.get_config()
    assert keras.saving.get_registered_name(VectorQuantizer) == "pcnnlib>VectorQuantizer"
