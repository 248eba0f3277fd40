"""Model cards: what is committed is what the code writes now, from the record alone."""

import numpy as np
import pytest
import yaml
from PIL import Image

import pcnnlib as pcnn
from pcnnlib import runs
from pcnnlib.runs import card
from pcnnlib.viz import images

WITH_WEIGHTS = [name for name in runs.list_runs() if "weights" in runs.read_run(name)]


def metadata(text):
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_a_committed_card_is_what_the_code_writes_now(name):
    """Else: python experiments/cards.py."""
    run_dir = runs.runs_dir() / name
    figure = (run_dir / runs.FIGURE).is_file()
    written = runs.model_card(name, runs.read_run(name), figure=figure)
    assert (run_dir / runs.CARD).read_text(encoding="utf-8") == written
    examples = runs.read_examples(name)
    assert figure == ("drawn" in examples)
    if figure:
        drawn = examples["drawn"]
        network = runs.read_run(name)["model"]
        levels = network.get("autoencoder", network)["levels"]
        wanted = images.tile(drawn, levels, columns=len(drawn))
        with Image.open(run_dir / runs.FIGURE) as picture:
            np.testing.assert_array_equal(np.asarray(picture), wanted)


def test_every_kind_of_run_has_a_card_and_only_with_weights():
    with_card = {
        p.parent.relative_to(runs.runs_dir()).as_posix()
        for p in runs.runs_dir().glob("*/**/README.md")
    }
    assert with_card == set(WITH_WEIGHTS) and len(with_card) >= 6


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_the_hub_reads_licence_data_and_figures(name):
    run = runs.read_run(name)
    fields, body = metadata(runs.model_card(name, run))
    assert (fields["license"], fields["library_name"]) == ("mit", "keras")
    assert fields["datasets"] in (["ylecun/mnist"], ["uoft-cs/cifar10"])
    (result,) = fields["model-index"][0]["results"]
    assert set(fields["metrics"]) == {metric["type"] for metric in result["metrics"]}
    for metric in result["metrics"]:
        assert metric["value"] == run["test"][metric["type"]]
    assert run["command"] in body and run["commit"] in body
    assert f'pcnn.load_pretrained("{name}")' in body and "## Licence" in body


@pytest.mark.parametrize("name", ["mnist", "mnist-conditional", "mnist-autoencoder"])
def test_a_card_says_how_its_kind_draws(name):
    text = runs.model_card(name, runs.read_run(name))
    assert ("condition=[0, 0, 1, 1]" in text) == (name == "mnist-conditional")
    assert ("model.decode(codes, seed=0)" in text) == (name == "mnist-autoencoder")
    # In the table, and in the two figures for the Hub.
    assert text.count(", given its code") == (3 if name == "mnist-autoencoder" else 0)


def test_a_record_that_lacks_most_still_has_a_card(published):
    text = (published[0] / "alone" / runs.CARD).read_text(encoding="utf-8")
    fields, body = metadata(text)
    assert fields["license"] == "mit" and "model-index" not in fields and "datasets" not in fields
    assert "| seed | 3 |" in body and "SHA-256" in body
    assert not (published[0] / "small" / "theirs" / runs.CARD).exists()
    for part in ({"cpu": "x"}, {"accelerators": []}, 3):
        assert "| hardware |" not in runs.model_card("mine", {"hardware": part})
    odd = {"model": {"condition": {"class": "Map"}}, "data": {"name": 'a "b": ---'}, "weights": 3}
    assert "a row of the condition" in runs.model_card("mine", odd)


def test_every_data_set_states_its_licence():
    for name, source in pcnn.data.SOURCES.items():
        assert len(source.licence) > 8, name
    assert card._source("cifar10_subset.npz") in pcnn.data.SOURCES
