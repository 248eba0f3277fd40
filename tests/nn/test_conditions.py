"""Conditions: where they reach, and what is refused."""

import keras
import numpy as np
import pytest
from support import gated, outputs, random_condition, random_images

import pcnnlib as pcnn
from pcnnlib import UsageError

CONDITIONS = [pcnn.Labels(3), pcnn.Vector(4), pcnn.Map((2, 2, 3))]


@pytest.mark.both_backends
@pytest.mark.parametrize("condition", CONDITIONS, ids=repr)
def test_condition_reaches_every_pixel_even_the_first(condition):
    model = gated((4, 4, 1), levels=3, blocks=1, condition=condition)
    images = np.repeat(random_images(1, (4, 4, 1), 3), 2, axis=0)
    values = np.array([0, 2]) if not condition.shape else random_condition(condition, 2)
    one, other = outputs(model, images, values)
    assert (one != other).any(axis=-1).all()


def test_map_changed_at_one_place_changes_the_outputs_there():
    """One layer deep: the patch under the changed place, and what lies after it, within reach."""
    model = gated((4, 6, 1), levels=3, blocks=1, condition=pcnn.Map((2, 3, 2)))
    images = random_images(1, (4, 6, 1), 3)
    plain = np.zeros((1, 2, 3, 2), "float32")
    changed = plain.copy()
    changed[0, 1, 1] = 1.0
    differs = (outputs(model, images, plain) != outputs(model, images, changed)).any(axis=(0, 3, 4))
    patch = np.zeros((4, 6), bool)
    patch[2:, 2:4] = True
    # The horizontal gate takes the map at its own pixel; a block later the neighbours would see it.
    np.testing.assert_array_equal(differs, patch)


def test_deeper_models_hand_a_map_on_to_later_pixels():
    model = gated((4, 6, 1), levels=3, blocks=3, condition=pcnn.Map((2, 3, 2)))
    images = random_images(1, (4, 6, 1), 3)
    plain = np.zeros((1, 2, 3, 2), "float32")
    changed = plain.copy()
    changed[0, 0, 1] = 1.0
    differs = (outputs(model, images, plain) != outputs(model, images, changed)).any(axis=(0, 3, 4))
    assert differs[:2, 2:4].all()
    assert differs[2:].any()


def test_labels_pick_a_learned_vector_per_class():
    """V^T h of equation 4 with a one-hot h is a row of V: the same as that vector, given."""
    labels = gated((4, 4, 1), condition=pcnn.Labels(3))
    vectors = gated((4, 4, 1), condition=pcnn.Vector(3))
    vectors.set_weights(labels.get_weights())
    images = random_images(3, (4, 4, 1), 2)
    # The same sums of the same numbers, grouped alike.
    np.testing.assert_allclose(
        outputs(labels, images, np.array([0, 1, 2])),
        outputs(vectors, images, np.eye(3, dtype="float32")),
        atol=1e-6,
    )


def test_map_encoder_gives_each_place_its_own_patch():
    condition = pcnn.Map((2, 2, 3))
    encoder = condition.make_encoder((4, 6, 1))
    encoder.build((None, 2, 2, 3))
    values = random_condition(condition, 2)
    encoded = np.asarray(condition.encode(encoder, values))
    assert encoded.shape == (2, 4, 6, condition.depth)
    # A transposed convolution with strides of its own size: one matrix per place in the patch.
    kernel, bias = np.asarray(encoder.kernel, float), np.asarray(encoder.bias, float)
    expected = np.einsum("bhwi,rsoi->bhrwso", values, kernel).reshape(2, 4, 6, -1) + bias
    np.testing.assert_allclose(encoded, expected, atol=1e-5)  # float32 sums of three products


@pytest.mark.parametrize("condition", CONDITIONS, ids=repr)
def test_configuration_survives_serialisation(condition):
    config = keras.saving.serialize_keras_object(condition)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy == condition
    assert hash(copy) == hash(condition)
    assert copy != pcnn.Labels(99)


def test_conditions_say_what_they_are():
    assert [repr(c) for c in CONDITIONS] == ["Labels(3)", "Vector(4)", "Map((2, 2, 3))"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([0, 3]), r"labels 0\.\.2, got 3"),
        (np.array([-1, 0]), r"labels 0\.\.2, got -1"),
        (np.array([0.0, 1.0]), r"integer labels of shape \(B,\), got float64"),
        (np.array([[0], [1]]), r"shape \(B,\), got int64 \(2, 1\)"),
        (np.int64(1), "integer labels of shape"),
        (["a"], "integer labels"),
        (None, "integer labels"),
        (np.array([True]), "integer labels"),
    ],
)
def test_labels_refuse(values, message):
    with pytest.raises(UsageError, match=message):
        pcnn.Labels(3).check(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((2, 5)), r"numbers of shape \(B, 4\), got float64 \(2, 5\)"),
        (np.zeros(4), r"numbers of shape \(B, 4\), got float64 \(4,\)"),
        (np.array([["a"] * 4]), r"numbers of shape \(B, 4\)"),
        (np.full((2, 4), np.nan), "finite, got NaN or infinity"),
        (np.full((2, 4), 1e300), "numbers up to 3.4e38, float32's, got 1e.300"),
        (3.0, "numbers of shape"),
    ],
)
def test_vectors_refuse(values, message):
    with pytest.raises(UsageError, match=message):
        pcnn.Vector(4).check(values)


def test_maps_refuse():
    with pytest.raises(UsageError, match=r"numbers of shape \(B, 2, 2, 3\)"):
        pcnn.Map((2, 2, 3)).check(np.zeros((1, 2, 2)))
    with pytest.raises(UsageError, match="must be multiples"):
        pcnn.Map((3, 2, 1)).make_encoder((4, 4, 1))
    with pytest.raises(UsageError, match="a map's shape must be"):
        pcnn.Map((2, 2))
    with pytest.raises(UsageError, match="a map's shape must be"):
        pcnn.Map(2)
    with pytest.raises(UsageError, match="h must be an integer >= 1, got 0"):
        pcnn.Map((0, 2, 1))


@pytest.mark.parametrize("make", [pcnn.Labels, pcnn.Vector])
@pytest.mark.parametrize("size", [0, -1, 2.0, "3"])
def test_sizes_that_cannot_be_are_refused(make, size):
    with pytest.raises(UsageError, match="must be an integer >= 1"):
        make(size)


def test_labels_given_as_floats_are_refused_by_the_model():
    model = gated(condition=pcnn.Labels(3))
    with pytest.raises(UsageError, match="condition must be integer labels, got float32"):
        model((random_images(2, (4, 4, 1), 2), np.zeros(2, "float32")))


def test_condition_of_another_shape_is_refused_by_the_model():
    model = gated(condition=pcnn.Map((2, 2, 3)))
    with pytest.raises(UsageError, match="condition must have shape"):
        model((random_images(2, (4, 4, 1), 2), np.zeros((2, 2, 2, 4), "float32")))
