"""Scripts of published runs: commands are complete, what was made is known, variants differ."""

import dataclasses
import json
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from support import random_images

from pcnnlib import cli, layers, results

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import ablations
import published


@pytest.mark.parametrize("scale", published.SCALES)
@pytest.mark.parametrize("name", published.RUNS)
def test_each_run_is_one_command_of_the_command_line(name, scale):
    args = cli.make_parser().parse_args(published.command(name, scale))
    assert args.publish == name and args.epochs == published.SCALES[scale][1][name]
    assert args.model == name.partition("-")[2].replace("mnist", "")
    rehearsed = cli.make_parser().parse_args(published.command(name, scale, 1, "all"))
    assert rehearsed.epochs == 1 and rehearsed.devices == "all"


def test_a_run_is_made_again_if_its_command_or_its_figures_are_others(tmp_path):
    words = published.command("mnist", "cpu", devices="all")
    assert not published.published(tmp_path, words)
    made = cli.command(cli.make_parser().parse_args(words))
    for run, known in (
        ({"command": made, "speed": {}}, True),
        ({"command": made}, False),
        ({"command": f"{made} --seed=1", "speed": {}}, False),
    ):
        (tmp_path / results.RUN).write_text(json.dumps(run))
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


def test_each_ablation_changes_one_thing_and_leaves_no_trace(digits):
    group = ablations.GROUPS["digits-ablations"]
    small = dataclasses.replace(group.config, blocks=2, filters=4, epochs=1)
    group = dataclasses.replace(group, config=small)
    gate = layers.gate
    nats, weights = {}, {}
    for name in (ablations.WHOLE, "no gate", "no dilation"):
        fields = ablations.measure(group, name, digits, [0])
        nats[name], weights[name] = fields["validation_nats"][0], fields["parameters"]
    assert layers.gate is gate
    assert len(set(weights.values())) == 1  # as many weights without the gate or the dilation
    assert len({tuple(values) for values in nats.values()}) == 3
    again = ablations.measure(group, ablations.WHOLE, digits, [0])
    assert again["validation_nats"][0] == pytest.approx(nats[ablations.WHOLE], rel=1e-4)


@pytest.mark.parametrize("name", ablations.GROUPS)
def test_a_group_of_ablations_is_written_by_variant_and_read_back(
    name, digits, tmp_path, monkeypatch, capsys
):
    group = ablations.GROUPS[name]
    assert group.variants[ablations.WHOLE] == ({}, None)
    config = dataclasses.replace(group.config, blocks=1, filters=2, epochs=1, dilations=(1,))
    variants = {ablations.WHOLE: ({}, None), "half, as deep": ({"ema": 0.0}, None)}
    small = dataclasses.replace(group, config=config, variants=variants, images=(40, 7))
    monkeypatch.setitem(ablations.GROUPS, name, small)
    monkeypatch.setattr(ablations.pcnn, "load_dataset", lambda *args, **options: digits)
    monkeypatch.setattr(results, "runs_dir", lambda: tmp_path)
    words = ["ablations.py", "--group", name, "--seeds", "2", "--results_path", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    ablations.main()
    runs = results.read_runs(name)
    assert runs.keys() == {"whole", "half-as-deep"}
    for run in runs.values():
        assert run["data"]["train"] == 40 and run["data"]["validation"] == 7
        assert np.shape(run["validation_nats"]) == (2, 7)
        assert run["seeds"] == [0, 1] and "test" not in run
    assert runs["half-as-deep"]["config"]["ema"] == 0 != runs["whole"]["config"]["ema"]
    assert ("--group" in runs["whole"]["command"]) == (name == "mnist-dilations")
    # What was asked for in vain is named, and nothing is trained.
    for more, named in ((["--only", "best"], "'best'"), (["--seeds", "1"], "got 1")):
        monkeypatch.setattr(sys, "argv", words + more)
        with pytest.raises(SystemExit):
            ablations.main()
        assert named in capsys.readouterr().err


def test_relu_in_place_of_the_gate_is_that_of_the_sum():
    inputs = random_images(2, (3, 3, 8), 9).astype("float32") - 4
    expected = np.maximum(inputs[..., :4] + inputs[..., 4:], 0)
    np.testing.assert_array_equal(ablations.relu_of_sum(inputs), expected)
