"""Where a run was made: the commit of the library's own files, hardware and versions."""

import json
import subprocess

import numpy as np
import pytest

from pcnnlib import runs
from pcnnlib.runs.provenance import _commit


def test_provenance_names_commit_hardware_and_versions():
    made = runs.provenance(["numpy", "no-such-package"])
    assert made["versions"]["numpy"] == np.__version__
    assert made["versions"]["no-such-package"] is None
    assert made["hardware"]["cpu"] and made["hardware"]["cores"] >= 1
    json.dumps(made)


def test_the_commit_is_that_of_the_file_and_of_no_checkout_around_it(tmp_path):
    def git(*words):
        options = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        return subprocess.run(
            ["git", *options, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    library, installed = tmp_path / "library.py", tmp_path / "site-packages" / "library.py"
    installed.parent.mkdir()
    for path in (library, installed):
        path.write_text("1")
    assert _commit(library) is None
    git("init", "-q"), git("add", "library.py"), git("commit", "-q", "-m", "first")
    name = git("rev-parse", "--short=12", "HEAD")
    assert _commit(library) == name
    assert _commit(installed) is None
    library.write_text("2")
    assert _commit(library) == f"{name}+"


@pytest.mark.parametrize(
    ("made_on", "text"),
    [
        ({"cpu": "A", "cores": 1, "accelerators": []}, "1 core, A"),
        ({"cpu": "A", "cores": 2, "accelerators": []}, "2 cores, A"),
        ({"cpu": "A", "cores": 2, "accelerators": ["gpu:0 B"]}, "gpu:0 B"),
    ],
)
def test_hardware_is_named_in_a_line(made_on, text):
    assert runs.hardware({"hardware": made_on}) == text


def test_hardware_of_a_run_that_went_on_elsewhere_is_that_of_each_start():
    one, other = (
        {"hardware": {"cpu": "A", "cores": 1, "accelerators": [name]}}
        for name in ("gpu:0 X", "gpu:0 Y")
    )
    assert runs.hardware({**other, "starts": [one, one, other]}) == "gpu:0 X, then gpu:0 Y"
    assert runs.hardware({**other, "starts": [{"epoch": 0}]}) == "gpu:0 Y"
