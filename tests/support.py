"""What the tests share: models with weights that matter, and values to feed them."""

import itertools

import keras
import numpy as np
import pytest

import pcnnlib as pcnn

# A mixture of logistics, small.
MIXTURE = {"distribution": "logistic_mixture", "components": 3}


def on_both(cases, *chosen):
    """Test parameters of which the chosen (by their `repr`) run under JAX too.

    Under JAX each shape compiles for seconds: one case of each kind is enough.
    """
    assert set(chosen) <= set(map(repr, cases)), chosen
    return [
        pytest.param(case, marks=pytest.mark.both_backends if repr(case) in chosen else ())
        for case in cases
    ]


def shake(model, seed=0, scale=1.5):
    """Give every weight, biases too, a random value large enough to matter; return the model.

    Freshly initialised biases are zero and outputs nearly equal, which would hide mistakes. Values
    shrink with the number of inputs, so that activations stay of order one.
    """
    rng = np.random.default_rng(seed)
    weights = []
    for weight in model.get_weights():
        # A bias as if it had ten inputs: larger ones would close ReLUs, or decide every pixel.
        fan_in = np.prod(weight.shape[:-1]) if weight.ndim > 1 else 10
        weights.append(rng.normal(0, scale / np.sqrt(fan_in), weight.shape).astype(weight.dtype))
    model.set_weights(weights)
    return model


def gated(shape=(4, 4, 1), levels=2, filters=6, blocks=2, *, first=3, seed=0, **options):
    """A small gated model with random weights."""
    model = pcnn.GatedPixelCNN(
        shape, levels=levels, filters=filters, blocks=blocks, first_kernel_size=first, **options
    )
    return shake(model, seed)


def plain(shape=(4, 4, 1), levels=2, filters=6, blocks=2, *, first=3, seed=0, **options):
    """A small 2016 PixelCNN with random weights."""
    model = pcnn.PixelCNN(
        shape, levels=levels, filters=filters, blocks=blocks, first_kernel_size=first, **options
    )
    return shake(model, seed)


def random_images(n, shape, levels, seed=0):
    return np.random.default_rng(seed).integers(0, levels, (n, *shape)).astype("uint8")


def random_condition(condition, n, seed=0):
    rng = np.random.default_rng(seed)
    if condition is None:
        return None
    if not condition.shape:
        return rng.integers(0, condition.n, n)
    return rng.normal(size=(n, *condition.shape)).astype("float32")


def inputs_for(model, images, condition):
    return images if condition is None else (images, condition)


def outputs(model, images, condition=None):
    """The model's parameters as a NumPy array."""
    return keras.ops.convert_to_numpy(model(inputs_for(model, images, condition)))


def all_images(shape, levels):
    """Every image of this shape: `levels ** H*W*C` of them."""
    n = int(np.prod(shape))
    return np.array(list(itertools.product(range(levels), repeat=n)), "uint8").reshape(-1, *shape)


def chi_square_p(counts, probabilities):
    """Probability of counts at least this far from their expectation, if they follow it.

    Cells expected fewer than five times are put together, as the test's approximation asks.
    """
    from scipy import stats

    counts, expected = np.asarray(counts, float), np.asarray(probabilities) * np.sum(counts)
    small = expected < 5
    if small.any():
        counts = np.append(counts[~small], counts[small].sum())
        expected = np.append(expected[~small], expected[small].sum())
    # An empty rest cell has nothing to say.
    counts, expected = counts[expected > 0], expected[expected > 0]
    return stats.chisquare(counts, expected * counts.sum() / expected.sum()).pvalue
