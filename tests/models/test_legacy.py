"""Files from before version 0.2 load into the same models.

Their configurations named the distribution and had `components` beside it, and the `blocks` of a
`PixelCNN` did not count the first layer.
"""

import json
import pathlib
import zipfile

import keras
import numpy as np
import pytest
from support import gated, outputs, plain, random_condition, random_images, shake

import pcnnlib as pcnn
from pcnnlib import models
from pcnnlib.models import architecture

FILES = pathlib.Path(__file__).parent / "legacy"
NAMES = {
    "Bernoulli": "bernoulli",
    "Categorical": "categorical",
    "LogisticMixture": "logistic_mixture",
}


def legacy(saved):
    """The configuration of a saved model, as version 0.1 would have written it."""
    config = dict(saved["config"])
    distribution = config.pop("distribution")
    config["distribution"] = NAMES[distribution["class_name"]]
    config["components"] = distribution["config"].get("components", 10)
    config.pop("activation", None), config.pop("condition_stacks", None)
    if saved["class_name"] == "PixelCNN":
        config["blocks"] -= 1
    if config.get("condition") is not None:
        config["condition"] = {**config["condition"], "module": "pcnnlib.conditions"}
    return {**saved, "module": "pcnnlib.models", "config": config}


def rewrite(path, change):
    """Replace `config.json` within a `.keras` file."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["config.json"] = json.dumps(change(json.loads(members["config.json"]))).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


SMALL = {"filters": 6, "encoder_filters": (4, 4, 4)}
CASES = {
    "gated": lambda: gated(blocks=3, head_filters=7, dilations=(1, 2)),
    "gated, categorical": lambda: gated(distribution="categorical"),
    "gated, labels": lambda: gated(levels=3, condition=pcnn.Labels(3)),
    "gated, mixture": lambda: gated((4, 4, 3), 17, distribution=pcnn.LogisticMixture(3)),
    "pixelcnn": lambda: plain(blocks=3),
    "pixelcnn, first layer alone": lambda: plain(blocks=1),
    "pixelcnn, mixture": lambda: plain((4, 4, 3), 17, distribution=pcnn.LogisticMixture(3)),
    "autoencoder": lambda: shake(models.PixelCNNAutoencoder((4, 4, 1), 3, 2, blocks=2, **SMALL)),
    "deconvolutional": lambda: shake(models.DeconvolutionalAutoencoder((4, 4, 1), 3, 2, **SMALL)),
}


@pytest.mark.parametrize("case", CASES)
def test_legacy_configuration_loads_into_the_same_model(case, tmp_path):
    model, path = CASES[case](), tmp_path / "model.keras"
    model.save(path)
    rewrite(path, legacy)
    loaded = pcnn.load_model(path)
    assert type(loaded) is type(model)
    assert architecture(loaded) == architecture(model)
    images = random_images(3, model.image_shape, model.levels)
    values = random_condition(model.condition, 3)
    np.testing.assert_array_equal(outputs(loaded, images, values), outputs(model, images, values))
    # What is saved again is in today's form.
    loaded.save(path)
    assert "components" not in json.loads(zipfile.ZipFile(path).read("config.json"))["config"]


def test_the_check_above_would_notice_another_model(tmp_path):
    model, path = plain(blocks=3), tmp_path / "model.keras"
    model.save(path)
    rewrite(path, lambda saved: {**saved, "config": {**legacy(saved)["config"], "blocks": 3}})
    with pytest.raises(pcnn.UsageError, match="damaged"):  # a layer without weights
        pcnn.load_model(path)


# Files that version 0.1 wrote, and the nats that it gave for three random images.
WRITTEN = {
    "pixelcnn": (
        lambda: pcnn.PixelCNN((4, 4, 1), 4, 2, 3, first_kernel_size=3),
        None,
        [-42.825035, -44.838928, -28.246223],
    ),
    "gated": (
        lambda: pcnn.GatedPixelCNN(
            (4, 4, 3),
            levels=5,
            filters=2,
            blocks=2,
            first_kernel_size=3,
            condition=pcnn.Labels(3),
            distribution=pcnn.LogisticMixture(components=3),
        ),
        [0, 1, 2],
        [-12958.30078, -1815.401367, -9765.597656],
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_file_of_version_0_1_gives_the_likelihoods_that_it_gave_then(name):
    make, labels, nats = WRITTEN[name]
    same = make()
    loaded = keras.saving.load_model(FILES / f"{name}.keras")
    assert architecture(loaded) == architecture(same)
    images = random_images(3, same.image_shape, same.levels)
    # float32 sums, perhaps in another order on another processor.
    np.testing.assert_allclose(loaded.log_likelihood(images, labels), nats, rtol=1e-5)
