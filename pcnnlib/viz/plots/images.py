"""Figures of images, and of what single pixels cost."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, check_int
from pcnnlib.viz import checks
from pcnnlib.viz.images import lay_out, tile, to_rgb
from pcnnlib.viz.style import (
    BLUE,
    GREEN,
    INK,
    VERMILION,
    WIDTH,
    Picture,
    new_figure,
    styled,
    words,
    wrapped,
)

LONGEST_LABEL = 38  # letters of a row's label: more do not fit into half of the page
LETTER = 0.07  # inches, of the usual size, 9 points


@styled
def image_grid(
    images: Any,
    levels: int,
    *,
    columns: int | None = None,
    titles: Any = None,
    heads: Any = None,
    width: float | None = None,
    shown: Any = None,
) -> Picture:
    """Images side by side, or in one labelled row per kind.

    Args:
        images: levels `(n, H, W, C)`, or a dict of them: one row per entry, labelled by its key.
        levels: K.
        columns: images per row; by default all of a row, or a square for plain images.
        titles: text above each image, in the order of `images` (not for a dict).
        heads: text above each column (instead of titles).
        width: inches.
        shown: bool mask broadcastable to `images`, False where nothing is drawn (not for a dict).

    Returns:
        `Picture`.

    Raises:
        UsageError: no images, rows that do not fit together, or an argument out of range.
    """
    labels = None
    if isinstance(images, dict):
        for name, value in (("titles", titles), ("shown", shown)):
            if value is not None:
                raise UsageError(f"{name} must be None for a dict of images")
        rows = checks.check_named("images", images, "label -> images (n, H, W, C)")
        parts = [checks.check_images(f"images[{k!r}]", v, levels) for k, v in rows.items()]
        labels = [wrapped(label, LONGEST_LABEL) for label in rows]
        columns = max(map(len, parts)) if columns is None else check_int("columns", columns, 1)
        if any(len(part) < columns for part in parts):
            raise UsageError(f"every row must have {columns} images")
        if len({part.shape[1:] for part in parts}) > 1:
            shapes = ", ".join(sorted({str(part.shape[1:]) for part in parts}))
            raise UsageError(f"images of all rows must have one shape, got {shapes}")
        images = np.concatenate([part[:columns] for part in parts])
    rgb = to_rgb(images, levels, shown)
    n, h, w, _ = rgb.shape
    columns = checks.check_columns(columns, n)
    if titles is not None:
        titles = checks.check_sequence("titles", titles, n)
    if heads is not None:
        if titles is not None:
            raise UsageError("heads and titles cannot both be given")
        heads = checks.check_sequence("heads", heads, columns)
    scale = max(1, -(-96 // max(h, w)))
    gap = max(2, round(0.1 * w * scale))
    between = gap * 5 if titles is not None else gap
    above = between if heads is None else gap * 3
    cell_h, cell_w = h * scale + between, w * scale + gap
    opaque = np.concatenate([rgb, np.full((n, h, w, 1), 255, "uint8")], axis=-1)
    canvas = lay_out(opaque, columns, scale, (between, gap), (above, 0, 0, 0), 0)
    # Long labels leave the images half of the page.
    margin = 0.0 if labels is None else min(WIDTH / 2, 0.085 * _longest(labels) + 0.1)
    width = min(WIDTH, margin + 0.62 * columns) if width is None else width
    inner = checks.check_size("width", width) - margin
    if inner <= 0:
        raise UsageError(f"width must leave room beside the labels ({margin:g}), got {width!r}")
    height = inner * canvas.shape[0] / canvas.shape[1]
    figure = new_figure(width, height, layout=None)
    axes = figure.add_axes((margin / width, 0, inner / width, 1))
    axes.imshow(canvas, interpolation="none", extent=(0, canvas.shape[1], canvas.shape[0], 0))
    axes.set_axis_off()
    titles = list(titles or heads or ())
    # Letters of the usual size where they fit above an image.
    room = inner / columns / (LETTER * max(_longest(map(str, titles)), 1))
    size = 9 * min(1, max(room, 0.5))
    for k, title in enumerate(titles):
        left, top = (k % columns) * cell_w, (k // columns) * cell_h + above
        axes.text(
            left + w * scale / 2, top - gap * 0.6, words(title), ha="center", va="bottom", size=size
        )
    for row, label in enumerate(labels or ()):
        centre = row * cell_h + above + h * scale / 2
        axes.text(-gap, centre, label, ha="right", va="center")
    return figure


def _longest(texts: Iterable[str]) -> int:
    """Letters of the longest line."""
    return max((len(line) for text in texts for line in text.split("\n")), default=0)


@styled
def grids_side_by_side(grids: dict, levels: int, *, columns: int = 3) -> Picture:
    """Several square grids of images, each with a title above it.

    Args:
        grids: dict of title -> images `(n, H, W, C)`; a title may have several lines.
        levels: K.
        columns: grids in a row.

    Returns:
        `Picture`.

    Raises:
        UsageError: no grids, or values that are no levels.
    """
    grids = {
        title: tile(checks.check_images(f"grids[{title!r}]", images, levels), levels, width=320)
        for title, images in checks.check_named("grids", grids, "title -> images").items()
    }
    columns = check_int("columns", columns, 1)
    lines = max(str(title).count("\n") + 1 for title in grids)
    rows = -(-len(grids) // columns)
    size = 1.5
    figure = new_figure(min(WIDTH, columns * (size + 0.1)), rows * (size + 0.06 + 0.17 * lines))
    panels = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, (title, picture) in zip(panels, grids.items(), strict=False):
        opaque = np.full((*picture.shape[:2], 1), 255, "uint8")
        axes.imshow(np.concatenate([picture, opaque], axis=-1), interpolation="none")
        axes.set_title(words(title))
    return figure


@styled
def surprise(image: ArrayLike, nats: np.ndarray, levels: int) -> Picture:
    """An image beside the nats that each of its pixels cost.

    Args:
        image: integer `(H, W, C)`.
        nats: `(H, W)`, from `pcnnlib.analysis.surprise`.
        levels: K.

    Returns:
        `Picture`.

    Raises:
        UsageError: shapes that disagree, or values that are no levels.
    """
    image = checks.check_array("image", image, ("H", "W", "C"))
    nats = checks.check_array("nats", nats, image.shape[:2])
    figure = new_figure(5.4, 2.4)
    left, right = figure.subplots(1, 2)
    left.imshow(to_rgb(image[None], levels)[0], interpolation="none")
    left.set_title("image")
    shown = right.imshow(nats, cmap="cividis", vmin=0, interpolation="none")
    right.set_title("nats per pixel")
    for axes in (left, right):
        axes.set_axis_off()
    bar = figure.colorbar(shown, ax=right, shrink=0.85)
    bar.outline.set_visible(False)
    return figure


@styled
def level_probabilities(predictions: dict, actual: Any) -> Picture:
    """What is predicted of the three channels of one pixel, and what the pixel is.

    Args:
        predictions: dict of name -> probabilities `(3, K)`, of R, G and B.
        actual: three levels.

    Returns:
        `Picture`: a row for each name, a panel for each channel, with its highest probability.

    Raises:
        UsageError: nothing to show, shapes that disagree, or what are no probabilities or levels.
    """
    predictions = checks.check_named("predictions", predictions, "name -> probabilities (3, K)")
    predictions = {
        name: checks.check_probabilities(f"predictions[{name!r}]", values, (3, "K"))
        for name, values in predictions.items()
    }
    last = min(values.shape[1] for values in predictions.values()) - 1
    actual = checks.check_sequence("actual", actual, 3)
    actual = [check_int("actual", level, 0, last) for level in actual]
    figure = new_figure(WIDTH, 1.25 * len(predictions) + 0.5)
    panels = np.atleast_2d(figure.subplots(len(predictions), 3, sharex=True))
    for index, (name, probabilities) in enumerate(predictions.items()):
        row = panels[index]
        for axes, channel, colour, values, level in zip(
            row, ("R", "G", "B"), (VERMILION, GREEN, BLUE), probabilities, actual, strict=True
        ):
            axes.fill_between(np.arange(len(values)), values, step="mid", color=colour, lw=0)
            axes.axvline(level, color=INK, lw=1, ls=":")
            # Each panel has its own scale, and says so.
            highest = float(np.max(values))
            axes.set_yticks([highest], labels=[f"{highest:.2g}"])
            axes.set_ylim(0)
            if index == 0:
                axes.set_title(f"{channel} = {level}")
            if index == len(predictions) - 1:
                axes.set_xlabel("level")
        row[0].set_ylabel(words(name))
    return figure
