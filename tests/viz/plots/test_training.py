"""Losses and times: which line is which, in which unit, against what."""

import numpy as np
import pytest
from support_figures import legend_colours, line_called, tick_labels

from pcnnlib._internal.errors import UsageError
from pcnnlib.viz import plots
from pcnnlib.viz.style import QUIET

HISTORY = {"loss": [3.0, 2.0, 1.5], "val_loss": [3.1, 2.2, 1.8], "seconds": [1.0, 2.0, 4.0]}
OTHER = {"loss": [2.0, 1.0], "val_loss": [2.5, 1.4], "seconds": [5.0, 6.0]}


def dotted(axes):
    """The lines of training loss, without the legend's own."""
    return [line for line in axes.lines if line.get_linestyle() == ":" and len(line.get_xdata())]


def test_validation_is_solid_and_training_dotted_in_one_colour():
    (axes,) = plots.training_curves({"a": HISTORY, "b": OTHER}).axes
    for history, name, training in zip((HISTORY, OTHER), "ab", dotted(axes), strict=True):
        epochs = list(range(1, len(history["loss"]) + 1))
        xs, ys = line_called(axes, name)
        assert (list(xs), list(ys)) == (epochs, history["val_loss"])
        assert list(training.get_xdata()) == epochs
        assert list(training.get_ydata()) == history["loss"]
        (solid,) = [line for line in axes.lines if line.get_label() == name]
        assert solid.get_linestyle() == "-"
        assert solid.get_color() == training.get_color()
    legend = legend_colours(axes.get_legend())
    assert list(legend) == ["a", "b", "validation", "training"]
    assert legend["a"] != legend["b"] and legend["validation"] == legend["training"] == QUIET
    styles = {
        text.get_text(): handle.get_linestyle()
        for text, handle in zip(
            axes.get_legend().get_texts(), axes.get_legend().legend_handles, strict=True
        )
    }
    assert styles["validation"] == "-" and styles["training"] == ":"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "nats per image")
    assert axes.get_yscale() == "linear"


def test_history_without_validation_shows_its_training_loss_alone():
    (axes,) = plots.training_curves({"a": {"loss": [2.0, 1.0]}}).axes
    xs, ys = line_called(axes, "a")
    assert (list(xs), list(ys)) == ([1, 2], [2.0, 1.0])
    assert not dotted(axes)


def test_training_curves_convert_nats_to_bits_per_dim():
    axes = plots.training_curves({"a": HISTORY}, unit="bits/dim", dims=64).axes[0]
    solid = [line for line in axes.lines if line.get_label() == "a"][0]
    assert solid.get_ydata()[-1] == pytest.approx(1.8 / (64 * np.log(2)))
    bits = np.array(HISTORY["loss"]) / (64 * np.log(2))
    np.testing.assert_allclose(dotted(axes)[0].get_ydata(), bits)
    assert axes.get_ylabel() == "bits/dim"


def test_training_curves_go_on_with_the_seconds_of_all_epochs():
    (axes,) = plots.training_curves({"a": HISTORY, "b": OTHER}, against="seconds").axes
    assert list(line_called(axes, "a")[0]) == [1.0, 3.0, 7.0]
    assert list(line_called(axes, "b")[0]) == [5.0, 11.0]
    assert [list(line.get_xdata()) for line in dotted(axes)] == [[1.0, 3.0, 7.0], [5.0, 11.0]]
    assert axes.get_xlabel() == "seconds of training"


def test_first_epochs_do_not_press_the_rest_flat():
    falling = [1000.0, *np.linspace(10, 5, 15)]
    (axes,) = plots.training_curves({"a": {"loss": falling, "val_loss": falling}}).axes
    low, high = axes.get_ylim()
    assert low < 5 and 10 <= high < 15  # all but the first epochs are inside


def test_a_short_history_is_shown_whole():
    low, high = plots.training_curves({"a": HISTORY}).axes[0].get_ylim()
    assert low < 1.5 and high > 3.1


def test_losses_that_rise_again_and_a_high_training_loss_are_shown():
    rising = [100, 90, 85, 84, 95, 110, 130, 150, 170, 200]
    for history in (
        {"loss": np.linspace(100, 60, 10), "val_loss": rising},
        {"loss": [150, *np.linspace(100, 94, 9)], "val_loss": np.linspace(80, 78, 10)},
    ):
        low, high = plots.training_curves({"a": history}).axes[0].get_ylim()
        later = [*history["loss"][1:], *history["val_loss"]]
        assert low < min(later) and high > max(later)


def test_a_loss_that_is_no_line_is_a_dot_and_one_epoch_is_an_epoch():
    single = plots.training_curves({"a": {"loss": [2.0], "val_loss": [1.0]}}).axes[0]
    (training,) = dotted(single)
    assert training.get_marker() == "o"
    low, high = single.get_ylim()
    assert low < 1 and high > 2
    whole = [at for at in single.xaxis.get_majorticklocs() if 0 <= at <= 2]
    assert whole == [0, 1, 2] == [round(at) for at in whole]
    (training,) = dotted(plots.training_curves({"a": HISTORY}).axes[0])
    assert training.get_marker() == "None"
    gaps = {"loss": [3.0, np.nan, 1.5], "val_loss": [1.0, 1.0, 1.0]}
    (training,) = dotted(plots.training_curves({"a": gaps}).axes[0])
    assert training.get_marker() == "o"


def test_curves_of_one_colour_have_different_markers():
    histories = {str(k): HISTORY for k in range(12)}
    (axes,) = plots.training_curves(histories).axes
    drawn = [line for line in axes.lines if line.get_label() in histories]
    looks = {(line.get_color(), line.get_marker()) for line in drawn}
    assert len(drawn) == len(looks) == 12


def test_times_are_joined_in_the_order_of_sizes():
    (axes,) = plots.timing({"a": {100: 3, 1: 1, 10: 2}}).axes
    assert list(line_called(axes, "a")[0]) == [1, 10, 100]
    (axes,) = plots.timing({"a": {n: n for n in range(1, 60)}}).axes
    assert 5 <= len(tick_labels(axes.xaxis)) <= 10


def test_logarithmic_losses():
    (axes,) = plots.training_curves({"a": HISTORY}, log=True).axes
    assert axes.get_yscale() == "log"
    assert axes.get_ylim()[0] < 1.5 and axes.get_ylim()[1] > 3.1


def test_many_histories_have_their_legend_below():
    histories = {name: HISTORY for name in "abc"}
    figure = plots.training_curves(histories)
    figure.draw_without_rendering()
    (axes,) = figure.axes
    legend = axes.get_legend()
    assert list(legend_colours(legend)) == ["a", "b", "c", "validation", "training"]
    assert len(set(legend_colours(legend).values())) == 4
    assert legend.get_window_extent().y1 <= axes.get_window_extent().y0
    assert len([line for line in axes.lines if len(line.get_xdata())]) == 6


@pytest.mark.parametrize("wrong", [{"unit": "bits"}, {"unit": "bits/dim"}, {"against": "steps"}])
def test_training_curves_refuse_unknown_units_and_axes(wrong):
    with pytest.raises(UsageError):
        plots.training_curves({"a": HISTORY}, **wrong)


def test_timing_has_sizes_across_and_seconds_upwards():
    seconds = {"cached": {1: 0.1, 64: 2.0}, "plain": {1: 0.5, 1024: 30.0}}
    (axes,) = plots.timing(seconds, x="images").axes
    for name, line in seconds.items():
        xs, ys = line_called(axes, name)
        assert dict(zip(xs.tolist(), ys.tolist(), strict=True)) == line
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert tick_labels(axes.xaxis) == {1: "1", 64: "64", 1024: "1,024"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("images", "seconds")
    legend = legend_colours(axes.get_legend())
    assert legend == {line.get_label(): line.get_color() for line in axes.lines}
    assert list(legend) == ["cached", "plain"] and len(set(legend.values())) == 2
    assert plots.timing(seconds).axes[0].get_xlabel() == "images in a batch"


def test_no_series_is_lost_however_many_there_are():
    names = [f"run {k}" for k in range(7)]
    curves = plots.training_curves({name: {"loss": [2.0, k]} for k, name in enumerate(names)})
    times = plots.timing({name: {1: 0.1, 4: 0.5} for name in names})
    for figure in (curves, times):
        drawn = [line.get_label() for line in figure.axes[0].lines]
        assert [label for label in drawn if label in names] == names
