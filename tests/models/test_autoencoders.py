"""Autoencoders: the decoder stays causal, the code reaches every pixel, both survive saving."""

import keras
import numpy as np
import pytest
from support import MIXTURE, random_images, shake

import pcnnlib as pcnn
from pcnnlib import UsageError, models, training

pytestmark = pytest.mark.both_backends


SHAPE, LEVELS, SMALL = (6, 5, 1), 3, (4, 4, 4)


def pixelcnn_decoder(shape=SHAPE, **options):
    model = models.PixelCNNAutoencoder(
        shape, LEVELS, 3, filters=6, blocks=2, first_kernel_size=3, encoder_filters=SMALL, **options
    )
    return shake(model)


def deconvolutional(shape=SHAPE, **options):
    return shake(
        models.DeconvolutionalAutoencoder(shape, LEVELS, 3, 4, encoder_filters=SMALL, **options)
    )


@pytest.mark.parametrize("shape", [SHAPE, (1, 1, 1), (7, 3, 1), (4, 4, 3)])
def test_codes_and_images_have_the_sizes_stated(shape):
    images = random_images(3, shape, LEVELS)
    for make in (pixelcnn_decoder, deconvolutional):
        model = make(shape)
        codes = model.encode(images, batch_size=2)
        assert codes.shape == (3, 3) and codes.dtype == np.float32
        assert model.decode(codes).shape == images.shape
    assert pixelcnn_decoder(shape).encode(images[:0]).shape == (0, 3)


def test_likelihood_is_the_decoders_given_the_images_own_code():
    model, images = pixelcnn_decoder(), random_images(5, SHAPE, LEVELS)
    own = model.decoder.log_likelihood(images, model.encode(images))
    # Two compilations of the same sums, of about 30 nats in float32.
    np.testing.assert_allclose(model.log_likelihood(images), own, atol=1e-4)


def test_decoder_is_causal_and_its_code_reaches_every_pixel():
    model = pixelcnn_decoder()
    assert pcnn.check_causality(model.decoder).causal
    images = np.repeat(random_images(1, SHAPE, LEVELS), 2, axis=0)
    codes = np.array([[0, 0, 0], [1, 0, 0]], "float32")
    seen = keras.ops.convert_to_numpy(model.decoder((images, codes)))
    assert (seen[0] != seen[1]).any(axis=(-1, -2)).all()


def test_whole_autoencoder_is_not_causal():
    # Through its code every pixel knows of every other: the probe that the check can fail.
    assert not pcnn.check_causality(pixelcnn_decoder()).causal


def test_cached_and_full_decodes_are_equal():
    model = pixelcnn_decoder()
    codes = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    drawn = [model.decode(codes, seed=1, method=method) for method in ("cached", "full")]
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize("optimizer", ["muon", "adam"])
def test_codes_do_not_run_away_for_having_thousands_of_features(optimizer):
    """Were inputs of layers left as they are, six steps would move the codes by 1,260 (265)."""
    images = np.zeros((2, 28, 28, 1), "uint8")
    images[0, 8:20, 12:16] = images[1, 12:16, 8:20] = 1
    keras.utils.set_random_seed(0)
    model = models.PixelCNNAutoencoder((28, 28, 1), 2, 4, filters=4, blocks=1, first_kernel_size=3)
    before = model.encode(images)
    config = pcnn.TrainConfig(optimizer=optimizer)
    model.compile(training.configured_optimizer(config, 5e-3, 0.0))
    for _ in range(6):
        model.train_on_batch(images)
    assert 0.5 < np.abs(model.encode(images) - before).max() < 40


@pytest.mark.parametrize("make", [pixelcnn_decoder, deconvolutional])
def test_saved_and_loaded_autoencoders_are_equal(make, tmp_path):
    model, images = make(), random_images(4, SHAPE, LEVELS)
    model.save(tmp_path / "model.keras")
    loaded = pcnn.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.encode(images), model.encode(images))
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(loaded(images)), keras.ops.convert_to_numpy(model(images))
    )


@pytest.mark.parametrize("make", [pixelcnn_decoder, deconvolutional])
def test_colour_autoencoders_take_a_mixture(make, tmp_path):
    model, images = make((4, 3, 3), **MIXTURE), random_images(4, (4, 3, 3), LEVELS)
    model.save(tmp_path / "model.keras")
    loaded = pcnn.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    assert loaded.distribution.components == MIXTURE["distribution"].components
    np.testing.assert_allclose(loaded.log_likelihood(images), model.log_likelihood(images))
    decoded = loaded.decode(loaded.encode(images))
    assert decoded.shape == images.shape
    assert decoded.min() >= 0 and decoded.max() <= LEVELS - 1


def test_mean_image_is_the_distributions_mean():
    model = deconvolutional()
    codes = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")
    mean = model.decode_mean(codes)
    assert mean.min() >= 0 and mean.max() <= LEVELS - 1
    logits = keras.ops.convert_to_numpy(model.decoder(codes))[:, :6, :5].reshape(2, 6, 5, 1, LEVELS)
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    expected = (weights * np.arange(LEVELS)).sum(-1) / weights.sum(-1)
    np.testing.assert_allclose(mean, expected, rtol=1e-5)


def test_pixels_drawn_on_their_own_have_the_mean_of_decode_mean():
    model = deconvolutional()
    codes = np.repeat(np.random.default_rng(0).normal(size=(1, 3)), 4000, axis=0)
    drawn = model.decode(codes, seed=0)
    np.testing.assert_array_equal(drawn, model.decode(codes, seed=0))
    # Levels 0..2 have a deviation of at most 1, their mean over 4,000 one of 0.016: five of them.
    np.testing.assert_allclose(drawn.mean(axis=0), model.decode_mean(codes[:1])[0], atol=0.08)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda m: m.decode(np.zeros((2, 4))), "codes"),
        (lambda m: m.decode(np.full((2, 3), np.nan)), "codes"),
        (lambda m: m.decode("abc"), "codes"),
        (lambda m: m.sample(3), "decode"),
        (lambda m: m.encode(np.zeros((2, 6, 5, 1))), "integer levels"),
        (lambda m: pixelcnn_decoder(condition=pcnn.Labels(3)), "condition"),
        (lambda m: models.Encoder(0), "code_size"),
        (lambda m: models.Encoder(2, (4, 4)), "encoder_filters"),
        (lambda m: models.Encoder(2, 4), "encoder_filters must be three numbers, got 4"),
        (lambda m: pixelcnn_decoder(orders=np.array([1, 1])), "orders must be 1: an autoencoder"),
        (lambda m: pixelcnn_decoder(foo=1), "foo must be left out"),
        (lambda m: deconvolutional(orders=2), "orders must be left out: it is no argument of Dec"),
        (lambda m: deconvolutional().decode(np.zeros((1, 3)), progress=1), "progress must be True"),
    ],
)
def test_bad_input_is_named(call, names):
    with pytest.raises(UsageError, match=names):
        call(pixelcnn_decoder())


def test_no_codes_are_no_images_and_the_code_is_the_condition():
    model = pcnn.PixelCNNAutoencoder((4, 4, 1), code_size=2, filters=4, blocks=2)
    none = np.zeros((0, 2), "float32")
    assert model.decode(none).shape == (0, 4, 4, 1) and model.decode(none).dtype == "uint8"
    images, logs = model.decode(none, return_log_likelihood=True)
    assert images.shape == (0, 4, 4, 1) and logs.shape == (0,)
    for name in ("condition", "n"):
        with pytest.raises(UsageError, match=f"{name} must be left out: it follows from the codes"):
            model.decode(none, **{name: 3})
