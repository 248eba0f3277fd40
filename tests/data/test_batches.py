"""Batches follow from `(seed, epoch)`, and hold every image once."""

import numpy as np
import pytest

import pcnnlib as pcnn
from pcnnlib import UsageError, data


@pytest.fixture
def split():
    """Thirty images told apart by their only pixel, and labels that go with them."""
    return pcnn.Split(np.arange(30, dtype="uint8").reshape(30, 1, 1, 1), np.arange(30) % 7)


def fetch(batches, order=None):
    return [np.asarray(batches[k][0]).ravel() for k in order or range(batches.num_batches)]


def test_batches_hold_every_image_once_an_epoch(split):
    batches = split.batches(8, seed=3)
    assert [len(batch) for batch in fetch(batches)] == [8, 8, 8, 6]
    assert sorted(np.concatenate(fetch(batches))) == list(range(30))


def test_batches_follow_from_seed_and_epoch_in_whatever_order_they_are_fetched(split):
    batches = split.batches(8, seed=3, epoch=5)
    forwards = fetch(batches)
    backwards = fetch(split.batches(8, seed=3, epoch=5), order=[3, 2, 1, 0])[::-1]
    for a, b in zip(forwards, backwards, strict=True):
        np.testing.assert_array_equal(a, b)
    for other in (split.batches(8, seed=3, epoch=6), split.batches(8, seed=4, epoch=5)):
        assert (np.concatenate(fetch(other)) != np.concatenate(forwards)).any()


@pytest.mark.both_backends
def test_fit_sees_each_epochs_batches_in_their_order(split):
    """Through Keras: the batches of epoch 0, 1, 2 and no others, unshuffled."""

    class Recorder(data.Batches):
        def __getitem__(self, index):
            batch = super().__getitem__(index)
            self.seen.append((self.epoch, index, batch[0].ravel().tolist()))
            return batch

    batches = Recorder(split, 10, seed=1)
    batches.seen = []
    model = pcnn.PixelCNN((1, 1, 1), levels=30, filters=2, blocks=2)
    model.compile()
    model.fit(batches, epochs=2, verbose=0)
    model.fit(batches, initial_epoch=2, epochs=4, verbose=0)  # goes on where the first stopped
    expected = [
        (epoch, k, batch.tolist())
        for epoch in range(4)
        for k, batch in enumerate(fetch(split.batches(10, seed=1, epoch=epoch)))
    ]
    # Keras looks at a few batches more, for their shapes: the last looks are those trained on.
    assert sorted(set(map(str, batches.seen))) == sorted(map(str, expected))
    assert batches.seen[-6:] == expected[-6:]


def test_without_a_seed_batches_come_in_order(split):
    np.testing.assert_array_equal(np.concatenate(fetch(split.batches(7))), np.arange(30))


def test_labels_stay_with_their_images(split):
    for seed in (None, 2):
        for batch in (split.batches(8, seed=seed, condition=pcnn.Labels(7))[k] for k in range(4)):
            ((images, labels),) = batch
            np.testing.assert_array_equal(labels, images.ravel() % 7)


def test_flips_mirror_half_of_the_images_and_follow_from_seed_and_epoch():
    rng = np.random.default_rng(0)
    colours = pcnn.Split(rng.integers(0, 256, (400, 3, 5, 3)).astype("uint8"))

    def batches(**options):
        some = colours.batches(64, **{"seed": 2, "epoch": 1, **options})
        return np.concatenate([some[k][0] for k in range(some.num_batches)])

    plain, flipped = batches(), batches(flip=True)
    np.testing.assert_array_equal(batches(flip=True), flipped)
    mirrored = (flipped == plain[:, :, ::-1]).all(axis=(1, 2, 3))
    same = (flipped == plain).all(axis=(1, 2, 3))
    assert (mirrored ^ same).all()  # columns are mirrored, rows and channels stay
    assert 160 < mirrored.sum() < 240  # four standard deviations
    # In whatever order the batches are fetched.
    np.testing.assert_array_equal(
        colours.batches(64, seed=2, epoch=1, flip=True)[3][0], flipped[3 * 64 : 4 * 64]
    )
    # Another epoch mirrors others: each image is known by its values, in any order.
    key = {image.tobytes(): was for image, was in zip(plain, mirrored, strict=True)}
    later, later_flipped = batches(epoch=2), batches(epoch=2, flip=True)
    changed = (later_flipped != later).any(axis=(1, 2, 3))
    assert (changed != [key[image.tobytes()] for image in later]).any()


def test_flips_keep_labels_and_are_refused_for_maps():
    split = pcnn.Split(np.zeros((4, 2, 2, 1), "uint8"), np.arange(4))
    ((_, labels),) = split.batches(4, seed=0, condition=pcnn.Labels(4), flip=True)[0]
    assert sorted(labels) == [0, 1, 2, 3]
    mapped = pcnn.Split(split.images, conditions=np.zeros((4, 2, 2, 1)))
    with pytest.raises(
        UsageError, match=r"flip mirrors images, but not their Map\(\(2, 2, 1\)\): leave it out"
    ):
        mapped.batches(4, seed=0, condition=pcnn.Map((2, 2, 1)), flip=True)


def test_flips_of_intensities_leave_their_binarisation_alone():
    intensities = np.random.default_rng(0).integers(0, 256, (20, 4, 6, 1)).astype("uint8")
    split = pcnn.Split(intensities // 128, intensities=intensities)
    plain, flipped = (split.batches(20, seed=1, flip=flip)[0][0] for flip in (False, True))
    mirrored = (plain != flipped).any(axis=(1, 2, 3))
    assert 0 < mirrored.sum() < 20
    np.testing.assert_array_equal(flipped[mirrored], plain[mirrored][:, :, ::-1])


def test_batches_refuse(split):
    with pytest.raises(UsageError, match="flip needs a seed"):
        split.batches(8, flip=True)
    with pytest.raises(UsageError, match="batch_size must be an integer >= 1, got 0"):
        split.batches(0)
    with pytest.raises(UsageError, match="seed must be an integer >= 0, got -1"):
        split.batches(8, seed=-1)
    with pytest.raises(UsageError, match="the data has no labels"):
        pcnn.Split(split.images).batches(8, condition=pcnn.Labels(7))
    with pytest.raises(UsageError, match="labels 0..2, got 3"):
        split.batches(8, condition=pcnn.Labels(3))
    with pytest.raises(UsageError, match="the data has no conditions"):
        split.batches(8, condition=pcnn.Vector(3))


def test_orders_are_drawn_anew_in_each_epoch_and_change_nothing_else(split):
    def epoch(**options):
        batches = split.batches(8, **{"seed": 3, "orders": 8, **options})
        pairs = [batches[k][0] for k in range(batches.num_batches)]
        return [np.concatenate(parts) for parts in zip(*pairs, strict=True)]

    images, order = epoch()
    np.testing.assert_array_equal(images.ravel(), np.concatenate(fetch(split.batches(8, seed=3))))
    assert order.dtype == np.int32 and len(set(order.tolist())) > 5
    assert 0 <= order.min() and order.max() <= 7
    np.testing.assert_array_equal(epoch()[1], order)
    later = epoch(epoch=1)
    by_image = [values[np.argsort(key.ravel())] for key, values in ((images, order), later)]
    assert (by_image[0] != by_image[1]).any()
    assert set(epoch(orders=2)[1].tolist()) == {0, 1}
    labelled = epoch(condition=pcnn.Labels(7))
    np.testing.assert_array_equal(labelled[1], images.ravel() % 7)
    np.testing.assert_array_equal(labelled[2], order)


def test_without_a_seed_orders_follow_from_the_number_of_the_image(split):
    for size in (4, 7, 30):  # whatever the batches
        batches = split.batches(size, orders=4)
        order = np.concatenate([batches[k][0][1] for k in range(batches.num_batches)])
        np.testing.assert_array_equal(order, np.arange(30) % 4)


def test_parts_of_a_batch_keep_their_orders(split):
    whole = split.batches(8, seed=3, orders=8)[3][0]  # of six images
    parts = [split.batches(8, seed=3, orders=8, multiple=4, part=(k, 2))[3] for k in (0, 1)]
    for which in (0, 1):
        together = np.concatenate([inputs[which] for inputs, _, _ in parts])
        np.testing.assert_array_equal(together[:6], whole[which])


def test_batches_refuse_orders_that_there_are_not(split):
    for orders in (0, 9, 1.5, True):
        with pytest.raises(UsageError, match=r"orders must be an integer 1\.\.8, got "):
            split.batches(8, orders=orders)
