"""The page on clusters: its commands are ones that the command line knows."""

import re
from pathlib import Path

import yaml

from pcnnlib import cli

PAGE = Path(__file__).parents[2] / "book" / "cluster.md"
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def test_commands_use_known_flags_with_values_that_they_take(monkeypatch):
    commands = re.findall(
        r"main\.py (.*?)(?:#|'|$)", "\n".join(blocks("bash")).replace("\\\n", ""), re.M
    )
    assert len(commands) == 4
    for command in commands:
        words = re.sub(r"\$FIRST", "10.0.0.1", re.sub(r"\$SLURM_\w+", "1", command)).split()
        args = cli.make_parser().parse_args(words)
        assert args.devices == "all"


def test_the_job_runs_a_command_and_hands_down_what_processes_need():
    (text,) = blocks("yaml")
    service, job = yaml.safe_load_all(text)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    python, main, *flags = container["command"]
    assert (python, main) == (".venv/bin/python", "main.py")
    assert cli.make_parser().parse_args(flags).devices == "all"
    variables = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert set(cli.CLUSTER.values()) < set(variables)
    assert variables["KERAS_DISTRIBUTION_NUM_PROCESSES"] == str(job["spec"]["completions"])
    name, port = variables["KERAS_DISTRIBUTION_JOB_ADDRESSES"].split(":")
    assert name == f"{job['metadata']['name']}-0.{service['metadata']['name']}" and port.isdecimal()
    assert pod["subdomain"] == service["metadata"]["name"]
