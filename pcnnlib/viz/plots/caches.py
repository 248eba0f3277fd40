"""Figure of what the cached sampler keeps."""

from typing import Any

import numpy as np

from pcnnlib._internal.errors import check_int
from pcnnlib.nn.raster import before
from pcnnlib.viz import checks
from pcnnlib.viz.style import (
    BLUE,
    GREEN,
    LATER,
    Picture,
    colour_legend,
    draw_cells,
    mark_pixel,
    new_panels,
    paint,
    styled,
)

DONE = "#2b83c655"  # drawn, and out of reach of the kernels


@styled
def kept_by_cache(
    height: int, width: int, at: Any, *, kernel_size: int = 3, dilation: int = 1
) -> Picture:
    """What a block past the first keeps of its input while a pixel is drawn.

    Args:
        height, width: H and W of the image.
        at: `(i, j)`, the pixel that is drawn.
        kernel_size: odd int, of the block's kernels.
        dilation: of its kernels.

    Returns:
        `Picture` of two panels. Left, the vertical stack: the rows above that its kernel reaches.
        Right, the horizontal stack: the columns to the left, in the pixel's own row.

    Raises:
        UsageError: an argument out of range, or a pixel outside the image.
    """
    height, width = check_int("height", height, 1), check_int("width", width, 1)
    i, j = checks.check_pixel("at", at, (height, width))
    reach = (check_int("kernel_size", kernel_size, 1) // 2) * check_int("dilation", dilation, 1)
    rows, columns = np.indices((height, width))
    drawn = before((height, width), (i, j))
    above = (rows < i) & (rows >= i - reach)
    left = (rows == i) & (columns < j) & (columns >= j - reach)
    figure, axes = new_panels(2, 2.4, columns=2, legend=True)
    for axis, title, kept, row in (
        (axes[0], "vertical stack", above, rows == i),
        (axes[1], "horizontal stack", left, (rows == i) & (columns == j)),
    ):
        layers = [(LATER, np.ones_like(drawn)), (DONE, drawn), (GREEN, row), (BLUE, kept)]
        draw_cells(axis, paint(layers))
        mark_pixel(axis, (i, j))
        axis.set_title(title)
    meanings = {"kept": BLUE, "computed now": GREEN, "forgotten": DONE, "not drawn yet": LATER}
    colour_legend(figure, meanings)
    return figure
