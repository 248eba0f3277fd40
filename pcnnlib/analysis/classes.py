"""A class-conditional model as a classifier, by Bayes' rule."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, as_array, short
from pcnnlib.nn.conditions import Labels


def class_log_likelihoods(
    model: Any, images: ArrayLike, batch_size: int = 100, order: Any = 0
) -> np.ndarray:
    """Log-likelihood of each image under each class: log p(x | y).

    Args:
        model: conditioned on `Labels`.
        images: integer levels `(N, H, W, C)`.
        batch_size: images at once.
        order: in which the images are read, or "mixture", see `log_likelihood` of the model.

    Returns:
        float64 `(N, classes)`, nats.

    Raises:
        UsageError: a model without labels, or images that do not fit it.
    """
    images = as_array("images", images)
    condition = getattr(model, "condition", None)
    if not isinstance(condition, Labels):
        raise UsageError(f"model must be conditioned on Labels, got {condition!r}")
    per_class = [
        model.log_likelihood(images, np.full(len(images), label), batch_size, order)
        for label in range(model.condition.n)
    ]
    return np.stack(per_class, axis=1)


def posterior(
    log_likelihoods: ArrayLike, prior: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Bayes' rule: the probability of each class given the image, p(y | x).

    Args:
        log_likelihoods: log p(x | y), nats, `(..., classes)`.
        prior: p(y), `(classes,)`; all classes alike if None.

    Returns:
        `(probabilities (..., classes), log p(x) (...))`, float64; the second is the image's
        log-likelihood with the label summed out.

    Raises:
        UsageError: no classes, NaN, an image that no class makes possible, a prior of another size,
            or one that is no distribution.
    """
    scores = as_array("log_likelihoods", log_likelihoods, "float64")
    if not scores.ndim or not scores.shape[-1]:
        raise UsageError(f"log_likelihoods must be (..., classes), got {short(log_likelihoods)}")
    if not (scores < np.inf).all() or (scores.max(axis=-1) == -np.inf).any():
        raise UsageError(
            "log_likelihoods must be numbers, of each image at least one above -inf, "
            f"got {short(log_likelihoods)}"
        )
    classes = scores.shape[-1]
    prior = np.full(classes, 1 / classes) if prior is None else as_array("prior", prior, "float64")
    if prior.shape != (classes,) or (prior < 0).any() or not np.isclose(prior.sum(), 1):
        raise UsageError(f"prior must be {classes} probabilities that sum to 1, got {prior}")
    with np.errstate(divide="ignore"):  # a class that never occurs
        scores = scores + np.log(prior)
    top = scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores - top)
    total = weights.sum(axis=-1, keepdims=True)
    return weights / total, (top + np.log(total))[..., 0]
