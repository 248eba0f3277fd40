"""Whether an autoencoder's decoder uses its code: three kinds of code, and what each costs."""

import keras
import numpy as np
import pytest
from support import random_images, shake

from pcnnlib import UsageError, analysis
from pcnnlib.models import PixelCNNAutoencoder

pytestmark = pytest.mark.both_backends

SHAPE, LEVELS, SMALL = (6, 5, 1), 3, (4, 4, 4)


def autoencoder():
    return shake(
        PixelCNNAutoencoder(
            SHAPE, LEVELS, 3, filters=6, blocks=2, first_kernel_size=3, encoder_filters=SMALL
        )
    )


def test_shuffled_codes_are_never_the_images_own_and_cost_what_the_decoder_says():
    model, images = autoencoder(), random_images(6, SHAPE, LEVELS)
    usage = analysis.code_usage(model, images, seed=2)
    codes = model.encode(images)
    assert len(np.unique(codes, axis=0)) == 6
    order = np.random.default_rng(2).permutation(6)
    for turn, image in enumerate(order):
        other = codes[order[turn - 1]][None]
        assert (other != codes[image]).any()
        nats = -model.decoder.log_likelihood(images[image : image + 1], other)
        np.testing.assert_allclose(usage["shuffled"][image], nats[0], atol=1e-4)
    np.testing.assert_allclose(usage["own"], -model.log_likelihood(images), atol=1e-4)


def test_training_makes_the_decoder_use_the_code():
    # Two kinds of image that nothing but the code tells apart before the first pixel is drawn.
    images = np.repeat(np.array([0, 1], "uint8"), 32)[:, None, None, None] * np.ones(
        (1, 4, 4, 1), "uint8"
    )
    keras.utils.set_random_seed(0)
    model = PixelCNNAutoencoder(
        (4, 4, 1), 2, 2, filters=8, blocks=2, first_kernel_size=3, encoder_filters=SMALL
    )
    model.compile(keras.optimizers.Adam(0.02))
    model.fit(images, batch_size=32, epochs=40, verbose=0)
    usage = analysis.code_usage(model, images)
    assert usage["own"].mean() < 0.3  # the code tells the kind: log 2 nats less than without
    assert usage["none"].mean() > usage["own"].mean()


@pytest.mark.parametrize("kinds", [("own",), ("none", "shuffled"), ()])
def test_only_the_kinds_wanted_are_computed(kinds):
    model, images = autoencoder(), random_images(3, SHAPE, LEVELS)
    usage = analysis.code_usage(model, images, kinds=kinds)
    assert list(usage) == list(kinds)
    assert all(nats.shape == (3,) for nats in usage.values())


def test_one_image_and_unknown_kinds_are_refused():
    model = autoencoder()
    with pytest.raises(UsageError, match="images must be at least 2.*got 1"):
        analysis.code_usage(model, random_images(1, SHAPE, LEVELS))
    with pytest.raises(UsageError, match="kinds must be some of own, shuffled, none, got 'x'"):
        analysis.code_usage(model, random_images(2, SHAPE, LEVELS), kinds=["x"])
    with pytest.raises(UsageError, match="kinds must be some of .*, got 'own'"):
        analysis.code_usage(model, random_images(2, SHAPE, LEVELS), kinds="own")
    with pytest.raises(UsageError, match="seed must be an integer >= 0, got 'a'"):
        analysis.code_usage(model, random_images(2, SHAPE, LEVELS), seed="a")
    with pytest.raises(UsageError, match="model must be a PixelCNNAutoencoder, got GatedPixelCNN"):
        analysis.code_usage(model.decoder, random_images(2, SHAPE, LEVELS))
