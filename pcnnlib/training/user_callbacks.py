"""A user's own callbacks within `train`: which weights they find, and what a restart tells them."""

import types
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from pcnnlib._internal.errors import UsageError

# What each of them would do a second time, or to what is not theirs.
REFUSED = {
    keras.callbacks.ReduceLROnPlateau: "the learning rate follows a schedule: see learning_rate, "
    "warmup and final_rate",
    keras.callbacks.LearningRateScheduler: "the learning rate follows a schedule: see "
    "learning_rate, warmup and final_rate",
    keras.callbacks.SwapEMAWeights: "with ema, averaged weights are swapped in already",
    keras.callbacks.BackupAndRestore: "a checkpoint_dir brings an interrupted run back",
}


def check_callbacks(callbacks: Iterable[keras.callbacks.Callback]) -> list:
    """Return a user's callbacks as a list.

    Raises:
        UsageError: no callback, or one that cannot do its work within `train`.
    """
    if not isinstance(callbacks, Iterable):
        raise UsageError(f"callbacks must be a list of Keras callbacks, got {callbacks!r}")
    callbacks = list(callbacks)
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise UsageError(f"callbacks must be Keras callbacks, got {callback!r}")
        for kind, reason in REFUSED.items():
            if isinstance(callback, kind):
                name = type(callback).__name__
                raise UsageError(f"callbacks must not hold {name} within train: {reason}")
    return callbacks


def averages_within(callbacks: list) -> list:
    """The callbacks, so that at the end of an epoch they find the averaged weights in the model.

    These are the weights that were validated. The true ones are put back afterwards, bit by bit.
    """
    true: list = []

    def enter(epoch, logs=None):
        model = before.model
        true[:] = [np.array(variable) for variable in model.trainable_variables]
        averages = model.optimizer._model_variables_moving_average
        for variable, average in zip(model.trainable_variables, averages, strict=True):
            variable.assign(average)

    def leave(epoch, logs=None):
        for variable, value in zip(before.model.trainable_variables, true, strict=True):
            variable.assign(value)
        true.clear()

    before = keras.callbacks.LambdaCallback(on_epoch_end=enter)
    return [before, *callbacks, keras.callbacks.LambdaCallback(on_epoch_end=leave)]


class Restart(keras.callbacks.Callback):
    """Tells Keras's callbacks of the epochs before a restart, so that they go on from there.

    Without that `EarlyStopping` would begin to wait anew, and `ModelCheckpoint` take any weights
    for the best.

    Args:
        callbacks: the user's.
        history: of the epochs that were trained, see `train`.

    Raises:
        UsageError: a callback that monitors what the history of these epochs does not have.
    """

    def __init__(self, callbacks: list, history: dict[str, list]) -> None:
        super().__init__()
        epochs = len(history["loss"])
        whole = {name: values for name, values in history.items() if len(values) == epochs}
        self.logs = [{name: values[k] for name, values in whole.items()} for k in range(epochs)]
        self.stopping = [c for c in callbacks if isinstance(c, keras.callbacks.EarlyStopping)]
        saving = [
            callback
            for callback in callbacks
            if isinstance(callback, keras.callbacks.ModelCheckpoint) and callback.save_best_only
        ]
        for callback in (*self.stopping, *saving) if epochs else ():
            if callback.monitor not in whole:
                raise UsageError(
                    f"callbacks must monitor what the checkpoint has of the {epochs} epochs so far "
                    f"({', '.join(whole)}) to go on from there, got {callback.monitor!r}"
                )
        for callback in saving:
            seen = [logs[callback.monitor] for logs in self.logs]
            seen += [] if callback.best is None else [callback.best]
            if seen:
                callback.best = max(seen) if callback.mode == "max" else min(seen)

    def stopped(self) -> bool:
        """Whether the epochs before the restart were enough to stop the run."""
        model = types.SimpleNamespace(stop_training=False, get_weights=list)
        for callback in self.stopping:
            callback.set_model(model)
            callback.on_train_begin()
            self._replay(callback)
        return model.stop_training

    def on_train_begin(self, logs: Any = None) -> None:
        # They come before this one in the list, and have just forgotten all.
        for callback in self.stopping:
            self._replay(callback)

    def _replay(self, callback):
        for epoch, logs in enumerate(self.logs):
            callback.on_epoch_end(epoch, logs)
