"""The script of the published runs: commands are complete, and what was made is known."""

import json
import shlex
import sys

import published
import pytest

from pcnnlib import cli, runs


@pytest.mark.parametrize("scale", published.SCALES)
@pytest.mark.parametrize("name", published.RUNS)
def test_each_run_is_one_command_of_the_command_line(name, scale):
    args = cli.make_parser().parse_args(published.command(name, scale))
    assert args.publish == name and args.epochs == published.SCALES[scale][1][name]
    asked = dict(word.removeprefix("--").split("=") for word in published.RUNS[name].split())
    assert args.data == asked["data"] and args.model == asked.get("model", "")
    rehearsed = cli.make_parser().parse_args(published.command(name, scale, 1, "all"))
    assert rehearsed.epochs == 1 and rehearsed.devices == "all"


@pytest.mark.parametrize("name", sorted(published.RUNS.keys() - published.PENDING))
def test_the_published_runs_are_those_that_their_commands_make(name):
    """The script leaves them alone: their commands, which belong to earlier commits, are the same.

    What they were trained with is what the command asks for.
    """
    words = published.command(name, "gpu" if name in published.ON_GPU else "cpu")
    run = runs.read_run(name)
    assert run["command"] == cli.command(cli.make_parser().parse_args(words))
    assert published.published(runs.runs_dir() / name, words)
    flags = dict(word.removeprefix("--").split("=", 1) for word in words if "=" in word)
    assert run["training"]["learning_rate"] == float(flags["learning_rate"])
    assert run["training"]["ema"] == float(flags["ema"])
    for field in ("epochs", "batch_size"):
        assert run["training"][field] == int(flags[field])
    assert run["model"]["filters"] == int(flags["f_map"])
    if "painting" in flags.values():
        return  # it has no masked layers
    assert run["model"]["blocks"] == int(flags["layers"])
    assert run["training"]["flip"] == ("--flip" in words)
    assert run["model"]["dilations"] == [int(n) for n in flags["dilations"].split(",")]


def test_runs_that_wait_are_not_published_yet():
    """Once one is, it is repeated with the others: take its name from the list."""
    assert set(published.RUNS) > published.PENDING
    assert not published.PENDING & set(runs.list_runs())


def test_both_autoencoders_have_the_same_encoder_code_and_images():
    """Chapter 6 compares what their decoders make of it."""
    drawing, painting = (runs.read_run(name) for name in ("mnist-autoencoder", "mnist-painting"))
    assert drawing["data"] == painting["data"] and drawing["seed"] == painting["seed"]
    for field in ("image_shape", "levels", "code_size", "encoder_filters"):
        assert drawing["model"][field] == painting["model"][field]
    other = {"epochs"}
    assert {k: v for k, v in drawing["training"].items() if k not in other} == {
        k: v for k, v in painting["training"].items() if k not in other
    }


def test_a_run_is_made_again_if_its_command_or_its_figures_are_others(tmp_path):
    words = published.command("mnist", "cpu", devices="all")
    assert not published.published(tmp_path, words)
    made = cli.command(cli.make_parser().parse_args(words))
    for run, known in (
        ({"command": made, "speed": {}}, True),
        ({"command": made}, False),
        ({"command": f"{made} --seed=1", "speed": {}}, False),
    ):
        (tmp_path / runs.RUN).write_text(json.dumps(run))
        assert published.published(tmp_path, words) is known
    assert shlex.split(made)[:2] == ["python", "main.py"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--epochs=1"], "--epochs rehearses: give it a --results_path of its own"),
        (["--epochs=0", "--results_path=x"], "--epochs must be at least 1, got 0"),
    ],
)
def test_a_rehearsal_never_touches_what_is_published(words, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["published.py", "--scale=cpu", *words])
    monkeypatch.setattr(published.subprocess, "call", lambda *_: pytest.fail("began a run"))
    with pytest.raises(SystemExit) as caught:
        published.main()
    assert caught.value.code == 2 and message in capsys.readouterr().err


def test_the_table_says_what_a_published_run_costs():
    run = runs.read_run("mnist")
    line = published.cost(run, peak_tflops=1.0)
    assert f"{run['test']['nats_per_image']:.2f}" in line
    tflops = run["speed"]["images_per_second"] * run["speed"]["flop_per_image"] / 1e12
    assert f"{tflops:.1%}" in line and "%" not in published.cost(run, None)


def test_a_file_that_no_loader_brings_is_asked_for_before_the_first_run(
    tmp_path, monkeypatch, capsys
):
    began = []
    monkeypatch.setattr(published.subprocess, "call", lambda words: began.append(words) or 1)
    words = ["published.py", "--scale=cpu", f"--data_path={tmp_path}", f"--results_path={tmp_path}"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as caught:
        published.main()
    assert caught.value.code == 2 and not began
    told = capsys.readouterr().err
    assert "binarized_mnist.npz is brought by hand; cifar10_subset.npz is made by" in told
    # What is published already needs no file.
    monkeypatch.setattr(sys, "argv", [*words[:3], "--only", "cifar-subset-vqvae"])
    published.main()
    assert not began and "published already" in capsys.readouterr().out
    # Where it is, the run reads it from there.
    (tmp_path / "cifar10_subset.npz").touch()
    monkeypatch.setattr(sys, "argv", [*words, "--only", "cifar-subset-vqvae"])
    with pytest.raises(SystemExit, match="stopped with code 1"):
        published.main()
    assert f"--data={tmp_path / 'cifar10_subset.npz'}" in began[0]
