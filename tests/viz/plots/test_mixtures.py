"""Figures of a pixel's distribution show the numbers that they are given, at the right level."""

import numpy as np
import pytest
from matplotlib import colors
from support_figures import line_called

import pcnnlib as pcnn
from pcnnlib.viz import plots
from pcnnlib.viz.style import BLUE, VERMILION


def heights(axes):
    """dict of level -> height of its bar."""
    bars = [bar for group in axes.containers for bar in group]
    return {round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in bars}


def test_bars_are_the_probabilities_and_the_ends_stand_out():
    probabilities = np.array([0.4, 0.1, 0.2, 0.3])
    axes = plots.bell_in_bins(probabilities, 1.5, 0.8).axes[0]
    assert heights(axes) == pytest.approx(dict(enumerate(probabilities)))
    inner, ends = axes.containers
    colours = {name: group[0].get_facecolor()[:3] for name, group in (("in", inner), ("end", ends))}
    assert colours == {"in": colors.to_rgb(BLUE), "end": colors.to_rgb(VERMILION)}
    assert sorted(round(bar.get_x() + 0.45) for bar in ends) == [0, 3]


def test_the_curve_is_the_density_of_the_logistic():
    """Highest at the mean, there 1 / (4 scale), and its area over all that is drawn is nearly 1."""
    axes = plots.bell_in_bins(np.full(12, 1 / 12), 5.5, 0.5).axes[0]
    x, y = line_called(axes, "density of the logistic")
    assert y.max() == pytest.approx(0.5, rel=1e-2)
    assert x[y.argmax()] == pytest.approx(5.5, abs=0.05)
    assert np.trapezoid(y, x) == pytest.approx(1, abs=1e-3)


def test_every_fit_has_a_panel_with_its_bells_and_their_sum():
    fit = np.array([[0.1, 0.2], [0.3, 0.1], [0.1, 0.2]])
    share = np.array([0.3, 0.4, 0.3])
    figure = plots.mixture_fits(share, {"start": fit, "end": fit[::-1], "later": fit})
    first, second, third, empty = figure.axes
    titles = [axes.get_title() for axes in (first, second, third)]
    assert titles == ["start", "end", "later"] and not empty.axison
    assert heights(second) == pytest.approx(dict(enumerate(share)))
    np.testing.assert_allclose(line_called(second, "mixture")[1], fit[::-1].sum(axis=1))
    for bell, line in zip(fit.T, first.lines, strict=False):
        np.testing.assert_allclose(line.get_ydata(), bell)


def test_channels_have_a_logarithmic_panel_each_and_a_dotted_line_at_the_actual_level():
    values = {"a": np.full((3, 4), 0.25), "b": np.array([[1, 0, 0, 0.0]] * 3)}
    figure = plots.log_probabilities(values, [0, 2, 3], lowest=1e-6)
    for axes, channel, level in zip(figure.axes, "RGB", (0, 2, 3), strict=True):
        assert axes.get_title() == f"{channel} = {level}"
        assert axes.get_yscale() == "log" and axes.get_ylim() == (1e-6, 1)
        np.testing.assert_allclose(line_called(axes, "a")[1], 0.25)
        # What has no probability leaves the panel, and no gap.
        np.testing.assert_array_less(line_called(axes, "b")[1][1:], 1e-6)
        assert [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"] == [
            level
        ]


@pytest.mark.parametrize(
    ("draw", "match"),
    [
        (lambda: plots.bell_in_bins([0.5, 1.5], 0, 1), "probabilities must be .* got 1.5"),
        (lambda: plots.bell_in_bins([0.5, 0.5], 0, 0), "scale must be"),
        (lambda: plots.bell_in_bins([0.5, 0.5], np.nan, 1), "mean must be"),
        (lambda: plots.mixture_fits([0.5, 0.5], {}), "fits must be"),
        (lambda: plots.mixture_fits([0.5, 0.5], {"x": np.zeros((3, 2))}), r"fits\['x'\] must be"),
        (lambda: plots.log_probabilities({"x": np.zeros((2, 4))}, [0, 0, 0]), "predictions"),
        (lambda: plots.log_probabilities({"x": np.zeros((3, 4))}, [0, 0, 4]), "actual must be"),
        (
            lambda: plots.log_probabilities({"x": np.zeros((3, 4))}, [0, 0, 0], lowest=1.0),
            "lowest must be",
        ),
    ],
)
def test_what_cannot_be_drawn_is_named(draw, match):
    with pytest.raises(pcnn.UsageError, match=match):
        draw()
