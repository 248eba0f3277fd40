"""The command line: a whole small run, and every mistake answered in one line."""

import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import write_npz
from PIL import Image
from support import gated

import pcnnlib as pcnn
from pcnnlib import cli, images, results, training

ROOT = pathlib.Path(__file__).parent.parent
CLUSTER = ["--coordinator=10.0.0.1:99", "--processes=2", "--process=0", "--devices=all"]
CLUSTER += ["--epochs=9"]


class Home:
    """A folder to run in: data, a picture to complete, and where results go."""

    def __init__(self, folder):
        self.folder = folder
        self.data = write_npz(folder / "tiny.npz")
        self.complete = folder / "half.png"
        image = np.zeros((4, 4), "uint8")
        image[:2, 1] = 255
        Image.fromarray(image).save(self.complete)

    def flags(self, *more):
        places = {"ckpt_path": "ckpts", "samples_path": "samples", "summary_path": "logs"}
        paths = [f"--{flag}={self.folder / name}" for flag, name in places.items()]
        size = ["--layers=2", "--f_map=4", "--batch_size=12", "--n_samples=6"]
        return [f"--data={self.data}", *paths, *size, *more]

    def saved(self):
        """Everything written, by name."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A finished run of two epochs. Tests must leave its checkpoints as they are."""
    home = Home(tmp_path_factory.mktemp("home"))
    more = ["--epochs=2", "--animate", f"--complete={home.complete}"]
    assert cli.main(home.flags(*more)) == 0
    return home


def test_a_run_leaves_checkpoints_logs_and_pictures(home):
    names = home.saved()
    for name in (
        "ckpts/tiny-unconditional/best.keras",
        "ckpts/tiny-unconditional/last.keras",
        "samples/tiny-unconditional/epoch_0002.png",
        "samples/tiny-unconditional/samples.png",
        "samples/tiny-unconditional/samples.gif",
        "samples/tiny-unconditional/completion.png",
        "samples/tiny-unconditional/completion.gif",
    ):
        assert names[name], name
    assert any("tfevents" in name for name in names)
    assert not [name for name in names if pathlib.Path(name).name.startswith(".")]


def test_tensorboard_finds_curves_the_graph_and_sample_grids(home):
    from tensorboard.backend.event_processing import event_accumulator

    tags = {"scalars": set(), "images": set(), "graph": False}
    for file in (home.folder / "logs").rglob("*tfevents*"):
        events = event_accumulator.EventAccumulator(str(file.parent))
        events.Reload()
        found = events.Tags()
        tags["scalars"] |= set(found["scalars"]) | set(found["tensors"])
        tags["images"] |= set(found["images"]) | set(found["tensors"])
        tags["graph"] |= found["graph"]
    assert {"epoch_loss", "samples"} <= tags["scalars"] | tags["images"]
    assert tags["graph"]


def test_without_epochs_the_same_pictures_are_drawn_from_the_checkpoint(home, capsys):
    before = home.saved()
    more = ["--epochs=0", "--animate", f"--complete={home.complete}"]
    assert cli.main(home.flags(*more)) == 0
    assert home.saved() == before
    out = capsys.readouterr().out
    assert "test: " in out
    assert "bits/dim" in out


def test_the_same_command_again_trains_nothing_more(home):
    before = home.saved()
    assert cli.main(home.flags("--epochs=2")) == 0
    after = home.saved()
    for name, content in before.items():
        if "tfevents" not in name:
            assert after[name] == content, name


def test_completion_keeps_the_given_half(home):
    for row in grid_of(home.folder / "samples/tiny-unconditional/completion.png", 3):
        for image in row:
            assert image[:2].tolist() == [[0, 255, 0, 0], [0, 255, 0, 0]]


def test_left_half_and_transparent_pixels_can_be_asked_for(home, monkeypatch):
    seen = []
    sample = pcnn.GatedPixelCNN.sample

    def watched(self, n, condition=None, **arguments):
        seen.append(arguments.get("given"))
        return sample(self, n, condition, **arguments)

    monkeypatch.setattr(pcnn.GatedPixelCNN, "sample", watched)
    cli.main(home.flags("--epochs=0", f"--complete={home.complete}", "--keep=left"))
    assert seen[-1].tolist() == [[True, True, False, False]] * 4
    holes = home.folder / "holes.png"
    rgba = np.zeros((4, 4, 4), "uint8")
    rgba[:3, ..., 3] = 255
    Image.fromarray(rgba).save(holes)
    cli.main(home.flags("--epochs=0", f"--complete={holes}"))
    assert seen[-1].tolist() == [[True] * 4] * 3 + [[False] * 4]


def grid_of(path, columns, size=4):
    """Images of a picture drawn by `images.tile`, as `(rows, columns, size, size)`, 0 or 255."""
    with Image.open(path) as picture:
        grid = np.asarray(picture.convert("L"))
    scale = max(1, 640 // (columns * (size + 1)))
    gap = max(1, scale // 2)
    step = size * scale + gap
    rows = [grid[top : top + size * scale : scale] for top in range(gap, len(grid) - gap, step)]
    return np.array(
        [
            [
                row[:, left : left + size * scale : scale]
                for left in range(gap, columns * step, step)
            ]
            for row in rows
        ]
    )


def watch_samples(monkeypatch):
    """The conditions that models are asked to draw from, as they come."""
    seen = []
    sample = pcnn.GatedPixelCNN.sample

    def watched(self, n, condition=None, **arguments):
        seen.append(None if condition is None else np.asarray(condition))
        return sample(self, n, condition, **arguments)

    monkeypatch.setattr(pcnn.GatedPixelCNN, "sample", watched)
    return seen


def test_conditional_run_draws_a_row_of_each_class_and_those_asked_for(
    tmp_path, capsys, monkeypatch
):
    home = Home(tmp_path)
    seen = watch_samples(monkeypatch)
    # Seven images of three classes: rows are filled up.
    assert cli.main(home.flags("--model=conditional", "--epochs=1", "--n_samples=7")) == 0
    assert seen[-1].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    pictures = tmp_path / "samples/tiny-conditional"
    assert grid_of(pictures / "samples.png", 3).shape == (3, 3, 4, 4)
    with Image.open(pictures / "samples.gif") as growing:
        assert growing.n_frames > 2
    (pictures / "samples.gif").unlink()
    more = ["--model=conditional", "--epochs=0", "--classes=2,2,0", "--no-animate"]
    assert cli.main(home.flags(*more)) == 0
    assert seen[-1].tolist() == [2, 2, 2, 2, 0, 0]
    assert not (pictures / "samples.gif").exists()
    capsys.readouterr()
    before = home.saved()
    for flags, message in [
        (["--epochs=0", "--model=conditional", "--classes=3"], "labels 0..2, got 3"),
        (
            ["--epochs=0", "--model=conditional", "--classes=a"],
            "--classes must be integers such as 3,3,7",
        ),
        (["--epochs=2", "--model=conditional", "--classes=3"], "labels 0..2, got 3"),
    ]:
        refused(home.flags(*flags), capsys, message)
    assert home.saved() == before


def test_autoencoder_run_draws_originals_beside_draws_from_their_codes(
    tmp_path, capsys, monkeypatch
):
    home = Home(tmp_path)
    seen = watch_samples(monkeypatch)
    flags = home.flags("--model=autoencoder", "--code_size=3", "--epochs=1", "--n_samples=20")
    assert cli.main(flags) == 0
    out = capsys.readouterr().out
    for line in ("test: ", "test, given each other's codes: ", "test, given the mean code: "):
        assert out.count(line) == 1
    data = pcnn.load_dataset(home.data)
    model = training.load_model(tmp_path / "ckpts/tiny-autoencoder" / training.BEST)
    assert model.code_size == 3
    # Two rows: an original, and nine draws from its code.
    codes = model.encode(data.test.images[:2])
    np.testing.assert_allclose(seen[-1], np.repeat(codes, 9, axis=0), atol=1e-6)
    grid = grid_of(tmp_path / "samples/tiny-autoencoder/samples.png", 10)
    assert (grid[:, 0] == data.test.images[:2, :, :, 0] * 255).all()
    before = home.saved()
    again = home.flags("--model=autoencoder", "--epochs=0", "--n_samples=20", "--animate")
    assert cli.main(again) == 0
    after = home.saved()
    assert after.pop("samples/tiny-autoencoder/samples.gif")
    assert after == before
    refused(
        home.flags("--model=autoencoder", "--code_size=4", "--epochs=2"),
        capsys,
        "code_size=3, not 4",
    )


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("options", "pixel"),
    [
        ({}, "Categorical"),
        ({"model": "conditional"}, "Categorical"),
        ({"model": "conditional", "distribution": "logistic_mixture"}, "LogisticMixture"),
        ({"model": "autoencoder", "distribution": "logistic_mixture"}, "LogisticMixture"),
    ],
)
def test_colour_images_are_trained_on_and_drawn(tmp_path, capsys, options, pixel):
    """With the default number of filters, which no one has to know must be divisible by 3."""
    home = Home(tmp_path)
    write_npz(home.data, n=12, shape=(4, 4, 3), levels=256)
    flags = [f for f in home.flags() if "f_map" not in f]
    flags += [f"--{name}={value}" for name, value in options.items()]
    assert cli.main([*flags, "--epochs=1", "--flip", "--dropout=0.1"]) == 0
    folder = f"tiny-{options.get('model', 'unconditional')}"
    model = training.load_model(tmp_path / "ckpts" / folder / training.BEST)
    decoder = getattr(model, "decoder", model)
    assert type(decoder.distribution).__name__ == pixel
    assert decoder.filters == (33 if pixel == "Categorical" else 32)
    with Image.open(tmp_path / "samples" / folder / "samples.png") as picture:
        assert np.ptp(np.asarray(picture), axis=-1).max() > 0  # in colour
    assert "bits/dim (" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("shape", "flags", "expected"),
    [
        ((12, 4), [], (1,)),
        ((13, 4), [], (1, 2, 4, 8)),
        ((4, 13), [], (1, 2, 4, 8)),
        ((13, 4), ["--dilations=1"], (1,)),
        ((4, 4), ["--dilations=2,3", "--model=autoencoder"], (2, 3)),
    ],
)
def test_larger_images_are_seen_across_unless_told_otherwise(tmp_path, shape, flags, expected):
    home = Home(tmp_path)
    write_npz(home.data, n=8, shape=shape)
    assert cli.main([*home.flags("--epochs=1", "--n_samples=1"), *flags]) == 0
    (folder,) = (tmp_path / "ckpts").iterdir()
    model = training.load_model(folder / training.BEST)
    assert getattr(model, "decoder", model).dilations == expected


def test_filters_that_channels_cannot_share_are_refused(tmp_path, capsys):
    home = Home(tmp_path)
    write_npz(home.data, n=12, shape=(4, 4, 3), levels=256)
    refused(
        home.flags("--epochs=1", "--f_map=32"),
        capsys,
        "filters must be a multiple of the 3 channel groups, got 32",
    )


def refused(flags, capsys, message):
    """One line on standard error, with the message; nothing else; exit code 2."""
    capsys.readouterr()
    assert cli.main(flags) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("main.py: error: ")
    assert message in lines[0]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--layer=3"], "unknown flag --layer; did you mean --layers?"),
        (["--qwertz"], "unknown flag --qwertz; --help lists them"),
        (["train"], "unexpected argument train"),
        (["--layers=many"], "invalid int value: 'many'"),
        (["--layers"], "expected one argument"),
        (["--model=gan"], "invalid choice: 'gan'"),
        (["--model=autoencoder", "--code_size=0"], "code_size must be an integer >= 1, got 0"),
        (["--model=autoencoder", "--classes=1"], "--classes needs --model=conditional"),
        (
            ["--model=autoencoder", "--complete=x.png"],
            "--complete needs a model that draws without",
        ),
        (["--components=0"], "components must be an integer >= 1, got 0"),
        (["--components=4"], "components are for distribution='logistic_mixture'"),
        (["--distribution=normal"], "invalid choice: 'normal'"),
        (["--epochs=2", "--flip"], "is of a run with flip=False, not True"),
        (["--layers=0"], "--layers must be an integer >= 1, got 0"),
        (["--f_map=0"], "--f_map must be an integer >= 1, got 0"),
        (["--batch_size=0"], "batch_size must be an integer >= 1, got 0"),
        (["--epochs=-1"], "epochs must be an integer >= 0, got -1"),
        (["--seed=-1"], "seed must be an integer >= 0, got -1"),
        (["--devices=some"], "--devices must be a number or all, got 'some'"),
        (["--devices=99", "--epochs=9"], "devices must be at most"),
        (["--processes=2"], "--coordinator is missing: several processes need all of"),
        ([*CLUSTER, "--devices=1"], "--devices must be all for several processes, got '1'"),
        ([*CLUSTER, "--epochs=0"], "several processes train, and --epochs=0 does not"),
        ([*CLUSTER, "--coordinator=here"], "coordinator must be address:port, got 'here'"),
        ([*CLUSTER, "--coordinator=a:99999"], "coordinator's port must be an integer 1..65535"),
        ([*CLUSTER, "--process=2"], "process must be an integer 0..1, got 2"),
        ([*CLUSTER, "--process=-1"], "process must be an integer 0..1, got -1"),
        (CLUSTER, "several processes need KERAS_BACKEND=jax, the backend is tensorflow"),
        (["--epochs=9", "--publish=x"], "planned for its 9 epochs from the start"),
        (["--publish="], "--publish must be a name such as mine or mine/first, got ''"),
        (["--publish=../x"], "--publish must be a name such as mine or mine/first, got '../x'"),
        (["--publish=/tmp/x"], "--publish must be a name such as mine or mine/first, got '/tmp/x'"),
        (["--publish=a/../x"], "--publish must be a name such as mine or mine/first"),
        (["--profile=9,3"], "--profile must be a batch, or first and last such as 10,20"),
        (["--profile=a"], "--profile must be integers such as 10,20, got 'a'"),
        (["--dilations=1,x"], "--dilations must be integers such as 1,2,4, got '1,x'"),
        (["--dilations=0"], "each of dilations must be an integer >= 1, got 0"),
        (["--optimizer=sgd"], "invalid choice: 'sgd'"),
        (["--precision=half"], "invalid choice: 'half'"),
        (["--accumulate=0"], "accumulate must be an integer >= 1, got 0"),
        (["--learning_rate=0"], "learning_rate must be a finite number > 0, got 0"),
        (["--learning_rate=nan"], "learning_rate must be a finite number > 0, got nan"),
        (["--grad_clip=-1"], "grad_clip must be a finite number > 0"),
        (["--dropout=1"], "dropout must be below 1"),
        (["--ema=1"], "ema must be below 1"),
        (["--n_samples=0"], "n_samples must be an integer >= 1, got 0"),
        (["--temperature=0"], "temperature must be a finite number > 0, got 0"),
        (["--levels=1"], "levels must be an integer 2..256, got 1"),
        (["--classes=1"], "--classes needs --model=conditional"),
        (["--data=mnits"], "data must be one of digits, mnist"),
        (["--data=none.npz"], "data file none.npz does not exist"),
        (["--epochs=0", "--data=digits"], "best.keras does not exist"),
        (["--epochs=2", "--complete=none.png"], "picture none.png cannot be read"),
        (["--epochs=0", "--complete=none.png"], "picture none.png cannot be read"),
        (["--epochs=2", "--layers=3"], "is of a run with blocks=2, not 3"),
        (["--epochs=2", "--seed=9"], "is of a run with seed=0, not 9"),
    ],
)
def test_mistakes_are_one_line_and_change_nothing(home, capsys, flags, message):
    before = home.saved()
    refused(home.flags(*flags), capsys, message)
    assert home.saved() == before


def test_data_and_checkpoints_that_do_not_agree_are_refused(home, capsys, tmp_path):
    other = Home(tmp_path)
    for options, message in [
        ({"shape": (5, 4)}, "is for images (4, 4, 1) of 2 levels"),
        ({"levels": 5}, "is for images (4, 4, 1) of 2 levels"),
    ]:
        write_npz(other.data, **options)
        flags = other.flags("--epochs=0", f"--ckpt_path={home.folder / 'ckpts'}")
        refused(flags, capsys, message)


def test_checkpoint_of_another_model_is_refused(capsys, tmp_path):
    home = Home(tmp_path)
    conditional = gated(condition=pcnn.Labels(3))
    autoencoder = pcnn.PixelCNNAutoencoder(
        (4, 4, 1), code_size=2, filters=4, blocks=1, encoder_filters=(2, 2, 2)
    )
    for model, flag, message in [
        (conditional, "", "is conditional, --model= asks for unconditional"),
        (autoencoder, "", "is an autoencoder, --model= asks for unconditional"),
        (gated(), "conditional", "is unconditional, --model=conditional asks for conditional"),
        (gated(), "autoencoder", "is unconditional, --model=autoencoder asks for an autoencoder"),
    ]:
        path = tmp_path / f"ckpts/tiny-{flag or 'unconditional'}" / training.BEST
        training.save(model, path)
        refused(home.flags("--epochs=0", f"--model={flag}"), capsys, message)


@pytest.mark.parametrize("name", [training.BEST, training.LAST])
def test_damaged_checkpoint_is_one_line_and_stays(capsys, tmp_path, home, name):
    other = Home(tmp_path)
    folder = tmp_path / "ckpts/tiny-unconditional"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(b"damaged")
    before = other.saved()
    epochs = "--epochs=0" if name == training.BEST else "--epochs=2"
    refused(other.flags(epochs), capsys, "is damaged")
    assert other.saved() == before


@pytest.mark.parametrize("flag", ["ckpt_path", "samples_path", "summary_path"])
def test_place_that_cannot_be_written_is_one_line_before_any_training(capsys, tmp_path, flag):
    home = Home(tmp_path)
    (tmp_path / "file").write_text("mine")
    before = home.saved()
    refused(home.flags("--epochs=1", f"--{flag}={tmp_path / 'file'}"), capsys, "file")
    assert home.saved() == before


def test_images_without_labels_cannot_condition(capsys, tmp_path):
    home = Home(tmp_path)
    write_npz(home.data, y_train=None, y_test=None)
    refused(home.flags("--model=conditional"), capsys, "a conditional model needs labels")


def test_images_of_two_channels_are_refused_before_any_training(capsys, tmp_path):
    home = Home(tmp_path)
    write_npz(home.data, shape=(4, 4, 2))
    refused(home.flags("--epochs=1"), capsys, "1 or 3 channels")
    assert not (tmp_path / "ckpts").exists()


def test_ctrl_c_says_how_to_go_on(capsys, tmp_path, monkeypatch):
    home = Home(tmp_path)

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", interrupt)
    assert cli.main(home.flags("--epochs=1")) == 130
    err = capsys.readouterr().err
    assert "stopped; the same command goes on from the last epoch" in err
    assert "Traceback" not in err


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="one backend is enough")
def test_main_py_in_a_process_of_its_own(tmp_path):
    home = Home(tmp_path)

    def run(*flags):
        return subprocess.run(
            [sys.executable, ROOT / "main.py", *flags],
            cwd=tmp_path,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=240,
        )

    done = run(*home.flags("--epochs=1"))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "Epoch 1/1" in done.stdout
    assert "bits/dim" in done.stdout
    wrong = run("--layer=3")
    assert wrong.returncode == 2
    assert wrong.stderr == "main.py: error: unknown flag --layer; did you mean --layers?\n"


def test_help_lists_every_flag(capsys):
    with pytest.raises(SystemExit) as raised:
        cli.main(["--help"])
    assert raised.value.code == 0
    out = capsys.readouterr().out
    for flag in "data model layers f_map epochs batch_size grad_clip data_path ckpt_path".split():
        assert f"--{flag}" in out
    for flag in "samples_path summary_path seed learning_rate n_samples temperature".split():
        assert f"--{flag}" in out


def test_a_published_run_says_all_and_draws_without_its_data(home, tmp_path, monkeypatch, capsys):
    places = [f"--results_path={tmp_path}", f"--samples_path={tmp_path / 'samples'}"]
    assert cli.main(home.flags("--epochs=2", "--publish=group/tiny", *places)) == 0
    run = json.loads((tmp_path / "group" / "tiny" / "run.json").read_text())
    expected = "--data=tiny.npz --layers=2 --f_map=4 --epochs=2 --batch_size=12"
    assert run["command"] == f"python main.py {expected} --publish=group/tiny --n_samples=6"
    assert run["config"]["filters"] == 4 and run["data"]["train"] == 36
    assert len(run["history"]["val_loss"]) == 2 and run["best_epoch"] in (1, 2)
    assert run["test"]["images"] == run["data"]["test"]
    assert run["speed"]["images_per_second"] > 0
    saved = training.load_model(tmp_path / "group" / "tiny" / "weights.keras")
    assert not getattr(saved, "optimizer", None)  # three times the size, and of no use to draw
    best = training.load_model(home.folder / "ckpts" / "tiny-unconditional" / "best.keras")
    data = pcnn.load_dataset(str(home.data))
    assert run["test"]["nats_per_image"] == pytest.approx(
        pcnn.evaluate(best, data.test).nats_per_image, rel=1e-5
    )

    monkeypatch.setattr(results, "runs_dir", lambda: tmp_path)
    flags = ["--epochs=0", "--pretrained=group/tiny", "--n_samples=6", "--data_path=no/such"]
    assert cli.main([*flags, *places]) == 0
    drawn = tmp_path / "samples" / "group" / "tiny" / "samples.png"
    usual = tmp_path / "samples" / "tiny-unconditional" / "samples.png"
    assert drawn.read_bytes() == usual.read_bytes()
    for more, message in (
        (["--epochs=1"], "--pretrained draws and trains nothing: add --epochs=0"),
        (["--publish=other"], "--pretrained is published already"),
        (["--classes=1,2"], "--classes needs a conditional model; group/tiny is none"),
        (["--pretrained=other"], "run must be one of group/tiny, got 'other'"),
        (["--data=cifar"], "--pretrained brings its own model and data: leave --data out"),
        (["--devices=all"], "--pretrained brings its own model and data: leave --devices out"),
        (["--model=autoencoder"], "group/tiny is unconditional, --model asks for an autoencoder"),
        (["--complete=none.png", "--seed=3"], "picture none.png cannot be read"),
    ):
        assert cli.main([*flags, *places, *more]) == 2
        assert message in capsys.readouterr().err
    assert drawn.read_bytes() == usual.read_bytes()


def test_runs_of_ones_own_are_drawn_from_their_folder_and_never_replaced(
    home, tmp_path, monkeypatch, capsys
):
    places = [f"--results_path={tmp_path}", f"--samples_path={tmp_path / 'samples'}"]
    own = [*places, f"--ckpt_path={tmp_path / 'ckpts'}", "--publish=own"]
    assert cli.main(home.flags("--epochs=1", *own)) == 0
    assert cli.main(["--epochs=0", "--pretrained=own", *places]) == 0
    assert (tmp_path / "samples" / "own" / "samples.png").is_file()
    capsys.readouterr()
    before = {path: path.read_bytes() for path in (tmp_path / "own").iterdir()}
    assert cli.main(home.flags("--epochs=2", *own)) == 2
    assert "own holds another run (python main.py" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)  # without the flag, the folder "results" is meant here too
    default = [f"--ckpt_path={tmp_path / 'ckpts'}", f"--samples_path={tmp_path / 'samples'}"]
    assert cli.main(home.flags("--epochs=1", "--publish=other", *default)) == 0
    assert cli.main(["--epochs=0", "--pretrained=other", "--results_path=results", *default]) == 0
    assert cli.main(["--epochs=0", "--pretrained=other", *default]) == 2
    capsys.readouterr()
    (tmp_path / "own" / results.RUN).write_text("3")
    assert cli.main(home.flags("--epochs=1", *own)) == 2
    assert "run.json cannot be read" in capsys.readouterr().err
    for name in (results.WEIGHTS, results.EXAMPLES):
        path = tmp_path / "own" / name
        assert path.read_bytes() == before[path]


@pytest.mark.parametrize("starts", [None, [], [{"epoch": 1}]])
def test_a_run_is_not_published_if_it_is_unknown_what_trained_it(
    home, tmp_path, monkeypatch, capsys, starts
):
    read = training.read_state
    monkeypatch.setattr(training, "read_state", lambda path: {**read(path), "starts": starts})
    flags = home.flags("--epochs=2", "--publish=x", f"--results_path={tmp_path}")
    refused(flags, capsys, "last.keras does not say what trained it")
    assert not (tmp_path / "x").exists()


def test_profiling_under_jax_needs_a_python_that_it_works_with(home, monkeypatch, capsys):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(sys, "version_info", (3, 11, 9))
    args = cli.make_parser().parse_args(["--profile=1,2"])
    with pytest.raises(pcnn.UsageError, match="--profile needs Python 3.12 under JAX"):
        cli._profile(args)
    assert cli._profile(cli.make_parser().parse_args([])) == 0
    monkeypatch.setattr(sys, "version_info", (3, 12, 0))
    assert cli._profile(args) == (1, 2)


def test_a_run_names_what_trained_it_not_what_published_it(home, tmp_path, monkeypatch):
    """Epoch 1 on one machine, epoch 2 on another, published on a third."""
    folder = ["--epochs=2", f"--results_path={tmp_path}", f"--ckpt_path={tmp_path / 'c'}"]
    stop, train = KeyboardInterrupt, training.train

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise stop

    def on(machine):
        made = {"commit": machine, "hardware": {"cpu": machine}, "versions": {}}
        monkeypatch.setattr(results, "provenance", lambda: made)

    def stopped(*args, callbacks, **options):
        return train(*args, callbacks=[*callbacks, Stop()], **options)

    on("first")
    monkeypatch.setattr(training, "train", stopped)
    assert cli.main(home.flags(*folder)) == 130
    monkeypatch.setattr(training, "train", train)
    on("second")
    assert cli.main(home.flags(*folder)) == 0
    on("third")
    assert cli.main(home.flags(*folder, "--publish=x")) == 0
    run = json.loads((tmp_path / "x" / results.RUN).read_text())
    assert run["commit"] == "second" and run["hardware"] == {"cpu": "second"}
    assert run["spread"] == {"devices": 1, "processes": 1}
    assert run["command"].endswith("--publish=x --n_samples=6")
    assert run["starts"][1]["command"].endswith("--epochs=2 --batch_size=12 --n_samples=6")
    assert [(s["epoch"], s["commit"]) for s in run["starts"]] == [(0, "first"), (1, "second")]


def test_a_published_autoencoder_draws_from_the_codes_of_its_examples(
    tmp_path, monkeypatch, capsys
):
    home = Home(tmp_path)
    places = [f"--results_path={tmp_path}", f"--samples_path={tmp_path / 'samples'}"]
    flags = ["--model=autoencoder", "--epochs=1", "--publish=coded", "--code_size=2"]
    assert cli.main(home.flags(*flags, *places)) == 0
    monkeypatch.setattr(results, "runs_dir", lambda: tmp_path)
    assert cli.main(["--epochs=0", "--pretrained=coded", "--n_samples=6", *places]) == 0
    examples = results.read_examples("coded")["test"]
    model = pcnn.load_pretrained("coded")
    row = [examples[0], *model.decode(np.repeat(model.encode(examples[:1]), 9, axis=0), seed=0)]
    images.save_png(tmp_path / "expected.png", images.tile(np.stack(row), 2, columns=10))
    drawn = tmp_path / "samples" / "coded" / "samples.png"
    assert drawn.read_bytes() == (tmp_path / "expected.png").read_bytes()
    # More rows than there are examples: they come round again.
    more = f"--n_samples={10 * len(examples) + 10}"
    assert cli.main(["--epochs=0", "--pretrained=coded", more, *places]) == 0
    width, height = Image.open(drawn).size
    assert round(10 * height / width) == len(examples) + 1
    (tmp_path / "coded" / results.EXAMPLES).unlink()
    assert cli.main(["--epochs=0", "--pretrained=coded", *places]) == 2
    assert "coded holds no images whose codes could be drawn from" in capsys.readouterr().err


def test_publishing_needs_the_training_run(home, capsys):
    assert cli.main(home.flags("--epochs=0", "--publish=x")) == 2
    assert "--publish needs the training run" in capsys.readouterr().err
