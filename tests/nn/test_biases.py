"""In a lower precision no gradient is lost: that of a bias is a sum over all pixels of a batch."""

import keras
import numpy as np
import pytest
from support import inputs_for, random_condition, random_images

import pcnnlib as pcnn
from pcnnlib.models import DeconvolutionalAutoencoder, PixelTransformer
from pcnnlib.nn import biases

SHAPE = (28, 28, 1)
SMALL = {"filters": 8, "blocks": 2}
MODELS = {
    "gated": lambda: pcnn.GatedPixelCNN(SHAPE, **SMALL, attention=(1,)),
    "map": lambda: pcnn.GatedPixelCNN(SHAPE, **SMALL, condition=pcnn.Map((7, 7, 2))),
    "colour": lambda: pcnn.GatedPixelCNN((16, 16, 3), filters=9, blocks=2),
    "plain": lambda: pcnn.PixelCNN(SHAPE, **SMALL),
    "transformer": lambda: PixelTransformer(SHAPE, **SMALL),
    "autoencoder": lambda: pcnn.PixelCNNAutoencoder(SHAPE, **SMALL),
    "deconvolutional": lambda: DeconvolutionalAutoencoder(SHAPE, filters=8),
    "vqvae": lambda: pcnn.VectorQuantizedAutoencoder(SHAPE, filters=8, residual_blocks=1),
}


def gradients(model):
    """By path: what a step of gradient descent subtracts."""
    images = (random_images(32, model.image_shape, 10) < 3).astype("uint8")  # more black than white
    condition = model.condition and random_condition(model.condition, 32)
    model.compile(optimizer=keras.optimizers.SGD(1.0))
    before = {w.path: np.array(w) for w in model.trainable_variables}
    model.train_on_batch(inputs_for(model, images, condition))
    return {w.path: before[w.path] - np.array(w) for w in model.trainable_variables}


@pytest.mark.parametrize("name", MODELS)
def test_gradients_in_bfloat16_are_those_in_float32(name):
    keras.utils.set_random_seed(1)
    model = MODELS[name]()
    lower = model.as_dtype("mixed_bfloat16")
    expected, found = gradients(model), gradients(lower)
    assert len(expected) == len(found) > 1
    for (path, one), other in zip(expected.items(), found.values(), strict=True):
        # The bias before a normalisation changes nothing: its gradient is rounding.
        if np.linalg.norm(one) > 1e-3:
            assert np.linalg.norm(other - one) < 0.2 * np.linalg.norm(one), path


def test_in_float32_they_are_the_layers_of_keras():
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    for name, arguments in {"Dense": (4,), "Conv2D": (4, 3), "Conv2DTranspose": (4, 3, 2)}.items():
        ours = getattr(biases, name)(*arguments, activation="relu", bias_initializer="normal")
        theirs = getattr(keras.layers, name)(*arguments, activation="relu")
        expected = ours(images)
        theirs.build(images.shape)
        theirs.set_weights(ours.get_weights())
        np.testing.assert_array_equal(expected, theirs(images))
        # In bfloat16 the sums are the same but for rounding.
        lower = getattr(biases, name)(*arguments, activation="relu", dtype="mixed_bfloat16")
        lower.build(images.shape)
        lower.set_weights(ours.get_weights())
        rounded = keras.ops.convert_to_numpy(keras.ops.cast(lower(images), "float32"))
        np.testing.assert_allclose(rounded, expected, atol=0.1)
