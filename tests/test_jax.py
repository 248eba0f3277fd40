"""The other backend: the tests that depend on it, run again in a process under JAX."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import keras
import pytest

HERE = pathlib.Path(__file__).parent
MODULES = ["distributions", "conditions", "models", "sampling", "data", "analysis", "training"]


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() == "jax", reason="these tests run under JAX already")
@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="JAX is not installed")
def test_the_same_properties_hold_under_jax(tmp_path):
    files = [str(HERE / f"test_{name}.py") for name in MODULES]
    chosen = ["-m", "both_backends", "-p", "no:cacheprovider", "-q", "--durations=5"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *chosen, f"--basetemp={tmp_path / 'jax'}", *files],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert " passed" in done.stdout
    print(done.stdout)
