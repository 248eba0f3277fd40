"""The small colour data set: which images it takes, and from which part of CIFAR-10."""

import sys
import types

import cifar_subset
import numpy as np
from support import random_images

import pcnnlib as pcnn


def test_the_first_training_images_are_written_in_their_order(tmp_path, monkeypatch, capsys):
    images = random_images(4100, (2, 2, 3), 256)
    labels = np.arange(4100) % 10
    load = pcnn.load_dataset

    def load_dataset(name, **options):
        if name != "cifar":
            return load(name, **options)
        assert options == {"data_path": str(tmp_path)}
        return types.SimpleNamespace(train=pcnn.Split(images, labels))

    monkeypatch.setattr(pcnn, "load_dataset", load_dataset)
    monkeypatch.setattr(sys, "argv", ["cifar_subset.py", f"--data_path={tmp_path}"])
    cifar_subset.main()
    # Noise is told from the photographs of the published runs.
    assert "cifar10_subset.npz: NOT the images of the published runs" in capsys.readouterr().out
    data = load(str(tmp_path / "cifar10_subset.npz"), shuffle=False)
    train = np.concatenate([data.train.images, data.validation.images])
    assert np.array_equal(train, images[:3600])
    assert np.array_equal(data.test.images, images[3600:4000])
    assert np.array_equal(data.test.labels, labels[3600:4000])
