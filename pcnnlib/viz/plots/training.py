"""Figures of losses and of times."""

import itertools
import math

import numpy as np
from matplotlib.ticker import MaxNLocator

from pcnnlib._internal.errors import UsageError
from pcnnlib.viz.style import QUIET, SERIES, WIDTH, Picture, new_figure, styled


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
        UsageError: unknown unit or axis; bits/dim without `dims`.
    """
    if unit not in ("nats", "bits/dim") or against not in ("epoch", "seconds"):
        raise UsageError(
            'unit must be "nats" or "bits/dim" and against "epoch" or "seconds", '
            f"got {unit!r} and {against!r}"
        )
    if unit == "bits/dim" and dims is None:
        raise UsageError("bits/dim need dims, the values per image")
    factor = 1.0 if unit == "nats" or dims is None else 1 / (dims * math.log(2))
    figure = new_figure(WIDTH * 0.85, 2.9)
    axes = figure.subplots()
    lowest, highest = np.inf, -np.inf
    for (name, history), colour in zip(histories.items(), itertools.cycle(SERIES), strict=False):
        loss = np.array(history["loss"]) * factor
        solid = np.array(history.get("val_loss") or history["loss"]) * factor
        if against == "seconds":
            steps = np.cumsum(history["seconds"])
        else:
            steps = np.arange(1, len(loss) + 1)
        if "val_loss" in history:
            axes.plot(steps, loss, ":", color=colour, lw=1.4)
        axes.plot(steps, solid, color=colour, label=name, marker="o", ms=2.5)
        lowest, highest = min(lowest, solid.min(), loss.min()), max(highest, solid[len(solid) // 8])
    if log:
        axes.set_yscale("log")
    elif highest > lowest:
        # The first epochs, far above the rest, would press the rest flat.
        axes.set_ylim(lowest - 0.08 * (highest - lowest), highest + 0.12 * (highest - lowest))
    axes.set_xlabel("epoch" if against == "epoch" else "seconds of training")
    axes.set_ylabel("nats per image" if unit == "nats" else "bits/dim")
    axes.grid(axis="y", color=QUIET, alpha=0.25, lw=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if any("val_loss" in history for history in histories.values()):
        for name, style in {"validation": "-", "training": ":"}.items():
            axes.plot([], [], style, color=QUIET, label=name)
    if len(histories) > 2:  # too much to stand within the axes
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    else:
        axes.legend(loc="upper right", ncols=2)
    return figure


@styled
def timing(seconds: dict, *, x: str = "images in a batch") -> Picture:
    """Seconds against a size, both logarithmic.

    Args:
        seconds: dict of name -> dict of size -> seconds.
        x: what the size is.

    Returns:
        `Picture`.
    """
    figure = new_figure(WIDTH * 0.9, 2.7)
    axes = figure.subplots()
    for (name, line), colour in zip(seconds.items(), itertools.cycle(SERIES), strict=False):
        axes.plot(list(line), list(line.values()), color=colour, marker="o", ms=4, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    sizes = sorted({size for line in seconds.values() for size in line})
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.xaxis.minorticks_off()
    axes.set_xlabel(x)
    axes.set_ylabel("seconds")
    axes.grid(axis="y", color=QUIET, alpha=0.25, lw=0.6)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
