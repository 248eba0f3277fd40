"""What notebooks show beside their results: captions, tables, text and code."""

import numpy as np
import pytest
from support import random_images

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


def test_only_figures_with_letters_scroll_on_a_phone(shown):
    image = np.zeros((2, 3, 3, 1), "uint8")
    notebook.show(plots.image_grid(image, 2), "images", "Two images.")
    notebook.show(plots.image_grid({"kind": image}, 2), "images", "Two images of a kind.")
    plain, lettered = ('pcnn-lettered"' in data["text/html"] for data, _ in shown)
    assert (plain, lettered) == (False, True)


def test_solution_is_folded_around_its_code_and_its_answer(shown):
    notebook.show_solution("It is **3**.", masks.vertical_mask)
    text = shown[0][0]["text/markdown"]
    head, code, answer = text.split("```")
    assert head == "<details><summary>Solution</summary>\n\n"
    assert code.startswith("python\ndef vertical_mask(")
    assert answer == "\n\nIt is **3**.\n\n</details>"
    notebook.show_solution("None is needed.")
    assert "```" not in shown[1][0]["text/markdown"]


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
