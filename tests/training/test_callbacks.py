"""The progress bar's time, and grids of samples from the averaged weights."""

import sys
import types

import numpy as np
import pytest

from pcnnlib._internal import progress
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


def test_a_grid_that_a_killed_run_did_not_draw_is_drawn_at_its_restart(monkeypatch):
    monkeypatch.setattr(callbacks, "own_copy", lambda model, weights: weights)
    monkeypatch.setattr(callbacks, "averaged_weights", lambda model: "averaged")
    drawn = []

    def draw(model, epoch):
        drawn.append(epoch)
        return np.zeros((2, 2, 3), "uint8")

    grids = callbacks.SampleGrids(
        draw, every=3, epochs=7, missing=lambda epoch: epoch not in (3, *drawn)
    )
    grids.set_model(types.SimpleNamespace())
    for epoch in (1, 3, 6, 6, 7, 7):
        grids.after_restart(epoch)
    assert drawn == [6, 7]
    callbacks.SampleGrids(draw, every=3, epochs=7).after_restart(6)  # nobody can tell
    assert drawn == [6, 7]


class Clock:
    """Seconds as these modules see them; each step of training takes some."""

    def __init__(self, monkeypatch, step):
        self.now, self.step = 1000.0, step
        for module in (callbacks.time, progress.time):
            monkeypatch.setattr(module, "perf_counter", lambda: self.now)
            monkeypatch.setattr(module, "monotonic", lambda: self.now)

    def run(self, epochs, steps):
        shown = callbacks.Progress(epochs)
        shown.set_params({"steps": steps})
        shown.on_train_begin()
        for epoch in range(epochs):
            shown.on_epoch_begin(epoch)
            for batch in range(steps):
                self.now += self.step
                shown.on_train_batch_end(batch, {"loss": 90 - epoch})
            shown.on_epoch_end(epoch, {"loss": 80.5 - epoch, "val_loss": 81.25})


def test_a_log_gets_a_line_an_epoch_and_one_a_minute_within(monkeypatch, capsys):
    Clock(monkeypatch, 1.0).run(2, 150)
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 1/2: step 60/150, 90.0000 nats",
        "Epoch 1/2: step 120/150, 90.0000 nats",
        "Epoch 1/2: 80.5000 nats, validation 81.2500 nats, 2 min, about 2 min left",
        "Epoch 2/2: step 60/150, 89.0000 nats",
        "Epoch 2/2: step 120/150, 89.0000 nats",
        "Epoch 2/2: 79.5000 nats, validation 81.2500 nats, 2 min",
    ]
    Clock(monkeypatch, 0.01).run(3, 150)
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_terminal_gets_the_bar(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    Clock(monkeypatch, 1.0).run(2, 3)
    shown = capsys.readouterr().out
    assert shown.splitlines()[0] == "Epoch 1/2" and "Epoch 2/2, about 3 s left" in shown
    assert "\b" in shown and "val_nats: 81.25" in shown
