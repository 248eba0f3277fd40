"""Arguments, images and conditions that do not fit a model are named in one line."""

import numpy as np
import pytest
from support import MIXTURE, gated, random_condition, random_images

import pcnnlib as pcnn
from pcnnlib import UsageError

CONDITIONS = [pcnn.Labels(3), pcnn.Vector(4), pcnn.Map((2, 2, 3))]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (4, 4)}, r"image_shape must be \(H, W, C\), got \(4, 4\)"),
        ({"image_shape": 4}, r"image_shape must be \(H, W, C\), got 4"),
        ({"image_shape": (4, 0, 1)}, "image_shape W must be an integer >= 1, got 0"),
        ({"image_shape": (4, 4.0, 1)}, "image_shape W must be an integer"),
        ({"levels": 1}, r"levels must be an integer 2\.\.65536, got 1"),
        ({"levels": 65_537}, r"levels must be an integer 2\.\.65536, got 65537"),
        ({"levels": "2"}, "levels must be an integer"),
        ({"filters": 0}, "filters must be"),
        ({"filters": 2.5}, "filters must be"),
        ({"blocks": 0}, "blocks must be an integer >= 1, got 0"),
        ({"kernel_size": 4}, "kernel_size must be odd.*got 4"),
        ({"first_kernel_size": 6}, "first_kernel_size must be odd.*got 6"),
        ({"first_kernel_size": 1}, "first_kernel_size must be odd.*at least 3, got 1"),
        ({"distribution": "normal"}, "distribution must be one of .*got 'normal'"),
        ({"distribution": "bernoulli", "levels": 4}, "2 levels, got levels=4"),
        ({"dtype": "x"}, 'dtype must be a type of floats such as "float32", .*got .x.'),
        ({"dtype": "int32"}, "dtype must be a type of floats .*got 'int32'"),
        ({"dtype": 3}, "dtype must be a type of floats .*got 3"),
        ({"name": 3}, "name must be a text without /, got 3"),
        ({"trainable": "no"}, "trainable must be True or False, got 'no'"),
        ({"foo": 3}, "foo must be left out: it is no argument of (Gated)?PixelCNN"),
        ({"image_shape": (4, 4, 3), "filters": 32}, "filters must be a multiple of.*got (32|16)"),
        ({"distribution": "logistic_mixture", "levels": 300}, r"levels must be an integer 2\.\."),
    ],
)
@pytest.mark.parametrize("kind", [pcnn.GatedPixelCNN, pcnn.PixelCNN])
def test_models_refuse(kind, arguments, message):
    with pytest.raises(UsageError, match=message) as raised:
        kind(**{"image_shape": (4, 4, 1), "levels": 2, **arguments})
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 4, 4, 1), "float32"), r"integer levels 0\.\.1, got float32"),
        (np.zeros((2, 4, 5, 1), "uint8"), r"must have shape \(B, 4, 4, 1\), got \(2, 4, 5, 1\)"),
        (np.zeros((4, 4, 1), "uint8"), r"must have shape \(B, 4, 4, 1\), got \(4, 4, 1\)"),
        (np.full((2, 4, 4, 1), 2, "uint8"), r"must hold levels 0\.\.1, got 2\.\.2"),
        (np.full((2, 4, 4, 1), -1), r"must hold levels 0\.\.1, got -1\.\.-1"),
        (np.full((2, 4, 4, 1), "a"), "integer levels"),
        ([[1], [1, 2]], r"images must be an array, its rows all of one shape, got \[\[1\], \[1, 2"),
        (None, "images must be integer levels"),
    ],
)
def test_images_that_do_not_fit_are_refused(images, message):
    model = gated()
    for call in (model.log_likelihood, lambda x: pcnn.compress(model, x)):
        with pytest.raises(UsageError, match=message):
            call(images)


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


@pytest.mark.parametrize("condition", CONDITIONS, ids=repr)
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
def test_ragged_rows_are_no_condition(condition):
    message = "condition must be an array, its rows all of one shape"
    with pytest.raises(UsageError, match=message):
        gated(condition=condition).sample(2, [[1], [1, 2]])


@pytest.mark.parametrize("dtype", ["x", "int32", None, 3])
def test_a_copy_in_what_is_no_dtype_is_refused(dtype):
    with pytest.raises(UsageError, match=f"dtype must be .*got {dtype!r}"):
        gated().as_dtype(dtype)


def test_a_vector_that_float32_cannot_hold_is_named_as_such():
    model = gated(condition=pcnn.Vector(1))
    images = random_images(2, (4, 4, 1), 2)
    for value, message in ((1e39, r"numbers up to 3.4e38, float32's, got 1e\+39"), (np.inf, "NaN")):
        with pytest.raises(UsageError, match=message):
            model.log_likelihood(images, np.full((2, 1), value))
    assert np.isfinite(model.log_likelihood(images, np.full((2, 1), 1e30))).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"activity_regularizer": "l2"}, "activity_regularizer must be left out"),
        ({"autocast": False}, "autocast must be left out"),
        (
            {"dtype": "int8_from_float32"},
            "dtype must be a type of floats .* got 'int8_from_float32'",
        ),
    ],
)
def test_what_keras_takes_and_no_model_heeds_is_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        pcnn.GatedPixelCNN((4, 4, 1), **arguments)


@pytest.mark.parametrize("shape", [(1, 16, 8), (4, 5, 10), (2, 9, 9)])
def test_low_images_of_many_channels_are_none_with_channels_first(shape):
    assert pcnn.GatedPixelCNN(shape, filters=shape[2], blocks=1).image_shape == shape
