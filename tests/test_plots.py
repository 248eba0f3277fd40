"""Figures: what they show, and that they show themselves without a stray background or colour."""

import io

import matplotlib
import numpy as np
import pytest
from pcnnlib.errors import UsageError
from pcnnlib.images import UNDRAWN
from PIL import Image

import pcnnlib as pcnn
from pcnnlib import masks, notebook, plots, results


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 17, (6, 8, 8, 1)).astype("uint8")


HISTORY = {"loss": [3.0, 2.0, 1.5], "val_loss": [3.1, 2.2, 1.8], "seconds": [1.0, 1.0, 1.0]}


def all_figures(images):
    seen = np.tri(8, dtype=bool)
    report = pcnn.CausalityReport(np.zeros((2, 2, 1, 2, 2, 1), bool))
    likelihood = pcnn.Likelihood(80.0, 1.25, 1.8, 0.6, 300)
    return {
        "image_grid": plots.image_grid(images, 17, titles=range(6)),
        "labelled grid": plots.image_grid({"real": images[:3], "drawn": images[3:]}, 17),
        "raster_order": plots.raster_order(8, 8, (3, 4)),
        "masks": plots.masks({"A": masks.raster_mask(3, "A")}),
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
    assert dict(matplotlib.rcParams) == before  # the reader's own settings are untouched


def test_figures_are_the_same_each_time(images):
    first, second = (plots.image_grid(images, 17).svg("x") for _ in range(2))
    assert first == second


def test_figure_shows_itself_as_html_and_saves_as_png(images, tmp_path):
    figure = plots.image_grid(images, 17)
    bundle = figure._repr_mimebundle_()
    assert bundle["text/html"].startswith("<svg")
    assert "Figure size" not in bundle["text/plain"]
    figure.savefig(tmp_path / "grid.png")
    assert Image.open(tmp_path / "grid.png").size[0] > 50


def test_rows_of_unequal_length_are_refused(images):
    with pytest.raises(UsageError, match="every row must have 4 images"):
        plots.image_grid({"a": images[:4], "b": images[:2]}, 17)


def test_roles_tell_seen_blind_leak_and_later_apart():
    seen = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0]], bool)
    roles, strength = plots.pixel_roles(seen, (1, 1))
    assert roles.tolist() == [
        ["seen", "blind", "blind"],
        ["seen", "here", "later"],
        ["later", "leak", "later"],
    ]
    assert (strength == 1).all()


def test_a_pixel_that_sees_itself_is_a_leak():
    seen = np.ones((2, 2), bool)
    assert plots.pixel_roles(seen, (0, 1))[0].tolist() == [["seen", "leak"], ["leak", "leak"]]


def test_shade_grows_with_strength():
    field = np.array([[1e-6, 1e-2, 1.0], [0.0, 0.0, 0.0]])
    _, strength = plots.pixel_roles(field, (1, 1))
    assert strength[0, 0] < strength[0, 1] < strength[0, 2] == 1
    assert strength[0, 0] == pytest.approx(0.4)  # the faintest is still to be seen


def test_training_curves_convert_nats_to_bits_per_dim():
    axes = plots.training_curves({"a": HISTORY}, unit="bits/dim", dims=64).axes[0]
    solid = [line for line in axes.lines if line.get_label() == "a"][0]
    assert solid.get_ydata()[-1] == pytest.approx(1.8 / (64 * np.log(2)))


@pytest.mark.parametrize("wrong", [{"unit": "bits"}, {"unit": "bits/dim"}, {"against": "steps"}])
def test_training_curves_refuse_unknown_units_and_axes(wrong):
    with pytest.raises(UsageError):
        plots.training_curves({"a": HISTORY}, **wrong)


def test_gate_curve_is_the_layers_own():
    line = plots.gate().axes[0].lines[0]  # b = 3
    a = np.array(line.get_xdata())
    assert np.allclose(line.get_ydata(), np.tanh(a) / (1 + np.exp(-3)), atol=1e-6)


def test_animation_starts_undrawn_and_ends_with_the_images(images, tmp_path):
    animation = plots.animate(images, 17, columns=3, width=90)
    assert len(animation.pictures) == 65  # from no pixel to all 64
    scale = 90 // 27
    centre = scale + scale // 2
    assert (animation.pictures[0][centre, centre] == UNDRAWN).all()
    # The first pixel of the first image, as a grey value.
    grey = round(int(images[0, 0, 0, 0]) * 255 / 16)
    assert (animation.pictures[1][centre, centre] == grey).all()
    assert not (animation.pictures[-1] == UNDRAWN).all(axis=-1).any()
    animation.save(tmp_path / "growing.gif")
    with Image.open(tmp_path / "growing.gif") as saved:
        assert saved.is_animated and saved.info["loop"] == 0


def test_animation_is_light_and_has_a_still_for_those_who_want_no_motion(images):
    page = plots.animate(images, 17).html("digits appear")
    assert len(page) < 60_000
    assert 'alt="digits appear"' in page and "prefers-reduced-motion" in page


def test_a_figure_gets_its_caption_and_alt_text(images, monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "display", lambda data, **kwargs: shown.append(data))
    notebook.show(plots.image_grid(images, 17), alt="noise", caption="From `numpy`, a < b.")
    html = shown[0]["text/html"]
    assert 'aria-label="noise"' in html
    assert "<figcaption>From <code>numpy</code>, a &lt; b.</figcaption>" in html


def test_glued_numbers_are_plain_python(monkeypatch):
    kept = []
    monkeypatch.setattr(notebook, "display", lambda data, **kwargs: kept.append((data, kwargs)))
    notebook.glue("bits", np.float32(0.5))
    data, kwargs = kept[0]
    assert data == {"application/papermill.record/text/plain": "0.5"}
    assert kwargs["metadata"]["scrapbook"]["name"] == "bits"


def test_a_runs_facts_are_glued_under_its_name(monkeypatch):
    kept = {}
    monkeypatch.setattr(notebook, "glue", lambda name, value: kept.update({name: value}))
    run = results.read_run("mnist")
    notebook.glue_run("full", run)
    assert kept["full_nats"] == run["test"]["nats_per_image"]
    assert kept["full_hours"] == pytest.approx(sum(run["history"]["seconds"]) / 3600)
    assert kept["full_epochs"] == run["config"]["epochs"]
    assert set(kept) == {
        f"full_{key}"
        for key in (
            "nats",
            "error",
            "epochs",
            "hours",
            "weights",
            "seed",
            "commit",
            "hardware",
            "drawn",
        )
    }


def test_gif_of_a_colour_image_keeps_its_colours():
    images = np.zeros((1, 2, 2, 3), "uint8")
    images[0, 0, 0] = [255, 0, 0]
    animation = plots.animate(images, 256, width=30)
    file = io.BytesIO()
    Image.fromarray(animation.pictures[-1]).save(file, "png")
    assert (animation.pictures[-1][15, 15] == [255, 0, 0]).all()


def test_compared_likelihoods_can_leave_out_zero():
    likelihood = pcnn.Likelihood(80.0, 1.25, 1.8, 0.6, 300)
    full, near = (
        plots.compare_likelihoods({"a": likelihood}, from_zero=zero) for zero in (True, False)
    )
    assert full.axes[0].get_xlim()[0] == 0 < 1 < near.axes[0].get_xlim()[0]


def test_differences_show_each_value_with_two_standard_errors():
    figure = plots.differences({"a": (0.5, 0.1), "b": (-1.0, 0.2)}, x="nats")
    (axes,) = figure.axes
    spans = [bar.get_segments()[0][:, 0] for bar in axes.collections]
    np.testing.assert_allclose(spans, [[0.3, 0.7], [-1.4, -0.6]])
    assert [text.get_text() for text in axes.texts] == ["+0.50", "-1.00"]


def test_tables_escape_their_texts_and_link_their_sources(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "display", lambda data, raw: shown.append(data))
    rows = [["a < b", ("paper", "https://arxiv.org/abs/1")], ["*", "ours", 81.25]]
    notebook.table(["model", "nats"], rows, "Which & what")
    (found,) = shown
    assert (
        "<td>a &lt; b</td><td><a href='https://arxiv.org/abs/1'>paper</a></td>"
        in found["text/html"]
    )
    assert "<td><strong>ours</strong></td><td><strong>81.25</strong></td>" in found["text/html"]
    assert found["text/plain"].splitlines() == [
        "model | nats",
        "a < b | paper",
        "ours | 81.25",
        "Which & what",
    ]
