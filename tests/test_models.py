"""Models: what each prediction may depend on, and that probabilities are probabilities."""

import keras
import numpy as np
import pytest
from support import (
    MIXTURE,
    all_images,
    gated,
    inputs_for,
    on_both,
    outputs,
    plain,
    random_condition,
    random_images,
    shake,
)

import pcnnlib as pcnn
from pcnnlib import masks
from pcnnlib.errors import UsageError

CONDITIONS = [None, pcnn.Labels(3), pcnn.Vector(4), pcnn.Map((2, 2, 3))]

# Deep enough for every earlier pixel of a 4x4 image to be seen by a model without a blind spot.
CAUSAL_CASES = {
    "gated, binary": lambda: gated(blocks=4, filters=6),
    "gated, 4 levels": lambda: gated(levels=4, blocks=4, filters=6),
    # Six features per channel: with two, ReLUs of the head that never open would hide something.
    "gated, colour": lambda: gated((4, 4, 3), levels=4, blocks=4, filters=18),
    "gated, binary colour": lambda: gated((3, 4, 3), blocks=4, filters=18),
    "gated, 256 colour levels": lambda: gated((3, 3, 3), levels=256, blocks=3, filters=18),
    "gated, mixture": lambda: gated((4, 4, 3), levels=256, blocks=4, **MIXTURE),
    "gated, mixture of one channel": lambda: gated(levels=256, blocks=4, **MIXTURE),
    "gated, labels": lambda: gated(blocks=4, condition=pcnn.Labels(3)),
    "gated, vector": lambda: gated(blocks=4, condition=pcnn.Vector(4)),
    "gated, map": lambda: gated(blocks=4, condition=pcnn.Map((2, 2, 3))),
    "gated, dilated": lambda: gated((5, 5, 1), blocks=5, dilations=(1, 2)),
    "gated, dilated, colour": lambda: gated((4, 5, 3), 4, filters=18, blocks=4, dilations=(2, 1)),
    "gated, 7x7 first": lambda: gated((5, 5, 1), blocks=3, first=7),
}


# ---------------------------------------------------------------- causality


@pytest.mark.parametrize(
    "case",
    on_both(
        CAUSAL_CASES,
        "'gated, binary'",
        "'gated, colour'",
        "'gated, map'",
        "'gated, mixture'",
        "'gated, dilated'",
    ),
)
def test_gated_predictions_depend_on_all_earlier_values_and_no_later_one(case):
    """Exact, not within a tolerance: an output that does not depend on a value is bitwise equal."""
    model = CAUSAL_CASES[case]()
    report = pcnn.check_causality(model, images=4)
    assert report.causal, report.leaks[:5]
    assert not report.blind_spot.any()
    assert report.influence.any()  # all of them, by the line above: the probe has teeth


@pytest.mark.parametrize(
    "options",
    on_both(
        [
            {},
            {"levels": 4},
            {"shape": (4, 4, 3), "levels": 4},
            {"shape": (4, 4, 3), "levels": 256, **MIXTURE},
        ],
        "{}",
    ),
    ids=["binary", "4 levels", "colour", "mixture"],
)
def test_pixelcnn_predictions_depend_on_no_later_value(options):
    report = pcnn.check_causality(plain(**options), images=4)
    assert report.causal, report.leaks[:5]
    assert report.influence.any()


def test_pixelcnn_is_blind_to_a_triangle_above_and_to_the_right():
    """Seen from the last row's middle: one column to the right per row up, and not a pixel more.

    With 3x3 kernels a path of allowed taps moves at most one column to the right for each row up.
    """
    model = plain((7, 7, 1), blocks=8, filters=8)
    report = pcnn.check_causality(model, images=6)
    for i, j in [(6, 3), (6, 0), (4, 2), (3, 5)]:
        row, column = np.mgrid[:7, :7]
        earlier = (row < i) | ((row == i) & (column < j))
        triangle = earlier & (column - j > i - row)
        np.testing.assert_array_equal(report.blind_to((i, j)), triangle, err_msg=str((i, j)))
    assert report.blind_to((6, 3)).sum() == 3  # two in the row above, one in the row above that


def test_a_wide_first_kernel_widens_what_pixelcnn_sees_but_keeps_the_blind_spot():
    model = plain((7, 7, 1), blocks=8, filters=8, first=5)
    report = pcnn.check_causality(model, images=6)
    row, column = np.mgrid[:7, :7]
    # One 5x5 tap, then 3x3 taps: one or two rows up, the first gains a column or none on them.
    reach = {0: 0, 1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 7}
    blind = np.array([[right > reach[6 - r] for right in range(7)] for r in range(7)])
    blind &= row < 6
    np.testing.assert_array_equal(report.blind_to((6, 0)), blind)
    assert blind.any()


@pytest.mark.parametrize(
    "kind",
    on_both(
        ["gated", "gated, colour", "gated, colour mixture", "pixelcnn", "gated, labels"],
        "'gated, colour'",
    ),
)
def test_training_keeps_models_causal(kind):
    shape = (4, 4, 3) if "colour" in kind else (4, 4, 1)
    condition = pcnn.Labels(3) if "labels" in kind else None
    options = MIXTURE if "mixture" in kind else {}
    if kind == "pixelcnn":
        model = plain(shape, levels=4)
    else:
        model = gated(shape, levels=4, condition=condition, **options)
    images = random_images(16, shape, 4)
    model.compile(optimizer=keras.optimizers.Adam(0.05))
    before = [w.copy() for w in model.get_weights()]
    batch = inputs_for(model, images, random_condition(condition, 16))
    model.fit(x=batch, epochs=3, batch_size=8, verbose=0)
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    assert pcnn.check_causality(model).causal


# ---------------------------------------------------------------- the probe can fail


def leaks_of(model):
    report = pcnn.check_causality(model, images=4)
    assert not report.causal
    assert "causal: NO" in str(report)
    return report


def test_unmasked_centre_is_caught_at_every_pixel():
    """The baseline with type B in its first layer: each pixel sees itself, and nothing later."""
    model = plain()
    model.first.mask = masks.raster_mask(3, "B", np.zeros(1, int), np.zeros(6, int))[:2]
    report = leaks_of(model)
    assert set(report.leaks) == {((i, j, 0), (i, j, 0)) for i in range(4) for j in range(4)}


def test_type_b_in_the_first_gated_block_is_caught():
    model = gated(blocks=1)
    first = type(model.blocks[0])(6, 3, mask_type="B")
    first.build((None, 4, 4, 1), (None, 4, 4, 1))
    model.blocks[0] = first
    shake(model)
    leaks = leaks_of(model).leaks
    # The horizontal stack sees the pixel itself; the vertical one its whole neighbourhood in row.
    assert {((i, j, 0), (i, j, 0)) for i in range(4) for j in range(4)} <= set(leaks)
    assert ((2, 2, 0), (2, 1, 0)) in leaks
    assert all(value[0] == prediction[0] for value, prediction in leaks)


def test_a_right_neighbour_is_caught():
    """An ordinary convolution in place of a masked one: rows above are right, the row is not."""
    model = gated(blocks=1)

    def right_neighbour(inputs):
        return keras.ops.roll(inputs, -1, axis=2)

    model.blocks[0].horizontal.pad = right_neighbour
    leaks = leaks_of(model).leaks
    # The last column wraps around to the first, which is no leak: it comes before.
    assert set(leaks) == {((i, j + 1, 0), (i, j, 0)) for i in range(4) for j in range(3)}


def test_gates_split_across_channel_groups_are_caught():
    """2F gate inputs grouped as one run, instead of each half by itself, mix up the channels."""
    model = gated((3, 3, 3), levels=4, blocks=2)
    for block in model.blocks:
        layer = block.horizontal
        in_groups = masks.feature_groups(layer.mask.shape[2], 3)
        wrong = masks.feature_groups(2 * layer.filters, 3)
        full = masks.horizontal_mask(3, layer.mask_type, in_groups, wrong)
        layer.mask, _ = masks.crop_to_taps(full)
    leaks = leaks_of(model).leaks
    # Later channels of the pixel leak into earlier ones; no later pixel does.
    assert all(value[:2] == prediction[:2] for value, prediction in leaks)
    assert all(value[2] >= prediction[2] for value, prediction in leaks)
    assert leaks


def test_a_mixture_that_sees_its_own_pixel_is_caught():
    """There are no channel groups: what leaks, leaks from all channels to all."""
    model = gated((3, 3, 3), levels=4, blocks=2, **MIXTURE)
    block = model.blocks[0]
    look_left = block.look_left

    def leaky(window, told, here, training=False):
        seen = look_left(window, told, here, training)
        return seen + keras.ops.sum(here, axis=-1, keepdims=True)

    block.look_left = leaky
    leaks = set(leaks_of(model).leaks)
    channels = range(3)
    assert all(((1, 1, c), (1, 1, d)) in leaks for c in channels for d in channels if c >= d)


def test_a_mixture_whose_channels_are_linked_backwards_is_caught():
    """The network is right; red, in the distribution, is told of green."""
    model = gated((3, 3, 3), levels=4, blocks=2, **MIXTURE)
    per_channel = model.distribution.per_channel

    def backwards(parameters, images):
        return per_channel(parameters, images[..., ::-1])

    model.distribution.per_channel = backwards
    leaks = leaks_of(model).leaks
    assert all(value[:2] == prediction[:2] for value, prediction in leaks)
    assert ((1, 1, 1), (1, 1, 0)) not in leaks  # red takes blue for red, and is told of nothing
    assert ((1, 1, 2), (1, 1, 1)) in leaks


def test_a_mixture_links_channels_in_the_distribution_and_not_in_the_network():
    model = gated((3, 3, 3), levels=4, blocks=2, **MIXTURE)
    image = random_images(1, (3, 3, 3), 4)
    other = image.copy()
    other[0, 1, 1] = (image[0, 1, 1] + 1) % 4
    seen = [outputs(model, x)[0] for x in (image, other)]
    differs = (seen[0] != seen[1]).any(axis=-1)
    np.testing.assert_array_equal(differs, np.arange(9).reshape(3, 3) > 4)


def test_a_residual_in_the_first_block_is_caught():
    model = gated(blocks=2)
    block = model.blocks[0]
    look_left = block.look_left

    def leaky(window, told, here, training=False):
        return look_left(window, told, here, training) + here

    block.look_left = leaky
    leaks = leaks_of(model).leaks
    assert {((i, j, 0), (i, j, 0)) for i in range(4) for j in range(4)} <= set(leaks)


# ---------------------------------------------------------------- probabilities


@pytest.mark.both_backends
@pytest.mark.parametrize("build", [gated, plain])
def test_probabilities_of_all_binary_images_of_3x3_sum_to_one(build):
    sums_to_one(build((3, 3, 1)))


@pytest.mark.parametrize(
    ("build", "shape", "levels", "condition"),
    [
        (gated, (2, 2, 1), 3, None),
        (plain, (2, 2, 1), 3, None),
        (gated, (1, 2, 3), 2, None),
        (plain, (1, 2, 3), 2, None),
        (gated, (1, 2, 2), 3, None),
        ("mixture", (1, 2, 3), 2, None),
        ("mixture", (1, 1, 3), 7, None),
        ("mixture", (2, 2, 1), 4, None),
        (gated, (2, 3, 1), 2, pcnn.Labels(3)),
        (gated, (2, 4, 1), 2, pcnn.Map((1, 2, 3))),
    ],
)
def test_probabilities_of_all_images_sum_to_one(build, shape, levels, condition):
    options = {} if condition is None else {"condition": condition}
    if build == "mixture":
        build, options = gated, MIXTURE
    sums_to_one(build(shape, levels=levels, **options))


def sums_to_one(model):
    images = all_images(model.image_shape, model.levels)
    assert len(images) == model.levels ** int(np.prod(model.image_shape))
    conditions = random_condition(model.condition, 1)
    conditions = None if conditions is None else np.repeat(conditions, len(images), axis=0)
    nats = model.log_likelihood(images, conditions, batch_size=128)
    # Log-probabilities of about ten nats in float32, so each term is right to a few 1e-6 of itself.
    assert np.exp(nats).sum() == pytest.approx(1, abs=1e-5)
    assert np.ptp(nats) > 1  # far from uniform, which would sum to one whatever the order


def test_a_leaking_model_does_not_sum_to_one():
    model = plain((3, 3, 1))
    model.first.mask = masks.raster_mask(3, "B", np.zeros(1, int), np.zeros(6, int))[:2]
    total = np.exp(model.log_likelihood(all_images((3, 3, 1), 2), batch_size=128)).sum()
    assert abs(total - 1) > 0.01


@pytest.mark.both_backends
def test_log_likelihood_is_the_sum_over_pixels_whatever_the_batch_size():
    model = gated((3, 5, 1), levels=4)
    images = random_images(7, (3, 5, 1), 4)
    logits = outputs(model, images).astype("float64")
    logits -= logits.max(axis=-1, keepdims=True)
    table = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    expected = np.take_along_axis(table, images[..., None].astype(int), -1).sum(axis=(1, 2, 3, 4))
    for batch_size in (1, 3, 7, 100):
        got = model.log_likelihood(images, batch_size=batch_size)
        assert got.dtype == np.float64
        # Fifteen float32 terms of some two nats.
        np.testing.assert_allclose(got, expected, atol=1e-4)


def test_log_likelihood_of_no_images_is_empty():
    assert gated().log_likelihood(np.zeros((0, 4, 4, 1), int)).shape == (0,)


# ---------------------------------------------------------------- plain Keras


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


def test_number_of_weights_is_that_of_the_stored_windows():
    """One gated block, counted by hand: 3x3 kernels, F=4, one input channel."""
    model = pcnn.GatedPixelCNN((4, 4, 1), filters=4, blocks=1, first_kernel_size=3)
    vertical = 1 * 3 * 1 * 8 + 8  # one row of three taps above
    horizontal = 1 * 1 * 1 * 8 + 8  # one tap to the left
    link, project = 8 * 8, 4 * 4 + 4
    head = (4 * 4 + 4) + (4 * 1 + 1)
    assert model.count_params() == vertical + horizontal + link + project + head


def test_models_scale_levels_to_minus_one_and_one():
    scaled = np.asarray(gated(levels=5).scale(np.arange(5).repeat(16).reshape(5, 4, 4, 1)))
    np.testing.assert_array_equal(scaled[:, 0, 0, 0], [-1, -0.5, 0, 0.5, 1])


def test_mixed_precision_gives_float32_parameters():
    model = gated(levels=3, dtype="mixed_bfloat16")
    reference = gated(levels=3)
    images = random_images(4, (4, 4, 1), 3)
    got = outputs(model, images)
    assert got.dtype == np.float32
    # bfloat16 keeps eight bits, through a dozen layers' worth of sums.
    np.testing.assert_allclose(got, outputs(reference, images), atol=0.2)


@pytest.mark.parametrize(("dilations", "rows"), [((1,), 6), ((2,), 9), ((1, 2, 4), 10), ([3], 12)])
def test_dilated_blocks_look_as_many_rows_up_as_their_dilations_add_up_to(dilations, rows):
    """Three blocks after a first one that sees three rows up."""
    model = gated((14, 3, 1), blocks=4, first=7, dilations=dilations)
    seen = pcnn.receptive_field(model, at=(13, 1), images=8).any(axis=1)
    assert np.flatnonzero(seen)[0] == 13 - rows


@pytest.mark.parametrize(
    ("first", "dilations"), [(3, (2,)), (3, (1, 1, 4)), (3, (1, 3)), (5, (2,))]
)
def test_pixels_said_to_be_skipped_are_those_not_seen(first, dilations, monkeypatch):
    """In the own row, where the horizontal stack alone looks; with the refusal taken away."""
    skipped = set(masks.unseen_between(first, 3, (dilations * 3)[:3]))
    monkeypatch.setattr(masks, "unseen_between", lambda *_: [])
    model = gated((1, 14, 1), blocks=4, first=first, filters=8, dilations=dilations)
    seen = pcnn.receptive_field(model, at=(0, 13), images=8)[0] > 0
    distances = {13 - int(column) for column in np.flatnonzero(seen)}
    assert set(range(1, max(distances))) - distances == skipped
    assert skipped == {(3, (2,)): {2, 4, 6}, (3, (1, 1, 4)): {4}}.get((first, dilations), set())


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (4, 4)}, r"image_shape must be \(H, W, C\), got \(4, 4\)"),
        ({"image_shape": 4}, r"image_shape must be \(H, W, C\), got 4"),
        ({"image_shape": (4, 0, 1)}, "image_shape W must be an integer >= 1, got 0"),
        ({"image_shape": (4, 4.0, 1)}, "image_shape W must be an integer"),
        ({"levels": 1}, r"levels must be an integer 2\.\.256, got 1"),
        ({"levels": 257}, r"levels must be an integer 2\.\.256, got 257"),
        ({"levels": "2"}, "levels must be an integer"),
        ({"filters": 0}, "filters must be"),
        ({"filters": 2.5}, "filters must be"),
        ({"blocks": 0}, "blocks must be an integer >= 1, got 0"),
        ({"kernel_size": 4}, "kernel_size must be odd.*got 4"),
        ({"first_kernel_size": 6}, "first_kernel_size must be odd.*got 6"),
        ({"first_kernel_size": 1}, "first_kernel_size must be odd.*at least 3, got 1"),
        ({"distribution": "normal"}, "distribution must be one of .*got 'normal'"),
        ({"distribution": "bernoulli", "levels": 4}, "2 levels, got levels=4"),
        ({"image_shape": (4, 4, 3), "filters": 32}, "filters must be a multiple of.*got (32|16)"),
        ({"components": 0}, "components must be an integer >= 1, got 0"),
        ({"components": 5}, "components are for distribution='logistic_mixture', got 5"),
        ({"distribution": "logistic_mixture", "levels": 300}, r"levels must be an integer 2\.\."),
    ],
)
@pytest.mark.parametrize("kind", [pcnn.GatedPixelCNN, pcnn.PixelCNN])
def test_models_refuse(kind, arguments, message):
    with pytest.raises(UsageError, match=message) as raised:
        kind(**{"image_shape": (4, 4, 1), "levels": 2, **arguments})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dropout": 1.0}, "dropout must be below 1, got 1.0"),
        ({"dropout": -0.1}, "dropout must be a finite number >= 0, got -0.1"),
        ({"dropout": "0.5"}, "dropout must be a finite number"),
        ({"dropout": float("nan")}, "dropout must be a finite number"),
        ({"dilations": ()}, r"dilations must be a list of integers >= 1, got \(\)"),
        ({"dilations": 2}, "dilations must be a list of integers >= 1, got 2"),
        ({"dilations": "12"}, "dilations must be a list of integers >= 1, got '12'"),
        ({"dilations": {1: 2}}, "dilations must be a list of integers >= 1, got {1: 2}"),
        ({"dilations": (1, 0)}, "each of dilations must be an integer >= 1, got 0"),
        ({"dilations": (1.5,)}, "each of dilations must be an integer >= 1, got 1.5"),
        ({"dilations": (4,), "blocks": 3}, r"\(4,\) skip pixels, those at a distance of 4, 8: "),
        ({"head_filters": 0}, "head_filters must be an integer >= 1, got 0"),
        ({"condition": 10}, r"condition must be None, Labels\(n\), .*got 10"),
        ({"condition": pcnn.Map((3, 3, 1))}, "sides must be multiples"),
    ],
)
def test_gated_model_refuses(arguments, message):
    with pytest.raises(UsageError, match=message):
        pcnn.GatedPixelCNN((4, 4, 1), **{"filters": 4, "blocks": 1, **arguments})


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 4, 4, 1), "float32"), r"integer levels 0\.\.1, got float32"),
        (np.zeros((2, 4, 5, 1), "uint8"), r"must have shape \(B, 4, 4, 1\), got \(2, 4, 5, 1\)"),
        (np.zeros((4, 4, 1), "uint8"), r"must have shape \(B, 4, 4, 1\), got \(4, 4, 1\)"),
        (np.full((2, 4, 4, 1), 2, "uint8"), r"must hold levels 0\.\.1, got 2\.\.2"),
        (np.full((2, 4, 4, 1), -1), r"must hold levels 0\.\.1, got -1\.\.-1"),
        (np.full((2, 4, 4, 1), "a"), "integer levels"),
    ],
)
def test_images_that_do_not_fit_are_refused(images, message):
    model = gated()
    with pytest.raises(UsageError, match=message):
        model.log_likelihood(images)


@pytest.mark.parametrize("options", [{}, MIXTURE], ids=["categorical", "mixture"])
def test_colour_images_over_the_levels_are_refused(options):
    model = gated((4, 4, 3), levels=17, **options)
    model.compile()
    images = np.full((8, 4, 4, 3), 200, "uint8")
    for call in (model.log_likelihood, model.fit):
        with pytest.raises(UsageError, match=r"images must hold levels 0\.\.16, got 200\.\.200"):
            call(images)
    with pytest.raises(UsageError, match=r"must have shape \(B, 4, 4, 3\), got \(8, 4, 4, 1\)"):
        model.log_likelihood(images[..., :1])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_mixture_needs_no_multiple_of_the_channels(channels):
    model = gated((3, 3, channels), levels=4, filters=7, **MIXTURE)
    assert pcnn.check_causality(model).causal


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((8, 4, 4, 1), "float32"), r"integer levels 0\.\.1, got float32"),
        (np.zeros((8, 4, 5, 1), "uint8"), "must have shape"),
        (np.full((8, 4, 4, 1), 2, "uint8"), r"must hold levels 0\.\.1, got 2\.\.2"),
    ],
)
def test_fit_refuses_images_that_do_not_fit(images, message):
    """Out-of-range levels would otherwise train a Bernoulli model towards minus infinity."""
    model = gated()
    model.compile()
    for x in (images, pcnn.Split(images).batches(4, seed=0)):
        with pytest.raises(UsageError, match=message) as raised:
            model.fit(x, verbose=0)
        assert "\n" not in str(raised.value)


def test_fit_refuses_a_data_set_of_other_levels(digits):
    model = pcnn.GatedPixelCNN(digits.image_shape, levels=2, filters=4, blocks=1)
    model.compile()
    with pytest.raises(UsageError, match=r"must hold levels 0\.\.1"):
        model.fit(digits.train.batches(64, seed=0), verbose=0)


@pytest.mark.both_backends
def test_errors_raised_within_call_are_one_line():
    with pytest.raises(UsageError) as raised:
        gated()(np.zeros((2, 4, 4, 1), "float32"))
    assert str(raised.value) == (
        "images must be integer levels 0..1, got float32: the model scales them itself"
    )


@pytest.mark.parametrize("condition", CONDITIONS[1:], ids=repr)
def test_condition_missing_or_superfluous_is_refused(condition):
    model = gated(condition=condition)
    images = random_images(2, (4, 4, 1), 2)
    with pytest.raises(UsageError, match="got images alone"):
        model(images)
    with pytest.raises(UsageError, match="condition is missing"):
        model.log_likelihood(images)
    with pytest.raises(UsageError, match="condition must have 2 rows.* got 3"):
        model.log_likelihood(images, random_condition(condition, 3))
    values = random_condition(condition, 2)
    with pytest.raises(UsageError, match="takes images alone"):
        gated()((images, values))
    with pytest.raises(UsageError, match="this model is unconditional"):
        gated().log_likelihood(images, values)


@pytest.mark.parametrize("condition", CONDITIONS, ids=repr)
def test_every_weight_of_a_gated_model_matters(condition):
    """No weight is dead: changing any of them changes an output."""
    model = gated(levels=3, condition=condition)
    images, values = random_images(4, (4, 4, 1), 3), random_condition(condition, 4)
    before = outputs(model, images, values)
    for weight in model.weights:
        kept = np.array(weight)
        weight.assign(kept + 0.5)
        assert (outputs(model, images, values) != before).any(), weight.path
        weight.assign(kept)
