"""Named data sets: fixed splits, known contents, and where the files come from."""

import keras
import numpy as np
import pytest

import pcnnlib as pcnn
from pcnnlib import UsageError, data


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
    assert again.checksum == data.SOURCES["digits"].checksum
    np.testing.assert_array_equal(again.test.images, digits.test.images)


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


@pytest.mark.parametrize(
    "rows", [np.array(5), np.zeros((0, 784)), np.zeros((3, 784), complex), np.zeros(784)]
)
def test_binarized_mnist_refuses_what_is_no_table_of_pixels(tmp_path, rows):
    np.savez(tmp_path / "binarized_mnist.npz", train=rows, valid=rows, test=rows)
    with pytest.raises(UsageError, match="train must hold 784 binary pixels a row, got") as raised:
        pcnn.load_dataset("binarized_mnist", data_path=tmp_path)
    assert "\n" not in str(raised.value)


def test_cifar_refuses_images_of_another_size(tmp_path):
    images = np.zeros((20, 6, 6), "uint8")
    np.savez(tmp_path / "cifar10.npz", x_train=images, x_test=images)
    with pytest.raises(UsageError, match=r"cifar images must be 32x32x3, got \(6, 6"):
        pcnn.load_dataset("cifar", data_path=tmp_path)


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


@pytest.mark.parametrize("name", ["", "mnits", "digits.csv", "../digits", None])
def test_unknown_data_sets_are_refused(name):
    with pytest.raises(UsageError, match="data must be one of digits, mnist, .*or a path to .npz"):
        pcnn.load_dataset(name)


@pytest.mark.parametrize("levels", [1, 257, 2.0, "2"])
def test_levels_that_cannot_be_are_refused(levels):
    with pytest.raises(UsageError, match=r"levels must be an integer 2\.\.256"):
        pcnn.load_dataset("digits", levels=levels)


@pytest.mark.parametrize("path", [None, 3, "", b"data"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(UsageError, match=f"data_path must be a path, got {path!r}"):
        pcnn.load_dataset("digits", data_path=path)


def test_levels_that_a_data_set_does_not_have_are_refused(npz):
    with pytest.raises(UsageError, match="levels of digits must be 17, got 2"):
        pcnn.load_dataset("digits", levels=2)
    with pytest.raises(UsageError, match=r"images must hold levels 0\.\.1 \(levels=2\), got 4"):
        pcnn.load_dataset(npz(levels=5, n=200), levels=2)
