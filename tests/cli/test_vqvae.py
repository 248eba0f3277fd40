"""A VQ-VAE's run: two stages, a grid of classes, published as one model."""

import json

import numpy as np
import pytest

import pcnnlib as pcnn
from pcnnlib import cli, runs, training
from pcnnlib.cli import parser
from pcnnlib.cli.checks import check_training_flags
from pcnnlib.runs import registry
from pcnnlib.viz import images

FLAGS = ["--model=vqvae", "--codes=5", "--code_size=2", "--n_samples=6"]
FOLDER = "ckpts/tiny-vqvae"


@pytest.fixture(scope="module")
def quantized(make_home, tmp_path_factory):
    """A finished run, published as "quantized". Tests leave it as it is."""
    home = make_home(tmp_path_factory.mktemp("quantized"))
    more = ["--epochs=1", "--autoencoder_epochs=2", "--publish=quantized"]
    published = [*more, f"--results_path={home.folder / 'results'}"]
    assert cli.main(home.quick_flags(*FLAGS, *published)) == 0
    return home


def test_both_stages_are_recorded_and_the_bound_is_called_one(quantized):
    folder = quantized.folder / "results" / "quantized"
    run = json.loads((folder / runs.RUN).read_text())
    assert run["model"]["class"] == "LatentPrior" and run["model"]["autoencoder"]["codes"] == 5
    assert run["model"]["condition"] == {"class": "Labels", "n": 3, "dropout": 0.1}
    assert len(run["history"]["loss"]) == 1 and run["training"]["epochs"] == 1
    first = run["autoencoder"]
    assert len(first["history"]["val_perplexity"]) == 2 and first["training"]["epochs"] == 2
    spent = run["history"]["seconds"] + first["history"]["seconds"]
    assert run["seconds"] == pytest.approx(sum(spent))
    parts = run["test"]["code_bits_per_dim"] + run["test"]["pixel_bits_per_dim"]
    assert run["test"]["bits_per_dim"] == pytest.approx(parts)
    card = (folder / "README.md").read_text()
    assert "nats an image, at most: a bound" in card and "| images | 4 x 4 x 1, 2 levels |" in card


def test_without_training_it_draws_a_row_of_each_class(quantized, capsys, grid_of, monkeypatch):
    before = quantized.saved()
    flags = quantized.quick_flags(*FLAGS, "--epochs=0", "--guidance=2")
    assert cli.main(flags) == 0
    out = capsys.readouterr().out
    assert "test: at most " in out and "(a bound)" in out
    model = training.load_model(quantized.folder / FOLDER / training.BEST)
    expected = model.sample(6, np.repeat(np.arange(3), 2), seed=0, guidance=2)
    grid = grid_of(quantized.folder / "samples/tiny-vqvae/samples.png", 2)
    np.testing.assert_array_equal(grid.reshape(6, 4, 4), expected[..., 0] * 255)
    after = quantized.saved()
    for name in before.keys() - {"samples/tiny-vqvae/samples.png"}:
        assert after[name] == before[name]
    # Once published, without its data.
    monkeypatch.setattr(registry, "runs_dir", lambda: quantized.folder / "results")
    elsewhere = f"--samples_path={quantized.folder / 'elsewhere'}"
    drawn = ["--epochs=0", "--pretrained=quantized", "--classes=2,2", "--n_samples=4", elsewhere]
    assert cli.main(drawn) == 0
    again = pcnn.load_pretrained("quantized").sample(4, np.full(4, 2), seed=0)
    path = quantized.folder / "expected.png"
    images.save_png(path, images.tile(again, 2, columns=2))
    picture = quantized.folder / "elsewhere" / "quantized" / "samples.png"
    assert picture.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--codes=9"], "--codes needs --model=vqvae"),
        (["--autoencoder_epochs=1"], "--autoencoder_epochs needs --model=vqvae"),
        (["--guidance=2"], "--guidance needs --model=conditional or vqvae"),
        (["--label_dropout=0.1"], "--label_dropout needs --model=conditional or vqvae"),
        (["--model=vqvae", "--codes=1"], "--codes must be an integer 2..65536, got 1"),
        (["--model=vqvae", "--codes=65537"], "--codes must be an integer 2..65536, got 65537"),
        (["--model=vqvae", "--label_dropout=1"], "--label_dropout must be below 1, got 1.0"),
        (["--model=vqvae", "--guidance=-1"], "--guidance must be a finite number >= 0"),
        (["--model=vqvae", "--orders=2"], "--orders must be 1 with --model=vqvae"),
        (["--model=vqvae", "--animate"], "--animate needs a model that draws pixel by pixel"),
        (["--model=vqvae", "--export=x.html"], "--export needs a model that draws pixel by pixel"),
        (["--model=vqvae", "--complete=x.png"], "--complete needs a model that draws"),
        (["--model=vqvae", "--autoencoder_epochs=0"], "--autoencoder_epochs must be an integer"),
        (
            ["--model=conditional", "--guidance=2"],
            "--guidance must be 1 for a model that always saw its label, got 2",
        ),
        (
            ["--model=vqvae", "--label_dropout=0", "--guidance=2"],
            "--guidance must be 1 for a model that always saw its label, got 2",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_any_training(home, refused, flags, message):
    refused(home.quick_flags("--epochs=1", "--ckpt_path=nowhere", *flags), message)


def test_a_run_of_other_stages_is_not_continued(quantized, refused):
    more = ["--epochs=1", "--autoencoder_epochs=3", "--publish=other"]
    results = f"--results_path={quantized.folder / 'others'}"
    refused(
        quantized.quick_flags(*FLAGS, *more, results), "--publish needs a run planned for its 3"
    )
    wrong = ["--model=vqvae", "--codes=6", "--code_size=2", "--epochs=1", "--autoencoder_epochs=2"]
    refused(quantized.quick_flags(*wrong), "codes=5, not 6")


def test_labels_that_are_not_there_cannot_be_dropped(own_home, refused):
    own_home.write_data(y_train=None, y_test=None)
    flags = [*FLAGS, "--epochs=1", "--label_dropout=0.1"]
    refused(own_home.quick_flags(*flags), "--label_dropout needs labels; data ")
    assert not (own_home.folder / "ckpts").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--codes=6"], "--codes must be 5, as checkpoint"),
        (["--epochs=0", "--autoencoder_epochs=3"], "--autoencoder_epochs must be 2, as checkpoint"),
        (["--epochs=0", "--autoencoder_epochs=2", "--flip"], "autoencoder/last.keras has it"),
        (["--epochs=0", "--batch_size=13"], "--batch_size must be 12, as checkpoint"),
    ],
)
def test_flags_of_another_training_are_refused_where_nothing_is_trained(
    quantized, refused, flags, message
):
    refused(quantized.quick_flags(*FLAGS, "--epochs=0", *flags), message)


def test_a_state_that_cannot_be_read_contradicts_no_flag(tmp_path):
    """To draw, the weights are enough."""
    given = ["--model=vqvae", "--epochs=0", "--batch_size=13", "--autoencoder_epochs=3"]
    settings = parser.settings_of(cli.make_parser().parse_args(given))
    (tmp_path / training.LAST).write_bytes(b"damaged")
    check_training_flags(settings, parser.typed(given), [tmp_path, tmp_path / "missing"])
    assert parser.typed(given) == ["model", "autoencoder_epochs", "epochs", "batch_size"]
