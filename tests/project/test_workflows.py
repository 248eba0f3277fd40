"""The hosted workflows are sound, and run what the README's commands run."""

import pathlib
import shutil
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONLINT = shutil.which("actionlint", path=str(pathlib.Path(sys.executable).parent))


def lint(*files):
    command = [ACTIONLINT, "-shellcheck=", "-pyflakes=", "-no-color", *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)


needs_actionlint = pytest.mark.skipif(
    ACTIONLINT is None, reason="actionlint has no wheel for this platform"
)


def test_the_three_workflows_are_there():
    assert [path.name for path in WORKFLOWS] == ["gpu.yml", "pages.yml", "test.yml"]


@needs_actionlint
def test_actionlint_finds_nothing():
    done = lint(*WORKFLOWS)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_actionlint
def test_actionlint_would_find_a_mistake(tmp_path):
    text = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    broken = tmp_path / "broken.yml"
    broken.write_text(text.replace("runs-on:", "run-on:"), encoding="utf-8")
    done = lint(broken)
    assert done.returncode != 0
    assert "run-on" in done.stdout


def test_workflows_call_make_and_nothing_twice():
    for path in WORKFLOWS:
        jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
        commands = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
        assert any(command.startswith(("make ", "bash .ci/run")) for command in commands), path.name
