"""Explorers of receptive fields and of drawn images, alive with a kernel and without one.

In Jupyter and Colab they are made of ipywidgets. On a page without a kernel the same frames are
shown by a few lines of JavaScript that stand in the page itself. Every frame is measured on a
model, or drawn by one.
"""

import base64
import html
import importlib.resources
import json
import uuid

import ipywidgets
import numpy as np
from matplotlib import colormaps, colors

from pcnnlib import images as pictures
from pcnnlib.analysis import receptive_field
from pcnnlib.errors import UsageError, check_int
from pcnnlib.models import GatedPixelCNN, PixelCNN

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
    order = np.arange(size * size).reshape(size, size)
    before = order < order[i, j]
    found = np.where(before, np.where(moved, "seen", "blind"), "later")
    found[i, j] = "here"
    return found


class Explorer(ipywidgets.VBox):
    """What explorers share: controls to choose with, and a second form as plain HTML.

    A subclass sets `controls`, a dict of ipywidgets, before it calls this constructor with the
    widgets that show what was chosen; it has `redraw()` and `html()`.
    """

    said = "an explorer"

    def __init__(self, shown, **kwargs):
        super().__init__([*self.controls.values(), *shown], **kwargs)
        for control in self.controls.values():
            control.observe(self.redraw, names="value")
        self.redraw()

    def _page(self, name, controls, shown, script, call, data):
        """Controls, what they show, and the script that connects them, in one element."""
        packed = json.dumps(data).replace("</", "<\\/")  # a name must not end the script
        # The script runs in a function of its own, so that several explorers fit on a page.
        return (
            f"<style>{_asset('explorer.css')}</style>"
            f'<div class="pcnn-explorer" id="{name}">'
            f'<div class="controls">{"".join(controls)}</div>{shown}</div>'
            f"<script>(() => {{\n{_asset(script)}"
            f'{call}(document.getElementById("{name}"), {packed});\n'
            "})();</script>"
        )

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["text/html"] = self.html()
        data["text/plain"] = self.said
        return bundle


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


class ImageExplorer(Explorer):
    """The explorer of drawn images; made by `image_explorer`."""

    said = "an explorer of drawn images"

    def __init__(self, images, levels, axes, start, points, labels, **kwargs):
        self.images = images
        self.levels = levels
        self.axes = axes
        self.points = points
        self.labels = labels
        self.controls = {
            axis: ipywidgets.SelectionSlider(
                options=[(option, k) for k, option in enumerate(options)],
                value=k0,
                description=axis,
            )
            for (axis, options), k0 in zip(axes.items(), start, strict=True)
        }
        self.picture = ipywidgets.Image(format="png")
        self.map = ipywidgets.HTML()
        super().__init__([self.picture] if points is None else [self.picture, self.map], **kwargs)

    @property
    def position(self):
        """Index of the chosen option of every axis."""
        return tuple(control.value for control in self.controls.values())

    def redraw(self, change=None):
        """Show what the controls say."""
        drawn = self.images[self.position]
        self.picture.value = pictures.png_bytes(
            pictures.tile(drawn, self.levels, columns=len(drawn), width=480)
        )
        if self.points is not None:
            self.map.value = (
                f'<style>{_asset("explorer.css")}</style><div class="pcnn-explorer">'
                f"{self._map_svg()}</div>"
            )

    def _map_svg(self):
        """The points in the plane of the first two axes, and a ring at the chosen position."""
        columns, rows = (len(options) for options in list(self.axes.values())[:2])
        palette = colormaps["tab10"]
        marks = "".join(
            f'<text x="{x:.2f}" y="{rows - 1 - y:.2f}" '
            f'fill="{colors.to_hex(palette(label % 10))}">{label}</text>'
            for (x, y), label in zip(self.points, self.labels, strict=True)
        )
        x, y = self.position[:2]
        ring = f'<circle class="marker" cx="{x}" cy="{rows - 1 - y}" r=".3"/>'
        return (
            f'<svg class="map" viewBox="-0.5 -0.5 {columns} {rows}" role="img" '
            f'aria-label="map of codes, each shown as its class">{marks}{ring}</svg>'
        )

    def html(self):
        """The explorer as HTML that needs nothing else: no kernel, no library, no network."""
        name = _fresh_name()
        count, height, width, channels = self.images.shape[len(self.axes) :]
        data = {
            "options": list(self.axes.values()),
            "count": count,
            "height": height,
            "width": width,
            "channels": channels,
            "highest": self.levels - 1,
            "says": f"{count} drawn images",
            "images": base64.b64encode(self.images.tobytes()).decode(),
        }
        controls = [
            _slider(name, axis, axis, 0, len(options) - 1, at, options[at])
            for (axis, options), at in zip(self.axes.items(), self.position, strict=True)
        ]
        shown = f'<canvas width="{count * (width + 1) - 1}" height="{height}" role="img"></canvas>'
        if self.points is not None:
            shown += self._map_svg()
        return self._page(name, controls, shown, "image_explorer.js", "exploreImages", data)


def image_explorer(images, levels, axes, *, start=None, points=None, labels=None):
    """Choose a position on every axis; see the images that were drawn there.

    Args:
        images: integer levels `(n_1, ..., n_k, m, H, W, C)`: m images for each position on k axes.
        levels: K, at most 256.
        axes: dict of axis name -> list of `n_i` names of its places.
        start: index on every axis to begin with; by default the middle.
        points: `(n, 2)`, a map of the first two axes, in their indices; a click on it chooses.
        labels: int `(n,)`, the class of each point.

    Returns:
        An ipywidget that also shows itself, and responds, on a page without a kernel.

    Raises:
        UsageError: shapes that disagree, or a start out of range.
    """
    images = np.asarray(images)
    axes = {str(axis): [str(option) for option in options] for axis, options in axes.items()}
    sizes = tuple(len(options) for options in axes.values())
    if images.ndim != len(sizes) + 4 or images.shape[: len(sizes)] != sizes:
        raise UsageError(
            f"images must have shape ({', '.join(map(str, sizes))}, m, H, W, C), one part for each "
            f"position, got {images.shape}"
        )
    if images.dtype.kind not in "iu" or images.min() < 0 or images.max() >= levels:
        raise UsageError(f"images must hold integer levels 0..{levels - 1}, got {images.dtype}")
    start = [n // 2 for n in sizes] if start is None else list(start)
    if len(start) != len(sizes):
        raise UsageError(f"start must have {len(sizes)} indices, got {start}")
    start = [check_int("start", k, 0, n - 1) for k, n in zip(start, sizes, strict=True)]
    if points is not None:
        points = np.asarray(points, float)
        if len(sizes) < 2 or points.ndim != 2 or points.shape[1] != 2 or labels is None:
            raise UsageError(f"points must be (n, 2) with labels, got {points.shape}")
        if len(labels) != len(points):
            raise UsageError(f"labels must be one for each of {len(points)} points")
    return ImageExplorer(images.astype("uint8"), levels, axes, start, points, labels)


def _fresh_name():
    return f"explorer-{uuid.uuid4().hex[:8]}"


def _pack(frames):
    """Frames as base64 of their bits, each frame filled up to whole bytes."""
    flat = frames.reshape(-1, frames.shape[-2] * frames.shape[-1])
    return base64.b64encode(np.packbits(flat, axis=1).tobytes()).decode()


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


def _select(name, control, label, options, chosen):
    choices = "".join(
        f"<option{' selected' if option == chosen else ''}>{html.escape(option)}</option>"
        for option in options
    )
    return (
        f'<label for="{name}-{control}"><span>{label}</span>'
        f'<select id="{name}-{control}" data-control="{control}">{choices}</select></label>'
    )


def _slider(name, control, label, first, last, chosen, said=None):
    said = chosen if said is None else said
    key = f"{name}-{control.replace(' ', '-')}"
    return (
        f'<label for="{key}"><span>{html.escape(label)}</span><input type="range" '
        f'id="{key}" data-control="{html.escape(control)}" min="{first}" max="{last}" '
        f'value="{chosen}"><output for="{key}">{html.escape(str(said))}</output></label>'
    )


def _asset(name):
    return importlib.resources.files("pcnnlib").joinpath(name).read_text(encoding="utf-8")
