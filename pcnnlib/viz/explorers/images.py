"""The explorer of drawn images."""

import base64

import ipywidgets
import numpy as np
from matplotlib import colormaps, colors

from pcnnlib._internal.errors import UsageError, check_int
from pcnnlib.viz import images as pictures
from pcnnlib.viz.explorers.base import Explorer, _asset, _fresh_name, _slider


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
