"""The order of generation, written down in one place."""

import itertools

import numpy as np
import pytest
from keras import ops

from pcnnlib import UsageError
from pcnnlib.nn.raster import (
    ORDERS,
    ROW_ORDERS,
    before,
    check_order,
    check_orders,
    raster_order,
    reorient,
    reorient_each,
    restore,
    restore_each,
)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (4, 1), (2, 3, 3), (3, 2, 1)])
def test_rows_come_before_columns_and_columns_before_channels(shape):
    """Against Python's own order of tuples: row first, then column, then channel."""
    order = raster_order(*shape)
    assert order.shape == shape
    positions = sorted(itertools.product(*map(range, shape)))
    assert [int(order[position]) for position in positions] == list(range(order.size))


def test_channels_of_a_pixel_follow_each_other():
    order = raster_order(2, 2, 3)
    np.testing.assert_array_equal(order // 3, np.repeat(raster_order(2, 2)[..., None], 3, axis=2))


@pytest.mark.parametrize("shape", [(1, 1), (3, 4)])
def test_before_holds_the_pixels_above_and_those_to_the_left(shape):
    row, column = np.indices(shape)
    for i, j in np.ndindex(shape):
        expected = (row < i) | ((row == i) & (column < j))
        got = before(shape, (i, j))
        assert got.dtype == bool
        np.testing.assert_array_equal(got, expected)
        # A list, as JSON has a pixel, means the same.
        np.testing.assert_array_equal(before(shape, [i, j]), expected)


# ---------------------------------------------------------------- other orders

CORNERS = {
    "top left": (0, 0),
    "top right": (0, -1),
    "bottom left": (-1, 0),
    "bottom right": (-1, -1),
}
as_array_and_tensor = pytest.mark.parametrize(
    "as_tensor",
    [
        pytest.param(False, id="array"),
        pytest.param(True, id="tensor", marks=pytest.mark.both_backends),
    ],
)
SHAPES = [(3, 3), (2, 4), (4, 1), (1, 1)]


def walked(shape, name):
    """The pixels as the name of an order says, from its words alone."""
    height, width = shape
    rows = range(height) if "top" in name else range(height - 1, -1, -1)
    columns = range(width) if "left" in name else range(width - 1, -1, -1)
    if "column by column" in name:
        return [(i, j) for j in columns for i in rows]
    return [(i, j) for i in rows for j in columns]


@pytest.mark.parametrize("shape", SHAPES)
def test_each_order_goes_as_its_name_says(shape):
    for order, name in enumerate(ORDERS):
        turns = raster_order(*shape, order=order)
        assert [int(turns[at]) for at in walked(shape, name)] == list(range(turns.size)), name
        corner = next(at for words, at in CORNERS.items() if words in name)
        assert turns[corner] == 0


def test_orders_are_all_symmetries_of_a_square_and_the_first_keep_other_shapes():
    assert len({raster_order(3, 3, order=k).tobytes() for k in range(len(ORDERS))}) == 8
    assert len({raster_order(2, 3, order=k).tobytes() for k in range(ROW_ORDERS)}) == 4
    for order in range(len(ORDERS)):
        seen = reorient(np.zeros((1, 2, 3, 1)), order)
        assert seen.shape == ((1, 2, 3, 1) if order < ROW_ORDERS else (1, 3, 2, 1))


def test_channels_follow_each_other_in_every_order():
    for order in range(len(ORDERS)):
        values = raster_order(2, 3, 3, order=order)
        np.testing.assert_array_equal(values[..., 0], 3 * raster_order(2, 3, order=order))
        np.testing.assert_array_equal(np.diff(values, axis=-1), 1)


def test_before_holds_what_has_an_earlier_turn_in_the_order():
    for order, name in enumerate(ORDERS):
        pixels = walked((3, 4), name)
        for turn, pixel in enumerate(pixels):
            got = before((3, 4), pixel, order)
            assert sorted(map(tuple, np.argwhere(got))) == sorted(pixels[:turn])


@as_array_and_tensor
@pytest.mark.parametrize(("shape", "axes"), [((2, 3, 4, 2), (1, 2)), ((4, 4), (0, 1))])
def test_restoring_undoes_reorienting_and_raster_order_goes_through_what_was_reoriented(
    shape, axes, as_tensor
):
    values = np.arange(np.prod(shape)).reshape(shape)
    given = ops.convert_to_tensor(values) if as_tensor else values
    for order, name in enumerate(ORDERS):
        seen = reorient(given, order, axes)
        assert bool(ops.is_tensor(seen)) == as_tensor
        np.testing.assert_array_equal(restore(seen, order, axes), values)
        flat = np.moveaxis(np.array(seen), axes, (0, 1)).reshape(
            -1, np.prod(shape) // np.prod([shape[a] for a in axes])
        )
        pixels = walked([shape[a] for a in axes], name)
        expected = [np.moveaxis(values, axes, (0, 1))[at].ravel() for at in pixels]
        np.testing.assert_array_equal(flat, expected)


@as_array_and_tensor
@pytest.mark.parametrize("shape", [(16, 3, 3, 2), (8, 2, 3), (8, 3, 3, 1, 2)])
def test_each_image_of_a_batch_may_have_its_own_order(shape, as_tensor):
    values = np.arange(np.prod(shape)).reshape(shape)
    each = np.arange(shape[0]) % (8 if shape[1] == shape[2] else 4)
    given = ops.convert_to_tensor(values) if as_tensor else values
    seen = reorient_each(given, each)
    assert bool(ops.is_tensor(seen)) == as_tensor
    for image, order, got in zip(values, each, np.array(seen), strict=True):
        np.testing.assert_array_equal(got, reorient(image, order, axes=(0, 1)))
    np.testing.assert_array_equal(restore_each(seen, each), values)
    assert (np.array(seen) != values).any()


@pytest.mark.both_backends
def test_the_order_of_each_image_is_one_for_all_or_one_each():
    for given in (2, np.int64(2), [2, 2, 2], ops.convert_to_tensor([2, 2, 2])):
        got = check_order(given, 8, 3)
        assert got.dtype == np.int32
        np.testing.assert_array_equal(got, [2, 2, 2])
    np.testing.assert_array_equal(check_order([0, 7], 8, 2), [0, 7])
    assert check_order(np.zeros(0, int), 8, 0).shape == (0,)


@pytest.mark.parametrize(
    ("order", "orders", "message"),
    [
        (8, 8, "order must be an integer 0..7, got 8$"),
        ([0, -1, 9], 8, "order must be an integer 0..7, got -1$"),
        (1, 1, r"order must be 0, got 1: this model knows one order$"),
        (0.0, 8, "order must be an integer 0..7, or one for each of 3 images, got 0.0$"),
        (True, 8, "or one for each of 3 images, got True$"),
        ("first", 8, "or one for each of 3 images, got 'first'$"),
        (None, 8, "or one for each of 3 images, got None$"),
        ([1, 2], 8, r"or one for each of 3 images, got int64 \(2,\)$"),
        ([[1], [2], [3]], 8, r"got int64 \(3, 1\)$"),
    ],
)
def test_other_orders_are_refused(order, orders, message):
    with pytest.raises(UsageError, match=message):
        check_order(order, orders, 3)


@pytest.mark.parametrize("order", [-1, 8, 1.5, True, None, "0"])
def test_functions_of_one_order_refuse_what_is_none(order):
    for function in (reorient, restore):
        with pytest.raises(UsageError, match=r"order must be an integer 0\.\.7, got "):
            function(np.zeros((1, 2, 2, 1)), order)
    with pytest.raises(UsageError, match=r"order must be an integer 0\.\.7, got "):
        raster_order(2, 2, order=order)


def test_images_that_are_not_square_have_four_orders():
    assert check_orders(8, (4, 4, 1)) == 8 and check_orders(4, (4, 6, 1)) == 4
    for orders in (0, 9, 2.0, True, None):
        with pytest.raises(UsageError, match=r"orders must be an integer 1\.\.8, got "):
            check_orders(orders, (4, 4, 1))
    with pytest.raises(UsageError) as raised:
        check_orders(5, (4, 6, 3))
    assert str(raised.value) == (
        "orders must be an integer 1..4 for images that are not square, 4x6, got 5"
    )
