"""What tests of figures share: the colours that a reader would see, wherever they look."""

import numpy as np
from matplotlib import colors
from matplotlib.backends.backend_agg import FigureCanvasAgg


class Drawn:
    """A figure as it appears on white paper.

    Colours are read from the finished picture, so that whatever turns an axis round, covers
    something or shifts it by a cell is noticed.
    """

    def __init__(self, figure):
        self.figure = figure
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        self.pixels = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)

    def colour(self, axes, x, y):
        """RGB, 0 .. 255, at a point given in the coordinates of the axes."""
        across, up = axes.transData.transform((x, y))
        return self.pixels[self.pixels.shape[0] - 1 - int(up), int(across)]

    def cells(self, axes, shape, off=0.35):
        """RGB `(H, W, 3)` of cells at whole coordinates, beside the text in their middle."""
        return np.array(
            [
                [self.colour(axes, j + off, i + off) for j in range(shape[1])]
                for i in range(shape[0])
            ]
        )

    def names(self, axes, shape, palette):
        """Name of each cell's colour, lists as rows; the RGB itself if no name fits."""
        near = {name: on_white(colour) for name, colour in palette.items()}

        def name(rgb):
            fits = [name for name, wanted in near.items() if np.abs(rgb - wanted).max() <= 2]
            return fits[0] if len(fits) == 1 else tuple(rgb.tolist())

        return [[name(rgb) for rgb in row] for row in self.cells(axes, shape)]


def on_white(colour, alpha=None):
    """RGB, 0 .. 255, of a colour that may be half transparent."""
    *rgb, opacity = colors.to_rgba(colour)
    opacity = opacity if alpha is None else alpha
    return 255 * (1 - opacity * (1 - np.array(rgb)))


def legend_colours(legend):
    """dict of text -> colour, in the order of the legend: of its patches or of its lines."""
    handles = legend.legend_handles
    texts = [text.get_text() for text in legend.get_texts()]
    pick = [h.get_facecolor() if hasattr(h, "get_facecolor") else h.get_color() for h in handles]
    return dict(zip(texts, pick, strict=True))


def texts_at(axes, visible=True):
    """dict of `(x, y)` -> text."""
    shown = [text for text in axes.texts if text.get_visible() or not visible]
    return {tuple(map(float, text.get_position())): text.get_text() for text in shown}


def tick_labels(axis):
    """dict of position -> text, of the ticks of an x or y axis."""
    pairs = zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True)
    return {float(at): label.get_text() for at, label in pairs}


def line_called(axes, label):
    """`(xs, ys)` of the one line with this label."""
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return np.array(line.get_xdata()), np.array(line.get_ydata())
