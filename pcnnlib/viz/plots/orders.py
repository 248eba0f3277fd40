"""A figure of the orders in which an image can be read."""

import numpy as np

from pcnnlib._internal.errors import check_int
from pcnnlib.nn.raster import ORDERS, raster_order
from pcnnlib.viz.style import ASIDE, LATER, SEEN, Picture, draw_cells, new_panels, paint, styled


@styled
def reading_orders(side: int = 4, orders: int = 8) -> Picture:
    """Orders side by side: in each pixel its turn, and filled those of the first half.

    Args:
        side: of the square image.
        orders: the first so many of `pcnnlib.nn.raster.ORDERS`.

    Returns:
        `Picture`.

    Raises:
        UsageError: an argument out of range.
    """
    side = check_int("side", side, 1, 12)
    orders = check_int("orders", orders, 1, len(ORDERS))
    figure, axes = new_panels(orders, 1.45, columns=4)
    for order, axis in enumerate(axes):
        turns = raster_order(side, side, order=order)
        first = turns < side * side / 2
        draw_cells(axis, paint([(LATER, ~first), (SEEN, first)]))
        for i, j in np.ndindex(side, side):
            ink = {"color": "#ffffff"} if first[i, j] else ASIDE
            place = {"ha": "center", "va": "center"}
            axis.text(j, i, str(turns[i, j] + 1), fontsize=7, **place, **ink)
        corner, way = ORDERS[order].split(", ")
        axis.set_title(f"{order}: {corner},\n{way}", fontsize=8)
    return figure
