"""Published weights and examples: the saved ones, or one line that says what is wrong."""

import zipfile

import numpy as np
import pytest
from support import outputs, random_images

import pcnnlib as pcnn
from pcnnlib import runs


@pytest.mark.parametrize("name", ["alone", "small/ours"])
def test_a_pretrained_model_is_the_saved_one(published, name):
    images = random_images(3, (4, 4, 1), 2)
    loaded = pcnn.load_pretrained(name)
    np.testing.assert_array_equal(outputs(loaded, images), outputs(published[1], images))


def test_a_run_without_weights_is_refused(published):
    with pytest.raises(pcnn.UsageError, match="run 'small/theirs' has no weights"):
        pcnn.load_pretrained("small/theirs")


def test_weights_that_are_not_those_published_are_refused(published):
    (published[0] / "alone" / "weights.keras").write_bytes(b"other")
    with pytest.raises(pcnn.UsageError, match="weights.keras is damaged: its checksum"):
        pcnn.load_pretrained("alone")


@pytest.mark.parametrize("weights", [None, "x", {}, {"sha256": None}])
def test_weights_without_a_checksum_are_refused(published, weights):
    run_dir = published[0] / "alone"
    runs.write_run(run_dir, runs.read_run("alone") | {"weights": weights})
    with pytest.raises(pcnn.UsageError, match="weights.keras is damaged"):
        pcnn.load_pretrained("alone")
    (run_dir / "weights.keras").unlink()
    with pytest.raises(pcnn.UsageError, match="weights.keras is missing"):
        pcnn.load_pretrained("alone")


@pytest.mark.parametrize("damage", ["empty", "cut", "foreign", "flipped"])
def test_examples_may_be_missing_but_not_damaged(published, damage):
    assert runs.read_examples("alone") == {}
    path = published[0] / "alone" / runs.EXAMPLES
    np.savez_compressed(path, test=np.random.default_rng(0).integers(0, 2, (9, 8, 8, 1)))
    whole = path.read_bytes()
    assert runs.read_examples("alone").keys() == {"test"}
    flipped = bytearray(whole)
    for at in range(60, 90):  # in the compressed stream
        flipped[at] ^= 0xFF
    contents = {"empty": b"", "cut": whole[:-40], "foreign": b"none", "flipped": bytes(flipped)}
    path.write_bytes(contents[damage])
    with pytest.raises(pcnn.UsageError, match="examples.npz cannot be read"):
        runs.read_examples("alone")


def declared(path, shape, descr="|u1"):
    """An archive whose array has a header of any shape, and four bytes."""
    header = str({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    magic = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("test.npy", magic + header + b"1234")


@pytest.mark.parametrize("shape", [(10**13, 4, 4, 1), (10**30,), (1,), (-1, 4), (2, 2, 10**19, 0)])
def test_examples_that_declare_another_size_than_they_have_are_refused(published, shape):
    declared(published[0] / "alone" / runs.EXAMPLES, shape)
    with pytest.raises(pcnn.UsageError, match="examples.npz cannot be read") as raised:
        runs.read_examples("alone")
    assert "\n" not in str(raised.value)


def test_examples_that_hold_python_objects_are_refused(published):
    path = published[0] / "alone" / runs.EXAMPLES
    np.savez(path, test=np.array([{}], dtype=object))
    with pytest.raises(pcnn.UsageError, match="Python objects, which are never loaded"):
        runs.read_examples("alone")


@pytest.mark.parametrize(
    "images", [np.zeros((3, 8, 8, 1), "uint8"), np.zeros((3, 16), int), np.zeros((3, 4, 4, 1))]
)
@pytest.mark.parametrize("key", ["test", "drawn", "nearest"])
def test_examples_of_another_shape_than_the_model_are_refused(published, key, images):
    run_dir = published[0] / "alone"
    runs.write_run(run_dir, runs.read_run("alone") | {"model": {"image_shape": [4, 4, 1]}})
    fit = {"test": np.zeros((2, 4, 4, 1), "uint8"), "test_distance": np.zeros(9)}
    np.savez(run_dir / runs.EXAMPLES, **fit)
    assert runs.read_examples("alone").keys() == fit.keys()
    np.savez(run_dir / runs.EXAMPLES, **{**fit, key: images})
    with pytest.raises(
        pcnn.UsageError, match=rf"{key} must hold integer images of \(4, 4, 1\), got"
    ):
        runs.read_examples("alone")
