"""A VQ-VAE and its prior as one model of images."""

import keras
import numpy as np
import pytest
from support import random_images, shake

import pcnnlib as pcnn
from pcnnlib import UsageError, analysis
from pcnnlib.analysis import flop_per_image


def latent(condition=None, **options):
    autoencoder = pcnn.VectorQuantizedAutoencoder(
        (4, 6, 1), 5, codes=300, code_size=2, filters=4, residual_blocks=1
    )
    model = pcnn.LatentPrior(autoencoder, 4, 2, condition=condition, **options)
    shake(model.prior)
    return model


@pytest.fixture(scope="module")
def model():
    return latent(pcnn.Labels(3, dropout=0.2))


@pytest.mark.both_backends
def test_images_are_drawn_from_codes_of_the_prior(model):
    labels = np.arange(5) % 3
    images, codes = model.sample(5, labels, seed=1, return_codes=True)
    assert images.shape == (5, 4, 6, 1) and images.dtype == "uint8"
    assert codes.shape == (5, 2, 3, 1) and codes.dtype == "uint16"
    np.testing.assert_array_equal(codes, model.prior.sample(5, labels, seed=1))
    np.testing.assert_array_equal(images, model.autoencoder.decode(codes))
    np.testing.assert_array_equal(images, model.sample(5, labels, seed=1, guidance=1))
    guided = model.sample(5, labels, seed=1, guidance=3, return_codes=True)[1]
    np.testing.assert_array_equal(guided, model.prior.sample(5, labels, seed=1, guidance=3))
    assert (guided != codes).any()


@pytest.mark.both_backends
def test_pixels_are_drawn_with_noise_of_their_own(model):
    labels = np.arange(5) % 3
    images, codes = model.sample(5, labels, seed=1, draw=True, return_codes=True)
    np.testing.assert_array_equal(codes, model.prior.sample(5, labels, seed=1))
    np.testing.assert_array_equal(images, model.sample(5, labels, seed=1, draw=True))
    assert (images != model.decode(codes, draw=True, seed=1)).any()  # that of the codes


def test_of_an_autoencoder_alone_a_likelihood_says_what_it_is_given(model):
    images = random_images(6, (4, 6, 1), 5)
    found = pcnn.evaluate(model.autoencoder, pcnn.Split(images))
    assert str(found).endswith(" bits/dim (each image given its own code)")
    nats = -model.autoencoder.log_likelihood(images)
    assert vars(found) == vars(pcnn.Likelihood.of(nats, (4, 6, 1)))  # a figure like any other


@pytest.mark.both_backends
def test_the_bound_is_what_codes_and_pixels_cost(model):
    images, labels = random_images(6, (4, 6, 1), 5), np.arange(6) % 3
    codes = model.prior.log_likelihood(model.encode(images), labels)
    pixels = model.autoencoder.log_likelihood(images)
    np.testing.assert_allclose(model.log_likelihood(images, labels), codes + pixels)
    found = pcnn.evaluate(model, pcnn.Split(images, labels))
    assert found.nats_per_image == pytest.approx(-(codes + pixels).mean())
    assert found.nats_per_code == pytest.approx(-codes.mean() / 6)
    assert found.bits_per_dim == pytest.approx(found.nats_per_image / 24 / np.log(2))
    parts = found.code_bits_per_dim + found.pixel_bits_per_dim
    assert parts == pytest.approx(found.bits_per_dim)
    assert str(found).startswith("at most ") and "(a bound)" in str(found)


def test_it_bounds_the_probability_of_all_codes_together():
    """Of one code of two per image: the image's own, and the other, which could give it too."""
    autoencoder = pcnn.VectorQuantizedAutoencoder(
        (2, 2, 1), 2, codes=2, code_size=2, filters=2, residual_blocks=0, downsample=2
    )
    model = pcnn.LatentPrior(autoencoder, 2, 1)
    shake(model.prior)
    images = random_images(8, (2, 2, 1), 2)
    each = []
    for code in range(2):
        codes = np.full((8, 1, 1, 1), code)
        parameters = autoencoder.distribution.parameters(
            autoencoder.decoder(autoencoder.quantizer.vectors(codes))
        )
        pixels = autoencoder.distribution.log_likelihood(parameters, images)
        pixels = keras.ops.convert_to_numpy(pixels).sum(axis=(1, 2))
        each.append(pixels + model.prior.log_likelihood(codes))
    exact, bound = np.logaddexp(*each), model.log_likelihood(images)
    assert (bound < exact).all()
    own = model.encode(images)[:, 0, 0, 0]
    np.testing.assert_allclose(bound, np.stack(each)[own, np.arange(8)], rtol=1e-5)


def test_it_is_saved_and_loaded_whole(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = pcnn.load_model(tmp_path / "model.keras")
    assert pcnn.models.architecture(loaded) == pcnn.models.architecture(model)
    assert loaded.condition == model.condition == loaded.prior.condition
    for mine, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_file_holds_no_optimiser_of_its_first_stage(tmp_path):
    model = latent()
    model.save(tmp_path / "before.keras")
    model.autoencoder.compile(optimizer="adam")
    model.autoencoder.optimizer.build(model.autoencoder.trainable_variables)
    again = pcnn.LatentPrior.from_config(model.get_config())
    again.set_weights(model.get_weights())
    again.save(tmp_path / "after.keras")
    sizes = [(tmp_path / name).stat().st_size for name in ("before.keras", "after.keras")]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.02)


def test_it_costs_what_both_parts_cost(model):
    assert flop_per_image(model) == flop_per_image(model.autoencoder) + flop_per_image(model.prior)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: pcnn.LatentPrior(m.prior), "autoencoder must be a VectorQ.* got GatedPixelCNN"),
        (lambda m: pcnn.LatentPrior(m.autoencoder, orders=2), "orders must be 1: the codes"),
        (lambda m: pcnn.LatentPrior(m.autoencoder, condition=3), "condition must be None, Labels"),
        (lambda m: m.fit(np.zeros((1, 4, 6, 1), int)), "in two stages: call pcnnlib.train"),
        (lambda m: m.train_on_batch(np.zeros((1, 4, 6, 1), int)), "in two stages"),
        (lambda m: m.evaluate(np.zeros((1, 4, 6, 1), int)), "call pcnnlib.evaluate"),
        (lambda m: m.test_on_batch(np.zeros((1, 4, 6, 1), int)), "call pcnnlib.evaluate"),
        (lambda m: m.sample(1), r"condition is missing: .*Labels\(3, dropout=0.2\)"),
        (lambda m: m.sample(1, np.array([3])), r"labels 0\.\.2, or -1 for none, got 3"),
        (lambda m: m.sample(0, np.array([])), "n must be an integer >= 1, got 0"),
        (lambda m: m.sample(1, np.array([0]), keep=1), "keep must be left out: a LatentPrior"),
        (lambda m: m.sample(1, np.array([0]), order=1), "order must be left out"),
        (lambda m: m.sample(1, np.array([0]), order=False), "order must be left out"),
        (lambda m: m.sample(2, np.array([0, 0]), order=np.zeros(2, int)), "order must be left out"),
        (lambda m: m.sample(1, np.array([0]), draw="no"), "draw must be True or False, got 'no'"),
        (lambda m: m.sample(1, np.array([0]), return_codes=1), "return_codes must be True or F"),
        (
            lambda m: m.sample(1, np.array([0]), prior=pcnn.GatedPixelCNN((2, 3, 1), 4, 2, 1)),
            "prior must be .* of 300 levels, got one over .* of 4",
        ),
        (
            lambda m: m.sample(1, np.array([0]), prior=pcnn.GatedPixelCNN((2, 3, 1), 400, 2, 1)),
            "prior must be .* of 300 levels, got one over .* of 400",
        ),
        (lambda m: pcnn.LatentPrior(m.autoencoder, orders=np.array([1, 1])), "orders must be 1"),
        (lambda m: pcnn.LatentPrior(m.autoencoder, foo=3), "foo must be left out"),
        (lambda m: pcnn.LatentPrior(m.autoencoder, dtype="int32"), "dtype must be a type of flo"),
        (lambda m: m.as_dtype("x"), "dtype must be a type of floats"),
        *(
            (
                lambda m, order=order: m.log_likelihood(
                    np.zeros((1, 4, 6, 1), int), [0], order=order
                ),
                "order must be 0, got ",
            )
            for order in (False, 0.0, np.zeros(1, int), np.zeros((1, 2), int))
        ),
        *(
            (lambda m, look=look: look(m), "model must predict pixels, and a LatentPrior predicts")
            for look in (
                pcnn.check_causality,
                lambda m: pcnn.receptive_field(m, (0, 0)),
                lambda m: analysis.surprise(m, np.zeros((1, 4, 6, 1), int)),
                lambda m: analysis.changed_predictions(m, np.zeros((1, 4, 6, 1), int), [0], [1]),
            )
        ),
        (
            lambda m: analysis.code_usage(m, np.zeros((2, 4, 6, 1), int)),
            "model must be a PixelCNNAutoencoder, got LatentPrior",
        ),
        (lambda m: m.sample(1, np.array([0]), guidance=-1), "guidance must be"),
        (lambda m: latent().sample(1, guidance=2), "guidance must be 1 for a model without labels"),
        (lambda m: m.decode(np.full((1, 2, 3, 1), 300)), r"levels 0\.\.299, got 300\.\.300"),
        (lambda m: m.log_likelihood(np.full((1, 4, 6, 1), 5), [0]), r"levels 0\.\.4, got 5"),
        (
            lambda m: pcnn.evaluate(
                m, pcnn.Split(np.zeros((1, 4, 6, 1), int), np.zeros(1, int)), order=1
            ),
            "order must be 0, got 1",
        ),
        (lambda m: pcnn.export_html(m, "page.html"), "model must be a GatedPixelCNN"),
        (lambda m: m.export("program"), "export model.autoencoder and model.prior"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(model, call, message):
    with pytest.raises(UsageError, match=message) as raised:
        call(model)
    assert "\n" not in str(raised.value)


def test_both_parts_compute_in_another_dtype_with_the_same_weights(model):
    other = model.as_dtype("mixed_bfloat16")
    parts = (other, other.autoencoder, other.prior)
    assert {part.compute_dtype for part in parts} == {"bfloat16"}
    for a, b in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    again = other.as_dtype("float32")
    assert {p.compute_dtype for p in (again, again.autoencoder, again.prior)} == {"float32"}
