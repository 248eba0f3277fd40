"""Callbacks: a progress bar in nats per image, and grids of samples."""

import os
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from pcnnlib._internal import processes, tensorboard
from pcnnlib.models import AutoregressiveModel
from pcnnlib.training.checkpoints import averaged_weights, own_copy


class Progress(keras.callbacks.Callback):
    """Keras's progress bar, one per epoch, in nats per image and with the time left of the run.

    Args:
        epochs: number of the last epoch.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs

    def on_train_begin(self, logs: Any = None) -> None:
        self.began, self.done = time.perf_counter(), 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        left = ""
        if self.done:
            seconds = (time.perf_counter() - self.began) / self.done * (self.epochs - epoch)
            left = f", about {_duration(seconds)} left"
        print(f"Epoch {epoch + 1}/{self.epochs}{left}")
        self.bar = keras.utils.Progbar(self.params["steps"], stateful_metrics=["nats", "val_nats"])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        # The last step is shown with the validation loss, at the end of the epoch.
        self.bar.update(min(batch + 1, self.params["steps"] - 1), [("nats", float(logs["loss"]))])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.done += 1
        values = [("nats", float(logs["loss"])), ("val_nats", float(logs["val_loss"]))]
        self.bar.update(self.params["steps"], values, finalize=True)


class SampleGrids(keras.callbacks.Callback):
    """Draws a grid of samples every few epochs, from the averaged weights if there are any.

    Args:
        draw: function of `(model, epoch)` that draws and saves a grid and returns it as uint8
            `(H, W, 3)`.
        every: epochs from one grid to the next; there is one after the last epoch too.
        epochs: number of the last epoch.
        log_dir: where TensorBoard looks for images, or None.
    """

    def __init__(
        self,
        draw: Callable[[AutoregressiveModel, int], np.ndarray],
        every: int,
        epochs: int,
        log_dir: str | os.PathLike | None = None,
    ) -> None:
        super().__init__()
        self.draw = draw
        self.every = every
        self.epochs = epochs
        self.log_dir = log_dir

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        epoch += 1
        if processes.process() or (epoch % self.every and epoch != self.epochs):
            return
        grid = self.draw(own_copy(self.model, averaged_weights(self.model)), epoch)
        if self.log_dir is not None:
            tensorboard.write_image(self.log_dir, "samples", grid, epoch)


def _duration(seconds):
    """Seconds in the unit that a reader would choose: "40 s", "12 min", "2.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
