"""What several orders bring: each training of an experiment sees the images that it should."""

import sys

import eight_orders
import numpy as np
import orders
import pytest
from support import gated, random_images

import pcnnlib as pcnn
from pcnnlib import analysis, runs
from pcnnlib.data import Split
from pcnnlib.nn.raster import reorient


@pytest.fixture(scope="module")
def digits():
    return orders.KINDS["digits"].load(None)


def test_turned_images_read_by_rows_are_the_images_read_in_an_order(digits):
    turned = orders.in_order(digits, 5)
    assert np.array_equal(turned.train.images, reorient(digits.train.images, 5))
    assert np.array_equal(turned.train.labels, digits.train.labels)
    assert turned.levels == digits.levels == 2


def test_exchanged_pixels_are_the_same_pixels_at_places_common_to_all(digits):
    seed = 3
    exchanged = orders.scrambled(digits, seed)
    for part in ("train", "validation"):
        before, after = getattr(digits, part).images, getattr(exchanged, part).images
        assert not np.array_equal(before, after)
        assert np.array_equal(before.sum(axis=(1, 2, 3)), after.sum(axis=(1, 2, 3)))
    places = np.random.default_rng(seed).permutation(64)
    first = digits.test.images[0].ravel()[places]
    assert np.array_equal(exchanged.test.images[0].ravel(), first)
    assert not np.array_equal(orders.scrambled(digits, 4).test.images, exchanged.test.images)


class Recorded(orders.Kind):
    """Notes what it is asked to train, and trains nothing."""

    def train(self, data, seed, orders=1):
        self.network.setdefault("asked", []).append((data.name, seed, orders))
        nats = np.full((orders, len(data.validation)), 10.0 + seed)
        return gated(shape=(8, 8, 1)), nats, [0.0]


@pytest.fixture
def recorded(monkeypatch):
    kind = orders.KINDS["digits"]
    recorded = Recorded(kind.name, kind.command, {}, kind.training, kind.variants, kind.load)
    monkeypatch.setitem(orders.KINDS, "digits", recorded)
    return recorded


def run_script(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["orders.py", *words])
    orders.main()


def test_each_variant_trains_what_its_name_says(recorded, tmp_path, monkeypatch):
    run_script(monkeypatch, "--seeds=2", f"--results_path={tmp_path}")
    asked = recorded.network["asked"]
    name = "digits in black and white"
    assert asked[:2] == [(name, 0, 8), (name, 1, 8)]
    each = [(f"{name}, order {k}", seed, 1) for seed in range(2) for k in range(8)]
    assert asked[2:18] == each
    # One order: no seed twice, and none of the others'.
    assert asked[18:] == [(name, seed, 1) for seed in range(8, 24)]
    for folder in ("one-network", "a-network-per-order", "one-order"):
        run = runs.read_run_dir(tmp_path / "digits-orders" / folder)
        assert np.shape(run["validation_nats"])[:2] == (2, 8)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seeds=1"], "--seeds must be at least 2, to tell how much is chance, got 1"),
        (["--only", "no order"], "--only must name variants of 'one network', 'a network per"),
        (["--data=mnist", "--data_path=nowhere"], "nowhere"),
    ],
)
def test_wrong_words_train_nothing(words, message, monkeypatch, capsys):
    with pytest.raises(SystemExit) as caught:
        run_script(monkeypatch, *words)
    assert caught.value.code == 2 and message in capsys.readouterr().err


def test_the_record_holds_each_order_and_the_images_whose_orders_disagree():
    nats = np.array([[5.0, 5.0], [5.0, 9.0], [6.0, 7.0]])  # (images, orders)
    test = Split(random_images(3, (4, 4, 1), 2), np.arange(3))
    arrays, fields = eight_orders.record(-nats, test)
    assert arrays["log_likelihoods"].shape == (2, 3)
    assert arrays["apart"].tolist() == [1, 2, 0]
    assert np.array_equal(arrays["apart_images"], test.images[[1, 2, 0]])
    expected = -np.log(np.exp(-nats).mean(axis=1)).mean()
    assert fields["test_mixture"]["nats_per_image"] == pytest.approx(expected, abs=1e-5)
    assert fields["test"]["nats_per_image"] == pytest.approx(nats[:, 0].mean(), abs=1e-5)


@pytest.mark.skipif(
    eight_orders.NAME not in runs.list_runs(), reason="not published: made by the script"
)
def test_what_is_published_belongs_to_the_published_network():
    run, arrays = runs.read_run(eight_orders.NAME), runs.read_examples(eight_orders.NAME)
    network = runs.read_run(eight_orders.NETWORK)
    assert run["settings"]["weights"] == {eight_orders.NETWORK: network["weights"]["values_sha256"]}
    logs = arrays["log_likelihoods"]
    assert logs.shape == (network["model"]["orders"], run["settings"]["test_images"])
    # The first of the images that the network was tested on, and they are in no order.
    together = -analysis.mixture_log_likelihood(logs)
    apart = together.mean() - network["test_mixture"]["nats_per_image"]
    assert abs(apart) < 4 * together.std() / len(together) ** 0.5
    model = pcnn.load_pretrained(eight_orders.NETWORK)
    shown = analysis.order_log_likelihoods(model, arrays["apart_images"])
    np.testing.assert_allclose(shown, logs[:, arrays["apart"]], atol=1e-2)


@pytest.mark.skipif(
    eight_orders.STATIC not in runs.list_runs(), reason="not published: made by the script"
)
def test_the_static_figures_are_of_the_published_network():
    run, network = runs.read_run(eight_orders.STATIC), runs.read_run(eight_orders.NETWORK)
    assert run["settings"]["weights"] == {eight_orders.NETWORK: network["weights"]["values_sha256"]}
    static = runs.read_run("binarized-mnist")
    assert run["data"] == static["data"] and run["settings"]["test_images"] == run["data"]["test"]
    assert run["test_mixture"]["nats_per_image"] < run["test"]["nats_per_image"]


def test_a_rehearsal_never_touches_what_is_published(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["eight_orders.py", "--images=5"])
    with pytest.raises(SystemExit) as caught:
        eight_orders.main()
    assert caught.value.code == 2 and "--images rehearses" in capsys.readouterr().err
