"""The benchmarks run, and measure what they say they do. (How fast is not tested.)"""

import argparse

import in_browser
import numpy as np
import pytest
import sampling
import train_step
from support import gated

import pcnnlib as pcnn
from pcnnlib import minimal
from pcnnlib.sampling import cached


def test_sampling_is_timed_by_each_method_and_leaves_the_setting_alone(monkeypatch):
    model = gated()
    seen = []
    sample = type(model).sample
    monkeypatch.setattr(
        type(model), "sample", lambda *a, **k: (seen.append(cached.XLA), sample(*a, **k))[1]
    )
    assert all(time > 0 for time in sampling.time_forward(model, 3, 1))
    assert all(time > 0 for time in sampling.time_cached(model, 3, 1, xla=False))
    assert seen == [False, False] and cached.XLA
    assert all(sampling.time_rounds(model, 3, 1, method) > 0 for method in ("rows", "parallel"))
    first, whole = sampling.time_full(model, 3, rows=2)
    assert first > 0 and whole > 0


def test_the_plain_reference_is_the_model_of_chapter_3_of_the_same_size():
    """As many steps, images and outputs; more weights, those that the masks hide."""
    args = argparse.Namespace(
        image_shape=(6, 6, 1), filters=4, blocks=2, steps=2, batch_size=3, repeats=1
    )
    speeds, weights = train_step.measure(["reference", "pcnnlib"], args)
    assert all(len(values) == 1 and values[0] > 0 for values in speeds.values())
    (reference, _), (ours, _) = (train_step.make(name, args) for name in ("reference", "pcnnlib"))
    assert isinstance(reference, minimal.GatedPixelCNN) and reference.levels == ours.levels
    images = np.zeros((1, 6, 6, 1), "uint8")
    assert reference(images).shape == (1, 6, 6, 2)
    assert weights == {"reference": reference.count_params(), "pcnnlib": ours.count_params()}
    assert weights["reference"] > weights["pcnnlib"]
    assert len(reference.blocks) == len(ours.blocks) == args.blocks


@pytest.mark.browser
def test_the_browser_s_times_are_those_of_a_page_that_draws(tmp_path, browser):
    model = gated((6, 6, 1))
    path = pcnn.export_html(model, tmp_path / "page.html")
    context = browser.chromium.new_context(offline=True)
    page = context.new_page()
    cold, warm, image = in_browser.time_page(page, path, 1)
    assert 0 < warm <= image + 0.5 and cold > 0
    assert in_browser.time_pass(page, path, 1) > 0
    context.close()
