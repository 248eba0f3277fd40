"""Training a model with attention: a resumed run ends as it should, and is told from others."""

import shutil

import keras
import numpy as np
import pytest
from training.small_runs import train_small

from pcnnlib import UsageError


def test_a_run_with_attention_stopped_and_resumed_ends_as_if_never_stopped(tiny_data, tmp_path):
    class Copy(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                shutil.copytree(tmp_path / "whole", tmp_path / "stopped")

    options = {"network": {"attention": (1,)}, "epochs": 2}
    whole, expected = train_small(tiny_data, tmp_path / "whole", callbacks=[Copy()], **options)
    resumed, history = train_small(tiny_data, tmp_path / "stopped", **options)
    assert history["loss"] == expected["loss"] and len(history["loss"]) == 2
    for a, b in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    # In either direction, the folder is of another network.
    for network in ({}, {"attention": (2,)}):
        message = rf"is of a run with attention=\[1\], not \[{'2' if network else ''}\]: choose"
        with pytest.raises(UsageError, match=message):
            train_small(tiny_data, tmp_path / "whole", network=network, epochs=2)


def test_a_folder_without_attention_is_not_continued_with_it(tiny_data, finished):
    with pytest.raises(UsageError, match=r"is of a run with attention=\[\], not \[1\]: choose"):
        train_small(tiny_data, finished[2], network={"attention": (1,)}, ema=0.9, epochs=9)
