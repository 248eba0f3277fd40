"""Training a model of several orders: a batch is a batch, and a resumed run ends as it should."""

import shutil

import keras
import numpy as np
import pytest
from training.small_runs import train_small

import pcnnlib as pcnn
from pcnnlib import UsageError, training


@pytest.mark.both_backends
def test_a_run_in_several_orders_stopped_and_resumed_ends_as_if_never_stopped(tiny_data, tmp_path):
    """Bitwise, with dropout and averaged weights; its validation is of one order an image."""

    class Copy(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                shutil.copytree(tmp_path / "whole", tmp_path / "stopped")

    options = {"network": {"orders": 8, "dropout": 0.1}, "ema": 0.5, "epochs": 3}
    whole, expected = train_small(tiny_data, tmp_path / "whole", callbacks=[Copy()], **options)
    resumed, history = train_small(tiny_data, tmp_path / "stopped", **options)
    for name in ("loss", "val_loss"):
        assert history[name] == expected[name] and len(history[name]) == 3
    for a, b in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    images = tiny_data.validation.images
    nats = -whole.log_likelihood(images, order=np.arange(len(images)) % 8).mean()
    assert nats == pytest.approx(min(history["val_loss"]), rel=1e-5)
    loaded = pcnn.load_model(tmp_path / "whole" / training.BEST)
    order = {"order": "mixture"}
    np.testing.assert_array_equal(
        loaded.log_likelihood(images, **order), whole.log_likelihood(images, **order)
    )
    # In either direction, the folder is of another network.
    for orders in (1, 4):
        other = {**options, "network": {**options["network"], "orders": orders}}
        with pytest.raises(UsageError, match=f"is of a run with orders=8, not {orders}: choose"):
            train_small(tiny_data, tmp_path / "whole", **other)


def test_a_folder_of_one_order_is_not_continued_in_several(tiny_data, finished):
    with pytest.raises(UsageError, match="is of a run with orders=1, not 2: choose"):
        train_small(tiny_data, finished[2], network={"orders": 2}, ema=0.9, epochs=9)
