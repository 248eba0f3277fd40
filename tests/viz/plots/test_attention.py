"""Figures of attention show the tables and weights that they are given."""

import numpy as np
import pytest
from support_figures import Drawn

from pcnnlib import UsageError
from pcnnlib.nn.attention import visible_before
from pcnnlib.viz import plots
from pcnnlib.viz.style import LATER, SEEN


def test_a_table_of_sight_has_a_row_for_each_pixel_that_looks():
    table = visible_before(4)
    figure = plots.sight_tables({"mask": table, "nothing": np.zeros((2, 2), bool)})
    names = Drawn(figure).names(figure.axes[0], (4, 4), {"seen": SEEN, "not": LATER})
    assert names == [["seen" if sees else "not" for sees in row] for row in table]
    assert [axis.get_title() for axis in figure.axes] == ["mask", "nothing"]


def test_a_map_marks_ink_the_pixel_that_looks_and_the_largest_weight():
    image, weights = np.zeros((3, 4)), np.zeros((3, 4))
    image[0, 1] = image[2, 3] = 1
    weights[1, 2], weights[0, 1] = 0.6, 0.3
    figure = plots.attention_maps({"a": (image, weights, (2, 3))})
    (axis,) = figure.axes
    (ink,) = axis.lines
    assert sorted(zip(ink.get_ydata(), ink.get_xdata(), strict=True)) == [(0, 1), (2, 3)]
    (outline,) = axis.patches
    assert outline.get_xy() == (2.5, 1.5)
    cells = np.asarray(axis.images[0].get_array())
    scale = cells.shape[0] // 3
    alpha = cells[scale // 2 :: scale, scale // 2 :: scale, 3]
    assert np.unravel_index(alpha.argmax(), alpha.shape) == (1, 2)
    assert alpha[0, 1] > alpha[0, 0] and alpha[1, 2] == pytest.approx(1, abs=0.01)


def test_costs_show_each_seed_and_their_mean_at_their_price():
    figure = plots.costs({"a": [1.0, 3.0], "b": [4.0, 4.0]}, {"minutes": {"a": 2, "b": 5}})
    (axis,) = figure.axes
    dots, mean, _, other = (line.get_xydata().tolist() for line in axis.lines)
    assert dots == [[2, 1], [2, 3]] and mean == [[2, 2]] and other == [[5, 4]]
    with pytest.raises(UsageError, match="must name what nats names, a, got b"):
        plots.costs({"a": [1.0]}, {"minutes": {"b": 2}})
