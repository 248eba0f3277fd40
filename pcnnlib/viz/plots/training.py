"""Figures of losses and of times."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from pcnnlib._internal.errors import UsageError, check_int
from pcnnlib.viz import checks
from pcnnlib.viz.style import (
    QUIET,
    WIDTH,
    Picture,
    legend_below,
    new_figure,
    series_styles,
    styled,
    words,
)

LONGEST_WITHIN = 25  # letters of a name in a legend within the axes
MOST_TICKS = 10  # sizes that an axis names


@styled
def training_curves(
    histories: dict,
    *,
    unit: str = "nats",
    dims: int | None = None,
    against: str = "epoch",
    log: bool = False,
) -> Picture:
    """Validation loss (solid) and training loss (dotted) as training goes on.

    Args:
        histories: dict of name -> history, a dict of lists `loss` and, if there is one,
            `val_loss` (nats per image) and `seconds`.
        unit: "nats" per image, or "bits/dim", which needs `dims`.
        dims: values per image, H*W*C.
        against: "epoch" or "seconds" of training.
        log: whether the loss has a logarithmic axis.

    Returns:
        `Picture`.

    Raises:
        UsageError: unknown unit or axis; bits/dim without `dims`; a history that is empty, or has
            no number at all. A loss that is not finite leaves a gap.
    """
    if unit not in ("nats", "bits/dim") or against not in ("epoch", "seconds"):
        raise UsageError(
            'unit must be "nats" or "bits/dim" and against "epoch" or "seconds", '
            f"got {unit!r} and {against!r}"
        )
    if unit == "bits/dim" and dims is None:
        raise UsageError("bits/dim need dims, the values per image")
    factor = 1.0 if unit == "nats" else 1 / (check_int("dims", dims, 1) * math.log(2))
    histories = checks.check_named("histories", histories, "name -> history")
    curves = {name: _curves(name, history, against) for name, history in histories.items()}
    figure = new_figure(WIDTH * 0.85, 2.9)
    axes = figure.subplots()
    lowest, highest = np.inf, -np.inf
    for (name, (steps, loss, validation)), (colour, dots) in zip(
        curves.items(), series_styles(), strict=False
    ):
        loss = loss * factor
        solid = loss if validation is None else validation * factor
        if validation is not None:
            axes.plot(steps, loss, ":", color=colour, lw=1.4, **_dots(loss))
        axes.plot(steps, solid, color=colour, label=words(name), **dots)
        # The first epochs, far above the rest, would press the rest flat: above all those of the
        # training loss, a mean over weights that had just begun to learn.
        early = len(steps) // 8
        for curve, left_out in ((solid, early), (loss, min(max(early, 1), len(steps) - 1))):
            lowest = np.min(curve, where=np.isfinite(curve), initial=lowest)
            late = curve[left_out:]
            highest = np.max(late, where=np.isfinite(late), initial=highest)
    if log:
        if lowest <= 0:
            raise UsageError(f"log needs losses above 0, got {lowest:g}")
        axes.set_yscale("log")
    elif highest > lowest:
        axes.set_ylim(lowest - 0.08 * (highest - lowest), highest + 0.12 * (highest - lowest))
    axes.set_xlabel("epoch" if against == "epoch" else "seconds of training")
    axes.set_ylabel("nats per image" if unit == "nats" else "bits/dim")
    axes.grid(axis="y", color=QUIET, alpha=0.25, lw=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if against == "epoch" and all(len(steps) == 1 for steps, _, _ in curves.values()):
        axes.set_xlim(0, 2)  # of a narrower axis the ticks would be fractions of an epoch
    if any(validation is not None for _, _, validation in curves.values()):
        for name, style in {"validation": "-", "training": ":"}.items():
            axes.plot([], [], style, color=QUIET, label=name)
    # Too much to stand within the axes.
    if len(histories) > 2 or max(len(str(name)) for name in histories) > LONGEST_WITHIN:
        legend_below(axes)
    else:
        axes.legend(loc="best", ncols=2)
    return figure


def _dots(curve: np.ndarray) -> dict:
    """A number between two gaps is no line: such a curve is drawn with dots."""
    alone = np.isfinite(np.pad(curve, 1, constant_values=np.nan))
    return {"marker": "o", "ms": 2} if (alone[1:-1] & ~alone[:-2] & ~alone[2:]).any() else {}


def _curves(name: object, history: Any, against: str) -> tuple:
    """Steps, loss and validation loss (or None) of a history, as arrays of one length."""
    where = f"histories[{name!r}]"
    if not isinstance(history, Mapping) or "loss" not in history:
        raise UsageError(f"{where} must be a dict of lists with loss, such as History.history")
    loss = checks.check_array(f"{where}['loss']", history["loss"], ("epochs",), finite=False)

    def along(key):
        values = history.get(key)
        if values is None or len(values) == 0:
            return None
        return checks.check_array(f"{where}[{key!r}]", values, (len(loss),), finite=False)

    validation = along("val_loss")
    if not np.isfinite(loss if validation is None else validation).any():
        raise UsageError(f"{where} has no finite loss to show")
    steps = np.arange(1, len(loss) + 1)
    if against == "seconds":
        seconds = along("seconds")
        if seconds is None:
            raise UsageError(f"{where} has no seconds, which against='seconds' needs")
        if not np.isfinite(seconds).all() or np.min(seconds) < 0:
            raise UsageError(f"{where}['seconds'] must be finite numbers >= 0")
        steps = np.cumsum(seconds)
    return steps, loss, validation


@styled
def timing(seconds: dict, *, x: str = "images in a batch") -> Picture:
    """Seconds against a size, both logarithmic.

    Args:
        seconds: dict of name -> dict of size -> seconds.
        x: what the size is.

    Returns:
        `Picture`.

    Raises:
        UsageError: nothing to show, or a size or time that is not above 0.
    """
    seconds = {
        name: checks.check_named(f"seconds[{name!r}]", line, "size -> seconds")
        for name, line in checks.check_named("seconds", seconds, "name -> times").items()
    }
    for name, line in seconds.items():
        for size, time in line.items():
            checks.check_size(f"each size of seconds[{name!r}]", size)
            checks.check_size(f"seconds[{name!r}][{size!r}]", time)
    figure = new_figure(WIDTH * 0.9, 2.7)
    axes = figure.subplots()
    for (name, line), (colour, dots) in zip(seconds.items(), series_styles(), strict=False):
        axes.plot(
            *zip(*sorted(line.items()), strict=True),
            color=colour,
            label=words(name),
            **{**dots, "ms": 4},
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    sizes = sorted({size for line in seconds.values() for size in line})
    sizes = sizes[:: -(-len(sizes) // MOST_TICKS)]
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.xaxis.minorticks_off()
    axes.set_xlabel(words(x))
    axes.set_ylabel("seconds")
    axes.grid(axis="y", color=QUIET, alpha=0.25, lw=0.6)
    legend_below(axes)
    return figure
