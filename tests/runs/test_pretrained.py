"""Published weights and examples: the saved ones, or one line that says what is wrong."""

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
