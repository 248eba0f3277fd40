"""Completion where no order puts all kept pixels first: several draws, of which one is chosen.

A pixel is drawn given only the kept ones before it. Those after it weigh the finished image: its
weight is the probability of the kept pixels, each given all pixels before it, and one image is
chosen in proportion to the weights. With more draws, the chosen image follows the model's own
distribution given all kept pixels more closely. (Sampling-importance-resampling, Rubin 1987; the
weights are those of likelihood weighting.)

B batch, H rows, W columns, C channels.
"""

from typing import Any

import numpy as np
from keras import ops

from pcnnlib._internal import backend
from pcnnlib._internal.errors import UsageError, not_finite
from pcnnlib.nn.conditions import of_each, rows_of
from pcnnlib.nn.raster import reorient_each
from pcnnlib.sampling import plain

# Images of which the kept pixels are judged at once.
BATCH = 100


def check_whole_pixels(keep: np.ndarray) -> None:
    """Raise `UsageError` unless all channels of a pixel are kept, or none."""
    if (keep != keep[..., :1]).any():
        raise UsageError("keep must hold whole pixels, all channels or none, with resample")


def choose(
    model: Any,
    drawn: np.ndarray,
    given: Any,
    keep: np.ndarray,
    order: np.ndarray,
    draws: int,
    seed: int | None,
) -> np.ndarray:
    """The index of one of each `draws` images that follow each other, by the kept pixels' weights.

    Args:
        model: any model of this library.
        drawn: `(n * draws, H, W, C)`.
        given: what they come with, see `plain.predict`.
        keep: bool, of the shape of `drawn`.
        order: of each, int `(n * draws,)`.
        draws: for each image.
        seed: of the choice, or None.

    Returns:
        int `(n,)`.
    """
    logs = kept_log_likelihood(model, drawn, given, keep, order).reshape(-1, draws)
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    cumulative = np.cumsum(weights, axis=1)
    uniform = np.random.default_rng(None if seed is None else [seed, 2]).random((len(logs), 1))
    chosen = (uniform * cumulative[:, -1:] >= cumulative).sum(axis=1)
    return np.arange(len(logs)) * draws + np.minimum(chosen, draws - 1)


def kept_log_likelihood(
    model: Any, images: np.ndarray, given: Any, keep: np.ndarray, order: np.ndarray
) -> np.ndarray:
    """Log-probability of the kept pixels, each given all before it in the order, nats `(N,)`."""

    def likelihood(images, given, keep):
        parameters = plain.predict(model, images, given)
        logs = model.distribution.log_likelihood(parameters, images)  # (B, H, W)
        return ops.sum(ops.where(keep[..., 0], logs, ops.zeros_like(logs)), axis=(1, 2))

    compiled = backend.compiled_once(model, ("kept", BATCH), likelihood, xla=False)
    nats = []
    for first in range(0, len(images), BATCH):
        # The last batch is filled up: a new shape would be compiled anew.
        index = np.minimum(np.arange(first, first + BATCH), len(images) - 1)
        seen = (reorient_each(values[index], order[index]) for values in (images, keep))
        batch, kept = (ops.convert_to_tensor(np.ascontiguousarray(values)) for values in seen)
        rows = of_each(ops.convert_to_tensor, rows_of(given, index))
        nats.append(ops.convert_to_numpy(compiled(batch, rows, kept))[: len(images) - first])
    found = np.concatenate(nats).astype("float64")
    if not np.isfinite(found).all():
        raise not_finite("probabilities of the kept pixels", "weigh")
    return found
