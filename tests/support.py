"""What the tests share: models with weights that matter, values to feed them, small data."""

import itertools

import keras
import numpy as np
import pytest

import pcnnlib as pcnn
from pcnnlib import runs

# A mixture of logistics, small.
MIXTURE = {"distribution": pcnn.LogisticMixture(components=3)}
# For a step or two: TensorFlow traces a graph for longer than it computes, and JAX compiles single
# operations for longer than a whole step.
EAGERLY = keras.backend.backend() == "tensorflow"


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


def plain(shape=(4, 4, 1), levels=2, filters=6, blocks=3, *, first=3, seed=0, **options):
    """A small 2016 PixelCNN with random weights; `blocks` counts the first convolution too."""
    model = pcnn.PixelCNN(
        shape, levels=levels, filters=filters, blocks=blocks, first_kernel_size=first, **options
    )
    return shake(model, seed)


def write_npz(path, *, n=40, shape=(4, 4), levels=2, classes=3, seed=0, **replaced):
    """A small data set with something to learn: each image is noise around one of few patterns."""
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, levels, (classes, *shape))
    arrays = {}
    for part, count in (("train", n), ("test", max(4, n // 4))):
        labels = rng.integers(0, classes, count)
        noise = rng.integers(0, levels, (count, *shape))
        images = np.where(rng.random(noise.shape) < 0.2, noise, patterns[labels])
        arrays[f"x_{part}"] = images.astype("uint8")
        arrays[f"y_{part}"] = labels.astype("int64")
    arrays.update(replaced)
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


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


def name_of(distribution):
    """The name of a test of a distribution."""
    config = distribution.get_config()
    return "-".join([type(distribution).__name__, *map(str, config.values())])


def random_parameters(distribution, pixels=(2, 3, 4), scale=3.0, seed=0):
    raw = np.random.default_rng(seed).normal(size=(*pixels, distribution.size)) * scale
    return np.asarray(distribution.parameters(raw.astype("float32")))


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


def runs_for_pages():
    """Names of the published runs whose weights can draw in a page.

    Pixel by pixel, in raster order and by convolutions alone.
    """
    records = {name: runs.read_run(name) for name in runs.list_runs()}
    return [
        name
        for name, run in records.items()
        if "weights" in run
        and run["model"]["class"] not in ("DeconvolutionalAutoencoder", "LatentPrior")
        and run["model"].get("orders", 1) == 1
        and not run["model"].get("attention")
    ]
