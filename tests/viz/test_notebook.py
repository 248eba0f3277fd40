"""What notebooks show beside their results: captions, tables, and numbers for the text."""

import numpy as np
import pytest
from support import random_images

from pcnnlib import runs
from pcnnlib.nn import layers, masks
from pcnnlib.viz import notebook, plots


@pytest.fixture
def shown(monkeypatch):
    """List of `(data, options)` that a notebook would display."""
    kept = []
    monkeypatch.setattr(notebook, "display", lambda data, **options: kept.append((data, options)))
    return kept


def test_a_figure_gets_its_caption_and_alt_text(shown):
    figure = plots.image_grid(random_images(6, (8, 8, 1), 17), 17)
    notebook.show(figure, alt="noise", caption="From `numpy`, a < b.")
    ((data, options),) = shown
    assert 'aria-label="noise"' in data["text/html"]
    assert "<figcaption>From <code>numpy</code>, a &lt; b.</figcaption>" in data["text/html"]
    assert data["text/plain"] == "[figure: noise]"
    assert options == {"raw": True}


def test_an_animation_gets_its_caption_and_alt_text(shown):
    animation = plots.animate(random_images(2, (4, 4, 1), 2), 2, width=60)
    notebook.show(animation, alt="digits appear", caption="`a` and `b`")
    html = shown[0][0]["text/html"]
    assert animation.html("digits appear") in html
    assert "<figcaption><code>a</code> and <code>b</code></figcaption>" in html


def test_computed_text_is_markdown_without_its_indentation(shown):
    notebook.show_text("""
        **Two** lines,
        - and a list
    """)
    text = "**Two** lines,\n- and a list"
    assert shown == [({"text/markdown": text, "text/plain": text}, {"raw": True})]


def test_source_is_shown_as_it_is_written(shown):
    notebook.show_source(masks.vertical_mask, layers.CausalConv2D.build)
    text = shown[0][0]["text/markdown"]
    assert text.startswith("```python\ndef vertical_mask(") and text.endswith("\n```")
    assert "\n\n\ndef build(self, input_shape: Any) -> None:\n    " in text  # dedented


def test_solution_is_folded_around_its_code_and_its_answer(shown):
    notebook.show_solution("It is **3**.", masks.vertical_mask)
    text = shown[0][0]["text/markdown"]
    head, code, answer = text.split("```")
    assert head == "<details><summary>Solution</summary>\n\n"
    assert code.startswith("python\ndef vertical_mask(")
    assert answer == "\n\nIt is **3**.\n\n</details>"
    notebook.show_solution("None is needed.")
    assert "```" not in shown[1][0]["text/markdown"]


def test_glued_numbers_are_plain_python(shown):
    notebook.glue("bits", np.float32(0.5))
    ((data, options),) = shown
    assert data == {"application/papermill.record/text/plain": "0.5"}
    assert options["metadata"]["scrapbook"]["name"] == "bits"


@pytest.mark.parametrize(
    ("value", "kept"),
    [(np.int64(3), "3"), (3, "3"), (1.25, "1.25"), ("a'b", repr("a'b")), (np.float64(0.1), "0.1")],
)
def test_what_is_glued_can_be_read_back(shown, value, kept):
    notebook.glue("name", value)
    assert shown[0][0] == {"application/papermill.record/text/plain": kept}
    assert shown[0][1]["metadata"]["scrapbook"] == {
        "name": "name",
        "mime_prefix": "application/papermill.record/",
        "has_mimebundle": False,
    }


def test_a_runs_facts_are_glued_under_its_name(monkeypatch):
    kept = {}
    monkeypatch.setattr(notebook, "glue", lambda name, value: kept.update({name: value}))
    run = runs.read_run("mnist")
    notebook.glue_run("full", run)
    assert kept["full_nats"] == run["test"]["nats_per_image"]
    assert kept["full_hours"] == pytest.approx(sum(run["history"]["seconds"]) / 3600)
    assert kept["full_epochs"] == run["training"]["epochs"]
    assert kept["full_error"] == run["test"]["standard_error"]
    assert kept["full_weights"] == run["weights"]["parameters"]
    assert kept["full_seed"] == run["seed"]
    assert kept["full_commit"] == run["commit"]
    assert kept["full_hardware"] == runs.hardware(run)
    assert kept["full_drawn"] == run["speed"]["drawn_per_second"]
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


def test_tables_escape_their_texts_and_link_their_sources(shown):
    rows = [["a < b", ("paper", "https://arxiv.org/abs/1")], ["*", "ours", 81.25]]
    notebook.table(["model", "nats"], rows, "Which & what")
    ((found, options),) = shown
    assert (
        '<td>a &lt; b</td><td><a href="https://arxiv.org/abs/1">paper</a></td>'
        in found["text/html"]
    )
    assert "<td><strong>ours</strong></td><td><strong>81.25</strong></td>" in found["text/html"]
    assert "<thead><tr><th>model</th><th>nats</th></tr></thead>" in found["text/html"]
    assert "<figcaption>Which &amp; what</figcaption>" in found["text/html"]
    assert found["text/html"].count("<tr>") == 3
    assert options == {"raw": True}
    assert found["text/plain"].splitlines() == [
        "model | nats",
        "a < b | paper",
        "ours | 81.25",
        "Which & what",
    ]
