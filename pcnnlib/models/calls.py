"""What Keras's own methods are called with: arguments by name, callbacks, weights, arrays."""

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from pcnnlib._internal.errors import UsageError, as_array, short


def as_callbacks(callbacks: Any) -> list:
    """Return the callbacks that `fit` was given as a list, or raise `UsageError`."""
    if callbacks is None or isinstance(callbacks, keras.callbacks.Callback):
        return [] if callbacks is None else [callbacks]
    if not isinstance(callbacks, (list, tuple)):
        raise UsageError(f"callbacks must be a list of Keras callbacks, got {short(callbacks)}")
    return list(callbacks)


def arguments_by_name(method: Callable, args: tuple, kwargs: dict) -> dict:
    """The arguments of a call by name, as Keras's own method takes them."""
    try:
        call = inspect.signature(method).bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{method.__name__}() {error}") from None
    return {**{k: v for k, v in call.arguments.items() if k != "kwargs"}, **call.kwargs}


def is_arrays(x: Any) -> bool:
    """Whether these are arrays or tensors, as Keras takes them; else it is a stream."""
    parts = x if isinstance(x, (tuple, list)) else (x,)
    return all(ops.is_tensor(part) or hasattr(part, "__array__") for part in parts)


def check_weights(weights: Any, n: int) -> None:
    """Raise `UsageError` unless weights are None or a finite number >= 0 for each of n images."""
    if weights is None:
        return
    values = as_numpy("sample_weight", weights)
    if values.dtype.kind not in "fiub" or values.shape != (n,):
        raise UsageError(
            f"sample_weight must be numbers of shape ({n},), one per image, "
            f"got {values.dtype} {values.shape}"
        )
    values = values.astype("float64")
    wrong = values[~(np.isfinite(values) & (values >= 0))]
    if wrong.size:
        raise UsageError(f"sample_weight must be finite numbers >= 0, got {wrong[0]}")


def targets_or_weights(y: Any, weights: Any) -> Any:
    """Targets for Keras, which drops weights where there are none. No loss reads them."""
    return weights if y is None else y


def number_of_rows(values: Any) -> int | None:
    """How many rows an array or a tensor has; None where that is not known yet."""
    try:
        return tuple(values.shape)[0]
    except (AttributeError, IndexError, TypeError, ValueError):
        return None


def as_numpy(name: str, values: Any) -> np.ndarray:
    """Return an array or a tensor as an array, or raise `UsageError`."""
    return ops.convert_to_numpy(values) if ops.is_tensor(values) else as_array(name, values)
