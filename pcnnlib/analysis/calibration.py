"""Is a classifier as often right as it says? Confidence against accuracy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, as_array, check_int, short


@dataclass(frozen=True)
class Calibration:
    """Images sorted into bins by confidence, the probability of the class that is named.

    Attributes:
        edges: of the bins, `(bins + 1,)`, from 0 to 1; a bin holds its upper edge.
        images: in each bin, `(bins,)`.
        confidence: its mean in each bin, NaN where there is no image.
        accuracy: share of right answers in each bin, NaN where there is no image.
        expected_error: mean over images of the distance between accuracy and confidence of their
            bin, the *expected calibration error* of Guo et al. 2017 (arXiv:1706.04599).
    """

    edges: np.ndarray
    images: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    expected_error: float


def calibration(probabilities: ArrayLike, labels: ArrayLike, bins: int = 10) -> Calibration:
    """Sort images by how sure the classifier is, and compare with how often it is right.

    Args:
        probabilities: of each class, `(N, classes)`, as `posterior` gives them.
        labels: int `(N,)`, the classes that are right.
        bins: equally wide, from 0 to 1.

    Returns:
        `Calibration`.

    Raises:
        UsageError: no images, shapes that disagree, rows that are no distributions, or labels that
            are no classes.
    """
    probabilities = as_array("probabilities", probabilities, "float64")
    labels = as_array("labels", labels)
    if probabilities.ndim != 2 or not probabilities.size or labels.shape != probabilities.shape[:1]:
        raise UsageError(
            "probabilities must be (N, classes) and labels (N,), N at least 1, "
            f"got {probabilities.shape} and {labels.shape}"
        )
    if not (probabilities >= 0).all() or not np.allclose(probabilities.sum(axis=1), 1):
        raise UsageError("probabilities must be at least 0 and sum to 1 for each image")
    classes = probabilities.shape[1]
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= classes:
        raise UsageError(f"labels must be integers 0..{classes - 1}, got {short(labels)}")
    bins = check_int("bins", bins, 1)
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(sure * bins).astype(int) - 1, 0, bins - 1)
    images = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):  # of empty bins
        confidence = np.bincount(place, sure, bins) / images
        accuracy = np.bincount(place, right, bins) / images
    error = np.nansum(images * np.abs(accuracy - confidence)) / len(labels)
    return Calibration(np.linspace(0, 1, bins + 1), images, confidence, accuracy, float(error))
