"""How a run is written: its record, its weights, and the images that a page needs."""

import dataclasses
import pathlib

import numpy as np
import pytest
from support import gated

import pcnnlib as pcnn
from pcnnlib import runs

CODED = {"code_size": 2, "filters": 4, "encoder_filters": (2, 2, 2)}


def autoencoder():
    return pcnn.PixelCNNAutoencoder((4, 4, 1), 2, blocks=2, first_kernel_size=3, **CODED)


def test_a_run_written_again_without_a_model_keeps_its_weights(published):
    run_dir = published[0] / "alone"
    runs.write_run(run_dir, runs.read_run("alone") | {"seed": 4})
    assert runs.read_run("alone")["seed"] == 4
    pcnn.load_pretrained("alone")
    assert sorted(path.name for path in run_dir.iterdir()) == [
        "README.md",
        "run.json",
        "weights.keras",
    ]


def test_a_run_that_cannot_be_written_leaves_the_older_one(published, monkeypatch):
    run_dir, model = published[0] / "alone", pcnn.load_pretrained("alone")
    before = {path.name: path.read_bytes() for path in run_dir.iterdir()}
    record, images = runs.read_run("alone"), {"test": np.zeros((1, 4, 4, 1), "uint8")}
    with pytest.raises(pcnn.UsageError, match="fields must be what JSON can hold: .*float32"):
        runs.write_run(run_dir, {**record, "note": np.float32(1)}, model, images)

    def full(self, *args, **kwargs):
        raise OSError("no space left")

    monkeypatch.setattr(pathlib.Path, "write_text", full)  # the record, the last of the files
    with pytest.raises(pcnn.UsageError, match=r"run.json cannot be written: no space left"):
        runs.write_run(run_dir, record, model, images)
    assert {path.name: path.read_bytes() for path in run_dir.iterdir()} == before
    pcnn.load_pretrained("alone")


def test_the_checksum_of_values_is_that_of_the_weights_alone(published):
    """Whatever the file looks like: the same for the same values, another for one changed."""
    saved = runs.read_run("alone")["weights"]
    model = pcnn.load_pretrained("alone")
    assert saved["values_sha256"] == runs.values_checksum(model)
    again = runs.write_run(published[0] / "again", {}, model)["weights"]
    assert again["values_sha256"] == saved["values_sha256"]
    weights = model.get_weights()
    weights[-1] = np.nextafter(weights[-1], np.float32(9), dtype="float32")
    model.set_weights(weights)
    assert runs.values_checksum(model) != saved["values_sha256"]


@pytest.mark.parametrize("kind", ["unconditional", "conditional", "autoencoder"])
def test_examples_are_what_a_page_needs_of_the_data(tiny_data, published, kind):
    options = {"condition": pcnn.Labels(3)} if kind == "conditional" else {}
    model = autoencoder() if kind == "autoencoder" else gated(**options)
    images = runs.examples(model, tiny_data, drawn=5, shown=4, seed=3)
    labels = [
        tiny_data.test.labels[(tiny_data.test.images == image).all(axis=(1, 2, 3))].tolist()
        for image in images["test"]
    ]
    assert all(k % 3 in possible for k, possible in enumerate(labels))
    runs.write_run(published[0] / "new", {"seed": 3}, model, images)
    kept = runs.read_examples("new")
    assert kept.keys() == images.keys()
    if kind != "autoencoder":
        again = model.sample(5, None if not options else [0, 1, 2, 0, 1], seed=3)
        np.testing.assert_array_equal(kept["drawn"], again[:4])
        for k in range(4):
            differing = (kept["drawn"][k] != tiny_data.train.images).sum(axis=(1, 2, 3))
            assert kept["drawn_distance"][k] == differing.min()
            np.testing.assert_array_equal(
                kept["nearest"][k], tiny_data.train.images[differing.argmin()]
            )
        assert len(kept["test_distance"]) == min(5, len(tiny_data.test))
        assert kept["copied_distance"].tolist() == [0] * 5


def test_a_copy_of_what_is_binarised_afresh_has_noise_of_its_own(tiny_data):
    grey = np.full(tiny_data.train.images.shape, 128, "uint8")
    train = dataclasses.replace(tiny_data.train, intensities=grey)
    data = dataclasses.replace(tiny_data, train=train)
    copied = runs.examples(gated(), data, drawn=9, shown=2)["copied_distance"]
    assert copied.shape == (9,) and copied.max() > 0


def test_speed_counts_training_images_and_a_third_of_those_validated(tiny_data):
    speed = runs.speed(gated(), tiny_data, [4.0, 2.0, 9.0], drawn=3)
    assert speed["seconds_per_epoch"] == 4
    images = len(tiny_data.train) + len(tiny_data.validation) / 3
    assert speed["images_per_second"] == pytest.approx(images / 4)
    assert speed["flop_per_image"] == 3 * pcnn.analysis.flop_per_image(gated())
    assert 0 < speed["drawn_per_second"] < 1e6


@pytest.mark.parametrize(
    "model", [autoencoder, lambda: pcnn.DeconvolutionalAutoencoder((4, 4, 1), 2, **CODED)]
)
def test_an_autoencoder_of_either_kind_can_be_published(tiny_data, model):
    model = model()
    assert runs.examples(model, tiny_data, shown=4).keys() == {"test"}
    assert runs.speed(model, tiny_data, [1.0], drawn=3)["drawn_per_second"] > 0
