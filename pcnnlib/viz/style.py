"""The look of the book's figures, and the parts that figures are made of.

Every figure is a `Picture`. In a notebook or on a page it shows itself as SVG without a background,
its ink in the colour of the text around it, so that it fits a light and a dark theme. Colours are
safe for colour-blind readers.
"""

import functools
import io
import itertools
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib
import numpy as np
from matplotlib import colors, patches
from matplotlib.figure import Figure

from pcnnlib.viz.markup import escape

INK = "#1b1f24"  # text and lines; on a page it becomes the colour of the text
QUIET = "#8a9099"  # grid lines; seen on light and dark
# Letters that stand back. A grey that is the same on a light and a dark page is legible on neither.
ASIDE: dict[str, Any] = {"color": INK, "alpha": 0.7}
BLUE, VERMILION, GREEN, PURPLE = "#2b83c6", "#d9622b", "#12997a", "#b0689f"
SERIES = (BLUE, VERMILION, GREEN, PURPLE, QUIET)
SEEN, BLIND, LEAK, LATER, HERE = BLUE, "#eda93b", "#b5179e", "#8a90992e", INK
FAR = "#8a909999"
MEANINGS = {
    "here": (HERE, "pixel being predicted"),
    "seen": (SEEN, "earlier, seen"),
    "blind": (BLIND, "earlier, blind: in reach, never seen"),
    "unreached": (FAR, "earlier, out of reach"),
    "leak": (LEAK, "later, but seen: a leak"),
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
LONGEST_LINE = 60  # letters of a legend's line: more do not fit into the width
ROW = 0.28  # inches, of a legend of one row


def styled(function: Callable) -> Callable:
    """Draw in the book's style, and leave the reader's own settings as they are."""

    @functools.wraps(function)
    def styled(*args, **kwargs):
        with matplotlib.rc_context(STYLE):
            return function(*args, **kwargs)

    return styled


class Picture(Figure):
    """A figure that shows itself as SVG in the colours of the page around it."""

    def svg(self, alt: str = "") -> str:
        """The figure as an SVG element to stand in a page, with `alt` for those who cannot see."""
        with matplotlib.rc_context(STYLE):
            file = io.StringIO()
            self.savefig(file, format="svg", transparent=True, metadata={"Date": None})
        text = file.getvalue()
        text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
        text = text.replace(INK, "currentColor")
        label = f'role="img" aria-label="{escape(alt)}" ' if alt else ""
        return text.replace(
            "<svg ", f'<svg {label}style="max-width: 100%; height: auto; color: inherit" ', 1
        )

    def _repr_mimebundle_(self, **kwargs):
        return {"text/html": self.svg(), "text/plain": "a figure"}


def words(text: Any) -> str:
    """A name as a figure shows it, whatever it is.

    Matplotlib would read mathematics between dollar signs, and leaves names that begin with an
    underscore, or are empty, out of legends.
    """
    name = str(text).replace("$", r"\$")
    return f" {name}" if name[:1] in ("", "_") else name


def wrapped(text: Any, longest: int) -> str:
    """A name as a figure shows it, in lines of at most so many letters."""
    return words(_in_lines(str(text), longest))


def _in_lines(text: str, longest: int) -> str:
    return "\n".join(textwrap.fill(line, longest) for line in text.split("\n"))


def series_styles() -> Iterator[tuple[str, dict]]:
    """Colour and dots of curves, without end: a colour that comes again has other dots."""
    for marker in itertools.cycle("os^Dv"):
        for colour in SERIES:
            yield colour, {"marker": marker, "ms": 2.5 if marker == "o" else 4.0}


def new_figure(width: float, height: float, layout: Any = "constrained") -> Picture:
    return Picture(figsize=(width, height), layout=layout)


def legend_below(axes: Any, columns: int = 3) -> None:
    """A legend under the axis' name: beside the axes, a narrow screen would cut it off.

    It has fewer columns than these where the figure is too narrow for them.
    """
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "borderaxespad": 3.8}
    handles, labels = axes.get_legend_handles_labels()
    _fit_legend(axes, handles, labels, columns, place)


def _fit_legend(owner: Any, handles: list, labels: list, columns: int, options: dict) -> None:
    """Give axes or a figure a legend that is not wider than the figure, and make room for it.

    Its place is for one row: the figure grows by those behind the first.
    """
    figure = owner.get_figure()
    # They have gone through `words` already; nothing at all would be no label.
    labels = [_in_lines(label, LONGEST_LINE) or " " for label in labels]
    engine = figure.get_layout_engine()
    figure.set_layout_engine("none")  # which would look for room while there is none
    for n in range(min(columns, len(labels)), 0, -1):
        legend = owner.legend(handles, labels, ncols=n, **options)
        figure.draw_without_rendering()
        size = legend.get_window_extent()
        if n == 1 or size.width <= figure.bbox.width:
            break
        legend.remove()
    figure.set_layout_engine(engine)
    figure.set_figheight(figure.get_figheight() + max(0.0, size.height / figure.dpi - ROW))


def new_panels(
    n: int, size: float, columns: int = 5, legend: bool = False
) -> tuple[Picture, np.ndarray]:
    columns = min(n, columns)
    rows = -(-n // columns)
    width = min(WIDTH, columns * size + 0.2)
    if legend:
        width = max(width, 6.4)
    size = min(size, (width - 0.2) / columns)
    figure = new_figure(width, rows * (size + 0.3) + (0.35 if legend else 0.05))
    axes = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axis in axes:
        axis.set_axis_off()
    return figure, axes[:n]


def paint(parts: list) -> np.ndarray:
    """RGBA `(H, W, 4)` from pairs of a colour and the cells that have it; later pairs win."""
    colour = np.zeros((*np.shape(parts[0][1]), 4))
    for name, cells in parts:
        colour[cells] = colors.to_rgba(name)
    return colour


def ink_on(colour: Any) -> str:
    """Black or white, whichever is better read on an opaque colour (contrast as in WCAG 2)."""
    rgb = np.array(colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    # Not `INK`, which a dark page turns to light.
    return "#101418" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"


def draw_cells(axes: Any, colour: np.ndarray, gap: bool = True) -> None:
    """Cells as small squares, with transparent gaps where there is room for them."""
    scale = 12 if gap else 4
    height, width = colour.shape[:2]
    cells = colour.repeat(scale, axis=0).repeat(scale, axis=1)
    if gap:
        cells[::scale], cells[:, ::scale] = 0, 0
    axes.imshow(cells, interpolation="none", extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    axes.set_axis_off()


def mark_pixel(axes: Any, at: Any) -> None:
    """The pixel being predicted: a patch, since an image could not take the text's colour."""
    axes.add_patch(patches.Rectangle((at[1] - 0.42, at[0] - 0.42), 0.9, 0.9, fc=HERE, lw=0))


def role_legend(figure: Any, names: list, labels: dict | None = None) -> None:
    colour_legend(figure, {(labels or {}).get(n, MEANINGS[n][1]): MEANINGS[n][0] for n in names})


def colour_legend(figure: Any, meanings: dict) -> None:
    """Legend below a figure, from a dict of word -> colour: one row if there is room for it."""
    legend_outside(
        figure,
        [patches.Patch(color=colour, lw=0) for colour in meanings.values()],
        [words(meaning) for meaning in meanings],
        columns=len(meanings) if len(meanings) < 5 else 3,
        fontsize=8,
        handlelength=1.1,
        handleheight=1.1,
        columnspacing=1.4,
    )


def legend_outside(
    figure: Any, handles: list, labels: list, *, columns: int, **options: Any
) -> None:
    """Legend below a whole figure, in so many columns, or in fewer if it is too narrow for them."""
    options = {"loc": "outside lower center", **options}
    _fit_legend(figure, handles, labels, columns, options)
