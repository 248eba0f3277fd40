"""Figures of a classifier: how sure it is, and what it takes images for."""

from typing import Any

import numpy as np

from pcnnlib._internal.errors import UsageError
from pcnnlib.viz import checks
from pcnnlib.viz.images import to_rgb
from pcnnlib.viz.style import BLUE, INK, QUIET, VERMILION, WIDTH, Picture, new_figure, styled, words

FILLED = 0.97  # of the width that an image has to itself


@styled
def reliability(calibration: Any) -> Picture:
    """A reliability diagram: how often a classifier is right where it is so sure, and where it is.

    Args:
        calibration: `pcnnlib.analysis.Calibration`.

    Returns:
        `Picture`. Above, accuracy against confidence; on the grey diagonal both are equal, and the
        whiskers are two standard errors of the accuracy. Below, the images in each bin.

    Raises:
        UsageError: what is no calibration.
    """
    if not hasattr(calibration, "expected_error"):
        raise UsageError(f"calibration must be a Calibration, got {type(calibration).__name__}")
    images, edges = calibration.images, calibration.edges
    full = images > 0
    sure, right, n = calibration.confidence[full], calibration.accuracy[full], images[full]
    figure = new_figure(WIDTH * 0.75, 4.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.plot([0, 1], [0, 1], color=QUIET, lw=1)
    error = 2 * np.sqrt(right * (1 - right) / n)
    ends = np.minimum(error, right), np.minimum(error, 1 - right)  # no share is outside of 0..1
    upper.errorbar(sure, right, yerr=ends, fmt="o", color=BLUE, ms=5, capsize=3)
    upper.set_ylim(-0.03, 1.08)
    upper.set_ylabel("accuracy")
    upper.grid(color=QUIET, alpha=0.25, lw=0.6)
    # Nearly all images are in the last bin: counts are read, heights compare their magnitudes.
    lower.bar(edges[:-1], images, np.diff(edges), align="edge", color=BLUE, ec="none", alpha=0.5)
    lower.set_yscale("symlog", linthresh=1)
    lower.set_ylim(0, 30 * images.max())
    lower.set_yticks([])
    lower.minorticks_off()
    lower.spines["left"].set_visible(False)
    for left, width, count in zip(edges[:-1], np.diff(edges), images, strict=True):
        lower.text(
            left + width / 2, max(count, 0.5) * 1.6, f"{count:,}", ha="center", va="bottom", size=8
        )
    lower.set_ylabel("images")
    lower.set_xlabel("confidence: probability of the class that is named")
    lower.set_xlim(edges[0], edges[-1] + 0.02)  # a point at 1 is to be seen whole
    return figure


@styled
def judged_images(rows: dict, levels: int, *, ends: dict | None = None) -> Picture:
    """Images, and under each the class that a classifier sees in it, with its probability.

    Args:
        rows: dict of name -> `(images (n, H, W, C), probabilities (n, classes))`, equally many. A
            name may have several lines.
        levels: K.
        ends: dict of name -> `(first, last)`, two classes whose names are coloured in that row.

    Returns:
        `Picture`, a row for each name.

    Raises:
        UsageError: nothing to show, shapes that disagree, or what are no probabilities.
    """
    ends = {
        name: checks.check_sequence(f"ends[{name!r}]", pair, 2)
        for name, pair in checks.check_optional("ends", ends, "name -> (first, last)").items()
    }
    rows = checks.check_named("rows", rows, "name -> (images, probabilities)")
    pairs = {}
    for name, row in rows.items():
        images, probabilities = checks.check_sequence(f"rows[{name!r}]", row, 2)
        images = checks.check_images(f"images of rows[{name!r}]", images, levels)
        shape = (len(images), "classes")
        pairs[name] = (
            to_rgb(images, levels),
            checks.check_probabilities(f"probabilities of rows[{name!r}]", probabilities, shape),
        )
    n = len(next(iter(pairs.values()))[0])
    if any(len(images) != n for images, _ in pairs.values()):
        raise UsageError(f"every row must have {n} images, as the first has")
    labels = [words(name) for name in pairs]
    longest = max(len(line) for label in labels for line in label.split("\n"))
    margin = min(WIDTH / 3, 0.08 * longest + 0.1)
    cell = min(0.95, (WIDTH - margin) / n)
    narrow = cell < 0.6  # too narrow for a class beside its probability
    below = 0.38 if narrow else 0.24
    height, width = next(iter(pairs.values()))[0].shape[1:3]
    tall = FILLED * cell * height / width + below
    separator = "\n" if narrow else ": "
    total = (margin + n * cell, tall * len(pairs))
    figure = new_figure(*total, layout=None)
    for k, (name, (images, probabilities)) in enumerate(pairs.items()):
        first, last = ends.get(name, (None, None))
        bottom = total[1] - (k + 1) * tall + below
        middle = (bottom + (tall - below) / 2) / total[1]
        figure.text((margin - 0.1) / total[0], middle, labels[k], ha="right", va="center")
        for j, (image, row) in enumerate(zip(images, probabilities, strict=True)):
            left = margin + j * cell
            axes = figure.add_axes(
                (
                    left / total[0],
                    bottom / total[1],
                    FILLED * cell / total[0],
                    (tall - below) / total[1],
                )
            )
            large = image.repeat(4, axis=0).repeat(4, axis=1)
            axes.imshow(large, interpolation="none")
            axes.set_axis_off()
            seen = int(row.argmax())
            colour = {first: BLUE, last: VERMILION}.get(seen, INK)
            figure.text(
                (left + FILLED * cell / 2) / total[0],
                (bottom - 0.03) / total[1],
                f"{seen}{separator}{_percent(row[seen])}",
                ha="center",
                va="top",
                size=8,
                color=colour,
            )
    return figure


def _percent(share):
    """A probability below one is not shown as certainty."""
    return ">99%" if 0.995 <= share else f"{share:.0%}"
