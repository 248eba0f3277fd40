"""The callback that keeps the best and the last weights, and brings an interrupted run back.

Own code, for two reasons. A resumed run must end with the same bits as one that was never stopped:
Keras's `BackupAndRestore` keeps neither averaged weights nor dropout's random state. And a folder
must not be continued by another run: `BackupAndRestore` does not know which run its files are of.
"""

import dataclasses
import json
import math
import os
import pathlib
import time
from typing import Any

import keras
import numpy as np

from pcnnlib._internal.devices import undistributed
from pcnnlib._internal.errors import UsageError, first_line
from pcnnlib._internal.files import UnreadableError, reading, rename
from pcnnlib._internal.processes import all_processes_agree, process
from pcnnlib.data import Dataset
from pcnnlib.models import AutoregressiveModel, architecture
from pcnnlib.training.config import TrainConfig
from pcnnlib.training.files import (
    BEST,
    LAST,
    NEXT,
    find_best,
    load_model,
    read_state,
    save,
    weights_checksum,
)

# Metrics of models that have some, kept beside the losses.
REPORTED = [
    f"{split}{grid}{name}"
    for split in ("", "val_")
    for grid in ("", "top_")
    for name in ("perplexity", "codes_used")
]


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
        with reading(path, "checkpoint"):
            there = path.exists()
        state = read_state(path) if there else None
        epoch = None if state is None else state["epoch"]
        # Every process must ask here, with a checkpoint or without: they wait for each other.
        if not all_processes_agree(json.dumps([epoch, self._identity(), architecture(self.model)])):
            raise UsageError(
                f"processes differ in their flags, their data or in {path}: all must see one folder"
            )
        if state is None:
            if (self.checkpoint_dir / BEST).exists():
                raise UsageError(
                    f"{self.checkpoint_dir / BEST} would be lost, since there is no {LAST} beside "
                    "it to resume from: choose another folder, or remove it"
                )
            self._remove_scratch_files()
            return 0
        saved = {**state["training"], **{k: state.get(k) for k in ("data_checksum", "backend")}}
        wanted = self._identity()
        # Where nothing is left to train, any backend computes the same: one may train on a GPU,
        # and test and draw elsewhere.
        elsewhere = state["epoch"] >= self.config.epochs and saved["backend"] != wanted["backend"]
        if elsewhere:
            saved["backend"] = wanted["backend"]
        _check_same(path, saved, wanted)
        last = load_model(path)
        # From the file's own model, so that it cannot be another than the one that was trained.
        # What is as usual is not said in the description of a model.
        usual = {"orders": 1, "attention": [], "attention_heads": None}
        usual |= {"inputs": "scaled", "embedding_size": None, "code_grids": 1}
        _check_same(path, *({**usual, **architecture(m)} for m in (last, self.model)))
        values = _values_of(path, last, self.model)
        found = zip(_variables(self.model), values, strict=True)
        if not elsewhere:  # each backend has a random state of its own
            random = _random_values(path, state["random"], self.model)
            found = [*found, *zip(_random_state(self.model), random, strict=True)]
        best, best_path = self._best(state, last)
        for variable, value in found:
            variable.assign(value)
        self.history = state["history"]
        self.starts = state.get("starts", [])
        self.best = best
        if process() == 0 and best_path is None:
            save(own_copy(self.model, best), self.checkpoint_dir / BEST)
        elif process() == 0 and best_path.name == NEXT:
            rename(best_path, self.checkpoint_dir / BEST)
        self._remove_scratch_files()
        return state["epoch"]

    def _best(self, state, last):
        """The best weights that belong to a state, and the file that holds them.

        Without such a file (None) they may be those of the last epoch, which `last.keras` holds
        too; nothing else is put in their place.
        """
        try:
            model, path = find_best(self.checkpoint_dir)
            if architecture(model) != architecture(last):
                raise UsageError(f"checkpoint {path} is of another network than {LAST}")
            best = model.get_weights()
            _check_finite(path, best)
            return best, path
        except UnreadableError:
            raise
        except UsageError:
            losses, best = state["history"]["val_loss"], averaged_weights(last)
            named = state.get("best_checksum")
            if named is None and losses.index(min(losses)) != len(losses) - 1:
                raise
            if named not in (None, weights_checksum(best)):
                raise
            return best, None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.began is None:
            self.starts = [*self.starts, {"epoch": epoch, **self.provenance}]
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        losses = {name: float(logs[name]) for name in ("loss", "val_loss")}
        average = averaged_weights(self.model)
        self._check_finite(epoch, losses, average)
        earlier = min(self.history["val_loss"], default=float("inf"))
        for name, value in losses.items():
            self.history[name].append(value)
        self.history["seconds"].append(time.perf_counter() - (self.began or 0.0))
        for name in REPORTED:  # what a model measures of itself
            if name in logs:
                self.history.setdefault(name, []).append(float(logs[name]))
        folder = self.checkpoint_dir if process() == 0 else None  # the first process writes
        better = losses["val_loss"] < earlier or self.best is None
        if better:
            self.best = average
            if folder is not None:
                save(own_copy(self.model, average), folder / NEXT)
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
                "best_checksum": weights_checksum(self.best or ()),
            }
            # Until it is replaced a restart repeats the epoch, with equal results; and after that
            # it finds the best weights that this state names, even under their first name.
            save(self.model, folder / LAST, state=state)
            if better:
                rename(folder / NEXT, folder / BEST)

    def _check_finite(self, epoch, losses, average):
        """Raise `UsageError` if the run has diverged: nothing of it must be saved."""
        weights = [*average, *self.model.get_weights()]
        if all(map(math.isfinite, losses.values())) and _finite(weights):
            return
        values = ", ".join(f"{name} {value:g}" for name, value in losses.items())
        kept = "no epoch before it was better"
        if self.best is not None:
            before = self.history["val_loss"]
            kept = f"the best weights, of epoch {before.index(min(before)) + 1}, are kept"
        raise UsageError(
            f"the training diverged in epoch {epoch + 1} ({values}), and was stopped: {kept}; try "
            "a lower learning_rate or grad_clip"
        )

    def load_best(self) -> None:
        """Put the best weights into the model."""
        if self.best is not None:
            self.model.set_weights(self.best)

    def _remove_scratch_files(self):
        """Remove what a process of this run left behind when it was killed while saving."""
        if process() == 0:
            for name in (".best.*.keras", ".last.*.keras", NEXT):
                for scratch in self.checkpoint_dir.glob(name):
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


def _values_of(path, saved, model):
    """Values for a model's variables and its optimiser's, from one that was saved."""
    try:
        values = [np.array(variable) for variable in _variables(saved)]
        shapes = [tuple(variable.shape) for variable in _variables(model)]
    except AttributeError as error:  # not compiled
        raise UsageError(f"{path} does not fit this model: {first_line(error)}") from error
    if [value.shape for value in values] != shapes:
        raise UsageError(f"{path} does not fit this model: its variables have other shapes")
    _check_finite(path, values)
    return values


def _random_values(path, saved, model):
    """Values for the variables of a model's random state, from a file."""
    variables = _random_state(model)
    try:
        values = [
            np.array(value, variable.dtype)
            for variable, value in zip(variables, saved, strict=True)
        ]
        fit = all(v.shape == tuple(w.shape) for v, w in zip(values, variables, strict=True))
    except (TypeError, ValueError, OverflowError):
        fit = False
    if not fit:
        raise UsageError(f"checkpoint {path} holds no random state of this model")
    return values


def _variables(model):
    return [*model.weights, *model.optimizer.variables]


def _check_finite(path, values):
    if not _finite(values):
        raise UsageError(
            f"checkpoint {path} is of a run that diverged, its weights are not finite: choose "
            "another folder, or remove this one"
        )


def _finite(values):
    return all(np.isfinite(value).all() for value in values if value.dtype.kind in "fV")


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
