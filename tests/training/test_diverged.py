"""A run that diverges is stopped at once, saves nothing of it, and is not resumed silently."""

import keras
import numpy as np
import pytest
from training import small_runs
from training.small_runs import contents

import pcnnlib as pcnn
from pcnnlib import training

pytestmark = [pytest.mark.robustness, pytest.mark.slow]

WILD = {"learning_rate": 1e30, "grad_clip": 1e30, "ema": 0.0}


def train_small(*args, **options):
    """By Adam: Muon takes longer to compile."""
    return small_runs.train_small(*args, **{"optimizer": "adam", **options})


class Spoil(keras.callbacks.Callback):
    """Puts a value into a weight at the beginning of an epoch."""

    def __init__(self, epoch, value):
        super().__init__()
        self.epoch, self.value = epoch, value

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            weight = self.model.trainable_variables[0]
            weight.assign(np.full(weight.shape, self.value))


def diverged(data, folder, **options):
    with pytest.raises(pcnn.UsageError, match="the training diverged in epoch") as raised:
        train_small(data, folder, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.both_backends
@pytest.mark.parametrize("ema", [0.0, 0.5])
def test_the_last_finite_epochs_are_kept_and_are_what_a_restart_begins_with(
    tiny_data, tmp_path, ema
):
    options = {"ema": ema, "epochs": 4}
    message = diverged(tiny_data, tmp_path, callbacks=[Spoil(2, np.nan)], **options)
    assert "in epoch 3 (loss nan" in message and "learning_rate" in message
    state = training.read_state(tmp_path / training.LAST)
    losses = state["history"]["val_loss"]
    assert state["epoch"] == 2 and np.isfinite(losses).all()
    assert f"of epoch {np.argmin(losses) + 1}, are kept" in message
    best = pcnn.load_model(tmp_path / training.BEST)
    nats = pcnn.evaluate(best, tiny_data.validation).nats_per_image
    assert nats == pytest.approx(min(losses), rel=1e-5)
    _, history = train_small(tiny_data, tmp_path, **options)
    assert history["val_loss"][:2] == losses and len(history["loss"]) == 4


def test_the_model_in_memory_gets_the_best_weights_of_a_diverged_run(tiny_data, tmp_path):
    models = []

    class Keep(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            models.append(self.model)

    callbacks = [Keep(), Spoil(1, np.inf)]
    diverged(tiny_data, tmp_path, callbacks=callbacks, epochs=3)
    best = pcnn.load_model(tmp_path / training.BEST)
    for mine, theirs in zip(models[0].get_weights(), best.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_run_that_diverges_at_once_leaves_no_files(tiny_data, tmp_path):
    assert "no epoch before it" in diverged(tiny_data, tmp_path, epochs=2, **WILD)
    assert not list(tmp_path.iterdir())


def test_weights_that_are_not_finite_are_not_resumed(tiny_data, finished, tmp_path):
    """As they were saved before trainings were stopped."""
    state = training.read_state(finished[2] / training.LAST)
    del state["best_checksum"]
    for name in (training.LAST, training.BEST):
        model = pcnn.load_model(finished[2] / name)
        weights = model.get_weights()
        weights[0][..., 0] = np.nan
        model.set_weights(weights)
        extra = {"state": state} if name == training.LAST else {}
        training.save(model, tmp_path / name, **extra)
    before = contents(tmp_path)
    for epochs in (4, 6):  # finished, and to be gone on with
        with pytest.raises(pcnn.UsageError, match="of a run that diverged") as raised:
            small_runs.train_small(tiny_data, tmp_path, ema=0.9, epochs=epochs)
        assert "\n" not in str(raised.value)
    assert contents(tmp_path) == before
