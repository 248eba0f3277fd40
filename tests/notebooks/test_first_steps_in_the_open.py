"""The loss of chapter 1 and the masked convolution of chapter 2 are those of the library."""

import pathlib
import types

import jupytext
import numpy as np
import pytest
from support import random_images

import pcnnlib as pcnn
from pcnnlib.nn import masks
from pcnnlib.nn.layers import CausalConv2D

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "notebooks"


def run_cells(chapter, words, names):
    """Execute the cells that hold one of the words, in their order, as a reader would copy them."""
    cells = [c.source for c in jupytext.read(FOLDER / f"{chapter}.py").cells if c.source]
    chosen = [source for source in cells if any(word in source for word in words)]
    assert len(chosen) == len(words)
    for source in chosen:
        exec(source, names)
    return names


@pytest.mark.parametrize("levels", [2, 17])
def test_the_loss_of_chapter_1_is_the_librarys_and_a_step_lowers_it(levels):
    """On data of two levels too, as `make full` trains on."""
    images = random_images(64, (4, 4, 1), levels)
    images = np.minimum(images[:32], images[32:])  # to be learnt: low levels are likelier
    assert images.min() == 0 and images.max() > 0
    data = types.SimpleNamespace(image_shape=(4, 4, 1), levels=levels, train=pcnn.Split(images))
    names = {"data": data, "seed": 0, "filters": 8, "blocks": 2, "pcnn": pcnn}
    cells = ("def tiny_network", "def cost(", "def step(")
    run_cells("01_pixels_in_order", cells, names)
    after = float(names["cost"](images))
    assert after == pytest.approx(-names["tiny"].log_likelihood(images).mean(), rel=1e-5)
    before = float(-names["tiny_network"]().log_likelihood(images).mean())
    assert after < before


@pytest.mark.parametrize("letter", ["A", "B"])
def test_the_masked_convolution_of_chapter_2_is_the_librarys(letter):
    names = run_cells(
        "02_masking_and_blind_spots", ["def masked_convolution("], {"seed": 0, "masks": masks}
    )
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 6, 7, 1)).astype("float32")
    kernel = rng.normal(size=(5, 5)).astype("float32")
    layer = CausalConv2D(1, 5, stack="raster", mask_type=letter)
    layer(x)  # builds it
    layer.kernel.assign(kernel[: layer.mask.shape[0]].reshape(layer.kernel.shape))
    theirs = np.array(layer(x))
    mask = names["raster_mask"](5, own_pixel=letter == "B")
    ours = np.array(names["masked_convolution"](x, kernel, mask))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    other = names["raster_mask"](5, own_pixel=letter == "A")
    assert np.abs(names["masked_convolution"](x, kernel, other) - theirs).max() > 0.01
