"""One network that reads in several orders: exact in each, and in their mixture."""

import keras
import numpy as np
import pytest
from support import EAGERLY, MIXTURE, all_images, gated, on_both, random_condition, random_images

import pcnnlib as pcnn
from pcnnlib import UsageError, analysis
from pcnnlib.models import PixelCNNAutoencoder, architecture
from pcnnlib.models.likelihood import mixture
from pcnnlib.nn.raster import ORDERS, before, raster_order, reorient, restore

CONDITIONS = [None, pcnn.Labels(3), pcnn.Vector(4), pcnn.Map((4, 2, 3))]
EVERY = np.arange(8)


def in_orders(shape=(4, 4, 1), levels=2, *, orders=8, **options):
    return gated(shape, levels, orders=orders, **options)


@pytest.mark.both_backends
def test_probabilities_of_all_images_sum_to_one_in_each_order_and_in_their_mixture():
    model = in_orders((3, 3, 1), first=3)
    images = all_images((3, 3, 1), 2)
    each = [model.log_likelihood(images, batch_size=512, order=k) for k in range(8)]
    together = model.log_likelihood(images, batch_size=512, order="mixture")
    # Log-probabilities of about ten nats in float32, so each term is right to a few 1e-6 of itself.
    for nats in (*each, together):
        assert np.exp(nats).sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(np.exp(together), np.exp(each).mean(axis=0), rtol=1e-9)
    assert (together >= np.mean(each, axis=0)).all()
    # Orders disagree, so that they could have been mixed up.
    assert min(np.abs(each[a] - each[b]).max() for a in range(8) for b in range(a)) > 0.5


def test_the_mixture_holds_where_probabilities_are_too_small_for_floats():
    logs = np.array([[-5000.0, -3.0], [-5001.0, -np.inf]])
    np.testing.assert_allclose(
        mixture(logs), [-5000 + np.log((1 + np.exp(-1)) / 2), -3 - np.log(2)]
    )


@pytest.mark.both_backends
def test_a_model_in_one_order_equals_the_one_told_of_it():
    """With a map, which has places too, and a plain model's own vertical and horizontal stacks."""
    images = random_images(5, (4, 4, 1), 3)
    for condition in (pcnn.Map((4, 2, 3)), None):
        model = in_orders(levels=3, condition=condition, filters=4)
        values = random_condition(condition, 5)
        for order in (1, 6) if condition else (5,):
            plain = model.in_order(order)
            assert plain.orders == 1 and "orders" not in architecture(plain)
            turned = None if values is None else reorient(values, order)
            np.testing.assert_allclose(
                np.asarray(model(joined_inputs(images, values, np.full(5, order)))),
                np.asarray(restore(plain(joined_inputs(reorient(images, order), turned)), order)),
                atol=2e-5,  # of sums of some tens of float32 terms, added up in another order
            )


def joined_inputs(images, *given):
    given = [values for values in given if values is not None]
    return (images, *given) if given else images


@pytest.mark.parametrize("condition", on_both(CONDITIONS, "Map((4, 2, 3))"), ids=repr)
def test_each_image_is_read_in_its_own_order(condition):
    model = in_orders(levels=3, condition=condition)
    images, values = random_images(8, (4, 4, 1), 3), random_condition(condition, 8)
    together = np.asarray(model(joined_inputs(images, values, EVERY)))
    for order in (0, 3, 6):
        alone = np.asarray(model(joined_inputs(images, values, np.full(8, order))))
        np.testing.assert_allclose(together[order], alone[order], atol=1e-5)
        assert np.abs(together[1] - alone[1]).max() > 0.01


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        pytest.param((3, 3, 1), {}, marks=pytest.mark.both_backends),
        ((2, 3, 3), {"orders": 4, "condition": pcnn.Labels(3), "levels": 4}),
        ((2, 2, 3), {"levels": 4, "condition": pcnn.Map((1, 2, 2)), **MIXTURE}),
    ],
    ids=["grey", "colour, not square, labels", "mixture, map"],
)
def test_a_prediction_depends_on_the_pixels_before_it_in_the_order_and_on_no_other(shape, options):
    model = in_orders(shape, filters=6, **options)
    values = int(np.prod(shape))
    for order in range(model.orders):
        report = pcnn.check_causality(model, order=order, images=2, batch_size=values)
        assert report.causal and report.order == order, f"{ORDERS[order]}: {report}"
        # Another order would not have been causal: the check has teeth.
        other = (order + 1) % model.orders
        assert not analysis.CausalityReport(report.influence, other).causal
        seen, earlier = report.seen_from((1, 1)), before(shape[:2], (1, 1), order)
        if shape[-1] == 1:
            np.testing.assert_array_equal(seen, earlier)


@pytest.mark.both_backends
def test_the_receptive_field_lies_before_the_pixel_in_each_order():
    model = in_orders((5, 5, 1), blocks=3, first=5)
    for order in range(8):
        field = pcnn.receptive_field(model, at=(2, 3), order=order)
        np.testing.assert_array_equal(field > 0, before((5, 5), (2, 3), order))


def test_features_change_behind_a_pixel_in_each_order():
    model = in_orders((4, 4, 1))
    for order in (0, 3, 6):
        turns = raster_order(4, 4, order=order)
        vertical, horizontal = analysis.changed_features(model, (1, 2), order=order)
        changed = vertical.any(axis=0) | horizontal.any(axis=0)
        assert changed.any() and not changed[turns < turns[1, 2]].any()


def test_surprise_of_all_pixels_is_the_negative_log_likelihood_in_each_order():
    model = in_orders((4, 3, 1), levels=3, orders=4, condition=pcnn.Labels(2))
    images, labels = random_images(4, (4, 3, 1), 3), np.array([0, 1, 1, 0])
    for order in (2, [0, 1, 2, 3]):
        expected = -model.log_likelihood(images, labels, order=order)
        got = analysis.surprise(model, images, labels, order=order).sum(axis=(1, 2))
        np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_likelihoods_of_splits_and_classes_take_an_order_too():
    model = in_orders(condition=pcnn.Labels(2))
    split = pcnn.Split(random_images(6, (4, 4, 1), 2), np.arange(6) % 2)
    for order in (0, 5, "mixture"):
        nats = -model.log_likelihood(split.images, split.labels, order=order)
        found = pcnn.evaluate(model, split, order=order)
        assert found.nats_per_image == pytest.approx(nats.mean())
        classes = analysis.class_log_likelihoods(model, split.images, order=order)
        np.testing.assert_array_equal(classes[np.arange(6), split.labels], -nats)
    one = gated()
    with_mixture = pcnn.evaluate(one, split, order="mixture")
    assert with_mixture == pcnn.evaluate(one, split)  # of one order


# ---------------------------------------------------------------- one order costs nothing


def test_a_model_of_one_order_is_described_and_built_as_it_always_was():
    shapes = [w.shape for w in gated(condition=pcnn.Labels(3)).weights]
    model = gated(condition=pcnn.Labels(3), orders=1)
    assert [w.shape for w in model.weights] == shapes
    assert "orders" not in model.get_config() and "orders" not in architecture(model)
    assert len(gated(orders=1).weights) == len(gated().weights)
    copy = model.from_config(model.get_config())
    assert copy.orders == 1


def test_orders_cost_a_vector_for_each_gate_and_order():
    one, eight = gated(), in_orders()
    # Two gates of the first block and one of the last, 2F features each.
    assert eight.count_params() - one.count_params() == 3 * 8 * 12


def test_a_model_of_several_orders_is_saved_and_loaded(tmp_path):
    model = in_orders((4, 3, 1), condition=pcnn.Map((2, 1, 3)), orders=4)
    described = architecture(model)
    assert described["orders"] == 4
    model.save(tmp_path / "model.keras")
    loaded = pcnn.load_model(tmp_path / "model.keras")
    assert architecture(loaded) == described
    inputs = random_images(4, (4, 3, 1), 2), random_condition(model.condition, 4), EVERY[:4]
    np.testing.assert_array_equal(np.asarray(model(inputs)), np.asarray(loaded(inputs)))


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="reads TensorFlow's format")
def test_an_exported_model_takes_the_order_last(tmp_path):
    import tensorflow as tf

    model = in_orders(condition=pcnn.Labels(3))
    inputs = random_images(8, (4, 4, 1), 2), EVERY.astype("int32") % 3, EVERY.astype("int32")
    model.export(tmp_path / "model", verbose=False)
    program = tf.saved_model.load(tmp_path / "model")
    served = program.serve([*inputs])
    # The gate is computed by other instructions, a few float32 roundings apart.
    np.testing.assert_allclose(served, np.asarray(model(inputs)), rtol=1e-5, atol=1e-5)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"orders": 0}, r"orders must be an integer 1\.\.8, got 0$"),
        ({"orders": 9}, r"orders must be an integer 1\.\.8, got 9$"),
        ({"orders": 2.0}, r"orders must be an integer 1\.\.8, got 2.0$"),
        ({"orders": True}, r"orders must be an integer 1\.\.8, got True$"),
        (
            {"orders": 8, "shape": (4, 6, 1)},
            r"orders must be an integer 1\.\.4 for images that are not square, 4x6, got 8$",
        ),
        (
            {"orders": 2, "condition_stacks": ()},
            r"condition_stacks must let the order reach an output of 2 blocks, got \(\)$",
        ),
    ],
)
def test_a_model_of_other_orders_is_refused(arguments, message):
    with pytest.raises(UsageError, match=message):
        gated(**arguments)


def test_autoencoders_draw_in_raster_order_alone():
    assert PixelCNNAutoencoder((4, 4, 1), filters=4, blocks=2, orders=1).decoder.orders == 1
    with pytest.raises(UsageError, match="orders must be 1: an autoencoder draws in raster order"):
        PixelCNNAutoencoder((4, 4, 1), filters=4, blocks=2, orders=8)


@pytest.mark.both_backends
def test_orders_that_the_model_does_not_know_are_refused_by_every_function():
    images, model, one = random_images(2, (4, 4, 1), 2), in_orders(orders=4), gated()
    calls = [
        lambda m, k: m.log_likelihood(images, order=k),
        lambda m, k: pcnn.evaluate(m, pcnn.Split(images), order=k),
        lambda m, k: analysis.surprise(m, images, order=k),
        lambda m, k: pcnn.check_causality(m, order=k),
        lambda m, k: pcnn.receptive_field(m, (1, 1), order=k),
        lambda m, k: analysis.changed_features(m, (1, 1), order=k),
        lambda m, k: m.in_order(k),
        lambda m, k: m.sample(2, order=k),
    ]
    for call in calls:
        for wrong in (4, -1, 1.0, True, "first", [1, 2, 3]):
            with pytest.raises(UsageError, match="^order must be .*got") as raised:
                call(model, wrong)
            assert "\n" not in str(raised.value)
        with pytest.raises(UsageError, match=r"order must be (0|an integer 0\.\.0), got 1"):
            call(one, 1)


@pytest.mark.parametrize(
    ("options", "inputs", "message"),
    [
        ({}, 1, r"reads in 8 orders: inputs must be \(images, order\), got images alone"),
        ({}, 3, r"inputs must be \(images, order\), got 3 of them"),
        (
            {"condition": pcnn.Labels(3)},
            1,
            r"this model is conditioned on Labels\(3\) and reads in 8 orders: inputs must be "
            r"\(images, condition, order\), got images alone",
        ),
        (
            {"condition": pcnn.Labels(3)},
            2,
            r"inputs must be \(images, condition, order\), got 2 of them",
        ),
    ],
)
def test_inputs_without_orders_are_refused(options, inputs, message):
    model = in_orders(**options)
    given = (random_images(8, (4, 4, 1), 2), EVERY % 3, EVERY)[:inputs]
    for call in (model, model.predict):
        with pytest.raises(UsageError, match=message):
            call(given if inputs > 1 else given[0])


def test_orders_within_call_are_integers_one_each():
    images, model = random_images(8, (4, 4, 1), 2), in_orders()
    for wrong in (EVERY.astype("float32"), EVERY[:, None]):
        with pytest.raises(UsageError, match=r"order must be integers of shape \(B,\), got "):
            model((images, wrong))
    with pytest.raises(UsageError, match="this model takes images alone"):
        gated()((images, EVERY))


FORMS = {
    "array": lambda images, order: (images, order),
    "tensor": lambda images, order: tuple(map(keras.ops.convert_to_tensor, (images, order))),
    "tf.data": lambda images, order: tf_data(images, order),
    "PyDataset": lambda images, order: Stream((images, order)),
}


def tf_data(*inputs):
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((inputs,)).batch(4)


class Stream(keras.utils.PyDataset):
    """Batches of four of these inputs."""

    def __init__(self, inputs):
        super().__init__()
        self.inputs = inputs

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return (tuple(part[4 * index : 4 * index + 4] for part in self.inputs),)


@pytest.mark.both_backends
@pytest.mark.parametrize("form", FORMS)
def test_orders_that_there_are_not_are_named_at_every_door(form):
    model, images = in_orders(orders=4), random_images(8, (4, 4, 1), 2)
    model.compile(run_eagerly=EAGERLY)
    good, bad = (FORMS[form](images, order) for order in (EVERY % 4, EVERY))
    nats = -model.log_likelihood(images, order=EVERY % 4).mean()
    assert model.evaluate(good, verbose=0) == pytest.approx(nats, rel=1e-5)
    for call in (model.fit, model.evaluate, model.predict):
        with pytest.raises(UsageError, match=r"order must be an integer 0\.\.3, got [4-7]"):
            call(bad, verbose=0)
    if form == "array":
        model.fit(good, validation_data=(good,), verbose=0)
        with pytest.raises(UsageError, match="order must be an integer 0..3, got 4"):
            model.fit(good, validation_data=(bad,), verbose=0)
        with pytest.raises(UsageError, match=r"validation_data must be \(\(images, order\),\)"):
            model.fit(good, validation_data=good, verbose=0)
        for name in ("train_on_batch", "test_on_batch", "predict_on_batch"):
            with pytest.raises(UsageError, match="order must be an integer 0..3, got 4"):
                getattr(model, name)(bad)
        with pytest.raises(UsageError, match=r"one for each of 8 images, got int64 \(1,\)"):
            model.evaluate((images, np.int64(3)), verbose=0)
        for wrong, got in (((images, 2), "an array, 2"), ((images, None), "an array, None")):
            message = rf"inputs must be \(images, order\), arrays or tensors, .*got \({got}\)"
            for call in (model.fit, model.evaluate, model.predict, model.train_on_batch):
                with pytest.raises(UsageError, match=message):
                    call(wrong)


def test_an_unchecked_loss_of_orders_there_are_not_is_nan():
    model, images = in_orders(orders=4), random_images(8, (4, 4, 1), 2)
    outputs = model((images, EVERY % 4))
    assert np.isfinite(float(model.compute_loss((images, EVERY % 4), y_pred=outputs)))
    assert np.isnan(float(model.compute_loss((images, EVERY), y_pred=outputs)))


def test_batches_must_bring_orders_that_the_model_knows():
    split = pcnn.Split(random_images(8, (4, 4, 1), 2))
    model = in_orders(orders=4)
    model.compile(run_eagerly=EAGERLY)
    assert np.isfinite(model.evaluate(split.batches(8, orders=4), verbose=0))
    with pytest.raises(UsageError, match="got images alone"):
        model.fit(split.batches(8), verbose=0)
    with pytest.raises(UsageError, match="order must be an integer 0..3, got 7"):
        model.fit(split.batches(8, orders=8), verbose=0)
