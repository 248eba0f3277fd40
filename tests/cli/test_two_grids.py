"""A VQ-VAE with two grids of codes on the command line."""

import json

import numpy as np
import pytest

from pcnnlib import cli, runs, training
from pcnnlib.viz import images

FLAGS = ["--model=vqvae", "--codes=5", "--code_size=2", "--code_grids=2", "--n_samples=6"]
FOLDER = "ckpts/tiny-vqvae-2-grids"


@pytest.fixture(scope="module")
def two_grids(make_home, tmp_path_factory):
    """A finished run. Tests leave it as it is."""
    home = make_home(tmp_path_factory.mktemp("two"))
    assert cli.main(home.quick_flags(*FLAGS, "--epochs=2", "--autoencoder_epochs=1")) == 0
    return home


def test_it_trains_publishes_and_draws_a_row_of_each_class(two_grids, capsys, light_publishing):
    folder = two_grids.folder
    for stage in (training.AUTOENCODER, training.TOP_PRIOR, training.PRIOR):
        assert (folder / FOLDER / stage / training.LAST).is_file()
    model = training.load_model(folder / FOLDER / training.BEST)
    expected = model.sample(6, np.repeat(np.arange(3), 2), seed=0)
    picture = folder / "expected.png"
    images.save_png(picture, images.tile(expected, 2, columns=2))
    # While it is trained and after that: the best epoch need not be the last.
    grid = folder / "samples/tiny-vqvae-2-grids"
    assert (grid / "samples.png").read_bytes() == picture.read_bytes()
    assert (grid / "epoch_0002.png").is_file()
    # The same command publishes, and trains nothing again.
    more = ["--epochs=2", "--autoencoder_epochs=1", "--publish=two"]
    assert (
        cli.main(two_grids.quick_flags(*FLAGS, *more, f"--results_path={folder / 'results'}")) == 0
    )
    assert "nats each at the top and " in capsys.readouterr().out
    run = json.loads((folder / "results" / "two" / runs.RUN).read_text())
    assert run["model"]["autoencoder"]["code_grids"] == 2
    assert len(run["history"]["loss"]) == len(run["top_prior"]["history"]["loss"]) == 2
    assert len(run["autoencoder"]["history"]["val_top_perplexity"]) == 1
    seconds = [run[k]["history"]["seconds"] for k in ("autoencoder", "top_prior")]
    assert run["seconds"] == pytest.approx(sum(map(sum, [*seconds, run["history"]["seconds"]])))
    top, bottom = run["test"]["nats_per_top_code"], run["test"]["nats_per_bottom_code"]
    assert run["test"]["nats_per_code"] == pytest.approx((top + 4 * bottom) / 5)


def test_files_of_another_number_of_grids_are_refused(two_grids, refused):
    (two_grids.folder / FOLDER).rename(two_grids.folder / "ckpts/tiny-vqvae")
    try:
        one = [flag for flag in FLAGS if "grids" not in flag]
        message = "has 2 grids of codes, --code_grids=1 asks for others"
        refused(two_grids.quick_flags(*one, "--epochs=0"), message)
        message = "is of a run with code_grids=2, not 1 (--code_grids): choose another"
        refused(two_grids.quick_flags(*one, "--epochs=2", "--autoencoder_epochs=1"), message)
    finally:
        (two_grids.folder / "ckpts/tiny-vqvae").rename(two_grids.folder / FOLDER)


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
