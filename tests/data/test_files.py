"""Images of the reader's own, and files that are refused."""

import os
import pickle
import zipfile

import numpy as np
import pytest

import pcnnlib as pcnn
from pcnnlib import UsageError, data
from pcnnlib.data import files

pytestmark = pytest.mark.robustness


def test_own_file_validates_with_the_last_tenth_of_a_fixed_order(npz):
    path = npz(n=50, shape=(4, 6), levels=5)
    mine = pcnn.load_dataset(str(path), levels=5)
    with np.load(path) as raw:
        x, y, u = raw["x_train"], raw["y_train"], raw["x_test"]
    order = np.random.default_rng(0).permutation(50)
    np.testing.assert_array_equal(mine.train.images[..., 0], x[order[:45]])
    np.testing.assert_array_equal(mine.validation.images[..., 0], x[order[45:]])
    np.testing.assert_array_equal(mine.test.images[..., 0], u)
    np.testing.assert_array_equal(mine.validation.labels, y[order[45:]])
    assert (mine.image_shape, mine.levels, mine.classes) == ((4, 6, 1), 5, 3)
    assert pcnn.load_dataset(path, levels=5).checksum == mine.checksum
    as_it_is = pcnn.load_dataset(path, levels=5, shuffle=False)
    np.testing.assert_array_equal(as_it_is.validation.images[..., 0], x[45:])
    with pytest.raises(UsageError, match="shuffle must be True or False, got 'no'"):
        pcnn.load_dataset(path, shuffle="no")


def test_a_file_sorted_by_class_validates_on_every_class(npz):
    path = npz(n=90, y_train=np.repeat([0, 1, 2], 30))
    assert set(pcnn.load_dataset(path).validation.labels) == {0, 1, 2}
    assert set(pcnn.load_dataset(path, shuffle=False).validation.labels) == {2}


def test_classes_are_the_labels_that_occur_numbered_in_their_order(npz):
    y = np.random.default_rng(0).choice([3, 1, 7], 40)
    mine = pcnn.load_dataset(npz(y_train=y, y_test=np.array([7, 1] * 5)))
    assert (mine.classes, mine.labels) == (3, (1, 3, 7))
    assert mine.test.labels.tolist() == [2, 0] * 5
    order = np.random.default_rng(0).permutation(40)
    named = np.array(mine.labels)[np.concatenate([mine.train.labels, mine.validation.labels])]
    np.testing.assert_array_equal(named, y[order])


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
        ({"y_train": np.full(40, -1)}, r"y_train must hold labels 0\.\.65535, got -1"),
        ({"y_train": np.zeros((40, 10), int)}, r"got int64 \(400,\)"),
        ({"x_train": np.array(["a", "b"])}, "integer levels"),
        ({"y_train": np.full(40, 2_000_000_000)}, r"labels 0\.\.65535, got 2000000000"),
        ({"y_train": np.full(40, 2**63, "uint64")}, r"labels 0\.\.65535, got 9223372036854775808"),
        ({"y_test": np.full(10, 5)}, "y_test must hold labels that y_train has, got 5"),
        (
            {"x_train": np.zeros((40, 3, 8, 8), "uint8")},
            r"\(40, 3, 8, 8\) looks like \(N, C, H, W\): np.moveaxis\(x_train, 1, -1\) mends it",
        ),
        ({"x_train": np.zeros((40, 1, 28, 28), "uint8")}, "channels last"),
        ({"x_test": np.zeros((40, 4, 5, 6), "uint8")}, r"x_test must be \(N, H, W, C\), channels"),
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
    elif kind in ("cut header", "brackets", "quotes"):
        header = {
            "cut header": b"{'descr': '|u1', 'fortran_order': False, 'shape': (4, 4, ",
            "brackets": b"(((((",
            "quotes": b"'''",
        }[kind]
        with zipfile.ZipFile(path, "w") as archive:
            for key in ("x_train", "x_test"):
                magic = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
                archive.writestr(f"{key}.npy", magic + header)
    elif kind in ("huge", "shorter", "wide"):
        shape, descr = {
            "huge": ((9_000_000_000_000, 28, 28), "|u1"),
            "shorter": ((1, 1), "|u1"),
            "wide": ((1,), "|V999999999999"),
        }[kind]
        header = str({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
        with zipfile.ZipFile(path, "w") as archive:
            for key in ("x_train", "x_test"):
                magic = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
                archive.writestr(f"{key}.npy", magic + header + b"1234")


@pytest.mark.parametrize(
    "kind",
    [
        "empty",
        "truncated",
        "text",
        "array",
        "flipped",
        "no arrays",
        "no header",
        "cut header",
        "brackets",
        "quotes",
        "huge",
        "shorter",
        "wide",
    ],
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


def test_an_archive_larger_than_the_memory_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    """A few kilobytes can unpack to any size: what counts is the size that is declared."""
    path = tmp_path / "bomb.npz"
    zeros = np.zeros((20_000, 32, 32), "uint8")
    np.savez_compressed(path, x_train=zeros, x_test=zeros[:2], other=zeros)
    assert path.stat().st_size < 1e5
    assert len(data.read_npz(path, ["x_train", "x_test"])["x_train"]) == 20_000
    monkeypatch.setattr(files, "memory", lambda: 40_000_000)
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("unpacked"))
    with pytest.raises(
        UsageError, match=r"holds 0\.0 GB of arrays, more than half of this machine"
    ):
        pcnn.load_dataset(path)


@pytest.mark.parametrize("source", ["own", "mnist", "binarized_mnist", "cifar"])
@pytest.mark.parametrize("kind", ["pipe", "loop", "long", "null"])
def test_paths_that_are_no_files_are_refused_and_never_waited_for(tmp_path, source, kind):
    names = {
        "own": "own",
        "mnist": "mnist",
        "binarized_mnist": "binarized_mnist",
        "cifar": "cifar10",
    }
    folder = tmp_path
    path = tmp_path / f"{names[source]}.npz"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    else:
        folder = tmp_path / {"long": "x" * 300, "null": "a\0b"}[kind]
        path = folder / path.name
    name = str(path) if source == "own" else source
    with pytest.raises(UsageError, match="cannot be read: .") as raised:
        pcnn.load_dataset(name, data_path=folder)
    assert "\n" not in str(raised.value)
