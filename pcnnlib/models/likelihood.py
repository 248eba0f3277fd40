"""The log-likelihood of whole images, batch by batch: in one order, or of the mixture of orders.

And what one forward pass costs. B batch, N images.
"""

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from pcnnlib._internal import backend
from pcnnlib._internal.errors import check_int
from pcnnlib._internal.levels import level_dtype
from pcnnlib.nn.conditions import joined, of_each, rows_of
from pcnnlib.nn.raster import is_mixture


def log_likelihood(
    model: Any, images: ArrayLike, condition: Any, batch_size: int, order: Any
) -> np.ndarray:
    """See `AutoregressiveModel.log_likelihood`."""
    images = model.check_images(images)
    if is_mixture(order):
        each = [
            log_likelihood(model, images, condition, batch_size, k) for k in range(model.orders)
        ]
        return mixture(np.stack(each))
    given = model.check_condition(condition, len(images), order)
    batch_size = min(check_int("batch_size", batch_size, 1), rows_for(len(images)))

    def likelihood(images, given):
        parameters = model(joined(images, given), training=False)
        return ops.sum(model.distribution.log_likelihood(parameters, images), axis=(1, 2))

    compiled = backend.compiled_once(model, ("likelihood", batch_size), likelihood, xla=False)
    nats = []
    for first in range(0, len(images), batch_size):
        # The last batch is filled up: a new shape would be compiled anew.
        index = np.minimum(np.arange(first, first + batch_size), len(images) - 1)
        batch = ops.convert_to_tensor(images[index])
        rows = of_each(ops.convert_to_tensor, rows_of(given, index))
        batch_nats = compiled(batch, rows)
        nats.append(ops.convert_to_numpy(batch_nats)[: len(images) - first])
    return np.concatenate([np.zeros(0), *nats]).astype("float64")


def rows_for(n: int) -> int:
    """Rows of a batch that holds `n` images, and a few more where there are few images.

    Each size is compiled once: below 100 these are powers of two, so that there are eight of them.
    Rows that a batch has too many are computed for nothing.
    """
    return n if n > 100 else min(100, 1 << max(n - 1, 0).bit_length())


def mixture(log_likelihoods: np.ndarray) -> np.ndarray:
    """The log of the mean of probabilities, from their logs.

    Never below the mean of the logs, what one order has on average.

    Args:
        log_likelihoods: nats, `(orders, N)`.

    Returns:
        nats, `(N,)`.

    Source: Jain et al. 2020 (arXiv:2006.12486), an ensemble of orders that share their weights.
    """
    return np.logaddexp.reduce(log_likelihoods, axis=0) - np.log(len(log_likelihoods))


def flop_per_image(model: Any) -> int:
    """Floating-point operations of one forward pass on one image.

    A step of training costs about three times as many: the backward pass has two products for each
    one forward.

    Returns:
        int; a multiplication and an addition are two.
    """
    condition = None
    if model.condition is not None:
        condition = model.condition.random(1, np.random.default_rng(0))
    images = np.zeros((1, *model.image_shape), level_dtype(model.levels))
    inputs = joined(images, model.check_condition(condition, 1))
    return backend.flop(lambda x: model(x), inputs, model)
