"""A folder of checkpoints holds files that belong together, and one training at a time."""

import errno
import json
import os
import shutil
import zipfile

import keras
import numpy as np
import pytest
from training import small_runs
from training.small_runs import contents, small_network

import pcnnlib as pcnn
from pcnnlib import training
from pcnnlib._internal.files import UnreadableError
from pcnnlib.training import checkpoints, files

pytestmark = [pytest.mark.robustness, pytest.mark.slow]


def train_small(*args, **options):
    """By Adam: Muon takes longer to compile."""
    return small_runs.train_small(*args, **{"optimizer": "adam", **options})


class Ruin(keras.callbacks.Callback):
    """Makes the weights of the third epoch worse, so that the best are not the last."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            self.model.set_weights([w + 3.0 for w in self.model.get_weights()])


OPTIONS = {"ema": 0.0, "epochs": 3}


@pytest.fixture(scope="module")
def falling(tiny_data, tmp_path_factory):
    """A finished run whose last epoch is its best: `(model, folder)`. Not to be changed."""
    folder = tmp_path_factory.mktemp("falling")
    model, history = train_small(tiny_data, folder, **OPTIONS)
    assert np.argmin(history["val_loss"]) == 2
    return model, folder


@pytest.fixture(scope="module")
def rising(tiny_data, tmp_path_factory):
    """A finished run whose last epoch is not its best: `(model, folder)`. Not to be changed."""
    folder = tmp_path_factory.mktemp("rising")
    model, history = train_small(tiny_data, folder, callbacks=[Ruin()], **OPTIONS)
    assert np.argmin(history["val_loss"]) < 2
    return model, folder


@pytest.fixture
def stored(falling, rising, tmp_path):
    """Function that copies a finished run, and returns `(model, folder)` that may be changed."""

    def stored(kind):
        model, folder = {"falling": falling, "rising": rising}[kind]
        shutil.copytree(folder, tmp_path / "run")
        return model, tmp_path / "run"

    return stored


def refused(message, function, *args, **options):
    with pytest.raises(pcnn.UsageError, match=message) as raised:
        function(*args, **options)
    assert "\n" not in str(raised.value)
    return raised.value


def assert_same_weights(model, other):
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


# ---------------------------------------------------------------- the best weights


def spoil_best(folder, kind, data):
    path = folder / training.BEST
    if kind == "missing":
        path.unlink()
    elif kind == "damaged":
        path.write_bytes(path.read_bytes()[:3000])
    elif kind == "other weights":
        training.save(small_network(data, seed=5), path)
    elif kind == "another shape":
        training.save(small_network(data, filters=6), path)
    elif kind == "other pixels":  # the same weights in another network
        model = pcnn.load_model(path)
        other = small_network(data, dilations=(2,))
        other.set_weights(model.get_weights())
        training.save(other, path)


SPOILT = ["missing", "damaged", "other weights", "another shape", "other pixels"]


@pytest.mark.parametrize("kind", SPOILT)
def test_other_weights_than_the_best_of_a_run_are_never_used(tiny_data, stored, kind):
    _, folder = stored("rising")
    spoil_best(folder, kind, tiny_data)
    before = contents(folder)
    message = (
        f"best.keras.*({'does not exist' if kind == 'missing' else 'damaged|does not belong'})"
    )
    refused(message, train_small, tiny_data, folder, **OPTIONS)
    refused(message, pcnn.load_model, folder / training.BEST)
    assert contents(folder) == before


@pytest.mark.parametrize("kind", SPOILT)
def test_the_best_weights_are_brought_back_where_the_last_epoch_has_them(tiny_data, stored, kind):
    expected, folder = stored("falling")
    spoil_best(folder, kind, tiny_data)
    model, history = train_small(tiny_data, folder, **OPTIONS)
    assert_same_weights(model, expected)
    assert_same_weights(pcnn.load_model(folder / training.BEST), expected)
    assert contents(folder).keys() == {training.BEST, training.LAST}


@pytest.mark.parametrize("kind", ["falling", "rising"])
def test_a_run_that_was_killed_before_its_best_weights_were_in_place_has_them(
    tiny_data, stored, kind
):
    expected, folder = stored(kind)
    os.replace(folder / training.BEST, folder / files.NEXT)
    training.save(small_network(tiny_data), folder / training.BEST)  # as it was before
    assert_same_weights(pcnn.load_model(folder / training.BEST), expected)
    model, _ = train_small(tiny_data, folder, **OPTIONS)
    assert_same_weights(model, expected)
    assert contents(folder).keys() == {training.BEST, training.LAST}
    assert_same_weights(pcnn.load_model(folder / training.BEST), expected)


def test_best_weights_alone_are_not_written_over(tiny_data, stored):
    model, folder = stored("falling")
    (folder / training.LAST).unlink()
    before = contents(folder)
    refused("best.keras would be lost", train_small, tiny_data, folder, **OPTIONS)
    assert contents(folder) == before
    assert_same_weights(pcnn.load_model(folder / training.BEST), model)


# ---------------------------------------------------------------- the training state


def changed(*path, to):
    """Function that sets a value deep in a state."""

    def change(state):
        *first, last = path
        for key in first:
            state = state[key]
        state[last] = to

    return change


def without(*path):
    def change(state):
        *first, last = path
        for key in first:
            state = state[key]
        del state[last]

    return change


MALFORMED = {
    "a list": "[1, 2]",
    "a text": '"state"',
    "null": "null",
    "no JSON": "{",
    "no UTF-8": b"\xff\xfe\xfd",
    "nested": "[" * 200_000 + "]" * 200_000,
    "nested within": '{"epoch": ' + '{"a":' * 200_000 + "1" + "}" * 200_001,
    "a number of 5000 digits": '{"epoch": ' + "9" * 5000 + "}",
    "epoch of 10^9": changed("epoch", to=10**9),
    "epoch too small": changed("epoch", to=1),
    "epoch of zero": changed("epoch", to=0),
    "negative epoch": changed("epoch", to=-3),
    "epoch a text": changed("epoch", to="3"),
    "epoch a fraction": changed("epoch", to=3.0),
    "epoch true": changed("epoch", to=True),
    "epoch NaN": changed("epoch", to=float("nan")),
    "no epoch": without("epoch"),
    "history shorter": changed("history", "val_loss", to=[1.0, 1.0]),
    "history of nothing": changed("history", to={}),
    "history a list": changed("history", to=[1.0]),
    "losses no list": changed("history", "loss", to=3.0),
    "a loss NaN": changed("history", "val_loss", 1, to=float("nan")),
    "a loss infinite": changed("history", "loss", 1, to=float("-inf")),
    "a loss a text": changed("history", "loss", 1, to="low"),
    "a loss null": changed("history", "val_loss", 1, to=None),
    "a loss too large": changed("history", "val_loss", 1, to=10**400),
    "no seconds": without("history", "seconds"),
    "negative seconds": changed("history", "seconds", 1, to=-1.0),
    "random a dict": changed("random", to={}),
    "random of another shape": changed("random", to=[[[1, 2], [3]]]),
    "random of too many": changed("random", to=[[1, 2]] * 50),
    "training a list": changed("training", to=[]),
    "training of an unknown field": changed("training", "speed", to=3),
    "training out of range": changed("training", "batch_size", to=-1),
    "training of another type": changed("training", "learning_rate", to={"a": 1}),
    "model a text": changed("model", to="GatedPixelCNN"),
    "checksum a number": changed("data_checksum", to=4),
    "backend a list": changed("backend", to=["tensorflow"]),
    "best no checksum": changed("best_checksum", to="../../x"),
    "starts a dict": changed("starts", to={}),
    "starts of numbers": changed("starts", to=[1]),
    "a start without epoch": changed("starts", to=[{}]),
    "a start after the end": changed("starts", to=[{"epoch": 10**9}]),
    "old form without configuration": lambda state: state.update(run={}, config=[]),
    "old form of another type": lambda state: state.update(run={"seed": []}, config={}),
}


def rewrite_state(path, change):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if callable(change):
        state = json.loads(members[training.STATE])
        change(state)
        change = json.dumps(state)
    members[training.STATE] = change
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_state_is_one_line_and_changes_nothing(tiny_data, stored, kind):
    _, folder = stored("falling")
    rewrite_state(folder / training.LAST, MALFORMED[kind])
    before = contents(folder)
    refused("checkpoint .*last.keras", train_small, tiny_data, folder, **{**OPTIONS, "epochs": 4})
    assert contents(folder) == before


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_state_that_is_too_large_is_not_read(stored, monkeypatch):
    """The size counts that the archive declares, before anything is unpacked."""
    _, folder = stored("falling")
    monkeypatch.setattr(files, "LARGEST_JSON", 5000)
    refused("config.json|training_state.json has", _read_large, folder / training.LAST)
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("read"))
    refused("training_state.json has .* bytes", training.read_state, folder / training.LAST)
    with zipfile.ZipFile(folder / training.BEST, "a") as archive:
        archive.writestr("metadata.json", " " * 6000)
    refused("metadata.json has .* bytes", files._load, folder / training.BEST)


def _read_large(path):
    rewrite_state(path, lambda state: state["history"].update(padding=" " * 6000))
    training.read_state(path)


def test_everything_else_in_a_history_is_its_owners(tiny_data, stored):
    _, folder = stored("falling")
    rewrite_state(folder / training.LAST, changed("history", "mine", to=[{"a": 1}, 2]))
    _, history = train_small(tiny_data, folder, **OPTIONS)
    assert history["mine"] == [{"a": 1}, 2]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.ENOMEM])
@pytest.mark.parametrize("name", [training.BEST, training.LAST])
def test_a_system_that_fails_while_reading_is_not_a_damaged_file(
    tiny_data, stored, monkeypatch, number, name
):
    """Nor are weights brought back in place of a file that could not be read."""
    _, folder = stored("falling")
    before = contents(folder)
    load = keras.saving.load_model

    def fail(path, **options):
        if path.name == name:
            raise OSError(number, os.strerror(number))
        return load(path, **options)

    monkeypatch.setattr(keras.saving, "load_model", fail)
    for function, args in ((train_small, (tiny_data, folder)), (pcnn.load_model, (folder / name,))):
        options = OPTIONS if function is train_small else {}
        error = refused(
            f"{name} cannot be read: .*{os.strerror(number)}", function, *args, **options
        )
        assert isinstance(error, UnreadableError)
    monkeypatch.undo()
    assert contents(folder) == before


# ---------------------------------------------------------------- two trainings


def test_two_trainings_do_not_share_a_folder(tiny_data, tmp_path):
    """The second, of another seed or the same, stops; the first does not notice."""
    tried = []

    class Second(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch:
                return
            (tmp_path / ".last.4711.keras").write_bytes(b"half")  # the first's, being written
            for seed in (0, 1):
                tried.append(
                    refused(
                        "another process is training in",
                        small_runs.train_small,
                        tiny_data,
                        tmp_path,
                        **{**options, "seed": seed},
                    )
                )
                assert (tmp_path / ".last.4711.keras").exists()

    options = {"optimizer": "adam", "ema": 0.0, "epochs": 2}
    _, history = train_small(tiny_data, tmp_path, callbacks=[Second()], **OPTIONS | options)
    assert len(tried) == 2 and len(history["loss"]) == 2
    (tmp_path / ".last.4711.keras").unlink()
    assert contents(tmp_path).keys() == {training.BEST, training.LAST}
    _, again = train_small(tiny_data, tmp_path, **OPTIONS | options)
    assert again == history


def test_the_lock_is_free_after_a_training_that_failed(tiny_data, tmp_path, monkeypatch):
    def fail(*args, **options):
        raise pcnn.UsageError("full")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save", fail)
        refused("^full$", train_small, tiny_data, tmp_path, **OPTIONS)
    _, history = train_small(tiny_data, tmp_path, **OPTIONS)
    assert len(history["loss"]) == 3


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_is_named_and_not_waited_for(tmp_path, make):
    make(tmp_path / training.LAST)
    with pytest.raises(pcnn.UsageError, match=r"checkpoint .*last\.keras is no file"):
        training.read_state(tmp_path / training.LAST)
