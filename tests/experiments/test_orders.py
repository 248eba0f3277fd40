"""The eight orders of an image, and the likelihood of their mixture."""

import numpy as np
import orders
import pytest

import pcnnlib as pcnn


@pytest.fixture
def images():
    return np.arange(2 * 4 * 4, dtype="uint8").reshape(2, 4, 4, 1)


def test_the_eight_orders_are_the_symmetries_of_the_square(images):
    seen = {orders.reorient(images, order).tobytes() for order in range(orders.ORDERS)}
    assert len(seen) == 8
    assert np.array_equal(orders.reorient(images, 0), images)
    for turned in (orders.reorient(images, order) for order in range(orders.ORDERS)):
        # Neighbours stay neighbours: the corners of every symmetry are the corners.
        corners = {*turned[0, [0, 0, 3, 3], [0, 3, 0, 3], 0].tolist()}
        assert corners == {*images[0, [0, 0, 3, 3], [0, 3, 0, 3], 0].tolist()}


def test_batches_show_each_image_in_orders_drawn_anew(images):
    split = orders.in_every_order(pcnn.Split(np.repeat(images, 20, axis=0)))
    batches = split.batches(16, seed=3, condition=pcnn.Labels(orders.ORDERS))

    def epoch(number):
        batches.epoch = number
        pairs = [batches[index][0] for index in range(batches.num_batches)]
        return [np.concatenate(parts) for parts in zip(*pairs, strict=True)]

    first, labels = epoch(0)
    assert len(first) == 40 and set(labels) == set(range(orders.ORDERS))
    upright = [orders.reorient(images, order) for order in range(orders.ORDERS)]
    for image, order in zip(first, labels, strict=True):
        assert any(np.array_equal(image, original) for original in upright[order])
    again, labels_again = epoch(0)
    assert np.array_equal(first, again) and np.array_equal(labels, labels_again)
    assert not np.array_equal(labels, epoch(1)[1])


def test_a_split_in_turn_has_each_image_in_one_order():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 2, (11, 4, 4, 1), "uint8")
    split = orders.in_turn(pcnn.Split(images))
    assert split.labels.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2]
    for i, order in enumerate(split.labels):
        assert np.array_equal(split.images[i : i + 1], orders.reorient(images[i : i + 1], order))


def test_the_mixture_is_the_mean_of_the_probabilities():
    nats = np.random.default_rng(0).uniform(70, 90, (8, 5))
    assert np.allclose(orders.mixture_nats(nats), -np.log(np.exp(-nats).mean(0)), atol=1e-9)
    assert (orders.mixture_nats(nats) <= nats.mean(0)).all()


def test_the_mixture_of_a_network_sums_to_one_over_all_images():
    model = pcnn.GatedPixelCNN(
        (3, 3, 1), 2, filters=4, blocks=2, first_kernel_size=3, condition=pcnn.Labels(8)
    )
    bits = np.arange(512)[:, None] >> np.arange(9) & 1
    every = bits.reshape(-1, 3, 3, 1).astype("uint8")
    nats = orders.nats_by_order(model, every, 512)
    assert np.exp(-orders.mixture_nats(nats)).sum() == pytest.approx(1, abs=1e-5)
    assert not np.allclose(nats[0], nats[3])  # orders differ, so the sum could have been wrong


def test_rounded_weights_are_what_16_bits_can_hold():
    model = pcnn.GatedPixelCNN((3, 3, 1), 2, filters=4, blocks=1, first_kernel_size=3)
    before = model.get_weights()
    after = orders.rounded_to_16_bits(model).get_weights()
    for a, b in zip(after, before, strict=True):
        assert a.dtype == b.dtype
        assert np.array_equal(a.astype("float16").astype(a.dtype), a)
        assert np.allclose(a, b, rtol=1e-3, atol=1e-7)
