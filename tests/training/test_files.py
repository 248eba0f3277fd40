"""Checkpoint files: damage is named in one line, no code in them is run, none is half written."""

import dataclasses
import json
import pathlib
import shutil
import zipfile

import keras
import numpy as np
import pytest
from support import gated, random_images
from training.drivers import exit_code, save_to_a_full_disk, start
from training.small_runs import train_small

import pcnnlib as pcnn
from pcnnlib import training

pytestmark = [pytest.mark.robustness, pytest.mark.slow]


def another_model(path):
    """A model of Keras's own, saved."""
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(path)


def write_state(path, state):
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(training.STATE, state)


def spoil(path, kind):
    """Damage a checkpoint, or put something else where it was."""
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        state = archive.read(training.STATE) if training.STATE in archive.namelist() else b""
        weights = archive.getinfo("model.weights.h5").header_offset
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(whole[: len(whole) * 2 // 3])
    elif kind == "text":
        path.write_text("not a checkpoint")
    elif kind == "flipped":
        # In the middle of the weights, which a checksum guards.
        at = weights + 2000
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("hello.txt", "hello")
    elif kind == "no state":
        gated().save(path)
    elif kind == "state of a list":
        gated().save(path)
        write_state(path, json.dumps([1, 2]))
    elif kind == "state without training":
        gated().save(path)
        write_state(path, json.dumps({**json.loads(state), "training": None}))
    elif kind == "folder":
        path.unlink()
        path.mkdir()
    elif kind == "foreign model":
        another_model(path)
        write_state(path, state)


SPOILT = ["empty", "truncated", "text", "flipped", "zip", "folder"]
FOREIGN = ["no state", "state of a list", "state without training", "foreign model"]


@pytest.mark.parametrize("kind", [*SPOILT, *FOREIGN])
def test_damaged_or_foreign_checkpoints_are_refused(tiny_data, finished, tmp_path, kind):
    shutil.copytree(finished[2], tmp_path, dirs_exist_ok=True)
    spoil(tmp_path / training.LAST, kind)
    best = (tmp_path / training.BEST).read_bytes()
    with pytest.raises(pcnn.UsageError, match=training.LAST) as raised:
        train_small(tiny_data, tmp_path, ema=0.9)
    assert "\n" not in str(raised.value)
    assert (tmp_path / training.BEST).read_bytes() == best


@pytest.mark.parametrize("kind", SPOILT)
def test_damaged_models_are_not_loaded(finished, tmp_path, kind):
    path = tmp_path / "model.keras"
    shutil.copy(finished[2] / training.BEST, path)
    spoil(path, kind)
    with pytest.raises(pcnn.UsageError, match="checkpoint .*model.keras") as raised:
        pcnn.load_model(path)
    assert "\n" not in str(raised.value)


def test_models_of_another_kind_are_not_loaded(tmp_path):
    another_model(tmp_path / "other.keras")
    with pytest.raises(pcnn.UsageError, match="holds a Sequential, wanted a model of pcnnlib"):
        pcnn.load_model(tmp_path / "other.keras")


def test_code_hidden_in_a_model_is_not_run(tmp_path):
    trace = tmp_path / "it ran"
    path = tmp_path / "lambda.keras"

    def touch(x):
        open(trace, "w").close()
        return x

    keras.Sequential([keras.Input((3,)), keras.layers.Lambda(touch)]).save(path)
    assert trace.exists()  # it runs when the model is made, and would when it is loaded
    trace.unlink()
    with pytest.raises(pcnn.UsageError, match="is damaged or no Keras model"):
        pcnn.load_model(path)
    assert not trace.exists()


def test_a_missing_checkpoint_is_one_line(tmp_path):
    with pytest.raises(pcnn.UsageError, match="checkpoint .*none.keras does not exist"):
        pcnn.load_model(tmp_path / "none.keras")
    for path in (None, 3, ""):
        with pytest.raises(pcnn.UsageError, match=f"path must be a path, got {path!r}"):
            pcnn.load_model(path)


def test_saved_model_gives_the_same_likelihoods(finished, tmp_path):
    model, _, _ = finished
    training.save(model, tmp_path / "a.keras")
    images = random_images(5, (4, 4, 1), 2)
    copy = pcnn.load_model(tmp_path / "a.keras")
    np.testing.assert_array_equal(copy.log_likelihood(images), model.log_likelihood(images))


# ---------------------------------------------------------------- saving in one step


@pytest.mark.slow
def test_a_full_disk_leaves_the_old_file_and_is_named_in_one_line(tmp_path):
    """A real limit on the size of files, in a process of its own."""
    path = tmp_path / "last.keras"
    settings = dataclasses.asdict(pcnn.TrainConfig())
    history = {"loss": [2.0], "val_loss": [2.5], "seconds": [0.1]}
    state = {"epoch": 1, "history": history, "random": [], "training": settings}
    training.save(gated(filters=16), path, state=state)
    before = path.read_bytes()
    assert exit_code(start(save_to_a_full_disk, path)) == 0
    assert path.read_bytes() == before
    assert training.read_state(path) == state
    assert [p.name for p in tmp_path.iterdir()] == ["last.keras"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("HDF5\nx")])
def test_failed_save_leaves_the_old_file_and_no_scratch(tmp_path, monkeypatch, error):
    path = tmp_path / "model.keras"
    model = gated()
    training.save(model, path)
    before = path.read_bytes()

    def fail(self, filepath, **kwargs):
        pathlib.Path(filepath).write_bytes(b"half")
        raise error

    monkeypatch.setattr(type(model), "save", fail)
    with pytest.raises(pcnn.UsageError, match="model.keras cannot be written") as raised:
        training.save(model, path)
    assert "\n" not in str(raised.value)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.keras"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_run_saved_before_a_setting_existed_had_its_default(finished, tmp_path):
    path = tmp_path / training.LAST
    path.write_bytes((finished[2] / training.LAST).read_bytes())
    state = training.read_state(path)
    assert state["training"]["flip"] is False
    earlier = {name: value for name, value in state["training"].items() if name != "flip"}
    write_state(path, json.dumps({**state, "training": earlier}))
    assert training.read_state(path) == state
