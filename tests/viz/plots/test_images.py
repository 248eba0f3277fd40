"""Figures of images: which image stands where, and what its pixels cost."""

import numpy as np
import pytest
from matplotlib import colors
from support import random_images
from support_figures import Drawn, on_white

from pcnnlib._internal.errors import UsageError
from pcnnlib.viz import plots
from pcnnlib.viz.images import UNDRAWN, tile, to_rgb
from pcnnlib.viz.style import BLUE, GREEN, VERMILION


def spans(filled):
    """`(start, end)` of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], filled.astype(int), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def boxes(figure):
    """`(left, right, top, bottom)` of every image in a grid, in reading order."""
    (picture,) = figure.axes[0].images
    opaque = np.asarray(picture.get_array())[..., 3] > 0
    across = spans(opaque.any(axis=0))
    return [
        (*columns, *rows)
        for rows in spans(opaque.any(axis=1))
        for columns in across
        if opaque[slice(*rows), slice(*columns)].all()
    ]


def seen_pixels(figure, shape):
    """RGB `(n, H, W, 3)` of the images as the finished figure shows them."""
    drawn, (height, width) = Drawn(figure), shape
    return np.array(
        [
            [
                [
                    drawn.colour(
                        figure.axes[0],
                        left + (right - left) * (j + 0.5) / width,
                        top + (bottom - top) * (i + 0.5) / height,
                    )
                    for j in range(width)
                ]
                for i in range(height)
            ]
            for left, right, top, bottom in boxes(figure)
        ]
    )


def test_grids_side_by_side_have_their_titles_above_their_own_images():
    images = random_images(8, (4, 4, 1), 5)
    figure = plots.grids_side_by_side({"epoch 0\n2.1": images[:4], "real": images[4:]}, 5)
    first, second, *empty = figure.axes
    assert [axes.get_title() for axes in (first, second)] == ["epoch 0\n2.1", "real"]
    assert not any(axes.images for axes in empty)
    for axes, shown in ((first, images[:4]), (second, images[4:])):
        (picture,) = axes.images
        np.testing.assert_array_equal(
            np.asarray(picture.get_array())[..., :3], tile(shown, 5, width=320)
        )
    # As wide as a page on a telephone can show with lettering of this size.
    assert figure.get_size_inches()[0] < 5
    with pytest.raises(UsageError, match=r"grids\['a'\]"):
        plots.grids_side_by_side({"a": images + 5}, 5)
    with pytest.raises(UsageError, match="columns"):
        plots.grids_side_by_side({"a": images}, 5, columns=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_grid_shows_every_image_in_reading_order(channels):
    images = random_images(5, (4, 3, channels), 17)
    figure = plots.image_grid(images, 17, columns=2, width=4)
    assert len(boxes(figure)) == 5  # nothing where a sixth would be
    np.testing.assert_allclose(seen_pixels(figure, (4, 3)), to_rgb(images, 17), atol=1)
    tops = [top for _, _, top, _ in boxes(figure)]
    assert tops[0] == tops[1] < tops[2] == tops[3] < tops[4]
    assert figure.get_size_inches()[0] == 4


def test_plain_images_make_a_square():
    grid = boxes(plots.image_grid(random_images(9, (4, 4, 1), 2), 2))
    assert len({left for left, *_ in grid}) == len({top for _, _, top, _ in grid}) == 3


def test_pixels_are_square():
    figure = plots.image_grid(random_images(2, (4, 6, 1), 2), 2)
    figure.draw_without_rendering()
    (left, right, top, bottom), _ = boxes(figure)
    corners = figure.axes[0].transData.transform([(left, bottom), (right, top)])
    width, height = corners[1] - corners[0]
    assert width / 6 == pytest.approx(height / 4, rel=0.02)


def test_what_is_not_drawn_yet_has_its_own_colour():
    images = random_images(2, (4, 4, 1), 17)
    shown = np.zeros((2, 4, 4, 1), bool)
    shown[0, :2] = shown[1, :, 3] = True
    seen = seen_pixels(plots.image_grid(images, 17, shown=shown, width=4), (4, 4))
    np.testing.assert_allclose(seen, np.where(shown, to_rgb(images, 17), UNDRAWN), atol=1)


def test_titles_stand_above_their_images():
    figure = plots.image_grid(random_images(5, (4, 4, 1), 17), 17, columns=3, titles=range(5))
    axes, grid = figure.axes[0], boxes(figure)
    assert [text.get_text() for text in axes.texts] == list("01234")
    for text, (left, right, top, _) in zip(axes.texts, grid, strict=True):
        x, y = text.get_position()
        assert x == (left + right) / 2 and text.get_ha() == "center"
        above = max([bottom for *_, bottom in grid if bottom < top], default=0)
        assert above < y < top and text.get_va() == "bottom"


def test_kinds_have_a_labelled_row_each():
    images = random_images(7, (4, 4, 1), 17)
    kinds = {"real": images[:3], "drawn": images[3:6]}
    figure = plots.image_grid(kinds, 17, width=4)
    np.testing.assert_allclose(seen_pixels(figure, (4, 4)), to_rgb(images[:6], 17), atol=1)
    axes, grid = figure.axes[0], boxes(figure)
    assert len({left for left, *_ in grid}) == 3
    for text, name, (_, _, top, bottom) in zip(axes.texts, kinds, grid[::3], strict=True):
        x, y = text.get_position()
        assert text.get_text() == name
        assert x < 0 and text.get_ha() == "right"
        assert y == (top + bottom) / 2 and text.get_va() == "center"
    # There is room for the labels.
    figure.draw_without_rendering()
    assert min(text.get_window_extent().x0 for text in axes.texts) >= 0


def test_rows_are_cut_to_the_columns_that_are_wanted():
    images = random_images(5, (4, 4, 1), 17)
    figure = plots.image_grid({"a": images[:3], "b": images[3:]}, 17, columns=2, width=4)
    np.testing.assert_allclose(
        seen_pixels(figure, (4, 4)), to_rgb(images[[0, 1, 3, 4]], 17), atol=1
    )


def test_rows_of_unequal_length_are_refused():
    images = random_images(6, (8, 8, 1), 17)
    with pytest.raises(UsageError, match="every row must have 4 images"):
        plots.image_grid({"a": images[:4], "b": images[:2]}, 17)


@pytest.mark.parametrize("channels", [1, 3])
def test_surprise_shows_the_image_beside_what_each_pixel_cost(channels):
    (image,) = random_images(1, (3, 4, channels), 17)
    nats = np.linspace(0.5, 2.5, 12).reshape(3, 4)
    figure = plots.surprise(image, nats, 17)
    left, right, bar = figure.axes
    assert (left.get_title(), right.get_title()) == ("image", "nats per pixel")
    drawn = Drawn(figure)
    np.testing.assert_allclose(drawn.cells(left, (3, 4), off=0), to_rgb(image[None], 17)[0], atol=1)
    np.testing.assert_array_equal(right.images[0].get_array(), nats)
    # The dearer a pixel, the lighter; and nothing is darkest.
    light = drawn.cells(right, (3, 4), off=0).mean(axis=-1).ravel()
    assert (np.diff(light) > 0).all()
    assert bar.get_ylim() == (0, 2.5)
    np.testing.assert_allclose(
        drawn.colour(bar, 0.5, nats[1, 2]), drawn.colour(right, 2, 1), atol=8
    )


def height_at(polygon, x):
    """How high an area reaches at `x`, to 0.002."""
    (path,) = polygon.get_paths()
    return max((y for y in np.arange(0.001, 1, 0.002) if path.contains_point((x, y))), default=0)


def test_probabilities_of_levels_stand_beside_the_actual_level():
    rng = np.random.default_rng(0)
    predictions = {name: rng.dirichlet(np.ones(6), 3) for name in ("first", "second")}
    actual = (0, 4, 5)
    figure = plots.level_probabilities(predictions, actual)
    panels, drawn = np.reshape(figure.axes, (2, 3)), Drawn(figure)
    for row, (name, probabilities) in zip(panels, predictions.items(), strict=True):
        for c, axes in enumerate(row):
            (area,) = axes.collections
            # Steps: as high a quarter of a level away.
            for k, off in np.ndindex(4, 2):
                x = k + 1 + (0.25 if off else -0.25)
                assert height_at(area, x) == pytest.approx(probabilities[c, k + 1], abs=0.003)
            (line,) = axes.lines
            assert list(line.get_xdata()) == [actual[c]] * 2
            assert axes.get_ylim()[0] == 0 and axes.get_ylim()[1] >= probabilities[c].max()
            (tick,) = axes.get_yticks()
            assert tick == probabilities[c].max()
            assert [float(label.get_text()) for label in axes.get_yticklabels()] == [
                pytest.approx(tick, rel=0.05)
            ]
            colour = (VERMILION, GREEN, BLUE)[c]
            assert colors.to_hex(area.get_facecolor()[0]) == colors.to_hex(colour)
            k = 1 + np.argmax(probabilities[c, 1:5])
            inside = (k + 0.2, probabilities[c, k] / 2)
            np.testing.assert_allclose(drawn.colour(axes, *inside), on_white(colour), atol=2)
        assert [axes.get_ylabel() for axes in row] == [name, "", ""]
    assert [axes.get_title() for axes in panels.flat] == ["R = 0", "G = 4", "B = 5", "", "", ""]
    assert [axes.get_xlabel() for axes in panels.flat] == [""] * 3 + ["level"] * 3


def test_one_prediction_of_levels_is_one_row():
    figure = plots.level_probabilities({"a": np.eye(3, 9)}, (0, 1, 2))
    assert len(figure.axes) == 3
    assert [axes.get_title() for axes in figure.axes] == ["R = 0", "G = 1", "B = 2"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["level"] * 3


def test_heads_stand_above_the_first_row_alone():
    """And the rows below come no farther apart than without them."""
    images = random_images(6, (4, 4, 1), 17)
    plain, headed = (
        plots.image_grid(images, 17, columns=3, width=4, heads=heads)
        for heads in (None, ["a", "b", "c"])
    )
    texts = headed.axes[0].texts
    assert [text.get_text() for text in texts] == ["a", "b", "c"]
    for text, (left, right, top, _) in zip(texts, boxes(headed), strict=False):
        x, y = text.get_position()
        assert left < x < right and 0 < y < top

    def between_rows(figure):
        spots = boxes(figure)
        return spots[3][2] - spots[0][3]

    assert between_rows(headed) == between_rows(plain)
    with pytest.raises(UsageError, match="heads must be 3 values"):
        plots.image_grid(images, 17, columns=3, heads=["a"])
    with pytest.raises(UsageError, match="heads and titles"):
        plots.image_grid(images, 17, columns=3, heads=["a"] * 3, titles=["a"] * 6)
