"""A whole small run: what it leaves, what it draws, and how it is taken up again."""

import os
import pathlib
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from pcnnlib import cli, training
from pcnnlib.cli import draw

ROOT = pathlib.Path(__file__).parents[2]


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
        kinds = events.Tags()
        tags["scalars"] |= set(kinds["scalars"]) | set(kinds["tensors"])
        tags["images"] |= set(kinds["images"]) | set(kinds["tensors"])
        tags["graph"] |= kinds["graph"]
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


def test_a_run_is_trained_as_its_flags_say(home):
    state = training.read_state(home.folder / "ckpts/tiny-unconditional" / training.LAST)
    assert state["training"]["epochs"] == 2 and state["training"]["batch_size"] == 12
    assert state["model"]["blocks"] == 2 and state["model"]["filters"] == 4
    assert state["starts"][0]["command"].startswith("python main.py --data=tiny.npz --layers=2")


def test_completion_keeps_the_given_half(home, grid_of):
    for row in grid_of(home.folder / "samples/tiny-unconditional/completion.png", 3):
        for image in row:
            assert image[:2].tolist() == [[0, 255, 0, 0], [0, 255, 0, 0]]


def test_left_half_and_transparent_pixels_can_be_asked_for(home, sampled):
    cli.main(home.flags("--epochs=0", f"--complete={home.complete}", "--keep=left"))
    assert sampled[-1]["keep"].tolist() == [[True, True, False, False]] * 4
    holes = home.folder / "holes.png"
    rgba = np.zeros((4, 4, 4), "uint8")
    rgba[:3, ..., 3] = 255
    Image.fromarray(rgba).save(holes)
    cli.main(home.flags("--epochs=0", f"--complete={holes}"))
    assert sampled[-1]["keep"].tolist() == [[True] * 4] * 3 + [[False] * 4]


def test_ctrl_c_says_how_to_go_on(capsys, own_home, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", interrupt)
    assert cli.main(own_home.flags("--epochs=1")) == 130
    err = capsys.readouterr().err
    assert "stopped; the same command goes on from the last epoch" in err
    assert "Traceback" not in err


def test_ctrl_c_while_drawing_is_one_line(home, capsys, monkeypatch):
    monkeypatch.setattr(draw, "animate", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    assert cli.main(home.flags("--epochs=0", "--animate")) == 130
    assert capsys.readouterr().err == "main.py: stopped\n"


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="one backend is enough")
def test_main_py_in_a_process_of_its_own(own_home):
    def run(*flags):
        return subprocess.run(
            [sys.executable, ROOT / "main.py", *flags],
            cwd=own_home.folder,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=240,
        )

    done = run(*own_home.quick_flags("--epochs=1"))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "Epoch 1/1" in done.stdout
    assert "bits/dim" in done.stdout
    wrong = run("--layer=3")
    assert wrong.returncode == 2
    assert wrong.stderr == "main.py: error: unknown flag --layer; did you mean --layers?\n"
