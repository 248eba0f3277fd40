"""Published runs: written, found by name, read whole, and their weights loaded."""

import dataclasses
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
    monkeypatch.setattr(results, "runs_dir", lambda: tmp_path)
    return tmp_path, model


def test_runs_are_read_by_name(published):
    assert results.list_runs() == ["alone", "small/ours", "small/theirs"]
    runs = results.read_runs("small")
    assert {name: run["seed"] for name, run in runs.items()} == {"ours": 1, "theirs": 2}
    assert results.read_run("alone")["weights"]["parameters"] == published[1].count_params()


@pytest.mark.parametrize("name", ["alone", "small/ours"])
def test_pretrained_model_is_the_saved_one(published, name):
    images = random_images(3, (4, 4, 1), 2)
    loaded = pcnn.load_pretrained(name)
    np.testing.assert_array_equal(outputs(loaded, images), outputs(published[1], images))


def test_a_run_written_again_without_a_model_keeps_its_weights(published):
    run_dir = published[0] / "alone"
    results.write_run(run_dir, results.read_run("alone") | {"seed": 4})
    assert results.read_run("alone")["seed"] == 4
    pcnn.load_pretrained("alone")
    assert sorted(path.name for path in run_dir.iterdir()) == ["run.json", "weights.keras"]


@pytest.mark.parametrize("kind", ["unconditional", "conditional", "autoencoder"])
def test_examples_are_what_a_page_needs_of_the_data(tiny_data, published, kind):
    options = {"condition": pcnn.Labels(3)} if kind == "conditional" else {}
    model = gated(**options)
    if kind == "autoencoder":
        model = pcnn.PixelCNNAutoencoder(
            (4, 4, 1), 2, 2, 4, 1, first_kernel_size=3, encoder_filters=(2, 2, 2)
        )
    images = results.examples(model, tiny_data, drawn=5, shown=4, seed=3)
    labels = [
        tiny_data.test.labels[(tiny_data.test.images == image).all(axis=(1, 2, 3))].tolist()
        for image in images["test"]
    ]
    assert all(k % 3 in found for k, found in enumerate(labels))
    results.write_run(published[0] / "new", {"seed": 3}, model, images)
    kept = results.read_examples("new")
    assert kept.keys() == images.keys()
    if kind != "autoencoder":
        again = model.sample(5, None if not options else [0, 1, 2, 0, 1], seed=3)
        np.testing.assert_array_equal(kept["drawn"], again[:4])
        for k in range(4):
            differing = (kept["drawn"][k] != tiny_data.train.images).sum(axis=(1, 2, 3))
            assert kept["drawn_distance"][k] == differing.min()
            np.testing.assert_array_equal(
                kept["nearest"][k], tiny_data.train.images[differing.argmin()]
            )
        assert len(kept["test_distance"]) == min(5, len(tiny_data.test))
        assert kept["copied_distance"].tolist() == [0] * 5


def test_a_copy_of_what_is_binarised_afresh_has_noise_of_its_own(tiny_data):
    grey = np.full(tiny_data.train.images.shape, 128, "uint8")
    train = dataclasses.replace(tiny_data.train, intensities=grey)
    data = dataclasses.replace(tiny_data, train=train)
    copied = results.examples(gated(), data, drawn=9, shown=2)["copied_distance"]
    assert copied.shape == (9,) and copied.max() > 0


@pytest.mark.parametrize("damage", ["empty", "cut", "foreign", "flipped"])
def test_examples_may_be_missing_but_not_damaged(published, damage):
    assert results.read_examples("alone") == {}
    path = published[0] / "alone" / results.EXAMPLES
    np.savez_compressed(path, test=np.random.default_rng(0).integers(0, 2, (9, 8, 8, 1)))
    whole = path.read_bytes()
    assert results.read_examples("alone").keys() == {"test"}
    flipped = bytearray(whole)
    for run_dir in range(60, 90):  # in the compressed stream
        flipped[run_dir] ^= 0xFF
    contents = {"empty": b"", "cut": whole[:-40], "foreign": b"none", "flipped": bytes(flipped)}
    path.write_bytes(contents[damage])
    with pytest.raises(UsageError, match="examples.npz cannot be read"):
        results.read_examples("alone")


def test_speed_counts_training_images_and_a_third_of_those_validated(tiny_data):
    speed = results.speed(gated(), tiny_data, [4.0, 2.0, 9.0], drawn=3)
    assert speed["seconds_per_epoch"] == 4
    images = len(tiny_data.train) + len(tiny_data.validation) / 3
    assert speed["images_per_second"] == pytest.approx(images / 4)
    assert speed["flop_per_image"] == 3 * pcnn.analysis.flop_per_image(gated())
    assert 0 < speed["drawn_per_second"] < 1e6


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


def test_literature_names_figure_images_and_source_of_everything():
    for task in ("mnist", "binarized_mnist", "mnist-conditional", "mnist-autoencoder"):
        for entry in results.read_literature(task):
            assert {"model", "nats", "on", "source"} <= entry.keys()
            assert 70 < entry["nats"] < 100 and entry["url"].startswith("https://")
    with pytest.raises(UsageError, match="task must be one of binarized_mnist, mnist, .* got 'x'"):
        results.read_literature("x")


def test_weights_that_are_not_those_published_are_refused(published):
    (published[0] / "alone" / "weights.keras").write_bytes(b"other")
    with pytest.raises(UsageError, match="weights.keras is damaged: its checksum"):
        pcnn.load_pretrained("alone")


@pytest.mark.parametrize("content", ["{", "3", "[]", "null", b"\xff\xfe\x00"])
def test_damaged_result_is_named(published, content):
    content = content if isinstance(content, bytes) else content.encode()
    (published[0] / "small" / "ours" / "run.json").write_bytes(content)
    with pytest.raises(UsageError, match="run.json cannot be read"):
        results.read_runs("small")


@pytest.mark.parametrize("weights", [None, "x", {}, {"sha256": None}])
def test_weights_without_a_checksum_are_refused(published, weights):
    run_dir = published[0] / "alone"
    results.write_run(run_dir, results.read_run("alone") | {"weights": weights})
    with pytest.raises(UsageError, match="weights.keras is damaged"):
        pcnn.load_pretrained("alone")
    (run_dir / "weights.keras").unlink()
    with pytest.raises(UsageError, match="weights.keras is missing"):
        pcnn.load_pretrained("alone")


def test_runs_of_ones_own_are_read_from_their_folder(published, tmp_path):
    own = tmp_path / "own"
    results.write_run(own / "mine", {"seed": 7}, published[1], {"test": np.zeros((2, 4, 4, 1))})
    assert results.list_runs(own) == ["mine"] and "alone" in results.list_runs()
    assert results.read_run("mine", own)["seed"] == 7
    assert results.read_examples("mine", own)["test"].shape == (2, 4, 4, 1)
    pcnn.load_pretrained("mine", own)
    with pytest.raises(UsageError, match="run must be one of mine, got 'alone'"):
        pcnn.load_pretrained("alone", own)


def test_provenance_name_commit_hardware_and_versions():
    found = results.provenance(["numpy", "no-such-package"])
    assert found["versions"]["numpy"] == np.__version__
    assert found["versions"]["no-such-package"] is None
    assert found["hardware"]["cpu"] and found["hardware"]["cores"] >= 1
    json.dumps(found)


def test_results_are_beside_the_package_in_a_checkout():
    assert (results.runs_dir() / "README.md").is_file()


def test_every_published_run_is_whole():
    """Weights are those of the checksum, and every run says where its figures come from."""
    for name in results.list_runs():
        run = results.read_run(name)
        assert {"command", "data", "commit", "hardware", "versions"} <= run.keys()
        # One run is tested; a variant is repeated, and compared on validation images.
        assert {"seed", "test"} <= run.keys() or {"seeds", "validation_nats"} <= run.keys()
        if "weights" in run:
            pcnn.load_pretrained(name)
        if "--publish" in run["command"]:
            assert run["speed"]["flop_per_image"] > 0
            assert results.read_examples(name)["test"].shape[0] == 10


def test_ours_stands_among_the_others_the_best_last():
    rows = results.compare("binarized_mnist", "binarized-mnist")
    assert [row["nats"] for row in rows] == sorted((row["nats"] for row in rows), reverse=True)
    (ours,) = [row for row in rows if "error" in row]
    test = results.read_run("binarized-mnist")["test"]
    assert (ours["nats"], ours["error"]) == (test["nats_per_image"], test["standard_error"])
    assert len(rows) == len(results.read_literature("binarized_mnist")) + 1
    kinds = {"mnist-conditional": "Gated PixelCNN", "mnist-autoencoder": "Autoencoder"}
    for name, kind in kinds.items():
        models = [row["model"] for row in results.compare(name, name) if "error" in row]
        assert models == [f"{kind} of this book"]


def test_only_what_was_tested_is_compared(published):
    with pytest.raises(UsageError, match="run 'alone' has not been tested"):
        results.compare("mnist", "alone")


@pytest.mark.parametrize(
    ("made_on", "words"),
    [
        ({"cpu": "A", "cores": 1, "accelerators": []}, "1 core, A"),
        ({"cpu": "A", "cores": 2, "accelerators": []}, "2 cores, A"),
        ({"cpu": "A", "cores": 2, "accelerators": ["gpu:0 B"]}, "gpu:0 B"),
    ],
)
def test_hardware_is_said_in_words(made_on, words):
    assert results.hardware({"hardware": made_on}) == words
