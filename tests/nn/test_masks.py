"""Masks against a plain enumeration of the order of generation."""

import numpy as np
import pytest

from pcnnlib import UsageError
from pcnnlib.nn import masks

KERNELS = {
    "raster": masks.raster_mask,
    "vertical": masks.vertical_mask,
    "horizontal": masks.horizontal_mask,
}


def comes_before(stack, mask_type, row, column, in_group, out_group):
    """Whether a tap may be seen, from the order of generation alone.

    A value's position is (row, column, group). The pixel predicted is (0, 0, out_group).
    """
    value, predicted = (row, column, in_group), (0, 0, out_group)
    if stack == "raster":
        return value < predicted if mask_type == "A" else value <= predicted
    if stack == "vertical":
        return row < 0 if mask_type == "A" else row <= 0
    in_row = value < predicted if mask_type == "A" else value <= predicted
    return row == 0 and in_row


def enumerated(stack, size, mask_type, in_groups, out_groups):
    half = size // 2
    mask = np.zeros((size, size, len(in_groups), len(out_groups)))
    for (row, column, i, o), _ in np.ndenumerate(mask):
        mask[row, column, i, o] = comes_before(
            stack, mask_type, row - half, column - half, in_groups[i], out_groups[o]
        )
    return mask


@pytest.mark.parametrize("channel_groups", [1, 2, 3])
@pytest.mark.parametrize("mask_type", ["A", "B"])
@pytest.mark.parametrize("size", [3, 5, 7])
@pytest.mark.parametrize("stack", KERNELS)
def test_taps_seen_are_those_generated_before(stack, size, mask_type, channel_groups):
    in_groups = masks.feature_groups(channel_groups, channel_groups)
    out_groups = masks.feature_groups(2 * channel_groups, channel_groups)
    mask = KERNELS[stack](size, mask_type, in_groups, out_groups)
    expected = enumerated(stack, size, mask_type, list(in_groups), list(out_groups))
    np.testing.assert_array_equal(mask, expected)
    assert mask.dtype == np.float32


@pytest.mark.parametrize("mask_type", ["A", "B"])
@pytest.mark.parametrize("size", [3, 5, 7])
def test_the_two_stacks_together_see_what_the_raster_mask_sees(size, mask_type):
    both = masks.vertical_mask(size, "A") + masks.horizontal_mask(size, mask_type)
    np.testing.assert_array_equal(both, masks.raster_mask(size, mask_type))


@pytest.mark.parametrize("channel_groups", [1, 2, 3])
@pytest.mark.parametrize("mask_type", ["A", "B"])
@pytest.mark.parametrize("size", [3, 5, 7])
@pytest.mark.parametrize("stack", KERNELS)
def test_window_holds_every_tap_and_no_empty_edge(stack, size, mask_type, channel_groups):
    order = masks.feature_groups(channel_groups, channel_groups)
    mask = KERNELS[stack](size, mask_type, order, order)
    box, (top, bottom, left, right) = masks.crop_to_taps(mask)
    half = size // 2
    rebuilt = np.zeros_like(mask)
    rebuilt[top + half : bottom + half + 1, left + half : right + half + 1] = box
    np.testing.assert_array_equal(rebuilt, mask)
    for edge in (box[0], box[-1], box[:, 0], box[:, -1]):
        assert edge.any()


def test_vertical_window_costs_six_taps_of_nine():
    box, kernel_extent = masks.crop_to_taps(masks.vertical_mask(3, "B"))
    assert box.shape[:2] == (2, 3)
    assert kernel_extent == (-1, 0, -1, 1)


def test_features_are_split_into_equal_runs():
    assert masks.feature_groups(6, 3).tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("size", [2, 4, 6])
def test_even_kernels_are_refused(size):
    for kernel in KERNELS.values():
        with pytest.raises(UsageError, match=f"kernel_size must be odd.*got {size}"):
            kernel(size, "A")


@pytest.mark.parametrize("size", [1, 0, -3, 3.0, "3", None, True, np.array([3, 5])])
def test_kernels_that_are_no_size_are_refused(size):
    with pytest.raises(UsageError, match="kernel_size must be"):
        masks.raster_mask(size, "A")


@pytest.mark.parametrize("mask_type", ["a", "C", None, 0])
def test_unknown_mask_types_are_refused(mask_type):
    for kernel in KERNELS.values():
        with pytest.raises(UsageError, match='mask_type must be "A" or "B"'):
            kernel(3, mask_type)


def test_features_that_do_not_divide_into_groups_are_refused():
    with pytest.raises(UsageError, match="multiple of the 3 channel groups, got 32"):
        masks.feature_groups(32, 3)
