"""A VQ-VAE with two grids of codes, and the priors of both."""

import itertools

import keras
import numpy as np
import pytest
from support import random_images, shake

import pcnnlib as pcnn
from pcnnlib import UsageError
from pcnnlib.analysis import flop_per_image
from pcnnlib.nn.joint_conditions import LabelledMap

SMALL = {"filters": 4, "residual_blocks": 1, "code_size": 3, "code_grids": 2}


def autoencoder(shape=(4, 6, 1), levels=5, codes=300, **options):
    return pcnn.VectorQuantizedAutoencoder(shape, levels, codes, **{**SMALL, **options})


@pytest.fixture(scope="module")
def model():
    model = pcnn.LatentPrior(autoencoder(), 4, 2, condition=pcnn.Labels(3, dropout=0.2))
    # Not of what normalises: a variance is not below zero.
    rng = np.random.default_rng(2)
    for weight in model.autoencoder.trainable_weights:
        weight.assign(rng.normal(0, 1.5 / np.sqrt(np.prod(weight.shape[:-1])), weight.shape))
    shake(model.prior)
    shake(model.top_prior, 1)
    return model


@pytest.fixture(scope="module")
def images():
    return random_images(6, (4, 6, 1), 5)


LABELS = np.arange(6) % 3


def numbers(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.mark.parametrize(
    ("shape", "options", "expected"),
    [
        ((28, 28, 1), {}, ((4, 4, 1), (7, 7, 1))),
        ((32, 32, 3), {"levels": 256}, ((4, 4, 1), (8, 8, 1))),
        ((5, 9, 1), {}, ((2, 3, 1), (3, 5, 1))),
        ((1, 3, 1), {}, ((1, 2, 1), (1, 3, 1))),
        ((28, 30, 1), {"downsample": 1}, ((14, 15, 1), (28, 30, 1))),
    ],
)
def test_sizes_follow_from_the_image(shape, options, expected):
    made = autoencoder(shape, **options)
    assert made.code_shapes == expected and made.code_shape == expected[1]
    some = random_images(2, shape, made.levels)
    features = made.encoder(made.scale(some))
    maps, vectors = made.top(features)
    assert made.top.codes(features).shape == (2, *expected[0])
    assert maps.shape == vectors.shape == (2, *expected[1][:2], 3)
    assert made(some).shape[:3] == (2, *shape[:2])


@pytest.mark.both_backends
def test_the_bottom_is_encoded_given_the_top_and_pixels_are_decoded_from_both(model, images):
    """Recomputed step by step."""
    network = model.autoencoder
    top, bottom = network.encode(images)
    assert top.shape == (6, 1, 2, 1) and bottom.shape == (6, 2, 3, 1)
    assert top.dtype == bottom.dtype == "uint16"
    features = network.encoder(network.scale(images))
    vectors = numbers(network.top.encoder(features))
    distances = ((vectors[..., None, :] - numbers(network.top.quantizer.codebook)) ** 2).sum(-1)
    np.testing.assert_array_equal(top[..., 0], distances.argmin(-1))
    maps = network.decode_top(top)
    assert maps.shape == (6, 2, 3, 3) and maps.dtype == "float32"
    for given, same in ((maps, True), (np.zeros_like(maps), False)):
        vectors = numbers(network.top.bottom([features, keras.ops.convert_to_tensor(given)]))
        distances = ((vectors[..., None, :] - numbers(network.quantizer.codebook)) ** 2).sum(-1)
        assert (bottom[..., 0] == distances.argmin(-1)).all() == same
    vectors = numbers(network.quantizer.vectors(bottom))
    outputs = network.decoder(np.concatenate([vectors, maps], axis=-1))[:, :4, :6]
    parameters = network.distribution.parameters(outputs)
    logs = numbers(network.distribution.log_likelihood(parameters, images)).sum(axis=(1, 2))
    np.testing.assert_allclose(network.log_likelihood(images), logs, rtol=1e-4)

    def decoded(seed, codes):
        return network.decode(codes, draw=True, seed=seed)

    # What is drawn depends on both; on which pixels, the noise decides.
    for other in (((top + 1) % 300, bottom), (top, (bottom + 1) % 300)):
        assert any((decoded(k, (top, bottom)) != decoded(k, other)).any() for k in range(50))


@pytest.mark.both_backends
def test_a_step_of_training_moves_all_weights_and_both_codebooks():
    keras.utils.set_random_seed(0)
    network = autoencoder((8, 8, 1), 17, codes=7)
    network.compile(optimizer=keras.optimizers.SGD(0.001))
    some = random_images(16, (8, 8, 1), 17)
    before = {weight.path: np.array(weight) for weight in network.weights}
    found = network.train_on_batch(some, return_dict=True)
    still = [w.path for w in network.weights if (np.array(w) == before[w.path]).all()]
    assert still == []
    for grid, codes in (("", 16 * 16), ("top_", 16 * 4)):
        assert 1 <= found[f"{grid}perplexity"] <= found[f"{grid}codes_used"] <= min(7, codes)
    # Per image, nats and the distance of the vectors of both grids to their codes.
    loss = network.test_on_batch(some, return_dict=True)["loss"]
    features = network.encoder(network.scale(some))
    top = numbers(network.top.encoder(features))
    maps, bottom = network.top(features)
    commitment = sum(
        ((vectors - numbers(quantizer.vectors(quantizer.codes(vectors)))) ** 2).sum() / 16
        for vectors, quantizer in (
            (top, network.top.quantizer),
            (numbers(bottom), network.quantizer),
        )
    )
    nats = -numbers(network.distribution.log_likelihood(network(some), some)).sum() / 16
    assert commitment > 1 and loss == pytest.approx(nats + 0.25 * commitment, rel=1e-5)


@pytest.mark.both_backends
def test_the_top_is_drawn_first_and_the_bottom_given_it(model):
    images, (top, bottom) = model.sample(6, LABELS, seed=1, return_codes=True)
    assert top.shape == (6, 1, 2, 1) and bottom.shape == (6, 2, 3, 1)
    np.testing.assert_array_equal(images, model.autoencoder.decode((top, bottom)))
    # Each grid has noise of its own.
    seeds = [int(s) for s in np.random.SeedSequence(1).generate_state(3, np.uint64)]
    np.testing.assert_array_equal(top, model.top_prior.sample(6, LABELS, seed=seeds[0]))
    given = model.given_top(top, LABELS)
    np.testing.assert_array_equal(bottom, model.prior.sample(6, given, seed=seeds[1]))
    np.testing.assert_array_equal(bottom, drawn_by_hand(model, top, seeds[1], 1))
    other = model.prior.sample(6, model.given_top(top[::-1].copy(), LABELS), seed=seeds[1])
    assert (other != bottom).any()
    np.testing.assert_array_equal(images, model.sample(6, LABELS, seed=1, guidance=1))
    guided = model.sample(6, LABELS, seed=1, guidance=5, return_codes=True)[1]
    assert all((one != grid).any() for one, grid in zip(guided, (top, bottom), strict=True))
    np.testing.assert_array_equal(guided[1], drawn_by_hand(model, guided[0], seeds[1], 5))


def drawn_by_hand(model, top, seed, guidance):
    """Codes of the bottom drawn one by one from guided logits, each from the whole network."""
    rng = np.random.default_rng(seed)
    noise = rng.random((len(top), 2, 3, 1, model.prior.distribution.noise_per_channel), "float32")
    codes = np.zeros((len(top), 2, 3, 1), "int32")
    shown, hidden = (model.given_top(top, y) for y in (LABELS, np.full(6, -1)))
    for i, j in itertools.product(range(2), range(3)):
        with_label, without = (numbers(model.prior((codes, c))) for c in (shown, hidden))
        logits = without + guidance * (with_label - without)
        drawn = model.prior.distribution.sample(logits[:, i, j], noise[:, i, j], 1.0)
        codes[:, i, j] = numbers(drawn)
    return codes


@pytest.mark.both_backends
def test_the_bound_is_what_both_grids_and_the_pixels_cost(model, images):
    top, bottom = model.encode(images)
    parts = [
        model.top_prior.log_likelihood(top, LABELS),
        model.prior.log_likelihood(bottom, model.given_top(top, LABELS)),
        model.autoencoder.log_likelihood(images),
    ]
    for found, part in zip(model.log_likelihoods(images, LABELS), parts, strict=True):
        np.testing.assert_allclose(found, part)
    np.testing.assert_allclose(model.log_likelihood(images, LABELS), sum(parts))
    found = pcnn.evaluate(model, pcnn.Split(images, LABELS))
    nats = [-part.mean() for part in parts]
    assert found.nats_per_image == pytest.approx(sum(nats))
    assert found.nats_per_top_code == pytest.approx(nats[0] / 2)
    assert found.nats_per_bottom_code == pytest.approx(nats[1] / 6)
    assert found.nats_per_code == pytest.approx((nats[0] + nats[1]) / 8)
    parts = found.code_bits_per_dim + found.pixel_bits_per_dim
    assert parts == pytest.approx(found.bits_per_dim)
    text = f"{found.nats_per_top_code:.4f} nats each at the top and "
    assert text + f"{found.nats_per_bottom_code:.4f} at the bottom" in str(found)
    assert str(found).startswith("at most ")


def test_it_bounds_the_probability_of_all_codes_together():
    """Of one code above two, of two values: all eight of them."""
    network = autoencoder((2, 4, 1), 2, codes=2, downsample=2)
    model = pcnn.LatentPrior(network, 2, 1)
    shake(model.prior)
    shake(model.top_prior)
    grids = np.array(list(itertools.product(range(2), repeat=3)))
    top, bottom = grids[:, :1].reshape(8, 1, 1, 1), grids[:, 1:].reshape(8, 1, 2, 1)
    codes = model.top_prior.log_likelihood(top)
    codes += model.prior.log_likelihood(bottom, model.given_top(top))
    assert np.exp(codes).sum() == pytest.approx(1, abs=1e-5)  # a distribution of both together
    images = random_images(8, (2, 4, 1), 2)
    vectors = numbers(network.quantizer.vectors(bottom))
    outputs = network.decoder(np.concatenate([vectors, network.decode_top(top)], axis=-1))
    parameters = numbers(network.distribution.parameters(outputs))
    each = np.stack(
        [numbers(network.distribution.log_likelihood(p[None], images)) for p in parameters]
    ).sum(axis=(2, 3))
    each += codes[:, None]
    bound = model.log_likelihood(images)
    assert (bound < np.logaddexp.reduce(each)).all()
    own = [grid.reshape(8, -1) for grid in model.encode(images)]
    own = np.concatenate(own, axis=1) @ [4, 2, 1]
    np.testing.assert_allclose(bound, each[own, np.arange(8)], rtol=1e-4)


def test_it_is_saved_and_loaded_whole(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = pcnn.load_model(tmp_path / "model.keras")
    assert pcnn.models.architecture(loaded) == pcnn.models.architecture(model)
    assert loaded.condition == model.condition == loaded.top_prior.condition
    assert loaded.prior.condition == LabelledMap((2, 3, 3), 3, dropout=0.2)
    for mine, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_vector_reaches_both_grids(model, images):
    vectors = pcnn.LatentPrior(model.autoencoder, 4, 2, condition=pcnn.Vector(2))
    assert vectors.top_prior.condition == pcnn.Vector(2)
    assert vectors.prior.condition == pcnn.Map((2, 3, 5))
    rows = np.random.default_rng(0).normal(size=(6, 2))
    top = model.encode(images)[0]
    given = vectors.given_top(top, rows)
    np.testing.assert_array_equal(given[..., :3], model.autoencoder.decode_top(top))
    np.testing.assert_array_equal(given[:, 1, 2, 3:], rows.astype("float32"))


def test_one_grid_is_described_as_it_always_was(model):
    network = autoencoder(code_grids=1)
    assert "code_grids" not in network.get_config() and network.top is None
    assert len(network.code_shapes) == 1
    assert model.autoencoder.get_config()["code_grids"] == 2


def test_it_costs_what_its_parts_cost(model):
    parts = (model.autoencoder, model.top_prior, model.prior)
    assert flop_per_image(model) == sum(part.flop_per_image() for part in parts)


def prior_of(model, condition, **options):
    return pcnn.LatentPrior(model.autoencoder, 2, 1, condition=condition, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: autoencoder(code_grids=3), r"code_grids must be an integer 1\.\.2, got 3"),
        (lambda m: autoencoder(code_grids=0), r"code_grids must be an integer 1\.\.2, got 0"),
        (lambda m: autoencoder(code_grids=True), r"code_grids must be an integer 1\.\.2, got True"),
        (lambda m: autoencoder(code_grids="2"), "code_grids must be an integer"),
        (lambda m: autoencoder((4, 4, 1), downsample=4), "code_grids must be 1 for images .4, 4"),
        (lambda m: prior_of(m, pcnn.Map((2, 3, 1))), "a map of 2x3 cannot be brought to 1x2"),
        (lambda m: prior_of(m, pcnn.Map((1, 1, 1))), "None, Labels.n. or Vector.dim. beside a map"),
        (lambda m: prior_of(m, 3), "condition must be None, Labels"),
        (lambda m: prior_of(m, None, orders=2), "orders must be 1"),
        (lambda m: prior_of(m, None, inputs="scaled"), "inputs must be left out: it follows from"),
        (lambda m: m.sample(1, np.array([0]), prior=3), "prior must be a GatedPixelCNN .*, got 3"),
        (
            lambda m: m.sample(1, np.array([0]), prior=m.top_prior),
            "prior must be a GatedPixelCNN over the same codes",
        ),
        (lambda m: m.fit(np.zeros((1, 4, 6, 1), int)), "in three stages: call pcnnlib.train"),
        (lambda m: m.decode(np.zeros((1, 2, 3, 1), int)), r"\(top, bottom\), got one array"),
        (lambda m: m.decode((np.zeros((1, 2, 3, 1), int),)), "got 1 of them"),
        (lambda m: m.decode(np.zeros((2, 2, 3, 1), int)), "two grids, .top, bottom., got one arr"),
        (
            lambda m: m.decode((np.zeros((1, 2, 3, 1), int), np.zeros((1, 1, 2, 1), int))),
            r"top codes must have shape \(B, 1, 2, 1\), got \(1, 2, 3, 1\)",
        ),
        (
            lambda m: m.decode((np.zeros((1, 1, 2, 1), int), np.zeros((2, 2, 3, 1), int))),
            "as many at the top as at the bottom, got 1 and 2",
        ),
        (
            lambda m: m.decode((np.zeros((1, 1, 2, 1), int), np.full((1, 2, 3, 1), 300))),
            r"bottom codes must hold levels 0\.\.299, got 300\.\.300",
        ),
        (lambda m: m.given_top(np.zeros((1, 1, 2, 1))), "top codes must be integer levels"),
        (lambda m: m.given_top(np.zeros((1, 1, 2, 1), int)), "condition is missing"),
        (
            lambda m: m.given_top(np.zeros((1, 1, 2, 1), int), np.array([0, 1])),
            "condition must have 1 rows, one per image, got 2",
        ),
        (lambda m: autoencoder(code_grids=1).decode_top([0]), "an autoencoder with code_grids=2"),
        (lambda m: m.sample(1), r"condition is missing: .*Labels\(3, dropout=0.2\)"),
        (lambda m: m.sample(1, np.array([3])), r"labels 0\.\.2, or -1 for none, got 3"),
        (lambda m: m.sample(1, np.array([0]), seed=-1), "seed must be an integer >= 0, got -1"),
        (lambda m: m.sample(1, np.array([0]), seed=1.5), "seed must be an integer >= 0, got 1.5"),
        (lambda m: m.sample(1, np.array([0]), keep=1), "keep must be left out: a LatentPrior"),
        (lambda m: m.sample(1, np.array([0]), guidance=-1), "guidance must be"),
        (
            lambda m: prior_of(m, None).sample(1, guidance=2),
            "guidance must be 1 for a model without labels",
        ),
        (
            lambda m: prior_of(m, pcnn.Labels(3)).sample(1, np.array([0]), guidance=2),
            "guidance must be 1 for a model that always saw its label",
        ),
        (
            lambda m: pcnn.evaluate(
                m, pcnn.Split(np.zeros((1, 4, 6, 1), int), np.zeros(1, int)), order="mixture"
            ),
            "order must be 0, got 'mixture'",
        ),
        (lambda m: pcnn.export_html(m, "page.html"), "model must be a GatedPixelCNN"),
        (lambda m: pcnn.export_html(m.prior, "page.html"), "maps cannot be exported"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(model, call, message):
    with pytest.raises(UsageError, match=message) as raised:
        call(model)
    assert "\n" not in str(raised.value)
