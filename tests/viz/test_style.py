"""The look of all figures: they show themselves without a stray background or colour.

What each figure shows is tested in `plots/`.
"""

import matplotlib
import numpy as np
import pytest
from support import random_images

import pcnnlib as pcnn
from pcnnlib.nn.masks import raster_mask
from pcnnlib.viz import plots

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
        "raster_order": plots.raster_order(8, 8, (3, 4)),
        "masks": plots.masks({"A": raster_mask(3, "A")}),
        "receptive_fields": plots.receptive_fields({"a": seen, "b": seen * 0.5}, (4, 4)),
        "causality": plots.causality({"a": report}),
        "compare_likelihoods": plots.compare_likelihoods({"a": likelihood, "b": likelihood}),
        "training_curves": plots.training_curves({"a": HISTORY, "b": {"loss": [2.0, 1.0]}}),
        "surprise": plots.surprise(images[0], np.ones((8, 8)), 17),
        "gate": plots.gate(),
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
        "histograms": plots.histograms({"a": np.arange(9), "b": np.ones(3)}, x="x"),
        "differences": plots.differences({"a": (0.5, 0.1), "b": (-1.0, 0.2)}, x="nats"),
        "changed_features": plots.changed_features(
            *np.ones((2, 3, 8, 8), bool), (7, 7), blocks=[1, 3]
        ),
    }


def test_every_figure_is_a_small_svg_in_the_colour_of_the_text(images):
    before = dict(matplotlib.rcParams)
    for name, figure in all_figures(images).items():
        svg = figure.svg(alt='a "figure"')
        assert svg.startswith('<svg role="img" aria-label="a &quot;figure&quot;"'), name
        assert plots.INK not in svg, name
        assert len(svg) < 100_000, name
        assert "<metadata>" not in svg and "Matplotlib" not in svg, name
        # Nothing is fixed to black, and nothing white lies under the figure.
        assert "#000000" not in svg, name
        assert 'd="M 0 ' not in svg or "fill: #ffffff" not in svg.split('d="M 0 ', 1)[1][:200], name
        assert isinstance(figure, plots.Picture), name
    assert dict(matplotlib.rcParams) == before  # the reader's own settings are untouched


def test_every_kind_of_figure_is_among_them(images):
    public = {name for name in plots.__all__ if callable(getattr(plots, name))}
    other = {"Animation", "Picture", "animate", "pixel_roles"}
    assert {name.split(",")[0] for name in all_figures(images)} - {
        "labelled grid"
    } == public - other
