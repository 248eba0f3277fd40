"""Runs that several of these modules look at."""

import pytest
from support import write_npz
from training.small_runs import train_small

import pcnnlib as pcnn


@pytest.fixture(scope="session")
def finished(tiny_data, tmp_path_factory):
    """A finished run with averaged weights: `(model, history, folder)`. Not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    model, history = train_small(tiny_data, folder, ema=0.9, provenance={"machine": "a"})
    return model, history, folder


@pytest.fixture(scope="session")
def colour_data(tmp_path_factory):
    """40 images of 4x4 in three channels, 256 levels, three classes."""
    path = tmp_path_factory.mktemp("data") / "colour.npz"
    return pcnn.load_dataset(write_npz(path, shape=(4, 4, 3), levels=256))
