"""Images come back as they were, in as few bytes as the model promises, or not at all."""

import dataclasses
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from support import MIXTURE, gated, plain, random_condition, random_images

import pcnnlib as pcnn
from pcnnlib import UsageError, codec, runs

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def small():
    return gated((4, 4, 1), levels=2)


@pytest.fixture(scope="module")
def compressed(small):
    images = small.sample(20, seed=0)
    return images, pcnn.compress(small, images)


CASES = {
    "bernoulli, labels": ((4, 3, 1), 2, {"condition": pcnn.Labels(3)}),
    "categorical, channels in the network": ((3, 3, 2), 5, {}),
    "mixture, channels in the distribution, vector": (
        (3, 4, 3),
        256,
        {**MIXTURE, "condition": pcnn.Vector(2)},
    ),
    "map, orders": ((4, 4, 1), 3, {"condition": pcnn.Map((2, 2, 1)), "orders": 8}),
}


@pytest.mark.both_backends
@pytest.mark.parametrize("case", CASES)
def test_images_and_condition_come_back(case):
    shape, levels, options = CASES[case]
    model = gated(shape, levels=levels, **options)
    n = 11
    images = random_images(n, shape, levels)
    condition = None if model.condition is None else random_condition(model.condition, n)
    order = np.arange(n) % model.orders
    data = pcnn.compress(model, images, condition, order=order, verify=False)
    found, rows = pcnn.decompress(model, data, return_condition=True)
    assert found.dtype == "uint8" and np.array_equal(found, images)
    assert (rows is None) == (condition is None)
    if rows is not None:
        assert np.array_equal(rows, np.asarray(condition, rows.dtype))
    file = codec.parse(data)
    assert (file.image_shape, file.levels, file.count) == (shape, levels, n)
    # In the order it was written in, a pixel costs what the whole network says.
    options = {"order": order} if model.orders > 1 else {}
    bits = -model.log_likelihood(images, condition, **options).sum() / np.log(2)
    assert -1 < 8 * len(file.payload) - bits <= 64


@pytest.mark.both_backends
def test_a_model_without_caches_is_as_good_a_coder():
    model = plain((3, 3, 2), levels=3, filters=8)
    images = random_images(5, (3, 3, 2), 3)
    assert np.array_equal(pcnn.decompress(model, pcnn.compress(model, images)), images)


@pytest.mark.both_backends
def test_a_file_is_as_long_as_the_likelihood_says(small):
    """Within half a per cent at enough images, several batches and a part of one."""
    images = small.sample(1300, seed=1)
    data = pcnn.compress(small, images, verify=False)
    file = codec.parse(data)
    bits = -small.log_likelihood(images).sum() / np.log(2)
    assert 0.999 < 8 * len(file.payload) / bits < 1.005
    assert len(file.batch_checksums) == 6 and file.batch_size == 217
    assert file.header_bytes < 400 and len(data) == file.header_bytes + len(file.payload)
    assert file.bits_per_dim == 8 * len(file.payload) / (1300 * 16)
    assert np.array_equal(pcnn.decompress(small, data), images)
    # What the model does not expect costs more.
    noise = random_images(1300, (4, 4, 1), 2)
    assert len(pcnn.compress(small, noise, verify=False)) > len(data)


def test_labels_take_their_logarithm_and_one_label_nothing():
    model = gated((3, 3, 1), levels=2, condition=pcnn.Labels(10))
    images = random_images(200, (3, 3, 1), 2)
    labels = np.arange(200) % 10
    file = codec.parse(pcnn.compress(model, images, labels, verify=False))
    assert 8 * len(file.condition) <= 200 * np.log2(10) + 72
    same = codec.parse(pcnn.compress(model, images, np.full(200, 3), verify=False))
    assert len(same.condition) == 5


def test_the_same_images_give_the_same_bytes(small, compressed):
    images, data = compressed
    assert pcnn.compress(small, images, verify=False) == data
    assert pcnn.compress(small, images.astype("int64"), order=None, verify=False) == data


def test_another_model_is_refused_before_it_is_run(compressed):
    _, data = compressed
    with pytest.raises(UsageError, match="compressed by another model: the fingerprint"):
        pcnn.decompress(gated((4, 4, 1), levels=2, seed=1), data)
    with pytest.raises(UsageError, match=r"of 2 levels, the model is for \(4, 4, 1\) of 3"):
        pcnn.decompress(gated((4, 4, 1), levels=3), data)
    with pytest.raises(UsageError, match=r"data holds images \(4, 4, 1\)"):
        pcnn.decompress(gated((4, 3, 1), levels=2), data)


def test_a_machine_that_rounds_otherwise_stops(small, compressed, monkeypatch):
    """With what is other there, and no image."""
    images, data = compressed
    exact = codec.integer_probabilities

    def otherwise(probabilities):
        return exact(probabilities * [1.0, 1.02])

    monkeypatch.setattr("pcnnlib.codec.images.integer_probabilities", otherwise)
    with pytest.raises(UsageError, match="all that the file says of its making is the same here"):
        pcnn.decompress(small, data)
    elsewhere = dataclasses.replace(
        codec.parse(data), environment={**codec.environment(), "keras": "3.0\x1b[2J", "\n": "a"}
    ).pack()
    with pytest.raises(UsageError, match=r"made with keras '3.0\\x1b\[2J', and here is") as caught:
        pcnn.decompress(small, elsewhere)
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)


def test_verification_finds_a_machine_that_does_not_repeat_itself(small, monkeypatch):
    images = random_images(6, (4, 4, 1), 2)
    exact = codec.integer_probabilities
    rng = np.random.default_rng(0)

    def noisy(probabilities):
        return exact(probabilities * rng.uniform(0.9, 1.0, probabilities.shape))

    monkeypatch.setattr("pcnnlib.codec.images.integer_probabilities", noisy)
    with pytest.raises(UsageError, match="data cannot be decoded here"):
        pcnn.compress(small, images)
    assert isinstance(pcnn.compress(small, images, verify=False), bytes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((2, 4, 4, 1))}, "images must be integer levels"),
        ({"images": np.full((2, 4, 4, 1), 2)}, "images must hold levels 0..1"),
        ({"images": np.zeros((0, 4, 4, 1), int)}, "at least one image, got none"),
        ({"images": np.zeros((2, 4, 5, 1), int)}, "images must have shape"),
        ({"condition": np.zeros(2, int)}, "condition must be None"),
        ({"order": 1}, "order must be 0"),
        ({"order": "mixture"}, "order must be 0"),
        ({"verify": 1}, "verify must be True or False"),
        ({"progress": "yes"}, "progress must be True or False"),
        ({"model": "mnist"}, "model must be one of this library, got str"),
    ],
)
def test_wrong_arguments_are_named(small, change, message):
    arguments = {"model": small, "images": np.zeros((2, 4, 4, 1), int), **change}
    with pytest.raises(UsageError, match=message):
        pcnn.compress(**arguments)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("file.pcnn", "data must be the bytes of a compressed file, got str"),
        (None, "got NoneType"),
        (b"", "data must begin with"),
        (b"\x89PNG....", "data must begin with"),
        (b"PCNN", "it ends after 4 bytes"),
        (b"PCNN\x02" + bytes(40), "format version 2, known is 1"),
    ],
)
def test_what_is_no_file_of_ours_is_named(small, data, message):
    with pytest.raises(UsageError, match=message):
        pcnn.decompress(small, data)


def test_an_autoencoder_and_a_diverged_model_are_refused():
    model = pcnn.PixelCNNAutoencoder((4, 4, 1), 2, code_size=2, filters=4, blocks=2)
    images = random_images(3, (4, 4, 1), 2)
    with pytest.raises(UsageError, match="compress by its decoder"):
        pcnn.compress(model, images)
    codes = model.encode(images)
    data = pcnn.compress(model.decoder, images, codes)
    found, rows = pcnn.decompress(model.decoder, data, return_condition=True)
    assert np.array_equal(found, images) and np.array_equal(rows, codes)
    diverged = gated((4, 4, 1), levels=2)
    diverged.set_weights([w * np.nan for w in diverged.get_weights()])
    with pytest.raises(UsageError, match="holds nan"):
        pcnn.compress(diverged, images)


def test_what_gives_a_bound_alone_is_refused():
    autoencoder = pcnn.VectorQuantizedAutoencoder(
        (4, 4, 1), 5, codes=8, code_size=2, filters=2, residual_blocks=1
    )
    for model in (autoencoder, pcnn.LatentPrior(autoencoder, 2, 1)):
        with pytest.raises(
            UsageError, match=f"{type(model).__name__} gives a bound: compress their"
        ):
            pcnn.compress(model, random_images(3, (4, 4, 1), 5))


def test_progress_counts_the_rows_of_each_batch(small, monkeypatch):
    counted = []

    class Bar:
        def __init__(self, target, unit):
            self.target, self.seen = target, 0
            counted.append(self)

        def add(self, n):
            self.seen += n

    monkeypatch.setattr("pcnnlib.codec.images.progress_bar", Bar)
    pcnn.compress(small, random_images(20, (4, 4, 1), 2), progress=True)
    assert [(bar.target, bar.seen) for bar in counted] == [(4, 4), (4, 4)]


WRITE = """
import sys, numpy as np
import pcnnlib as pcnn
name, results, images, out = sys.argv[1:]
model = pcnn.load_pretrained(name, results)
model = getattr(model, "decoder", model)
arrays = np.load(images)
condition = arrays["condition"] if "condition" in arrays else None
open(out, "wb").write(pcnn.compress(model, arrays["images"], condition, verify=False))
"""
# The published models that give images a probability.
PUBLISHED = [
    name
    for name in runs.list_runs()
    if "weights" in runs.read_run(name)
    and runs.read_run(name)["model"]["class"] not in ("DeconvolutionalAutoencoder", "LatentPrior")
]


@pytest.mark.slow
@pytest.mark.robustness
@pytest.mark.parametrize("name", PUBLISHED)
def test_another_process_decodes_each_published_model(name, tmp_path):
    model = pcnn.load_pretrained(name)
    images = runs.read_examples(name)["test"][:2]
    assert len(images) == 2
    arrays = {"images": images}
    if isinstance(model, pcnn.PixelCNNAutoencoder):
        arrays["condition"] = model.encode(images)
        model = model.decoder
    elif model.condition is not None:
        arrays["condition"] = np.array([3, 7])
    np.savez(tmp_path / "images.npz", **arrays)
    out = tmp_path / "images.pcnn"
    results = str(ROOT / "results")
    subprocess.run(
        [sys.executable, "-c", WRITE, name, results, tmp_path / "images.npz", out],
        check=True,
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        timeout=600,
    )
    found, rows = pcnn.decompress(model, out.read_bytes(), return_condition=True)
    assert np.array_equal(found, images)
    if rows is not None:
        assert np.array_equal(rows, arrays["condition"])
