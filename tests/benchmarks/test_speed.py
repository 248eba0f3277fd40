"""The benchmarks run, and measure what they say they do. (How fast is not tested.)"""

import argparse

import in_browser
import numpy as np
import pytest
import sampling
import train_step
from support import gated

import pcnnlib as pcnn
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
    first, whole = sampling.time_full(model, 3, rows=2)
    assert first > 0 and whole > 0


def test_the_plain_reference_is_the_same_network_by_full_kernels():
    """As many steps, images and outputs; more weights, those that the masks hide."""
    args = argparse.Namespace(
        image_shape=(6, 6, 1), filters=4, blocks=2, steps=2, batch_size=3, repeats=1
    )
    speeds, weights = train_step.measure(["reference", "pcnnlib"], args)
    assert all(len(values) == 1 and values[0] > 0 for values in speeds.values())
    reference = train_step.reference(args.image_shape, args.filters, args.blocks)
    ours = pcnn.GatedPixelCNN(args.image_shape, 2, args.filters, args.blocks)
    assert weights == {"reference": reference.count_params(), "pcnnlib": ours.count_params()}
    assert weights["reference"] > weights["pcnnlib"]
    # Neither sees the pixel that it predicts, nor any after it.
    images = np.zeros((1, 6, 6, 1), "float32")
    changed = images.copy()
    changed[0, 3, 2:] = 1
    differs = (np.array(reference(images)) != np.array(reference(changed)))[0, ..., 0]
    assert not differs[:3].any() and not differs[3, :3].any() and differs[3, 3:].any()


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
