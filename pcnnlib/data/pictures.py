"""One picture: PNG, JPEG or WebP, read safely and brought to a size.

A small file can hold a picture of any size: its size is asked for before anything is decoded.
"""

import hashlib
import io
import os
import warnings
from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from pcnnlib._internal.errors import UsageError, first_line
from pcnnlib.data.files import is_regular_file

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
FORMATS = ("PNG", "JPEG", "WEBP")
MOST_PIXELS = 100_000_000  # of one picture
MOST_BYTES = 256 << 20  # of one file
SIDE, LARGEST_SIDE = 32, 64  # of images whose size nobody has chosen
ORIENTATION = 0x0112  # the tag of EXIF by which cameras say how they were held


def read_picture(
    path: str | os.PathLike, size: tuple[int, int], colour: bool = True
) -> tuple[str, np.ndarray]:
    """A picture upright, its middle cut out in the shape of `size`, and resized.

    What is transparent becomes white.

    Args:
        path: the file.
        size: height and width.
        colour: red, green and blue; False: grey.

    Returns:
        SHA-256 of the file, and uint8 `(H, W, 3)` or `(H, W, 1)`.

    Raises:
        Exception: of any kind, whatever a decoder raises for a damaged file.
    """
    contents = _contents(path)
    picture = _opened(contents)
    # A large JPEG is decoded at a fraction of its size, which saves most of the time.
    picture.draft(None, (2 * max(size), 2 * max(size)))
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):  # 16 bits of grey, of which Pillow would keep the lower 8
        picture = Image.fromarray((np.asarray(picture) >> 8).astype("uint8"))
    if "A" in picture.getbands() or "transparency" in picture.info:
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture.convert("RGBA"))
    picture = picture.convert("RGB" if colour else "L")
    picture = ImageOps.fit(picture, size[::-1], Image.Resampling.LANCZOS)
    return hashlib.sha256(contents).hexdigest(), np.asarray(picture).reshape(*size, -1)


def common_size(paths: Iterable[str | os.PathLike]) -> tuple[int, int]:
    """Height and width that all pictures have, if they are small; else 32 by 32."""
    sizes = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in paths:
            try:
                opened = _opened(_contents(path))
                turned = opened.getexif().get(ORIENTATION, 1) > 4
            except Exception:  # a damaged one is named when it is to be decoded
                continue
            sizes.add(opened.size if turned else opened.size[::-1])
            if len(sizes) > 1 or max(opened.size) > LARGEST_SIDE:
                return SIDE, SIDE
    return sizes.pop() if sizes else (SIDE, SIDE)


def reason(error: Exception) -> str:
    """Why a picture cannot be read, in few words."""
    if isinstance(error, UnidentifiedImageError):  # Pillow's own text names a place in memory
        return "no PNG, JPEG or WebP"
    if isinstance(error, UsageError):
        return str(error).rpartition(" cannot be read: ")[2]
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return first_line(error)


def _contents(path):
    if not is_regular_file(path, "picture"):  # a pipe could be waited for without an end
        raise ValueError("it is no file")
    with open(path, "rb") as file:
        contents = file.read(MOST_BYTES + 1)
    if len(contents) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES >> 20} MB")
    return contents


def _opened(contents):
    picture = Image.open(io.BytesIO(contents), formats=FORMATS)
    if picture.width * picture.height > MOST_PIXELS:
        raise ValueError(f"{picture.width} x {picture.height} pixels")
    return picture
