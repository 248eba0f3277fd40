"""The nearest image is the nearest of all."""

import numpy as np
import pytest

from pcnnlib import UsageError, analysis


@pytest.mark.parametrize("levels", [2, 256])
def test_nearest_is_the_nearest_of_all(levels):
    rng = np.random.default_rng(0)
    images, among = (rng.integers(0, levels, (n, 3, 2, 1), "uint8") for n in (7, 23))
    among[20] = images[4]
    index, distance = analysis.nearest(images, among, batch_size=5)
    difference = images[:, None].astype(int) - among[None].astype(int)
    every = (difference**2).sum(axis=(2, 3, 4))
    np.testing.assert_array_equal(distance, every.min(axis=1))
    np.testing.assert_array_equal(index, every.argmin(axis=1))
    assert distance[4] == 0


def test_nearest_refuses_other_shapes_and_nothing():
    images = np.zeros((2, 3, 3, 1), "uint8")
    for among in (np.zeros((2, 3, 4, 1)), np.zeros((0, 3, 3, 1))):
        with pytest.raises(UsageError, match=r"among must be images .*\(M, 3, 3, 1\), got shape"):
            analysis.nearest(images, among)


@pytest.mark.parametrize("name", ["images", "among"])
@pytest.mark.parametrize("wrong", [np.full((2, 3, 3, 1), np.nan), np.full((2, 3, 3, 1), "a")])
def test_nearest_refuses_what_has_no_distance(name, wrong):
    right = np.zeros((2, 3, 3, 1), "uint8")
    with pytest.raises(UsageError, match=f"{name} must be finite numbers"):
        analysis.nearest(**{"images": right, "among": right, name: wrong})
