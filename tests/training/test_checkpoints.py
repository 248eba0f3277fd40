"""Averaged weights, the best weights, and what a checkpoint holds beside them."""

import keras
import numpy as np
import pytest
from training.small_runs import contents, small_config, small_network, train_small

import pcnnlib as pcnn
from pcnnlib import training
from pcnnlib.models import architecture
from pcnnlib.training import checkpoints


@pytest.mark.both_backends
def test_averaged_weights_are_the_moving_average_of_the_weights(tiny_data):
    """Recomputed in NumPy after every step: a <- m*a + (1-m)*w, beginning with the first w."""
    seen = []

    class Recorder(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if hasattr(self.model, "jax_state_sync"):
                self.model.jax_state_sync()
            seen.append([np.array(w) for w in self.model.get_weights()])

        def on_epoch_end(self, epoch, logs=None):
            self.averaged = training.averaged_weights(self.model)

    recorder = Recorder()
    train_small(tiny_data, callbacks=[recorder], ema=0.8, epochs=3, batch_size=6)
    momentum = min(0.8, 1 - 10 / len(seen))  # over at most a tenth of the run
    assert momentum > 0
    average = seen[0]
    for weights in seen[1:]:
        pairs = zip(average, weights, strict=True)
        average = [momentum * a + (1 - momentum) * w for a, w in pairs]
    for mine, theirs in zip(average, recorder.averaged, strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-4, atol=1e-6)  # 18 float32 steps
    assert any((a != w).any() for a, w in zip(recorder.averaged, seen[-1], strict=True))


@pytest.mark.both_backends
def test_best_weights_give_the_best_validation_loss_on_record(tiny_data, finished):
    model, history, folder = finished
    best = pcnn.load_model(folder / training.BEST)
    assert not best.compiled  # weights alone are kept
    for one in (model, best):
        nats = pcnn.evaluate(one, tiny_data.validation).nats_per_image
        # Keras averages in float32 over the same images.
        assert nats == pytest.approx(min(history["val_loss"]), rel=1e-5)


def test_best_is_not_the_last_where_validation_worsens(tiny_data, tmp_path):
    """Weights that are ruined after a good start; without averages, which would hide it."""

    class Ruin(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                self.model.set_weights([w + 3.0 for w in self.model.get_weights()])

    model, history = train_small(tiny_data, tmp_path, ema=0.0, epochs=3, callbacks=[Ruin()])
    assert np.argmin(history["val_loss"]) < 2
    last = pcnn.load_model(tmp_path / training.LAST)
    for one in (model, pcnn.load_model(tmp_path / training.BEST)):
        nats = pcnn.evaluate(one, tiny_data.validation).nats_per_image
        assert nats == pytest.approx(min(history["val_loss"]), rel=1e-5)
        assert pcnn.evaluate(last, tiny_data.validation).nats_per_image > 1.1 * nats


def test_a_checkpoint_holds_architecture_and_training(tiny_data, finished):
    model, history, folder = finished
    state = training.read_state(folder / training.LAST)
    assert state["model"] == architecture(model)
    assert state["model"] == architecture(pcnn.load_model(folder / training.LAST))
    assert pcnn.TrainConfig(**state["training"]) == small_config(ema=0.9)
    assert state["history"] == history and state["epoch"] == 4
    assert state["data_checksum"] == tiny_data.checksum
    assert state["backend"] == keras.backend.backend()


@pytest.fixture
def callback(tiny_data):
    """Function that returns `Checkpoints` of an untrained model, at the end of its first epoch."""

    def make(folder):
        config = small_config()
        model = small_network(tiny_data)
        model.compile(training.make_optimizer(config, 3))
        model.optimizer.build(model.trainable_variables)
        checkpoint = training.Checkpoints(config, tiny_data, folder)
        checkpoint.set_model(model)
        assert checkpoint.resume() == 0
        checkpoint.on_epoch_begin(0)
        return checkpoint

    return make


def test_a_folder_that_is_a_file_is_one_line(callback, tmp_path):
    (tmp_path / "file").write_text("mine")
    checkpoint = callback(tmp_path / "file")
    with pytest.raises(pcnn.UsageError, match="cannot be written") as raised:
        checkpoint.on_epoch_end(0, {"loss": 3.0, "val_loss": 3.0})
    assert "\n" not in str(raised.value)
    assert (tmp_path / "file").read_text() == "mine"


def test_the_best_weights_are_on_disk_before_they_are_named_and_in_place_after(
    callback, tmp_path, monkeypatch
):
    """Killed at any moment, a run finds the best weights that its `last.keras` names."""
    written = []
    save = checkpoints.save

    def watched(model, path, **options):
        written.append((path.name, training.BEST in contents(tmp_path)))
        save(model, path, **options)

    monkeypatch.setattr(checkpoints, "save", watched)
    checkpoint = callback(tmp_path)
    checkpoint.on_epoch_end(0, {"loss": 3.0, "val_loss": 3.0})
    assert contents(tmp_path).keys() == {training.BEST, training.LAST}
    checkpoint.on_epoch_end(1, {"loss": 3.0, "val_loss": 4.0})  # no better
    new, last = "best.next.keras", training.LAST
    assert written == [(new, False), (last, False), (last, True)]


def test_a_failed_save_ends_the_training_with_its_message(tiny_data, tmp_path, monkeypatch):
    def fail(*args, **options):
        raise pcnn.UsageError("full")

    monkeypatch.setattr(checkpoints, "save", fail)
    with pytest.raises(pcnn.UsageError, match="^full$"):
        train_small(tiny_data, tmp_path, epochs=1)
