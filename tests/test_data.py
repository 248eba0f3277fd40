"""Data sets: fixed splits, batches that follow from `(seed, epoch)`, and files that are refused."""

import os
import pickle
import zipfile

import keras
import numpy as np
import pytest

import pcnnlib as pcnn
from pcnnlib import data
from pcnnlib.errors import UsageError


def rows_of(images):
    """The images as a set of byte strings."""
    return {image.tobytes() for image in images}


# ---------------------------------------------------------------- splits


def test_digits_are_scikit_learns_in_three_disjoint_parts(digits):
    from sklearn.datasets import load_digits

    raw = load_digits()
    parts = (digits.train, digits.validation, digits.test)
    assert [len(part) for part in parts] == [1297, 200, 300]
    assert (digits.image_shape, digits.levels, digits.classes) == ((8, 8, 1), 17, 10)
    images = np.concatenate([part.images for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)

    def in_order(images, labels):
        return sorted(
            (i.astype("uint8").tobytes(), int(k)) for i, k in zip(images, labels, strict=True)
        )

    # Every image once, with its own label: nothing lost, nothing in two parts.
    assert in_order(images[..., 0], labels) == in_order(raw.images, raw.target)
    assert set(np.unique(digits.test.labels)) == set(range(10))


def test_splits_are_the_same_every_time(digits):
    again = pcnn.load_dataset("digits")
    assert again.checksum == digits.checksum
    assert again.checksum in data.CHECKSUMS["digits"]
    np.testing.assert_array_equal(again.test.images, digits.test.images)


def test_own_file_validates_with_the_last_tenth(npz):
    path = npz(n=50, shape=(4, 6), levels=5)
    mine = pcnn.load_dataset(str(path), levels=5)
    with np.load(path) as raw:
        x, y, u = raw["x_train"], raw["y_train"], raw["x_test"]
    np.testing.assert_array_equal(mine.train.images[..., 0], x[:45])
    np.testing.assert_array_equal(mine.validation.images[..., 0], x[45:])
    np.testing.assert_array_equal(mine.test.images[..., 0], u)
    np.testing.assert_array_equal(mine.validation.labels, y[45:])
    assert (mine.image_shape, mine.levels, mine.classes) == ((4, 6, 1), 5, 3)


def test_levels_of_an_own_file_follow_its_values(npz):
    assert pcnn.load_dataset(npz("two.npz", levels=2)).levels == 2
    assert pcnn.load_dataset(npz("more.npz", levels=9)).levels == 256
    assert pcnn.load_dataset(npz("nine.npz", levels=9), levels=9).levels == 9


def test_own_file_without_labels_and_in_colour(npz):
    mine = pcnn.load_dataset(npz(shape=(4, 4, 3), levels=7, y_train=None, y_test=None))
    assert (mine.image_shape, mine.classes, mine.train.labels) == ((4, 4, 3), None, None)


def test_take_gives_the_first_images():
    split = pcnn.Split(np.arange(5)[:, None, None, None], np.arange(5))
    part = split.take(2)
    assert part.images.ravel().tolist() == [0, 1]
    assert part.labels.tolist() == [0, 1]
    assert part.intensities is None
    with pytest.raises(UsageError, match="n must be an integer >= 1, got 0"):
        split.take(0)


# ---------------------------------------------------------------- batches


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
    model = pcnn.PixelCNN((1, 1, 1), levels=30, filters=2, blocks=1)
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
    # Another epoch mirrors others: each image is told by its values, in any order.
    key = {image.tobytes(): was for image, was in zip(plain, mirrored, strict=True)}
    later, later_flipped = batches(epoch=2), batches(epoch=2, flip=True)
    changed = (later_flipped != later).any(axis=(1, 2, 3))
    assert (changed != [key[image.tobytes()] for image in later]).any()


def test_flips_keep_labels_and_are_refused_for_what_says_where():
    split = pcnn.Split(np.zeros((4, 2, 2, 1), "uint8"), np.arange(4))
    ((_, labels),) = split.batches(4, seed=0, condition=pcnn.Labels(4), flip=True)[0]
    assert sorted(labels) == [0, 1, 2, 3]
    told = pcnn.Split(split.images, conditions=np.zeros((4, 2, 2, 1)))
    with pytest.raises(UsageError, match="flip mirrors images, not what Map"):
        told.batches(4, seed=0, condition=pcnn.Map((2, 2, 1)), flip=True)


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
    ]:
        with pytest.raises(UsageError, match=message):
            digits.redrawn(draw, name="wrong", levels=17)


def test_brightness_is_what_images_were_binarised_from():
    intensities = np.array([0, 51, 255], "uint8").reshape(3, 1, 1, 1)
    binary = pcnn.Split(np.array([0, 1, 1], "uint8").reshape(3, 1, 1, 1), intensities=intensities)
    data = pcnn.Dataset("own", (1, 1, 1), 2, binary, binary, binary, None, "", "")
    np.testing.assert_allclose(data.brightness(binary).ravel(), [0, 0.2, 1])
    grey = pcnn.Split(np.array([0, 4, 16], "uint8").reshape(3, 1, 1, 1))
    data = pcnn.Dataset("own", (1, 1, 1), 17, grey, grey, grey, None, "", "")
    np.testing.assert_allclose(data.brightness(grey).ravel(), [0, 0.25, 1])


# ---------------------------------------------------------------- binarisation


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


def mnist_file(folder, n=40, **replaced):
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (n, 28, 28)).astype("uint8"),
        "y_train": rng.integers(0, 10, n),
        "x_test": rng.integers(0, 256, (10, 28, 28)).astype("uint8"),
        "y_test": rng.integers(0, 10, 10),
        **replaced,
    }
    np.savez(folder / "mnist.npz", **arrays)
    return arrays


@pytest.mark.filterwarnings("ignore:.*does not hold the known mnist images")
def test_mnist_is_binarised_afresh_each_epoch_and_evaluated_on_fixed_images(tmp_path):
    arrays = mnist_file(tmp_path)
    two = pcnn.load_dataset("mnist", data_path=tmp_path)
    assert (two.levels, len(two.train), len(two.validation)) == (2, 36, 4)
    np.testing.assert_array_equal(two.train.intensities[..., 0], arrays["x_train"][:36])
    epochs = [two.train.batches(36, seed=0, epoch=e)[0][0] for e in (0, 0, 1)]
    np.testing.assert_array_equal(epochs[0], epochs[1])
    order = [np.random.default_rng([0, e]).permutation(36) for e in (0, 1)]
    # The same images, put back in order, with other pixels.
    assert (epochs[0][np.argsort(order[0])] != epochs[2][np.argsort(order[1])]).mean() > 0.1
    again = pcnn.load_dataset("mnist", data_path=tmp_path)
    np.testing.assert_array_equal(again.test.images, two.test.images)
    np.testing.assert_array_equal(two.test.batches(10)[0][0], two.test.images)


@pytest.mark.filterwarnings("ignore:.*does not hold the known mnist images")
def test_mnist_at_256_levels_is_the_file_itself(tmp_path):
    arrays = mnist_file(tmp_path)
    full = pcnn.load_dataset("mnist", levels=256, data_path=tmp_path)
    np.testing.assert_array_equal(full.test.images[..., 0], arrays["x_test"])
    assert full.train.intensities is None
    with pytest.raises(UsageError, match="levels of mnist must be 2 or 256, got 17"):
        pcnn.load_dataset("mnist", levels=17, data_path=tmp_path)


def test_unknown_mnist_images_are_announced(tmp_path):
    mnist_file(tmp_path)
    with pytest.warns(UserWarning, match="does not hold the known mnist images"):
        pcnn.load_dataset("mnist", data_path=tmp_path)


@pytest.mark.filterwarnings("ignore:.*does not hold the known binarized_mnist images")
@pytest.mark.parametrize("packed", [True, False])
def test_binarized_mnist_is_read_packed_or_plain(tmp_path, packed):
    bits = np.random.default_rng(0).integers(0, 2, (12, 784)).astype("uint8")
    rows = np.packbits(bits, axis=1) if packed else bits
    np.savez(tmp_path / "binarized_mnist.npz", train=rows[:6], valid=rows[6:9], test=rows[9:])
    mine = pcnn.load_dataset("binarized_mnist", data_path=tmp_path)
    np.testing.assert_array_equal(mine.train.images.reshape(6, 784), bits[:6])
    np.testing.assert_array_equal(mine.validation.images.reshape(3, 784), bits[6:9])
    assert mine.test.labels is None


def test_binarized_mnist_refuses_grey_pixels_and_a_missing_file(tmp_path):
    with pytest.raises(UsageError, match="binarized_mnist needs the file"):
        pcnn.load_dataset("binarized_mnist", data_path=tmp_path)
    grey = np.full((3, 784), 7, "uint8")
    np.savez(tmp_path / "binarized_mnist.npz", train=grey, valid=grey, test=grey)
    with pytest.raises(UsageError, match="train must hold 784 binary pixels a row"):
        pcnn.load_dataset("binarized_mnist", data_path=tmp_path)


def test_cifar_is_read_from_its_file(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "cifar10.npz",
        x_train=rng.integers(0, 256, (20, 32, 32, 3)).astype("uint8"),
        y_train=rng.integers(0, 10, (20, 1)),
        x_test=rng.integers(0, 256, (5, 32, 32, 3)).astype("uint8"),
        y_test=rng.integers(0, 10, (5, 1)),
    )
    mine = pcnn.load_dataset("cifar", data_path=tmp_path)
    assert (mine.image_shape, mine.levels) == ((32, 32, 3), 256)
    assert (len(mine.train), len(mine.validation), len(mine.test)) == (18, 2, 5)
    assert mine.train.labels.shape == (18,)


# ---------------------------------------------------------------- where files come from


@pytest.mark.filterwarnings("ignore:.*does not hold the known mnist images")
def test_data_path_is_looked_at_before_any_download(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("asked the network")

    monkeypatch.setattr(keras.datasets.mnist, "load_data", refuse)
    mnist_file(tmp_path)
    assert pcnn.load_dataset("mnist", data_path=tmp_path).source == str(tmp_path / "mnist.npz")


@pytest.mark.filterwarnings("ignore:.*does not hold the known mnist images")
def test_without_a_file_keras_is_asked(tmp_path, monkeypatch):
    x = np.random.default_rng(0).integers(0, 256, (30, 28, 28)).astype("uint8")
    y = np.arange(30) % 10
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: ((x, y), (x[:5], y[:5])))
    mine = pcnn.load_dataset("mnist", levels=256, data_path=tmp_path)
    np.testing.assert_array_equal(mine.train.images[..., 0], x[:27])
    assert mine.source == "keras.datasets.mnist"


@pytest.mark.parametrize(("name", "module"), [("mnist", "mnist"), ("cifar", "cifar10")])
def test_no_file_and_no_network_is_one_clear_line(tmp_path, monkeypatch, name, module):
    def fail():
        raise OSError("URL fetch failure on https://somewhere:\nName or service not known")

    monkeypatch.setattr(getattr(keras.datasets, module), "load_data", fail)
    with pytest.raises(UsageError) as raised:
        pcnn.load_dataset(name, data_path=tmp_path)
    message = str(raised.value)
    assert f"there is no file {tmp_path / module}.npz, and the download failed" in message
    assert "\n" not in message


# ---------------------------------------------------------------- files that are refused


@pytest.mark.parametrize("name", ["", "mnits", "digits.csv", "../digits", None])
def test_unknown_data_sets_are_refused(name):
    with pytest.raises(UsageError, match="data must be one of digits, mnist, .*or a path to .npz"):
        pcnn.load_dataset(name)


@pytest.mark.parametrize("levels", [1, 257, 2.0, "2"])
def test_levels_that_cannot_be_are_refused(levels):
    with pytest.raises(UsageError, match=r"levels must be an integer 2\.\.256"):
        pcnn.load_dataset("digits", levels=levels)


def test_levels_that_a_data_set_does_not_have_are_refused(npz):
    with pytest.raises(UsageError, match="levels of digits must be 17, got 2"):
        pcnn.load_dataset("digits", levels=2)
    with pytest.raises(UsageError, match=r"images must hold levels 0\.\.1 \(levels=2\), got 4"):
        pcnn.load_dataset(npz(levels=5, n=200), levels=2)


IMAGES = np.zeros((4, 4, 4), "uint8")


@pytest.mark.parametrize(
    ("replaced", "message"),
    [
        ({"x_test": None}, "lacks x_test; it has x_train, y_train, y_test"),
        ({"y_test": None}, "must have both y_train and y_test, or neither"),
        ({"x_train": IMAGES.astype(float)}, "x_train must hold integer levels, got float64"),
        ({"x_train": IMAGES[0]}, r"x_train must be \(N, H, W\) or \(N, H, W, C\), got \(4, 4\)"),
        ({"x_train": IMAGES[:0]}, r"got \(0, 4, 4\)"),
        ({"x_train": IMAGES[:1], "y_train": np.zeros(1, int)}, "at least 2 images, got 1"),
        ({"x_train": IMAGES.astype(int) - 1}, r"levels 0\.\.255, got -1\.\.-1"),
        ({"x_train": IMAGES.astype(int) + 256}, r"levels 0\.\.255, got 256\.\.256"),
        ({"x_test": np.zeros((10, 4, 5), "uint8")}, "images of one shape"),
        (
            {"y_train": np.zeros(3, int)},
            r"y_train must be 40 integer labels >= 0, got int64 \(3,\)",
        ),
        ({"y_train": np.zeros(40)}, "integer labels >= 0, got float64"),
        ({"y_train": np.full(40, -1)}, "integer labels >= 0"),
        ({"y_train": np.zeros((40, 10), int)}, r"got int64 \(400,\)"),
        ({"x_train": np.array(["a", "b"])}, "integer levels"),
    ],
)
def test_files_that_hold_no_images_are_refused(npz, replaced, message):
    path = npz(**replaced)
    with pytest.raises(UsageError, match=message) as raised:
        pcnn.load_dataset(str(path))
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


class Malicious:
    """Unpickling this makes a folder, by which it is found out."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_pickled_objects_are_refused_and_not_run(tmp_path, npz):
    found_out = tmp_path / "it ran"
    objects = np.array([Malicious(found_out)], dtype=object)
    path = npz(x_train=objects)
    with pytest.raises(UsageError, match="it holds Python objects, which are never loaded"):
        pcnn.load_dataset(str(path))
    bare = tmp_path / "bare.npz"
    bare.write_bytes(pickle.dumps(Malicious(found_out)))
    with pytest.raises(UsageError, match="cannot be read"):
        pcnn.load_dataset(str(bare))
    assert not found_out.exists()
    with np.load(path, allow_pickle=True) as archive:  # it would have run
        archive["x_train"]
    assert found_out.exists()


def spoilt(path, kind):
    whole = path.read_bytes()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "text":
        path.write_text("x_train,y_train\n1,2\n")
    elif kind == "array":
        with open(path, "wb") as file:
            np.save(file, IMAGES)
    elif kind == "flipped":
        middle = whole.index(b"NUMPY") + 200
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    elif kind == "no arrays":
        with zipfile.ZipFile(path, "w") as archive:
            for key in ("x_train", "x_test"):
                archive.writestr(key, "hello")
    elif kind == "no header":
        with zipfile.ZipFile(path, "w") as archive:
            for key in ("x_train", "x_test"):
                archive.writestr(f"{key}.npy", b"\x93NUMPY\x01\x00\x10\x00not a header....")
    elif kind == "huge":
        header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (9000000000000, 28, 28), }\n"
        with zipfile.ZipFile(path, "w") as archive:
            for key in ("x_train", "x_test"):
                magic = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
                archive.writestr(f"{key}.npy", magic + header)


@pytest.mark.parametrize(
    "kind",
    ["empty", "truncated", "text", "array", "flipped", "no arrays", "no header", "huge"],
)
def test_damaged_files_are_refused(npz, kind):
    path = npz()
    spoilt(path, kind)
    with pytest.raises(UsageError, match="cannot be read") as raised:
        pcnn.load_dataset(str(path))
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "Python objects" not in str(raised.value)


def test_missing_files_are_refused(tmp_path):
    for path in (tmp_path / "none.npz", tmp_path / "folder.npz"):
        with pytest.raises(UsageError, match=f"data file {path} does not exist"):
            pcnn.load_dataset(str(path))
        (tmp_path / "folder.npz").mkdir(exist_ok=True)
