"""The runs that come with the library: whole, and of the networks that their records describe."""

import dataclasses

import pytest

import pcnnlib as pcnn
from pcnnlib import runs
from pcnnlib.models import architecture

NAMES = runs.list_runs()
FIELDS = {field.name for field in dataclasses.fields(pcnn.TrainConfig)}


@pytest.mark.parametrize("name", NAMES)
def test_a_record_names_where_its_figures_come_from(name):
    run = runs.read_run(name)
    assert {"command", "data", "commit", "hardware", "versions"} <= run.keys()
    assert len(run["data"]["sha256"]) == 64
    # One run is tested, or what it draws is judged; a variant is repeated, and compared on
    # validation images.
    kinds = {"seed", "test"}, {"seed", "recognised"}, {"seeds", "validation_nats"}
    assert any(kind <= run.keys() for kind in kinds)
    if "--publish" in run["command"]:
        assert run["speed"]["flop_per_image"] > 0
        assert runs.read_examples(name)["test"].shape[0] == 10


@pytest.mark.parametrize("name", NAMES)
def test_a_record_describes_network_and_training_or_the_settings_of_others(name):
    run = runs.read_run(name)
    assert "config" not in run
    if "settings" in run:
        assert not {"model", "training", "weights"} & run.keys()
        return
    assert run["training"].keys() <= FIELDS  # a field that came later is not in it
    arguments = {**run["model"], **run["training"]}
    unknown = run.get("not_recorded", [])
    assert all(arguments[field] is None for field in unknown)
    if not set(unknown) & FIELDS:
        pcnn.TrainConfig(**run["training"])
    assert run["training"]["seed"] == (run["seed"] if "seed" in run else run["seeds"][0])
    assert "weights" in run or run["parameters"] > 0


@pytest.mark.parametrize("name", [name for name in NAMES if "weights" in runs.read_run(name)])
def test_published_weights_are_those_of_their_record(name):
    """Of the file and of the values in it; in today's form, and without an optimiser."""
    run = runs.read_run(name)
    model = pcnn.load_pretrained(name)
    assert run["model"] == architecture(model)
    assert run["weights"]["values_sha256"] == runs.values_checksum(model)
    assert run["weights"]["parameters"] == model.count_params()
    assert not model.compiled


def test_there_are_published_runs_of_every_kind():
    """The tests above would pass without any."""
    kept = [name for name in NAMES if "weights" in runs.read_run(name)]
    assert {"mnist", "mnist-conditional", "mnist-autoencoder", "cifar-subset/mixture"} <= set(kept)
    assert any("settings" in runs.read_run(name) for name in NAMES)
