"""The training itself: it learns, from what it should, with every kind of model and device."""

import keras
import numpy as np
import pytest
from training.drivers import exit_code, start, train_on_two_devices
from training.small_runs import (
    COLOUR,
    COLOUR_TRAINING,
    small_config,
    small_network,
    train_small,
)

import pcnnlib as pcnn
from pcnnlib import training
from pcnnlib.training import loop


def test_training_learns(tiny_data, finished):
    model, history, _ = finished
    assert history["val_loss"][-1] < history["val_loss"][0]
    assert pcnn.evaluate(model, tiny_data.test).bits_per_dim < 1


def assert_best_on_record(model, history, split):
    """The model costs the split what its best epoch cost."""
    nats = pcnn.evaluate(model, split).nats_per_image
    assert nats == pytest.approx(min(history["val_loss"]), rel=1e-5)  # float32 means


def test_a_conditional_run_uses_the_labels(tiny_data):
    """Validated with its own labels, not with others."""
    network = {"condition": pcnn.Labels(3)}
    model, history = train_small(tiny_data, network=network, epochs=2)
    assert_best_on_record(model, history, tiny_data.validation)
    images, labels = tiny_data.validation.images, tiny_data.validation.labels
    others = -model.log_likelihood(images, (labels + 1) % 3).mean()
    assert others != pytest.approx(min(history["val_loss"]), rel=1e-3)


def test_pixelcnn_can_be_trained_too(tiny_data, tmp_path):
    keras.utils.set_random_seed(0)
    model = pcnn.PixelCNN(tiny_data.image_shape, tiny_data.levels, 4, 2, first_kernel_size=3)
    history = pcnn.train(model, tiny_data, small_config(epochs=2), checkpoint_dir=tmp_path)
    assert history["loss"][1] < history["loss"][0]
    assert isinstance(pcnn.load_model(tmp_path / training.BEST), pcnn.PixelCNN)


def test_no_epochs_is_no_training(tiny_data, tmp_path):
    _, history = train_small(tiny_data, tmp_path, epochs=0)
    assert history == {"loss": [], "val_loss": [], "seconds": []}
    assert not list(tmp_path.iterdir())


def test_a_colour_mixture_learns_and_only_its_training_images_are_mirrored(colour_data, colour_run):
    """The validation loss on record is that of the images as they are."""
    model, history, _ = colour_run
    assert history["loss"][-1] < history["loss"][0]
    assert_best_on_record(model, history, colour_data.validation)
    as_they_are = {**COLOUR_TRAINING, "flip": False}
    _, other = train_small(colour_data, network=COLOUR, **as_they_are)
    assert other["loss"][0] != history["loss"][0]


def test_a_colour_categorical_learns(colour_data):
    model, history = train_small(colour_data, network={"filters": 6}, epochs=6)
    assert history["loss"][-1] < history["loss"][0]
    assert_best_on_record(model, history, colour_data.validation)


@pytest.mark.both_backends
def test_accumulated_gradients_give_the_weights_of_the_larger_batch(tiny_data):
    """36 images in batches of 12, or of 4 and three to an update: the same images in each."""
    # A constant rate, since the schedule goes by batches.
    options = {"ema": 0.0, "epochs": 1, "learning_rate": 1e-3, "warmup": 0.0, "final_rate": 1.0}
    large, _ = train_small(tiny_data, batch_size=12, **options)
    accumulated, _ = train_small(tiny_data, batch_size=4, accumulate=3, **options)
    smaller, _ = train_small(tiny_data, batch_size=4, **options)
    assert int(accumulated.optimizer.iterations) == int(large.optimizer.iterations) == 3
    for a, b in zip(accumulated.get_weights(), large.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    far = [
        np.abs(a - b).max() for a, b in zip(smaller.get_weights(), large.get_weights(), strict=True)
    ]
    assert max(far) > 1e-3  # or the comparison could not have failed


def test_accumulation_on_several_devices_is_refused_where_keras_cannot(tiny_data, monkeypatch):
    monkeypatch.setattr(loop, "replicas", lambda: 2)
    with pytest.raises(pcnn.UsageError, match="accumulate must be 1 on several devices under tens"):
        train_small(tiny_data, batch_size=4, accumulate=2)


def test_batches_are_filled_up_with_images_that_weigh_nothing(tiny_data):
    one = tiny_data.train.batches(10, seed=1)
    shared = tiny_data.train.batches(10, seed=1, multiple=5)
    assert len(tiny_data.train) == 36 and shared.num_batches == one.num_batches == 4
    images, _, weights = shared[3]
    np.testing.assert_array_equal(images[:6], one[3][0])
    assert images.shape[0] == 10
    np.testing.assert_allclose(weights, [10 / 6] * 6 + [0] * 4)
    with pytest.raises(
        pcnn.UsageError, match="batch_size must be a multiple of the 3 devices, got 10"
    ):
        tiny_data.train.batches(10, multiple=3)


@pytest.mark.both_backends
@pytest.mark.slow
def test_two_devices_give_the_weights_of_one(tmp_path, npz):
    """With a last batch that two cannot share evenly, labels, and averaged weights."""
    out = tmp_path / "out.npz"
    assert exit_code(start(train_on_two_devices, npz(n=41), out)) == 0
    with np.load(out) as archive:
        got = {key: archive[key] for key in archive.files}
    assert got["uneven"] and got["replicas_1"] == 1 and got["replicas_2"] == 2
    weights = [key for key in got if key.startswith("weights_1")]
    assert weights
    for key in weights:
        np.testing.assert_allclose(got[key.replace("_1", "_2", 1)], got[key], atol=1e-5)


@pytest.mark.both_backends
def test_mixed_precision_trains_float32_weights_and_resumes(tiny_data, tmp_path):
    network = {"dtype": "mixed_bfloat16"}
    _, history = train_small(tiny_data, tmp_path, network=network, epochs=2)
    assert history["loss"][1] < history["loss"][0]
    best = pcnn.load_model(tmp_path / training.BEST)
    assert best.compute_dtype == "bfloat16"
    assert {str(weight.dtype) for weight in best.weights} == {"float32"}
    _, longer = train_small(tiny_data, tmp_path, network=network, epochs=3)
    assert longer["loss"][:2] == history["loss"] and len(longer["loss"]) == 3


def test_profiler_records_the_batches_asked_for(tiny_data, tmp_path):
    model = small_network(tiny_data)
    pcnn.train(model, tiny_data, small_config(epochs=1), log_dir=tmp_path, profile=(1, 2))
    assert list(tmp_path.rglob("*.xplane.pb"))


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"model": None}, "model must be a model of this library, got NoneType"),
        ({"model": 4}, "model must be a model of this library, got int"),
        ({"data": None}, "data must be a Dataset, got NoneType"),
        ({"config": 3}, "config must be a TrainConfig, got int"),
        ({"checkpoint_dir": 3}, "checkpoint_dir must be a path, got 3"),
        ({"checkpoint_dir": ""}, "checkpoint_dir must be a path, got ''"),
        ({"checkpoint_dir": "a", "folder": "b"}, "folder must be left out: .* of checkpoint_dir"),
        ({"log_dir": 3}, "log_dir must be a path, got 3"),
        ({"callbacks": 3}, "callbacks must be a list of Keras callbacks, got 3"),
        ({"provenance": "here"}, "provenance must be a dict or None, got str"),
        ({"image_shape": (5, 4, 1)}, r"data.train must have shape \(B, 5, 4, 1\), got \(36, 4, 4"),
        (
            {"image_shape": (8, 8, 1), "data": "digits"},
            r"data.train must hold levels 0\.\.1, got 0\.\.16",
        ),
        (
            {"config": small_config(epochs=2, accumulate=9)},
            "accumulate must be at most 6, the steps of 2 epochs, or nothing would be learned, got",
        ),
        ({"condition": pcnn.Labels(2)}, r"condition must hold labels 0\.\.1, got 2"),
    ],
)
def test_what_cannot_be_trained_is_named(
    tiny_data, digits, replaced, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    given = {"data": tiny_data, "config": small_config(epochs=1), **replaced}
    own = {name: given.pop(name) for name in ("image_shape", "condition") if name in given}
    small = {"image_shape": (4, 4, 1), "filters": 2, "blocks": 2}
    given.setdefault("model", pcnn.GatedPixelCNN(**{**small, **own}))
    given["data"] = digits if given["data"] == "digits" else given["data"]
    with pytest.raises(pcnn.UsageError, match=message) as raised:
        pcnn.train(**given)
    assert "\n" not in str(raised.value)
