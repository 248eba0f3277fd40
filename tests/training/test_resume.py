"""A run that is stopped and resumed ends like one that was not, and no other run is continued."""

import dataclasses
import json
import shutil
import zipfile

import keras
import numpy as np
import pytest
from training.small_runs import COLOUR, COLOUR_TRAINING, contents, small_network, train_small

import pcnnlib as pcnn
from pcnnlib import training
from pcnnlib.models import architecture


def assert_same_weights(model, other):
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def resumed(tiny_data, finished, tmp_path_factory):
    """The finished run, started once more as it was and then for a fifth epoch."""
    folder = tmp_path_factory.mktemp("resumed")
    shutil.copytree(finished[2], folder, dirs_exist_ok=True)
    train_small(tiny_data, folder, ema=0.9, provenance={"machine": "b"})  # nothing to train
    options = {"ema": 0.9, "epochs": 5, "provenance": {"machine": "c"}}
    model, history = train_small(tiny_data, folder, **options)
    return model, history, folder


@pytest.mark.both_backends
def test_a_run_resumed_for_more_epochs_goes_on_where_it_stopped(finished, resumed):
    first, (model, history, folder) = finished[1], resumed
    assert history["loss"][:4] == first["loss"] and history["seconds"][:4] == first["seconds"]
    assert len(history["loss"]) == len(history["val_loss"]) == len(history["seconds"]) == 5
    assert_same_weights(model, pcnn.load_model(folder / training.BEST))
    assert training.read_state(folder / training.LAST)["epoch"] == 5


def test_a_checkpoint_names_every_start_that_trained(resumed):
    starts = training.read_state(resumed[2] / training.LAST)["starts"]
    assert starts == [{"epoch": 0, "machine": "a"}, {"epoch": 4, "machine": "c"}]


def test_a_finished_run_is_not_trained_again(tiny_data, finished):
    model, history, folder = finished
    before = contents(folder)
    again, same = train_small(tiny_data, folder, ema=0.9)
    assert same == history
    assert_same_weights(again, model)
    assert contents(folder) == before


def test_the_same_seed_gives_the_same_run_and_another_seed_another(tiny_data, finished):
    model, history, _ = finished
    again, same = train_small(tiny_data, ema=0.9)
    assert (same["loss"], same["val_loss"]) == (history["loss"], history["val_loss"])
    assert_same_weights(again, model)
    _, other = train_small(tiny_data, ema=0.9, seed=1, epochs=1)
    assert other["loss"][0] != history["loss"][0]


def test_a_colour_run_stopped_and_resumed_ends_as_if_never_stopped(
    colour_data, colour_run, tmp_path
):
    """Bitwise, with a mixture, images mirrored at random, dropout and averaged weights."""
    whole, expected, stopped = colour_run
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    assert training.read_state(tmp_path / training.LAST)["epoch"] == 2
    resumed, history = train_small(colour_data, tmp_path, network=COLOUR, **COLOUR_TRAINING)
    for name in ("loss", "val_loss"):
        assert history[name] == expected[name] and len(history[name]) == 3
    assert_same_weights(resumed, whole)


# ---------------------------------------------------------------- another run


@pytest.mark.parametrize(
    "changes",
    [
        {"filters": 8},
        {"dilations": (2,)},  # the same weights, other pixels
        {"dropout": 0.5},
        {"activation": "relu_of_sum"},
        {"first_kernel_size": 7},
        {"condition": pcnn.Labels(3)},
        {"distribution": pcnn.LogisticMixture(components=3)},
        {"dtype": "mixed_bfloat16"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_folder_of_another_network_is_refused_and_left_alone(tiny_data, finished, changes):
    folder, before = finished[2], contents(finished[2])
    (name,) = changes
    saved, wanted = architecture(finished[0]), architecture(small_network(tiny_data, **changes))
    assert [key for key in wanted if saved[key] != wanted[key]] == [name]
    with pytest.raises(pcnn.UsageError) as raised:
        train_small(tiny_data, folder, network=changes, ema=0.9, epochs=9)
    expected = f"is of a run with {name}={saved[name]!r}, not {wanted[name]!r}: choose"
    assert expected in str(raised.value) and "\n" not in str(raised.value)
    assert contents(folder) == before


def test_a_folder_of_another_kind_of_model_is_refused(tiny_data, finished):
    model = pcnn.PixelCNN(tiny_data.image_shape, tiny_data.levels, 4, 3)
    config = pcnn.TrainConfig(**training.read_state(finished[2] / training.LAST)["training"])
    with pytest.raises(pcnn.UsageError, match="with class='GatedPixelCNN', not 'PixelCNN'"):
        pcnn.train(model, tiny_data, config, checkpoint_dir=finished[2])


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"ema": 0.5},
        {"batch_size": 7},
        {"accumulate": 2},
        {"learning_rate": 0.5},
        {"optimizer": "adam"},
        {"flip": True},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_folder_of_another_training_is_refused_and_left_alone(tiny_data, finished, changes):
    folder = finished[2]
    before = contents(folder)
    ((name, value),) = changes.items()
    with pytest.raises(
        pcnn.UsageError, match=f"is of a run with {name}=.*, not {value!r}: ch"
    ) as e:
        train_small(tiny_data, folder, **{"ema": 0.9, "epochs": 9, **changes})
    assert "\n" not in str(e.value)
    assert contents(folder) == before


def test_a_finished_run_is_read_under_any_backend_and_an_unfinished_one_is_not(
    tiny_data, finished, tmp_path
):
    """One may train on a GPU under JAX, and test and draw elsewhere under TensorFlow."""
    shutil.copytree(finished[2], tmp_path, dirs_exist_ok=True)
    other = {"tensorflow": "jax", "jax": "tensorflow"}[keras.backend.backend()]
    path = tmp_path / training.LAST
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    # The state of dropout has another form there.
    state = json.loads(members[training.STATE]) | {"backend": other, "random": [[1, 2, 3]]}
    members[training.STATE] = json.dumps(state).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    before = contents(tmp_path)
    model, history = train_small(tiny_data, tmp_path, ema=0.9)
    assert history == finished[1]
    assert_same_weights(model, finished[0])
    with pytest.raises(pcnn.UsageError, match=f"is of a run with backend={other!r}, not "):
        train_small(tiny_data, tmp_path, ema=0.9, epochs=5)
    assert contents(tmp_path) == before


def test_a_run_on_other_images_is_refused(tiny_data, finished, npz):
    other = dataclasses.replace(pcnn.load_dataset(npz(seed=5)), name=tiny_data.name)
    with pytest.raises(pcnn.UsageError, match="is of a run with data_checksum="):
        train_small(other, finished[2], ema=0.9)


def test_scratch_files_of_a_killed_process_are_removed_but_not_those_of_another_run(
    tiny_data, finished, tmp_path
):
    shutil.copytree(finished[2], tmp_path, dirs_exist_ok=True)
    scratch = tmp_path / ".last.4711.keras"
    scratch.write_bytes(b"half")
    with pytest.raises(pcnn.UsageError):
        train_small(tiny_data, tmp_path, ema=0.5)
    assert scratch.exists()
    train_small(tiny_data, tmp_path, ema=0.9)
    assert not scratch.exists() and contents(tmp_path) == contents(finished[2])


# ---------------------------------------------------------------- from before version 0.2


def write_in_old_form(path, without=(), **changes):
    """Rewrite a checkpoint as version 0.1 wrote it, when one configuration held everything.

    Args:
        path: of a `last.keras`.
        without: fields that did not exist yet.
        changes: other values of its fields.
    """
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    state = json.loads(members[training.STATE])
    network = {k: state["model"][k] for k in ("blocks", "filters", "dilations", "dropout")}
    choices = {"levels": None, "conditional": False, "code_size": None, "distribution": None}
    choices |= {"data": "tiny", "components": 10, "precision": "float32"}
    config = {**choices, **network, **state.pop("training"), **changes}
    config = {name: value for name, value in config.items() if name not in without}
    run = {name: value for name, value in config.items() if name != "epochs"}
    run |= {name: state.pop(name) for name in ("data_checksum", "backend")}
    del state["model"]
    members[training.STATE] = json.dumps({**state, "run": run, "config": config}).encode()
    saved = json.loads(members["config.json"])
    saved["module"] = "pcnnlib.models"
    for name in ("activation", "condition_stacks"):
        del saved["config"][name]
    saved["config"] |= {"distribution": None, "components": 10}
    members["config.json"] = json.dumps(saved).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("without", [(), ("flip", "accumulate", "weight_decay", "dilations")])
def test_a_checkpoint_of_version_0_1_is_read_in_todays_form(finished, tmp_path, without):
    path = tmp_path / training.LAST
    shutil.copy(finished[2] / training.LAST, path)
    todays = training.read_state(path)
    write_in_old_form(path, without)
    state = training.read_state(path)
    assert {"run", "config"} <= state.keys()
    expected = todays["training"] | ({"weight_decay": 0.0} if without else {})
    assert state["training"] == expected
    for name in ("epoch", "history", "random", "starts", "data_checksum", "backend"):
        assert state[name] == todays[name]
    assert architecture(pcnn.load_model(path)) == todays["model"]


def test_a_run_begun_by_version_0_1_goes_on_as_if_begun_today(
    tiny_data, finished, resumed, tmp_path
):
    shutil.copytree(finished[2], tmp_path, dirs_exist_ok=True)
    write_in_old_form(tmp_path / training.LAST)
    model, history = train_small(tiny_data, tmp_path, ema=0.9, epochs=5)
    for name in ("loss", "val_loss"):
        assert history[name] == resumed[1][name]
    assert_same_weights(model, resumed[0])
    state = training.read_state(tmp_path / training.LAST)
    assert state["model"] == architecture(model) and "run" not in state


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flip": True}, "is of a run with flip=False, not True"),
        ({"seed": 1}, "is of a run with seed=0, not 1"),
        ({"network": {"dilations": (2,)}}, r"is of a run with dilations=\[1\], not \[2\]"),
        ({"network": {"dropout": 0.5}}, r"is of a run with dropout=0.0, not 0.5"),
    ],
    ids=["flip", "seed", "dilations", "dropout"],
)
def test_another_run_of_version_0_1_is_refused_and_left_alone(
    tiny_data, finished, tmp_path, options, message
):
    shutil.copytree(finished[2], tmp_path, dirs_exist_ok=True)
    write_in_old_form(tmp_path / training.LAST, without=("flip",))
    before = contents(tmp_path)
    with pytest.raises(pcnn.UsageError, match=message) as raised:
        train_small(tiny_data, tmp_path, **{"ema": 0.9, "epochs": 9, **options})
    assert "\n" not in str(raised.value)
    assert contents(tmp_path) == before
