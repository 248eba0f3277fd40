"""Publishing: what a run's record says, what is never replaced, and drawing from what is there."""

import json

import keras
import pytest

import pcnnlib as pcnn
from pcnnlib import cli, runs, training
from pcnnlib.models import architecture
from pcnnlib.runs import registry


def test_a_published_run_says_all_and_draws_without_its_data(home, tmp_path, monkeypatch, capsys):
    places = [f"--results_path={tmp_path}", f"--samples_path={tmp_path / 'samples'}"]
    assert cli.main(home.flags("--epochs=2", "--publish=group/tiny", *places)) == 0
    run = json.loads((tmp_path / "group" / "tiny" / "run.json").read_text())
    expected = "--data=tiny.npz --layers=2 --f_map=4 --epochs=2 --batch_size=12"
    assert run["command"] == f"python main.py {expected} --publish=group/tiny --n_samples=6"
    assert "config" not in run
    assert run["model"]["filters"] == 4 and run["data"]["train"] == 36
    assert pcnn.TrainConfig(**run["training"]) == pcnn.TrainConfig(epochs=2, batch_size=12)
    assert run["seed"] == 0 and {"commit", "hardware", "versions"} < set(run)
    assert len(run["history"]["val_loss"]) == 2 and run["best_epoch"] in (1, 2)
    assert run["seconds"] == sum(run["history"]["seconds"])
    assert run["test"]["images"] == run["data"]["test"]
    assert run["speed"]["images_per_second"] > 0
    saved = training.load_model(tmp_path / "group" / "tiny" / "weights.keras")
    assert not getattr(saved, "optimizer", None)  # three times the size, and of no use to draw
    assert run["model"] == architecture(saved)
    best = training.load_model(home.folder / "ckpts" / "tiny-unconditional" / "best.keras")
    data = pcnn.load_dataset(str(home.data))
    assert run["test"]["nats_per_image"] == pytest.approx(
        pcnn.evaluate(best, data.test).nats_per_image, rel=1e-5
    )

    monkeypatch.setattr(registry, "runs_dir", lambda: tmp_path)
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
        (["--warmup=0"], "--pretrained brings its own model and data: leave --warmup out"),
        (["--model=autoencoder"], "group/tiny is unconditional, --model asks for an autoencoder"),
        (["--complete=none.png", "--seed=3"], "picture none.png cannot be read"),
    ):
        assert cli.main([*flags, *places, *more]) == 2
        assert message in capsys.readouterr().err
    assert drawn.read_bytes() == usual.read_bytes()


def test_runs_of_ones_own_are_drawn_from_their_folder_and_never_replaced(
    own_home, tmp_path, monkeypatch, capsys, light_publishing
):
    places = [f"--results_path={tmp_path}", f"--samples_path={tmp_path / 'samples'}"]
    own = [*places, "--publish=own"]
    assert cli.main(own_home.quick_flags("--epochs=1", *own)) == 0
    assert cli.main(["--epochs=0", "--pretrained=own", *places]) == 0
    assert (tmp_path / "samples" / "own" / "samples.png").is_file()
    capsys.readouterr()
    before = {path: path.read_bytes() for path in (tmp_path / "own").iterdir()}
    assert cli.main(own_home.quick_flags("--epochs=2", *own)) == 2
    assert "own holds another run (python main.py" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)  # without the flag, the folder "results" is meant here too
    assert cli.main(own_home.quick_flags("--epochs=1", "--publish=other")) == 0
    assert cli.main(["--epochs=0", "--pretrained=other", "--results_path=results", places[1]]) == 0
    assert cli.main(["--epochs=0", "--pretrained=other", places[1]]) == 2
    capsys.readouterr()
    (tmp_path / "own" / runs.RUN).write_text("3")
    assert cli.main(own_home.quick_flags("--epochs=1", *own)) == 2
    assert "run.json cannot be read" in capsys.readouterr().err
    for name in (runs.WEIGHTS, runs.EXAMPLES):
        path = tmp_path / "own" / name
        assert path.read_bytes() == before[path]


@pytest.mark.parametrize(
    "starts", [None, [], [{"epoch": 1}], [{"epoch": 0}], [{"epoch": 0, "hardware": 3}]]
)
def test_a_run_is_not_published_if_it_is_unknown_what_trained_it(
    home, tmp_path, monkeypatch, refused, starts
):
    read = training.read_state
    monkeypatch.setattr(training, "read_state", lambda path: {**read(path), "starts": starts})
    flags = home.flags("--epochs=2", "--publish=x", f"--results_path={tmp_path}")
    refused(flags, "last.keras does not say what trained it")
    assert not (tmp_path / "x").exists()


def test_a_run_names_what_trained_it_not_what_published_it(
    own_home, tmp_path, monkeypatch, light_publishing
):
    """Epoch 1 on one machine, epoch 2 on another, published on a third."""
    flags = own_home.quick_flags("--epochs=2", f"--results_path={tmp_path}")
    stop, train = KeyboardInterrupt, training.train

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise stop

    def on(machine):
        hardware = {"cpu": machine, "cores": 1, "accelerators": []}
        made = {"commit": machine, "hardware": hardware, "versions": {}}
        monkeypatch.setattr(runs, "provenance", lambda: made)

    def stopped(*args, callbacks, **options):
        return train(*args, callbacks=[*callbacks, Stop()], **options)

    on("first")
    monkeypatch.setattr(training, "train", stopped)
    assert cli.main(flags) == 130
    monkeypatch.setattr(training, "train", train)
    on("second")
    assert cli.main(flags) == 0
    on("third")
    assert cli.main([*flags, "--publish=x"]) == 0
    run = json.loads((tmp_path / "x" / runs.RUN).read_text())
    assert run["commit"] == "second" and run["hardware"]["cpu"] == "second"
    assert run["spread"] == {"devices": 1, "processes": 1}
    assert run["command"].endswith("--publish=x --n_samples=6")
    assert run["starts"][1]["command"].endswith("--batch_size=12 --optimizer=adam --n_samples=6")
    assert [(s["epoch"], s["commit"]) for s in run["starts"]] == [(0, "first"), (1, "second")]


def test_publishing_needs_the_training_run(home, refused):
    refused(home.flags("--epochs=0", "--publish=x"), "--publish needs the training run")
