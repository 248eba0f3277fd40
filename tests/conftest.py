"""Settings of the whole suite, and what several modules build from.

Everything here is tiny (images of 3x3 to 8x8, 4 to 8 filters): compiling takes longer than
computing, and a property that holds for every pixel of a small image is checked at every pixel.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest

import pcnnlib as pcnn
from pcnnlib.data import load_dataset

HERE = pathlib.Path(__file__).parent
# What depends on the backend, and is run under JAX too.
BOTH_BACKENDS = (
    "distributions",
    "autoencoders",
    "conditions",
    "models",
    "sampling",
    "data",
    "analysis",
    "training",
)


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "both_backends: run under TensorFlow here and under JAX by test_jax.py"
    )
    # Keras's own, for each weight that it turns into an array under NumPy 2.
    config.addinivalue_line(
        "filterwarnings", "ignore:__array__ implementation doesn't accept:DeprecationWarning"
    )


def pytest_collection_finish(session):
    """Start the tests under JAX beside these: they take a minute, and a core of their own."""
    wanted = any(item.path.name == "test_jax.py" for item in session.items)
    if not wanted or session.config.option.collectonly or keras.backend.backend() == "jax":
        return
    session.config.jax_output = tempfile.TemporaryFile("w+")
    files = [HERE / f"test_{name}.py" for name in BOTH_BACKENDS]
    options = ["-m", "both_backends", "-p", "no:cacheprovider", "-q", "--durations=5"]
    session.config.jax_run = subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, *files],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        cwd=HERE.parent,
        stdout=session.config.jax_output,
        stderr=subprocess.STDOUT,
        text=True,
    )


def pytest_sessionfinish(session):
    process = getattr(session.config, "jax_run", None)
    if process is not None and process.poll() is None:
        process.kill()
        process.wait()


def pytest_collection_modifyitems(items):
    """Wait for the tests under JAX last of all."""
    items.sort(key=lambda item: item.path.name == "test_jax.py")


@pytest.fixture(autouse=True)
def own_global_seed():
    """Start every test from the same global seed, whichever tests ran before it."""
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def digits():
    return load_dataset("digits")


def write_npz(path, *, n=40, shape=(4, 4), levels=2, classes=3, seed=0, **replaced):
    """A small data set with something to learn: each image is noise around one of few patterns."""
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, levels, (classes, *shape))
    arrays = {}
    for part, count in (("train", n), ("test", max(4, n // 4))):
        labels = rng.integers(0, classes, count)
        noise = rng.integers(0, levels, (count, *shape))
        images = np.where(rng.random(noise.shape) < 0.2, noise, patterns[labels])
        arrays[f"x_{part}"] = images.astype("uint8")
        arrays[f"y_{part}"] = labels.astype("int64")
    arrays.update(replaced)
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    return path


@pytest.fixture
def npz(tmp_path):
    """Function that writes a small `.npz` data set and returns its path; see `write_npz`."""

    def write(name="own.npz", **options):
        return write_npz(tmp_path / name, **options)

    return write


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory):
    """40 binary images of 4x4, three classes."""
    return load_dataset(write_npz(tmp_path_factory.mktemp("data") / "tiny.npz"))


@pytest.fixture(scope="session")
def trained(tiny_data):
    """A gated model that has really learned something from `tiny_data`. Not to be changed."""
    keras.utils.set_random_seed(1)
    model = pcnn.GatedPixelCNN((4, 4, 1), levels=2, filters=8, blocks=3, first_kernel_size=5)
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    model.fit(tiny_data.train.batches(12, seed=0), epochs=12, verbose=0)
    return model
