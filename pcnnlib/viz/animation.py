"""Images being generated, as looping animations."""

import base64
import html
import io

import numpy as np
from PIL import Image

from pcnnlib import sampling
from pcnnlib._internal.errors import check_int
from pcnnlib.viz.images import UNDRAWN, save_pictures, tile, to_rgb


class Animation:
    """A looping GIF of images being generated. `save(path)` writes it, a notebook shows it.

    Attributes:
        pictures: list of uint8 `(rows, columns, 3)`, one a frame; the last is finished.
        milliseconds: time of a frame.
    """

    def __init__(self, pictures, milliseconds):
        self.pictures = pictures
        self.milliseconds = milliseconds

    def save(self, path):
        """Write the GIF in one step."""
        save_gif(path, self.pictures, milliseconds=self.milliseconds)

    def html(self, alt=""):
        """The animation as HTML; for readers who asked for less motion, its last frame."""
        moving, still = io.BytesIO(), io.BytesIO()
        first, *others = [Image.fromarray(p).quantize(64, dither=0) for p in self.pictures]
        times = [self.milliseconds] * len(others) + [2500]
        first.save(
            moving,
            "gif",
            save_all=True,
            append_images=others,
            duration=times,
            loop=0,
            optimize=True,
        )
        Image.fromarray(self.pictures[-1]).quantize(64, dither=0).save(still, "png", optimize=True)
        width = self.pictures[0].shape[1]
        return (
            '<picture><source media="(prefers-reduced-motion: reduce)" '
            f'srcset="data:image/png;base64,{_base64(still)}">'
            f'<img class="dark-light" width="{width}" alt="{html.escape(alt)}" '
            f'style="max-width: 100%" '
            f'src="data:image/gif;base64,{_base64(moving)}"></picture>'
        )

    def _repr_mimebundle_(self, **kwargs):
        return {"text/html": self.html(), "text/plain": "an animation"}


def animate(images, levels, *, columns=None, given=None, every=1, milliseconds=70, width=480):
    """Images being generated pixel by pixel, as a looping animation.

    Args:
        images: finished images, `(n, H, W, C)`.
        levels: K.
        columns: images per row; all in one row by default.
        given: mask of pixels known from the start.
        every: pixels from one frame to the next.
        milliseconds: time of a frame.
        width: of the animation, screen pixels.

    Returns:
        `Animation`. Pixels not drawn yet have a blue-grey tint that no grey level has.
    """
    images = np.asarray(images)
    n, h, w, _ = images.shape
    columns = min(n, check_int("columns", columns, 1) if columns else n)
    rows = -(-n // columns)
    scale = max(1, width // (columns * (w + 1)))
    gap = scale
    pictures = []
    for part, shown in sampling.frames(images, given, every=every):
        rgb = to_rgb(part, levels, shown).repeat(scale, axis=1).repeat(scale, axis=2)
        # The gaps have the tint as well: one quiet sheet, on which images appear.
        sheet = np.empty((rows * (h * scale + gap) + gap, columns * (w * scale + gap) + gap, 3))
        sheet[:] = UNDRAWN * 0.72
        for k, image in enumerate(rgb):
            top = gap + (k // columns) * (h * scale + gap)
            left = gap + (k % columns) * (w * scale + gap)
            sheet[top : top + h * scale, left : left + w * scale] = image
        pictures.append(sheet.astype("uint8"))
    return Animation(pictures, milliseconds)


def _base64(file):
    return base64.b64encode(file.getvalue()).decode()


def growing(images, levels, *, columns=None, keep=None, frames=48, width=480):
    """Grids of images that grow pixel by pixel: a list of pictures, the last one finished."""
    pixels = images.shape[1] * images.shape[2]
    every = max(1, pixels // frames)
    return [
        tile(part, levels, columns=columns, shown=shown, width=width)
        for part, shown in sampling.frames(images, keep, every=every)
    ]


def save_gif(path, pictures, *, milliseconds=60, hold=2000):
    """Write a looping animation; the last picture stays for `hold` milliseconds."""
    pictures = [Image.fromarray(p) for p in pictures]
    times = [milliseconds] * (len(pictures) - 1) + [hold]
    save_pictures(path, pictures, save_all=True, append_images=pictures[1:], duration=times, loop=0)
