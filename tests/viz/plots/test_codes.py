"""Figures of codes: what is drawn are the numbers that were given."""

import numpy as np
import pytest
from support import random_images

from pcnnlib import UsageError
from pcnnlib.viz import plots, style


def test_each_number_stands_where_its_code_is_and_the_usual_one_is_quiet():
    images = random_images(2, (4, 6, 1), 5)
    codes = np.array([[[7, 7, 9], [7, 7, 7]], [[1, 7, 7], [7, 7, 300]]])
    figure = plots.codes_of_images(images, codes[..., None], images, 5)
    middle = figure.axes[2:4]
    for axes, grid in zip(middle, codes, strict=True):
        shown = {tuple(map(int, text.get_position()[::-1])): text for text in axes.texts}
        assert {at: int(text.get_text()) for at, text in shown.items()} == dict(
            np.ndenumerate(grid)
        )
        quiet = {text.get_text() for text in axes.texts if text.get_alpha() == style.ASIDE["alpha"]}
        assert quiet == {"7"}


def test_codes_are_sorted_by_use_and_dead_ones_left_out():
    patches = np.array([10, 20, 30])[:, None, None, None] * np.ones((3, 2, 2, 1), int)
    figure = plots.codebook(patches, [1, 0, 3], 256, columns=3)
    above, below = figure.axes
    np.testing.assert_allclose([bar.get_height() for bar in below.patches], [75, 25, 0])
    drawn = np.asarray(above.images[0].get_array())
    opaque = drawn[..., 3] > 0
    assert set(np.unique(drawn[opaque][:, 0])) == {10, 30}
    columns = np.flatnonzero(opaque.any(axis=0))
    assert drawn[0, columns[0], 0] == 30  # the most used one first


def test_shares_have_whiskers_that_end_at_all_and_nothing():
    figure = plots.class_shares({0: (0.5, 0.1), 1: (0.99, 0.1), 2: (0.0, 0.0)}, y="recognised")
    (axes,) = figure.axes
    (bars,) = axes.containers
    np.testing.assert_allclose(bars[0].get_ydata(), [50, 99, 0])
    ends = [segment[:, 1] for segment in bars[2][0].get_segments()]
    np.testing.assert_allclose(ends, [[30, 70], [79, 100], [0, 0]])


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda x: plots.codes_of_images(x, np.zeros((1, 2, 2), int), x, 5), "codes must"),
        (lambda x: plots.codes_of_images(x, np.zeros((2, 2, 2), int), x[:1], 5), "rebuilt must"),
        (
            lambda x: plots.codebook(x, [1, 2, 3], 5),
            r"counts must be numbers of shape \(2\), got shape \(3,\)",
        ),
        (lambda x: plots.codebook(x, [0, 0], 5), "counts must be numbers of at least 0"),
        (lambda x: plots.class_shares({}, y="x"), "shares must be a dict"),
        (lambda x: plots.class_shares({0: (1.2, 0)}, y="x"), r"shares\[0\] must be"),
        (lambda x: plots.class_shares({0: (1, 0)}, y="x", reference={"a": 2}), "reference"),
    ],
)
def test_what_cannot_be_drawn_is_named(draw, message):
    with pytest.raises(UsageError, match=message):
        draw(random_images(2, (4, 4, 1), 5))
