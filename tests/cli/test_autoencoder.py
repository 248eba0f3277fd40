"""An autoencoder's run: originals beside draws from their codes, also once it is published."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

import pcnnlib as pcnn
from pcnnlib import cli, runs, training
from pcnnlib.runs import registry
from pcnnlib.viz import images

PICTURES = "samples/tiny-autoencoder"


@pytest.fixture(scope="module")
def coded(make_home, tmp_path_factory):
    """A finished run, published as "coded". Tests leave it as it is."""
    home = make_home(tmp_path_factory.mktemp("coded"))
    flags = ["--model=autoencoder", "--code_size=3", "--epochs=1", "--n_samples=20"]
    published = ["--publish=coded", f"--results_path={home.folder / 'results'}"]
    assert cli.main(home.quick_flags(*flags, *published)) == 0
    return home


def test_originals_stand_beside_draws_from_their_codes(coded, capsys, sampled, grid_of, refused):
    before = coded.saved()
    again = coded.flags("--model=autoencoder", "--epochs=0", "--n_samples=20", "--animate")
    assert cli.main(again) == 0
    out = capsys.readouterr().out
    for line in ("test: ", "test, given each other's codes: ", "test, given the mean code: "):
        assert out.count(line) == 1
    data = pcnn.load_dataset(coded.data)
    model = training.load_model(coded.folder / "ckpts/tiny-autoencoder" / training.BEST)
    assert model.code_size == 3
    # Two rows: an original, and nine draws from its code.
    codes = model.encode(data.test.images[:2])
    np.testing.assert_allclose(sampled[-1]["condition"], np.repeat(codes, 9, axis=0), atol=1e-6)
    grid = grid_of(coded.folder / PICTURES / "samples.png", 10)
    assert (grid[:, 0] == data.test.images[:2, :, :, 0] * 255).all()
    after = coded.saved()
    assert after.pop(f"{PICTURES}/samples.gif")
    (coded.folder / PICTURES / "samples.gif").unlink()
    assert after == before
    refused(
        coded.quick_flags("--model=autoencoder", "--code_size=4", "--epochs=2"),
        "code_size=3, not 4",
    )


def test_the_record_of_the_run_says_how_much_the_code_is_used(coded):
    run = json.loads((coded.folder / "results" / "coded" / runs.RUN).read_text())
    assert run["model"]["class"] == "PixelCNNAutoencoder" and run["model"]["code_size"] == 3
    assert set(run["test"]) == set(run["test_shuffled"]) == set(run["test_none"])


def test_once_published_it_draws_from_the_codes_of_its_examples(
    coded, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(registry, "runs_dir", lambda: coded.folder / "results")
    draw = ["--epochs=0", "--pretrained=coded", f"--samples_path={tmp_path}"]
    assert cli.main([*draw, "--n_samples=6"]) == 0
    examples = runs.read_examples("coded")["test"]
    model = pcnn.load_pretrained("coded")
    row = [examples[0], *model.decode(np.repeat(model.encode(examples[:1]), 9, axis=0), seed=0)]
    images.save_png(tmp_path / "expected.png", images.tile(np.stack(row), 2, columns=10))
    drawn = tmp_path / "coded" / "samples.png"
    assert drawn.read_bytes() == (tmp_path / "expected.png").read_bytes()
    # More rows than there are examples: they come round again.
    assert cli.main([*draw, f"--n_samples={10 * len(examples) + 10}"]) == 0
    width, height = Image.open(drawn).size
    assert round(10 * height / width) == len(examples) + 1
    # Neither a picture to complete nor a run without examples says whose codes are to be drawn.
    half = f"--complete={coded.complete}"
    copy = shutil.copytree(coded.folder / "results", tmp_path / "copy")
    (copy / "coded" / runs.EXAMPLES).unlink()
    for flags, message in (
        ([half], "--complete needs a model that draws without a code"),
        ([f"--results_path={copy}"], "coded holds no images whose codes could be drawn from"),
    ):
        capsys.readouterr()
        assert cli.main([*draw, *flags]) == 2
        assert message in capsys.readouterr().err


def test_a_decoder_that_paints_is_trained_published_and_drawn_from(own_home, tmp_path, capsys):
    home, results = own_home, own_home.folder / "results"
    flags = ["--model=painting", "--code_size=3", "--f_map=4", "--epochs=1", "--n_samples=20"]
    size = ["--batch_size=12", "--publish=painted", f"--results_path={results}"]
    given = [flag for flag in home.flags(*flags, *size) if "--layers" not in flag]
    assert cli.main(given) == 0
    out = capsys.readouterr().out
    # Its loss is that given the own code; a decoder without masked layers has no blocks.
    assert out.count("test: ") == 1 and "mean code" not in out and "blocks" not in out
    run = json.loads((results / "painted" / runs.RUN).read_text())
    assert run["model"]["class"] == "DeconvolutionalAutoencoder" and run["model"]["filters"] == 4
    assert "--model=painting" in run["command"] and run["speed"]["drawn_per_second"] > 0
    draw = ["--epochs=0", "--pretrained=painted", f"--results_path={results}"]
    draw += [f"--samples_path={tmp_path}", "--temperature=0.5", "--n_samples=20"]
    assert cli.main([*draw, "--model=painting"]) == 0
    # Originals stand beside draws from their codes, at the temperature asked for.
    originals = runs.read_examples("painted", results)["test"][:2]
    model = pcnn.load_pretrained("painted", results)
    codes = np.repeat(model.encode(originals), 9, axis=0)
    drawn = model.decode(codes, seed=0, temperature=0.5).reshape(2, 9, 4, 4, 1)
    rows = np.concatenate([originals[:, None], drawn], axis=1).reshape(-1, 4, 4, 1)
    images.save_png(tmp_path / "expected.png", images.tile(rows, 2, columns=10))
    expected = (tmp_path / "expected.png").read_bytes()
    assert (tmp_path / "painted" / "samples.png").read_bytes() == expected
    capsys.readouterr()
    assert cli.main([*draw, "--model=autoencoder"]) == 2
    assert "painted is a painting autoencoder, --model asks for an autoencoder" in (
        capsys.readouterr().err
    )
