"""Models are plain Keras models: `compile`, `fit`, callbacks, saving and loading."""

import keras
import numpy as np
import pytest
from support import MIXTURE, gated, on_both, outputs, plain, random_condition, random_images

import pcnnlib as pcnn
from pcnnlib import sampling

CONDITIONS = [None, pcnn.Labels(3), pcnn.Vector(4), pcnn.Map((2, 2, 3))]


@pytest.mark.both_backends
def test_compile_fit_evaluate_and_predict_are_keras_own(tmp_path):
    model = pcnn.GatedPixelCNN((4, 4, 1), levels=3, filters=4, blocks=2, first_kernel_size=3)
    model.compile(optimizer="adam")
    images = np.repeat(random_images(1, (4, 4, 1), 3), 24, axis=0)
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True),
        keras.callbacks.EarlyStopping(patience=50, restore_best_weights=True),
    ]
    history = model.fit(
        images,
        validation_data=(images, None),
        epochs=4,
        batch_size=8,
        verbose=0,
        callbacks=callbacks,
    )
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert model.predict(images, verbose=0).shape == (24, 4, 4, 1, 3)
    # Keras's mean over batches, and the library's sum in float64: float32 apart.
    loss = model.evaluate(images, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(-model.log_likelihood(images).mean(), rel=1e-5)
    best = keras.saving.load_model(tmp_path / "best.keras")
    np.testing.assert_allclose(
        best.log_likelihood(images), model.log_likelihood(images), rtol=1e-5, atol=1e-5
    )


def test_early_stopping_stops():
    model = gated()
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    stopper = keras.callbacks.EarlyStopping(patience=1, min_delta=1e-3)
    images = random_images(8, (4, 4, 1), 2)
    history = model.fit(
        images, validation_data=images, epochs=9, verbose=0, shuffle=False, callbacks=[stopper]
    )
    assert len(history.epoch) == 2


def test_fit_takes_vectors_and_maps():
    for condition in CONDITIONS[2:]:
        model = gated(condition=condition)
        model.compile(optimizer=keras.optimizers.Adam(0.01))
        inputs = (random_images(8, (4, 4, 1), 2), random_condition(condition, 8))
        history = model.fit(x=inputs, epochs=2, verbose=0).history["loss"]
        assert history[1] < history[0]


def test_sample_weights_weigh_images():
    model = gated()
    model.compile()
    images = random_images(2, (4, 4, 1), 2)
    nats = -model.log_likelihood(images)
    # Keras passes weights on only where there is a y, which these models have no use for.
    loss = model.evaluate(images, images, sample_weight=np.array([2.0, 0.0]), verbose=0)
    assert loss == pytest.approx(nats[0], rel=1e-5)  # (2 * first + 0 * second) / 2, float32


@pytest.mark.parametrize("condition", on_both(CONDITIONS, "Map((2, 2, 3))"), ids=repr)
def test_reloaded_model_gives_the_same_outputs(tmp_path, condition):
    model = gated(
        levels=3,
        condition=condition,
        first=5,
        kernel_size=5,
        dilations=[2, 1],
        head_filters=7,
        dropout=0.25,
        name="mine",
    )
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert copy.get_config() == model.get_config()
    images, conditions = random_images(3, (4, 4, 1), 3), random_condition(condition, 3)
    np.testing.assert_array_equal(
        outputs(copy, images, conditions), outputs(model, images, conditions)
    )


@pytest.mark.parametrize("build", [gated, plain])
@pytest.mark.parametrize("options", [{}, MIXTURE], ids=["categorical", "mixture"])
def test_reloaded_colour_models_give_the_same_outputs(tmp_path, build, options):
    model = build((4, 4, 3), levels=4, first=5, kernel_size=5, **options)
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert copy.get_config() == model.get_config()
    images = random_images(3, (4, 4, 3), 4)
    np.testing.assert_array_equal(outputs(copy, images), outputs(model, images))


@pytest.mark.both_backends
def test_reloaded_model_goes_on_training_as_the_first_would(tmp_path):
    images = random_images(12, (4, 4, 1), 2)
    schedule = keras.optimizers.schedules.CosineDecay(0.02, 20)
    model = gated()
    model.compile(optimizer=keras.optimizers.Adam(schedule, global_clipnorm=5.0))
    model.fit(images, epochs=2, verbose=0, shuffle=False)
    model.save(tmp_path / "model.keras")
    copy = keras.saving.load_model(tmp_path / "model.keras")
    assert copy.optimizer.get_config() == model.optimizer.get_config()
    for one in (model, copy):
        one.fit(images, epochs=2, verbose=0, shuffle=False)
    for a, b in zip(model.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_clone_has_the_same_shape_of_weights():
    model = gated(condition=pcnn.Map((2, 2, 3)))
    copy = keras.models.clone_model(model)
    assert [w.shape for w in copy.get_weights()] == [w.shape for w in model.get_weights()]


@pytest.mark.both_backends
@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_bfloat16", "mixed_float16"])
def test_levels_stay_apart_and_none_is_the_padding(dtype):
    model = pcnn.GatedPixelCNN((1, 1, 1), 256, 4, 1, dtype=dtype)
    levels = np.arange(256).reshape(256, 1, 1, 1)
    scaled = keras.ops.convert_to_numpy(model.scale(levels)).astype("float64").ravel()
    exact = 2 * np.arange(256) / 255 - 1
    assert (np.diff(scaled) > 0).all() and (scaled != 0).all()
    assert np.abs(scaled - exact).max() < 1 / 255  # never nearer to another level


def test_models_scale_levels_to_minus_one_and_one():
    scaled = np.asarray(gated(levels=5).scale(np.arange(5).repeat(16).reshape(5, 4, 4, 1)))
    np.testing.assert_array_equal(scaled[:, 0, 0, 0], [-1, -0.5, 0, 0.5, 1])


def sublayers(layer):
    """All layers within one, at any depth."""
    return [x for own in layer._layers for x in (own, *sublayers(own))]


@pytest.mark.both_backends
@pytest.mark.parametrize(
    "options",
    [{"attention": (1,)}, {"condition": pcnn.Labels(3)}, {"condition": pcnn.Map((3, 3, 2))}],
    ids=["attention", "labels", "map"],
)
def test_in_mixed_precision_all_layers_compute_in_it_and_caches_equal_them(options):
    model = gated((3, 3, 1), levels=3, dtype="mixed_bfloat16", **options)
    assert {layer.compute_dtype for layer in sublayers(model)} == {"bfloat16"}
    images = random_images(3, (3, 3, 1), 3)
    condition = model.condition and random_condition(model.condition, 3)
    seen = sampling.parameters(model, images, condition)
    whole = outputs(model, images, condition)
    # bfloat16 has three digits, and sums are rounded in another order.
    np.testing.assert_allclose(seen, whole, atol=0.25)


def test_a_model_in_another_dtype_has_the_same_weights():
    model = gated(levels=3, condition=pcnn.Labels(3), dtype="mixed_bfloat16")
    same = model.as_dtype("float32")
    assert same.compute_dtype == "float32" and model.compute_dtype == "bfloat16"
    assert {layer.compute_dtype for layer in sublayers(same)} == {"float32"}
    expected = gated(levels=3, condition=pcnn.Labels(3))
    images, labels = random_images(4, (4, 4, 1), 3), np.arange(4) % 3
    np.testing.assert_array_equal(outputs(same, images, labels), outputs(expected, images, labels))


def test_mixed_precision_gives_float32_parameters():
    model = gated(levels=3, dtype="mixed_bfloat16")
    reference = gated(levels=3)
    images = random_images(4, (4, 4, 1), 3)
    got = outputs(model, images)
    assert got.dtype == np.float32
    # bfloat16 keeps eight bits, through a dozen layers' worth of sums.
    np.testing.assert_allclose(got, outputs(reference, images), atol=0.2)
