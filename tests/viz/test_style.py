"""The look of all figures: they show themselves without a stray background or colour.

What each figure shows is tested in `plots/`.
"""

import re
import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib import colors
from matplotlib.text import Text
from PIL import Image
from support import random_images
from support_figures import Drawn, on_white

import pcnnlib as pcnn
from pcnnlib.nn.masks import raster_mask
from pcnnlib.viz import plots, style

BLACK = "#000000"
HISTORY = {"loss": [3.0, 2.0, 1.5], "val_loss": [3.1, 2.2, 1.8], "seconds": [1.0, 1.0, 1.0]}


@pytest.fixture
def images():
    return random_images(6, (8, 8, 1), 17)


def all_figures(images):
    seen = np.tri(8, dtype=bool)
    report = pcnn.CausalityReport(np.zeros((2, 2, 1, 2, 2, 1), bool))
    likelihood = pcnn.Likelihood(80.0, 1.25, 1.8, 0.6, 300)
    return {
        "image_grid": plots.image_grid(images, 17, titles=range(6)),
        "labelled grid": plots.image_grid({"real": images[:3], "drawn": images[3:]}, 17),
        "grids_side_by_side": plots.grids_side_by_side({"a\n1": images[:4], "b": images}, 17),
        "raster_order": plots.raster_order(8, 8, (3, 4)),
        "sight_tables": plots.sight_tables({"a": seen > 0, "b": seen > 1}),
        "attention_maps": plots.attention_maps({"a\nb": (images[0, :, :, 0], seen, (4, 4))}),
        "costs": plots.costs({"a": [1.0, 2.0]}, {"minutes": {"a": 3.0}, "weights": {"a": 1}}),
        "reading_orders": plots.reading_orders(3),
        "masks": plots.masks({"A": raster_mask(3, "A")}),
        "receptive_fields": plots.receptive_fields({"a": seen, "b": seen * 0.5}, (4, 4)),
        "causality": plots.causality({"a": report}),
        "compare_likelihoods": plots.compare_likelihoods({"a": likelihood, "b": likelihood}),
        "training_curves": plots.training_curves({"a": HISTORY, "b": {"loss": [2.0, 1.0]}}),
        "surprise": plots.surprise(images[0], np.ones((8, 8)), 17),
        "bits_of_pixels": plots.bits_of_pixels(images[:3], np.ones((3, 8, 8)), 17),
        "narrowing_intervals": plots.narrowing_intervals([5, 2, 1], [0, 2, 1]),
        "codes_of_images": plots.codes_of_images(
            images[:2], np.arange(32).reshape(2, 4, 4), images[2:4], 17
        ),
        "codebook": plots.codebook(images, np.arange(6), 17, columns=3),
        "class_shares": plots.class_shares({0: (0.9, 0.02)}, y="seen", reference={"a": 0.5}),
        "gate": plots.gate(),
        "kept_by_cache": plots.kept_by_cache(8, 8, (3, 4)),
        "timing": plots.timing({"a": {1: 0.1, 64: 2.0}, "b": {1: 0.01}}),
        "confusion": plots.confusion(np.eye(3, dtype=int) * 9 + 1, truth="asked", judged="seen"),
        "lines": plots.lines({"a": ([1, 2], [0.1, 0.9])}, x="rows", y="share", reference={"b": 1}),
        "asked_and_measured": plots.asked_and_measured({"a": ([0, 1], [0.1, 0.8])}),
        "changed_predictions": plots.changed_predictions(
            {"a": seen, "b": ~seen}, {"b": (0, 0, 2, 2)}
        ),
        "code_space": plots.code_space(np.random.default_rng(0).normal(size=(9, 2)), [3, 7, 8] * 3),
        "code_space, dots": plots.code_space(np.zeros((2, 2))),
        "channel_order": plots.channel_order({"A": (np.tri(3), range(3), range(3))}),
        "level_probabilities": plots.level_probabilities({"a": np.eye(3, 9)}, (0, 1, 2)),
        "bell_in_bins": plots.bell_in_bins([0.2, 0.3, 0.5], 1.5, 0.5),
        "mixture_fits": plots.mixture_fits([0.2, 0.8], {"a": np.eye(2), "b": np.eye(2)}),
        "log_probabilities": plots.log_probabilities({"a": np.eye(3, 9)}, (0, 1, 2)),
        "histograms": plots.histograms({"a": np.arange(9), "b": np.ones(3)}, x="x"),
        "differences": plots.differences({"a": (0.5, 0.1), "b": (-1.0, 0.2)}, x="nats"),
        "reliability": plots.reliability(
            pcnn.analysis.calibration([[0.6, 0.4], [0.1, 0.9]], [0, 0])
        ),
        "judged_images": plots.judged_images({"a": (images, np.eye(6))}, 17, ends={"a": (0, 1)}),
        "changed_features": plots.changed_features(
            *np.ones((2, 3, 8, 8), bool), (7, 7), blocks=[1, 3]
        ),
    }


def test_every_figure_is_a_small_svg_in_the_colour_of_the_text(images):
    before = dict(matplotlib.rcParams)
    for name, figure in all_figures(images).items():
        svg = figure.svg(alt='a "figure"')
        assert svg.startswith('<svg role="img" aria-label="a &quot;figure&quot;"'), name
        assert style.INK not in svg, name
        assert len(svg) < 100_000, name
        assert "<metadata>" not in svg and "Matplotlib" not in svg, name
        # Nothing lies under the figure, and no text is black on a dark page.
        under = re.search(r'<g id="patch_1">\s*<path d="[^"]*" style="([^"]*)"', svg)
        assert under[1] == "fill: none", name
        black = [
            t.get_text() for t in figure.findobj(Text) if colors.to_hex(t.get_color()) == BLACK
        ]
        assert not black, name
        assert isinstance(figure, plots.Picture), name
    assert dict(matplotlib.rcParams) == before  # the reader's own settings are untouched


def test_every_kind_of_figure_is_among_them(images):
    public = {name for name in plots.__all__ if callable(getattr(plots, name))}
    other = {"Animation", "Picture", "animate", "pixel_roles"}
    assert {name.split(",")[0] for name in all_figures(images)} - {
        "labelled grid"
    } == public - other


def test_readers_own_settings_do_not_change_a_figure(images):
    usual = plots.lines({"a": ([1, 2], [3, 4])}, x="x", y="y").svg("x")
    with matplotlib.rc_context({"font.size": 20, "text.color": "red", "lines.linewidth": 9}):
        assert plots.lines({"a": ([1, 2], [3, 4])}, x="x", y="y").svg("x") == usual


def test_figures_are_the_same_each_time(images):
    first, second = (plots.image_grid(images, 17).svg("x") for _ in range(2))
    assert first == second


def test_figure_shows_itself_as_html_and_saves_as_png(images, tmp_path):
    figure = plots.image_grid(images, 17)
    bundle = figure._repr_mimebundle_()
    assert bundle["text/html"].startswith("<svg")
    assert "Figure size" not in bundle["text/plain"]
    figure.savefig(tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as saved:
        assert saved.size[0] > 50


def test_figure_without_alt_text_claims_none(images):
    svg = plots.image_grid(images, 17).svg()
    assert svg.startswith("<svg ") and "aria-label" not in svg and 'role="img"' not in svg


def luminance(colour):
    """Relative luminance as in the contrast rules of WCAG 2."""
    rgb = np.array(colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("share", range(1, 21))
def test_counts_are_read_on_their_cells(share):
    (axes,) = plots.confusion(
        [[share, 20 - share], [20 - share, share]], truth="t", judged="j"
    ).axes
    drawn = Drawn(axes.get_figure())
    for text in axes.texts:
        cell = drawn.colour(axes, text.get_position()[0] + 0.35, text.get_position()[1] + 0.35)
        assert contrast(text.get_color(), cell / 255) >= 4


@pytest.mark.parametrize("cell", ["#ffffff", style.LATER])
def test_asides_are_read_on_a_light_page(cell):
    ground = on_white(cell) / 255
    letters = ground + style.ASIDE["alpha"] * (np.array(colors.to_rgb(style.INK)) - ground)
    assert contrast(letters, ground) >= 4.5


@pytest.mark.parametrize("length", [20, 60, 150])
@pytest.mark.parametrize("names", [1, 4, 8])
def test_legends_of_long_names_stay_within_the_figure(names, length):
    series = {f"{k} " + "long name " * (length // 10): ([1, 2], [k, k]) for k in range(names)}
    share = np.full((3, 4), 0.25)
    figures = [
        plots.lines(series, x="x", y="y"),
        plots.training_curves({name: {"loss": [2, 1]} for name in series}),
        plots.costs({name: [1.0] for name in series}, {"minutes": dict.fromkeys(series, 1)}),
        plots.log_probabilities(dict.fromkeys(series, share), (0, 1, 2)),
    ]
    for figure in figures[: 4 if length < 100 else 2]:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            figure.draw_without_rendering()
        legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes)]
        (legend,) = [legend for legend in legends if legend]
        box = legend.get_window_extent()
        assert 0 <= box.x0 and box.x1 <= figure.bbox.width
        assert min(axes.get_window_extent().height for axes in figure.axes) > 60


def test_dollars_and_underscores_in_a_legend_are_written_once():
    names = ["$5 and $6", "_hidden", "plain"]
    series = {name: ([1, 2], [1, 2]) for name in names}
    curves = {name: {"loss": [2, 1]} for name in names}
    prices = {"minutes": dict.fromkeys(names, 1)}
    for figure in (
        plots.lines(series, x="x", y="y"),
        plots.training_curves(curves),
        plots.costs(dict.fromkeys(names, [1.0]), prices),
        plots.log_probabilities(dict.fromkeys(names, np.full((3, 4), 0.25)), (0, 1, 2)),
    ):
        legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes)]
        (legend,) = [legend for legend in legends if legend]
        texts = [text.get_text() for text in legend.get_texts()]
        assert texts[:3] == ["\\$5 and \\$6", " _hidden", "plain"]


@pytest.mark.parametrize("colour", style.SERIES)
@pytest.mark.parametrize("page", ["#ffffff", "#14181e"])
def test_lines_stand_out_from_a_light_and_a_dark_page(colour, page):
    assert contrast(colour, page) >= 3


def test_roles_have_colours_of_their_own():
    assert len({colour for colour, _ in style.MEANINGS.values()}) == len(style.MEANINGS)
    assert len(set(style.SERIES)) == len(style.SERIES)


def test_later_colours_cover_earlier_ones():
    cells = np.array([[True, False], [False, False]])
    painted = style.paint([("#ff0000", cells), ("#0000ff80", ~cells), ("#00ff00", cells)])
    assert painted[0, 0].tolist() == [0, 1, 0, 1]
    np.testing.assert_allclose(painted[1, 1], [0, 0, 1, 128 / 255])
    # What has no colour is transparent.
    assert not style.paint([("#ff0000", cells)])[1].any()


@pytest.mark.parametrize("length", [4, 12, 26])
def test_a_legend_stays_within_its_figure(length):
    names = [f"{letter * length}" for letter in "abc"]
    drawn = plots.lines({name: ([1, 2], [k, k]) for k, name in enumerate(names)}, x="x", y="y")
    drawn.draw_without_rendering()
    (axes,) = drawn.axes
    extent = axes.get_legend().get_window_extent()
    assert extent.x0 >= 0 and extent.x1 <= drawn.bbox.width
