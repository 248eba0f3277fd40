"""The explorer of drawn images."""

import base64
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib import colormaps, colors
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, check_int
from pcnnlib.viz import checks
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
    levels = check_int("levels", levels, 2, 256)
    axes = checks.check_named("axes", axes, "axis name -> names of its positions")
    positions = {a: checks.check_sequence(f"axes[{a!r}]", options) for a, options in axes.items()}
    names = {str(axis): [str(option) for option in positions[axis]] for axis in axes}
    if len(names) < len(axes):
        raise UsageError(f"axes must have different names, got {', '.join(map(repr, axes))}")
    sizes = tuple(map(len, names.values()))
    images = checks.check_array("images", images, (*sizes, "m", "H", "W", "1 or 3"), "integers")
    checks.check_images("images", images.reshape(-1, *images.shape[-3:]), levels, "integers")
    start = [n // 2 for n in sizes] if start is None else start
    start = checks.check_sequence("start", start, len(sizes))
    start = [check_int("start", k, 0, n - 1) for k, n in zip(start, sizes, strict=True)]
    if points is None and labels is not None:
        raise UsageError("labels are for points, and there are no points")
    marks = None if points is None else _marks(points, labels, len(sizes))
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


def _marks(points: ArrayLike, labels: Sequence[int] | None, axes: int) -> list:
    """Place, class and colour of each point on the map."""
    if axes < 2 or labels is None:
        raise UsageError("points must be (n, 2) with labels, on a map of at least two axes")
    points = checks.check_array("points", points, ("n", 2))
    labels = checks.check_array("labels", labels, (len(points),), "integers")
    palette = colormaps["tab10"]
    return [
        (round(x, 2), round(y, 2), label, colors.to_hex(palette(label % 10)))
        for (x, y), label in zip(points.tolist(), labels.tolist(), strict=True)
    ]
