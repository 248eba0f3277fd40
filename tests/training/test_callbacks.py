"""The progress bar's time, and grids of samples from the averaged weights."""

import types

import numpy as np
import pytest

from pcnnlib.training import callbacks


@pytest.mark.parametrize(
    ("seconds", "text"), [(40, "40 s"), (89.6, "90 s"), (720, "12 min"), (9000, "2.5 h")]
)
def test_a_duration_is_in_the_unit_that_a_reader_would_choose(seconds, text):
    assert callbacks._duration(seconds) == text


def test_grids_are_drawn_every_few_epochs_and_after_the_last(monkeypatch):
    drawn = []
    monkeypatch.setattr(callbacks, "own_copy", lambda model, weights: weights)
    monkeypatch.setattr(callbacks, "averaged_weights", lambda model: "averaged")

    def draw(model, epoch):
        assert model == "averaged"
        drawn.append(epoch)
        return np.zeros((2, 2, 3), "uint8")

    grids = callbacks.SampleGrids(draw, every=3, epochs=7)
    grids.set_model(types.SimpleNamespace())
    for epoch in range(7):
        grids.on_epoch_end(epoch)
    assert drawn == [3, 6, 7]
