"""Checkpoints as files: written in one step, and read without unpickling anything.

Keras writes the model. Own code adds the training state to the same file, so that weights and state
cannot be of different epochs, names in it the best weights that belong to it, and says in one line
what is wrong with a damaged file.
"""

import hashlib
import json
import os
import pathlib
import zipfile
from collections.abc import Iterable

import keras
import numpy as np

from pcnnlib._internal.devices import undistributed
from pcnnlib._internal.errors import UsageError, check_path, first_line
from pcnnlib._internal.files import UnreadableError, reading, replacing
from pcnnlib.models import AutoregressiveModel, architecture
from pcnnlib.training.state import checked_state

BEST, LAST = "best.keras", "last.keras"
# New best weights, until the `last.keras` that names them is in place.
NEXT = "best.next.keras"
# A member of `last.keras` that Keras does not know and leaves unread.
STATE = "training_state.json"
# Bytes of JSON in a checkpoint, at most; that of 100,000 epochs has a tenth of it.
LARGEST_JSON = 64 << 20


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

    A `best.keras` must be the one that the `last.keras` beside it names, if there is one.

    Raises:
        UsageError: no such file, damaged, of another run than the files beside it, or not a model
            of this library.
    """
    path = check_path("path", path)
    return find_best(path.parent)[0] if path.name == BEST else _load(path)


def find_best(folder: pathlib.Path) -> tuple[AutoregressiveModel, pathlib.Path]:
    """The best model of a folder of checkpoints, and its file: `NEXT` where a run was killed.

    Raises:
        UsageError: as `load_model`.
    """
    problem = None
    # Once more, since a training may be replacing both files right now.
    for _ in range(2):
        state = _state_beside(folder)
        for name in (BEST, NEXT):
            if name == NEXT and (state is None or not (folder / NEXT).exists()):
                continue
            try:
                model = _load(folder / name)
            except UnreadableError:
                raise
            except UsageError as error:
                problem = problem or error
                continue
            if state is None or _belongs(model, state):
                return model, folder / name
            problem = problem or UsageError(
                f"checkpoint {folder / name} does not belong to {folder / LAST}: it is of another "
                "run; put the right one back, or remove both"
            )
    assert problem is not None
    raise problem


def read_state(path: str | os.PathLike) -> dict:
    """The training state inside a `last.keras`.

    Returns:
        dict: `epoch`, the next one; `history`; `random`, the state of dropout; `training`, the
        fields of the `TrainConfig`; `model`, its architecture (not before version 0.2: it is that
        of the model in the file); `data_checksum`; `backend`; `starts`, see `train`;
        `best_checksum`, of the weights in the `best.keras` beside it (older files have none).

    Raises:
        UsageError: a damaged file, or one without a training state that could be resumed from.
    """
    path = check_path("path", path)
    with reading(path, "checkpoint"):
        regular = path.is_file()
    if not regular:  # a folder, or a pipe, which would never end
        raise UsageError(f"checkpoint {path} is no file")
    with reading(path, "checkpoint"), zipfile.ZipFile(path) as archive:
        _check_sizes(archive)
        text = archive.read(STATE) if STATE in archive.namelist() else None
    if text is None:
        raise UsageError(f"checkpoint {path} holds no training state to resume from")
    try:
        return checked_state(json.loads(text))
    except RecursionError:
        reason = "it is nested too deep"
    except (ValueError, OverflowError) as error:
        reason = first_line(error)
    raise UsageError(f"checkpoint {path} holds no training state to resume from: {reason}")


def weights_checksum(weights: Iterable[np.ndarray]) -> str:
    """SHA-256 of weights in their order, with their types and shapes."""
    digest = hashlib.sha256()
    for weight in weights:
        weight = np.ascontiguousarray(weight)
        digest.update(f"{weight.dtype} {weight.shape} ".encode())
        digest.update(weight.tobytes())
    return digest.hexdigest()


def _load(path):
    """`load_model`, of this file alone."""
    with reading(path, "checkpoint"):
        there, regular = path.exists(), path.is_file()
    if not regular:
        raise UsageError(f"checkpoint {path} {'is no file' if there else 'does not exist'}")
    with reading(path, "checkpoint", "is damaged or no Keras model"):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                _check_sizes(archive)
        model = keras.saving.load_model(path, safe_mode=True)
    if not isinstance(model, AutoregressiveModel):
        raise UsageError(
            f"checkpoint {path} holds a {type(model).__name__}, wanted a model of pcnnlib"
        )
    return model


def _check_sizes(archive):
    """Before any of it is read: JSON from a hostile file could fill the memory."""
    for member in archive.infolist():
        if member.filename.endswith(".json") and member.file_size > LARGEST_JSON:
            raise ValueError(
                f"{member.filename} has {member.file_size:,} bytes, "
                f"at most {LARGEST_JSON:,} are read"
            )


def _state_beside(folder):
    """The state that says which best weights a folder has, or None if nothing says so."""
    try:
        return read_state(folder / LAST) if (folder / LAST).is_file() else None
    except UnreadableError:
        raise
    except UsageError:  # to draw from sound weights, no other file need be sound
        return None


def _belongs(model, state):
    """Whether these are the best weights that a training state names."""
    if state.get("model") not in (None, architecture(model)):
        return False
    named = state.get("best_checksum")
    return named is None or named == weights_checksum(model.get_weights())
