"""Runs that several of these modules look at."""

import shutil

import keras
import pytest
from support import write_npz
from training.small_runs import COLOUR, COLOUR_TRAINING, train_small

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


@pytest.fixture(scope="session")
def colour_run(colour_data, tmp_path_factory):
    """A finished run by a mixture: `(model, history, folder)`. Not to be changed.

    The folder holds what the run would have left if it had been stopped before its last epoch.
    """
    folder = tmp_path_factory.mktemp("colour")

    class Copy(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                shutil.copytree(folder / "whole", folder / "stopped")

    options = {"network": COLOUR, "callbacks": [Copy()], **COLOUR_TRAINING}
    model, history = train_small(colour_data, folder / "whole", **options)
    return model, history, folder / "stopped"
