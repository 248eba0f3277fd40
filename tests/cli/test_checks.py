"""Data is known by its checksum, classes by their labels, and values by their kind."""

import json
import os
import shutil

import numpy as np
import pytest
from support import gated, write_npz

import pcnnlib as pcnn
from pcnnlib import cli, runs, training
from pcnnlib.cli import checks, flags, parser


def test_a_checkpoint_of_other_images_is_neither_drawn_from_nor_trained_on(home, refused, tmp_path):
    """Of the same name and shape: what tells them apart is their checksum."""
    other = write_npz(tmp_path / "tiny.npz", seed=5)
    before = home.saved()
    for epochs in ("--epochs=0", "--epochs=2", "--epochs=9"):
        message = f"holds a run on other images than those of --data={other}"
        refused(home.flags(f"--data={other}", epochs), message)
    assert home.saved() == before


def test_the_same_images_are_the_same_run_wherever_they_lie(home, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(home.data, tmp_path / "tiny.npz")
    with np.load(home.data) as arrays:
        (tmp_path / "packed").mkdir()
        np.savez_compressed(tmp_path / "packed" / "tiny.npz", **arrays)
    os.symlink(home.folder, tmp_path / "link")
    monkeypatch.setattr(training, "train", lambda *_, **__: pytest.fail("trained"))
    state = training.read_state(home.folder / "ckpts/tiny-unconditional" / training.LAST)
    for name in (
        "tiny.npz",
        "./tiny.npz",
        "packed/tiny.npz",
        "link/tiny.npz",
        "packed/../tiny.npz",
    ):
        assert pcnn.load_dataset(name).checksum == state["data_checksum"]
    assert cli.main(home.flags("--data=./packed/tiny.npz", "--epochs=0", "--n_samples=1")) == 0
    assert "test: " in capsys.readouterr().out


def test_sound_weights_are_drawn_from_beside_a_damaged_checkpoint(
    own_home, refused, light_publishing
):
    assert cli.main(own_home.quick_flags("--epochs=1")) == 0
    last = own_home.folder / "ckpts/tiny-unconditional" / training.LAST
    last.write_bytes(b"damaged")
    assert cli.main(own_home.quick_flags("--epochs=0")) == 0
    refused(own_home.quick_flags("--epochs=2"), "last.keras is damaged")
    assert last.read_bytes() == b"damaged"


@pytest.mark.parametrize("name", [training.BEST, training.LAST])
def test_a_checkpoint_that_is_a_pipe_is_not_waited_for(own_home, refused, name):
    folder = own_home.folder / "ckpts/tiny-unconditional"
    folder.mkdir(parents=True)
    os.mkfifo(folder / name)
    epochs = "--epochs=0" if name == training.BEST else "--epochs=2"
    refused(own_home.flags(epochs), f"checkpoint {folder / name} ")


def test_a_run_on_other_images_is_not_published_over(own_home, refused, light_publishing):
    results = own_home.folder / "results"
    more = ["--epochs=1", "--publish=mine", f"--results_path={results}"]
    assert cli.main(own_home.quick_flags(*more)) == 0
    before = (results / "mine" / runs.RUN).read_bytes()
    own_home.write_data(seed=5)
    fresh = f"--ckpt_path={own_home.folder / 'fresh'}"
    refused(own_home.quick_flags(*more, fresh), "mine holds a run on other images than those of")
    assert (results / "mine" / runs.RUN).read_bytes() == before


def test_only_classes_that_occur_are_drawn_and_by_their_labels(
    own_home, refused, sampled, light_publishing, capsys
):
    """A file with labels 1, 2 and 7: nobody has a class 0, and --classes=7 is its last class."""
    rng = np.random.default_rng(0)
    own_home.write_data(y_train=rng.choice([1, 2, 7], 40), y_test=rng.choice([1, 2, 7], 10))
    results = f"--results_path={own_home.folder / 'results'}"
    flags = own_home.quick_flags("--model=conditional", "--no-animate", results)
    assert cli.main([*flags, "--epochs=1", "--publish=mine"]) == 0
    assert sampled[-1]["condition"].tolist() == [0, 0, 1, 1, 2, 2]
    assert cli.main([*flags, "--epochs=0", "--classes=7,1", "--n_samples=2"]) == 0
    assert sampled[-1]["condition"].tolist() == [2, 0]
    refused([*flags, "--epochs=0", "--classes=0"], "tiny.npz has, 1, 2, 7, got 0")
    run = runs.read_run("mine", own_home.folder / "results")
    assert run["data"]["labels"] == [1, 2, 7]
    assert pcnn.load_pretrained("mine", own_home.folder / "results").condition == pcnn.Labels(3)
    drawing = ["--epochs=0", "--pretrained=mine", results, "--n_samples=1", "--no-animate"]
    drawing += [f"--samples_path={own_home.folder / 'samples'}"]
    assert cli.main([*drawing, "--classes=2"]) == 0
    assert sampled[-1]["condition"].tolist() == [1]
    refused([*drawing, "--classes=0"], "--classes must hold labels that mine has, 1, 2, 7, got 0")


@pytest.mark.parametrize(
    ("labels", "typed", "numbers"),
    [
        (["01", "02", "10"], "02,10", [1, 2]),
        (["01", "1"], "1,01", [1, 0]),
        ([7, 10], "10,7", [1, 0]),
        (None, "03,3,0", [3, 3, 0]),
    ],
)
def test_classes_are_named_as_their_data_names_them(labels, typed, numbers):
    parsed = parser.settings_of(cli.make_parser().parse_args([f"--classes={typed}"]))
    found = checks.with_class_numbers(parsed, labels, "mine").drawing.classes
    assert list(found) == numbers


@pytest.mark.parametrize(
    ("labels", "typed", "message"),
    [
        (["01", "02"], "1", "--classes must hold labels that mine has, 01, 02, got 1"),
        ([1, 10], "1_0", "--classes must be integers such as 3,3,7, got '1_0'"),
        (None, "--5", "--classes must be integers such as 3,3,7, got '--5'"),
        (None, "9" * 20, f"--classes must be integers such as 3,3,7, got '{'9' * 20}'"),
        (None, "cat", "--classes must be integers such as 3,3,7, got 'cat'"),
    ],
)
def test_classes_that_there_are_not_are_refused(labels, typed, message):
    parsed = parser.settings_of(cli.make_parser().parse_args([f"--classes={typed}"]))
    with pytest.raises(pcnn.UsageError) as raised:
        checks.with_class_numbers(parsed, labels, "mine")
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("group", "field", "value", "message"),
    [
        (flags.Data, "data", None, "--data must be a text, got None"),
        (flags.Network, "model", "yes", "--model must be one of '', 'conditional', 'autoencoder'"),
        (flags.Drawing, "animate", "no", "--animate must be True or False, got 'no'"),
        (flags.Drawing, "keep", "middle", "--keep must be one of 'top', 'left', "),
        (flags.Files, "ckpt_path", None, "--ckpt_path must be a text, got None"),
        (pcnn.TrainConfig, "flip", "no", "flip must be True or False, got 'no'"),
        (pcnn.TrainConfig, "flip", 1, "flip must be True or False, got 1"),
        (pcnn.TrainConfig, "flip", None, "flip must be True or False, got None"),
        (pcnn.TrainConfig, "seed", 2**32, "seed must be at most 4,294,967,295, got 4294967296"),
    ],
)
def test_values_of_another_kind_are_refused(group, field, value, message):
    with pytest.raises(pcnn.UsageError) as raised:
        group(**{field: value})
    assert message in str(raised.value)
    assert pcnn.TrainConfig(flip=np.True_).flip is True


def test_the_former_name_refuses_the_same():
    with (
        pytest.warns(DeprecationWarning),
        pytest.raises(pcnn.UsageError, match="flip must be True"),
    ):
        pcnn.RunConfig(flip="no")


def published_coder(folder):
    """A small published autoencoder, without training."""
    model = pcnn.PixelCNNAutoencoder(
        (4, 4, 1), 2, code_size=2, filters=4, blocks=1, encoder_filters=(2, 2, 2)
    )
    runs.write_run(folder / "coded", {}, model, {"test": np.zeros((3, 4, 4, 1), "uint8")})


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (np.zeros((3, 8, 8, 1), "uint8"), "holds images (3, 8, 8, 1) that are none of its model's"),
        (np.full((3, 4, 4, 1), 2, "uint8"), "which has (4, 4, 1) and 2 levels"),
        (np.zeros((0, 4, 4, 1), "uint8"), "holds images (0, 4, 4, 1)"),
        (np.zeros((3, 4, 4, 1)), "holds images (3, 4, 4, 1)"),
    ],
)
def test_examples_that_are_not_of_the_model_are_not_drawn_from(
    tmp_path, refused, examples, message
):
    published_coder(tmp_path)
    np.savez(tmp_path / "coded" / runs.EXAMPLES, test=examples)
    places = [f"--results_path={tmp_path}", f"--samples_path={tmp_path / 'samples'}"]
    refused(["--epochs=0", "--pretrained=coded", *places], message)
    assert not (tmp_path / "samples").exists()


def test_labels_of_a_published_run_that_are_no_labels_are_passed_over(tmp_path, refused):
    model = gated(condition=pcnn.Labels(3))
    runs.write_run(tmp_path / "own", {"data": {"labels": "123"}}, model)
    path = tmp_path / "own" / runs.RUN
    assert json.loads(path.read_text())["data"]["labels"] == "123"
    places = [f"--results_path={tmp_path}", f"--samples_path={tmp_path / 'samples'}"]
    refused(["--epochs=0", "--pretrained=own", "--classes=3", *places], "0..2, got 3")
