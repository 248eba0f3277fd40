"""Published runs: written, found by name, read whole, and their weights loaded."""

import json

import numpy as np
import pytest
from support import gated, outputs, random_images

import pcnnlib as pcnn
from pcnnlib import results
from pcnnlib.errors import UsageError


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A results folder with a run by itself and a set of two, one of which has no weights."""
    (tmp_path / "README.md").write_text("not a run")
    model = gated()
    results.write_run(tmp_path / "alone", {"seed": 3}, model)
    results.write_run(tmp_path / "small" / "ours", {"seed": 1}, model)
    results.write_run(tmp_path / "small" / "theirs", {"seed": 2})
    monkeypatch.setattr(results, "folder", lambda: tmp_path)
    return tmp_path, model


def test_runs_are_read_by_name(published):
    assert results.names() == ["alone", "small/ours", "small/theirs"]
    runs = results.read_runs("small")
    assert {name: run["seed"] for name, run in runs.items()} == {"ours": 1, "theirs": 2}
    assert results.read_run("alone")["weights"]["parameters"] == published[1].count_params()


@pytest.mark.parametrize("name", ["alone", "small/ours"])
def test_pretrained_model_is_the_saved_one(published, name):
    images = random_images(3, (4, 4, 1), 2)
    loaded = pcnn.load_pretrained(name)
    np.testing.assert_array_equal(outputs(loaded, images), outputs(published[1], images))


def test_a_run_written_again_without_a_model_keeps_its_weights(published):
    place = published[0] / "alone"
    results.write_run(place, results.read_run("alone") | {"seed": 4})
    assert results.read_run("alone")["seed"] == 4
    pcnn.load_pretrained("alone")
    assert sorted(path.name for path in place.iterdir()) == ["run.json", "weights.keras"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("large", "run must be one of alone, small/ours, small/theirs, got 'large'"),
        ("small", "run must be one of alone, small/ours, small/theirs, got 'small'"),
        ("../alone", "run must be one of .* got '../alone'"),
        ("small/theirs", "run 'small/theirs' has no weights"),
    ],
)
def test_unknown_names_are_refused(published, name, message):
    with pytest.raises(UsageError, match=message):
        pcnn.load_pretrained(name)


def test_unknown_groups_are_refused(published):
    with pytest.raises(UsageError, match="group must be one of small, got 'alone'"):
        results.read_runs("alone")


def test_weights_that_are_not_those_published_are_refused(published):
    (published[0] / "alone" / "weights.keras").write_bytes(b"other")
    with pytest.raises(UsageError, match="weights.keras is damaged: its checksum"):
        pcnn.load_pretrained("alone")


def test_damaged_result_is_named(published):
    (published[0] / "small" / "ours" / "run.json").write_text("{")
    with pytest.raises(UsageError, match="run.json cannot be read"):
        results.read_runs("small")


def test_surroundings_name_commit_hardware_and_versions():
    found = results.surroundings(["numpy", "no-such-package"])
    assert found["versions"]["numpy"] == np.__version__
    assert found["versions"]["no-such-package"] is None
    assert found["hardware"]["cpu"] and found["hardware"]["cores"] >= 1
    json.dumps(found)


def test_results_are_beside_the_package_in_a_checkout():
    assert (results.folder() / "README.md").is_file()


def test_every_published_run_is_whole():
    """Weights are those of the checksum, and every run says where its figures come from."""
    for name in results.names():
        run = results.read_run(name)
        assert {"command", "seed", "data", "commit", "hardware", "versions", "test"} <= run.keys()
        if "weights" in run:
            pcnn.load_pretrained(name)
