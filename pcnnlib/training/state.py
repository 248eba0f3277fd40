"""What a training state must be for a run to be resumed from it, since any file may hold one."""

import dataclasses
import math
import re
from typing import Any

from pcnnlib._internal.errors import UsageError
from pcnnlib.training.config import TrainConfig

# One entry an epoch; whatever else is in the history is its owner's.
LOSSES = ("loss", "val_loss", "seconds")


def checked_state(state: Any) -> dict:
    """A training state in today's form.

    Raises:
        ValueError: it is none, or of a run that diverged; the message says where.
    """
    _want(isinstance(state, dict), "it is no dict")
    if isinstance(state.get("run"), dict):
        state = _in_todays_form(state)
    for name, kind in {"epoch": int, "history": dict, "random": list, "training": dict}.items():
        _want(type(state.get(name)) is kind, f"{name} is no {kind.__name__}")
    epoch = state["epoch"]
    _want(epoch >= 1, f"epoch is {epoch}")
    for name in LOSSES:
        values = state["history"].get(name)
        _want(isinstance(values, list), f"history holds no list of {name}")
        _want(len(values) == epoch, f"history holds {name} of {len(values)} epochs, not {epoch}")
        _want(all(map(_is_number, values)), f"a {name} is no number")
        for number, value in enumerate(values, 1):
            _want(math.isfinite(value), f"the run diverged, in epoch {number} {name} is {value}")
    _want(min(state["history"]["seconds"]) >= 0, "an epoch took less than no time")
    for name in ("data_checksum", "backend"):
        _want(isinstance(state.get(name), (str, type(None))), f"{name} is no text")
    _want(isinstance(state.get("model"), (dict, type(None))), "model is no dict")
    named = state.get("best_checksum")
    known = isinstance(named, str) and re.fullmatch("[0-9a-f]{64}", named)
    _want(named is None or known, "best_checksum is no checksum")
    _check_starts(state.get("starts", []), epoch)
    # A run saved before a field existed was trained with what is now its default.
    defaults = {field.name: field.default for field in dataclasses.fields(TrainConfig)}
    unknown = state["training"].keys() - defaults.keys()
    _want(not unknown, f"training has no field {min(unknown, default='')!r}")
    try:
        config = TrainConfig(**{**defaults, **state["training"]})
    except UsageError as error:
        raise ValueError(f"training: {error}") from None
    return {**state, "training": dataclasses.asdict(config)}


def _want(fits, problem):
    if not fits:
        raise ValueError(problem)


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_starts(starts, epoch):
    _want(isinstance(starts, list), "starts is no list")
    for start in starts:
        _want(isinstance(start, dict), "a start is no dict")
        began = start.get("epoch")
        _want(type(began) is int and 0 <= began < epoch, f"a start is at epoch {began!r}")


def _in_todays_form(state):
    """A state from before version 0.2, whose configuration mixed network and training.

    A run saved before a field existed was trained with what is now its default; but before
    `weight_decay` existed, without any. The architecture is that of the model in the file.
    """
    run, config = {"weight_decay": 0.0, **state["run"]}, state.get("config", {})
    _want(isinstance(config, dict), "config is no dict")
    training = {f.name: run.get(f.name, f.default) for f in dataclasses.fields(TrainConfig)}
    training["epochs"] = config.get("epochs", training["epochs"])
    others = {name: run.get(name) for name in ("data_checksum", "backend")}
    return {**state, "training": training, **others}
