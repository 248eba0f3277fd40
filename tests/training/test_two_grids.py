"""Three stages of training: the autoencoder, the prior of the top grid, that of the bottom."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest

import pcnnlib as pcnn
from pcnnlib import UsageError, training
from pcnnlib.training import files

CONFIG = pcnn.TrainConfig(epochs=1, batch_size=16, optimizer="adam")
FIRST = dataclasses.replace(CONFIG, flip=True)


class Trained(keras.callbacks.Callback):
    """Which models it saw trained."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_begin(self, logs=None):
        self.seen.append(self.model)


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
        residual_blocks=0,
        code_grids=code_grids,
    )
    return pcnn.LatentPrior(autoencoder, 4, 1, condition=pcnn.Labels(10, 0.3))


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """A run that was never stopped: folder, model, history. Tests leave it as it is."""
    folder = tmp_path_factory.mktemp("finished")
    model, watcher = make_model(), Trained()
    options = {"checkpoint_dir": folder, "prior_config": CONFIG, "callbacks": [watcher]}
    history = pcnn.train(model, data, FIRST, **options)
    assert watcher.seen == [model.prior]  # the last stage alone
    return folder, model, history


@pytest.mark.both_backends
def test_a_run_killed_between_stages_ends_with_the_same_weights(finished, data, tmp_path):
    folder, whole, history = finished
    for stage in (training.AUTOENCODER, training.TOP_PRIOR):
        shutil.copytree(folder / stage, tmp_path / stage)
    model = make_model()
    resumed = pcnn.train(model, data, FIRST, checkpoint_dir=tmp_path, prior_config=CONFIG)
    for mine, other in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    names = ["loss", "val_loss", "top_prior_loss", "autoencoder_val_top_perplexity"]
    for name in [*names, "autoencoder_top_codes_used", "autoencoder_val_loss"]:
        assert resumed[name] == history[name] and len(history[name]) == 1, name
    loaded = pcnn.load_model(tmp_path / files.BEST)
    for mine, other in zip(loaded.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_the_bottoms_prior_is_trained_given_the_top_and_the_labels(finished, data):
    _, model, _ = finished
    codes = training.codes_of(model, data)
    top, bottom = model.encode(data.train.images)
    assert codes.levels == 8 and codes.image_shape == (4, 4, 1)
    np.testing.assert_array_equal(codes.train.images, bottom)
    np.testing.assert_array_equal(codes.train.conditions, model.given_top(top, data.train.labels))
    # What is reported is the loss of exactly that.
    images, given = codes.validation.images, codes.validation.conditions
    logs = model.prior.distribution.log_likelihood(model.prior((images, given)), images)
    nats = -keras.ops.convert_to_numpy(logs).sum() / len(images)
    assert nats == pytest.approx(min(finished[2]["val_loss"]), rel=1e-5)


@pytest.mark.parametrize("grids", [1, 2])
def test_a_run_of_another_number_of_grids_is_not_continued(finished, data, tmp_path, grids):
    folder = finished[0]
    if grids == 2:
        one = make_model(1).autoencoder
        one.compile(optimizer=training.make_optimizer(FIRST, 2, one.trainable_variables))
        one.optimizer.build(one.trainable_variables)
        state = training.read_state(folder / training.AUTOENCODER / files.LAST)
        state["model"] = pcnn.models.architecture(one)
        folder = tmp_path
        training.save(one, folder / training.AUTOENCODER / files.LAST, state=state)
    saved = {path: path.read_bytes() for path in folder.rglob("*.keras")}
    with pytest.raises(UsageError, match=f"a run with code_grids={3 - grids}, not {grids}: ch"):
        pcnn.train(make_model(grids), data, FIRST, checkpoint_dir=folder, prior_config=CONFIG)
    assert {path: path.read_bytes() for path in folder.rglob("*.keras")} == saved
