"""Images of the reader's own, and files that are refused."""

import os
import pickle
import zipfile

import numpy as np
import pytest

import pcnnlib as pcnn
from pcnnlib import UsageError


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
    """Unpickling this makes a folder, which gives it away."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_pickled_objects_are_refused_and_not_run(tmp_path, npz):
    gave_away = tmp_path / "it ran"
    objects = np.array([Malicious(gave_away)], dtype=object)
    path = npz(x_train=objects)
    with pytest.raises(UsageError, match="it holds Python objects, which are never loaded"):
        pcnn.load_dataset(str(path))
    bare = tmp_path / "bare.npz"
    bare.write_bytes(pickle.dumps(Malicious(gave_away)))
    with pytest.raises(UsageError, match="cannot be read"):
        pcnn.load_dataset(str(bare))
    assert not gave_away.exists()
    with np.load(path, allow_pickle=True) as archive:  # it would have run
        archive["x_train"]
    assert gave_away.exists()


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
