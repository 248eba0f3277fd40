"""Statistics of images: against images whose ink, slant and coarse version are known."""

import numpy as np
import pytest

from pcnnlib import UsageError
from pcnnlib.data import statistics


def stroke(slope, size=15, step=2):
    """A line of single pixels that moves `slope` columns to the right for every row upwards."""
    image = np.zeros((1, size, size, 1), "float32")
    for row in range(0, size, step):
        image[0, row, round(size // 2 + slope * (size // 2 - row)), 0] = 0.5
    return image


@pytest.mark.parametrize("slope", [-1.0, -0.5, 0.0, 0.5, 1.0])
def test_slant_is_the_slope_of_a_stroke_wherever_it_stands(slope):
    image = stroke(slope)
    # Half a step is rounded to a whole column.
    assert statistics.slant(image)[0] == pytest.approx(slope, abs=0.06)
    wider = np.pad(image, ((0, 0), (3, 0), (0, 4), (0, 0)))
    np.testing.assert_allclose(statistics.slant(wider), statistics.slant(image), atol=1e-9)


def test_image_without_height_has_no_slant():
    flat = np.zeros((2, 5, 5, 1))
    flat[1, 2] = 1
    np.testing.assert_array_equal(statistics.slant(flat), [0, 0])


def test_ink_is_the_mean():
    images = np.random.default_rng(0).random((3, 4, 5, 2))
    np.testing.assert_allclose(statistics.ink(images), [x.mean() for x in images])


def test_coarse_pixels_are_means_of_squares():
    images = np.random.default_rng(0).random((2, 4, 6, 3))
    coarse = statistics.coarse(images, 2)
    assert coarse.shape == (2, 2, 3, 3)
    for i, j in np.ndindex(2, 3):
        square = images[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].mean(axis=(1, 2))
        np.testing.assert_allclose(coarse[:, i, j], square, rtol=1e-6)
    np.testing.assert_allclose(statistics.coarse(images, 1), images, rtol=1e-6)


@pytest.mark.parametrize("block", [3, 0, 2.5])
def test_blocks_that_do_not_fit_are_refused(block):
    with pytest.raises(UsageError, match="block must"):
        statistics.coarse(np.zeros((1, 4, 4, 1)), block)
