"""The callback that keeps the best and the last weights, and brings an interrupted run back.

Own code, for two reasons. A resumed run must end with the same bits as one that was never stopped:
Keras's `BackupAndRestore` keeps neither averaged weights nor dropout's random state. And a folder
must not be continued by another run: `BackupAndRestore` does not know which run its files are of.
"""

import dataclasses
import json
import os
import pathlib
import time
from typing import Any

import keras
import numpy as np

from pcnnlib._internal.devices import undistributed
from pcnnlib._internal.errors import UsageError, first_line
from pcnnlib._internal.processes import all_processes_agree, process
from pcnnlib.data import Dataset
from pcnnlib.models import AutoregressiveModel, architecture
from pcnnlib.training.config import TrainConfig
from pcnnlib.training.files import BEST, LAST, load_model, read_state, save


class Checkpoints(keras.callbacks.Callback):
    """Keeps history, best and last weights; in memory, and in `checkpoint_dir` if there is one.

    Args:
        config: of the training.
        data: what is trained on.
        checkpoint_dir: folder of `best.keras` and `last.keras`, or None.
        provenance: see `train`.

    Attributes:
        history: dict of lists, one entry per epoch; whatever JSON can hold may be added.
        best: weights of the epoch with the lowest validation loss, or None before the first.
    """

    def __init__(
        self,
        config: TrainConfig,
        data: Dataset,
        checkpoint_dir: str | os.PathLike | None,
        provenance: dict | None = None,
    ) -> None:
        super().__init__()
        self.provenance = provenance or {}
        self.starts: list[dict] = []
        self.began: float | None = None
        self.config = config
        self.data = data
        self.checkpoint_dir = None if checkpoint_dir is None else pathlib.Path(checkpoint_dir)
        self.history: dict[str, list] = {"loss": [], "val_loss": [], "seconds": []}
        self.best: list[np.ndarray] | None = None

    def resume(self) -> int:
        """Bring back the last checkpoint, if there is one; return the epoch to begin with.

        The model must be compiled, and be this callback's (`set_model`).

        Raises:
            UsageError: the checkpoint is damaged or of another run; nothing is changed then.
        """
        if self.checkpoint_dir is None:
            return 0
        path = self.checkpoint_dir / LAST
        state = read_state(path) if path.exists() else None
        epoch = None if state is None else state["epoch"]
        # Every process must ask here, with a checkpoint or without: they wait for each other.
        if not all_processes_agree(json.dumps([epoch, self._identity(), architecture(self.model)])):
            raise UsageError(
                f"processes differ in their flags, their data or in {path}: all must see one folder"
            )
        if state is None:
            self._remove_scratch_files()
            return 0
        saved = {**state["training"], **{k: state.get(k) for k in ("data_checksum", "backend")}}
        _check_same(path, saved, self._identity())
        last = load_model(path)
        # From the file's own model, so that it cannot be another than the one that was trained.
        _check_same(path, architecture(last), architecture(self.model))
        self._remove_scratch_files()
        try:
            self.model.set_weights(last.get_weights())
            old, new = last.optimizer.variables, self.model.optimizer.variables
            for variable, value in zip(new, old, strict=True):
                variable.assign(value)
        except (AttributeError, ValueError) as error:
            raise UsageError(f"{path} does not fit this model: {first_line(error)}") from error
        for variable, value in zip(_random_state(self.model), state["random"], strict=True):
            variable.assign(np.array(value, variable.dtype))
        self.history = state["history"]
        self.starts = state.get("starts", [])
        best = self.checkpoint_dir / BEST
        if self.history["val_loss"] and best.exists():
            self.best = load_model(best).get_weights()
        return state["epoch"]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.began is None:
            self.starts = [*self.starts, {"epoch": epoch, **self.provenance}]
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        earlier = min(self.history["val_loss"], default=float("inf"))
        self.history["loss"].append(float(logs["loss"]))
        self.history["val_loss"].append(float(logs["val_loss"]))
        self.history["seconds"].append(time.perf_counter() - (self.began or 0.0))
        folder = self.checkpoint_dir if process() == 0 else None  # the first process writes
        if logs["val_loss"] < earlier or self.best is None:
            self.best = averaged_weights(self.model)
            if folder is not None:
                save(own_copy(self.model, self.best), folder / BEST)
        if folder is not None:
            state = {
                "epoch": epoch + 1,
                "history": self.history,
                "random": [np.array(v).tolist() for v in _random_state(self.model)],
                "training": dataclasses.asdict(self.config),
                "model": architecture(self.model),
                "data_checksum": self.data.checksum,
                "backend": keras.backend.backend(),
                "starts": self.starts,
            }
            # Last of all: until it is replaced, a restart repeats the epoch, with equal results.
            save(self.model, folder / LAST, state=state)

    def load_best(self) -> None:
        """Put the best weights into the model."""
        if self.best is not None:
            self.model.set_weights(self.best)

    def _remove_scratch_files(self):
        """Remove what a process of this run left behind when it was killed while saving."""
        for name in (BEST, LAST) if process() == 0 else ():
            for scratch in self.checkpoint_dir.glob(f".{pathlib.Path(name).stem}.*.keras"):
                scratch.unlink(missing_ok=True)

    def _identity(self):
        """What must agree, beside the architecture, for a run to be resumed: all but `epochs`.

        More epochs may be asked for, and the run goes on.
        """
        fields = dataclasses.asdict(self.config)
        del fields["epochs"]
        fields |= {"data_checksum": self.data.checksum, "backend": keras.backend.backend()}
        return json.loads(json.dumps(fields))  # as it comes back from a file


def _check_same(path, saved, wanted):
    """Raise `UsageError` that names the first thing in which a saved run is another."""
    for name, value in wanted.items():
        if saved.get(name) != value:
            raise UsageError(
                f"{path} is of a run with {name}={saved.get(name)!r}, not {value!r}: "
                "choose another folder, or remove this one"
            )


def averaged_weights(model: AutoregressiveModel) -> list[np.ndarray]:
    """The weights of a compiled model, the averaged ones if its optimiser keeps them."""
    optimizer = model.optimizer
    average = {}
    if getattr(optimizer, "use_ema", False):
        pairs = zip(
            model.trainable_variables, optimizer._model_variables_moving_average, strict=True
        )
        average = {id(variable): value for variable, value in pairs}
    return [np.array(average.get(id(weight), weight)) for weight in model.weights]


def own_copy(model: AutoregressiveModel, weights: list[np.ndarray]) -> AutoregressiveModel:
    """A model like this one with these weights, neither compiled nor shared between processes."""
    with undistributed():
        copy = model.__class__.from_config(model.get_config())
        copy.set_weights(weights)
    return copy


def _random_state(model):
    """Variables of dropout's random state: part of a run, but not among the saved weights."""
    weights = {id(weight) for weight in model.weights}
    return [v for v in model.non_trainable_variables if id(v) not in weights]
