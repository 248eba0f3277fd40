"""`--compress` and `--decompress`: what goes in comes out, and a mistake costs no file."""

import shutil
import signal

import numpy as np
import pytest
from support import gated, random_images

import pcnnlib as pcnn
from pcnnlib import cli, codec, training


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two models in the folders of their runs, and images for them."""
    folder = tmp_path_factory.mktemp("compress")
    labelled = gated((4, 4, 1), levels=2, condition=pcnn.Labels(3), orders=8, attention=(1, 2))
    for name, model in {
        "tiny-unconditional": gated((4, 4, 1), levels=2),
        "tiny-conditional-8-orders-attention-1-2": labelled,
    }.items():
        path = folder / "ckpts" / name / training.BEST
        path.parent.mkdir(parents=True)
        model.save(path)
    images, labels = random_images(9, (4, 4, 1), 2), np.arange(9) % 3
    np.savez(folder / "images.npz", images=images, labels=labels)
    own = {"x_train": images, "y_train": 10 * labels, "x_test": images[..., 0]}
    np.savez(folder / "data.npz", **own, y_test=10 * labels[:, None])
    np.savez(folder / "other.npz", **own, y_test=10 * labels + 5)
    shutil.copy(folder / "data.npz", folder / "tiny.npz")
    np.savez(folder / "floats.npz", images=images / 2)
    np.savez(folder / "two.npz", a=images, b=images)
    np.savez(folder / "one.npz", anything=images)
    (folder / "text.npz").write_text("no archive")
    return folder


@pytest.fixture
def flags(place):
    def flags(*more, model="conditional"):
        kind = [f"--data={place / 'tiny.npz'}"]
        if model == "conditional":
            kind += ["--model=conditional", "--orders=8", "--attention=2,1"]
        return [f"--ckpt_path={place / 'ckpts'}", "--epochs=0", *kind, *more]

    return flags


def test_images_come_back_with_their_labels(place, flags, tmp_path, capsys):
    out, back = tmp_path / "new" / "a.pcnn", tmp_path / "b.npz"
    assert cli.main(flags(f"--compress={place / 'images.npz'}", f"--out={out}", "--order=3")) == 0
    printed = capsys.readouterr().out
    data = out.read_bytes()
    file = codec.parse(data)
    assert f"{len(data):,} bytes (header {file.header_bytes}, condition" in printed
    assert f"{file.bits_per_dim:.4f} bits/dim; the model's likelihood promises" in printed
    assert cli.main(flags(f"--decompress={out}", f"--out={back}")) == 0
    assert "decompressed: " in capsys.readouterr().out
    arrays, given = np.load(back), np.load(place / "images.npz")
    assert np.array_equal(arrays["images"], given["images"])
    assert np.array_equal(arrays["condition"], given["labels"])
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    # And a file of images that came out goes in again; one of a data set too.
    for source in (back, place / "data.npz"):
        again = tmp_path / "again.pcnn"
        assert cli.main(flags(f"--compress={source}", f"--out={again}", "--order=3")) == 0
        assert again.read_bytes() == data


@pytest.mark.robustness
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("missing.npz", "missing.npz does not exist"),
        ("text.npz", "text.npz cannot be read"),
        ("two.npz", "two.npz must hold images or x_test, or one array, got a, b"),
        ("one.npz", "one.npz must hold condition, labels or y_test: the model is conditioned on"),
        ("floats.npz", "floats.npz must hold condition"),
        (".", "does not exist"),
    ],
)
def test_images_that_cannot_be_compressed_leave_the_file(
    place, flags, tmp_path, capsys, source, message
):
    out = tmp_path / "a.pcnn"
    out.write_bytes(b"older")
    assert cli.main(flags(f"--compress={place / source}", f"--out={out}")) == 2
    error = capsys.readouterr().err
    assert message in error and error.startswith("main.py: error: --compress")
    assert len(error.splitlines()) == 1 and out.read_bytes() == b"older"


@pytest.mark.robustness
def test_labels_of_a_data_set_are_those_that_the_model_was_trained_on(
    place, flags, tmp_path, capsys
):
    """Labels 0, 10 and 20 are the classes 0, 1 and 2; whoever has no data has their numbers."""
    out = tmp_path / "a.pcnn"
    assert cli.main(flags(f"--compress={place / 'other.npz'}", f"--out={out}")) == 2
    message = "y_test must hold labels that the model was trained on, 0, 10, 20, got 5"
    assert message in capsys.readouterr().err
    moved = ["--data=elsewhere/tiny.npz", f"--compress={place / 'data.npz'}"]
    assert cli.main(flags(*moved, f"--out={out}")) == 2
    error = capsys.readouterr().err
    assert "give class numbers, in an array called condition" in error
    assert len(error.splitlines()) == 1 and not out.exists()
    moved[1] = f"--compress={place / 'images.npz'}"
    assert cli.main(flags(*moved, f"--out={out}")) == 0


@pytest.mark.robustness
def test_floats_are_named_with_their_file(place, flags, tmp_path, capsys):
    words = flags(
        f"--compress={place / 'floats.npz'}", f"--out={tmp_path / 'a'}", model="unconditional"
    )
    assert cli.main(words) == 2
    assert "floats.npz: images must be integer levels 0..1, got float64" in capsys.readouterr().err


@pytest.mark.robustness
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "data must begin with"),
        (b"PCNN\x01" + bytes(60), "data is damaged"),
        (None, "data was compressed by another model"),
    ],
)
def test_a_file_that_cannot_be_decompressed_leaves_the_images(
    flags, tmp_path, capsys, content, message
):
    source, out = tmp_path / "a.pcnn", tmp_path / "b.npz"
    if content is None:
        other = gated((4, 4, 1), levels=2, seed=1)
        content = pcnn.compress(other, random_images(2, (4, 4, 1), 2), verify=False)
    source.write_bytes(content)
    out.write_bytes(b"older")
    words = flags(f"--decompress={source}", f"--out={out}", model="unconditional")
    assert cli.main(words) == 2
    error = capsys.readouterr().err
    assert f"--decompress {source}: {message}" in error and len(error.splitlines()) == 1
    assert out.read_bytes() == b"older"


@pytest.mark.robustness
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--compress=a.npz"], "--compress needs --out"),
        (["--out=a.npz"], "--out needs --compress or --decompress"),
        (["--compress=a", "--decompress=b", "--out=c"], "give one of them"),
        (["--decompress=a", "--out=b"], "--out must end in .npz with --decompress, got 'b'"),
        (["--compress=a", "--out=b", "--epochs=1"], "--compress trains nothing: add --epochs=0"),
        (["--compress=a", "--out=b", "--dropout=0.1"], "--compress says nothing of --dropout"),
        (["--compress={images}", "--out=b", "--layers=3"], "--layers must be 2, as checkpoint"),
        (["--decompress=a", "--out=b.npz", "--order=0"], "--decompress says nothing of --order"),
        (["--compress={images}", "--out={images}"], "is the file that is read"),
        (["--compress={images}", "--out={folder}"], "is a folder"),
        (["--compress={images}", "--out=/proc/a"], "cannot be written"),
        (["--compress={images}", "--out=b", "--order=8"], "order must be"),
        (["--compress=", "--out=b"], "--compress must not be empty, got ''"),
        (["--compress={images}", "--out=b", "--n_samples=100"], "says nothing of --n_samples"),
        (["--compress={images}", "--out=b", "--pretrained=mnist"], "leave --data out"),
    ],
)
def test_flags_that_do_not_go_together(place, flags, capsys, words, message):
    known = {"images": place / "images.npz", "folder": place}
    assert cli.main(flags(*(word.format(**known) for word in words))) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1


@pytest.mark.robustness
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--model=conditional"],
            "mnist is unconditional, --model=conditional asks for conditional",
        ),
        (["--orders=4"], "--pretrained brings its own model and data: leave --orders out"),
        (["--attention=1"], "--pretrained brings its own model and data: leave --attention out"),
        (["--data=digits"], "--pretrained brings its own model and data: leave --data out"),
        (["--pretrained=none"], "run must be one of"),
    ],
)
def test_a_published_model_needs_no_flags_of_a_folder(place, refused, tmp_path, words, message):
    out = tmp_path / "b"
    source = f"--compress={place / 'images.npz'}"
    refused([source, f"--out={out}", "--epochs=0", "--pretrained=mnist", *words], message)
    assert not out.exists()


@pytest.mark.robustness
def test_a_model_of_another_folder_is_not_taken_for_the_one_asked_for(place, refused, tmp_path):
    """Its folder's name says so, and the model must."""
    path = tmp_path / "ckpts" / "tiny-unconditional-8-orders" / training.BEST
    path.parent.mkdir(parents=True)
    gated((4, 4, 1), levels=2).save(path)
    places = ["--data=tiny.npz", f"--ckpt_path={tmp_path / 'ckpts'}", "--epochs=0", "--orders=8"]
    wanted = f"--orders must be 1, as checkpoint {path} has it, got 8"
    refused([*places, f"--compress={place / 'images.npz'}", f"--out={tmp_path / 'b'}"], wanted)


def test_ctrl_c_promises_no_training(place, flags, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(codec, "compress", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    out = tmp_path / "a.pcnn"
    out.write_bytes(b"older")
    assert cli.main(flags(f"--compress={place / 'images.npz'}", f"--out={out}")) == 130
    assert capsys.readouterr().err == "main.py: stopped\n"
    assert out.read_bytes() == b"older"
