"""Sizes that no machine holds are refused before work starts; one image and none are told apart."""

import time
import tracemalloc

import numpy as np
import pytest
from support import gated, random_images

import pcnnlib as pcnn
from pcnnlib import UsageError
from pcnnlib.analysis import Likelihood

SHAPE = (4, 4, 1)
HUGE = 10_000_000


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: pcnn.GatedPixelCNN(SHAPE, blocks=HUGE, filters=1), "blocks"),
        (lambda: pcnn.GatedPixelCNN(SHAPE, filters=1_000_000), "filters"),
        (lambda: pcnn.GatedPixelCNN(SHAPE, filters=60_000), "filters=60000, blocks=5"),
        (lambda: pcnn.GatedPixelCNN(SHAPE, first_kernel_size=HUGE + 1), "first_kernel_size"),
        (lambda: pcnn.GatedPixelCNN(SHAPE, dilations=[1, HUGE]), "each of dilations"),
        (lambda: pcnn.GatedPixelCNN(SHAPE, head_filters=HUGE), "head_filters"),
        (lambda: pcnn.GatedPixelCNN((HUGE, HUGE, 1)), "image_shape H"),
        (lambda: pcnn.PixelCNN(SHAPE, blocks=HUGE), "blocks"),
        (lambda: pcnn.PixelCNN(SHAPE, filters=HUGE), "filters"),
        (lambda: pcnn.PixelCNNAutoencoder(SHAPE, code_size=10**10), "code_size"),
        (lambda: pcnn.PixelCNNAutoencoder(SHAPE, blocks=HUGE), "blocks"),
        (lambda: pcnn.DeconvolutionalAutoencoder(SHAPE, filters=HUGE), "filters"),
        (lambda: pcnn.Labels(2 * 10**9), "n must be"),
        (lambda: pcnn.Vector(HUGE), "dim"),
        (lambda: pcnn.Map((HUGE, 4, 1)), "h must be"),
        (lambda: pcnn.LogisticMixture(HUGE), "components"),
    ],
)
def test_sizes_that_no_machine_holds_are_refused_at_once(make, name):
    start = time.perf_counter()
    with pytest.raises(UsageError, match=f"^{name}.*at most") as raised:
        make()
    assert "\n" not in str(raised.value)
    assert time.perf_counter() - start < 2


def test_a_small_file_cannot_ask_for_a_huge_network(tmp_path):
    import json
    import zipfile

    gated().save(tmp_path / "small.keras")
    with zipfile.ZipFile(tmp_path / "small.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config["config"]["blocks"] = HUGE
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "hostile.keras", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(UsageError, match="hostile.keras") as raised:
        pcnn.load_model(tmp_path / "hostile.keras")
    assert "\n" not in str(raised.value)


def test_labels_of_2e9_and_images_without_room_are_named():
    model = gated(condition=pcnn.Labels(3))
    with pytest.raises(UsageError, match="labels 0..2, got 2000000000"):
        model.sample(1, [2 * 10**9])
    for n in (10**14, 10**20):
        with pytest.raises(UsageError, match=f"n={n} images need .* GiB: there is no such room"):
            gated().sample(n, seed=0)
    images = random_images(2, SHAPE, 2)
    assert gated().log_likelihood(images, batch_size=10**12).shape == (2,)


def test_many_images_are_drawn_in_parts_with_little_memory_beside_them():
    model = gated((4, 4, 1), filters=4, blocks=1)
    n, numbers = 16_384, 16
    model.sample(256, seed=0)  # compiled
    peaks = []
    for _ in range(3):  # what a thread holds a moment longer than usual is not counted
        tracemalloc.start()
        drawn = model.sample(n, seed=0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # All the noise at once would be 4 bytes a number, an image to complete 5 more.
    assert min(peaks) < n * numbers + 256 * numbers * 30 + 400_000
    np.testing.assert_array_equal(drawn[:300], model.sample(300, seed=0))


def test_noise_of_parts_is_the_noise_of_all_images_at_once(monkeypatch):
    from pcnnlib.sampling import draw

    model = gated((3, 3, 1), filters=4, blocks=1)
    expected = model.sample(23, seed=5)
    monkeypatch.setattr(draw, "LARGEST_BATCH", 7)
    np.testing.assert_array_equal(model.sample(23, seed=5), expected)


def test_one_image_has_a_likelihood_and_no_error():
    one, two = (pcnn.Split(random_images(n, SHAPE, 2)) for n in (1, 2))
    text = str(pcnn.evaluate(gated(), one))
    assert "nan" not in text and "±" not in text
    assert text.startswith(f"{-gated().log_likelihood(one.images)[0]:.2f} nats/image")
    assert "±" in str(pcnn.evaluate(gated(), two))
    with pytest.raises(UsageError, match="at least one image, got none"):
        Likelihood.of(np.zeros(0), SHAPE)


@pytest.mark.parametrize("wrong", [2, -1, 255])
def test_a_histogram_refuses_levels_that_there_are_not(wrong):
    images = np.full((3, *SHAPE), wrong, int)
    model = pcnn.models.Histogram(SHAPE, 2)
    for call in (model.log_likelihood, lambda x: model.fit(pcnn.Split(x))):
        with pytest.raises(UsageError, match=rf"levels 0\.\.1, got {wrong}\.\.{wrong}"):
            call(images)
