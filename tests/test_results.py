"""Published runs: found by name, read whole, and their weights loaded."""

import json

import numpy as np
import pytest
from support import gated, outputs, random_images

import pcnnlib as pcnn
from pcnnlib import results
from pcnnlib.errors import UsageError


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A results folder with one set of two runs, one of them with weights."""
    group = tmp_path / "small"
    group.mkdir()
    (tmp_path / "README.md").write_text("not a run")
    for run in ("ours", "theirs"):
        (group / f"{run}.json").write_text(json.dumps({"run": run}))
    model = gated()
    model.save(group / "ours.keras")
    monkeypatch.setattr(results, "folder", lambda: tmp_path)
    return group, model


def test_runs_are_read_by_name(published):
    assert results.read_runs("small") == {"ours": {"run": "ours"}, "theirs": {"run": "theirs"}}


def test_pretrained_model_is_the_saved_one(published):
    images = random_images(3, (4, 4, 1), 2)
    loaded = pcnn.load_pretrained("small/ours")
    np.testing.assert_array_equal(outputs(loaded, images), outputs(published[1], images))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("large/ours", "group must be one of small, got 'large'"),
        ("small/theirs", "run must be one of ours, got 'theirs'"),
        ("small", "run must be one of ours, got ''"),
        ("../small/ours", "group must be one of small, got '..'"),
    ],
)
def test_unknown_names_are_refused(published, name, message):
    with pytest.raises(UsageError, match=message):
        pcnn.load_pretrained(name)


def test_damaged_result_is_named(published):
    (published[0] / "ours.json").write_text("{")
    with pytest.raises(UsageError, match="ours.json cannot be read"):
        results.read_runs("small")


def test_results_are_beside_the_package_in_a_checkout():
    assert (results.folder() / "README.md").is_file()
