"""Does an autoencoder's decoder use its code?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, check_seed, short
from pcnnlib.models import PixelCNNAutoencoder

CODE_KINDS = ("own", "shuffled", "none")


def code_usage(
    model: Any,
    images: ArrayLike,
    *,
    kinds: Sequence[str] = CODE_KINDS,
    seed: int | None = 0,
    batch_size: int = 100,
) -> dict[str, np.ndarray]:
    """Does the decoder use the code? The cost of images under three kinds of code.

    Args:
        model: `PixelCNNAutoencoder`.
        images: integer levels `(n, H, W, C)`, n at least 2.
        kinds: those of "own", "shuffled" and "none" that are wanted.
        seed: of the shuffling.
        batch_size: images at once.

    Returns:
        dict of name -> float64 `(n,)`, nats per image: under each image's `own` code, under one
        `shuffled` from another image, and with `none`, that is with the mean of all codes.

    Raises:
        UsageError: images that do not fit the model, only one of them, or an unknown kind.
    """
    if not isinstance(model, PixelCNNAutoencoder):
        raise UsageError(f"model must be a PixelCNNAutoencoder, got {type(model).__name__}")
    if isinstance(kinds, str) or not np.iterable(kinds):
        raise UsageError(f"kinds must be some of {', '.join(CODE_KINDS)}, got {short(kinds)}")
    for kind in kinds:
        if kind not in CODE_KINDS:
            raise UsageError(f"kinds must be some of {', '.join(CODE_KINDS)}, got {kind!r}")
    codes = model.encode(images, batch_size)
    if len(codes) < 2:
        raise UsageError(f"images must be at least 2, to shuffle their codes, got {len(codes)}")
    # A cycle through a random order: no image keeps its own code.
    order = np.random.default_rng(check_seed(seed)).permutation(len(codes))
    shuffled = np.empty_like(codes)
    shuffled[order] = codes[np.roll(order, 1)]
    mean = np.broadcast_to(codes.mean(axis=0), codes.shape)
    keep = {"own": codes, "shuffled": shuffled, "none": mean}
    return {kind: -model.decoder.log_likelihood(images, keep[kind], batch_size) for kind in kinds}
