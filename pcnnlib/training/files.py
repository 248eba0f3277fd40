"""Checkpoints as files: written in one step, and read without unpickling anything.

Keras writes the model. Own code adds the training state to the same file, so that weights and state
cannot be of different epochs, and says in one line what is wrong with a damaged file.
"""

import dataclasses
import json
import os
import pathlib
import zipfile
import zlib

import keras

from pcnnlib._internal.devices import undistributed
from pcnnlib._internal.errors import UsageError, first_line
from pcnnlib._internal.files import replacing
from pcnnlib.models import AutoregressiveModel
from pcnnlib.training.config import TrainConfig

BEST, LAST = "best.keras", "last.keras"
# A member of `last.keras` that Keras does not know and leaves unread.
STATE = "training_state.json"


def save(model: keras.Model, path: str | os.PathLike, *, state: dict | None = None) -> None:
    """Write a `.keras` file in one step: a reader finds the old file or the new one, whole.

    Args:
        model: any Keras model; if it is compiled, its optimiser is kept too.
        path: file to write or replace, its name ending in `.keras`.
        state: dict of training state, kept inside the file, or None.

    Raises:
        UsageError: the file cannot be written (disk full, say); the old one is untouched.
    """
    with replacing(path) as scratch:
        with undistributed():
            model.save(scratch)
        if state is not None:
            with zipfile.ZipFile(scratch, "a") as archive:
                archive.writestr(STATE, json.dumps(state))


def load_model(path: str | os.PathLike) -> AutoregressiveModel:
    """Load a model saved by `train` or by `model.save`, without unpickling anything.

    Raises:
        UsageError: no such file, damaged, or not a model of this library.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise UsageError(f"checkpoint {path} does not exist")
    try:
        model = keras.saving.load_model(path, safe_mode=True)
    except Exception as error:  # Keras, HDF5 and zipfile each raise their own
        raise UsageError(
            f"checkpoint {path} is damaged or no Keras model: {first_line(error)}"
        ) from error
    if not isinstance(model, AutoregressiveModel):
        raise UsageError(
            f"checkpoint {path} holds a {type(model).__name__}, wanted a model of pcnnlib"
        )
    return model


def read_state(path: str | os.PathLike) -> dict:
    """The training state inside a `last.keras`.

    Returns:
        dict: `epoch`, the next one; `history`; `random`, the state of dropout; `training`, the
        fields of the `TrainConfig`; `model`, its architecture (not before version 0.2: it is that
        of the model in the file); `data_checksum`; `backend`; `starts`, see `train`.

    Raises:
        UsageError: a damaged file, or one without training state.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            state = json.loads(archive.read(STATE))
    except KeyError as error:
        raise UsageError(f"checkpoint {path} holds no training state to resume from") from error
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError) as error:
        raise UsageError(f"checkpoint {path} is damaged: {first_line(error)}") from error
    if isinstance(state, dict) and isinstance(state.get("run"), dict):
        state = _in_todays_form(state)
    kinds = {"epoch": int, "history": dict, "random": list, "training": dict}
    if not isinstance(state, dict) or not all(
        isinstance(state.get(name), kind) for name, kind in kinds.items()
    ):
        raise UsageError(f"checkpoint {path} holds no training state to resume from")
    # A run saved before a field existed was trained with what is now its default.
    defaults = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    return {**state, "training": {**defaults, **state["training"]}}


def _in_todays_form(state):
    """A state from before version 0.2, whose configuration mixed network and training.

    A run saved before a field existed was trained with what is now its default; but before
    `weight_decay` existed, without any. The architecture is that of the model in the file.
    """
    run = {"weight_decay": 0.0, **state["run"]}
    training = {f.name: run.get(f.name, f.default) for f in dataclasses.fields(TrainConfig)}
    training["epochs"] = state.get("config", {}).get("epochs", training["epochs"])
    others = {name: run.get(name) for name in ("data_checksum", "backend")}
    return {**state, "training": training, **others}
