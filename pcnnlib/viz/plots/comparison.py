"""Figures that compare numbers: models, variants, what was asked and what was drawn."""

import itertools
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, check_number
from pcnnlib.viz import checks
from pcnnlib.viz.style import (
    BLUE,
    QUIET,
    SERIES,
    VERMILION,
    WIDTH,
    Picture,
    draw_cells,
    ink_on,
    legend_below,
    new_figure,
    new_panels,
    paint,
    series_styles,
    styled,
    words,
    wrapped,
)

LONGEST_NAME = 45  # letters of a line beside an axis


@styled
def compare_likelihoods(likelihoods: dict, *, from_zero: bool = True) -> Picture:
    """Test likelihood of several models in bits/dim, with two standard errors to either side.

    Args:
        likelihoods: dict of model name -> `pcnnlib.Likelihood`, in the order to show.
        from_zero: whether the axis starts at 0; else it shows the differences between good models.

    Returns:
        `Picture`.

    Raises:
        UsageError: nothing to compare, or a likelihood that is not finite.
    """
    likelihoods = checks.check_named("likelihoods", likelihoods, "name -> Likelihood")
    for name, likelihood in likelihoods.items():
        bits = getattr(likelihood, "bits_per_dim", None)
        check_number(f"bits_per_dim of likelihoods[{name!r}]", bits, 0, open_below=True)
    figure = new_figure(WIDTH * 0.9, 0.36 * len(likelihoods) + 0.75)
    axes = figure.subplots()
    shown = [likelihood.bits_per_dim for likelihood in likelihoods.values()]
    for row, (_, likelihood) in enumerate(likelihoods.items()):
        bits = likelihood.bits_per_dim
        # A single image has no standard error.
        error = 2 * np.nan_to_num(likelihood.standard_error) * bits / likelihood.nats_per_image
        if from_zero:
            axes.plot([0, bits], [row, row], color=QUIET, lw=1, alpha=0.5)
        axes.errorbar(bits, row, xerr=error, fmt="o", color=SERIES[0], ms=6, capsize=3, lw=1.4)
        axes.annotate(
            f"{bits:.3f}", (bits + error, row), (7, 0), textcoords="offset points", va="center"
        )
    axes.set_yticks(range(len(likelihoods)), [wrapped(name, LONGEST_NAME) for name in likelihoods])
    axes.set_ylim(len(likelihoods) - 0.5, -0.5)
    if from_zero:
        axes.set_xlim(0, max(shown) * 1.12)
    else:
        axes.margins(x=0.35)
        axes.grid(axis="x", color=QUIET, alpha=0.25, lw=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.set_xlabel("test bits/dim (less is better)")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure


@styled
def differences(pairs: dict, *, x: str) -> Picture:
    """Differences from something, with two standard errors to either side.

    Args:
        pairs: dict of name -> `(difference, standard error)`, in the order to show.
        x: name of the axis.

    Returns:
        `Picture`. At the grey line there is no difference.

    Raises:
        UsageError: nothing to show, or numbers that are not finite.
    """
    pairs = {
        name: checks.check_array(f"pairs[{name!r}]", pair, (2,))
        for name, pair in checks.check_named("pairs", pairs, "name -> (difference, error)").items()
    }
    for name, (_, error) in pairs.items():
        check_number(f"standard error of pairs[{name!r}]", error, 0)
    figure = new_figure(WIDTH * 0.9, 0.36 * len(pairs) + 0.75)
    axes = figure.subplots()
    axes.axvline(0, color=QUIET, lw=1)
    for row, (value, error) in enumerate(pairs.values()):
        axes.errorbar(value, row, xerr=2 * error, fmt="o", color=SERIES[0], ms=6, capsize=3, lw=1.4)
        axes.annotate(
            f"{value:+.2f}",
            (value + 2 * error, row),
            (7, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_yticks(range(len(pairs)), [wrapped(name, LONGEST_NAME) for name in pairs])
    axes.set_ylim(len(pairs) - 0.5, -0.5)
    axes.margins(x=0.25)
    axes.grid(axis="x", color=QUIET, alpha=0.25, lw=0.6)
    axes.set_xlabel(words(x))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure


@styled
def lines(series: dict, *, x: str, y: str, reference: dict | None = None) -> Picture:
    """Numbers that depend on a number, one line for each name.

    Args:
        series: dict of name -> `(xs, ys)`, or `(xs, ys, standard errors)`: two of these are shown
            to either side.
        x, y: names of the axes.
        reference: dict of name -> y, drawn as horizontal dotted lines, or None.

    Returns:
        `Picture`.

    Raises:
        UsageError: nothing to show, rows that are not equally long, numbers that are not finite, or
            a negative error.
    """
    series = {
        name: _equally_long(f"series[{name!r}]", pair, with_errors=True)
        for name, pair in checks.check_named("series", series, "name -> (xs, ys)").items()
    }
    reference = checks.check_optional("reference", reference, "name -> y")
    for name, value in reference.items():
        check_number(f"reference[{name!r}]", value, -np.finfo(float).max)
    figure = new_figure(WIDTH * 0.8, 2.9)
    axes = figure.subplots()
    for (name, (xs, ys, *errors)), (colour, dots) in zip(
        series.items(), series_styles(), strict=False
    ):
        axes.plot(xs, ys, color=colour, label=words(name), **dots)
        for error in errors:
            axes.errorbar(xs, ys, 2 * error, fmt="none", ecolor=colour, elinewidth=1, capsize=2)
    for (name, value), style in zip(
        reference.items(), itertools.cycle((":", "--", "-.")), strict=False
    ):
        axes.axhline(value, ls=style, color=QUIET, lw=1.4, label=words(name))
    axes.set_xlabel(words(x))
    axes.set_ylabel(words(y))
    if all((xs % 1 == 0).all() for xs, *_ in series.values()):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color=QUIET, alpha=0.25, lw=0.6)
    legend_below(axes)
    return figure


@styled
def histograms(values: dict, *, x: str) -> Picture:
    """How numbers of several kinds are spread, one outline for each name.

    Args:
        values: dict of name -> `(n,)`.
        x: name of the axis.

    Returns:
        `Picture`.

    Raises:
        UsageError: nothing to show, or numbers that are not finite.
    """
    values = {
        name: checks.check_array(f"values[{name!r}]", numbers, ("n",))
        for name, numbers in checks.check_named("values", values, "name -> numbers").items()
    }
    figure = new_figure(WIDTH * 0.8, 2.5)
    axes = figure.subplots()
    bins = np.histogram_bin_edges(np.concatenate(list(values.values())), bins=20).tolist()
    for (name, numbers), colour in zip(values.items(), itertools.cycle(SERIES), strict=False):
        axes.hist(numbers, bins, color=colour, alpha=0.25)
        axes.hist(numbers, bins, color=colour, histtype="step", lw=1.4, label=words(name))
    axes.set_xlabel(words(x))
    axes.set_ylabel("images")
    legend_below(axes)
    return figure


@styled
def confusion(counts: ArrayLike, *, truth: str, judged: str) -> Picture:
    """How often each class was taken for each: a table whose diagonal is right.

    Args:
        counts: int `(classes, classes)`, `[true, judged]`.
        truth, judged: what the rows and the columns are.

    Returns:
        `Picture`.

    Raises:
        UsageError: counts that are no square of integers >= 0.
    """
    counts = checks.check_array("counts", counts, ("classes", "classes"), "integers")
    if counts.shape[0] != counts.shape[1] or counts.min() < 0:
        raise UsageError(
            f"counts must be integers >= 0 of shape (classes, classes), got shape {counts.shape} "
            f"and {counts.min()}"
        )
    n = len(counts)
    figure = new_figure(0.34 * n + 1.0, 0.34 * n + 0.7)
    axes = figure.subplots()
    right = np.eye(n, dtype=bool)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    colour = paint([(BLUE, right), (VERMILION, ~right)])
    # Even one mistake in a hundred is to be seen. Cells with a number are pale, but opaque: it is
    # read on them alone, whatever the page is.
    depth = 0.25 + 0.75 * shares[..., None]
    colour[..., :3] = np.where(counts[..., None] > 0, 1 - depth * (1 - colour[..., :3]), 0.5)
    colour[..., 3] = np.where(counts > 0, 1, 0.08)
    draw_cells(axes, colour)
    for i, j in zip(*np.nonzero(counts), strict=True):
        axes.text(
            j,
            i,
            str(counts[i, j]),
            ha="center",
            va="center",
            fontsize=7,
            color=ink_on(colour[i, j]),
        )
    axes.set_axis_on()
    axes.set_xticks(range(n)), axes.set_yticks(range(n))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(words(judged))
    axes.set_ylabel(words(truth))
    return figure


def _equally_long(name: str, rows: Any, *, with_errors: bool = False) -> tuple[np.ndarray, ...]:
    """Two rows of numbers, as many in each; with errors there may be a third, of numbers >= 0."""
    count = 3 if with_errors and isinstance(rows, (tuple, list)) and len(rows) == 3 else 2
    first, *others = checks.check_sequence(name, rows, count)
    first = checks.check_array(f"{name}[0]", first, ("n",))
    others = [
        checks.check_array(f"{name}[{k}]", row, (len(first),)) for k, row in enumerate(others, 1)
    ]
    if count == 3 and (others[1] < 0).any():
        raise UsageError(f"{name}[2] must be standard errors >= 0, got {others[1].min()}")
    return first, *others


@styled
def asked_and_measured(pairs: dict) -> Picture:
    """What was asked of each image against what was measured on it, a panel for each quantity.

    Args:
        pairs: dict of name -> `(asked (n,), measured (n,))`.

    Returns:
        `Picture`. On the grey diagonal both are equal.

    Raises:
        UsageError: nothing to show, or numbers that do not pair up or are not finite.
    """
    pairs = {
        name: _equally_long(f"pairs[{name!r}]", pair)
        for name, pair in checks.check_named("pairs", pairs, "name -> (asked, measured)").items()
    }
    figure, panels = new_panels(len(pairs), 2.6)
    for axes, (name, (asked, measured)) in zip(panels, pairs.items(), strict=True):
        axes.set_axis_on()
        ends = [min(np.min(asked), np.min(measured)), max(np.max(asked), np.max(measured))]
        axes.plot(ends, ends, color=QUIET, lw=1)
        axes.plot(asked, measured, "o", color=BLUE, ms=3, alpha=0.5, mew=0)
        axes.set_title(words(name))
        axes.set_xlabel("asked for")
        axes.set_ylabel("measured")
        axes.set_box_aspect(1)
    return figure


@styled
def code_space(
    codes: ArrayLike, labels: ArrayLike | None = None, *, names: Sequence[str] = ("1", "2")
) -> Picture:
    """Codes in two dimensions, each drawn as the digit that is its class.

    Args:
        codes: `(n, 2)`.
        labels: int `(n,)`, or None for dots.
        names: of the two axes.

    Returns:
        `Picture`.

    Raises:
        UsageError: shapes that disagree, or codes that are not finite.
    """
    codes = checks.check_array("codes", codes, ("n", 2))
    if labels is not None:
        labels = checks.check_array("labels", labels, (len(codes),), "integers")
    names = checks.check_sequence("names", names, 2)
    figure = new_figure(WIDTH * 0.75, WIDTH * 0.6)
    axes = figure.subplots()
    if labels is None:
        axes.plot(*codes.T, "o", color=BLUE, ms=3, mew=0)
    else:
        palette = matplotlib.colormaps["tab10"]
        for label in np.unique(labels):
            x, y = codes[labels == label].T
            axes.scatter(
                x,
                y,
                # The class can be read, not only guessed from its colour.
                marker=f"${label}$",
                s=26,
                color=palette(label % 10),
                lw=0,
            )
    axes.set_xlabel(words(names[0]))
    axes.set_ylabel(words(names[1]))
    return figure
