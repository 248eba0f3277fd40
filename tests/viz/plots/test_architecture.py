"""Masks, orders and the gate: every cell has the colour and the number that it should have."""

import numpy as np
import pytest
from support_figures import Drawn, legend_colours, line_called, on_white, texts_at, tick_labels

from pcnnlib.nn.masks import raster_mask
from pcnnlib.viz import plots
from pcnnlib.viz.style import BLUE, GREEN, HERE, LATER, SEEN, VERMILION

USED = {"used": SEEN, "hidden": LATER, "here": HERE}


def outlines(axes):
    """`(x, y, width, height)` of every rectangle without a filling."""
    return [(*p.get_xy(), p.get_width(), p.get_height()) for p in axes.patches if not p.get_fill()]


def test_raster_order_counts_row_by_row_up_to_the_pixel_whose_turn_it_is():
    figure = plots.raster_order(3, 4, (1, 2))
    (axes,) = figure.axes
    assert Drawn(figure).names(axes, (3, 4), USED) == [
        ["used"] * 4,
        ["used", "used", "here", "hidden"],
        ["hidden"] * 4,
    ]
    numbers = {(j, i): str(4 * i + j + 1) for i in range(3) for j in range(4)}
    del numbers[2, 1]  # the pixel itself is a dark patch
    assert texts_at(axes) == numbers
    # White is legible on the colour of what is drawn, and not on that of the rest.
    light = {t.get_text() for t in axes.texts if t.get_visible() and t.get_color() == "#ffffff"}
    assert light == {"1", "2", "3", "4", "5", "6"}


@pytest.mark.parametrize("shape", [(3, 3), (3, 3, 1, 1)])
def test_masks_show_every_tap_and_outline_the_centre(shape):
    # Not symmetric: rows taken for columns would show.
    mask = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]])
    figure = plots.masks({"own": mask.reshape(shape), "A": raster_mask(5, "A")})
    own, raster = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["own", "A"]
    drawn = Drawn(figure)
    for axes, taps in ((own, mask), (raster, np.reshape(raster_mask(5, "A"), (5, 5)))):
        k = len(taps)
        assert drawn.names(axes, (k, k), USED) == np.where(taps, "used", "hidden").tolist()
        assert texts_at(axes) == {(j, i): str(int(taps[i, j])) for i, j in np.ndindex(k, k)}
        light = {t.get_position() for t in axes.texts if t.get_color() == "#ffffff"}
        assert light == {(j, i) for i, j in np.argwhere(taps).tolist()}
    assert outlines(own) == [(0.5, 0.5, 1, 1)]
    assert outlines(raster) == [(1.5, 1.5, 1, 1)]


def test_masks_of_many_kernels_go_on_in_a_second_row():
    figure = plots.masks({str(n): np.eye(3) for n in range(6)})
    shown = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in shown] == list("012345")
    rows = [axes.get_subplotspec().rowspan.start for axes in shown]
    assert rows == [0, 0, 0, 0, 0, 1]


def test_channel_order_links_inputs_in_rows_to_outputs_in_columns():
    links = np.array([[0, 1, 1], [0, 0, 1]])
    figure = plots.channel_order({"mask A": (links, [0, 1], [0, 1, 2])})
    (axes,) = figure.axes
    dark = Drawn(figure).cells(axes, (2, 3)).mean(axis=-1) < 128
    assert dark.tolist() == links.astype(bool).tolist()
    assert axes.get_title() == "mask A"
    assert tick_labels(axes.xaxis) == {0: "R", 1: "G", 2: "B"}
    assert tick_labels(axes.yaxis) == {0: "R", 1: "G"}
    assert axes.xaxis.get_ticks_position() == "top"
    assert axes.axison


@pytest.mark.parametrize("side", ["x", "y"])
def test_channels_have_their_own_colours_at_the_heads_of_rows_and_columns(side):
    figure = plots.channel_order({"mask A": (np.tri(3), [0, 1, 2], [2, 1, 0])})
    figure.draw_without_rendering()
    axis = getattr(figure.axes[0], f"{side}axis")
    letters = [label for label in axis.get_majorticklabels() if label.get_visible()]
    assert {label.get_text(): label.get_color() for label in letters} == {
        "R": VERMILION,
        "G": GREEN,
        "B": BLUE,
    }
    assert all(label.get_fontweight() == "bold" for label in letters)


def test_gate_curve_is_the_layers_own():
    figure = plots.gate()
    axes = figure.axes[0]
    assert len(axes.lines) == 5
    for b in (3, 1, 0, -1, -3):
        a, gated = line_called(axes, f"b = {b}")
        assert a.min() == -3 and a.max() == 3
        np.testing.assert_allclose(gated, np.tanh(a) / (1 + np.exp(-b)), atol=1e-6)
    legend = legend_colours(axes.get_legend())
    assert legend == {line.get_label(): line.get_color() for line in axes.lines}
    assert list(legend) == ["b = 3", "b = 1", "b = 0", "b = -1", "b = -3"]
    assert len(set(legend.values())) == 5
    assert axes.get_xlabel() == "a (features)"
    assert axes.get_ylabel() == "tanh(a) · sigmoid(b)"


def test_gate_map_has_features_across_and_the_gate_upwards():
    figure = plots.gate(limit=2.0)
    axes, bar = figure.axes[1:]
    (image,) = axes.images
    a = np.linspace(-2, 2, 121)
    np.testing.assert_allclose(
        image.get_array(), np.tanh(a)[None, :] / (1 + np.exp(-a))[:, None], atol=1e-6
    )
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("a (features)", "b (gate)")
    assert (*axes.get_xlim(), *axes.get_ylim()) == (-2, 2, -2, 2)
    assert bar.get_ylim() == (-1, 1)
    drawn = Drawn(figure)
    red, blue, closed, zero = (
        drawn.colour(axes, *at) for at in ((1.9, 1.9), (-1.9, 1.9), (1.9, -1.9), (0, 1.9))
    )
    assert red[0] > red[2] + 80 and blue[2] > blue[0] + 80
    assert (closed > 200).all()  # the gate lets next to nothing through
    np.testing.assert_allclose(zero, on_white("#f7f7f7"), atol=3)
    top, bottom = (drawn.colour(bar, 0.5, v) for v in (0.95, -0.95))
    assert top[0] > top[2] and bottom[2] > bottom[0]
