"""Figures of what images cost in bits, and of how bits become one number."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, check_int
from pcnnlib.viz import checks
from pcnnlib.viz.images import to_rgb
from pcnnlib.viz.style import INK, QUIET, SERIES, WIDTH, Picture, new_figure, styled

LONGEST = 8  # symbols of which intervals are still seen


@styled
def bits_of_pixels(images: ArrayLike, bits: ArrayLike, levels: int) -> Picture:
    """Images, and below each what its pixels cost, all on one scale.

    Args:
        images: levels `(n, H, W, C)`.
        bits: `(n, H, W)`, of each pixel; the sum stands below.
        levels: K.

    Returns:
        `Picture`.

    Raises:
        UsageError: no images, shapes that disagree, or values that are no levels.
    """
    images = checks.check_images("images", images, levels)
    bits = checks.check_array("bits", bits, images.shape[:3])
    if bits.min() < 0:
        raise UsageError(f"bits must be at least 0, got {bits.min()}")
    n, (height, width) = len(images), images.shape[1:3]
    side = min(2.0, WIDTH / (n + 0.5))
    figure = new_figure(min(WIDTH, side * n + 1.0), 2 * side * height / width + 0.5)
    panels = np.asarray(figure.subplots(2, n, squeeze=False))
    largest = max(float(np.max(bits)), 1e-9)
    for k, (above, below) in enumerate(panels.T):
        above.imshow(to_rgb(images[k : k + 1], levels)[0], interpolation="none")
        shown = below.imshow(bits[k], cmap="cividis", vmin=0, vmax=largest, interpolation="none")
        unit = " bits" if side > 0.6 else ""  # many images leave room for the number alone
        below.annotate(
            f"{np.sum(bits[k]):.0f}{unit}",
            (0.5, 0),
            (0, -4),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=8 if n <= 12 else 6,
        )
        for axes in (above, below):
            axes.set_axis_off()
    bar = figure.colorbar(shown, ax=panels.ravel().tolist(), shrink=0.8, label="bits per pixel")
    bar.outline.set_visible(False)
    return figure


@styled
def narrowing_intervals(counts: Sequence[int], symbols: Sequence[int]) -> Picture:
    """How a message narrows an interval: a row for each symbol, from the whole line downwards.

    Args:
        counts: how likely each symbol is, integers of at least 1.
        symbols: the message, at most eight of them.

    Returns:
        `Picture`; each row shows the interval that is left, cut in proportion to the counts, and
        the part that the next symbol takes is framed.

    Raises:
        UsageError: no counts or symbols, too many, or a symbol that has no count.
    """
    counts = [check_int("counts", n, 1) for n in checks.check_sequence("counts", counts)]
    symbols = [
        check_int("symbols", s, 0, len(counts) - 1)
        for s in checks.check_sequence("symbols", symbols)
    ]
    if not 1 <= len(symbols) <= LONGEST or len(counts) > len(SERIES):
        raise UsageError(
            f"symbols must be 1..{LONGEST} of 1..{len(SERIES)} kinds, "
            f"got {len(symbols)} of {len(counts)}"
        )
    shares = np.array(counts) / sum(counts)
    figure = new_figure(WIDTH, 0.42 * len(symbols) + 0.5)
    axes = figure.subplots()
    for row, symbol in enumerate(symbols):
        starts = np.concatenate([[0], np.cumsum(shares)])
        for k, share in enumerate(shares):
            taken = k == symbol
            axes.barh(
                row,
                share,
                left=starts[k],
                height=0.62,
                color=SERIES[k],
                alpha=1.0 if taken else 0.3,
                edgecolor=INK if taken else "none",
                lw=1.4,
            )
            if share > 0.04:
                middle = starts[k] + share / 2
                axes.text(middle, row, str(k), ha="center", va="center", fontsize=8, color=INK)
        if row + 1 < len(symbols):  # what was taken is the whole of the next row
            for x, below in ((starts[symbol], 0.0), (starts[symbol + 1], 1.0)):
                axes.plot([x, below], [row + 0.31, row + 0.69], color=QUIET, lw=0.8)
    axes.set_ylim(len(symbols) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_yticks(range(len(symbols)), [f"symbol {k + 1}" for k in range(len(symbols))])
    axes.set_xticks([])
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)
    return figure
