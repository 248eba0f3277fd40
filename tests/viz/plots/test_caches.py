"""The figure of the cache shows what is kept, computed and forgotten."""

import pytest
from support_figures import Drawn

import pcnnlib as pcnn
from pcnnlib.viz import plots
from pcnnlib.viz.plots.caches import DONE
from pcnnlib.viz.style import BLUE, GREEN, HERE, LATER

PALETTE = {"kept": BLUE, "now": GREEN, "done": DONE, "later": LATER, "here": HERE}


@pytest.mark.parametrize(("kernel_size", "dilation", "rows"), [(3, 1, 1), (5, 1, 2), (3, 2, 2)])
def test_rows_and_columns_within_reach_are_kept(kernel_size, dilation, rows):
    at = (3, 2)
    figure = plots.kept_by_cache(5, 4, at, kernel_size=kernel_size, dilation=dilation)
    vertical, horizontal = figure.axes[:2]
    drawn = Drawn(figure)
    expected = [["done"] * 4 for _ in range(3 - rows)] + [["kept"] * 4 for _ in range(rows)]
    expected += [["now", "now", "here", "now"], ["later"] * 4]
    assert drawn.names(vertical, (5, 4), PALETTE) == expected
    left = ["done", "kept", "here", "later"] if rows == 1 else ["kept", "kept", "here", "later"]
    expected = [["done"] * 4 for _ in range(3)] + [left, ["later"] * 4]
    assert drawn.names(horizontal, (5, 4), PALETTE) == expected


def test_a_pixel_outside_is_refused():
    with pytest.raises(pcnn.UsageError, match="at"):
        plots.kept_by_cache(4, 4, (4, 0))
