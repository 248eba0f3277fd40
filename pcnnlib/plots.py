"""Figures of the book: images, masks, what a pixel sees, training, and an image being generated.

Every function returns a `Picture`, a Matplotlib figure. In a notebook or on a page it shows itself
as SVG without a background, its ink in the colour of the text around it, so that it fits a light
and a dark theme. Colours are safe for colour-blind readers.

H rows, W columns, C channels, K levels.
"""

import base64
import functools
import html
import io
import math
import re

import matplotlib
import numpy as np
from keras import ops
from matplotlib import colors, patches
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from pcnnlib import layers, sampling
from pcnnlib.errors import UsageError, check_int
from pcnnlib.images import UNDRAWN, save_gif, to_rgb

INK = "#1b1f24"  # text and lines; on a page it becomes the colour of the text
QUIET = "#8a9099"  # grid lines, and what is told in passing; legible on light and dark
BLUE, VERMILION, GREEN, PURPLE = "#2b83c6", "#d9622b", "#12997a", "#b0689f"
SERIES = (BLUE, VERMILION, GREEN, PURPLE, QUIET)

SEEN, BLIND, LEAK, LATER, HERE = BLUE, "#eda93b", "#b5179e", "#8a90992e", INK
MEANINGS = {
    "here": (HERE, "pixel being predicted"),
    "seen": (SEEN, "earlier, seen"),
    "blind": (BLIND, "earlier, not seen"),
    "leak": (LEAK, "not earlier, yet seen"),
    "later": (LATER, "not yet generated"),
}

STYLE = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "svg.fonttype": "path",
    # A constant, so that the same figure is the same file.
    "svg.hashsalt": "pcnnlib",
}

WIDTH = 7.0  # inches, the width of a page's text


def _styled(function):
    """Draw in the book's style, and leave the reader's own settings as they are."""

    @functools.wraps(function)
    def styled(*args, **kwargs):
        with matplotlib.rc_context(STYLE):
            return function(*args, **kwargs)

    return styled


class Picture(Figure):
    """A figure that shows itself as SVG in the colours of the page around it."""

    def svg(self, alt=""):
        """The figure as an SVG element to stand in a page, with `alt` for those who cannot see."""
        with matplotlib.rc_context(STYLE):
            file = io.StringIO()
            self.savefig(file, format="svg", transparent=True, metadata={"Date": None})
        text = file.getvalue()
        text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
        text = text.replace(INK, "currentColor")
        label = f'role="img" aria-label="{html.escape(alt)}" ' if alt else ""
        return text.replace(
            "<svg ", f'<svg {label}style="max-width: 100%; height: auto; color: inherit" ', 1
        )

    def _repr_mimebundle_(self, **kwargs):
        return {"text/html": self.svg(), "text/plain": "a figure"}


class Animation:
    """A looping GIF of images being generated. `save(path)` writes it, a notebook shows it.

    Attributes:
        pictures: list of uint8 `(rows, columns, 3)`, one a frame; the last is finished.
        milliseconds: time of a frame.
    """

    def __init__(self, pictures, milliseconds):
        self.pictures = pictures
        self.milliseconds = milliseconds

    def save(self, path):
        """Write the GIF in one step."""
        save_gif(path, self.pictures, milliseconds=self.milliseconds)

    def html(self, alt=""):
        """The animation as HTML; for readers who asked for less motion, its last frame."""
        moving, still = io.BytesIO(), io.BytesIO()
        first, *others = [Image.fromarray(p).quantize(64, dither=0) for p in self.pictures]
        times = [self.milliseconds] * len(others) + [2500]
        first.save(
            moving,
            "gif",
            save_all=True,
            append_images=others,
            duration=times,
            loop=0,
            optimize=True,
        )
        Image.fromarray(self.pictures[-1]).quantize(64, dither=0).save(still, "png", optimize=True)
        width = self.pictures[0].shape[1]
        return (
            '<picture><source media="(prefers-reduced-motion: reduce)" '
            f'srcset="data:image/png;base64,{_base64(still)}">'
            f'<img class="dark-light" width="{width}" alt="{html.escape(alt)}" '
            f'style="max-width: 100%" '
            f'src="data:image/gif;base64,{_base64(moving)}"></picture>'
        )

    def _repr_mimebundle_(self, **kwargs):
        return {"text/html": self.html(), "text/plain": "an animation"}


# ---------------------------------------------------------------- images


@_styled
def image_grid(images, levels, *, columns=None, titles=None, width=None, shown=None):
    """Images side by side, or in one labelled row per kind.

    Args:
        images: integer `(n, H, W, C)`, or a dict of them: one row per entry, labelled by its key.
        levels: K.
        columns: images per row; by default all of a row, or a square for plain images.
        titles: text above each image, in the order of `images` (not for a dict).
        width: inches.
        shown: bool mask broadcastable to `images`, False where nothing is drawn (not for a dict).

    Returns:
        `Picture`.
    """
    labels = None
    if isinstance(images, dict):
        labels = list(images)
        columns = columns or max(len(part) for part in images.values())
        parts = [np.asarray(part)[:columns] for part in images.values()]
        if any(len(part) < columns for part in parts):
            raise UsageError(f"every row must have {columns} images")
        images = np.concatenate(parts)
    rgb = to_rgb(images, levels, shown)
    n, h, w, _ = rgb.shape
    columns = min(n, columns or math.ceil(math.sqrt(n)))
    rows = -(-n // columns)
    scale = max(1, -(-96 // max(h, w)))
    gap = max(2, round(0.1 * w * scale))
    above = gap * 5 if titles is not None else gap
    cell_h, cell_w = h * scale + above, w * scale + gap
    canvas = np.zeros((rows * cell_h, columns * cell_w - gap, 4), "uint8")
    for k, image in enumerate(rgb):
        top, left = (k // columns) * cell_h + above, (k % columns) * cell_w
        canvas[top : top + h * scale, left : left + w * scale, 3] = 255
        canvas[top : top + h * scale, left : left + w * scale, :3] = image.repeat(
            scale, axis=0
        ).repeat(scale, axis=1)
    margin = 0.0 if labels is None else 0.085 * max(map(len, labels)) + 0.1
    width = width or min(WIDTH, margin + 0.62 * columns)
    inner = width - margin
    height = inner * canvas.shape[0] / canvas.shape[1]
    figure = _figure(width, height, layout=None)
    axes = figure.add_axes([margin / width, 0, inner / width, 1])
    axes.imshow(canvas, interpolation="none", extent=(0, canvas.shape[1], canvas.shape[0], 0))
    axes.set_axis_off()
    for k, title in enumerate(titles if titles is not None else ()):
        left, top = (k % columns) * cell_w, (k // columns) * cell_h + above
        axes.text(left + w * scale / 2, top - gap * 0.6, str(title), ha="center", va="bottom")
    for row, label in enumerate(labels or ()):
        centre = row * cell_h + above + h * scale / 2
        axes.text(-gap, centre, label, ha="right", va="center")
    return figure


def animate(images, levels, *, columns=None, given=None, every=1, milliseconds=70, width=480):
    """Images being generated pixel by pixel, as a looping animation.

    Args:
        images: finished images, `(n, H, W, C)`.
        levels: K.
        columns: images per row; all in one row by default.
        given: mask of pixels known from the start.
        every: pixels from one frame to the next.
        milliseconds: time of a frame.
        width: of the animation, screen pixels.

    Returns:
        `Animation`. Pixels not drawn yet have a blue-grey tint that no grey level has.
    """
    images = np.asarray(images)
    n, h, w, _ = images.shape
    columns = min(n, check_int("columns", columns, 1) if columns else n)
    rows = -(-n // columns)
    scale = max(1, width // (columns * (w + 1)))
    gap = scale
    pictures = []
    for part, shown in sampling.frames(images, given, every=every):
        rgb = to_rgb(part, levels, shown).repeat(scale, axis=1).repeat(scale, axis=2)
        # The gaps have the tint as well: one quiet sheet, on which images appear.
        sheet = np.empty((rows * (h * scale + gap) + gap, columns * (w * scale + gap) + gap, 3))
        sheet[:] = UNDRAWN * 0.72
        for k, image in enumerate(rgb):
            top = gap + (k // columns) * (h * scale + gap)
            left = gap + (k % columns) * (w * scale + gap)
            sheet[top : top + h * scale, left : left + w * scale] = image
        pictures.append(sheet.astype("uint8"))
    return Animation(pictures, milliseconds)


@_styled
def raster_order(height, width, at):
    """The order in which pixels are generated, and what is known when `at` has its turn."""
    figure = _figure(0.42 * width + 0.1, 0.42 * height + 0.1, layout=None)
    axes = figure.add_axes([0, 0, 1, 1])
    order = np.arange(height * width).reshape(height, width)
    before = order < order[at]
    _cells(axes, _paint([(LATER, ~before), (SEEN, before)]))
    _mark_here(axes, at)
    for i, j in np.ndindex(height, width):
        axes.text(
            j,
            i,
            str(order[i, j] + 1),
            ha="center",
            va="center",
            fontsize=8,
            color="#ffffff" if before[i, j] else QUIET,
            visible=(i, j) != tuple(at),
        )
    return figure


# ---------------------------------------------------------------- masks and what a pixel sees


@_styled
def masks(kernels):
    """Kernel masks side by side: taps that are used, taps that are hidden, the centre outlined.

    Args:
        kernels: dict of title -> array `(k, k)` or `(k, k, 1, 1)` of 0 and 1.

    Returns:
        `Picture`.
    """
    figure, axes = _panels(len(kernels), 1.45)
    for axis, (title, mask) in zip(axes, kernels.items(), strict=True):
        mask = np.asarray(mask).reshape(np.shape(mask)[:2]).astype(bool)
        _cells(axis, _paint([(LATER, ~mask), (SEEN, mask)]))
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
                color="#ffffff" if mask[i, j] else QUIET,
            )
        axis.set_title(title)
    return figure


@_styled
def channel_order(links):
    """Which groups of features may feed which at the pixel's own place.

    Args:
        links: dict of title -> `(array (I, O) of 0 and 1, groups of I, groups of O)`; groups are
            ints, 0 for R, 1 for G, 2 for B.

    Returns:
        `Picture`: a row for each input, a column for each output, the group at their heads.
    """
    figure, axes = _panels(len(links), 2.1, columns=3)
    palette = dict(enumerate((VERMILION, GREEN, BLUE)))
    for axis, (title, (mask, rows, columns)) in zip(axes, links.items(), strict=True):
        mask = np.asarray(mask).astype(bool)
        _cells(axis, _paint([(LATER, ~mask), (INK, mask)]) * [1, 1, 1, 0.8])
        axis.set_axis_on()
        axis.set_xticks(range(len(columns)), ["RGB"[g] for g in columns])
        axis.set_yticks(range(len(rows)), ["RGB"[g] for g in rows])
        for labels, groups in ((axis.get_xticklabels(), columns), (axis.get_yticklabels(), rows)):
            for label, group in zip(labels, groups, strict=True):
                label.set_color(palette[group])
                label.set_fontweight("bold")
        axis.xaxis.tick_top()
        axis.tick_params(length=0, labelsize=8)
        axis.spines[:].set_visible(False)
        axis.set_title(title, pad=18)
    return figure


@_styled
def receptive_fields(maps, at, *, columns=4):
    """Which pixels the prediction of one pixel depends on, and which earlier ones it misses.

    Args:
        maps: dict of title -> `(H, W)`: strengths (`pcnnlib.receptive_field`) or bool
            (`CausalityReport.seen_from`). Strengths are shown by a logarithmic shade.
        at: `(i, j)`, the predicted pixel; or a dict of title -> `(i, j)`.
        columns: panels per row.

    Returns:
        `Picture`. Pixels at or after `at` that are seen all the same, leaks, are crossed.
    """
    figure, axes = _panels(len(maps), 1.7, columns=columns, legend=True)
    met = set()
    for axis, (title, seen) in zip(axes, maps.items(), strict=True):
        here = tuple(at[title] if isinstance(at, dict) else at)
        roles, strength = pixel_roles(seen, here)
        colour = _paint([(MEANINGS[name][0], roles == name) for name in MEANINGS])
        colour[roles == "here"] = 0
        fade = roles == "seen"
        colour[..., 3] = np.where(fade, strength, colour[..., 3])
        _cells(axis, colour, gap=max(roles.shape) <= 20)
        if not (roles == "leak")[here]:
            _mark_here(axis, here)
        for i, j in np.argwhere(roles == "leak"):
            axis.plot(j, i, "x", color="#ffffff", ms=3.5, mew=1.1)
        axis.set_title(title)
        met |= set(roles.flat)
    _legend(figure, [name for name in MEANINGS if name in met])
    return figure


def pixel_roles(seen, at):
    """What each pixel is to the prediction at `at`, and how strongly it counts.

    Returns:
        str array `(H, W)` of "here", "seen", "blind", "leak" or "later", and float `(H, W)` in
        [0.4, 1], 1 for the strongest influence.
    """
    seen = np.asarray(seen)
    order = np.arange(seen.size).reshape(seen.shape)
    before = order < order[tuple(at)]
    strength = np.ones(seen.shape)
    if seen.dtype != bool and (seen > 0).any():
        logs = np.log10(np.where(seen > 0, seen, np.nan))
        top = np.nanmax(logs)
        # Three decades of influence fill the scale.
        strength = np.nan_to_num(np.clip(1 + 0.6 * (logs - top) / 3, 0.4, 1), nan=1.0)
    seen = seen > 0
    roles = np.where(before, np.where(seen, "seen", "blind"), np.where(seen, "leak", "later"))
    here = order == order[tuple(at)]
    return np.where(here & ~seen, "here", roles), strength


@_styled
def causality(reports):
    """Every pair of values: does the input (column) change the prediction (row)?

    A causal model fills nothing on or above the diagonal; one without a blind spot fills all
    below it.

    Args:
        reports: dict of title -> `CausalityReport`.

    Returns:
        `Picture`.
    """
    figure, axes = _panels(len(reports), 2.15, columns=3, legend=True)
    met = set()
    for axis, (title, report) in zip(axes, reports.items(), strict=True):
        n = math.isqrt(report.influence.size)
        influence, before = (x.reshape(n, n).T for x in (report.influence, report.before))
        roles = np.where(
            before,
            np.where(influence, "seen", "blind"),
            np.where(influence, "leak", "later"),
        )
        colour = _paint([(MEANINGS[name][0], roles == name) for name in MEANINGS])
        _cells(axis, colour, gap=n <= 16)
        axis.set_title(title)
        axis.set_axis_on()
        axis.set_xticks([]), axis.set_yticks([])
        axis.set_xlabel("value changed")
        axis.spines[:].set_visible(False)
        met |= set(roles.flat)
    axes[0].set_ylabel("prediction")
    names = [name for name in MEANINGS if name in met and name != "here"]
    _legend(figure, names, {"later": "not earlier, not seen"})
    return figure


# ---------------------------------------------------------------- numbers


@_styled
def compare_likelihoods(likelihoods, *, from_zero=True):
    """Test likelihood of several models in bits/dim, with two standard errors to either side.

    Args:
        likelihoods: dict of model name -> `pcnnlib.Likelihood`, in the order to show.
        from_zero: whether the axis starts at 0; else it shows the differences between good models.

    Returns:
        `Picture`.
    """
    figure = _figure(WIDTH * 0.9, 0.36 * len(likelihoods) + 0.75)
    axes = figure.subplots()
    shown = [likelihood.bits_per_dim for likelihood in likelihoods.values()]
    for row, (_, likelihood) in enumerate(likelihoods.items()):
        bits = likelihood.bits_per_dim
        error = 2 * likelihood.standard_error * bits / likelihood.nats_per_image
        if from_zero:
            axes.plot([0, bits], [row, row], color=QUIET, lw=1, alpha=0.5)
        axes.errorbar(bits, row, xerr=error, fmt="o", color=SERIES[0], ms=6, capsize=3, lw=1.4)
        axes.annotate(
            f"{bits:.3f}", (bits + error, row), (7, 0), textcoords="offset points", va="center"
        )
    axes.set_yticks(range(len(likelihoods)), list(likelihoods))
    axes.set_ylim(len(likelihoods) - 0.5, -0.5)
    if from_zero:
        axes.set_xlim(0, max(shown) * 1.12)
    else:
        axes.margins(x=0.35)
        axes.grid(axis="x", color=QUIET, alpha=0.25, lw=0.6)
    axes.set_xlabel("test bits/dim (less is better)")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure


@_styled
def training_curves(histories, *, unit="nats", dims=None, against="epoch", log=False):
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
    factor = 1 if unit == "nats" else 1 / (dims * math.log(2))
    figure = _figure(WIDTH * 0.85, 2.9)
    axes = figure.subplots()
    lowest, highest = np.inf, -np.inf
    for (name, history), colour in zip(histories.items(), SERIES, strict=False):
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
    for name, style in {"validation": "-", "training": ":"}.items():
        axes.plot([], [], style, color=QUIET, label=name)
    if len(histories) > 2:  # too much to stand within the axes
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    else:
        axes.legend(loc="upper right", ncols=2)
    return figure


@_styled
def surprise(image, nats, levels):
    """An image beside the nats that each of its pixels cost.

    Args:
        image: integer `(H, W, C)`.
        nats: `(H, W)`, from `pcnnlib.analysis.surprise`.
        levels: K.

    Returns:
        `Picture`.
    """
    figure = _figure(5.4, 2.4)
    left, right = figure.subplots(1, 2)
    left.imshow(to_rgb(np.asarray(image)[None], levels)[0], interpolation="none")
    left.set_title("image")
    shown = right.imshow(nats, cmap="cividis", vmin=0, interpolation="none")
    right.set_title("nats per pixel")
    for axes in (left, right):
        axes.set_axis_off()
    bar = figure.colorbar(shown, ax=right, shrink=0.85)
    bar.outline.set_visible(False)
    return figure


@_styled
def gate(limit=3.0):
    """The gate tanh(a) * sigmoid(b) of `pcnnlib.layers.gate`, as curves and as a map."""
    a = np.linspace(-limit, limit, 121, dtype="float32")
    figure = _figure(WIDTH * 0.92, 2.7)
    left, right = figure.subplots(1, 2)
    for b, colour in zip((3, 1, 0, -1, -3), SERIES, strict=True):
        pairs = np.stack([a, np.full_like(a, b)], axis=-1)
        left.plot(a, ops.convert_to_numpy(layers.gate(pairs)), color=colour, label=f"b = {b}")
    left.set_xlabel("a (features)")
    left.set_ylabel("tanh(a) · sigmoid(b)")
    left.legend(loc="upper left", fontsize=8)
    grid = np.stack(np.meshgrid(a, a), axis=-1)
    values = ops.convert_to_numpy(layers.gate(grid))
    shown = right.imshow(
        values, cmap="RdBu_r", vmin=-1, vmax=1, origin="lower", extent=(-limit, limit) * 2
    )
    right.set_xlabel("a (features)")
    right.set_ylabel("b (gate)")
    bar = figure.colorbar(shown, ax=right, shrink=0.9)
    bar.outline.set_visible(False)
    return figure


@_styled
def changed_features(vertical, horizontal, at, *, blocks):
    """What a newly drawn pixel changes in a network, and what of it the next pixel needs.

    Args:
        vertical, horizontal: bool `(blocks, H, W)`, from `analysis.changed_features`.
        at: `(i, j)`, the pixel that was drawn.
        blocks: which blocks to show, counted from 1.

    Returns:
        `Picture`: a panel per block and stack.
    """
    figure, axes = _panels(2 * len(blocks), 1.5, columns=len(blocks), legend=True)
    nothing = np.zeros(vertical.shape[1:], bool)
    order = np.arange(nothing.size).reshape(nothing.shape)
    following = order == order[tuple(at)] + 1
    stacks = {"vertical": vertical, "horizontal": horizontal}
    panels = [(name, stack, block) for name, stack in stacks.items() for block in blocks]
    for axis, (name, stack, block) in zip(axes, panels, strict=True):
        changed = stack[block - 1]
        needed = changed & following if name == "horizontal" else nothing
        _cells(axis, _paint([(LATER, ~changed), (SEEN, changed), (VERMILION, needed)]))
        axis.add_patch(
            patches.Rectangle((at[1] - 0.5, at[0] - 0.5), 1, 1, fill=False, ec=INK, lw=1.4)
        )
        axis.set_title(f"{name}, block {block}")
    words = {LATER: "unchanged", SEEN: "changes", VERMILION: "changes, and the next pixel needs it"}
    _key(figure, {word: colour for colour, word in words.items()})
    return figure


@_styled
def timing(seconds, *, x="images in a batch"):
    """Seconds against a size, both logarithmic.

    Args:
        seconds: dict of name -> dict of size -> seconds.
        x: what the size is.

    Returns:
        `Picture`.
    """
    figure = _figure(WIDTH * 0.9, 2.7)
    axes = figure.subplots()
    for (name, line), colour in zip(seconds.items(), SERIES, strict=False):
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


@_styled
def level_probabilities(predictions, actual):
    """What is predicted of the three channels of one pixel, and what the pixel is.

    Args:
        predictions: dict of name -> probabilities `(3, K)`, of R, G and B.
        actual: three levels.

    Returns:
        `Picture`: a row for each name, a panel for each channel.
    """
    figure = _figure(WIDTH, 1.25 * len(predictions) + 0.5)
    panels = np.atleast_2d(figure.subplots(len(predictions), 3, sharex=True))
    for index, (name, probabilities) in enumerate(predictions.items()):
        row = panels[index]
        for axes, channel, colour, values, level in zip(
            row, ("R", "G", "B"), (VERMILION, GREEN, BLUE), probabilities, actual, strict=True
        ):
            axes.fill_between(np.arange(len(values)), values, step="mid", color=colour, lw=0)
            axes.axvline(level, color=INK, lw=1, ls=":")
            axes.set_yticks([])
            axes.set_ylim(0)
            axes.spines["left"].set_visible(False)
            if index == 0:
                axes.set_title(f"{channel} = {level}")
            if index == len(predictions) - 1:
                axes.set_xlabel("level")
        row[0].set_ylabel(name)
    return figure


@_styled
def confusion(counts, *, truth, judged):
    """How often each class was taken for each: a table whose diagonal is right.

    Args:
        counts: int `(classes, classes)`, `[true, judged]`.
        truth, judged: what the rows and the columns are.

    Returns:
        `Picture`.
    """
    counts = np.asarray(counts)
    n = len(counts)
    figure = _figure(0.34 * n + 1.0, 0.34 * n + 0.7)
    axes = figure.subplots()
    right = np.eye(n, dtype=bool)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    colour = _paint([(BLUE, right), (VERMILION, ~right)])
    # Even one mistake in a hundred is to be seen.
    colour[..., 3] = np.where(counts > 0, 0.25 + 0.75 * shares, 0.04)
    _cells(axes, colour)
    for i, j in zip(*np.nonzero(counts), strict=True):
        strong = shares[i, j] > 0.4
        axes.text(
            j,
            i,
            str(counts[i, j]),
            ha="center",
            va="center",
            fontsize=7,
            color="#ffffff" if strong else INK,
        )
    axes.set_axis_on()
    axes.set_xticks(range(n)), axes.set_yticks(range(n))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(judged)
    axes.set_ylabel(truth)
    return figure


@_styled
def lines(series, *, x, y, reference=None):
    """Numbers that depend on a number, one line for each name.

    Args:
        series: dict of name -> `(xs, ys)`.
        x, y: names of the axes.
        reference: dict of name -> y, drawn as horizontal dotted lines, or None.

    Returns:
        `Picture`.
    """
    figure = _figure(WIDTH * 0.9, 2.6)
    axes = figure.subplots()
    for (name, (xs, ys)), colour in zip(series.items(), SERIES, strict=False):
        axes.plot(xs, ys, color=colour, label=name, marker="o", ms=2.5)
    for (name, value), style in zip((reference or {}).items(), (":", "--", "-."), strict=False):
        axes.axhline(value, ls=style, color=QUIET, lw=1.4, label=name)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(axis="y", color=QUIET, alpha=0.25, lw=0.6)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


@_styled
def histograms(values, *, x):
    """How numbers of several kinds are spread, one outline for each name.

    Args:
        values: dict of name -> `(n,)`.
        x: name of the axis.

    Returns:
        `Picture`.
    """
    figure = _figure(WIDTH * 0.9, 2.2)
    axes = figure.subplots()
    bins = np.histogram_bin_edges(np.concatenate(list(values.values())), bins=20)
    for (name, numbers), colour in zip(values.items(), SERIES, strict=False):
        axes.hist(numbers, bins, color=colour, alpha=0.25)
        axes.hist(numbers, bins, color=colour, histtype="step", lw=1.4, label=name)
    axes.set_xlabel(x)
    axes.set_ylabel("images")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


@_styled
def differences(pairs, *, x):
    """Differences from something, with two standard errors to either side.

    Args:
        pairs: dict of name -> `(difference, standard error)`, in the order to show.
        x: name of the axis.

    Returns:
        `Picture`. At the grey line there is no difference.
    """
    figure = _figure(WIDTH * 0.9, 0.36 * len(pairs) + 0.75)
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
    axes.set_yticks(range(len(pairs)), list(pairs))
    axes.set_ylim(len(pairs) - 0.5, -0.5)
    axes.margins(x=0.25)
    axes.grid(axis="x", color=QUIET, alpha=0.25, lw=0.6)
    axes.set_xlabel(x)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return figure


@_styled
def asked_and_measured(pairs):
    """What was asked of each image against what was measured on it, a panel for each quantity.

    Args:
        pairs: dict of name -> `(asked (n,), measured (n,))`.

    Returns:
        `Picture`. On the grey diagonal both are equal.
    """
    figure, panels = _panels(len(pairs), 2.6)
    for axes, (name, (asked, measured)) in zip(panels, pairs.items(), strict=True):
        axes.set_axis_on()
        ends = [min(np.min(asked), np.min(measured)), max(np.max(asked), np.max(measured))]
        axes.plot(ends, ends, color=QUIET, lw=1)
        axes.plot(asked, measured, "o", color=BLUE, ms=3, alpha=0.5, mew=0)
        axes.set_title(name)
        axes.set_xlabel("asked for")
        axes.set_ylabel("measured")
        axes.set_box_aspect(1)
    return figure


@_styled
def changed_predictions(maps, outlined=None):
    """Which predictions a change reaches.

    Args:
        maps: dict of title -> bool `(H, W)`, from `analysis.changed_predictions`.
        outlined: dict of title -> `(top, left, height, width)`, where the change was made, or None.

    Returns:
        `Picture`.
    """
    figure, axes = _panels(len(maps), 1.7, columns=4, legend=True)
    for axis, (title, reached) in zip(axes, maps.items(), strict=True):
        _cells(axis, _paint([(LATER, ~reached), (SEEN, reached)]))
        axis.set_title(title)
        if title in (outlined or {}):
            top, left, height, width = outlined[title]
            corner = (left - 0.5, top - 0.5)
            axis.add_patch(patches.Rectangle(corner, width, height, fill=False, ec=INK, lw=1.6))
    _key(figure, {"prediction changes": SEEN, "unchanged": LATER})
    return figure


@_styled
def code_space(codes, labels=None, *, names=("1", "2")):
    """Codes in two dimensions, each drawn as the digit that is its class.

    Args:
        codes: `(n, 2)`.
        labels: int `(n,)`, or None for dots.
        names: of the two axes.

    Returns:
        `Picture`.
    """
    codes = np.asarray(codes)
    figure = _figure(WIDTH * 0.75, WIDTH * 0.6)
    axes = figure.subplots()
    if labels is None:
        axes.plot(*codes.T, "o", color=BLUE, ms=3, mew=0)
    else:
        palette = matplotlib.colormaps["tab10"]
        for label in np.unique(labels):
            # The class can be read, not only told by its colour.
            axes.scatter(
                *codes[labels == label].T,
                marker=f"${label}$",
                s=26,
                color=palette(label % 10),
                lw=0,
            )
    axes.set_xlabel(names[0])
    axes.set_ylabel(names[1])
    return figure


# ---------------------------------------------------------------- parts


def _figure(width, height, layout="constrained"):
    return Picture(figsize=(width, height), layout=layout)


def _panels(n, size, columns=5, legend=False):
    columns = min(n, columns)
    rows = -(-n // columns)
    width = min(WIDTH, columns * size + 0.2)
    if legend:
        width = max(width, 6.4)
    size = min(size, (width - 0.2) / columns)
    figure = _figure(width, rows * (size + 0.3) + (0.35 if legend else 0.05))
    axes = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axis in axes:
        axis.set_axis_off()
    return figure, axes[:n]


def _paint(parts):
    """RGBA `(H, W, 4)` from pairs of a colour and the cells that have it; later pairs win."""
    colour = np.zeros((*np.shape(parts[0][1]), 4))
    for name, cells in parts:
        colour[cells] = colors.to_rgba(name)
    return colour


def _cells(axes, colour, gap=True):
    """Cells as small squares, with transparent gaps where there is room for them."""
    scale = 12 if gap else 4
    height, width = colour.shape[:2]
    cells = colour.repeat(scale, axis=0).repeat(scale, axis=1)
    if gap:
        cells[::scale], cells[:, ::scale] = 0, 0
    axes.imshow(cells, interpolation="none", extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    axes.set_axis_off()


def _mark_here(axes, at):
    """The pixel being predicted: a patch, since an image could not take the text's colour."""
    axes.add_patch(patches.Rectangle((at[1] - 0.42, at[0] - 0.42), 0.9, 0.9, fc=HERE, lw=0))


def _legend(figure, names, words=None):
    _key(figure, {(words or {}).get(n, MEANINGS[n][1]): MEANINGS[n][0] for n in names})


def _key(figure, meanings):
    """Legend below a figure, from a dict of word -> colour."""
    figure.legend(
        handles=[patches.Patch(color=c, label=word, lw=0) for word, c in meanings.items()],
        loc="outside lower center",
        ncols=len(meanings),
        fontsize=8,
        handlelength=1.1,
        handleheight=1.1,
        columnspacing=1.4,
    )


def _base64(file):
    return base64.b64encode(file.getvalue()).decode()
