"""--export: a page of a run of one's own, and of a published one."""

import html
import json
import re

import pytest

from pcnnlib import cli

MISTAKES = {
    "page.txt": "--export must be a file that ends in .html, got 'page.txt'",
    "folder.html": "--export must be a file, and 'folder.html' is a folder",
    "plain/page.html": "plain cannot be written: ",
}


def state_of(path):
    page = path.read_text("utf-8")
    return json.loads(html.unescape(re.search(r' data-model="([^"]*)"', page)[1]))


def test_a_run_of_ones_own_and_a_published_one_make_pages(
    own_home, tmp_path, capsys, light_publishing
):
    places = [f"--results_path={tmp_path}"]
    export = f"--export={tmp_path / 'pages' / 'mine.html'}"
    flags = own_home.quick_flags("--epochs=1", "--publish=own", export, *places)
    assert cli.main(flags) == 0
    page = tmp_path / "pages" / "mine.html"
    assert f"page: {page}" in capsys.readouterr().out
    own = state_of(page)
    card = dict(own["card"])
    assert card["Data"] == "tiny.npz" and card["Seed"] == "0" and "nats an image" in card["Test"]
    # The command can be typed again, wherever the page lies.
    assert "--export=mine.html" in card["Command"] and str(tmp_path) not in card["Command"]
    assert str(tmp_path) not in page.read_text("utf-8")  # nothing tells where the files lie
    assert own["examples"]
    page.write_text("an older page")
    drawing = ["--epochs=0", "--pretrained=own", "--n_samples=1", "--no-animate", export, *places]
    assert cli.main([*drawing, f"--samples_path={tmp_path / 'samples'}"]) == 0
    published = state_of(page)
    assert published["crc32"] == own["crc32"]  # the same weights
    assert dict(published["card"])["Test"] == card["Test"]


@pytest.mark.parametrize(
    "flags", [["--model=painting", "--epochs=1"], ["--pretrained=mnist-painting", "--epochs=0"]]
)
def test_a_model_that_no_page_can_draw_with_is_refused_before_anything_is_done(
    flags, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert cli.main([*flags, "--export=mine.html"]) == 2
    error = capsys.readouterr().err
    assert "--export: model must be a GatedPixelCNN, PixelCNN or PixelCNNAutoencoder, got" in error
    assert error.count("\n") == 1 and not list(tmp_path.rglob("*.png"))
    assert not (tmp_path / "mine.html").exists() and not list(tmp_path.rglob("*.keras"))


@pytest.mark.parametrize("path", list(MISTAKES))
@pytest.mark.parametrize("source", ["--data=no/such.npz", "--pretrained=mnist"])
def test_a_wrong_path_is_refused_before_anything_is_done(
    source, path, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "plain").write_text("no folder")
    assert cli.main(["--epochs=0", source, f"--export={path}"]) == 2
    error = capsys.readouterr().err
    assert MISTAKES[path] in error and error.count("\n") == 1
    assert not (tmp_path / "samples").exists()
