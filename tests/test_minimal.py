"""The model in one file: causal, equal to the library's, and drawn from its own probabilities."""

import keras
import numpy as np
import pytest
from keras import ops

import pcnnlib as pcnn
from pcnnlib import minimal

pytestmark = pytest.mark.both_backends
LEVELS, H, W = 5, 6, 7


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, LEVELS, (4, H, W, 1))


@pytest.fixture(scope="module")
def model(images):
    """Trained for a few steps: a fault must not hide behind initial zeros."""
    keras.utils.set_random_seed(0)
    model = minimal.GatedPixelCNN(LEVELS, filters=8, blocks=3, first_size=5)
    model.compile(keras.optimizers.Adam(0.01), loss=minimal.nats_per_image)
    model.fit(images, images, epochs=20, verbose=0)
    return model


def logits_of(model, images):
    return ops.convert_to_numpy(model(images))


def leaks(model, images):
    """Pairs (changed pixel, prediction) where a prediction sees itself or a later pixel."""
    before, order = logits_of(model, images), np.arange(H * W).reshape(H, W)
    found = []
    for i, j in np.ndindex(H, W):
        changed = images.copy()
        changed[:, i, j] = (changed[:, i, j] + 1) % LEVELS
        moved = (logits_of(model, changed) != before).any(axis=(0, 3))
        found += [((i, j), tuple(p)) for p in np.argwhere(moved & (order <= order[i, j]))]
    return found


def test_no_prediction_depends_on_its_own_pixel_or_a_later_one(model, images):
    assert leaks(model, images) == []


def test_a_mask_that_shows_the_pixel_would_be_noticed(model, images):
    mask = model.blocks[0].horizontal.mask
    model.blocks[0].horizontal.mask = minimal.horizontal_mask(5, own_pixel=True)[:, :, None, None]
    try:
        assert ((2, 3), (2, 3)) in leaks(model, images)
    finally:
        model.blocks[0].horizontal.mask = mask


def test_every_earlier_pixel_within_reach_is_seen(model, images):
    """No blind spot: 5x5 and two 3x3 reach four rows up and, above, as far to the right."""
    changed_by = np.zeros((H, W), bool)
    before = logits_of(model, images)[:, 4, 3]
    for i, j in np.ndindex(H, W):
        changed = images.copy()
        changed[:, i, j] = (changed[:, i, j] + 1) % LEVELS
        changed_by[i, j] = (logits_of(model, changed)[:, 4, 3] != before).any()
    order = np.arange(H * W).reshape(H, W)
    reach = 4
    near = np.maximum(abs(np.arange(H)[:, None] - 4), abs(np.arange(W)[None] - 3)) <= reach
    assert np.array_equal(changed_by, (order < order[4, 3]) & near)


def copied(model):
    """The library's model with the weights of the minimal one."""
    library = pcnn.GatedPixelCNN((H, W, 1), LEVELS, filters=8, blocks=3, first_kernel_size=5)
    for ours, theirs in zip(model.blocks, library.blocks, strict=True):
        for name in ("vertical", "horizontal"):
            plain, window = getattr(ours, name), getattr(theirs, name)
            kernel = ops.convert_to_numpy(plain.kernel)
            taps = kernel[plain.mask[:, :, 0, 0] > 0]  # the library stores no hidden tap
            window.kernel.assign(taps.reshape(window.kernel.shape))
            window.bias.assign(plain.bias)
        theirs.link.kernel.assign(ours.link.kernel)
        theirs.project.set_weights(ours.project.get_weights())
    library.head.mix.set_weights(model.mix.get_weights())
    library.head.predict.set_weights(model.predict_levels.get_weights())
    return library


def test_the_library_computes_the_same_logits_with_the_same_weights(model, images):
    expected = logits_of(model, images)
    library = ops.convert_to_numpy(copied(model)(images))[:, :, :, 0]
    # float32, sums of up to 5 * 5 * 16 terms in another order
    assert np.allclose(library, expected, atol=2e-5)
    assert np.abs(expected).max() > 1


def test_the_loss_is_the_likelihood_of_the_library(model, images):
    nats = ops.convert_to_numpy(minimal.nats_per_image(images, logits_of(model, images)))
    logits = logits_of(model, images).astype("float64")
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    by_hand = -np.log(np.take_along_axis(shares, images, -1)).sum(axis=(1, 2, 3))
    assert np.allclose(nats, by_hand, rtol=1e-5)
    assert np.allclose(nats, -copied(model).log_likelihood(images), rtol=1e-5)


def test_all_images_together_have_probability_one():
    keras.utils.set_random_seed(1)
    model = minimal.GatedPixelCNN(levels=2, filters=4, blocks=2, first_size=3)
    bits = np.arange(512)[:, None] >> np.arange(9) & 1
    every = bits.reshape(-1, 3, 3, 1)
    nats = ops.convert_to_numpy(minimal.nats_per_image(every, model(every)))
    assert np.exp(-nats.astype("float64")).sum() == pytest.approx(1, abs=1e-5)


def test_training_lowers_the_loss_and_images_follow_the_probabilities():
    """Two binary pixels: the second copies the first, which is 1 in three images of four."""
    pairs = np.repeat([[0, 0], [1, 1]], [100, 300], axis=0).reshape(-1, 1, 2, 1)
    keras.utils.set_random_seed(0)
    model = minimal.GatedPixelCNN(levels=2, filters=8, blocks=2, first_size=3)
    model.compile(keras.optimizers.Adam(0.02), loss=minimal.nats_per_image)
    losses = model.fit(pairs, pairs, batch_size=50, epochs=30, verbose=0).history["loss"]
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    assert losses[0] > entropy + 0.2 and losses[-1] == pytest.approx(entropy, abs=0.05)
    drawn = minimal.sample(model, (4000, 1, 2, 1), seed=0)
    assert (drawn[:, 0, 0] == drawn[:, 0, 1]).mean() > 0.98
    # Standard error of a share of 4,000: 0.007.
    assert drawn[:, 0, 0].mean() == pytest.approx(0.75, abs=0.04)
    assert np.array_equal(drawn[:50], minimal.sample(model, (4000, 1, 2, 1), seed=0)[:50])
    assert not np.array_equal(drawn, minimal.sample(model, (4000, 1, 2, 1), seed=1))
