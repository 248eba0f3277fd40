"""What a prediction sees: each cell has the colour that the legend gives its role."""

import numpy as np
import pytest
from support_figures import Drawn, legend_colours, on_white

import pcnnlib as pcnn
from pcnnlib.nn.raster import before
from pcnnlib.viz import plots
from pcnnlib.viz.style import GREEN, INK, LATER, SEEN

ROLES = {
    "here": "pixel being predicted",
    "seen": "earlier, seen",
    "blind": "earlier, blind: in reach, never seen",
    "unreached": "earlier, out of reach",
    "leak": "later, but seen: a leak",
    "later": "not yet generated",
}


def read_cells(figure, axes, shape):
    """What the figure's legend says of each cell of a panel."""
    (legend,) = figure.legends
    return Drawn(figure).names(axes, shape, legend_colours(legend))


def test_roles_tell_seen_blind_leak_and_later_apart():
    seen = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0]], bool)
    roles, strength = plots.pixel_roles(seen, (1, 1))
    assert roles.tolist() == [
        ["seen", "blind", "blind"],
        ["seen", "here", "later"],
        ["later", "leak", "later"],
    ]
    assert (strength == 1).all()


@pytest.mark.parametrize("blocks", [2, 3])
def test_blind_is_what_the_kernels_reach_and_far_what_they_do_not(blocks):
    """Of 2L^2 + 2L pixels in reach of L layers of 3 x 3, L(L-1)/2 are blind."""
    shape, at = (6, 9), (5, 4)
    model = pcnn.PixelCNN((*shape, 1), filters=16, blocks=blocks, first_kernel_size=3)
    roles, _ = plots.pixel_roles(pcnn.receptive_field(model, at), at)
    count = {role: int((roles == role).sum()) for role in ROLES}
    assert count["blind"] == blocks * (blocks - 1) // 2
    assert count["seen"] == 2 * blocks**2 + 2 * blocks - count["blind"]
    assert count["seen"] + count["blind"] + count["unreached"] == before(shape, at).sum()


def test_reach_can_be_given():
    seen = np.zeros((3, 5), bool)
    roles, _ = plots.pixel_roles(seen, (2, 2), 1)
    assert roles.tolist() == [
        ["unreached"] * 5,
        ["unreached", "blind", "blind", "blind", "unreached"],
        ["unreached", "blind", "here", "later", "later"],
    ]
    figure = plots.receptive_fields({"a": seen, "b": seen}, (2, 2), reach={"a": 2, "b": 0})
    first, second = (read_cells(figure, axes, seen.shape) for axes in figure.axes)
    assert first[0] == [ROLES["blind"]] * 5
    assert second[0] == [ROLES["unreached"]] * 5


def test_a_pixel_that_sees_itself_is_a_leak():
    seen = np.ones((2, 2), bool)
    assert plots.pixel_roles(seen, (0, 1))[0].tolist() == [["seen", "leak"], ["leak", "leak"]]


def test_shade_grows_with_strength():
    field = np.array([[1e-6, 1e-2, 1.0], [0.0, 0.0, 0.0]])
    _, strength = plots.pixel_roles(field, (1, 1))
    assert strength[0, 0] < strength[0, 1] < strength[0, 2] == 1
    assert strength[0, 0] == pytest.approx(0.4)  # the faintest is still to be seen
    assert strength[0, 1] == pytest.approx(1 - 0.6 * 2 / 3)  # two decades of three


def test_receptive_fields_paint_every_role_in_the_colour_of_the_legend():
    rng = np.random.default_rng(0)
    maps = {name: rng.random((3, 4)) < 0.5 for name in ("first", "second")}
    at = {"first": (1, 1), "second": (2, 0)}
    for title, place in at.items():
        maps[title][place] = False
    figure = plots.receptive_fields(maps, at)
    for axes, (title, seen) in zip(figure.axes, maps.items(), strict=True):
        assert axes.get_title() == title
        earlier = before(seen.shape, at[title])
        rows, columns = np.indices(seen.shape)
        away = np.maximum(abs(rows - at[title][0]), abs(columns - at[title][1]))
        unseen = np.where(away <= away[seen & earlier].max(), "blind", "unreached")
        roles = np.where(earlier, np.where(seen, "seen", unseen), np.where(seen, "leak", "later"))
        roles[at[title]] = "here"
        want = [[ROLES[role] for role in row] for row in roles]
        assert read_cells(figure, axes, (3, 4)) == want
        # Leaks are crossed, for those who cannot tell the colours apart.
        crosses = {(line.get_ydata()[0], line.get_xdata()[0]) for line in axes.lines}
        assert crosses == set(map(tuple, np.argwhere(roles == "leak")))
        assert all(line.get_marker() == "x" for line in axes.lines)


def test_receptive_fields_of_one_pixel_have_a_legend_of_what_there_is():
    seen = before((3, 3), (1, 1))
    figure = plots.receptive_fields({"a": seen, "b": seen * 0.5}, (1, 1))
    want = ["pixel being predicted", "earlier, seen", "not yet generated"]
    assert list(legend_colours(figure.legends[0])) == want
    for axes in figure.axes:
        cells = read_cells(figure, axes, (3, 3))
        assert cells[0] == ["earlier, seen"] * 3
        assert cells[1] == ["earlier, seen", "pixel being predicted", "not yet generated"]
        assert cells[2] == ["not yet generated"] * 3


def test_a_predicted_pixel_that_sees_itself_is_not_covered():
    figure = plots.receptive_fields({"a": np.ones((2, 2), bool)}, (0, 1))
    leak = "later, but seen: a leak"
    assert read_cells(figure, figure.axes[0], (2, 2)) == [["earlier, seen", leak], [leak, leak]]
    assert len(figure.axes[0].lines) == 3


def test_strong_influence_is_painted_strongly():
    field = np.array([[1.0, 1e-6, 1e-1], [0.0, 0.0, 0.0]])
    figure = plots.receptive_fields({"a": field}, (1, 1))
    cells = Drawn(figure).cells(figure.axes[0], (2, 3))[0]
    for rgb, alpha in zip(cells, (1.0, 0.4, 0.8), strict=True):
        np.testing.assert_allclose(rgb, on_white(SEEN, alpha), atol=2)


def test_receptive_fields_go_on_in_a_second_row():
    maps = {name: np.zeros((2, 2), bool) for name in "abc"}
    shown = plots.receptive_fields(maps, (0, 0), columns=2).axes[:3]
    places = [(s.rowspan.start, s.colspan.start) for s in (a.get_subplotspec() for a in shown)]
    assert places == [(0, 0), (0, 1), (1, 0)]


def test_causality_has_inputs_across_and_predictions_downwards():
    rng = np.random.default_rng(1)
    influence = rng.random((1, 2, 3, 1, 2, 3)) < 0.5
    nothing = np.zeros_like(influence)
    reports = {"mixed": influence, "blind": nothing}
    figure = plots.causality({n: pcnn.CausalityReport(values) for n, values in reports.items()})
    for axes, (title, values) in zip(figure.axes, reports.items(), strict=True):
        assert axes.get_title() == title
        pairs = values.reshape(6, 6)  # [input, prediction]
        want = [
            [
                {
                    (True, True): "earlier, seen",
                    (True, False): "earlier, not seen",
                    (False, True): "later, but seen: a leak",
                    (False, False): "not earlier, not seen",
                }[value < prediction, bool(pairs[value, prediction])]
                for value in range(6)
            ]
            for prediction in range(6)
        ]
        assert read_cells(figure, axes, (6, 6)) == want
        assert axes.axison and axes.get_xlabel() == "value changed"
    assert [axes.get_ylabel() for axes in figure.axes] == ["prediction", ""]


def test_legend_of_causality_leaves_out_what_does_not_occur():
    report = pcnn.CausalityReport(np.zeros((1, 2, 1, 1, 2, 1), bool))
    (legend,) = plots.causality({"a": report}).legends
    assert list(legend_colours(legend)) == ["earlier, not seen", "not earlier, not seen"]


@pytest.mark.parametrize(("at", "following"), [((1, 2), (1, 3)), ((1, 3), (2, 0)), ((2, 3), None)])
def test_changed_features_mark_what_the_next_pixel_needs(at, following):
    rng = np.random.default_rng(2)
    vertical, horizontal = rng.random((2, 3, 3, 4)) < 0.5
    vertical[:, 1:, :] = horizontal[2, 1:, :] = True  # so that the next pixel is among them
    horizontal[0, 1:, :] = False
    figure = plots.changed_features(vertical, horizontal, at, blocks=[1, 3])
    panels = {
        "vertical, block 1": vertical[0],
        "vertical, block 3": vertical[2],
        "horizontal, block 1": horizontal[0],
        "horizontal, block 3": horizontal[2],
    }
    places = []
    for axes, (title, changed) in zip(figure.axes, panels.items(), strict=True):
        assert axes.get_title() == title
        want = np.where(changed, "changes", "unchanged").astype(object)
        # The vertical stack's own features at the next pixel feed no prediction.
        if title == "horizontal, block 3" and following:
            want[following] = "changes, and the next pixel needs it"
        assert read_cells(figure, axes, (3, 4)) == want.tolist()
        (outline,) = axes.patches
        assert outline.get_xy() == (at[1] - 0.5, at[0] - 0.5)
        assert (outline.get_width(), outline.get_height()) == (1, 1)
        assert not outline.get_fill()
        spec = axes.get_subplotspec()
        places.append((spec.rowspan.start, spec.colspan.start))
    assert places == [(0, 0), (0, 1), (1, 0), (1, 1)]
    legend = legend_colours(figure.legends[0])
    assert list(legend) == ["unchanged", "changes", "changes, and the next pixel needs it"]
    np.testing.assert_allclose(
        [on_white(colour) for colour in legend.values()],
        list(map(on_white, (LATER, SEEN, GREEN))),
    )


def test_changed_predictions_paint_what_is_reached_and_outline_the_change():
    reached = np.random.default_rng(3).random((3, 4)) < 0.5
    figure = plots.changed_predictions({"a": reached, "b": ~reached}, {"b": (1, 2, 1, 2)})
    for axes, (title, cells) in zip(
        figure.axes, {"a": reached, "b": ~reached}.items(), strict=True
    ):
        assert axes.get_title() == title
        want = np.where(cells, "prediction changes", "unchanged").tolist()
        assert read_cells(figure, axes, (3, 4)) == want
    first, second = figure.axes
    assert not first.patches
    (outline,) = second.patches
    assert outline.get_xy() == (1.5, 0.5)
    assert (outline.get_width(), outline.get_height()) == (2, 1)
    assert not outline.get_fill()
    np.testing.assert_allclose(on_white(outline.get_edgecolor()), on_white(INK))
    assert not any(axes.patches for axes in plots.changed_predictions({"a": reached}).axes)
