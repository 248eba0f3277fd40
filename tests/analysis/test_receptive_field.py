"""The receptive field by gradient is the one seen by changing pixels."""

import numpy as np
import pytest
from support import gated, on_both, plain

import pcnnlib as pcnn
from pcnnlib import UsageError, analysis
from pcnnlib.nn.raster import raster_order


@pytest.mark.parametrize(("build", "blocks"), [(gated, 3), (plain, 4)])
@pytest.mark.parametrize("at", on_both([(4, 2), (0, 3), (2, 0)], "(4, 2)"))
def test_receptive_field_by_gradient_is_the_one_found_by_changing_pixels(build, blocks, at):
    model = build((5, 5, 1), levels=4, blocks=blocks, filters=8)
    field = pcnn.receptive_field(model, at=at, images=8)
    assert field.shape == (5, 5)
    assert (field >= 0).all()
    seen = pcnn.check_causality(model, images=8).seen_from(at)
    np.testing.assert_array_equal(field > 0, seen)


def test_receptive_field_of_colour_and_conditions():
    model = gated((4, 4, 3), levels=4, filters=12, blocks=3, condition=pcnn.Labels(3))
    field = pcnn.receptive_field(model, at=(2, 1))
    order = raster_order(4, 4)
    # Its own pixel counts: green sees red.
    assert (field[order <= order[2, 1]] > 0).any()
    assert not field[order > order[2, 1]].any()
    assert field[2, 1] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"at": (4, 0)}, r"at row must be an integer 0\.\.3, got 4"),
        ({"at": (0, -1)}, r"at column must be an integer 0\.\.3, got -1"),
        ({"at": (1.0, 0)}, "at row must be an integer"),
        ({"at": 3}, r"at must be \(row, column\), got 3"),
        ({"at": (1, 2, 3)}, r"at must be \(row, column\), got \(1, 2, 3\)"),
        ({"at": (0, 0), "seed": -1}, "seed must be an integer >= 0, got -1"),
        ({"at": (0, 0), "images": 0}, "images must be an integer >= 1, got 0"),
        ({"at": (0, 0), "condition": [0]}, "this model is unconditional"),
    ],
)
def test_receptive_field_refuses(arguments, message):
    with pytest.raises(UsageError, match=message):
        pcnn.receptive_field(gated(), **arguments)


def test_changed_features_stay_below_and_behind_the_changed_pixel():
    """Block by block: the vertical stack changes in rows below, the horizontal one behind too."""
    model = gated((5, 5, 1), levels=4, blocks=3, filters=8)
    vertical, horizontal = analysis.changed_features(model, (1, 2))
    assert vertical.shape == horizontal.shape == (3, 5, 5)
    row, column = np.mgrid[:5, :5]
    for block in range(3):
        # Each 3x3 layer reaches one row further down and one column further to both sides.
        far = (row - 1 <= block + 1) & (abs(column - 2) <= block + 1)
        np.testing.assert_array_equal(vertical[block], (row > 1) & far)
        along = (row == 1) & (column > 2) & (column - 2 <= block + 1)
        assert not (horizontal[block] & ~((row > 1) | along)).any()
        np.testing.assert_array_equal(horizontal[block][1], along[1])
    with pytest.raises(UsageError, match="at column must be"):
        analysis.changed_features(model, (0, 5))
