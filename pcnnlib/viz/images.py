"""Images as pictures: grids of samples, files, and pictures to complete.

Levels 0 .. K-1 become grey values 0 .. 255 (white on black), three channels become RGB.
"""

import io
import os
import struct
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from pcnnlib._internal.errors import UsageError, check_int, check_number, first_line
from pcnnlib._internal.files import replacing
from pcnnlib._internal.levels import level_dtype
from pcnnlib.viz import checks

# A neutral blue-grey that no grey level has: "nothing drawn here yet".
UNDRAWN = np.array([70, 84, 110], "uint8")
# What a picture to complete may be: files of pixels. (Pillow has others run by Ghostscript.)
FORMATS = ("PNG", "BMP", "GIF", "JPEG", "PPM", "TIFF", "WEBP")


def to_rgb(images: ArrayLike, levels: int, shown: ArrayLike | None = None) -> np.ndarray:
    """Levels as colours.

    Args:
        images: levels `(n, H, W, C)`, C 1 or 3; what lies between two is shown as such.
        levels: K.
        shown: bool mask broadcastable to `(n, H, W, C)`, False where nothing is drawn yet.

    Returns:
        uint8 `(n, H, W, 3)`.

    Raises:
        UsageError: no images, another shape, or values that are no levels.
    """
    images = checks.check_images("images", images, levels)
    rgb = np.rint(images * (255 / (levels - 1))).astype("uint8")
    rgb = np.broadcast_to(rgb, (*images.shape[:3], 3))
    if shown is not None:
        drawn = checks.check_mask("shown", shown, images.shape).all(axis=-1, keepdims=True)
        rgb = np.where(drawn, rgb, UNDRAWN)
    return rgb


def tile(
    images: ArrayLike,
    levels: int,
    *,
    columns: int | None = None,
    shown: ArrayLike | None = None,
    width: int = 640,
    gap: float = 0.5,
    background: ArrayLike = 255,
) -> np.ndarray:
    """A grid of images, each pixel drawn as a square, about `width` screen pixels wide.

    Args:
        images: integer `(n, H, W, C)`, C 1 or 3.
        levels: K.
        columns: images per row; by default a square grid.
        shown: bool mask broadcastable to `images`, False where nothing is drawn yet.
        width: screen pixels.
        gap: between images and around them, in pixels of an image.
        background: colour of the gaps, uint8 or `(3,)` of them.

    Returns:
        uint8 `(rows, columns, 3)`, a picture.

    Raises:
        UsageError: no images, or an argument out of range.
    """
    rgb = to_rgb(images, levels, shown)
    n, _, w, _ = rgb.shape
    columns = checks.check_columns(columns, n)
    scale = max(1, check_int("width", width, 1) // (columns * (w + 1)))
    size = max(1, int(scale * check_number("gap", gap, 0)))
    background = check_colour(background)
    return lay_out(rgb, columns, scale, (size, size), (size,) * 4, background)


def check_colour(background: ArrayLike) -> np.ndarray:
    """Return a colour, uint8 or `(3,)` of them, or raise `UsageError`."""
    colour = np.asarray(background)
    wrong = colour.dtype.kind not in "iu" or colour.shape not in ((), (3,))
    if wrong or colour.min() < 0 or colour.max() > 255:
        raise UsageError(f"background must be one or three integers 0..255, got {background!r}")
    return colour.astype("uint8")


def lay_out(
    pictures: np.ndarray,
    columns: int,
    scale: int,
    gaps: tuple[int, int],
    margins: tuple[int, int, int, int],
    background: ArrayLike,
) -> np.ndarray:
    """Pictures in a grid, row by row.

    Args:
        pictures: uint8 `(n, H, W, D)`.
        columns: pictures per row.
        scale: screen pixels per pixel.
        gaps: screen pixels between rows, and between columns.
        margins: screen pixels at the top, at the bottom, at the left and at the right.
        background: uint8, or `(D,)` of them.

    Returns:
        uint8 `(rows, columns, D)`.
    """
    pictures = pictures.repeat(scale, axis=1).repeat(scale, axis=2)
    n, h, w, depth = pictures.shape
    (between_rows, between_columns), (top, bottom, left, right) = gaps, margins
    rows = -(-n // columns)
    height = top + rows * h + (rows - 1) * between_rows + bottom
    width = left + columns * w + (columns - 1) * between_columns + right
    sheet = np.empty((height, width, depth), "uint8")
    sheet[:] = background
    for k, picture in enumerate(pictures):
        row, column = divmod(k, columns)
        y, x = top + row * (h + between_rows), left + column * (w + between_columns)
        sheet[y : y + h, x : x + w] = picture
    return sheet


def save_png(path: str | os.PathLike, picture: np.ndarray) -> None:
    """Write a picture, uint8 `(H, W, 3)`, in one step."""
    picture = check_picture(picture)
    with replacing(path) as scratch:
        Image.fromarray(picture).save(scratch)


def png_bytes(picture: np.ndarray) -> bytes:
    """A picture, uint8 `(H, W, 3)`, as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(check_picture(picture)).save(file, "png")
    return file.getvalue()


def check_picture(picture: np.ndarray) -> np.ndarray:
    """Return a picture, or raise `UsageError`."""
    return checks.check_array("picture", picture, ("H", "W", 3), "colours")


def read_png(
    path: str | os.PathLike, image_shape: Sequence[int], levels: int
) -> tuple[np.ndarray, np.ndarray]:
    """A picture to complete: its levels, and which of its pixels are opaque.

    Args:
        path: image file of exactly the model's size; transparent pixels are the ones to draw.
        image_shape: `(H, W, C)` of the model.
        levels: K; every grey value must be one of the K that stand for a level.

    Returns:
        `(H, W, C)`, uint8 or above 256 levels uint16, and bool `(H, W)`: the mask, all True if
        nothing is transparent.

    Raises:
        UsageError: unreadable, another size, or values that are no level.
    """
    height, width, channels = image_shape
    try:
        if not os.path.isfile(path) and os.path.exists(path):
            raise OSError("it is no file")  # a pipe could be waited for without an end
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(path, formats=FORMATS)
        with picture:
            # Asked before anything is decoded: a small file can hold a picture of any size.
            if picture.size != (width, height):
                raise UsageError(
                    f"picture {path} must be {height} rows by {width} columns, "
                    f"got {picture.height} by {picture.width}"
                )
            deep = picture.mode.startswith(
                "I"
            )  # grey of 16 bits, which Pillow would cut off at 255
            pixels = np.asarray(picture if deep else picture.convert("RGBA")).astype("int64")
    except UsageError:
        raise
    except Image.DecompressionBombError as error:
        raise UsageError(
            f"picture {path} must be {height} rows by {width} columns, and has far more pixels"
        ) from error
    # What damaged files can raise.
    except (OSError, ValueError, SyntaxError, struct.error, EOFError) as error:
        raise UsageError(f"picture {path} cannot be read: {first_line(error)}") from error
    keep = np.ones(pixels.shape, bool) if deep else pixels[..., 3] == 255
    colours = np.repeat(pixels[..., None], 3, axis=-1) if deep else pixels[..., :3]
    white = 65535 if deep else 255
    if channels == 1 and (colours[keep] != colours[keep][:, :1]).any():
        raise UsageError(f"picture {path} must be grey for a one-channel model, got colours")
    values = np.where(keep[..., None], colours[..., :channels], 0)
    image = np.rint(values * ((levels - 1) / white))
    wrong = (np.rint(image * (white / (levels - 1))) != values) | (values < 0) | (values > white)
    if wrong.any():
        raise UsageError(
            f"picture {path} must hold {levels} grey values, evenly spaced from 0 to {white}, "
            f"got {values[wrong][0]}"
        )
    return image.astype(level_dtype(levels)), keep
