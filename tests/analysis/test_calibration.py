"""Calibration: bins hold the images they should, and the error is that of the definition."""

import numpy as np
import pytest

from pcnnlib import UsageError, analysis


def certain(sure, classes=4):
    """Rows that name class 0 with the probabilities in `sure`."""
    sure = np.asarray(sure)[:, None]
    return np.concatenate([sure, np.repeat((1 - sure) / (classes - 1), classes - 1, axis=1)], 1)


def test_bins_hold_images_by_their_confidence_upper_edge_included():
    found = analysis.calibration(certain([0.5, 0.55, 0.6, 0.61, 1.0]), [0, 1, 0, 0, 0])
    assert found.images.tolist() == [0, 0, 0, 0, 1, 2, 1, 0, 0, 1]
    np.testing.assert_allclose(found.edges, np.arange(11) / 10)
    np.testing.assert_allclose(found.confidence[[4, 5, 6, 9]], [0.5, 0.575, 0.61, 1.0])
    np.testing.assert_allclose(found.accuracy[[4, 5, 6, 9]], [1.0, 0.5, 1.0, 1.0])
    assert np.isnan(found.accuracy[[0, 1, 2, 3, 7, 8]]).all()
    # Each image counts the distance of its bin: 0.5, twice 0.075, 0.39 and 0, over five images.
    assert found.expected_error == pytest.approx((0.5 + 2 * 0.075 + 0.39) / 5)


def test_expected_error_is_small_for_answers_drawn_from_the_probabilities():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), 20_000)
    labels = (rng.random((20_000, 1)) > probabilities.cumsum(1)).sum(1)
    # A share of about 2,000 images has a standard error of a hundredth.
    assert analysis.calibration(probabilities, labels).expected_error < 0.02
    # The same answers, claimed with more confidence than there is.
    sharper = probabilities**3 / (probabilities**3).sum(1, keepdims=True)
    assert analysis.calibration(sharper, labels).expected_error > 0.1


def test_one_bin_compares_the_means():
    found = analysis.calibration(certain([0.9, 0.7]), [0, 1], bins=1)
    assert found.expected_error == pytest.approx(abs(0.5 - 0.8))


@pytest.mark.parametrize(
    ("probabilities", "labels", "bins", "message"),
    [
        (np.zeros((0, 3)), [], 10, "N at least 1"),
        (certain([0.9]), [0, 1], 10, r"got \(1, 4\) and \(2,\)"),
        ([0.5, 0.5], [0, 1], 10, r"probabilities must be \(N, classes\)"),
        ([[0.5, 0.4]], [0], 10, "sum to 1"),
        ([[1.5, -0.5]], [0], 10, "at least 0"),
        ([[np.nan, 1.0]], [0], 10, "at least 0"),
        (certain([0.9]), [4], 10, r"labels must be integers 0\.\.3, got array\(\[4\]\)"),
        (certain([0.9]), [-1], 10, "labels must be integers"),
        (certain([0.9]), ["a"], 10, "labels must be integers"),
        (certain([0.9]), [np.nan], 10, "labels must be integers"),
        (certain([0.9]), [0], 0, "bins must be an integer >= 1, got 0"),
    ],
)
def test_what_is_no_classifier_is_refused(probabilities, labels, bins, message):
    with pytest.raises(UsageError, match=message):
        analysis.calibration(probabilities, labels, bins)
