"""A function batch by batch."""

import types

import numpy as np
import pytest

from pcnnlib import UsageError
from pcnnlib._internal import backend
from pcnnlib.models.batching import in_batches


@pytest.mark.both_backends
@pytest.mark.parametrize("n", [0, 1, 5, 8])
def test_it_is_what_the_function_makes_of_all_rows(n):
    model = types.SimpleNamespace(compiled_functions=backend.CompiledFunctions(), variables=[])
    x, y = np.arange(3.0 * n, dtype="float32").reshape(n, 3), np.ones((n, 2), "float32")
    one = in_batches(model, "one", lambda x, y: x[:, :2] + y, 4, x, y)
    np.testing.assert_array_equal(one, x[:, :2] + y)
    several = in_batches(model, "several", lambda x, y: (x * 2, y), 4, x, y)
    for found, expected in zip(several, (x * 2, y), strict=True):
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(UsageError, match="batch_size must be an integer >= 1, got 0"):
        in_batches(model, "one", lambda x: x, 0, x)
