"""pyproject.toml, requirements.lock and environment.yml say the same."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK_TEXT = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PYTHONS = ["3.11", "3.12", "3.13"]


def locked(python):
    """{name: version} that the lock gives this platform on a Python version."""
    environment = default_environment() | {
        "python_version": python,
        "python_full_version": f"{python}.9",
    }
    lines = [line for line in LOCK_TEXT.splitlines() if line and not line.lstrip().startswith("#")]
    requirements = [Requirement(line) for line in lines]
    found = [r for r in requirements if r.marker is None or r.marker.evaluate(environment)]
    assert len({r.name for r in found}) == len(found), "two versions of one package"
    return {r.name: str(r.specifier).removeprefix("==") for r in found}


def required():
    """Every requirement of the library and its extras, but for the extras' own names."""
    extras = PROJECT["optional-dependencies"].values()
    everything = [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]
    requirements = [Requirement(line) for line in everything]
    return [r for r in requirements if r.name != PROJECT["name"]]


@pytest.mark.parametrize("python", PYTHONS)
def test_lock_satisfies_every_range(python):
    versions = locked(python)
    for requirement in required():
        if requirement.marker is None or requirement.marker.evaluate():
            assert requirement.specifier.contains(versions[requirement.name]), requirement


def test_lock_pins_exactly_and_names_no_place():
    for line in LOCK_TEXT.splitlines():
        assert line.lstrip().startswith("#") or re.match(r"[a-z0-9.-]+==[\w.]+( ; .+)?$", line), (
            line
        )
    assert not re.search(r"://|--\w|file:", LOCK_TEXT)


def test_library_itself_states_ranges():
    for line in PROJECT["dependencies"]:
        assert {part.operator for part in Requirement(line).specifier} <= {">=", "<", "!="}, line


def test_python_range_is_the_tested_one():
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert [f"3.{minor}" for minor in range(8, 16) if f"3.{minor}.5" in allowed] == PYTHONS
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in PYTHONS


def test_make_asks_uv_for_the_same_range(tmp_path):
    """By a `uv` that notes what it is asked for; to make, a comma ends an argument."""
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "uv").write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/asked\n')
    (tmp_path / "uv").chmod(0o755)

    def asked(*arguments):
        (tmp_path / "asked").unlink(missing_ok=True)
        command = [make, "venv", f"UV={tmp_path / 'uv'}", *arguments]
        environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "PYTHON")}
        subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=60)
        return (tmp_path / "asked").read_text().splitlines()[0].split()

    assert asked()[:-1] == ["venv", "--quiet", "--seed", "--python", PROJECT["requires-python"]]
    assert "python3.11" in asked("PYTHON=python3.11")


def conda():
    contents = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    lines = contents["dependencies"]
    pip = next(line["pip"] for line in lines if isinstance(line, dict))
    return [line for line in lines if isinstance(line, str)], pip


def test_conda_takes_the_same_python():
    lines, _ = conda()
    python = next(line for line in lines if line.split()[0] == "python")
    assert SpecifierSet(python.split(maxsplit=1)[1]) == SpecifierSet(PROJECT["requires-python"])


def test_conda_takes_its_versions_from_the_lock_and_from_nowhere_else():
    lines, pip = conda()
    assert pip == ["--requirement requirements.lock", "--editable ."]
    # A version beside the lock could drift from it. conda's own syntax: a name, then a version.
    assert [line for line in lines if " " in line or "=" in line] == ["python >=3.11,<3.14"]
    assert all(re.fullmatch(r"[a-z0-9_-]+( [<>=!.,\d*]+)?", line) for line in lines)
