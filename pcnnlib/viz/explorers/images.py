"""The explorer of drawn images."""

import base64
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib import colormaps, colors
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, check_int
from pcnnlib.viz.explorers.base import Explorer, control
from pcnnlib.viz.images import to_rgb


def image_explorer(
    images: ArrayLike,
    levels: int,
    axes: Mapping[str, Iterable[object]],
    *,
    start: Sequence[int] | None = None,
    points: ArrayLike | None = None,
    labels: Sequence[int] | None = None,
) -> Explorer:
    """Choose a position on every axis; see the images that were drawn there.

    Args:
        images: integer levels `(n_1, ..., n_k, m, H, W, C)`: m images for each position on k axes.
        levels: K, at most 256.
        axes: dict of axis name -> list of `n_i` names of its positions.
        start: index on every axis to begin with; by default the middle.
        points: `(n, 2)`, a map of the first two axes, in their indices; a click on it chooses.
        labels: int `(n,)`, the class of each point.

    Returns:
        A widget that also shows itself, and responds, on a page without a kernel. Its trait
        `choice` is a dict of axis name -> index.

    Raises:
        UsageError: shapes that disagree, or a start out of range.
    """
    images = np.asarray(images)
    names = {str(axis): [str(option) for option in options] for axis, options in axes.items()}
    sizes = tuple(map(len, names.values()))
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
    marks = None
    if points is not None:
        points = np.asarray(points, float)
        if len(sizes) < 2 or points.ndim != 2 or points.shape[1] != 2 or labels is None:
            raise UsageError(f"points must be (n, 2) with labels, got {points.shape}")
        if len(labels) != len(points):
            raise UsageError(f"labels must be one for each of {len(points)} points")
        palette = colormaps["tab10"]
        marks = [
            (round(x, 2), round(y, 2), int(label), colors.to_hex(palette(label % 10)))
            for (x, y), label in zip(points.tolist(), labels, strict=True)
        ]
    count, height, width, channels = images.shape[len(sizes) :]
    data = {
        "kind": "images",
        "controls": [control(a, a, range(len(o)), o) for a, o in names.items()],
        "count": count,
        "height": height,
        "width": width,
        "channels": channels,
        "greys": to_rgb(np.arange(levels).reshape(-1, 1, 1, 1), levels)[:, 0, 0, 0].tolist(),
        "images": base64.b64encode(images.astype("uint8").tobytes()).decode(),
        "points": marks,
    }
    choice = dict(zip(names, start, strict=True))
    return Explorer("an explorer of drawn images", choice, data)
