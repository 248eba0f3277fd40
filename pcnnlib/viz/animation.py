"""Images being generated, as looping animations."""

import base64
import io
import os
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from pcnnlib import sampling
from pcnnlib._internal.errors import check_int
from pcnnlib._internal.files import replacing
from pcnnlib.viz import checks
from pcnnlib.viz.images import UNDRAWN, tile
from pcnnlib.viz.markup import escape

# Between images, a darker shade of what is not drawn yet: one quiet sheet, on which images appear.
SHEET = (UNDRAWN * 0.72).astype("uint8")
# Grey levels and a few tints need no more; on a page every kilobyte counts.
PAGE_COLOURS = 64
# Of a frame, and of the last one.
MILLISECONDS, HOLD = 70, 2500
# A GIF counts hundredths of a second in two bytes.
SHORTEST, LONGEST = 20, 655_350


class Animation:
    """A looping GIF of images being generated. `save(path)` writes it, a notebook shows it.

    Attributes:
        pictures: list of uint8 `(rows, columns, 3)`, one a frame; the last is finished.
        milliseconds: time of a frame, at least 20: browsers take less for no time at all, and show
            a tenth of a second. The file counts hundredths.
        hold: milliseconds of the last frame.
    """

    def __init__(
        self, pictures: list[np.ndarray], milliseconds: int = MILLISECONDS, hold: int = HOLD
    ) -> None:
        pictures = checks.check_sequence("pictures", pictures)
        shape = np.shape(pictures[0]) if np.ndim(pictures[0]) == 3 else ("H", "W", 3)
        self.pictures = [
            checks.check_array("pictures", picture, (*shape[:2], 3), "colours")
            for picture in pictures
        ]
        self.milliseconds = check_int("milliseconds", milliseconds, SHORTEST, LONGEST)
        self.hold = check_int("hold", hold, SHORTEST, LONGEST)

    def save(self, path: str | os.PathLike) -> None:
        """Write the GIF in one step, in as many colours as a GIF takes, 256 a frame."""
        frames = [Image.fromarray(picture) for picture in self.pictures]
        with replacing(path) as scratch:
            self._write(scratch, frames)

    def html(self, alt: str = "") -> str:
        """The animation as HTML; for readers who prefer less motion, its last frame."""
        moving, still = io.BytesIO(), io.BytesIO()
        frames = [
            Image.fromarray(p).quantize(PAGE_COLOURS, dither=Image.Dither.NONE)
            for p in self.pictures
        ]
        self._write(moving, frames, optimize=True)
        frames[-1].save(still, "png", optimize=True)
        width = self.pictures[0].shape[1]
        return (
            '<picture><source media="(prefers-reduced-motion: reduce)" '
            f'srcset="data:image/png;base64,{_base64(still)}">'
            f'<img class="dark-light" width="{width}" alt="{escape(alt)}" '
            f'style="max-width: 100%" '
            f'src="data:image/gif;base64,{_base64(moving)}"></picture>'
        )

    def _write(self, file: Any, frames: list, **options: Any) -> None:
        times = [self.milliseconds] * (len(frames) - 1) + [self.hold]
        options |= {"save_all": True, "append_images": frames[1:], "duration": times, "loop": 0}
        frames[0].save(file, "gif", **options)

    def _repr_mimebundle_(self, **kwargs):
        return {"text/html": self.html(), "text/plain": "an animation"}


def animate(
    images: ArrayLike,
    levels: int,
    *,
    columns: int | None = None,
    keep: ArrayLike | None = None,
    every: int = 1,
    order: int = 0,
    milliseconds: int = MILLISECONDS,
    hold: int = HOLD,
    width: int = 480,
    gap: float = 1.0,
    background: ArrayLike = SHEET,
) -> Animation:
    """Images being generated pixel by pixel, as a looping animation.

    Args:
        images: finished images, `(n, H, W, C)`.
        levels: K.
        columns: images per row; all in one row by default.
        keep: mask of pixels known from the start.
        every: pixels from one frame to the next.
        order: in which the images were drawn, see `pcnnlib.nn.raster.ORDERS`.
        milliseconds: time of a frame.
        hold: milliseconds of the last frame.
        width: of the animation, screen pixels.
        gap, background: between images, see `pcnnlib.viz.images.tile`.

    Returns:
        `Animation`. Pixels not drawn yet have a blue-grey tint that no grey level has.

    Raises:
        UsageError: no images, values that are no levels, or an argument out of range.
    """
    images = checks.check_images("images", images, levels)
    if keep is not None:
        keep = checks.check_mask("keep", keep, images.shape)
    columns = len(images) if columns is None else check_int("columns", columns, 1)
    pictures = [
        tile(
            part, levels, columns=columns, shown=shown, width=width, gap=gap, background=background
        )
        for part, shown in sampling.frames(images, keep, every=every, order=order)
    ]
    return Animation(pictures, milliseconds, hold)


def _base64(file: io.BytesIO) -> str:
    return base64.b64encode(file.getvalue()).decode()
