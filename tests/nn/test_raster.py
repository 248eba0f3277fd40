"""The order of generation, written down in one place."""

import itertools

import numpy as np
import pytest

from pcnnlib.nn.raster import before, raster_order


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (4, 1), (2, 3, 3), (3, 2, 1)])
def test_rows_come_before_columns_and_columns_before_channels(shape):
    """Against Python's own order of tuples: row first, then column, then channel."""
    order = raster_order(*shape)
    assert order.shape == shape
    positions = sorted(itertools.product(*map(range, shape)))
    assert [int(order[position]) for position in positions] == list(range(order.size))


def test_channels_of_a_pixel_follow_each_other():
    order = raster_order(2, 2, 3)
    np.testing.assert_array_equal(order // 3, np.repeat(raster_order(2, 2)[..., None], 3, axis=2))


@pytest.mark.parametrize("shape", [(1, 1), (3, 4)])
def test_before_holds_the_pixels_above_and_those_to_the_left(shape):
    row, column = np.indices(shape)
    for i, j in np.ndindex(shape):
        expected = (row < i) | ((row == i) & (column < j))
        got = before(shape, (i, j))
        assert got.dtype == bool
        np.testing.assert_array_equal(got, expected)
        # A list, as JSON has a pixel, means the same.
        np.testing.assert_array_equal(before(shape, [i, j]), expected)
