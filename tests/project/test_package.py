"""The package as it is installed: a wheel holds every room and the published runs, whole."""

import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

from pcnnlib import runs

ROOT = pathlib.Path(__file__).parents[2]

LOAD = """
import pcnnlib as pcnn
from pcnnlib import runs
assert runs.runs_dir().name == "published", runs.runs_dir()
for name in runs.list_runs():
    if "weights" in runs.read_run(name):
        pcnn.load_pretrained(name)
print(pcnn.__file__, runs.read_literature("mnist")[0]["model"], *runs.list_runs())
"""


@pytest.mark.slow
def test_a_wheel_holds_every_room_and_the_published_runs(tmp_path):
    source = tmp_path / "source"
    for name in ("pcnnlib", "results"):
        shutil.copytree(ROOT / name, source / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
    subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, source], check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    unpacked = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    library = {
        path.relative_to(ROOT)
        for path in (ROOT / "pcnnlib").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {path.relative_to(unpacked) for path in unpacked.rglob("*")}
    assert sorted(map(str, library - packed)) == [], "files that the wheel lacks"
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    files = {
        str(path.relative_to(ROOT / "results"))
        for pattern in ("*/**/*.*", "*.json")
        for path in (ROOT / "results").glob(pattern)
    }
    packed = unpacked / "pcnnlib" / "published"
    assert (
        {str(p.relative_to(packed)) for p in packed.glob("**/*.*")} >= files > {"literature.json"}
    )
    where, _, *names = done.stdout.split()
    assert where.startswith(str(unpacked))
    assert names == runs.list_runs()
