"""The explorer of receptive fields."""

import ipywidgets
import numpy as np

from pcnnlib._internal.errors import check_int
from pcnnlib.analysis import receptive_field
from pcnnlib.models import GatedPixelCNN, PixelCNN
from pcnnlib.nn.raster import before
from pcnnlib.viz.explorers.base import Explorer, _asset, _fresh_name, _pack, _select, _slider

MODELS = {"PixelCNN": PixelCNN, "Gated PixelCNN": GatedPixelCNN}


def measure_frames(size, kernel_sizes, layers):
    """What a pixel sees, for every model, kernel size and number of layers, by gradient.

    A convolution does the same everywhere, so one pixel tells of all: it is measured in the last
    row, at the centre of an image wide enough for every offset that fits in `size` by `size`.

    Args:
        size: height and width S of the image to explore.
        kernel_sizes: odd ints, of the first and of all later layers alike.
        layers: ints >= 2, convolutions stacked.

    Returns:
        bool `(models, kernel sizes, layers, S, 2S - 1)`; `[..., i, j]` tells of the pixel
        `S - 1 - i` rows above and `S - 1 - j` columns to the left.
    """
    frames = [
        [[_measure(name, size, kernel, depth) for depth in layers] for kernel in kernel_sizes]
        for name in MODELS
    ]
    return np.array(frames)


def _measure(name, size, kernel_size, layers):
    # The first masked convolution of the PixelCNN is no block; that of the gated model is.
    blocks = layers - 1 if name == "PixelCNN" else layers
    model = MODELS[name](
        (size, 2 * size - 1, 1),
        filters=16,
        blocks=blocks,
        first_kernel_size=kernel_size,
        kernel_size=kernel_size,
    )
    return receptive_field(model, (size - 1, size - 1), images=2) > 0


def pixel_roles(frame, at):
    """What each pixel of an image is to the one at `at`: "here", "seen", "blind" or "later".

    Args:
        frame: bool `(S, 2S - 1)`, see `measure_frames`.
        at: `(i, j)`.

    Returns:
        str array `(S, S)`.
    """
    size = len(frame)
    i, j = at
    # The frame, moved so that its own pixel lies at (i, j); rows below are never seen.
    moved = np.zeros((size, size), bool)
    moved[: i + 1] = frame[size - 1 - i :, size - 1 - j : 2 * size - 1 - j]
    found = np.where(before((size, size), at), np.where(moved, "seen", "blind"), "later")
    found[i, j] = "here"
    return found


class ReceptiveFieldExplorer(Explorer):
    """The explorer of receptive fields; made by `receptive_field_explorer`."""

    said = "an explorer of receptive fields"

    def __init__(self, frames, kernel_sizes, layers, at, **kwargs):
        self.frames = frames
        self.kernel_sizes = list(kernel_sizes)
        self.layer_counts = list(layers)
        self.size = frames.shape[-2]
        last = self.size - 1
        self.controls = {
            "model": ipywidgets.Dropdown(options=list(MODELS), description="Model"),
            "kernel": ipywidgets.Dropdown(
                options=[(f"{k} × {k}", k) for k in self.kernel_sizes], description="Kernel"
            ),
            "layers": ipywidgets.SelectionSlider(
                options=self.layer_counts,
                # A depth at which there is a blind spot to see.
                value=self.layer_counts[len(self.layer_counts) // 2],
                description="Layers",
            ),
            "row": ipywidgets.IntSlider(at[0], 0, last, description="Row"),
            "column": ipywidgets.IntSlider(at[1], 0, last, description="Column"),
        }
        self.picture = ipywidgets.HTML()
        super().__init__([self.picture], **kwargs)

    @property
    def choice(self):
        """The values of the controls, by name."""
        return {name: control.value for name, control in self.controls.items()}

    def redraw(self, change=None):
        """Show what the controls say."""
        choice = self.choice
        frame = self.frames[
            list(MODELS).index(choice["model"]),
            self.kernel_sizes.index(choice["kernel"]),
            self.layer_counts.index(choice["layers"]),
        ]
        at = choice["row"], choice["column"]
        field, said = _field(pixel_roles(frame, at), at)
        self.picture.value = (
            f'<style>{_asset("explorer.css")}</style><div class="pcnn-explorer">{field}'
            f"<p>{said}</p>{_key()}</div>"
        )

    def html(self):
        """The explorer as HTML that needs nothing else: no kernel, no library, no network."""
        name = _fresh_name()
        data = {
            "size": self.size,
            "models": list(MODELS),
            "kernels": self.kernel_sizes,
            "layers": self.layer_counts,
            "frames": _pack(self.frames),
        }
        choice = self.choice
        last = self.size - 1
        kernels = [f"{k} × {k}" for k in self.kernel_sizes]
        controls = [
            _select(name, "model", "Model", list(MODELS), choice["model"]),
            _select(name, "kernel", "Kernel", kernels, f"{choice['kernel']} × {choice['kernel']}"),
            _slider(
                name,
                "layers",
                "Layers",
                self.layer_counts[0],
                self.layer_counts[-1],
                choice["layers"],
            ),
            _slider(name, "row", "Row", 0, last, choice["row"]),
            _slider(name, "column", "Column", 0, last, choice["column"]),
        ]
        frame = np.zeros((self.size, 2 * self.size - 1), bool)
        field, _ = _field(pixel_roles(frame, (0, 0)), (0, 0))
        shown = f'{field}<p class="said" role="status"></p>{_key()}'
        return self._page(name, controls, shown, "explorer.js", "exploreReceptiveField", data)


def receptive_field_explorer(
    *, size=15, kernel_sizes=(3, 5, 7), layers=(2, 3, 4, 5, 6, 7, 8), at=(9, 5)
):
    """Choose a model, a kernel size, a number of layers and a pixel; see what the pixel sees.

    Args:
        size: height and width of the image.
        kernel_sizes: odd ints of at least 3.
        layers: consecutive ints of at least 2.
        at: `(row, column)` to begin with.

    Returns:
        An ipywidget that also shows itself, and responds, on a page without a kernel.

    Raises:
        UsageError: a size, kernel size, number of layers or pixel out of range.
    """
    size = check_int("size", size, 2)
    layers = [check_int("layers", n, 2) for n in layers]
    at = tuple(check_int("at", v, 0, size - 1) for v in at)
    return ReceptiveFieldExplorer(
        measure_frames(size, kernel_sizes, layers), kernel_sizes, layers, at
    )


def _field(found, at):
    """An SVG of the pixels and the sentence that says what is seen."""
    size = len(found)
    cells = "".join(
        f'<rect x="{j}.05" y="{i}.05" width=".9" height=".9" class="{found[i, j]}"/>'
        for i, j in np.ndindex(found.shape)
    )
    seen, blind = int((found == "seen").sum()), int((found == "blind").sum())
    said = (
        f"Row {at[0]}, column {at[1]}: {seen} of {seen + blind} earlier pixels seen, {blind} not."
    )
    box = f'viewBox="0 0 {size} {size}" role="img" aria-label="{said}"'
    return f'<svg class="field" {box}>{cells}</svg>', said


def _key():
    words = {
        "here": "pixel being predicted",
        "seen": "earlier, seen",
        "blind": "earlier, not seen",
        "later": "not yet generated",
    }
    parts = (
        '<span><svg viewBox="0 0 1 1" aria-hidden="true">'
        f'<rect width="1" height="1" class="{state}"/></svg>{text}</span>'
        for state, text in words.items()
    )
    return f'<p class="key">{"".join(parts)}</p>'
