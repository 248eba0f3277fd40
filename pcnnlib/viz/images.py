"""Images as pictures: grids of samples, files, and pictures to complete.

Levels 0 .. K-1 become grey values 0 .. 255 (white on black), three channels become RGB.
"""

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

from pcnnlib._internal.errors import UsageError
from pcnnlib._internal.files import replacing

# A neutral blue-grey that no grey level has: "nothing drawn here yet".
UNDRAWN = np.array([70, 84, 110], "uint8")


def to_rgb(images, levels, shown=None):
    """Levels as colours.

    Args:
        images: integer `(n, H, W, C)`, C 1 or 3.
        levels: K.
        shown: bool mask broadcastable to `(n, H, W, C)`, False where nothing is drawn yet.

    Returns:
        uint8 `(n, H, W, 3)`.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise UsageError(f"pictures need images (n, H, W, 1 or 3), got {images.shape}")
    rgb = np.rint(images * (255 / (levels - 1))).astype("uint8")
    rgb = np.broadcast_to(rgb, (*images.shape[:3], 3))
    if shown is not None:
        drawn = np.broadcast_to(shown, images.shape).all(axis=-1, keepdims=True)
        rgb = np.where(drawn, rgb, UNDRAWN)
    return rgb


def tile(images, levels, *, columns=None, shown=None, width=640):
    """A grid of images, each pixel drawn as a square, about `width` screen pixels wide.

    Returns:
        uint8 `(rows, columns, 3)`, a picture.
    """
    rgb = to_rgb(images, levels, shown)
    n, h, w, _ = rgb.shape
    columns = min(n, columns or int(np.ceil(np.sqrt(n))))
    rows = -(-n // columns)
    scale = max(1, width // (columns * (w + 1)))
    gap = max(1, scale // 2)
    rgb = rgb.repeat(scale, axis=1).repeat(scale, axis=2)
    h, w = h * scale, w * scale
    grid = np.full((rows * (h + gap) + gap, columns * (w + gap) + gap, 3), 255, "uint8")
    for k, image in enumerate(rgb):
        top, left = gap + (k // columns) * (h + gap), gap + (k % columns) * (w + gap)
        grid[top : top + h, left : left + w] = image
    return grid


def save_png(path, picture):
    """Write a picture, uint8 `(H, W, 3)`, in one step."""
    save_pictures(path, [Image.fromarray(picture)])


def png_bytes(picture):
    """A picture, uint8 `(H, W, 3)`, as the bytes of a PNG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "png")
    return file.getvalue()


def read_png(path, image_shape, levels):
    """A picture to complete: its levels, and which of its pixels are opaque.

    Args:
        path: image file of exactly the model's size; transparent pixels are the ones to draw.
        image_shape: `(H, W, C)` of the model.
        levels: K; every grey value must be one of the K that stand for a level.

    Returns:
        `(uint8 (H, W, C), bool (H, W))`; the mask is all True if nothing is transparent.

    Raises:
        UsageError: unreadable, another size, or values that are no level.
    """
    height, width, channels = image_shape
    try:
        with Image.open(path) as picture:
            rgba = np.asarray(picture.convert("RGBA"))
    except (OSError, UnidentifiedImageError, ValueError) as error:
        raise UsageError(f"picture {path} cannot be read: {error}") from error
    if rgba.shape[:2] != (height, width):
        raise UsageError(
            f"picture {path} must be {height} rows by {width} columns, "
            f"got {rgba.shape[0]} by {rgba.shape[1]}"
        )
    keep = rgba[..., 3] == 255
    colours = rgba[..., :3]
    if channels == 1 and (colours[keep] != colours[keep][:, :1]).any():
        raise UsageError(f"picture {path} must be grey for a one-channel model, got colours")
    values = np.where(keep[..., None], colours[..., :channels], 0)
    image = np.rint(values * ((levels - 1) / 255))
    wrong = np.rint(image * (255 / (levels - 1))) != values
    if wrong.any():
        raise UsageError(
            f"picture {path} must hold {levels} grey values, evenly spaced from 0 to 255, "
            f"got {values[wrong][0]}"
        )
    return image.astype("uint8"), keep


def save_pictures(path, pictures, **options):
    with replacing(path) as scratch:
        pictures[0].save(scratch, **options)
