"""A VQ-VAE with two grids of codes on the command line."""

import json

import keras
import pytest

import pcnnlib as pcnn
from pcnnlib import cli, runs, training

FLAGS = ["--model=vqvae", "--codes=5", "--code_size=2", "--code_grids=2", "--n_samples=6"]
FLAGS += ["--attention=2"]
NAME = "tiny-vqvae-2-grids-attention-2"
FOLDER = f"ckpts/{NAME}"


def fit(self, batches, *, initial_epoch, epochs, callbacks, **_):
    """An epoch in which nothing is learnt: `tests/training` has the training."""
    listed = keras.callbacks.CallbackList(callbacks, model=self, epochs=epochs, steps=1)
    listed.on_train_begin()
    for epoch in range(initial_epoch, epochs):
        listed.on_epoch_begin(epoch)
        listed.on_epoch_end(epoch, {"loss": 1.0, "val_loss": 1.0})
    listed.on_train_end()


@pytest.fixture(scope="module")
def two_grids(make_home, tmp_path_factory):
    """A finished run, published as "two". Tests leave it as it is."""
    home = make_home(tmp_path_factory.mktemp("two"))
    more = ["--epochs=1", "--publish=two", f"--results_path={home.folder / 'results'}"]
    with pytest.MonkeyPatch.context() as patch:  # what a run costs to draw, and examples of it
        patch.setattr(runs, "speed", lambda *_: {"images_per_second": 1.0})
        patch.setattr(runs, "examples", lambda _, data, seed: {"test": data.test.images[:1]})
        patch.setattr(pcnn.models.AutoregressiveModel, "fit", fit)
        assert cli.main(home.quick_flags(*FLAGS, *more)) == 0
    return home


def test_all_stages_are_recorded_and_draw(two_grids):
    folder = two_grids.folder
    for stage in (training.AUTOENCODER, training.TOP_PRIOR, training.PRIOR):
        assert (folder / FOLDER / stage / training.LAST).is_file()
    # Drawn while the last stage was trained, and after it.
    pictures = folder / "samples" / NAME
    assert (pictures / "samples.png").read_bytes() == (pictures / "epoch_0001.png").read_bytes()
    run = json.loads((folder / "results" / "two" / runs.RUN).read_text())
    assert run["model"]["autoencoder"]["code_grids"] == 2
    # Both priors have attention, and so has the file that is loaded.
    model = training.load_model(folder / FOLDER / training.BEST)
    assert run["model"]["attention"] == [2]
    assert model.top_prior.attention == model.prior.attention == (2,)
    stages = [run, run["top_prior"], run["autoencoder"]]
    assert [len(stage["history"]["loss"]) for stage in stages] == [1, 1, 1]
    spent = sum(stage["history"]["seconds"][0] for stage in stages)
    assert run["seconds"] == pytest.approx(spent)
    top, bottom = run["test"]["nats_per_top_code"], run["test"]["nats_per_bottom_code"]
    assert run["test"]["nats_per_code"] == pytest.approx((top + 4 * bottom) / 5)


def test_files_of_another_number_of_grids_are_refused(two_grids, refused):
    one = [flag for flag in FLAGS if "grids" not in flag]
    elsewhere = two_grids.folder / "ckpts/tiny-vqvae-attention-2"
    (two_grids.folder / FOLDER).rename(elsewhere)
    try:
        message = "has 2 grids of codes, --code_grids=1 asks for others"
        refused(two_grids.quick_flags(*one, "--epochs=0"), message)
        message = "is of a run with code_grids=2, not 1 (--code_grids): choose another"
        refused(two_grids.quick_flags(*one, "--epochs=1"), message)
    finally:
        elsewhere.rename(two_grids.folder / FOLDER)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--code_grids=2"], "--code_grids needs --model=vqvae"),
        (["--model=vqvae", "--code_grids=3"], "--code_grids must be an integer 1..2, got 3"),
        (["--model=vqvae", "--code_grids=0"], "--code_grids must be an integer 1..2, got 0"),
        (["--model=vqvae", "--code_grids=two"], "argument --code_grids: "),
    ],
)
def test_what_cannot_be_is_refused_before_any_training(own_home, refused, flags, message):
    refused(own_home.quick_flags("--epochs=1", *flags), message)
