"""Data that does not fit is named in one line, through whichever door of Keras it comes."""

import inspect

import keras
import numpy as np
import pytest
from support import EAGERLY, MIXTURE, gated, random_condition, random_images

import pcnnlib as pcnn
from pcnnlib import UsageError

SHAPE = (5, 6, 1)
GOOD = random_images(12, SHAPE, 2)
LABELS = np.arange(12) % 3
QUIET = {"verbose": 0}


class Stream(keras.utils.PyDataset):
    """Batches of four rows of `parts`: `(x,)`, `(x, y)` or `(x, y, weights)`."""

    def __init__(self, *parts, **options):
        super().__init__(**options)
        self.parts = parts

    def __len__(self):
        return 3

    def __getitem__(self, index):
        rows = slice(4 * index, 4 * index + 4)
        return keras.tree.map_structure(lambda v: None if v is None else v[rows], self.parts)


def generator(*parts):
    while True:
        yield from (Stream(*parts)[index] for index in range(3))


def tf_data(*parts):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(parts).batch(4)


def batches(x):
    images, labels = x if isinstance(x, tuple) else (x, None)
    condition = None if labels is None else pcnn.Labels(100)
    return pcnn.Split(images, labels).batches(4, condition=condition)


def tensors(x):
    return keras.tree.map_structure(keras.ops.convert_to_tensor, x)


# Streams of validation data are seen when they are evaluated, after an epoch.
LATE = {("validation", form) for form in ("tf.data", "PyDataset", "two workers")}
FORMS = {
    "array": lambda x: x,
    "tensor": tensors,
    "tf.data": lambda x: tf_data(x),
    "PyDataset": lambda x: Stream(x),
    "two workers": lambda x: Stream(x, workers=2),
    "Batches": batches,
}
CALLS = {
    "fit": lambda model, good, bad: model.fit(bad, **QUIET),
    "validation": lambda model, good, bad: model.fit(good, validation_data=(bad, None), **QUIET),
    "evaluate": lambda model, good, bad: model.evaluate(bad, **QUIET),
    "predict": lambda model, good, bad: model.predict(bad, **QUIET),
}
ON_BATCH = ("train_on_batch", "test_on_batch", "predict_on_batch")


def compiled(*args, **options):
    model = gated(SHAPE, *args, **options)
    model.compile(run_eagerly=EAGERLY)
    return model


def one_line(message, call, *args, **options):
    with pytest.raises(UsageError, match=message) as raised:
        call(*args, **options)
    assert "\n" not in str(raised.value)


def unchanged(model, call, late=False):
    before = model.get_weights()
    call()
    if late:
        return
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.both_backends
@pytest.mark.parametrize(
    ("call", "form"),
    [
        *(("fit", form) for form in FORMS),
        *((call, form) for call in CALLS if call != "fit" for form in ("array", "tf.data")),
        ("validation", "PyDataset"),
        ("validation", "Batches"),
        ("evaluate", "PyDataset"),
    ],
)
def test_levels_that_there_are_not_are_named_at_every_door(call, form):
    model, bad = compiled(), FORMS[form](GOOD * np.uint8(255))
    name = "validation_data" if call == "validation" else "images"
    refused = (rf"{name} must hold levels 0\.\.1, got 0\.\.255", CALLS[call], model, GOOD, bad)
    unchanged(model, lambda: one_line(*refused), late=(call, form) in LATE)


@pytest.mark.both_backends
@pytest.mark.parametrize(
    ("call", "form", "label"),
    [
        *((call, "array", label) for call in CALLS for label in (9, -5)),
        ("fit", "tf.data", 9),
        ("fit", "PyDataset", -5),
        ("fit", "Batches", 9),
        ("evaluate", "tf.data", -5),
    ],
)
def test_labels_that_are_no_class_are_named_at_every_door(call, form, label):
    model = compiled(condition=pcnn.Labels(3))
    bad = FORMS[form]((GOOD, np.where(np.arange(12) == 3, label, LABELS)))
    refused = (rf"must hold labels 0\.\.2, got {label}", CALLS[call], model, (GOOD, LABELS), bad)
    unchanged(model, lambda: one_line(*refused), late=(call, form) in LATE)


@pytest.mark.both_backends
@pytest.mark.parametrize("name", ON_BATCH)
def test_single_batches_are_checked_too(name):
    model, labelled = compiled(levels=4), compiled(condition=pcnn.Labels(3))
    one_line(r"levels 0\.\.3, got 0\.\.4", getattr(model, name), GOOD * np.uint8(4))
    one_line("labels 0..2, got 9", getattr(labelled, name), (GOOD, np.full(12, 9)))


class Interrupt(keras.callbacks.Callback):
    """Ctrl-C in the middle."""

    def on_test_batch_end(self, batch, logs=None):
        if batch == 1:
            raise KeyboardInterrupt

    on_predict_batch_end = on_test_batch_end


@pytest.mark.both_backends
@pytest.mark.parametrize("name", ["evaluate", "predict"])
def test_a_model_is_whole_after_its_data_was_refused_midway_or_it_was_interrupted(name):
    """Under JAX its weights are away meanwhile, and Keras's steps give them on to each other."""
    model = gated(SHAPE)
    model.compile()
    bad = np.concatenate([GOOD[:8], np.full((4, *SHAPE), 9, "uint8")])
    work = getattr(model, name)
    unchanged(model, lambda: one_line(r"got 9\.\.9", work, tf_data(bad), verbose=0))
    with pytest.raises(KeyboardInterrupt):
        unchanged(model, lambda: work(GOOD, batch_size=4, verbose=0, callbacks=[Interrupt()]))
    before = model.log_likelihood(GOOD)
    # Nothing is left over that an error before the first step would bring back.
    model.fit(GOOD, epochs=1, verbose=0)
    unchanged(model, lambda: one_line(r"got 9\.\.9", work, tf_data(bad[8:]), verbose=0))
    assert (model.log_likelihood(GOOD) != before).any()


@pytest.mark.parametrize("options", [{}, {"levels": 4}, MIXTURE | {"levels": 9}])
def test_a_generator_is_checked_as_it_goes(options):
    model = compiled(**options)
    bad = np.concatenate([GOOD[:8], np.full((4, *SHAPE), 9, "uint8")])
    one_line(r"must hold levels .*got 9\.\.9", model.fit, generator(bad), steps_per_epoch=3)
    assert np.isfinite(model.log_likelihood(GOOD)).all()


@pytest.mark.both_backends
def test_an_unchecked_loss_of_levels_or_labels_there_are_not_is_nan():
    """What a training loop of one's own computes, without the checks of `fit`."""
    model, labelled = gated(SHAPE), gated(SHAPE, condition=pcnn.Labels(3))
    outputs, given = model(GOOD), labelled((GOOD, LABELS))
    assert np.isfinite(float(model.compute_loss(GOOD, y_pred=outputs)))
    assert np.isnan(float(model.compute_loss(GOOD * 2, y_pred=outputs)))
    assert np.isnan(float(model.compute_loss(GOOD.astype(int) - 1, y_pred=outputs)))
    assert np.isfinite(float(labelled.compute_loss((GOOD, LABELS), y_pred=given)))
    assert np.isnan(float(labelled.compute_loss((GOOD, LABELS + 1), y_pred=given)))


@pytest.mark.both_backends
@pytest.mark.parametrize("form", FORMS)
def test_checked_data_gives_what_it_gave(form):
    model = compiled()
    data = FORMS[form](GOOD)
    nats = -model.log_likelihood(GOOD).mean()
    assert model.evaluate(data, **QUIET) == pytest.approx(nats, rel=1e-5)
    assert model.predict(data, **QUIET).shape == (12, *SHAPE)
    history = model.fit(data, validation_data=data, epochs=2, **QUIET).history
    assert history["val_loss"][1] < history["val_loss"][0] < nats


def test_condition_by_itself_as_validation_targets_is_refused_before_the_epoch():
    model = compiled(condition=pcnn.Labels(3))
    given = GOOD, LABELS
    refused = (r"validation_data must be \(\(images, condition\),\)", model.fit, given)
    unchanged(model, lambda: one_line(*refused, validation_data=given, **QUIET))
    for right in ((given,), (given, None)):
        assert "val_loss" in model.fit(given, validation_data=right, **QUIET).history
    one_line("inputs must be .images, condition., got images alone", model.fit, GOOD, LABELS)
    for stream in (tf_data(GOOD, LABELS), Stream(GOOD, LABELS), generator(GOOD, LABELS)):
        message = (
            r"a stream must give \(\(images, condition\),\), since Keras takes what comes second"
        )
        one_line(message, model.fit, stream, steps_per_epoch=3)


@pytest.mark.both_backends
def test_no_images_are_no_data():
    model = compiled()
    for name in ("fit", "evaluate", "predict", *ON_BATCH):
        one_line("images must be at least one, got none", getattr(model, name), GOOD[:0])
    empty = (GOOD[:0], None)
    one_line("validation_data must be at least one", model.fit, GOOD, validation_data=empty)


@pytest.mark.both_backends
def test_what_comes_with_images_has_a_row_for_each_within_a_call_too():
    labelled, several = gated(SHAPE, condition=pcnn.Labels(3)), gated(SHAPE, orders=4)
    for rows in (1, 2):
        one_line(f"condition must have 12 rows, .* got {rows}", labelled, (GOOD, LABELS[:rows]))
        one_line(f"order must have 12 rows, .* got {rows}", several, (GOOD, LABELS[:rows]))
    one_line("condition must have 1 rows, .* got 12", labelled, (GOOD[:1], LABELS))


def test_single_images_of_a_stream_are_told_from_batches():
    import tensorflow as tf

    stream = tf.data.Dataset.from_tensor_slices(GOOD)
    message = r"got single images \(5, 6, 1\): add .batch\(64\) to the tf.data.Dataset"
    one_line(message, compiled().fit, stream)
    one_line("this model takes images alone, got a list", compiled().fit, [GOOD])


def test_one_callback_is_a_list_of_one_and_others_are_named():
    model, seen = compiled(), []
    split = pcnn.Split(GOOD, None)
    for data in (GOOD, split.batches(4)):
        count = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
        model.fit(data, callbacks=count, **QUIET)
    assert seen == [0, 0]
    one_line(
        "callbacks must be a list of Keras callbacks, got 3",
        model.fit,
        split.batches(4),
        callbacks=3,
    )


@pytest.mark.parametrize("form", ["array", "tf.data", "PyDataset"])
def test_shapes_and_dtypes_are_told_before_keras_wraps_them(form):
    labelled, model = compiled(condition=pcnn.Labels(3)), compiled()
    column = FORMS[form]((GOOD, LABELS[:, None]))
    one_line(r"labels of shape \(B,\), got int64 .*take labels\[:, 0\]", labelled.fit, column)
    floats = FORMS[form]((GOOD, LABELS.astype("float32")))
    one_line("must be integer labels", labelled.fit, floats)
    first = FORMS[form](np.moveaxis(GOOD, -1, 1))
    hint = r"looks like \(B, C, H, W\): np.moveaxis\(images, 1, -1\) mends it"
    one_line(hint, model.fit, first)
    one_line(hint, model.evaluate, first)
    one_line(
        r"must be integer levels 0\.\.1, got float32", model.fit, FORMS[form](GOOD * np.float32(1))
    )


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (4, 8, 8), (1, 5, 6)])
def test_a_channels_first_image_shape_is_refused(shape):
    right = (*shape[1:], shape[0])
    message = f"image_shape must be (H, W, C), channels last; {shape} looks like (C, H, W)"
    for kind in (pcnn.GatedPixelCNN, pcnn.PixelCNN, pcnn.DeconvolutionalAutoencoder):
        with pytest.raises(UsageError) as raised:
            kind(shape, levels=4)
        assert str(raised.value) == f"{message}: write {right}"


@pytest.mark.both_backends
def test_weights_count_without_targets():
    model = compiled()
    weights = np.r_[np.full(6, 2.0), np.zeros(6)]
    half = -model.log_likelihood(GOOD[:6]).mean()
    for loss in (
        model.evaluate(GOOD, sample_weight=weights, **QUIET),
        model.evaluate(GOOD, GOOD, sample_weight=weights, **QUIET),
        model.evaluate(Stream(GOOD, None, weights), **QUIET),
        model.evaluate(tf_data(GOOD, GOOD, weights), **QUIET),
        model.evaluate(generator(GOOD, None, weights), steps=3, **QUIET),
        model.test_on_batch(GOOD, sample_weight=weights),
    ):
        assert float(loss) == pytest.approx(half, rel=1e-5)
    zeros = np.zeros(12)
    unchanged(model, lambda: model.fit(GOOD, sample_weight=zeros, **QUIET))
    unchanged(model, lambda: model.train_on_batch(GOOD, sample_weight=zeros))
    validation = {"validation_data": (GOOD, None, zeros)}
    assert model.fit(GOOD, **validation, **QUIET).history["val_loss"] == [0.0]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones((12, 1)), r"numbers of shape \(12,\), one per image, got float64 \(12, 1\)"),
        (np.ones(11), r"got float64 \(11,\)"),
        (-np.ones(12), "finite numbers >= 0, got -1.0"),
        (np.full(12, np.nan), "finite numbers >= 0, got nan"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights, message):
    model = compiled()
    for call in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
        one_line(message, call, GOOD, sample_weight=weights)
    one_line(message, model.fit, GOOD, validation_data=(GOOD, None, weights))
    if len(weights) == 12:
        one_line("sample_weight must be", model.fit, Stream(GOOD, None, weights))


def test_class_weights_and_other_losses_are_refused():
    model = compiled()
    for call in (model.fit, model.train_on_batch):
        one_line(
            "class_weight must be None: .*sample_weight counts", call, GOOD, class_weight={0: 1}
        )
    one_line("loss must be None: the loss is the model's own", model.compile, loss="mse")


@pytest.mark.both_backends
def test_arguments_stand_in_keras_own_order():
    model = compiled()
    assert len(model.fit(GOOD, None, 4, 2, 0).history["loss"]) == 2
    assert model.evaluate(GOOD, None, 4, 0) > 0
    model.compile("sgd", None, None, None)
    assert isinstance(model.optimizer, keras.optimizers.SGD)
    assert not model.jit_compile or keras.backend.backend() == "jax"
    with pytest.raises(TypeError, match=r"fit\(\) got an unexpected keyword argument 'epoch'"):
        model.fit(GOOD, epoch=3)
    own = [name for name in dir(keras.Model) if name.startswith(("fit", "eval", "predict"))]
    assert all(inspect.signature(getattr(model, name)) is not None for name in own)


@pytest.mark.both_backends
@pytest.mark.parametrize("distribution", ["bernoulli", "categorical", "logistic_mixture"])
def test_booleans_are_levels_0_and_1_at_every_door(distribution):
    model = compiled(distribution=distribution)
    other = compiled(distribution=distribution)
    bits = GOOD.astype(bool)
    np.testing.assert_array_equal(np.asarray(model(bits)), np.asarray(model(GOOD)))
    np.testing.assert_array_equal(model.log_likelihood(bits), model.log_likelihood(GOOD))
    assert model.evaluate(bits, **QUIET) == model.evaluate(GOOD, **QUIET)
    losses = [m.fit(x, shuffle=False, **QUIET).history for m, x in ((model, bits), (other, GOOD))]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("condition", [pcnn.Labels(2), pcnn.Vector(4), pcnn.Map((5, 6, 1))])
def test_booleans_are_no_condition_at_any_door(condition):
    model = compiled(condition=condition)
    bits = np.ones((12, *condition.shape), bool)
    for call in (model, model.fit, model.evaluate, model.predict, model.train_on_batch):
        one_line("condition must be (integer labels|numbers).*got bool", call, (GOOD, bits))
    one_line("condition must be .*got bool", model.log_likelihood, GOOD, bits)
    one_line("condition must be .*got bool", model.sample, 12, bits)


def test_a_boolean_is_no_number():
    model = gated(SHAPE)
    for name, value in (("temperature", True), ("temperature", np.True_), ("n", True)):
        one_line(f"{name} must be", model.sample, **{"n": 1, name: value})


def test_a_vector_of_the_wrong_size_is_named_within_fit():
    model = compiled(condition=pcnn.Vector(4))
    for bad in (random_condition(pcnn.Vector(3), 12), np.full((12, 4), np.nan, "float32")):
        one_line("condition must be", model.fit, (GOOD, bad))
        one_line("condition must be", model.fit, Stream((GOOD, bad)))


@pytest.mark.both_backends
@pytest.mark.parametrize("wrong", [None, "abc", 3, [[0, 1]], {"images": GOOD}])
def test_what_is_no_data_is_named_at_every_door(wrong):
    model = compiled()
    for name in ("fit", "evaluate", "predict", *ON_BATCH):
        one_line("images must be an array or a tensor", getattr(model, name), wrong)
    if wrong is not None:
        one_line("validation_data must be an array", model.fit, GOOD, validation_data=(wrong, None))
