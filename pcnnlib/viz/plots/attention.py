"""Figures of attention: who sees whom, where a pixel looks, and what a network costs."""

import itertools

import numpy as np
from matplotlib import patches
from matplotlib.ticker import MaxNLocator

from pcnnlib._internal.errors import UsageError, check_int, check_number
from pcnnlib.viz import checks
from pcnnlib.viz.style import (
    BLUE,
    INK,
    LATER,
    QUIET,
    SEEN,
    SERIES,
    Picture,
    colour_legend,
    draw_cells,
    new_panels,
    paint,
    styled,
    words,
)


@styled
def sight_tables(tables: dict) -> Picture:
    """Who sees whom: tables with a row for each predicted pixel and a column for each it may see.

    Args:
        tables: dict of title -> bool `(n, n)`, pixels in raster order.

    Returns:
        `Picture`.

    Raises:
        UsageError: no tables, or tables that are not square and bool.
    """
    tables = {
        title: checks.check_array(f"tables[{title!r}]", table, ("n", "n"), "bool")
        for title, table in checks.check_named("tables", tables, "title -> bool (n, n)").items()
    }
    figure, axes = new_panels(len(tables), 2.3, columns=3, legend=True)
    for axis, (title, table) in zip(axes, tables.items(), strict=True):
        if table.shape[0] != table.shape[1]:
            raise UsageError(f"tables[{title!r}] must be square, got shape {table.shape}")
        draw_cells(axis, paint([(LATER, ~table), (SEEN, table)]))
        axis.set_title(words(title))
    colour_legend(figure, {"row's prediction depends on column's pixel": SEEN, "does not": LATER})
    return figure


@styled
def attention_maps(looks: dict, *, columns: int = 6) -> Picture:
    """Where a pixel looks: what it takes from each pixel before it, over the image itself.

    Args:
        looks: dict of title -> `(image (H, W) of 0 and 1, weights (H, W), (i, j))`; the weights are
            those of the pixel `(i, j)`.
        columns: panels per row.

    Returns:
        `Picture`. The fuller the blue, the larger the weight, compared with the largest of the
        panel; grey dots are the ink of the image, the outlined pixel is the one that looks.

    Raises:
        UsageError: no looks, shapes that disagree, weights below 0, or a pixel outside the image.
    """
    looks = checks.check_named("looks", looks, "title -> (image, weights, (i, j))")
    columns = check_int("columns", columns, 1)
    figure, axes = new_panels(len(looks), 1.5, columns=columns)
    for axis, (title, look) in zip(axes, looks.items(), strict=True):
        image, weights, at = checks.check_sequence(f"looks[{title!r}]", look, 3)
        image = checks.check_array(f"looks[{title!r}][0]", image, ("H", "W"))
        weights = checks.check_array(f"looks[{title!r}][1]", weights, image.shape)
        at = checks.check_pixel(f"looks[{title!r}][2]", at, image.shape)
        if weights.min() < 0:
            raise UsageError(f"looks[{title!r}][1] must be at least 0, got {weights.min()}")
        colour = paint([(BLUE, np.ones(image.shape, bool))])
        colour[..., 3] = 0.06 + 0.94 * weights / max(float(weights.max()), 1e-30)
        draw_cells(axis, colour)
        rows, inked = np.nonzero(image)
        axis.plot(inked, rows, "o", color=QUIET, ms=3.5, mew=0)
        corner = (at[1] - 0.5, at[0] - 0.5)
        axis.add_patch(patches.Rectangle(corner, 1, 1, fill=False, ec=INK, lw=1.6))
        axis.set_title(words(title), fontsize=8)
    return figure


@styled
def costs(nats: dict, prices: dict) -> Picture:
    """Likelihood against what it costs: a panel for each price, a dot for each training.

    Args:
        nats: dict of name -> nats per image of each seed, `(seeds,)`.
        prices: dict of what is paid -> dict of the same names -> number.

    Returns:
        `Picture`. Less is better in both directions; a bar is the mean of the seeds.

    Raises:
        UsageError: nothing to show, names that disagree, numbers that are not finite, or a negative
            price.
    """
    nats = {
        name: checks.check_array(f"nats[{name!r}]", values, ("seeds",))
        for name, values in checks.check_named("nats", nats, "name -> nats of each seed").items()
    }
    prices = checks.check_named("prices", prices, "what is paid -> {name: number}")
    figure, axes = new_panels(len(prices), 3.2, columns=2, legend=True)
    palette = dict(zip(nats, itertools.cycle(SERIES), strict=False))
    for axis, (paid, by_name) in zip(axes, prices.items(), strict=True):
        by_name = checks.check_named(f"prices[{paid!r}]", by_name, "name -> number")
        if by_name.keys() != nats.keys():
            raise UsageError(
                f"prices[{paid!r}] must name what nats names, {', '.join(map(str, nats))}, "
                f"got {', '.join(map(str, by_name))}"
            )
        axis.set_axis_on()
        for name, values in nats.items():
            where = f"prices[{paid!r}][{name!r}]"
            price = float(checks.check_array(where, by_name[name], ()))
            check_number(where, price, 0)
            axis.plot([price] * len(values), values, "o", color=palette[name], ms=5, alpha=0.6)
            axis.plot([price], [values.mean()], "_", color=palette[name], ms=16, mew=2)
        axis.margins(0.15)
        axis.set_xlim(0, 1.08 * axis.get_xlim()[1])
        axis.xaxis.set_major_locator(MaxNLocator(nbins=4))
        axis.grid(color=QUIET, alpha=0.25, lw=0.6)
        axis.set_xlabel(words(paid))
        axis.set_ylabel("nats per image")
        axis.set_box_aspect(0.8)
    colour_legend(figure, {str(name): colour for name, colour in palette.items()})
    return figure
