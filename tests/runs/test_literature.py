"""What others published, and ours among it."""

import pytest

import pcnnlib as pcnn
from pcnnlib import runs


def test_literature_names_figure_images_and_source_of_everything():
    for task in ("mnist", "binarized_mnist", "mnist-conditional", "mnist-autoencoder"):
        for entry in runs.read_literature(task):
            assert {"model", "nats", "on", "source"} <= entry.keys()
            assert 70 < entry["nats"] < 100 and entry["url"].startswith("https://")
    with pytest.raises(
        pcnn.UsageError, match="task must be one of binarized_mnist, mnist, .* got 'x'"
    ):
        runs.read_literature("x")


def test_ours_stands_among_the_others_the_best_last():
    rows = runs.compare("binarized_mnist", "binarized-mnist")
    assert [row["nats"] for row in rows] == sorted((row["nats"] for row in rows), reverse=True)
    (ours,) = [row for row in rows if "error" in row]
    test = runs.read_run("binarized-mnist")["test"]
    assert (ours["nats"], ours["error"]) == (test["nats_per_image"], test["standard_error"])
    assert len(rows) == len(runs.read_literature("binarized_mnist")) + 1
    kinds = {"mnist-conditional": "Gated PixelCNN", "mnist-autoencoder": "Autoencoder"}
    for name, kind in kinds.items():
        models = [row["model"] for row in runs.compare(name, name) if "error" in row]
        assert models == [f"{kind} of this book"]


def test_only_what_was_tested_is_compared(published, monkeypatch):
    literature = '{"about": "", "mnist": []}'
    (published[0] / "literature.json").write_text(literature)
    with pytest.raises(pcnn.UsageError, match="run 'alone' has not been tested"):
        runs.compare("mnist", "alone")
