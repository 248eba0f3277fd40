"""Three stages of training: the autoencoder, the prior of the top grid, that of the bottom."""

import dataclasses

import keras
import numpy as np
import pytest

import pcnnlib as pcnn
from pcnnlib import UsageError, training
from pcnnlib.training import files

CONFIG = pcnn.TrainConfig(epochs=2, batch_size=16, optimizer="adam")
FIRST = dataclasses.replace(CONFIG, epochs=1, flip=True)


class Killed(Exception):
    """What ends a training in the middle."""


class EndAfter(keras.callbacks.Callback):
    """Ends the stage that it is given to after an epoch."""

    def on_epoch_end(self, epoch, logs=None):
        raise Killed


@pytest.fixture(scope="module")
def data():
    digits = pcnn.load_dataset("digits")
    parts = {k: getattr(digits, k).take(32) for k in ("train", "validation", "test")}
    return dataclasses.replace(digits, **parts)


def make_model(code_grids=2):
    keras.utils.set_random_seed(1)
    autoencoder = pcnn.VectorQuantizedAutoencoder(
        (8, 8, 1),
        17,
        codes=8,
        code_size=2,
        filters=4,
        residual_blocks=1,
        downsample=4,
        code_grids=code_grids,
    )
    return pcnn.LatentPrior(autoencoder, 4, 1, condition=pcnn.Labels(10, 0.3))


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """A run that was never stopped: folder, model, history. Tests leave it as it is."""
    folder = tmp_path_factory.mktemp("finished")
    model = make_model()
    return folder, model, pcnn.train(model, data, FIRST, checkpoint_dir=folder, prior_config=CONFIG)


@pytest.mark.both_backends
def test_a_run_killed_in_any_stage_ends_with_the_same_weights(finished, data, tmp_path):
    folder, whole, history = finished
    options = {"checkpoint_dir": tmp_path, "prior_config": CONFIG}
    # Killed within the second stage, as if by a signal.
    model = make_model()
    training.train(model.autoencoder, data, FIRST, checkpoint_dir=tmp_path / training.AUTOENCODER)
    encoded = {k: model.encode(getattr(data, k).images) for k in ("train", "validation")}
    for one, other in zip(encoded["train"], whole.encode(data.train.images), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(Killed):
        pcnn.train(make_model(), data, FIRST, callbacks=[EndAfter()], **options)
    kept = training.read_state(tmp_path / training.TOP_PRIOR / files.LAST)
    assert kept["epoch"] == 2  # the callbacks are those of the last stage
    assert training.read_state(tmp_path / training.PRIOR / files.LAST)["epoch"] == 1
    assert not (tmp_path / files.BEST).exists()
    model = make_model()
    resumed = pcnn.train(model, data, FIRST, **options)
    for mine, other in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    names = ["loss", "val_loss", "top_prior_loss", "autoencoder_val_top_perplexity"]
    for name in [*names, "autoencoder_codes_used", "autoencoder_loss"]:
        assert resumed[name] == history[name]
        assert len(history[name]) == (1 if name.startswith("autoencoder") else 2), name
    loaded = pcnn.load_model(tmp_path / files.BEST)
    for mine, other in zip(loaded.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_the_bottoms_prior_is_trained_given_the_top_and_the_labels(finished, data):
    _, model, _ = finished
    codes = training.codes_of(model, data)
    top, bottom = model.encode(data.train.images)
    assert codes.levels == 8 and codes.image_shape == (2, 2, 1)
    np.testing.assert_array_equal(codes.train.images, bottom)
    np.testing.assert_array_equal(codes.train.conditions, model.given_top(top, data.train.labels))
    # What is reported is the loss of exactly that.
    batches = codes.validation.batches(32, condition=model.prior.condition)
    loss = model.prior.evaluate(batches, verbose=0)
    assert loss == pytest.approx(min(finished[2]["val_loss"]), rel=1e-5)


@pytest.mark.parametrize("grids", [1, 2])
def test_a_run_of_another_number_of_grids_is_not_continued(finished, data, tmp_path, grids):
    folder = finished[0]
    if grids == 2:
        folder = tmp_path
        first = make_model(1).autoencoder
        training.train(first, data, FIRST, checkpoint_dir=folder / training.AUTOENCODER)
    saved = {path: path.read_bytes() for path in folder.rglob("*.keras")}
    with pytest.raises(UsageError, match=f"a run with code_grids={3 - grids}, not {grids}: ch"):
        pcnn.train(make_model(grids), data, FIRST, checkpoint_dir=folder, prior_config=CONFIG)
    assert {path: path.read_bytes() for path in folder.rglob("*.keras")} == saved
