"""Figures of a classifier: the numbers drawn are the numbers given."""

import numpy as np
import pytest
from support import random_images
from support_figures import Drawn

from pcnnlib import UsageError, analysis
from pcnnlib.viz import plots
from pcnnlib.viz.style import BLUE, INK, VERMILION

SURE = np.array([0.55, 0.58, 0.97, 0.98, 0.99])
PROBABILITIES = np.stack([SURE, 1 - SURE], axis=1)


def test_reliability_shows_accuracy_at_the_confidence_of_each_full_bin_and_its_images():
    found = analysis.calibration(PROBABILITIES, [0, 1, 0, 0, 0])
    upper, lower = plots.reliability(found).axes
    (bars,) = upper.containers
    point, _, (whiskers,) = bars.lines
    np.testing.assert_allclose(point.get_xdata(), [0.565, 0.98])
    np.testing.assert_allclose(point.get_ydata(), [0.5, 1.0])
    # Two standard errors of a half among two images would leave 0..1.
    assert whiskers.get_segments()[0][:, 1].tolist() == [0, 1]
    texts = [text.get_text() for text in lower.texts]
    assert texts == ["0", "0", "0", "0", "0", "2", "0", "0", "0", "3"]
    assert [bar.get_height() for bar in lower.patches] == [0, 0, 0, 0, 0, 2, 0, 0, 0, 3]
    more = analysis.calibration(np.tile(PROBABILITIES[:2], (50, 1)), [0, 1] * 50)
    _, _, (whiskers,) = plots.reliability(more).axes[0].containers[0].lines
    np.testing.assert_allclose(whiskers.get_segments()[0][:, 1], [0.4, 0.6])  # sqrt(0.25 / 100)
    # All counts stand within the panel, whatever their size.
    many = analysis.calibration(np.repeat(PROBABILITIES, 2000, axis=0), np.zeros(10_000, int))
    panel = plots.reliability(many).axes[1]
    assert max(text.get_position()[1] for text in panel.texts) < panel.get_ylim()[1]
    with pytest.raises(UsageError, match="calibration must be a Calibration, got dict"):
        plots.reliability({})


def test_under_each_image_stands_the_class_seen_in_it_and_how_surely():
    images = random_images(3, (4, 4, 1), 2)
    probabilities = np.array([[0.999, 0.001, 0.0], [0.2, 0.3, 0.5], [0.1, 0.75, 0.15]])
    rows = {"drawn": (images, probabilities), "other": (images[::-1], probabilities)}
    figure = plots.judged_images(rows, 2, ends={"drawn": (0, 1)})
    texts = [(text.get_text(), text.get_color()) for text in figure.texts]
    assert texts == [
        ("drawn", INK),
        ("0: >99%", BLUE),
        ("2: 50%", INK),
        ("1: 75%", VERMILION),
        ("other", INK),
        ("0: >99%", INK),
        ("2: 50%", INK),
        ("1: 75%", INK),
    ]
    # Each picture is that of its image, and stands above its text.
    drawn = Drawn(figure)
    texts = [*figure.texts[1:4], *figure.texts[5:]]
    for axes, image, text in zip(figure.axes, [*images, *images[::-1]], texts, strict=True):
        box = axes.get_position()
        assert text.get_position()[1] < box.y0
        assert box.x0 < text.get_position()[0] < box.x1
        for i, j in ((0, 0), (3, 1), (1, 2)):
            level = drawn.colour(axes, 4 * j + 1.5, 4 * i + 1.5)
            np.testing.assert_array_equal(level, 255 * image[i, j, 0])
    assert figure.get_figwidth() <= 7


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({}, "rows must be a dict"),
        ({"a": np.zeros(3)}, r"rows\['a'\] must be 2 values"),
        ({"a": (np.zeros((2, 4, 4, 1)), np.ones((3, 2)))}, r"probabilities of rows\['a'\]"),
        ({"a": (np.full((2, 4, 4, 1), 9), np.ones((2, 2)))}, r"images of rows\['a'\]"),
        (
            {
                "a": (np.zeros((2, 4, 4, 1)), np.ones((2, 2))),
                "b": (np.zeros((1, 4, 4, 1)), np.ones((1, 2))),
            },
            "every row must have 2 images",
        ),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows, message):
    with pytest.raises(UsageError, match=message):
        plots.judged_images(rows, 2)
