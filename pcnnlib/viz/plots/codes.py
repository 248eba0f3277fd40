"""Figures of images that became codes: the codes, the codebook, and what is drawn from it."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, as_array, check_number
from pcnnlib.viz import checks
from pcnnlib.viz.images import lay_out, to_rgb
from pcnnlib.viz.style import ASIDE, BLUE, QUIET, WIDTH, Picture, new_figure, styled, words


@styled
def codes_of_images(
    images: ArrayLike, codes: ArrayLike, rebuilt: ArrayLike, levels: int
) -> Picture:
    """Images, the numbers that they become, and what a decoder makes of those.

    Args:
        images, rebuilt: levels `(n, H, W, C)`.
        codes: integers `(n, h, w)` or `(n, h, w, 1)`; the most frequent one is the quiet one.
        levels: K of the images.

    Returns:
        `Picture`, a column for each image.

    Raises:
        UsageError: no images, shapes that disagree, or values that are no levels.
    """
    images = checks.check_images("images", images, levels)
    rebuilt = checks.check_images("rebuilt", rebuilt, levels)
    codes = as_array("codes", codes)
    codes = codes[..., 0] if codes.ndim == 4 and codes.shape[-1] == 1 else codes
    codes = checks.check_array("codes", codes, (len(images), "h", "w"), "integers")
    if codes.min() < 0:
        raise UsageError(f"codes must be at least 0, got {codes.min()}")
    if rebuilt.shape != images.shape:
        raise UsageError(f"rebuilt must have shape {images.shape}, got {rebuilt.shape}")
    usual = np.bincount(codes.ravel()).argmax()
    n, (height, width) = len(images), images.shape[1:3]
    side = min(2.4, (WIDTH - 0.2) / n)
    figure = new_figure(side * n + 0.2, 3 * side * height / width + 0.2)
    panels = np.asarray(figure.subplots(3, n, squeeze=False))
    rows, columns = codes.shape[1:]
    # Points: a cell is 72 * side / columns wide, and a digit 0.6 of its size.
    size = min(8.0, 95 * side / columns / max(len(str(codes.max())), 2))
    for k, (above, middle, below) in enumerate(panels.T):
        above.imshow(to_rgb(images[k : k + 1], levels)[0], interpolation="none")
        below.imshow(to_rgb(rebuilt[k : k + 1], levels)[0], interpolation="none")
        middle.set_xlim(-0.5, columns - 0.5)
        middle.set_ylim(rows - 0.5, -0.5)
        middle.set_aspect(columns * height / (rows * width))
        for (i, j), code in np.ndenumerate(codes[k]):
            colour = {} if code != usual else ASIDE
            middle.text(j, i, str(code), ha="center", va="center", fontsize=size, **colour)
        for axes in (above, middle, below):
            axes.set_axis_off()
    for axes, name in zip(panels[:, 0], ("image", "codes", "rebuilt"), strict=True):
        axes.set_axis_on()
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        axes.set_ylabel(name)
    return figure


@styled
def codebook(patches: ArrayLike, counts: ArrayLike, levels: int, *, columns: int = 16) -> Picture:
    """What each code stands for, the most used first, and how often each is used.

    Args:
        patches: levels `(codes, H, W, C)`.
        counts: `(codes,)`, how often each is used.
        levels: of the patches.
        columns: patches in a row.

    Returns:
        `Picture`. A patch whose code is never used is left out.

    Raises:
        UsageError: no patches, shapes that disagree, or counts that are not all at least 0 and
            somewhere more.
    """
    patches = checks.check_images("patches", patches, levels)
    counts = checks.check_array("counts", counts, (len(patches),))
    if counts.min() < 0 or not counts.sum():
        raise UsageError(f"counts must be numbers of at least 0, and not all 0, got {counts.min()}")
    columns = min(checks.check_columns(columns, len(patches)), len(patches))
    order = np.argsort(-counts, kind="stable")
    rgb = to_rgb(patches[order], levels)
    _, height, width, _ = rgb.shape
    opaque = np.concatenate([rgb, np.full((*rgb.shape[:3], 1), 255, "uint8")], axis=-1)
    opaque[counts[order] == 0] = 0
    scale = max(1, -(-24 // max(height, width)))
    canvas = lay_out(opaque, columns, scale, (3, 3), (0, 0, 0, 0), 0)
    inner = min(WIDTH, 0.42 * columns)
    tall = inner * canvas.shape[0] / canvas.shape[1]
    figure = new_figure(max(inner, 4.0), tall + 1.5)
    above, below = figure.subplots(2, 1, height_ratios=(tall, 1.2))
    above.imshow(canvas, interpolation="none")
    above.set_axis_off()
    shares = 100 * counts[order] / counts.sum()
    below.bar(np.arange(1, len(shares) + 1), shares, width=1.0, color=BLUE, lw=0)
    below.set_xlabel("codes, the most used first")
    below.set_ylabel("use, per cent")
    below.set_xlim(0.4, len(shares) + 0.6)
    return figure


@styled
def class_shares(shares: dict, *, y: str, reference: dict | None = None) -> Picture:
    """A share for each class, with two standard errors to either side.

    Args:
        shares: dict of class -> `(share, standard error)`, both from 0 to 1.
        y: what has the share.
        reference: dict of name -> share, drawn as horizontal dotted lines, or None.

    Returns:
        `Picture`.

    Raises:
        UsageError: nothing to show, or shares that are none.
    """
    pairs = checks.check_named("shares", shares, "class -> (share, standard error)")
    found: dict[Any, Any] = {}
    for name, pair in pairs.items():
        found[name] = checks.check_array(f"shares[{name!r}]", pair, (2,))
        for number in found[name]:
            check_number(f"shares[{name!r}]", float(number), 0, 1)
    reference = checks.check_optional("reference", reference, "name -> share")
    for name, share in reference.items():
        check_number(f"reference[{name!r}]", share, 0, 1)
    share, error = 100 * np.array(list(found.values())).T
    figure = new_figure(WIDTH * 0.8, 2.6)
    axes = figure.subplots()
    ends = np.minimum(2 * error, share), np.minimum(2 * error, 100 - share)
    at = np.arange(len(share))
    axes.errorbar(at, share, yerr=ends, fmt="o", color=BLUE, ms=5, capsize=3)
    for name, line in reference.items():
        axes.axhline(100 * line, color=QUIET, ls=":", lw=1.2)
        axes.annotate(
            words(name),
            (1, 100 * line),
            (0, 2),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            fontsize=8,
        )
    axes.set_xticks(at, [words(name) for name in found])
    axes.set_xlabel("class")
    axes.set_ylabel(f"{y}, per cent")
    axes.set_ylim(top=102)
    axes.grid(axis="y", color=QUIET, alpha=0.25, lw=0.6)
    return figure
