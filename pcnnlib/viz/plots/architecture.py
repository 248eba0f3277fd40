"""Figures of masks, of the order of pixels and channels, and of the gate."""

from typing import Any

import numpy as np
from keras import ops
from matplotlib import patches

from pcnnlib._internal.errors import UsageError, check_int
from pcnnlib.nn import blocks, raster
from pcnnlib.viz import checks
from pcnnlib.viz.style import (
    ASIDE,
    BLUE,
    GREEN,
    INK,
    LATER,
    SEEN,
    SERIES,
    VERMILION,
    WIDTH,
    Picture,
    draw_cells,
    mark_pixel,
    new_figure,
    new_panels,
    paint,
    styled,
    words,
)


@styled
def raster_order(height: int, width: int, at: Any) -> Picture:
    """The order in which pixels are generated, and what is known when `at` has its turn."""
    height, width = check_int("height", height, 1), check_int("width", width, 1)
    at = checks.check_pixel("at", at, (height, width))
    figure = new_figure(0.42 * width + 0.1, 0.42 * height + 0.1, layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    order = raster.raster_order(height, width)
    before = raster.before((height, width), at)
    draw_cells(axes, paint([(LATER, ~before), (SEEN, before)]))
    mark_pixel(axes, at)
    for i, j in np.ndindex(height, width):
        axes.text(
            j,
            i,
            str(order[i, j] + 1),
            ha="center",
            va="center",
            fontsize=8,
            visible=(i, j) != at,
            **({"color": "#ffffff"} if before[i, j] else ASIDE),
        )
    return figure


@styled
def masks(kernels: dict) -> Picture:
    """Kernel masks side by side: taps that are used, taps that are hidden, the centre outlined.

    Args:
        kernels: dict of title -> array `(k, k)` or `(k, k, 1, 1)` of 0 and 1.

    Returns:
        `Picture`.

    Raises:
        UsageError: no kernels, or masks that are not square, of an odd size, and of 0 and 1.
    """
    kernels = {
        title: _links(f"kernels[{title!r}]", mask, ("k", "k"))
        for title, mask in checks.check_named("kernels", kernels, "title -> mask (k, k)").items()
    }
    for title, mask in kernels.items():
        if mask.shape[0] != mask.shape[1] or mask.shape[0] % 2 == 0:
            raise UsageError(
                f"kernels[{title!r}] must be of an odd size k, (k, k), got shape {mask.shape}"
            )
    figure, axes = new_panels(len(kernels), 1.45)
    for axis, (title, mask) in zip(axes, kernels.items(), strict=True):
        draw_cells(axis, paint([(LATER, ~mask), (SEEN, mask)]))
        centre = (mask.shape[0] - 1) / 2
        axis.add_patch(
            patches.Rectangle((centre - 0.5, centre - 0.5), 1, 1, fill=False, ec=INK, lw=1.6)
        )
        for i, j in np.ndindex(mask.shape):
            axis.text(
                j,
                i,
                str(int(mask[i, j])),
                ha="center",
                va="center",
                fontsize=8 if mask.shape[0] < 6 else 6.5,
                **({"color": "#ffffff"} if mask[i, j] else ASIDE),
            )
        axis.set_title(words(title))
    return figure


def _links(name: str, mask: Any, shape: tuple) -> np.ndarray:
    """A mask of 0 and 1, perhaps with two further axes of size 1, as bool."""
    if np.ndim(mask) == 4:
        mask = checks.check_array(name, mask, (*shape, 1, 1))[:, :, 0, 0]
    mask = checks.check_array(name, mask, shape)
    wrong = mask[~np.isin(mask, (0, 1))]
    if wrong.size:
        raise UsageError(f"{name} must be of 0 and 1, got {wrong[0]}")
    return mask.astype(bool)


def _groups(name: str, link: Any) -> tuple:
    """Links, the groups of their rows and the groups of their columns."""
    mask, rows, columns = checks.check_sequence(name, link, 3)
    mask = _links(f"{name}[0]", mask, ("I", "O"))
    rows = checks.check_sequence(f"{name}[1]", rows, mask.shape[0])
    columns = checks.check_sequence(f"{name}[2]", columns, mask.shape[1])
    return (
        mask,
        [check_int(f"each of {name}[1]", group, 0, 2) for group in rows],
        [check_int(f"each of {name}[2]", group, 0, 2) for group in columns],
    )


@styled
def channel_order(links: dict) -> Picture:
    """Which groups of features may feed which at the pixel's own place.

    Args:
        links: dict of title -> `(array (I, O) of 0 and 1, groups of I, groups of O)`; groups are
            ints, 0 for R, 1 for G, 2 for B.

    Returns:
        `Picture`: a row for each input, a column for each output, the group at their heads.

    Raises:
        UsageError: no links, links that are not of 0 and 1, or groups that are not 0, 1 or 2.
    """
    links = {
        title: _groups(f"links[{title!r}]", link)
        for title, link in checks.check_named("links", links, "title -> (array, I, O)").items()
    }
    figure, axes = new_panels(len(links), 2.1, columns=3)
    palette = dict(enumerate((VERMILION, GREEN, BLUE)))
    for axis, (title, (mask, rows, columns)) in zip(axes, links.items(), strict=True):
        draw_cells(axis, paint([(LATER, ~mask), (BLUE, mask)]))
        axis.set_axis_on()
        axis.xaxis.tick_top()  # first, because it replaces the labels
        axis.set_xticks(range(len(columns)), ["RGB"[g] for g in columns])
        axis.set_yticks(range(len(rows)), ["RGB"[g] for g in rows])
        for labels, groups in ((axis.get_xticklabels(), columns), (axis.get_yticklabels(), rows)):
            for label, group in zip(labels, groups, strict=True):
                label.set_color(palette[group])
                label.set_fontweight("bold")
        axis.tick_params(length=0, labelsize=8)
        axis.spines[:].set_visible(False)
        axis.set_title(words(title), pad=18)
    return figure


@styled
def gate(limit: float = 3.0) -> Picture:
    """The gate tanh(a) * sigmoid(b) of `pcnnlib.nn.blocks.gate`, as curves and as a map."""
    limit = checks.check_size("limit", limit)
    a = np.linspace(-limit, limit, 121, dtype="float32")
    figure = new_figure(WIDTH * 0.92, 2.7)
    left, right = figure.subplots(1, 2)
    for b, colour in zip((3, 1, 0, -1, -3), SERIES, strict=True):
        pairs = np.stack([a, np.full_like(a, b)], axis=-1)
        left.plot(a, ops.convert_to_numpy(blocks.gate(pairs)), color=colour, label=f"b = {b}")
    left.set_xlabel("a (features)")
    left.set_ylabel("tanh(a) · sigmoid(b)")
    left.legend(loc="upper left", fontsize=8)
    grid = np.stack(np.meshgrid(a, a), axis=-1)
    values = ops.convert_to_numpy(blocks.gate(grid))
    shown = right.imshow(
        values, cmap="RdBu_r", vmin=-1, vmax=1, origin="lower", extent=(-limit, limit) * 2
    )
    right.set_xlabel("a (features)")
    right.set_ylabel("b (gate)")
    bar = figure.colorbar(shown, ax=right, shrink=0.9)
    bar.outline.set_visible(False)
    return figure
