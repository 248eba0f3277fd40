"""What others published, and ours among it."""

import pytest

import pcnnlib as pcnn
from pcnnlib import runs


def test_literature_names_figure_images_and_source_of_everything():
    for task in ("mnist", "binarized_mnist", "mnist-conditional", "mnist-autoencoder"):
        for entry in runs.read_literature(task):
            assert {"model", "nats", "on", "source"} <= entry.keys()
            assert 70 < entry["nats"] < 100 and entry["url"].startswith("https://")
    for task in ("cifar10", "mnist-256-levels"):
        for entry in runs.read_literature(task):
            assert {"model", "bits_per_dim", "on", "source"} <= entry.keys()
            assert 0 < entry["bits_per_dim"] < 8 and entry["url"].startswith("https://")


def test_what_only_bounds_a_likelihood_is_marked():
    """Models with latent variables know no more than a bound; those of pixels know the figure."""
    for task in ("mnist", "binarized_mnist"):
        for entry in runs.read_literature(task):
            bound = "VAE" in entry["model"] or "autoencoder" in entry["model"]
            assert entry.get("bound", False) == bound, entry


def test_an_unknown_task_is_named():
    with pytest.raises(
        pcnn.UsageError, match="task must be one of binarized_mnist, cifar10, mnist, .* got 'x'"
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


def test_a_run_of_several_orders_has_a_row_for_one_and_one_for_all(published):
    (published[0] / "literature.json").write_text('{"about": "", "mnist": []}')
    test = {"nats_per_image": 5.0, "standard_error": 0.1}
    run = {"model": {"orders": 4}, "test": test, "history": {"loss": [1]}}
    run["test_mixture"] = {"nats_per_image": 4.5, "standard_error": 0.2}
    runs.write_run(published[0] / "four", run)
    runs.write_run(published[0] / "one", {**run, "model": {"attention": [3]}, "test": test})
    rows = runs.compare("mnist", "four", "one")
    assert [
        (row["model"].removeprefix("Gated PixelCNN of this book"), row["nats"]) for row in rows
    ] == [
        (", one of 4 orders", 5.0),
        (", with attention", 5.0),
        (", mixture of 4 orders", 4.5),
    ]


def test_a_run_in_nats_is_not_compared_with_figures_in_bits():
    with pytest.raises(
        pcnn.UsageError, match="task must be one with nats per image, got 'cifar10'"
    ):
        runs.compare("cifar10", "mnist")


@pytest.mark.parametrize(
    ("task", "name", "message"),
    [
        ("mnist", "binarized-mnist", "on binarized_mnist with 2 levels"),
        ("binarized_mnist", "mnist", "on mnist with 2 levels"),
        ("mnist", "mnist-grey", "on mnist with 256 levels"),
        ("mnist", "mnist-vqvae", "on mnist with 256 levels"),
        ("mnist", "mnist-bayes", "has not been trained"),
    ],
)
def test_a_run_on_other_images_is_not_compared(task, name, message):
    with pytest.raises(pcnn.UsageError, match=message):
        runs.compare(task, name)


def test_a_bound_is_called_one(published):
    (published[0] / "literature.json").write_text('{"about": "", "mnist": []}')
    prior = {"class": "LatentPrior", "autoencoder": {"levels": 2, "code_size": 3}}
    test = {"nats_per_image": 5.0, "standard_error": 0.1}
    run = {"model": prior, "test": test, "history": {"loss": [1]}}
    runs.write_run(published[0] / "codes", run)
    (row,) = runs.compare("mnist", "codes")
    assert row["bound"] and row["model"] == "VQ-VAE and its prior of this book"


def test_only_what_was_tested_is_compared(published):
    literature = '{"about": "", "mnist": []}'
    (published[0] / "literature.json").write_text(literature)
    with pytest.raises(pcnn.UsageError, match="run 'alone' has not been trained and tested"):
        runs.compare("mnist", "alone")
