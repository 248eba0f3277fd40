"""The explorer of receptive fields."""

import base64
from collections.abc import Callable, Sequence

import numpy as np

from pcnnlib._internal.errors import UsageError, check_int, check_kernel_size
from pcnnlib.analysis import receptive_field
from pcnnlib.models import GatedPixelCNN, PixelCNN
from pcnnlib.viz import checks
from pcnnlib.viz.explorers.base import Explorer, control
from pcnnlib.viz.style import INK, MEANINGS

MODELS = {"PixelCNN": PixelCNN, "Gated PixelCNN": GatedPixelCNN}


def measure_frames(size: int, kernel_sizes: Sequence[int], layers: Sequence[int]) -> np.ndarray:
    """What a pixel sees, for every model, kernel size and number of layers, by gradient.

    A convolution does the same everywhere, so one pixel stands for all: it is measured in the last
    row, at the centre of an image wide enough for every offset that fits in `size` by `size`.

    Args:
        size: height and width S of the image to explore.
        kernel_sizes: odd ints, of the first and of all later layers alike.
        layers: ints >= 2, convolutions stacked.

    Returns:
        bool `(models, kernel sizes, layers, S, 2S - 1)`; `[..., i, j]` is for the pixel
        `S - 1 - i` rows above and `S - 1 - j` columns to the left.

    Raises:
        UsageError: nothing to measure, or a size, kernel size or number of layers out of range.
    """
    size = check_int("size", size, 2)
    kernel_sizes = _different("kernel_sizes", kernel_sizes, check_kernel_size)
    layers = _different("layers", layers, _check_depth)
    frames = [
        [[_measure(name, size, kernel, depth) for depth in layers] for kernel in kernel_sizes]
        for name in MODELS
    ]
    return np.array(frames)


def _measure(name: str, size: int, kernel_size: int, layers: int) -> np.ndarray:
    model = MODELS[name](
        (size, 2 * size - 1, 1),
        filters=16,
        blocks=layers,
        first_kernel_size=kernel_size,
        kernel_size=kernel_size,
    )
    return receptive_field(model, (size - 1, size - 1), images=2) > 0


def receptive_field_explorer(
    *,
    size: int = 15,
    kernel_sizes: Sequence[int] = (3, 5, 7),
    layers: Sequence[int] = (2, 3, 4, 5, 6, 7, 8),
    at: tuple[int, int] = (9, 5),
) -> Explorer:
    """Choose a model, a kernel size, a number of layers and a pixel; see what the pixel sees.

    Args:
        size: height and width of the image.
        kernel_sizes: odd ints of at least 3.
        layers: ints of at least 2.
        at: `(row, column)` to begin with.

    Returns:
        A widget that also shows itself, and responds, on a page without a kernel. Its trait
        `choice` is a dict of "model", "kernel", "layers", "row" and "column".

    Raises:
        UsageError: a size, kernel size, number of layers or pixel out of range.
    """
    size = check_int("size", size, 2)
    kernel_sizes = _different("kernel_sizes", kernel_sizes, check_kernel_size)
    layers = _different("layers", layers, _check_depth)
    row, column = checks.check_pixel("at", at, (size, size))
    frames = measure_frames(size, kernel_sizes, layers)
    names = list(MODELS)
    choice = {
        "model": names[0],
        "kernel": kernel_sizes[0],
        # A depth at which there is a blind spot to see.
        "layers": layers[len(layers) // 2],
        "row": row,
        "column": column,
    }
    kernels = [f"{k} × {k}" for k in kernel_sizes]
    pixels = list(range(size))
    data = {
        "kind": "field",
        "controls": [
            control("model", "Model", names, names, menu=True),
            control("kernel", "Kernel", kernel_sizes, kernels, menu=True),
            control("layers", "Layers", layers, [str(n) for n in layers]),
            control("row", "Row", pixels, [str(i) for i in pixels]),
            control("column", "Column", pixels, [str(j) for j in pixels]),
        ],
        "size": size,
        # On a page, ink has the colour of the text.
        "roles": {
            role: ["currentColor" if colour == INK else colour, meaning]
            for role, (colour, meaning) in MEANINGS.items()
        },
        "frames": _pack(frames),
    }
    return Explorer("an explorer of receptive fields", choice, data)


def _check_depth(name: str, value: int) -> int:
    return check_int(name, value, 2)


def _different(name: str, values: Sequence[int], check: Callable) -> list[int]:
    """Ints of a control: at least one, none of them twice."""
    numbers = [check(f"each of {name}", n) for n in checks.check_sequence(name, values)]
    if len(set(numbers)) < len(numbers):
        raise UsageError(f"{name} must differ, got {', '.join(map(str, numbers))}")
    return numbers


def _pack(frames: np.ndarray) -> str:
    """Frames as base64 of their bits, each frame filled up to whole bytes."""
    flat = frames.reshape(-1, frames.shape[-2] * frames.shape[-1])
    return base64.b64encode(np.packbits(flat, axis=1).tobytes()).decode()
