"""The VQ-VAE: codes of images, images of codes, and what is trained."""

import keras
import numpy as np
import pytest
from support import random_images

import pcnnlib as pcnn
from pcnnlib import UsageError

SMALL = {"filters": 4, "residual_blocks": 1, "code_size": 3}


def autoencoder(shape=(8, 8, 1), levels=17, codes=9, **options):
    return pcnn.VectorQuantizedAutoencoder(shape, levels, codes, **{**SMALL, **options})


@pytest.fixture(scope="module")
def digits():
    return pcnn.load_dataset("digits").train.images[:64]


@pytest.fixture(scope="module")
def trained(digits):
    """After a few epochs; also what `fit` reported."""
    keras.utils.set_random_seed(0)
    model = autoencoder(filters=8)
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    history = model.fit(digits, batch_size=32, epochs=40, verbose=0, validation_data=digits[:32])
    return model, history.history


def test_training_lowers_the_loss_and_reports_the_codebooks_use(trained):
    _, history = trained
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    for name in ("perplexity", "codes_used", "val_perplexity", "val_codes_used"):
        assert 1 <= history[name][-1] <= 9, name
    assert history["codes_used"][0] > 3  # the first batch spreads the codes


def test_codes_come_from_images_and_images_from_codes(trained, digits):
    model, _ = trained
    codes = model.encode(digits)
    assert codes.shape == (64, 4, 4, 1) == (64, *model.code_shape) and codes.dtype == "uint8"
    made = model.decode(codes)
    assert made.shape == digits.shape and made.dtype == "uint8"
    np.testing.assert_array_equal(made, model.reconstruct(digits))
    # Nearer to their images than to other ones.
    error, other = (np.abs(made.astype(int) - x).mean() for x in (digits, digits[::-1]))
    assert error < 0.8 * other
    # In parts of another size, the last filled up; in one by one.
    np.testing.assert_array_equal(codes[:7], model.encode(digits[:7], batch_size=3))
    assert model.encode(digits[:0]).shape == (0, 4, 4, 1)
    assert model.decode(codes[:0]).shape == (0, 8, 8, 1)


def test_the_likelihood_is_that_of_the_pixels_given_the_codes(trained, digits):
    """Recomputed from the codes, which are all that the decoder is told."""
    model, _ = trained
    vectors = model.quantizer.vectors(model.encode(digits[:5]))
    parameters = model.distribution.parameters(model.decoder(vectors))
    logs = keras.ops.convert_to_numpy(model.distribution.log_likelihood(parameters, digits[:5]))
    np.testing.assert_allclose(model.log_likelihood(digits[:5]), logs.sum(axis=(1, 2)), rtol=1e-5)
    # A distribution: the levels' probabilities sum to one.
    probabilities = keras.ops.convert_to_numpy(model.distribution.probabilities(parameters))
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, atol=1e-4)


def test_pixels_can_be_drawn_too(trained, digits):
    model, _ = trained
    codes = model.encode(digits[:4])
    drawn = model.decode(codes, draw=True, seed=0)
    np.testing.assert_array_equal(drawn, model.decode(codes, draw=True, seed=0))
    assert (drawn != model.decode(codes, draw=True, seed=1)).any() and drawn.max() < 17
    # Nearly certain, they are near the mean.
    cold = model.decode(codes, draw=True, seed=0, temperature=1e-6).astype(int)
    assert np.abs(cold - model.decode(codes)).mean() < np.abs(drawn - model.decode(codes)).mean()
    # Another temperature is no other program, which would be kept.
    kept = len(model.compiled_functions.by_key)
    model.decode(codes, draw=True, seed=0, temperature=0.7)
    assert len(model.compiled_functions.by_key) == kept


@pytest.mark.both_backends
def test_a_step_of_training_moves_all_weights_and_the_codebook_and_is_saved(tmp_path, digits):
    model = autoencoder()
    before = {weight.path: np.array(weight) for weight in model.weights}
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    model.fit(digits, batch_size=32, epochs=1, verbose=0)
    for weight in model.weights:
        assert (np.asarray(weight) != before[weight.path]).any(), weight.path
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = pcnn.load_model(path)
    assert loaded.get_config() == model.get_config()
    np.testing.assert_array_equal(loaded.encode(digits), model.encode(digits))
    np.testing.assert_array_equal(loaded.log_likelihood(digits), model.log_likelihood(digits))
    kept = [np.array(weight) for weight in model.weights]
    model.evaluate(digits, verbose=0)
    for value, weight in zip(kept, model.weights, strict=True):
        np.testing.assert_array_equal(value, np.asarray(weight))


def test_the_loss_is_nats_per_image_and_the_commitment(digits):
    model = autoencoder(beta=2.0)
    model.compile()
    loss = model.evaluate(digits[:8], batch_size=8, verbose=0, return_dict=True)["loss"]
    vectors = keras.ops.convert_to_numpy(model.encoder(model.scale(digits[:8])))
    codes = model.encode(digits[:8])
    away = vectors - keras.ops.convert_to_numpy(model.quantizer.vectors(codes))
    commitment = 2.0 * (away**2).sum() / 8
    expected = -model.log_likelihood(digits[:8]).mean() + commitment
    assert loss == pytest.approx(expected, rel=1e-4) and commitment > 0.01 * expected


@pytest.mark.parametrize(
    ("shape", "options", "expected"),
    [
        ((28, 28, 1), {}, (7, 7, 1)),
        ((32, 32, 3), {}, (8, 8, 1)),
        ((8, 8, 1), {}, (4, 4, 1)),
        ((5, 7, 3), {}, (3, 4, 1)),
        ((13, 14, 1), {}, (4, 4, 1)),
        ((16, 16, 1), {"downsample": 8}, (2, 2, 1)),
        ((4, 4, 1), {"downsample": 1}, (4, 4, 1)),
        ((1, 3, 1), {}, (1, 3, 1)),
    ],
)
def test_sizes_follow_the_images(shape, options, expected):
    model = autoencoder(shape, 256, **options)
    assert model.code_shape == expected
    images = random_images(1, shape, 256)
    assert keras.ops.shape(model(images))[:3] == (1, *shape[:2])


@pytest.mark.parametrize(("levels", "kind"), [(2, "Bernoulli"), (3, "LogisticMixture")])
def test_pixels_have_a_distribution_by_their_levels(levels, kind):
    model = autoencoder((4, 4, 3), levels)
    assert type(model.distribution).__name__ == kind
    images = random_images(2, (4, 4, 3), levels)
    assert np.isfinite(model.log_likelihood(images)).all()
    assert model.decode(model.encode(images)).max() < levels


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"levels": 257}, r"levels must be an integer 2\.\.256, got 257"),
        ({"codes": 65_537}, "codes must be"),
        ({"codes": 1}, "codes must be an integer >= 2, got 1"),
        ({"downsample": 3}, "downsample must be a power of 2 .* 8, got 3"),
        ({"downsample": 16}, "downsample must be a power of 2 .* 8, got 16"),
        ({"downsample": 0}, "downsample must be an integer >= 1, got 0"),
        ({"filters": 1}, "filters must be an integer >= 2, got 1"),
        ({"residual_blocks": -1}, "residual_blocks must be an integer 0.*got -1"),
        ({"beta": "1"}, "beta must be a finite number"),
        ({"levels": np.array([2, 2])}, r"levels must be an integer 2\.\.65536, got array"),
        ({"dtype": "x"}, "dtype must be a type of floats"),
        ({"orders": 2}, "orders must be left out: it is no argument of VectorQuantizedAuto"),
        ({"condition": pcnn.Labels(3)}, "condition must be left out: it is no argument"),
    ],
)
def test_autoencoders_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message) as raised:
        autoencoder(**arguments)
    assert "\n" not in str(raised.value)


def test_what_there_is_not_is_refused_at_every_door(trained, digits):
    model, _ = trained
    codes = model.encode(digits[:2]).astype(int)
    for wrong, message in [
        (codes - 9, r"codes must hold levels 0\.\.8, got -"),
        (codes + 9, r"codes must hold levels 0\.\.8, got"),
        (codes / 2, r"codes must be integer levels 0\.\.8, got float64"),
        ((codes[:, :2, :2], codes), "codes must be an array, its rows all of one shape"),
        (codes[:, :3], r"codes must have shape \(B, 4, 4, 1\), got \(2, 3, 4, 1\)"),
    ]:
        with pytest.raises(UsageError, match=message):
            model.decode(wrong)
    for call, message in [
        (lambda: model.encode(digits / 2), "images must be integer levels"),
        (lambda: model.encode(digits[:, :4]), "images must have shape"),
        (lambda: model.fit(digits + 1, verbose=0), r"levels 0\.\.16, got 1\.\.17"),
        (lambda: model.decode(codes, draw=1), "draw must be True or False, got 1"),
        (lambda: model.decode(codes, draw=True, temperature=0), "temperature must be"),
        (lambda: model.decode(codes, batch_size=0), "batch_size must be"),
        (
            lambda: model.train_on_batch(digits[:2], sample_weight=np.ones(2)),
            "sample_weight must be None: the codebook",
        ),
        (lambda: model.sample(3), r"call decode\(codes\), or train a LatentPrior"),
    ]:
        with pytest.raises(UsageError, match=message):
            call()
    for temperature in (1e300, 1e-300):  # as float32 they would be infinite, and 0
        drawn = model.decode(codes, draw=True, temperature=temperature, seed=0)
        assert drawn.max() <= 16
