"""Two stages of training: each resumed by itself, and both saved as one model."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest

import pcnnlib as pcnn
from pcnnlib import UsageError, training
from pcnnlib.training import files

CONFIG = pcnn.TrainConfig(epochs=2, batch_size=16, optimizer="adam", ema=0.5)

# The codes of mirrored images are none of the second stage's.
FIRST = dataclasses.replace(CONFIG, epochs=3, flip=True)


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


def make_model(dropout=0.3):
    keras.utils.set_random_seed(1)
    autoencoder = pcnn.VectorQuantizedAutoencoder(
        (8, 8, 1), 17, codes=8, code_size=2, filters=4, residual_blocks=1, downsample=4
    )
    return pcnn.LatentPrior(autoencoder, 4, 1, condition=pcnn.Labels(10, dropout))


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """A run that was never stopped: folder, model, history. Tests leave it as it is."""
    folder = tmp_path_factory.mktemp("finished")
    model = make_model()
    return folder, model, pcnn.train(model, data, FIRST, checkpoint_dir=folder, prior_config=CONFIG)


def test_both_stages_are_trained_and_saved_as_one_model(finished, data):
    folder, model, history = finished
    for name in ("loss", "val_loss", "autoencoder_loss", "autoencoder_val_perplexity"):
        assert len(history[name]) == (3 if name.startswith("autoencoder") else 2), name
    loaded = pcnn.load_model(folder / files.BEST)
    assert pcnn.evaluate(loaded, data.test) == pcnn.evaluate(model, data.test)
    # The second stage's data are the codes of the first.
    codes = training.codes_of(model, data)
    assert codes.levels == 8 and codes.image_shape == (2, 2, 1) and codes.classes == 10
    np.testing.assert_array_equal(codes.train.images, model.encode(data.train.images))
    np.testing.assert_array_equal(codes.train.labels, data.train.labels)


@pytest.mark.both_backends
def test_a_run_killed_in_either_stage_ends_with_the_same_weights(finished, data, tmp_path):
    _, whole, history = finished
    options = {"checkpoint_dir": tmp_path, "prior_config": CONFIG}
    model = make_model()
    # Killed after the first epoch of the first stage, as if by a signal.
    stage = training.AUTOENCODER
    with pytest.raises(Killed):
        training.train(
            model.autoencoder, data, FIRST, checkpoint_dir=tmp_path / stage, callbacks=[EndAfter()]
        )
    model = make_model()
    with pytest.raises(Killed):
        training.train(model, data, FIRST, callbacks=[EndAfter()], **options)
    assert not (tmp_path / files.BEST).exists()
    model = make_model()
    resumed = training.train(model, data, FIRST, **options)
    for mine, other in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)
    for name in ("loss", "autoencoder_loss", "autoencoder_codes_used"):
        assert resumed[name] == history[name]


def test_what_another_run_has_saved_is_not_lost(finished, data, tmp_path):
    folder, _, _ = finished
    other = dataclasses.replace(FIRST, batch_size=8)
    with pytest.raises(UsageError, match="batch_size=16, not 8"):
        pcnn.train(make_model(), data, other, checkpoint_dir=folder)
    with pytest.raises(UsageError, match=r"prior.*is of a run with condition=.*0\.3.*not .*0\.4"):
        pcnn.train(make_model(0.4), data, FIRST, checkpoint_dir=folder, prior_config=CONFIG)
    model = pcnn.GatedPixelCNN((8, 8, 1), 17, 4, 1)
    model.save(tmp_path / files.BEST)
    with pytest.raises(UsageError, match="holds a GatedPixelCNN, which would be lost"):
        pcnn.train(make_model(), data, CONFIG, checkpoint_dir=tmp_path)
    training.save(model, tmp_path / "one" / files.LAST)
    with pytest.raises(UsageError, match="is of a run in one stage"):
        pcnn.train(make_model(), data, CONFIG, checkpoint_dir=tmp_path / "one")


@pytest.mark.parametrize("removed", ["autoencoder", "prior"])
def test_a_result_whose_stages_were_removed_is_not_lost(finished, data, tmp_path, removed):
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    saved = (tmp_path / files.BEST).read_bytes()
    shutil.rmtree(tmp_path / removed)
    with pytest.raises(UsageError, match=f"would be lost, since there is no {removed}/last.keras"):
        pcnn.train(make_model(), data, FIRST, checkpoint_dir=tmp_path, prior_config=CONFIG)
    assert (tmp_path / files.BEST).read_bytes() == saved and not (tmp_path / removed).exists()


def test_a_folder_in_which_nothing_was_trained_is_trained_in_later(data, tmp_path):
    options = {"checkpoint_dir": tmp_path, "prior_config": dataclasses.replace(CONFIG, epochs=0)}
    pcnn.train(make_model(), data, dataclasses.replace(FIRST, epochs=0), **options)
    assert not list(tmp_path.rglob("*.keras"))


def test_an_autoencoder_whose_codes_a_prior_has_learnt_is_trained_no_further(
    finished, data, tmp_path
):
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.keras")}
    options = {"checkpoint_dir": tmp_path, "prior_config": CONFIG}
    longer = dataclasses.replace(FIRST, epochs=4)
    with pytest.raises(UsageError, match="epochs must be 3 for the autoencoder, got 4: .*prior"):
        pcnn.train(make_model(), data, longer, **options)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.keras")} == before
    # The prior alone goes on.
    options["prior_config"] = dataclasses.replace(CONFIG, epochs=3)
    history = pcnn.train(make_model(), data, FIRST, **options)
    assert len(history["loss"]) == 3 and len(history["autoencoder_loss"]) == 3
    (tmp_path / files.BEST).unlink()
    shutil.rmtree(tmp_path / "autoencoder")
    with pytest.raises(UsageError, match="is of a prior whose autoencoder is gone"):
        pcnn.train(make_model(), data, FIRST, **options)


def test_mistakes_about_the_second_stage_are_named_before_the_first(data, tmp_path, monkeypatch):
    model = make_model()
    monkeypatch.setattr(model.autoencoder, "fit", lambda *a, **k: pytest.fail("was trained"))
    unlabelled = data.redrawn(lambda split: split.images, name="unlabelled", levels=17)
    for split in ("train", "validation"):
        unlabelled = dataclasses.replace(
            unlabelled, **{split: dataclasses.replace(getattr(unlabelled, split), labels=None)}
        )
    with pytest.raises(UsageError, match="the data has no labels"):
        pcnn.train(model, unlabelled, CONFIG, checkpoint_dir=tmp_path)
    with pytest.raises(UsageError, match="callbacks must be"):
        pcnn.train(model, data, CONFIG, checkpoint_dir=tmp_path, callbacks=[3])
    assert not list(tmp_path.rglob("*.keras"))


def test_settings_of_a_second_stage_that_there_is_not_are_refused(data):
    model = pcnn.GatedPixelCNN((8, 8, 1), 17, 4, 1)
    with pytest.raises(UsageError, match="prior_config is for a LatentPrior, not for a GatedPix"):
        pcnn.train(model, data, CONFIG, prior_config=CONFIG)
    with pytest.raises(UsageError, match="prior_config must be a TrainConfig, got dict"):
        pcnn.train(make_model(), data, CONFIG, prior_config={})
