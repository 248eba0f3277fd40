"""The hosted workflows are sound, and run what the README's commands run."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.specifiers import SpecifierSet

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in (ROOT / ".github" / "workflows").glob("*.yml")
}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
ACTIONLINT = shutil.which("actionlint", path=str(pathlib.Path(sys.executable).parent))


def targets():
    """The Makefile's targets, with their recipes."""
    blocks = re.findall(r"^([a-z]+):[^\n=]*\n((?:\t[^\n]*\n)*)", MAKEFILE, re.M)
    assert blocks
    return dict(blocks)


def commands(name):
    jobs = WORKFLOWS[name]["jobs"].values()
    return [step["run"] for job in jobs for step in job["steps"] if "run" in step]


def made(text):
    """Targets that a text of commands makes, in order."""
    return re.findall(r"^\s*(?:run: )?make ([a-z]+)", text, re.M)


def supported_pythons():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    allowed = SpecifierSet(project["requires-python"])
    return [f"3.{minor}" for minor in range(8, 20) if f"3.{minor}.5" in allowed]


def test_the_four_workflows_are_there():
    assert sorted(WORKFLOWS) == ["gpu", "pages", "release", "test"]


@pytest.mark.skipif(ACTIONLINT is None, reason="actionlint has no wheel for this platform")
def test_actionlint_finds_nothing():
    files = sorted(map(str, (ROOT / ".github" / "workflows").glob("*.yml")))
    command = [ACTIONLINT, "-shellcheck=", "-pyflakes=", "-no-color", *files]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_target_that_is_made_exists():
    everything = {name: made("\n".join(commands(name))) for name in WORKFLOWS} | {".ci": made(CI)}
    wanted = {target for found in everything.values() for target in found}
    assert wanted and wanted <= set(targets())
    assert everything["pages"] == ["pdf"]  # and the book, which it is made of
    assert everything["gpu"] == ["venv", "book"]
    assert commands("test") == ["bash .ci/run"]


def test_ci_runs_both_commands_and_each_notebook_once():
    assert made(CI) == ["test", "robustness", "book"]
    assert "pytest" not in CI and "build.py" not in CI
    # Only the book executes notebooks: the tests would do so a second time.
    recipes = targets()
    assert "book/build.py" in recipes["book"] and "book/build.py" not in recipes["test"]
    for path in (ROOT / "tests" / "notebooks").glob("*.py"):
        assert "run_notebook" not in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize(
    ("backends", "expected"),
    [
        (None, ["test", "robustness", "book"]),
        ("tensorflow", ["test", "robustness", "book"]),
        ("jax", ["test", "robustness"]),
    ],
)
def test_ci_builds_the_book_where_tensorflow_is_tested(backends, expected, tmp_path):
    """Run with a `make` that writes its target down."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    fake = tmp_path / "bin"
    fake.mkdir()
    for name, line in (
        ("make", f'echo "$1" >> {tmp_path}/made; echo "$BACKENDS" > {tmp_path}/under'),
        ("chromium", "true"),
    ):
        (fake / name).write_text(f"#!/bin/sh\n{line}\n")
        (fake / name).chmod(0o755)
    environment = {"PATH": f"{fake}:/usr/bin:/bin"} | ({"BACKENDS": backends} if backends else {})
    subprocess.run(["bash", ".ci/run"], cwd=tmp_path, env=environment, check=True, timeout=60)
    assert (tmp_path / "made").read_text().split() == expected
    assert (tmp_path / "under").read_text().strip() == (backends or "tensorflow jax")


def test_matrix_holds_every_supported_python_and_both_backends():
    (job,) = WORKFLOWS["test"]["jobs"].values()
    assert job["strategy"]["matrix"] == {
        "python": supported_pythons(),
        "backend": ["tensorflow", "jax"],
    }
    # Each entry uses what it is an entry for.
    environment = {k: v for step in job["steps"] for k, v in step.get("env", {}).items()}
    assert environment["PYTHON"] == "python${{ matrix.python }}"
    assert environment["BACKENDS"] == "${{ matrix.backend }}"
    versions = [step["with"]["python-version"] for step in job["steps"] if "setup" in str(step)]
    assert versions == ["${{ matrix.python }}"]


def test_a_release_is_built_tried_on_every_python_and_published_without_a_password():
    jobs = WORKFLOWS["release"]["jobs"]
    assert jobs["wheel"]["strategy"]["matrix"] == {"python": supported_pythons()}
    # Published only after it was tried, and only for a tag.
    assert (jobs["wheel"]["needs"], jobs["publish"]["needs"]) == ("build", "wheel")
    assert jobs["publish"]["if"] == "startsWith(github.ref, 'refs/tags/')"
    # The one job that may ask for a token of the index, and no secret anywhere.
    allowed = {name: job.get("permissions") for name, job in jobs.items()}
    assert allowed == {"build": None, "wheel": None, "publish": {"id-token": "write"}}
    assert WORKFLOWS["release"]["permissions"] == {"contents": "read"}
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    assert "secrets." not in text and "password:" not in text
    assert "bash .ci/wheel python${{ matrix.python }} dist/*.whl" in commands("release")


@pytest.mark.parametrize(
    ("tag", "heading", "code"),
    [
        ("v1.2.3", "## [1.2.3] - 2030-01-01", 0),
        ("v1.2.3", "## 1.2.3", 0),
        ("v1.2.4", "## [1.2.3]", 1),
        ("v1.2.3", "## [Unreleased], to be 1.2.3", 1),
    ],
)
def test_a_tag_must_name_the_version_and_the_change_log_too(tmp_path, tag, heading, code):
    (step,) = [text for text in commands("release") if "GITHUB_REF_NAME" in text]
    (tmp_path / "pcnnlib").mkdir()
    (tmp_path / "pcnnlib" / "__init__.py").write_text('import x\n\n__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(f"# What changed\n\n{heading}\n")
    done = subprocess.run(
        ["bash", "-e", "-c", step], cwd=tmp_path, env={**os.environ, "GITHUB_REF_NAME": tag}
    )
    assert done.returncode == code


@pytest.mark.parametrize("name", ["gpu", "pages", "release"])
def test_other_workflows_take_a_supported_python(name):
    versions = re.findall(r'python-version\W+"?([\d.]+)', str(WORKFLOWS[name]))
    assert versions and set(versions) <= set(supported_pythons())


def test_long_runs_take_a_file_of_parameters_that_exists():
    text = (ROOT / ".github" / "workflows" / "gpu.yml").read_text(encoding="utf-8")
    files = set(re.findall(r"notebooks/params/\w+\.yaml", text))
    assert files and all((ROOT / file).is_file() for file in files)
    assert "PARAMS" in MAKEFILE and 'PARAMS="$PARAMS"' in "\n".join(commands("gpu"))


def test_make_test_runs_ruff_mypy_and_pytest_under_each_backend():
    """As `make` itself says; each step is timed."""
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")

    def steps(*arguments):
        command = [make, "--dry-run", "--assume-old=.venv/.installed", "test", *arguments]
        # The `make` that runs this test hands its own arguments and BACKENDS down.
        chosen = ("BACKENDS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
        environment = {name: value for name, value in os.environ.items() if name not in chosen}
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=ROOT, timeout=60, env=environment
        )
        assert done.returncode == 0, done.stderr
        lines = [line for line in done.stdout.splitlines() if "book/timed.sh" in line]
        return [re.search(r'timed.sh (?:"([^"]+)"|(\S+))', line) for line in lines]

    def names(*arguments):
        return [match[1] or match[2] for match in steps(*arguments)]

    lint = ["ruff check", "ruff format", "mypy"]
    both = ["pytest, tensorflow, 1 of 2", "pytest, tensorflow, 2 of 2"]
    assert names() == [*lint, *both]
    assert names("BACKENDS=jax") == [*lint, "pytest, jax"]
    assert names("BACKENDS=tensorflow jax") == [*lint, *both, "pytest, jax"]
