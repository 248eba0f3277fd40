"""Does the order matter? The likelihood of images in each order, and of mixtures of some orders.

R orders, N images.
"""

import itertools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, as_array, check_has
from pcnnlib.models.likelihood import mixture

MOST = 8  # orders, of which 255 choices can be made


def order_log_likelihoods(
    model: Any, images: ArrayLike, condition: Any = None, batch_size: int = 100
) -> np.ndarray:
    """Log-likelihood of each image in each order of a model.

    Args:
        model: a model that reads in R orders.
        images: integer levels `(N, H, W, C)`.
        condition: one row per image, for a conditional model.
        batch_size: images at once.

    Returns:
        float64 `(R, N)`, nats. `mixture_log_likelihood` of it is what
        `log_likelihood(order="mixture")` of the model gives.

    Raises:
        UsageError: images or a condition that do not fit the model.
    """
    check_has("model", model, "a model that reads in several orders", "orders", "log_likelihood")
    options: Any = {"condition": condition, "batch_size": batch_size}
    each = [model.log_likelihood(images, order=k, **options) for k in range(model.orders)]
    return np.stack(each)


def mixture_log_likelihood(log_likelihoods: ArrayLike) -> np.ndarray:
    """Log-likelihood of each image under a mixture: the log of the mean of the probabilities.

    Never below the mean of the logs, what one order has on average.

    Args:
        log_likelihoods: nats, `(R, N)`, of R orders or models.

    Returns:
        float64 `(N,)`, nats.

    Raises:
        UsageError: another shape, or no order.
    """
    return mixture(_checked(log_likelihoods))


def mixtures_by_size(log_likelihoods: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """What mixtures of 1, 2, .. R orders give, averaged over all choices of so many orders.

    Args:
        log_likelihoods: nats, `(R, N)`, R at most 8.

    Returns:
        `(nats (R,), standard_error (R,))`: negative log-likelihood of the mean image for each
        number of orders, and of the difference to a single order the standard error over images,
        which is 0 for the first and NaN for one image alone.

    Raises:
        UsageError: another shape, or more than 8 orders.
    """
    logs = _checked(log_likelihoods)
    if len(logs) > MOST:
        raise UsageError(f"log_likelihoods must be of at most {MOST} orders, got {len(logs)}")
    each = []  # (N,) for each number of orders
    for size in range(1, len(logs) + 1):
        choices = itertools.combinations(range(len(logs)), size)
        each.append(-np.mean([mixture(logs[list(chosen)]) for chosen in choices], axis=0))
    nats = np.array(each)
    n = nats.shape[1]
    gains = nats - nats[0]
    spread = gains.std(axis=1, ddof=1) if n > 1 else np.full(len(nats), np.nan)
    return nats.mean(axis=1), spread / np.sqrt(n)


def _checked(log_likelihoods):
    logs = as_array("log_likelihoods", log_likelihoods, "float64")
    if logs.ndim != 2 or not logs.size or np.isnan(logs).any():
        raise UsageError(
            "log_likelihoods must be numbers of shape (orders, images), at least one of each, "
            f"got {logs.shape}{' with NaN' if np.isnan(logs).any() else ''}"
        )
    return logs
