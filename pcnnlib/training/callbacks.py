"""Callbacks: a progress bar in nats per image, and grids of samples."""

import os
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from pcnnlib._internal import processes, tensorboard
from pcnnlib._internal.progress import Lines, on_terminal
from pcnnlib.models import AutoregressiveModel
from pcnnlib.training.checkpoints import averaged_weights, own_copy

# Prefixes of the metrics of each grid of codes, and its name on a line.
GRIDS = {"top_": "top ", "": ""}


class Progress(keras.callbacks.Callback):
    """Keras's progress bar, one per epoch, in nats per image and with the time left of the run.

    Where the output is no terminal but a log, a plain line an epoch, and one a minute within it.

    Args:
        epochs: number of the last epoch.
    """

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.epochs = epochs

    def on_train_begin(self, logs: Any = None) -> None:
        self.began, self.done = time.perf_counter(), 0
        self.redrawn = on_terminal()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.name, steps = f"Epoch {epoch + 1}/{self.epochs}", self.params["steps"]
        self.epoch_began = time.perf_counter()
        if self.redrawn:
            print(f"{self.name}{self._left(epoch)}")
            self.bar = keras.utils.Progbar(steps, stateful_metrics=["nats", "val_nats"])
        else:
            self.lines = Lines(steps, prefix=f"{self.name}: ")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.redrawn:
            # The last step is shown with the validation loss, at the end of the epoch.
            shown = min(batch + 1, self.params["steps"] - 1)
            self.bar.update(shown, [("nats", float(logs["loss"]))])
        elif self.lines.due():
            self.lines.update(batch + 1, f"{logs['loss']:.4f} nats")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.done += 1
        nats, validation = float(logs["loss"]), float(logs["val_loss"])
        if self.redrawn:
            values = [("nats", nats), ("val_nats", validation)]
            reported = [f"val_{grid}{n}" for grid in GRIDS for n in ("codes_used", "perplexity")]
            values += [(name, float(logs[name])) for name in reported if name in logs]
            self.bar.update(self.params["steps"], values, finalize=True)
        else:
            took = _duration(time.perf_counter() - self.epoch_began)
            line = f"{self.name}: {nats:.4f} nats, validation {validation:.4f} nats, {took}"
            for grid, named in GRIDS.items():
                if f"val_{grid}perplexity" in logs:
                    used, perplexity = (
                        logs[f"val_{grid}{name}"] for name in ("codes_used", "perplexity")
                    )
                    line = f"{line}, {used:.0f} {named}codes, perplexity {perplexity:.1f}"
            print(f"{line}{self._left(epoch + 1)}", flush=True)

    def _left(self, epoch):
        """How long the epochs from this one on will take, as far as that is known yet."""
        if not self.done or epoch == self.epochs:
            return ""
        seconds = (time.perf_counter() - self.began) / self.done * (self.epochs - epoch)
        return f", about {_duration(seconds)} left"


class SampleGrids(keras.callbacks.Callback):
    """Draws a grid of samples every few epochs, from the averaged weights if there are any.

    Args:
        draw: function of `(model, epoch)` that draws and saves a grid and returns it as uint8
            `(H, W, 3)`.
        every: epochs from one grid to the next; there is one after the last epoch too.
        epochs: number of the last epoch.
        log_dir: where TensorBoard looks for images, or None.
        missing: function of an epoch: whether its grid, which a run that was killed may not have
            drawn, is missing; None: it never is.
    """

    def __init__(
        self,
        draw: Callable[[AutoregressiveModel, int], np.ndarray],
        every: int,
        epochs: int,
        log_dir: str | os.PathLike | None = None,
        missing: Callable[[int], bool] | None = None,
    ) -> None:
        super().__init__()
        self.missing = missing
        self.draw = draw
        self.every = every
        self.epochs = epochs
        self.log_dir = log_dir

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._draw_if_due(epoch + 1)

    def after_restart(self, epochs: int) -> None:
        """Draw what a run that was killed after its last checkpoint, of `epochs`, did not draw."""
        if self.missing is not None and self.missing(epochs):
            self._draw_if_due(epochs)

    def _draw_if_due(self, epoch):
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
