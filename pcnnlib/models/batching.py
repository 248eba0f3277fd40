"""A function of arrays, batch by batch."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from pcnnlib._internal import backend
from pcnnlib._internal.errors import check_int


def in_batches(
    model: Any, name: Any, function: Callable, batch_size: int, *arrays: np.ndarray
) -> Any:
    """What a function makes of arrays: an array, or a tuple of arrays where it returns several.

    Args:
        model: keeps what was compiled, by `name`.
        name: of the function.
        function: of tensors with `batch_size` rows; every row of its result depends on one row.
        batch_size: rows at once; the last batch is filled up.
        arrays: all with the same number of rows, which may be none.
    """
    n = len(arrays[0])
    batch_size = min(check_int("batch_size", batch_size, 1), max(n, 1))
    compiled = backend.compiled_once(model, (name, batch_size), function, xla=False)
    parts = []
    for first in range(0, max(n, 1), batch_size):
        if not n:  # the shape of a result of no rows
            index = np.zeros(batch_size, int)
            batch = [np.zeros((batch_size, *a.shape[1:]), a.dtype) for a in arrays]
        else:
            index = np.minimum(np.arange(first, first + batch_size), n - 1)
            batch = [a[index] for a in arrays]
        found = compiled(*(ops.convert_to_tensor(values) for values in batch))
        found = keras.tree.map_structure(ops.convert_to_numpy, found)
        parts.append(keras.tree.map_structure(lambda rows, n=n - first: rows[:n], found))
    return keras.tree.map_structure(lambda *each: np.concatenate(each), *parts)
