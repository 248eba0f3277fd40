"""Figures that compare numbers: the numbers drawn are the numbers given, each beside its name."""

import numpy as np
import pytest
from matplotlib import colors
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.markers import MarkerStyle
from support_figures import Drawn, legend_colours, line_called, on_white, texts_at, tick_labels

import pcnnlib as pcnn
from pcnnlib.viz import plots
from pcnnlib.viz.style import BLUE, QUIET, VERMILION

LIKELIHOODS = {
    "plain": pcnn.Likelihood(80.0, 1.25, 1.8, 0.6, 300),
    "gated": pcnn.Likelihood(60.0, 0.94, 1.35, 1.0, 300),
    "mean": pcnn.Likelihood(160.0, 2.5, 3.6, 2.0, 300),
}


def error_bars(axes):
    """`(value, row, lower end, upper end)` of each."""
    found = []
    for container in axes.containers:
        assert isinstance(container, ErrorbarContainer)
        point, _, (bars,) = container.lines
        ((left, low), (right, high)) = bars.get_segments()[0]
        assert low == high == point.get_ydata()[0]
        found.append((point.get_xdata()[0], low, left, right))
    return np.array(found)


def test_compared_likelihoods_are_bits_with_two_standard_errors():
    (axes,) = plots.compare_likelihoods(LIKELIHOODS).axes
    np.testing.assert_allclose(
        error_bars(axes),
        [
            [1.8, 0, 1.8 - 2 * 0.6 * 1.8 / 80, 1.8 + 2 * 0.6 * 1.8 / 80],
            [1.35, 1, 1.35 - 2 * 1.35 / 60, 1.35 + 2 * 1.35 / 60],
            [3.6, 2, 3.6 - 4 * 3.6 / 160, 3.6 + 4 * 3.6 / 160],
        ],
    )
    assert tick_labels(axes.yaxis) == {0: "plain", 1: "gated", 2: "mean"}
    assert axes.get_ylim() == (2.5, -0.5)  # the first on top
    assert [(text.get_text(), text.xy[1]) for text in axes.texts] == [
        ("1.800", 0),
        ("1.350", 1),
        ("3.600", 2),
    ]
    # Each number stands to the right of its bar.
    np.testing.assert_allclose([text.xy[0] for text in axes.texts], error_bars(axes)[:, 3])
    assert axes.get_xlabel() == "test bits/dim (less is better)"
    stems = [line.get_xydata().tolist() for line in axes.lines if line.get_color() == QUIET]
    assert stems == [[[0, 0], [1.8, 0]], [[0, 1], [1.35, 1]], [[0, 2], [3.6, 2]]]
    assert axes.get_xlim() == (0, pytest.approx(3.6 * 1.12))


def test_compared_likelihoods_can_leave_out_zero():
    likelihood = pcnn.Likelihood(80.0, 1.25, 1.8, 0.6, 300)
    full, near = (
        plots.compare_likelihoods({"a": likelihood}, from_zero=zero) for zero in (True, False)
    )
    assert full.axes[0].get_xlim()[0] == 0 < 1 < near.axes[0].get_xlim()[0]
    np.testing.assert_allclose(error_bars(near.axes[0]), error_bars(full.axes[0]))
    assert not [line for line in near.axes[0].lines if line.get_color() == QUIET]


def test_differences_show_each_value_with_two_standard_errors():
    figure = plots.differences({"a": (0.5, 0.1), "b": (-1.0, 0.2)}, x="nats")
    (axes,) = figure.axes
    spans = [bar.get_segments()[0][:, 0] for bar in axes.collections]
    np.testing.assert_allclose(spans, [[0.3, 0.7], [-1.4, -0.6]])
    assert [text.get_text() for text in axes.texts] == ["+0.50", "-1.00"]


def test_differences_stand_beside_their_names_and_the_line_of_none():
    (axes,) = plots.differences({"a": (0.5, 0.1), "b": (-1.0, 0.2)}, x="nats").axes
    np.testing.assert_allclose(error_bars(axes), [[0.5, 0, 0.3, 0.7], [-1, 1, -1.4, -0.6]])
    np.testing.assert_allclose([text.xy for text in axes.texts], [[0.7, 0], [-0.6, 1]])
    assert tick_labels(axes.yaxis) == {0: "a", 1: "b"}
    assert axes.get_ylim() == (1.5, -0.5)
    assert axes.get_xlabel() == "nats"
    (zero,) = [line for line in axes.lines if line.get_color() == QUIET]
    assert list(zero.get_xdata()) == [0, 0]
    left, right = axes.get_xlim()
    assert left < -1.4 and right > 0.7


def test_lines_have_their_points_and_references_their_heights():
    series = {"a": ([1, 2, 4], [0.1, 0.9, 0.3]), "b": ([0, 3], [0.5, 0.2])}
    reference = {"all": 1.0, "none": -0.5}
    (axes,) = plots.lines(series, x="rows", y="share", reference=reference).axes
    for name, points in series.items():
        np.testing.assert_array_equal(line_called(axes, name), points)
    for name, height in reference.items():
        xs, ys = line_called(axes, name)
        assert list(ys) == [height] * 2
        assert list(xs) == [0, 1]  # from edge to edge, in shares of the axis
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("rows", "share")
    legend = legend_colours(axes.get_legend())
    assert legend == {line.get_label(): line.get_color() for line in axes.lines}
    assert list(legend) == ["a", "b", "all", "none"]
    assert legend["a"] != legend["b"]
    # References share a colour, and differ in their dashes.
    assert len({line.get_linestyle() for line in axes.lines}) == 3
    assert len(plots.lines(series, x="rows", y="share").axes[0].lines) == 2


def test_lines_show_two_standard_errors_to_either_side():
    ys, errors = np.array([3.0, 2.0, 1.5]), np.array([0.0, 0.2, 0.1])
    figure = plots.lines({"gain": ([1, 2, 3], ys, errors), "other": ([1, 2], [4, 3])}, x="n", y="y")
    (container,) = figure.axes[0].containers
    _, _, (bars,) = container.lines
    ends = np.array([segment[:, 1] for segment in bars.get_segments()])
    np.testing.assert_allclose(ends, np.column_stack([ys - 2 * errors, ys + 2 * errors]))
    with pytest.raises(
        pcnn.UsageError, match=r"series\['gain'\]\[2\] must be standard errors >= 0"
    ):
        plots.lines({"gain": ([1, 2], [3, 2], [0.1, -0.1])}, x="n", y="y")


def test_histograms_count_every_kind_in_the_same_bins():
    rng = np.random.default_rng(0)
    values = {"a": rng.normal(0, 1, 50), "b": rng.normal(3, 1, 80)}
    (axes,) = plots.histograms(values, x="nats").axes
    edges = np.linspace(*(f(np.concatenate(list(values.values()))) for f in (np.min, np.max)), 21)
    filled = [bars for bars in axes.containers if isinstance(bars, BarContainer)]
    outlines = {patch.get_label(): patch for patch in axes.patches if patch.get_label() in values}
    assert len(filled) == len(outlines) == 2
    for bars, (name, numbers) in zip(filled, values.items(), strict=True):
        counts, _ = np.histogram(numbers, edges)
        assert counts.sum() == len(numbers)
        assert [bar.get_height() for bar in bars] == counts.tolist()
        np.testing.assert_allclose([bar.get_x() for bar in bars], edges[:-1])
        np.testing.assert_allclose([bar.get_width() for bar in bars], np.diff(edges))
        # The outline goes from the ground over the same heights: up, along, and down.
        corners = outlines[name].get_xy()
        np.testing.assert_array_equal(corners[1:-1:2, 1], counts)
        np.testing.assert_allclose(corners[1:-1:2, 0], edges[:-1])
        assert colors.to_hex(outlines[name].get_edgecolor()) == colors.to_hex(
            bars[0].get_facecolor()
        )
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("nats", "images")
    legend = axes.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]
    shades = [colors.to_hex(handle.get_edgecolor()) for handle in legend.legend_handles]
    assert shades == [colors.to_hex(outlines[name].get_edgecolor()) for name in values]
    assert len(set(shades)) == 2


def test_confusion_has_truth_in_rows_and_judgements_in_columns():
    counts = [[6, 4, 0], [0, 199, 1], [0, 0, 0]]
    figure = plots.confusion(counts, truth="asked", judged="seen")
    (axes,) = figure.axes
    assert texts_at(axes) == {(0, 0): "6", (1, 0): "4", (1, 1): "199", (2, 1): "1"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("seen", "asked")
    assert tick_labels(axes.xaxis) == tick_labels(axes.yaxis) == {0: "0", 1: "1", 2: "2"}
    assert axes.axison
    cells = Drawn(figure).cells(axes, (3, 3), off=0.42)
    # Shares of a row's counts, not of a column's; right and wrong in two colours.
    shares = {(0, 0): 0.6, (0, 1): 0.4, (1, 1): 199 / 200, (1, 2): 1 / 200}
    for at, share in shares.items():
        colour = BLUE if at[0] == at[1] else VERMILION
        np.testing.assert_allclose(cells[at], on_white(colour, 0.25 + 0.75 * share), atol=2)
    for at in set(np.ndindex(3, 3)) - set(shares):
        assert (cells[at] > 240).all(), at
    # One mistake in two hundred is to be seen.
    assert np.abs(cells[1, 2] - cells[1, 0]).max() > 40


def test_asked_is_across_and_measured_upwards():
    pairs = {"a": ([0, 1, 2], [0.1, 0.8, 3.0]), "b": (np.array([5, 4]), np.array([-1, 2]))}
    figure = plots.asked_and_measured(pairs)
    for axes, (name, (asked, measured)) in zip(figure.axes, pairs.items(), strict=True):
        diagonal, points = axes.lines
        assert list(points.get_xdata()) == list(asked)
        assert list(points.get_ydata()) == list(measured)
        assert points.get_linestyle() == "None" and points.get_marker() == "o"
        assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
        ends = [min(*asked, *measured), max(*asked, *measured)]
        assert list(diagonal.get_xdata()) == ends
        assert diagonal.get_color() == QUIET
        assert axes.get_title() == name
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("asked for", "measured")
        assert axes.axison
    assert len(figure.axes) == 2


def test_codes_are_drawn_as_the_digits_of_their_classes():
    codes = np.random.default_rng(0).normal(size=(9, 2))
    labels = [3, 7, 8] * 3
    (axes,) = plots.code_space(codes, labels, names=("first", "second")).axes
    assert len(axes.collections) == 3
    for label, points in zip((3, 7, 8), axes.collections, strict=True):
        np.testing.assert_array_equal(points.get_offsets(), codes[np.array(labels) == label])
        digit = MarkerStyle(f"${label}$")
        (path,) = points.get_paths()
        np.testing.assert_allclose(
            path.vertices, digit.get_path().transformed(digit.get_transform()).vertices
        )
    shades = {colors.to_hex(points.get_facecolor()[0]) for points in axes.collections}
    assert len(shades) == 3
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("first", "second")


def test_codes_without_classes_are_dots():
    codes = np.random.default_rng(0).normal(size=(9, 2))
    (axes,) = plots.code_space(codes).axes
    (points,) = axes.lines
    np.testing.assert_array_equal(points.get_xydata(), codes)
    assert points.get_linestyle() == "None" and points.get_marker() == "o"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("1", "2")
