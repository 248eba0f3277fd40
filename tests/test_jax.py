"""The other backend: the tests that depend on it, run again in a process under JAX.

The process is started when the session begins, by conftest.py; here it is waited for.
"""

import importlib.util

import keras
import pytest


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() == "jax", reason="these tests run under JAX already")
@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="JAX is not installed")
def test_the_same_properties_hold_under_jax(pytestconfig):
    code = pytestconfig.jax_run.wait(timeout=900)
    pytestconfig.jax_output.seek(0)
    output = pytestconfig.jax_output.read()
    print(output)
    assert code == 0, output[-20_000:]
    assert " passed" in output
