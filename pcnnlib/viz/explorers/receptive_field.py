"""The explorer of receptive fields."""

import base64
import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pcnnlib._internal.errors import UsageError, check_int, check_kernel_size
from pcnnlib.analysis import receptive_field
from pcnnlib.models import GatedPixelCNN, PixelCNN
from pcnnlib.viz import checks
from pcnnlib.viz.explorers.base import Explorer, control
from pcnnlib.viz.style import INK, MEANINGS

MODELS = {"PixelCNN": PixelCNN, "Gated PixelCNN": GatedPixelCNN}


NO_DILATION = (1,)


def measure_frames(
    size: int,
    kernel_sizes: Sequence[int],
    layers: Sequence[int],
    dilations: Sequence[Sequence[int]] = (NO_DILATION,),
) -> np.ndarray:
    """What a pixel sees, for every model, kernel size, number of layers and dilations, by gradient.

    A convolution does the same everywhere, so one pixel stands for all: it is measured in the last
    row, at the centre of an image wide enough for every offset that fits in `size` by `size`.

    Args:
        size: height and width S of the image to explore.
        kernel_sizes: odd ints, of the first and of all later layers alike.
        layers: ints >= 2, convolutions stacked.
        dilations: those of the `GatedPixelCNN`, one tuple of ints for each choice. The `PixelCNN`
            has none, so its frames are the same for all.

    Returns:
        bool `(models, kernel sizes, layers, dilations, S, 2S - 1)`; `[..., i, j]` is for the pixel
        `S - 1 - i` rows above and `S - 1 - j` columns to the left.

    Raises:
        UsageError: nothing to measure, or a size, kernel size or number of layers out of range.
    """
    size = check_int("size", size, 2)
    kernel_sizes = _different("kernel_sizes", kernel_sizes, check_kernel_size)
    layers = _different("layers", layers, _check_depth)
    dilations = _different("dilations", dilations, _check_dilations)

    @functools.cache
    def measured(name, kernel, depth, step):
        return _measure(name, size, kernel, depth, step)

    frames = [
        [
            [[measured(name, k, n, _steps(name, n, d)) for d in dilations] for n in layers]
            for k in kernel_sizes
        ]
        for name in MODELS
    ]
    return np.array(frames)


def _steps(name: str, layers: int, dilations: Sequence[int]) -> tuple[int, ...]:
    """Dilation of each layer past the first: those given, again and again."""
    repeated = dilations if MODELS[name] is GatedPixelCNN else NO_DILATION
    return tuple(itertools.islice(itertools.cycle(repeated), layers - 1))


def _measure(name: str, size: int, kernel_size: int, layers: int, steps: tuple) -> np.ndarray:
    dilated: dict[str, Any] = {"dilations": steps} if set(steps) != {1} else {}
    model = MODELS[name](
        (size, 2 * size - 1, 1),
        filters=16,
        blocks=layers,
        first_kernel_size=kernel_size,
        kernel_size=kernel_size,
        **dilated,
    )
    return receptive_field(model, (size - 1, size - 1), images=2) > 0


def _reach(name: str, kernel_size: int, layers: int, dilations: Sequence[int]) -> int:
    """How many rows up, and columns to either side, the kernels of a model reach."""
    return kernel_size // 2 * (1 + sum(_steps(name, layers, dilations)))


def receptive_field_explorer(
    *,
    size: int = 15,
    kernel_sizes: Sequence[int] = (3, 5),
    layers: Sequence[int] = (2, 3, 4, 5, 6, 8),
    dilations: Sequence[Sequence[int]] = (NO_DILATION, (1, 2), (1, 2, 4)),
    at: tuple[int, int] = (9, 5),
) -> Explorer:
    """Choose a model, its kernels, layers and dilations, and a pixel; see what the pixel sees.

    Args:
        size: height and width of the image.
        kernel_sizes: odd ints of at least 3.
        layers: ints of at least 2.
        dilations: of the `GatedPixelCNN`; one tuple of ints for each choice.
        at: `(row, column)` to begin with.

    Returns:
        A widget that also shows itself, and responds, on a page without a kernel. Its trait
        `choice` is a dict of "model", "kernel", "layers", "dilations" (a text such as
        "1, 2"), "row" and "column".

    Raises:
        UsageError: a size, kernel size, number of layers, dilation or pixel out of range.
    """
    size = check_int("size", size, 2)
    kernel_sizes = _different("kernel_sizes", kernel_sizes, check_kernel_size)
    layers = _different("layers", layers, _check_depth)
    dilations = _different("dilations", dilations, _check_dilations)
    row, column = checks.check_pixel("at", at, (size, size))
    frames = measure_frames(size, kernel_sizes, layers, dilations)
    names = list(MODELS)
    steps = [", ".join(map(str, d)) for d in dilations]
    choice = {
        "model": names[0],
        "kernel": kernel_sizes[0],
        # A depth at which there is a blind spot to see.
        "layers": layers[len(layers) // 2],
        "dilations": steps[0],
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
            control("dilations", "Dilations", steps, steps, menu=True, only={"model": names[1]}),
            control("row", "Row", pixels, [str(i) for i in pixels]),
            control("column", "Column", pixels, [str(j) for j in pixels]),
        ],
        "size": size,
        # On a page, ink has the colour of the text.
        "roles": {
            role: ["currentColor" if colour == INK else colour, meaning]
            for role, (colour, meaning) in MEANINGS.items()
        },
        # By model, kernel size, layers and dilations, one after another, as the frames.
        "reach": [
            _reach(name, k, n, d)
            for name, k, n, d in itertools.product(names, kernel_sizes, layers, dilations)
        ],
        "frames": _pack(frames),
    }
    return Explorer("an explorer of receptive fields", choice, data)


def _check_depth(name: str, value: int) -> int:
    return check_int(name, value, 2)


def _check_dilations(name: str, value: Sequence[int]) -> tuple[int, ...]:
    numbers = checks.check_sequence(name, value)
    return tuple(check_int(name, n, 1) for n in numbers)


def _different(name: str, values: Sequence, check: Callable) -> list:
    """Values of a control: at least one, none of them twice."""
    numbers = [check(f"each of {name}", n) for n in checks.check_sequence(name, values)]
    if len(set(numbers)) < len(numbers):
        raise UsageError(f"{name} must differ, got {', '.join(map(str, numbers))}")
    return numbers


def _pack(frames: np.ndarray) -> str:
    """Frames as base64 of their bits, each frame filled up to whole bytes."""
    flat = frames.reshape(-1, frames.shape[-2] * frames.shape[-1])
    return base64.b64encode(np.packbits(flat, axis=1).tobytes()).decode()
