"""Scripts of published runs: commands are complete, what was made is known, variants differ."""

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


def test_each_ablation_changes_one_thing_and_leaves_no_trace(digits, monkeypatch):
    small = {"blocks": 2, "filters": 4, "epochs": 1}
    monkeypatch.setattr(
        ablations, "CONFIG", ablations.dataclasses.replace(ablations.CONFIG, **small)
    )
    gate = layers.gate
    nats, weights = {}, {}
    for name in (ablations.WHOLE, "no gate", "no dilation"):
        fields = ablations.measure(name, digits, [0])
        nats[name], weights[name] = fields["validation_nats"][0], fields["parameters"]
    assert layers.gate is gate
    assert len(set(weights.values())) == 1  # as many weights without the gate or the dilation
    assert len({tuple(values) for values in nats.values()}) == 3
    assert ablations.measure(ablations.WHOLE, digits, [0])["validation_nats"][0] == pytest.approx(
        nats[ablations.WHOLE], rel=1e-4
    )


def test_relu_in_place_of_the_gate_is_that_of_the_sum():
    inputs = random_images(2, (3, 3, 8), 9).astype("float32") - 4
    expected = np.maximum(inputs[..., :4] + inputs[..., 4:], 0)
    np.testing.assert_array_equal(ablations.relu_of_sum(inputs), expected)
