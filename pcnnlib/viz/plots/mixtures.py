"""Figures of a pixel's distribution: a bell cut into bins, a mixture that is fitted, two compared.

K levels, M bells of a mixture.
"""

import itertools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, check_int, check_number
from pcnnlib.viz import checks
from pcnnlib.viz.style import (
    BLUE,
    INK,
    QUIET,
    SERIES,
    VERMILION,
    WIDTH,
    Picture,
    legend_below,
    legend_outside,
    new_figure,
    styled,
    words,
)

BEYOND = 4  # levels drawn beyond the first and the last one
LOWEST = 1e-9  # what a logarithmic axis of probabilities ends at, unless told otherwise


@styled
def bell_in_bins(probabilities: ArrayLike, mean: float, scale: float) -> Picture:
    """The density of a logistic, and the probability of each level: the area within its bin.

    Args:
        probabilities: of the levels 0 .. K-1, `(K,)`.
        mean, scale: of the logistic, in levels.

    Returns:
        `Picture`: a bar for each level, those of the first and the last in another colour, because
        they also hold all that lies beyond.

    Raises:
        UsageError: no probabilities, or a scale that is not above 0.
    """
    bars = checks.check_probabilities("probabilities", probabilities, ("K",))
    mean = check_number("mean", mean, -np.finfo(float).max)
    scale = checks.check_size("scale", scale)
    levels = np.arange(len(bars))
    figure = new_figure(WIDTH * 0.8, 2.7)
    axes = figure.subplots()
    ends = (levels == 0) | (levels == len(bars) - 1)
    for chosen, colour, label in (
        (~ends, BLUE, "probability of a level"),
        (ends, VERMILION, "with all that lies beyond"),
    ):
        axes.bar(levels[chosen], bars[chosen], 0.9, color=colour, alpha=0.55, label=label)
    x = np.linspace(-BEYOND, len(bars) - 1 + BEYOND, 600)
    z = np.abs(x - mean) / scale  # the density is symmetric, and this way nothing overflows
    density = np.exp(-z) / (scale * (1 + np.exp(-z)) ** 2)
    axes.plot(x, density, color=INK, label="density of the logistic")
    for edge in (0.5, len(bars) - 1.5):
        axes.axvline(edge, color=QUIET, lw=1, ls=":")
    axes.set_xlabel("level")
    axes.set_ylabel("probability, density")
    axes.set_ylim(0)
    legend_below(axes)
    return figure


@styled
def mixture_fits(share: ArrayLike, fits: dict) -> Picture:
    """A histogram, and mixtures that were fitted to it: a panel for each of them.

    Args:
        share: of each level in the data, `(K,)`.
        fits: dict of name -> probabilities `(K, M)` of the levels under each bell, weight included.

    Returns:
        `Picture`: bars for the data, a thin line for each bell, a thick one for their sum.

    Raises:
        UsageError: nothing to show, or shapes that disagree.
    """
    share = checks.check_probabilities("share", share, ("K",))
    fits = {
        name: checks.check_probabilities(f"fits[{name!r}]", fit, (len(share), "M"))
        for name, fit in checks.check_named("fits", fits, "name -> probabilities (K, M)").items()
    }
    columns = min(2, len(fits))
    rows = -(-len(fits) // columns)
    figure = new_figure(WIDTH, 1.7 * rows + 0.3)
    panels = np.atleast_1d(figure.subplots(rows, columns, sharex=True, sharey=True)).ravel()
    levels = np.arange(len(share))
    highest = max(share.max(), *(fit.sum(axis=1).max() for fit in fits.values()))
    for axes, (name, fit) in zip(panels, fits.items(), strict=False):
        axes.bar(levels, share, 0.9, color=QUIET, alpha=0.45, label="data")
        for bell, colour in zip(fit.T, itertools.cycle(SERIES[:-1]), strict=False):
            axes.plot(levels, bell, color=colour, lw=1)
        mixture = {"color": INK, "lw": 1.4, "drawstyle": "steps-mid", "label": "mixture"}
        axes.plot(levels, fit.sum(axis=1), **mixture)
        axes.set_title(words(name))
        axes.set_yticks([])
        axes.set_ylim(0, 1.1 * highest)
        axes.spines["left"].set_visible(False)
    for axes in panels[len(fits) :]:
        axes.set_axis_off()
    for axes in panels[: len(fits)][-columns:]:  # the last one of each column
        axes.set_xlabel("level")
        axes.tick_params(labelbottom=True)
    panels[0].legend(loc="upper left", fontsize=8)
    return figure


@styled
def log_probabilities(predictions: dict, actual: Any, *, lowest: float = LOWEST) -> Picture:
    """What several models predict of the three channels of one pixel, on a logarithmic axis.

    Args:
        predictions: dict of name -> probabilities `(3, K)`, of R, G and B.
        actual: three levels.
        lowest: where the axis ends; what is less likely lies below the panel.

    Returns:
        `Picture`: a panel for each channel, a line for each name; dotted: the actual level.

    Raises:
        UsageError: nothing to show, shapes that disagree, or an axis that ends outside of (0, 1).
    """
    predictions = checks.check_named("predictions", predictions, "name -> probabilities (3, K)")
    predictions = {
        name: checks.check_probabilities(f"predictions[{name!r}]", values, (3, "K"))
        for name, values in predictions.items()
    }
    last = min(values.shape[1] for values in predictions.values()) - 1
    actual = checks.check_sequence("actual", actual, 3)
    actual = [check_int("actual", level, 0, last) for level in actual]
    lowest = checks.check_size("lowest", lowest)
    if lowest >= 1:
        raise UsageError(f"lowest must be a number below 1, got {lowest!r}")
    figure = new_figure(WIDTH, 2.6)
    panels = figure.subplots(1, 3, sharey=True)
    for index, (axes, channel, level) in enumerate(zip(panels, "RGB", actual, strict=True)):
        for (name, values), colour in zip(
            predictions.items(), itertools.cycle(SERIES), strict=False
        ):
            # What rounds to 0 would leave a gap in the line: it lies below the panel too.
            shown = np.maximum(values[index], lowest / 1e3)
            axes.plot(np.arange(len(shown)), shown, color=colour, lw=1.3, label=words(name))
        axes.axvline(level, color=INK, lw=1, ls=":")
        axes.set_yscale("log")
        axes.set_ylim(lowest, 1)
        axes.grid(axis="y", color=QUIET, alpha=0.25, lw=0.6)
        axes.set_title(f"{channel} = {level}")
        axes.set_xlabel("level")
    panels[0].set_ylabel("probability")
    handles, labels = panels[0].get_legend_handles_labels()
    legend_outside(figure, handles, labels, columns=len(labels))
    return figure
