"""Codes as pixels: up to 65,536 levels, and a learned vector for each."""

import pathlib
import re

import keras
import numpy as np
import pytest
import reference
from support import gated, outputs, plain, random_condition

import pcnnlib as pcnn
from pcnnlib import UsageError, sampling
from pcnnlib.nn.embedding import LevelEmbedding
from pcnnlib.viz.live.export import pack

K = 512


def codes(n, shape=(4, 4, 1), levels=K, seed=0):
    values = np.random.default_rng(seed).integers(0, levels, (n, *shape))
    return values.astype("uint16" if levels > 256 else "uint8")


@pytest.fixture(scope="module")
def model():
    """512 codes, by default as vectors, told a class."""
    return gated(levels=K, condition=pcnn.Labels(3))


@pytest.mark.both_backends
def test_codes_are_read_in_order_alone_and_all_before_are_seen(model):
    report = pcnn.check_causality(model, images=1)
    assert report.causal
    # Both blocks reach 2 rows up and all columns near; the pixel next to the last is seen.
    assert report.influence[3, 2, 0, 3, 3, 0] and report.influence[2, 3, 0, 3, 3, 0]


@pytest.mark.both_backends
def test_codes_drawn_from_caches_are_those_of_the_whole_network(model):
    images, labels = codes(3), np.arange(3)
    whole = outputs(model, images, labels)
    seen = sampling.parameters(model, images, labels)
    np.testing.assert_allclose(seen, whole, atol=1e-4)  # float32, of logits of about ten
    drawn = model.sample(3, labels, seed=1)
    assert drawn.dtype == "uint16" and drawn.max() > 255
    np.testing.assert_array_equal(drawn, model.sample(3, labels, seed=1, method="full"))


def test_codes_are_completed(model):
    image, keep = codes(1)[0], np.zeros((4, 4), bool)
    keep[:2] = True
    drawn = model.sample(3, np.arange(3), seed=0, image=image, keep=keep)
    assert drawn.dtype == "uint16"
    np.testing.assert_array_equal(drawn[:, :2], np.broadcast_to(image[:2], (3, 2, 4, 1)))


def test_receptive_field_by_gradient_of_the_vectors_is_what_changes(model):
    seen = pcnn.receptive_field(model, at=(2, 2), images=2) > 0
    changed = pcnn.check_causality(model, images=2).seen_from((2, 2))
    np.testing.assert_array_equal(seen, changed)


def test_outside_the_image_there_is_no_code():
    """A vector of zeros, which no code has: a code at the edge is told from the padding."""
    embedding = gated(levels=5, inputs="embedding", embedding_size=3).embedding
    assert np.abs(np.asarray(embedding.vectors)).sum(axis=1).min() > 0


def test_colour_has_vectors_of_each_channel_and_they_are_read_in_order():
    model = gated((3, 3, 3), levels=5, inputs="embedding", embedding_size=2, blocks=2)
    images = codes(2, (3, 3, 3), 5)
    vectors = np.asarray(model.embedding.vectors).reshape(3, 5, 2)
    expected = np.stack([vectors[c, images[..., c]] for c in range(3)], axis=-2)
    scaled = np.asarray(model.scale_levels(images))
    np.testing.assert_array_equal(scaled, expected.reshape(2, 3, 3, 6))
    assert pcnn.check_causality(model, images=2).causal
    drawn = model.sample(3, seed=0)
    np.testing.assert_array_equal(drawn, model.sample(3, seed=0, method="full"))


@pytest.mark.parametrize(
    "options",
    [
        {"orders": 2, "condition": pcnn.Map((2, 2, 3))},
        {"dtype": "mixed_bfloat16", "condition": pcnn.Vector(2)},
    ],
    ids=["orders and a map", "mixed"],
)
def test_vectors_go_with_all_else_that_a_model_has(options):
    model = gated(levels=9, inputs="embedding", embedding_size=4, **options)
    condition = random_condition(model.condition, 2)
    order = {"order": [0, 1]} if model.orders > 1 else {}
    drawn, logs = model.sample(2, condition, seed=0, return_log_likelihood=True, **order)
    assert drawn.shape == (2, 4, 4, 1) and np.isfinite(logs).all()
    if "dtype" not in options:  # rounding to eight bits turns a draw
        full = model.sample(2, condition, seed=0, method="full", **order)
        np.testing.assert_array_equal(drawn, full)


@pytest.mark.both_backends
def test_trained_codes_are_saved_and_loaded(tmp_path):
    # Not shaken: what Adam moves must be seen.
    model = pcnn.GatedPixelCNN((3, 3, 1), levels=300, filters=4, blocks=1, first_kernel_size=3)
    before = np.array(model.embedding.vectors)
    images = codes(8, (3, 3, 1), 300)
    model.compile()
    model.fit(images, batch_size=8, epochs=1, verbose=0)
    seen = np.unique(images[:, :, :][:, :2])  # of which no row is below: they may be unseen
    moved = np.abs(np.asarray(model.embedding.vectors) - before).sum(axis=1) > 0
    assert moved[seen].any() and not moved[np.setdiff1d(np.arange(300), images)].any()
    model.save(tmp_path / "codes.keras")
    loaded = pcnn.load_model(tmp_path / "codes.keras")
    assert loaded.get_config() == model.get_config() and loaded.embedding_size == 32
    np.testing.assert_array_equal(loaded.log_likelihood(images), model.log_likelihood(images))


def test_shades_are_described_and_computed_as_ever():
    config = gated(levels=256).get_config()
    assert "inputs" not in config and "embedding_size" not in config
    assert gated(levels=257).get_config()["inputs"] == "embedding"
    again = pcnn.GatedPixelCNN.from_config(gated(levels=257, inputs="scaled").get_config())
    assert again.embedding is None
    model = gated(levels=K, inputs="scaled", blocks=2)
    images = codes(2)
    expected = reference.gated_model(model, images.astype(float))
    got = outputs(model, images)
    np.testing.assert_allclose(got, expected.reshape(got.shape), atol=10 * reference.TOLERANCE)


def test_the_most_levels_there_are_can_be_drawn():
    model = pcnn.GatedPixelCNN((2, 2, 1), levels=65_536, filters=2, blocks=1, embedding_size=2)
    drawn = model.sample(8, seed=0)
    assert drawn.dtype == "uint16" and drawn.max() > 32_767  # as int16 they would be below 0
    nats = -model.log_likelihood(drawn)
    # An untrained network holds all of them about equally likely.
    np.testing.assert_allclose(nats, 4 * np.log(65_536), rtol=0.2)


def test_plain_models_and_histograms_take_codes_too():
    images = codes(4)
    assert plain(levels=K).sample(2, seed=0).dtype == "uint16"
    histogram = pcnn.models.Histogram((4, 4, 1), K)
    assert histogram.sample(2, seed=0).dtype == "uint16"
    np.testing.assert_allclose(-histogram.log_likelihood(images), 16 * np.log(K))


def test_a_file_of_codes_is_a_data_set(tmp_path):
    path = tmp_path / "codes.npz"
    np.savez(path, x_train=codes(20), x_test=codes(5, seed=1))
    data = pcnn.load_dataset(path, levels=K)
    assert data.levels == K and data.train.images.dtype == "uint16"
    np.testing.assert_array_equal(data.test.images, codes(5, seed=1))
    with pytest.raises(UsageError, match=r"0\.\.255, got .*: give levels, \d+ or more, if these"):
        pcnn.load_dataset(path)
    with pytest.raises(UsageError, match=r"x_train must hold levels 0\.\.299, got"):
        pcnn.load_dataset(path, levels=300)
    with pytest.raises(UsageError, match=r"levels must be an integer 2\.\.65536, got 65537"):
        pcnn.load_dataset(path, levels=65_537)
    np.savez(path, x_train=codes(20).astype(int) - K, x_test=codes(5))
    with pytest.raises(UsageError, match=r"x_train must hold levels 0\.\.511, got -5"):
        pcnn.load_dataset(path, levels=K)
    np.savez(path, x_train=codes(20) / 2, x_test=codes(5))
    with pytest.raises(UsageError, match="x_train must hold integer levels, got float64"):
        pcnn.load_dataset(path, levels=K)


def test_the_books_examples_of_codes_run_as_written(tmp_path, monkeypatch):
    """From elsewhere, and in two grids."""
    page = pathlib.Path(__file__).parents[2] / "book" / "how_to_run.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.M)
    monkeypatch.chdir(tmp_path)
    labels = {"y_train": np.arange(20) % 4, "y_test": np.arange(5) % 4}
    np.savez("codes.npz", x_train=codes(20, (2, 3)), x_test=codes(5, (2, 3)), **labels)
    names: dict = {}
    smaller = {
        'inputs="embedding",': 'inputs="embedding", filters=8, blocks=2,',
        "codes=512,": "codes=8, filters=4, residual_blocks=1,",
        "LatentPrior(autoencoder,": "LatentPrior(autoencoder, 4, 2,",
        "epochs=20": "epochs=1, batch_size=500, optimizer='adam'",
    }
    assert len(blocks) == 2
    for block in blocks:
        for written, small in smaller.items():
            block = block.replace(written, small)
        exec(block, names)
    drawn = names["codes"]
    assert drawn.shape == (16, 2, 3, 1) and drawn.dtype == "uint16"
    assert [names[grid].shape for grid in ("top", "bottom")] == [(16, 2, 2, 1), (16, 4, 4, 1)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"levels": 65_537}, r"levels must be an integer 2\.\.65536, got 65537"),
        ({"levels": 257, "distribution": "logistic_mixture"}, "257: codes alone"),
        ({"inputs": "onehot"}, "inputs must be 'scaled' or 'embedding', got 'onehot'"),
        ({"inputs": True}, "inputs must be 'scaled' or 'embedding', got True"),
        ({"embedding_size": 8}, "embedding_size needs inputs=.embedding., got 8 with .scaled"),
        ({"inputs": "embedding", "embedding_size": 0}, "embedding_size must be an integer >= 1"),
        ({"inputs": "embedding", "embedding_size": 2.0}, "embedding_size must be an integer >= 1"),
        ({"inputs": "embedding", "embedding_size": 10**6}, "embedding_size must be at most"),
    ],
)
def test_models_of_codes_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(UsageError, match=message) as raised:
        pcnn.GatedPixelCNN((4, 4, 1), **{"levels": 8, "filters": 4, "blocks": 1, **arguments})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (codes(2).astype("int32") - K, r"hold levels 0\.\.511, got -\d+\.\.-\d"),
        (codes(2).astype("int32") + K, r"hold levels 0\.\.511, got 5\d+\.\.\d+"),
        (codes(2) / K, r"must be integer levels 0\.\.511, got float64"),
    ],
)
def test_codes_that_there_are_not_are_refused_at_every_door(images, message, model):
    labels = np.zeros(2, int)
    model.compile()
    doors = [
        lambda: model.log_likelihood(images, labels),
        lambda: model.fit((images, labels), verbose=0),
        lambda: model.evaluate((images, labels), verbose=0),
        lambda: model.predict((images, labels), verbose=0),
        lambda: model.train_on_batch((images, labels)),
        lambda: model.sample(2, labels, image=images, keep=np.ones((4, 4), bool)),
    ]
    for door in doors:
        with pytest.raises(UsageError, match=message):
            door()


def test_an_autoencoders_decoder_reads_shades():
    with pytest.raises(UsageError, match='inputs must be "scaled": the encoder reads the same'):
        pcnn.PixelCNNAutoencoder((4, 4, 1), 9, inputs="embedding")
    model = pcnn.PixelCNNAutoencoder((4, 4, 1), 300, filters=4, blocks=1, first_kernel_size=3)
    assert model.decoder.embedding is None
    assert type(model).from_config(model.get_config()).get_config() == model.get_config()


def test_a_page_refuses_codes(model):
    with pytest.raises(UsageError, match="model draws 512 codes, and a page can only show shades"):
        pack(model)


def test_what_is_no_level_gets_the_nearest_ones_vector():
    """A stream's levels are seen by the loss alone, which is NaN then: nothing may fail before."""
    embedding = LevelEmbedding(3, 2)
    embedding.build()
    values = keras.ops.convert_to_numpy(embedding(np.array([[[[-1], [0], [2], [7]]]])))
    np.testing.assert_array_equal(values[0, 0, 0], values[0, 0, 1])
    np.testing.assert_array_equal(values[0, 0, 3], values[0, 0, 2])
