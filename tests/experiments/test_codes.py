"""What is published of digits drawn from codes: each kind judged, and all figures from the rows."""

import codes
import numpy as np
import pytest
from support import random_images

import pcnnlib as pcnn
from pcnnlib import runs
from pcnnlib.data import Split

PUBLISHED = pytest.mark.skipif(
    codes.NAME not in runs.list_runs(), reason="not published: made by the script"
)


@pytest.fixture(scope="module")
def model():
    autoencoder = pcnn.VectorQuantizedAutoencoder(
        (4, 4, 1), 5, codes=6, code_size=2, filters=4, residual_blocks=0
    )
    labels = pcnn.Labels(2, dropout=0.5)
    return pcnn.LatentPrior(autoencoder, filters=4, blocks=1, condition=labels)


@pytest.fixture(scope="module")
def test_split():
    return Split(random_images(12, (4, 4, 1), 5), np.arange(12) % 2)


def test_every_kind_is_drawn_in_the_classes_asked_for(model, test_split, monkeypatch):
    monkeypatch.setattr(codes, "GUIDANCE", (3.0,))
    monkeypatch.setattr(codes, "TEMPERATURE", (0.5,))
    made, counts = codes.kinds(model, test_split, 3)
    names = ["real", "reconstructed", "uniform", "frequency", "prior", "argmax"]
    assert list(made) == [*names, "guidance 3", "temperature 0.5"]
    for images, classes in made.values():
        assert classes.tolist() == [0, 0, 0, 1, 1, 1] and images.shape == (6, 4, 4, 1)
    assert np.array_equal(made["real"][0], test_split.images[[0, 2, 4, 1, 3, 5]])
    assert counts.sum() == 12 * 4 and len(counts) == 6
    # The argmax is one image for each class.
    assert len(np.unique(made["argmax"][0], axis=0)) <= 2


def test_spread_is_the_variance_within_classes():
    images = np.array([0, 4, 1, 1], "uint8").reshape(4, 1, 1, 1)
    found = codes.spread(images, np.array([0, 0, 1, 1]), 5)
    assert found.tolist() == [0.5, 0.5, 0, 0]  # the variance of 0 and 1, of two numbers, is 1/2


def test_the_record_has_a_row_for_each_image(model, test_split, monkeypatch):
    monkeypatch.setattr(codes, "SHOWN", 4)
    made = {
        "a": (test_split.images[:2], np.array([0, 1])),
        "b": (test_split.images[:4], np.array([0, 0, 1, 1])),
    }
    seen = np.array([0, 0, 0, 1, 1, 1])
    arrays, fields = codes.record(made, seen, np.array([3, 0, 1]), test_split, model)
    assert fields["recognised"] == {"a": 0.5, "b": 0.75} and fields["codes_used"] == 2
    assert arrays["kind"].tolist() == [0, 0, 1, 1, 1, 1]
    assert arrays["asked"].tolist() == [0, 1, 0, 0, 1, 1]
    assert np.array_equal(arrays["test"], test_split.images[[0, 2, 1, 3]])
    off = (model.autoencoder.reconstruct(test_split.images) / 4.0 - test_split.images / 4.0) ** 2
    assert fields["squared_error"] == pytest.approx(off.mean())


@PUBLISHED
def test_what_is_published_belongs_to_the_published_weights():
    run, arrays = runs.read_run(codes.NAME), runs.read_examples(codes.NAME)
    for name, checksum in run["settings"]["weights"].items():
        assert runs.read_run(name)["weights"]["values_sha256"] == checksum
    right = arrays["recognised"] == arrays["asked"]
    for k, name in enumerate(run["kinds"]):
        rows = arrays["kind"] == k
        assert right[rows].mean() == pytest.approx(run["recognised"][name])
        assert len(set(np.bincount(arrays["asked"][rows]))) == 1  # of each class as many
    assert arrays["counts"].sum() == run["data"]["test"] * 49
    assert (arrays["counts"] > 0).sum() == run["codes_used"]
    assert len(arrays["test"]) == codes.SHOWN
