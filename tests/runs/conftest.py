"""A folder of runs of the tests' own."""

import pytest
from support import gated

from pcnnlib import runs
from pcnnlib.runs import registry


@pytest.fixture
def published(tmp_path, monkeypatch):
    """`(folder, model)`: a run by itself and a group of two, one of which has no weights."""
    (tmp_path / "README.md").write_text("not a run")
    model = gated()
    runs.write_run(tmp_path / "alone", {"seed": 3}, model)
    runs.write_run(tmp_path / "small" / "ours", {"seed": 1}, model)
    runs.write_run(tmp_path / "small" / "theirs", {"seed": 2})
    monkeypatch.setattr(registry, "runs_dir", lambda: tmp_path)
    return tmp_path, model
