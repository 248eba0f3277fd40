"""The PixelCNN of 2016: its blind spot, and how its layers are counted."""

import numpy as np
import pytest
from support import plain

import pcnnlib as pcnn


def test_pixelcnn_is_blind_to_a_triangle_above_and_to_the_right():
    """Seen from the last row's middle: one column to the right per row up, and not a pixel more.

    With 3x3 kernels a path of allowed taps moves at most one column to the right for each row up.
    """
    model = plain((7, 7, 1), blocks=9, filters=8)
    report = pcnn.check_causality(model, images=6)
    for i, j in [(6, 3), (6, 0), (4, 2), (3, 5)]:
        row, column = np.mgrid[:7, :7]
        earlier = (row < i) | ((row == i) & (column < j))
        triangle = earlier & (column - j > i - row)
        np.testing.assert_array_equal(report.blind_to((i, j)), triangle, err_msg=str((i, j)))
    assert report.blind_to((6, 3)).sum() == 3  # two in the row above, one in the row above that


def test_a_wide_first_kernel_widens_what_pixelcnn_sees_but_keeps_the_blind_spot():
    model = plain((7, 7, 1), blocks=9, filters=8, first=5)
    report = pcnn.check_causality(model, images=6)
    row, column = np.mgrid[:7, :7]
    # One 5x5 tap, then 3x3 taps: one or two rows up, the first gains a column or none on them.
    reach = {0: 0, 1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 7}
    blind = np.array([[right > reach[6 - r] for right in range(7)] for r in range(7)])
    blind &= row < 6
    np.testing.assert_array_equal(report.blind_to((6, 0)), blind)
    assert blind.any()


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_blocks_count_the_first_convolution(blocks):
    """One row up for the first 3x3 kernel, and one for each block: `blocks` rows in all."""
    model = plain((5, 3, 1), blocks=blocks, filters=8)
    assert len(model.blocks) == blocks - 1
    seen = pcnn.receptive_field(model, at=(4, 1), images=8).any(axis=1)
    assert np.flatnonzero(seen)[0] == 4 - blocks
    assert model.get_config()["blocks"] == blocks


def test_number_of_weights_is_that_of_the_stored_windows():
    """One residual block, counted by hand: 3x3 kernels, F=4, one input channel."""
    model = pcnn.PixelCNN((4, 4, 1), filters=4, blocks=2, first_kernel_size=3)
    first = 2 * 3 * 1 * 4 + 4  # the rows down to the pixel's own; what it hides of it is masked
    block = (4 * 2 + 2) + (2 * 3 * 2 * 2 + 2) + (2 * 4 + 4)
    head = (4 * 4 + 4) + (4 * 1 + 1)
    assert model.count_params() == first + block + head
