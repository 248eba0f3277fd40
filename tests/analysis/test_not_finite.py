"""A model whose training has diverged is named, neither drawn from nor accused of a leak."""

import numpy as np
import pytest
from support import MIXTURE, gated, plain, random_images, shake

import pcnnlib as pcnn
from pcnnlib import UsageError, sampling
from pcnnlib.analysis.causality import changed_predictions
from pcnnlib.analysis.receptive_field import changed_features

KINDS = [{}, {"levels": 5}, {"levels": 9, **MIXTURE}]
IDS = ["bernoulli", "categorical", "mixture"]


def broken(model, value):
    """The same model with one value of one weight replaced."""
    weights = model.get_weights()
    weights[-1][0] = value
    model.set_weights(weights)
    return model


def overflowing(model):
    """The same model with finite weights whose products are not."""
    model.set_weights([w * 1e38 if w.ndim > 1 else w for w in model.get_weights()])
    return model


def refused(call, *args, **options):
    with pytest.raises(UsageError, match="its training has diverged") as raised:
        call(*args, **options)
    assert "\n" not in str(raised.value)


@pytest.mark.both_backends
@pytest.mark.parametrize("options", KINDS, ids=IDS)
def test_nothing_is_drawn_from_weights_that_are_not_finite(options):
    for value in (np.nan, np.inf):
        model = broken(gated((3, 3, 1), **options), value)
        with pytest.raises(UsageError, match=rf"weight \S*predict\S* of the model holds {value}:"):
            model.sample(2, seed=0)
        refused(pcnn.check_causality, model)
        refused(pcnn.receptive_field, model, (1, 1))


@pytest.mark.both_backends
@pytest.mark.parametrize("options", KINDS, ids=IDS)
def test_nothing_is_drawn_from_outputs_that_are_not_finite(options):
    model = overflowing(gated((3, 3, 1), **options))
    assert all(np.isfinite(w).all() for w in model.get_weights())
    for method in sampling.METHODS:
        refused(model.sample, 2, seed=0, method=method)
    refused(pcnn.check_causality, model)
    refused(pcnn.receptive_field, model, (1, 1))
    refused(changed_features, model, (1, 1))


def test_a_plain_model_and_both_decoders_are_refused_too():
    refused(broken(plain((3, 3, 1)), np.nan).sample, 1)
    for kind in (pcnn.PixelCNNAutoencoder, pcnn.DeconvolutionalAutoencoder):
        model = shake(kind((4, 4, 1), 2, code_size=2, filters=4, encoder_filters=(4, 4, 4)))
        refused(broken(model, np.nan).decode, np.zeros((2, 2)), seed=0)
    labelled = overflowing(gated(condition=pcnn.Labels(3)))
    images = random_images(2, (4, 4, 1), 2)
    refused(changed_predictions, labelled, images, np.array([0, 1]), np.array([1, 2]))


@pytest.mark.parametrize("options", KINDS, ids=IDS)
def test_a_distribution_marks_what_it_cannot_draw(options):
    distribution = gated((3, 3, 1), **options).distribution
    outputs = np.zeros((1, 1, 2, distribution.size), "float32")
    outputs[0, 0, 1] = np.nan
    noise = np.full((1, 1, 2, 1, distribution.noise_per_channel), 0.5, "float32")
    drawn = np.asarray(distribution.sample(distribution.parameters(outputs), noise))[0, 0, :, 0]
    assert drawn[0] >= 0 and drawn[1] == -1


def test_an_impossible_level_is_no_broken_one():
    distribution = pcnn.nn.distributions.Categorical(3)
    logits = np.array([0.0, -np.inf, 0.0], "float32").reshape(1, 1, 1, 1, 3)
    noise = np.full((1, 1, 1, 1, 1), 0.9, "float32")
    assert np.asarray(distribution.sample(logits, noise)).item() == 2
