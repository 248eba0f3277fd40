"""The script of the published runs: its commands are complete, and it knows what it has made."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from pcnnlib import cli, results

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
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
