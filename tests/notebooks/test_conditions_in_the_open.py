"""The conditioned block that chapter 5 writes in the open computes what the library computes."""

import pathlib

import jupytext
import keras
import numpy as np
import pytest
from keras import layers, ops

import pcnnlib as pcnn
from pcnnlib import minimal

CHAPTER = pathlib.Path(__file__).resolve().parents[2] / "notebooks" / "05_conditioning.py"


@pytest.fixture(scope="module")
def told_block():
    """The chapter's class, as a reader would copy it from its cell."""
    cells = jupytext.read(CHAPTER).cells
    (source,) = [cell.source for cell in cells if "class ToldBlock(" in cell.source]
    names = {"np": np, "keras": keras, "layers": layers, "minimal": minimal, "seed": 0}
    exec(source, names)
    return names["ToldBlock"]


@pytest.mark.both_backends
def test_the_block_of_chapter_5_is_the_librarys(told_block):
    rng = np.random.default_rng(0)
    model = pcnn.GatedPixelCNN((5, 6, 1), filters=4, blocks=3, condition=pcnn.Labels(3))
    theirs = model.blocks[1]
    for weight in theirs.weights:
        weight.assign(rng.normal(size=weight.shape))
    vertical, horizontal = rng.normal(size=(2, 3, 5, 6, 4)).astype("float32")
    told = ops.one_hot([2, 0, 1], 3)[:, None, None]
    ours = told_block(filters=4, size=3)
    ours(vertical, horizontal, told)  # builds it
    for name in ("vertical", "horizontal"):
        layer, window = getattr(ours, name), getattr(theirs, name)
        kernel = np.zeros(layer.kernel.shape, "float32")
        # The library stores no hidden tap.
        kernel[layer.mask[:, :, 0, 0] > 0] = ops.convert_to_numpy(window.kernel).reshape(
            -1, *kernel.shape[2:]
        )
        layer.kernel.assign(kernel)
        layer.bias.assign(window.bias)
    for name, other in (
        ("link", "link"),
        ("project", "project"),
        ("tell_above", "vertical_condition"),
        ("tell_left", "horizontal_condition"),
    ):
        getattr(ours, name).set_weights(getattr(theirs, other).get_weights())
    expected = theirs(vertical, horizontal, told)
    for found, wanted in zip(ours(vertical, horizontal, told), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-4)
    untold = ours(vertical, horizontal, 0 * told)[1]
    assert np.abs(np.asarray(untold) - np.asarray(expected[1])).max() > 0.1  # the label matters
