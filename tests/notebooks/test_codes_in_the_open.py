"""Chapter 12 writes vector quantisation in the open: it computes what the library computes."""

import pathlib

import jupytext
import keras
import numpy as np
import pytest
from keras import ops

from pcnnlib.nn.quantize import VectorQuantizer

CHAPTER = pathlib.Path(__file__).resolve().parents[2] / "notebooks" / "12_codes.py"
# That of float32, in which both layers compute.
TOLERANCE = 1e-5
DECAY, BETA = 0.8, 0.4


@pytest.fixture(scope="module")
def chapter():
    """The chapter's functions, as a reader would copy them from its cells."""
    sources = [cell.source for cell in jupytext.read(CHAPTER).cells if cell.cell_type == "code"]
    names = {"np": np, "keras": keras, "ops": ops}
    for wanted in ("def nearest(", "def follow(codebook", "class Quantize("):
        (source,) = [source for source in sources if wanted in source]
        exec(source, names)
    return names


@pytest.fixture(scope="module")
def given():
    rng = np.random.default_rng(0)
    book, vectors = rng.normal(size=(6, 3)), rng.normal(size=(2, 4, 5, 3))
    return book.astype("float32"), vectors.astype("float32")


@pytest.fixture(scope="module")
def library(given):
    """The library's layer after one step, what it passed on, and the loss that it added."""
    book, vectors = given
    layer = VectorQuantizer(6, 3, decay=DECAY, beta=BETA, revive=0.0)
    layer.build(vectors.shape)
    layer.codebook.assign(book)
    return layer, np.asarray(layer(vectors, training=True)), float(layer.losses[0])


def test_the_nearest_code_and_the_codebook_of_numpy_are_the_librarys(chapter, given, library):
    book, vectors = given
    layer, passed_on, _ = library
    flat = vectors.reshape(-1, 3)
    numbers = chapter["nearest"](flat, book)
    np.testing.assert_allclose(book[numbers].reshape(vectors.shape), passed_on, atol=TOLERANCE)
    moved, use = chapter["follow"](book, np.ones(6), flat, DECAY)
    np.testing.assert_allclose(moved, layer.codebook, atol=TOLERANCE)
    np.testing.assert_allclose(use, layer.use, atol=TOLERANCE)
    assert np.abs(moved - book).max() > 100 * TOLERANCE  # it moved at all


@pytest.mark.both_backends
def test_the_layer_of_chapter_12_is_the_librarys(chapter, given, library):
    book, vectors = given
    layer, passed_on, loss = library
    ours = chapter["Quantize"](book, decay=DECAY, beta=BETA)
    np.testing.assert_allclose(ours(vectors, training=True), passed_on, atol=TOLERANCE)
    assert float(ours.losses[0]) == pytest.approx(loss, rel=TOLERANCE)
    np.testing.assert_allclose(ours.codebook, layer.codebook, atol=TOLERANCE)
    np.testing.assert_allclose(ours.use, layer.use, atol=TOLERANCE)
    # And nothing moves where nothing is learnt.
    before = np.array(ours.codebook)
    ours(vectors)
    assert np.array_equal(ours.codebook, before)


@pytest.mark.both_backends
def test_the_gradient_of_the_code_arrives_at_the_vector(chapter, given):
    """A step of SGD tells the gradient on any backend: the weights are the vectors."""
    book, vectors = given
    quantize = chapter["Quantize"](book, beta=0.0)
    one = keras.Input((1,))
    makes = keras.layers.Dense(vectors[0].size, use_bias=False)
    outputs = quantize(keras.layers.Reshape(vectors.shape[1:])(makes(one)))
    network = keras.Model(one, outputs)
    makes.kernel.assign(vectors[0].reshape(1, -1))
    target = np.zeros((1, *vectors.shape[1:]), "float32")
    # Half of a sum of squares, whose gradient is the difference itself.
    network.compile(
        keras.optimizers.SGD(1.0), loss=lambda y, p: ops.sum((p - y) ** 2, axis=(1, 2, 3)) / 2
    )
    codes = book[chapter["nearest"](vectors[0].reshape(-1, 3), book)]
    network.train_on_batch(np.ones((1, 1), "float32"), target)
    arrived = vectors[0].reshape(-1, 3) - np.asarray(makes.kernel).reshape(-1, 3)
    np.testing.assert_allclose(arrived, codes, atol=TOLERANCE)


@pytest.mark.both_backends
def test_a_code_that_is_never_used_stays_where_it_is(chapter, given):
    """Its average use fades to 0, by which nothing can be divided."""
    book, vectors = given
    book = np.concatenate([book, np.full((1, 3), 99, "float32")])
    ours = chapter["Quantize"](book, decay=DECAY)
    ours.use.assign([1.0] * 6 + [0.0])
    ours(vectors, training=True)
    moved = np.array(ours.codebook)
    assert np.isfinite(moved).all() and (moved[-1] == 99).all()
    assert (moved[:-1] != book[:-1]).any()
