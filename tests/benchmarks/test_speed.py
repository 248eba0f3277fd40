"""The benchmarks run, and measure what they say they do. (How fast is not tested.)"""

import argparse

import numpy as np
import sampling
import train_step
from support import gated

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
