"""Figures of bits: what is drawn are the numbers that were given."""

import numpy as np
import pytest
from support import random_images

from pcnnlib import UsageError
from pcnnlib.viz import plots


def test_each_image_has_its_sum_of_bits_below():
    images = random_images(3, (4, 4, 1), 2)
    bits = np.arange(3)[:, None, None] * np.ones((3, 4, 4))
    figure = plots.bits_of_pixels(images, bits, 2)
    sums = [text.get_text() for axes in figure.axes[3:6] for text in axes.texts]
    assert sums == ["0 bits", "16 bits", "32 bits"]
    # All maps share one scale.
    limits = {axes.images[0].get_clim() for axes in figure.axes[3:6]}
    assert limits == {(0, 2)}


def test_nothing_to_be_surprised_by_is_drawn_too():
    plots.bits_of_pixels(random_images(1, (4, 4, 1), 2), np.zeros((1, 4, 4)), 2).svg("x")


def test_intervals_are_cut_in_proportion():
    figure = plots.narrowing_intervals([3, 1], [0, 1])
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [0.75, 0.25, 0.75, 0.25]
    framed = [bar for bar in axes.patches if bar.get_edgecolor()[3] > 0]
    assert [bar.get_width() for bar in framed] == [0.75, 0.25]


@pytest.mark.parametrize(
    ("counts", "symbols", "message"),
    [
        ([1, 0], [0], "counts must be"),
        ([1, 1], [2], "symbols must be an integer 0..1"),
        ([1, 1], [], "symbols"),
        ([1, 1], [0] * 9, "symbols must be 1..8 of 1..5 kinds, got 9 of 2"),
        ([1] * 6, [0], "got 1 of 6"),
    ],
)
def test_wrong_messages_are_named(counts, symbols, message):
    with pytest.raises(UsageError, match=message):
        plots.narrowing_intervals(counts, symbols)


def test_bits_that_are_of_other_images_are_named():
    with pytest.raises(UsageError, match="bits must"):
        plots.bits_of_pixels(random_images(2, (4, 4, 1), 2), np.zeros((1, 4, 4)), 2)
