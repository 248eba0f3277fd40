"""Independent pixels: the published figure is what counting the training images gives."""

import independent
import numpy as np
import pytest
from support import write_npz

import pcnnlib as pcnn
from pcnnlib import runs


def test_every_pixel_costs_what_its_frequency_in_the_training_images_says(tmp_path):
    data = pcnn.load_dataset(write_npz(tmp_path / "small.npz", n=60, shape=(3, 4), levels=2))
    run = independent.measure(data)
    smoothing = run["settings"]["smoothing"]
    white = (data.train.images.sum(axis=0) + smoothing) / (len(data.train) + 2 * smoothing)
    test = data.test.images
    nats = -np.where(test, np.log(white), np.log(1 - white)).sum(axis=(1, 2, 3))
    assert run["test"]["nats_per_image"] == pytest.approx(nats.mean())
    assert run["test"]["images"] == len(test) and run["parameters"] == 12


@pytest.mark.parametrize("name", independent.NAMES)
def test_the_published_figure_lies_between_coins_and_the_network(name):
    alone, network = runs.read_run(f"independent-pixels/{name}"), runs.read_run(name)
    assert alone["data"]["sha256"] == network["data"]["sha256"]
    nats = alone["test"]["nats_per_image"]
    assert network["test"]["nats_per_image"] < nats < 784 * np.log(2)
