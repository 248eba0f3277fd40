"""A map with another condition in further planes of it."""

import keras
import numpy as np
import pytest
from keras import ops
from support import gated

import pcnnlib as pcnn
from pcnnlib import UsageError
from pcnnlib.nn.joint_conditions import LabelledMap, beside_map, map_beside
from pcnnlib.nn.raster import reorient

RNG = np.random.default_rng(0)
MAPS = RNG.normal(size=(4, 2, 3, 5)).astype("float32")


@pytest.mark.both_backends
@pytest.mark.parametrize("n", [1, 255, 256, 70_000])
def test_labels_come_out_of_the_planes_as_they_went_in(n):
    labels = np.array([-1, 0, n // 2, n - 1])
    condition = map_beside(MAPS.shape[1:], pcnn.Labels(n, dropout=0.1))
    values = beside_map(pcnn.Labels(n, dropout=0.1), MAPS, labels)
    assert values.dtype == "float32" and values.shape == (4, *condition.shape)
    np.testing.assert_array_equal(condition.check(values), values)
    # In half precision too, to which Keras casts what is given to a network of that kind.
    for dtype in ("float32", "bfloat16", "float16"):
        found = condition._labels_of(ops.cast(values, dtype))
        np.testing.assert_array_equal(ops.convert_to_numpy(found), labels)
    assert not condition.impossible(ops.convert_to_tensor(values))
    condition.check(condition.random(3, np.random.default_rng(0)))  # is what it takes
    values[0, ..., -1] = 255
    assert condition.impossible(ops.convert_to_tensor(values)) == (n != 255)


@pytest.mark.both_backends
def test_both_enter_the_gates_side_by_side():
    labels = pcnn.Labels(3, dropout=0.4)
    condition = map_beside(MAPS.shape[1:], labels)
    encoder = condition.make_encoder((4, 3, 1))
    encoder.build((None, *condition.shape))
    values = beside_map(labels, MAPS, np.array([0, 2, -1, 1]))
    encoded = ops.convert_to_numpy(condition.encode(encoder, values))
    assert encoded.shape == (4, 4, 3, condition.depth)
    depth = pcnn.Map(MAPS.shape[1:]).depth
    enlarged = ops.convert_to_numpy(encoder.enlarge(MAPS))
    np.testing.assert_array_equal(encoded[..., :depth], enlarged)
    one_hot = np.array([[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 1, 0]])
    expected = np.broadcast_to(one_hot[:, None, None], (4, 4, 3, 3))
    np.testing.assert_array_equal(encoded[..., depth:], expected)
    without = condition.without_labels(ops.convert_to_tensor(values))
    none = beside_map(labels, MAPS, np.full(4, -1))
    np.testing.assert_array_equal(ops.convert_to_numpy(without), none)


def test_a_label_is_dropped_while_training_and_the_map_is_not():
    model = gated((2, 3, 1), blocks=1, condition=LabelledMap((2, 3, 5), 3, dropout=0.5))
    values = beside_map(pcnn.Labels(3), np.repeat(MAPS[:1], 200, axis=0), np.full(200, 1))
    images = np.zeros((200, 2, 3, 1), int)
    training = ops.convert_to_numpy(model((images, values), training=True))
    kinds = np.unique(training, axis=0)
    assert len(kinds) == 2
    none = beside_map(pcnn.Labels(3), MAPS[:1], np.array([-1]))
    shown = [ops.convert_to_numpy(model((images[:1], v)))[0] for v in (values[:1], none)]
    for kind in kinds:
        assert min(np.abs(kind - other).max() for other in shown) < 1e-5
    assert 60 < (np.abs(training - shown[0]).max(axis=(1, 2, 3)) < 1e-5).sum() < 140


def test_in_another_order_the_map_is_turned_and_the_label_is_not():
    model = gated((4, 4, 1), blocks=2, orders=8, condition=LabelledMap((2, 2, 3), 3))
    maps = RNG.normal(size=(5, 2, 2, 3)).astype("float32")
    images, labels = RNG.integers(0, 2, (5, 4, 4, 1)), np.arange(5) % 3
    other = model.in_order(5)
    assert other.condition == model.condition
    found = other.log_likelihood(
        reorient(images, 5), beside_map(pcnn.Labels(3), reorient(maps, 5), labels)
    )
    expected = model.log_likelihood(images, beside_map(pcnn.Labels(3), maps, labels), order=5)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_other_conditions_beside_a_map():
    assert map_beside((2, 3, 5), None) == pcnn.Map((2, 3, 5))
    assert beside_map(None, MAPS, None) is MAPS
    assert map_beside((2, 3, 5), pcnn.Vector(4)) == pcnn.Map((2, 3, 9))
    rows = RNG.normal(size=(4, 4)).astype("float32")
    values = beside_map(pcnn.Vector(4), MAPS, rows)
    np.testing.assert_array_equal(values[..., :5], MAPS)
    np.testing.assert_array_equal(values[:, 1, 2, 5:], rows)
    with pytest.raises(UsageError, match="None, Labels.* beside a map, got Map"):
        map_beside((2, 3, 5), pcnn.Map((2, 3, 1)))


def test_it_is_described_whole():
    condition = LabelledMap((2, 3, 5), 300, dropout=0.2)
    saved = keras.saving.serialize_keras_object(condition)
    assert keras.saving.deserialize_keras_object(saved) == condition
    assert condition.shape == (2, 3, 7) and condition.labels == pcnn.Labels(300, 0.2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v[..., :5], r"numbers of shape \(B, 2, 3, 6\), got float32 \(4, 2, 3, 5\)"),
        (lambda v: np.where(np.arange(6) == 2, np.nan, v), "must be finite"),
        (lambda v: v + np.eye(3)[:2, :, None], "the same label at every place"),
        (lambda v: v + 0.5, r"digits 0\.\.255 of a label"),
        (lambda v: v - 5, r"digits 0\.\.255"),
        (lambda v: v + 300, r"digits 0\.\.255"),
        (lambda v: v + 2, r"labels 0\.\.2, got 3"),
        (lambda v: v - 1, r"labels 0\.\.2, got -1"),
    ],
)
def test_what_is_no_label_is_refused(change, message):
    values = beside_map(pcnn.Labels(3), MAPS, np.array([0, 1, 2, 0]))
    with pytest.raises(UsageError, match=message):
        LabelledMap((2, 3, 5), 3).check(change(values))
