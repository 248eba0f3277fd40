"""What is made of a data set: parts, conditions, other images, binary pixels."""

import numpy as np
import pytest

import pcnnlib as pcnn
from pcnnlib import UsageError, data


def test_take_gives_the_first_images():
    split = pcnn.Split(np.arange(5)[:, None, None, None], np.arange(5))
    part = split.take(2)
    assert part.images.ravel().tolist() == [0, 1]
    assert part.labels.tolist() == [0, 1]
    assert part.intensities is None
    with pytest.raises(UsageError, match="n must be an integer >= 1, got 0"):
        split.take(0)


def test_conditions_stay_with_their_images_and_change_the_checksum(digits):
    data = digits.conditioned(lambda split: split.images.mean(axis=(1, 2)))
    assert data.checksum != digits.checksum
    assert data.checksum == digits.conditioned(lambda s: s.images.mean(axis=(1, 2))).checksum
    batches = data.train.take(30).batches(8, seed=1, condition=pcnn.Vector(1))
    for ((images, means),) in (batches[k] for k in range(4)):
        np.testing.assert_allclose(images.mean(axis=(1, 2)), means, rtol=1e-6)
    with pytest.raises(UsageError, match="a row for each of 1297 images, got"):
        digits.conditioned(lambda split: np.zeros(3))


def test_redrawn_images_keep_their_labels_and_change_the_checksum(digits):
    data = digits.redrawn(lambda split: 16 - split.images[:, :4], name="upper halves", levels=32)
    assert data.image_shape == (4, 8, 1) and data.levels == 32 and data.name == "upper halves"
    np.testing.assert_array_equal(data.test.images, 16 - digits.test.images[:, :4])
    np.testing.assert_array_equal(data.test.labels, digits.test.labels)
    assert data.checksum != digits.checksum
    for draw, message in [
        (lambda split: split.images[1:], "draw must return a row for each of 1297 images"),
        (lambda split: split.images[..., 0], "draw must return images"),
        (lambda split: split.images / 16, "levels 0..16, got float64"),
        (lambda split: split.images + 1, "1..17"),
        (3, "draw must be a function of a Split, got 3"),
        (lambda split: [[1], [1, 2]], "what draw returns must be an array"),
    ]:
        with pytest.raises(UsageError, match=message):
            digits.redrawn(draw, name="wrong", levels=17)
    with pytest.raises(UsageError, match="describe must return numbers, got object"):
        digits.conditioned(lambda split: np.full(len(split), None))


@pytest.mark.parametrize(
    ("draw", "levels", "message"),
    [
        # As uint16, 65,536 would be 0.
        (
            lambda s: np.full((len(s), 2, 2, 1), 65_536),
            65_537,
            r"levels must be an integer 2\.\.65536, got 65537",
        ),
        (lambda s: np.full((len(s), 2, 2, 1), 300), 256, r"levels 0\.\.255, got .* 300\.\.300"),
        (lambda s: np.zeros((len(s), 2, 2, 1), int), 2.0, r"levels must be .* got 2\.0"),
        (lambda s: np.zeros((len(s), 0, 2, 1), int), 2, r"got int64 \(1297, 0, 2, 1\)"),
        (lambda s: np.zeros((len(s), len(s) // 200, 2, 1), int), 2, "images of one shape"),
        (lambda s: np.full((len(s), 2, 2, 1), 2**64 - 1, "uint64"), 2, "184467440737"),
    ],
)
def test_redrawn_images_that_would_be_stored_as_others_are_refused(digits, draw, levels, message):
    with pytest.raises(UsageError, match=message):
        digits.redrawn(draw, name="codes", levels=levels)


@pytest.mark.parametrize(("levels", "dtype"), [(256, "uint8"), (257, "uint16"), (65_536, "uint16")])
def test_redrawn_images_keep_the_highest_level_there_is(digits, levels, dtype):
    def draw(split):
        return np.full((len(split), 2, 2, 1), levels - 1)

    data = digits.redrawn(draw, name="codes", levels=levels)
    assert data.train.images.dtype == dtype and (data.train.images == levels - 1).all()


def test_brightness_is_what_images_were_binarised_from():
    intensities = np.array([0, 51, 255], "uint8").reshape(3, 1, 1, 1)
    binary = pcnn.Split(np.array([0, 1, 1], "uint8").reshape(3, 1, 1, 1), intensities=intensities)
    data = pcnn.Dataset("own", (1, 1, 1), 2, binary, binary, binary, None, "", "")
    np.testing.assert_allclose(data.brightness(binary).ravel(), [0, 0.2, 1])
    grey = pcnn.Split(np.array([0, 4, 16], "uint8").reshape(3, 1, 1, 1))
    data = pcnn.Dataset("own", (1, 1, 1), 17, grey, grey, grey, None, "", "")
    np.testing.assert_allclose(data.brightness(grey).ravel(), [0, 0.25, 1])


def test_pixels_are_one_as_often_as_their_intensity_says():
    levels = np.arange(256, dtype="uint8")
    draws = 4000
    intensities = np.broadcast_to(levels, (draws, 256))
    drawn = data.binarise(intensities, np.random.default_rng(0))
    assert set(np.unique(drawn)) == {0, 1}
    share = drawn.mean(axis=0)
    p = levels / 255
    # Six standard deviations of a share of 4000 draws; fixed seed.
    assert (np.abs(share - p) <= 6 * np.sqrt(p * (1 - p) / draws)).all()
    assert share[0] == 0  # black stays black
    assert share[255] == 1  # and white white
