"""Keras's own callbacks within `train`: they see what was validated, and survive a restart."""

import keras
import numpy as np
import pytest
from training import small_runs

import pcnnlib as pcnn
from pcnnlib import training
from pcnnlib.training.user_callbacks import Restart

# Enough steps for the averages to lag behind: they reach back over a tenth of a run.
AVERAGED = {"ema": 0.9, "epochs": 3, "batch_size": 3}


def train_small(*args, **options):
    """By Adam: Muon takes longer to compile."""
    return small_runs.train_small(*args, **{"optimizer": "adam", **options})


def nats_of(model, data):
    return pcnn.evaluate(model, data.validation).nats_per_image


@pytest.mark.both_backends
@pytest.mark.parametrize("weights_only", [False, True])
def test_model_checkpoint_saves_the_weights_that_were_validated(tiny_data, tmp_path, weights_only):
    name = "mine.weights.h5" if weights_only else "mine.keras"
    path = tmp_path / name
    keep = keras.callbacks.ModelCheckpoint(
        path, save_best_only=True, save_weights_only=weights_only
    )
    model, history = train_small(tiny_data, callbacks=[keep], **AVERAGED)
    if weights_only:
        model.set_weights([w * 0 for w in model.get_weights()])
        model.load_weights(path)
    else:
        model = pcnn.load_model(path)
    # Keras averages in float32; the true weights cost otherwise, see the next test.
    assert nats_of(model, tiny_data) == pytest.approx(min(history["val_loss"]), rel=1e-5)


@pytest.mark.both_backends
def test_callbacks_find_averages_at_the_end_of_an_epoch_and_change_nothing(tiny_data):
    found = []

    def compare(epoch, logs):
        true, average = average_of.model.get_weights(), training.averaged_weights(average_of.model)
        found.append([true, average, nats_of(average_of.model, tiny_data), logs["val_loss"]])

    average_of = keras.callbacks.LambdaCallback(on_epoch_end=compare)
    begun = []
    start = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: begun.append(start.model.get_weights())
    )
    _, history = train_small(tiny_data, callbacks=[average_of, start], **AVERAGED)
    for weights, average, nats, val_loss in found:
        for a, b in zip(weights, average, strict=True):
            np.testing.assert_array_equal(a, b)
        assert nats == pytest.approx(val_loss, rel=1e-5)
    # The next epoch begins with the true weights, which are others.
    for (average, *_), true in zip(found, begun[1:], strict=False):
        assert any((a != b).any() for a, b in zip(average, true, strict=True))
    _, same = train_small(tiny_data, **AVERAGED)
    assert same["loss"] == history["loss"] and same["val_loss"] == history["val_loss"]


def stop_early():
    return keras.callbacks.EarlyStopping(patience=2, min_delta=1000.0)


def test_a_run_stopped_early_is_not_trained_on_at_a_restart(tiny_data, tmp_path):
    first = train_small(tiny_data, tmp_path, callbacks=[stop_early()], epochs=9)
    assert len(first[1]["loss"]) == 3
    for _ in range(2):
        again, history = train_small(tiny_data, tmp_path, callbacks=[stop_early()], epochs=9)
        assert history == first[1]
    for a, b in zip(again.get_weights(), first[0].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    # With more patience, or without, the run goes on.
    _, longer = train_small(tiny_data, tmp_path, epochs=9)
    assert len(longer["loss"]) == 9


def test_early_stopping_goes_on_waiting_after_a_restart(tiny_data, tmp_path):
    """Stopped in the second epoch of nine, when one epoch had been waited for."""

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise InterruptedError

    with pytest.raises(InterruptedError):
        train_small(tiny_data, tmp_path, callbacks=[stop_early(), Stop()], epochs=9)
    _, history = train_small(tiny_data, tmp_path, callbacks=[stop_early()], epochs=9)
    assert len(history["loss"]) == 3


def test_model_checkpoint_remembers_its_best_after_a_restart(tiny_data, tmp_path):
    """An epoch that is worse than those before the restart must not replace the file."""

    class Ruin(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch >= 2:
                self.model.set_weights([w + 3.0 for w in self.model.get_weights()])

    path, options = tmp_path / "mine.keras", {"ema": 0.0}

    def keep():
        return keras.callbacks.ModelCheckpoint(path, save_best_only=True)

    train_small(tiny_data, tmp_path / "run", callbacks=[keep()], epochs=2, **options)
    before = path.read_bytes()
    _, history = train_small(
        tiny_data, tmp_path / "run", callbacks=[keep(), Ruin()], epochs=3, **options
    )
    assert len(history["loss"]) == 3 and np.argmin(history["val_loss"]) < 2
    assert path.read_bytes() == before


def test_callbacks_are_told_of_every_figure_of_the_epochs_before():
    """Of a VQ-VAE the perplexity, say; a figure that no epoch has is refused."""
    history = {"loss": [3.0, 2.0], "val_loss": [3.0, 2.5], "val_perplexity": [7.0, 8.0]}

    def monitor(name, mode="max"):
        options = {"monitor": name, "mode": mode}
        stop = keras.callbacks.EarlyStopping(patience=1, **options)
        keep = keras.callbacks.ModelCheckpoint("a.keras", save_best_only=True, **options)
        return stop, keep

    stop, keep = monitor("val_perplexity")
    restart = Restart([stop, keep], {**history, "other": [1.0]})
    assert keep.best == 8.0 and not restart.stopped() and stop.best == 8.0
    falling = {**history, "val_perplexity": [8.0, 7.0]}
    assert Restart(list(monitor("val_perplexity")), falling).stopped()
    for callback in monitor("val_accuracy"):
        with pytest.raises(pcnn.UsageError, match=r"callbacks must monitor .*val_perplexity\) to"):
            Restart([callback], history)
        Restart([callback], {name: [] for name in history})  # nothing was trained yet


@pytest.mark.parametrize(
    "callbacks, name",
    [
        ([keras.callbacks.ReduceLROnPlateau()], "ReduceLROnPlateau"),
        ([keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)], "LearningRateScheduler"),
        ([keras.callbacks.SwapEMAWeights()], "SwapEMAWeights"),
        ([keras.callbacks.BackupAndRestore("x")], "BackupAndRestore"),
        ([keras.callbacks.TerminateOnNaN], "must be Keras callbacks"),
        (keras.callbacks.TerminateOnNaN(), "must be a list of Keras callbacks"),
    ],
    ids=["plateau", "scheduler", "swap", "backup", "class", "no list"],
)
def test_what_cannot_work_is_refused_before_anything_is_trained(
    tiny_data, tmp_path, callbacks, name
):
    with pytest.raises(pcnn.UsageError, match=f"callbacks must .*{name.split()[-1]}") as raised:
        train_small(tiny_data, tmp_path / "run", callbacks=callbacks)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.both_backends
@pytest.mark.parametrize("kind", [KeyboardInterrupt, TypeError])
def test_whatever_ends_a_training_the_best_weights_are_in_the_model(tiny_data, tmp_path, kind):
    models = []

    class Fail(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            models.append(self.model)
            if len(models) == 8:  # in the third epoch of three steps
                raise kind

    with pytest.raises(kind):
        train_small(tiny_data, tmp_path, callbacks=[Fail()], ema=0.5)
    best = pcnn.load_model(tmp_path / training.BEST)
    for mine, theirs in zip(models[0].get_weights(), best.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
