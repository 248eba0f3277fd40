"""Where data sets come from: one registry of names and the loader of each, files and folders.

Images are `(N, H, W, C)`, uint8 or, above 256 levels, uint16; labels are int64 `(N,)`. Nothing is
ever unpickled. A new data set is a function with the decorator `source`, which holds its name, its
line of help and its checksum.
"""

import hashlib
import os
import pathlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np

from pcnnlib._internal.errors import UsageError, check_bool, check_path
from pcnnlib._internal.levels import MOST_LEVELS, MOST_SHADES, check_levels
from pcnnlib.data.dataset import Dataset, Split, binarise
from pcnnlib.data.files import is_regular_file, read_images, read_npz
from pcnnlib.data.folders import read_folder


@dataclass(frozen=True)
class Source:
    """A data set that `load_dataset` knows by name.

    Attributes:
        load: function of `(levels, data_path)` that returns a `Dataset`.
        help: what it holds, one line.
        licence: under which its images may be used, and whose they are.
        hub: its name on the Hugging Face Hub, or None.
        checksum: SHA-256 of the arrays' bytes, split by split, images before labels: the same
            however a file is packed. None where several contents are in use.
    """

    load: Callable
    help: str
    licence: str
    hub: str | None = None
    checksum: str | None = None


SOURCES: dict[str, Source] = {}
MNIST_LICENCE = "CC BY-SA 3.0 (Y. LeCun and C. Cortes), as Keras states it"


def source(
    name: str, help: str, *, licence: str, hub: str | None = None, checksum: str | None = None
) -> Callable:
    """Register the decorated loader under a name."""

    def register(load):
        SOURCES[name] = Source(load, help, licence, hub, checksum)
        return load

    return register


def load_dataset(
    name: str | os.PathLike,
    *,
    levels: int | None = None,
    data_path: str | os.PathLike = "data",
    shuffle: bool = True,
    image_size: int | Sequence[int] | None = None,
    colour: bool | None = None,
    cache: bool = False,
) -> Dataset:
    """Load a data set by name, from an `.npz` file, or from a folder of pictures.

    Args:
        name: "digits", "mnist", "binarized_mnist", "cifar"; a path that ends in `.npz` with
            `x_train`, `x_test` and, if there are labels, `y_train`, `y_test`; or a folder of PNG,
            JPEG and WebP pictures, whose subfolders are the classes. A tenth of each class
            validates and a tenth tests, the same whatever the files are called; subfolders called
            `train`, `validation` (if any) and `test` are taken as they are.
        levels: K. `mnist`: 2 (default) or 256. A file or folder: by default 2 if it holds two
            values alone, else 256; of a folder any number to 256, of a file to 65,536: codes of
            another network, say. Elsewhere it can only be what the data set has.
        data_path: folder looked into for `mnist.npz`, `binarized_mnist.npz` and `cifar10.npz`
            before anything is downloaded.
        shuffle: of a file: whether its training images are put in one fixed random order before the
            last tenth of them is set apart to validate with, so that a file sorted by class does
            not validate on its last class alone. Data sets with a name keep their own splits.
        image_size: of a folder: side of the images, or height and width; of each picture the
            middle is cut out in that shape. By default the size that all pictures have, up to 64
            pixels, else 32.
        colour: of a folder: True for red, green and blue, False for grey; by default grey if all
            pictures are.
        cache: of a folder: whether the images are kept in a file beside it, `<folder>.pcnnlib.npz`,
            and taken from there while no picture changes.

    Returns:
        `Dataset`. The classes of a file or folder are the labels that occur in it, numbered from 0
        in their order: `Dataset.labels` holds them. Pictures that cannot be read are named in a
        warning, up to a tenth of all.

    Raises:
        UsageError: unknown name; no file and no network; a file that is damaged, lacks a key, or
            holds something else than images; a folder without pictures, or with too many that
            cannot be read; levels that do not fit.
    """
    name = str(name)
    if levels is not None:
        levels = check_levels(levels, MOST_LEVELS if name.endswith(".npz") else MOST_SHADES)
    shuffle = check_bool("shuffle", shuffle)
    options: dict = {"image_size": image_size, "colour": colour, "cache": cache or None}
    if is_folder(name):
        if not shuffle:
            raise UsageError("shuffle must be True: a folder has no order of its own to keep")
        return _from_folder(name, levels, {**options, "cache": cache})
    for option, value in options.items():
        if value is not None:
            raise UsageError(f"{option} must be left out: it is for a folder of pictures")
    if name.endswith(".npz"):
        return _from_file(pathlib.Path(name), levels, shuffle)
    if name not in SOURCES:
        known = ", ".join(SOURCES)
        raise UsageError(
            f"data must be one of {known} or a path to .npz or to a folder of pictures that is "
            f"there, got {name!r}"
        )
    data_path = check_path("data_path", data_path)
    if os.path.exists(data_path) and not os.path.isdir(data_path):
        raise UsageError(f"data_path must be a folder, got {str(data_path)!r}")
    return SOURCES[name].load(levels, data_path)


def is_folder(name: str) -> bool:
    """Whether a data set's name is that of a folder; a known name, or `.npz`, never is one."""
    return name not in SOURCES and not name.endswith(".npz") and os.path.isdir(name)


def short_name(name: str) -> str:
    """The name of a data set without the place where it lies; a folder's ends in a slash."""
    if is_folder(name):
        return f"{pathlib.Path(name).resolve().name}/"
    return pathlib.Path(name).name


@source(
    "digits",
    "scikit-learn's handwritten digits, 8x8, 17 levels: 1,297 / 200 / 300, a fixed shuffle",
    licence="CC BY 4.0 (E. Alpaydin and C. Kaynak, UCI Machine Learning Repository)",
    checksum="200e7b788de7448d0378827a6dbd41e7033d945974353f57dcee45c40b343847",
)
def _digits(levels, data_path):
    from sklearn.datasets import load_digits

    _only_levels("digits", levels, 17)
    raw = load_digits()
    order = np.random.default_rng(0).permutation(len(raw.target))
    images = raw.images.astype("uint8")[order, :, :, None]
    labels = raw.target.astype("int64")[order]
    parts = _split(images, labels, [1297, 200, 300])
    return _dataset("digits", 17, parts, "scikit-learn's handwritten digits (UCI)")


@source(
    "mnist",
    "28x28, 2 levels binarised afresh each epoch, or 256: 50,000 / 10,000 / 10,000, file order",
    licence=MNIST_LICENCE,
    hub="ylecun/mnist",
    checksum="94d51b72971cee860660d41bd4f9c77de633ce3f9150991a301fa75b82e83237",
)
def _mnist(levels, data_path):
    levels = levels or 2
    if levels not in (2, 256):
        raise UsageError(f"levels of mnist must be 2 or 256, got {levels}")
    train, test, source = _file_or_download("mnist", data_path / "mnist.npz", keras.datasets.mnist)
    if train[0].shape[1:3] != (28, 28) or train[0].shape[3:] not in ((), (1,)):
        raise UsageError(f"mnist images must be 28x28, got {train[0].shape[1:]} in {source}")
    held_out = 10_000 if len(train[0]) == 60_000 else max(1, len(train[0]) // 10)
    parts = _validate_with_last(train, held_out, test)
    return _dataset("mnist", levels, parts, source, sample_levels=levels == 2)


@source(
    "binarized_mnist",
    "28x28, 2 levels, one fixed binarisation: 50,000 / 10,000 / 10,000, as in the file",
    licence=MNIST_LICENCE,
    hub="ylecun/mnist",
    checksum="07ad6da6ba6894a550cb68ae290ff3deb006a01f6b6ce1b3123edec502f1fce8",
)
def _binarized_mnist(levels, data_path):
    _only_levels("binarized_mnist", levels, 2)
    path = data_path / "binarized_mnist.npz"
    if not is_regular_file(path, "data file"):
        raise UsageError(
            f"binarized_mnist needs the file {path} (arrays train, valid and test of 784 binary "
            "pixels a row, or 98 bytes of packed bits); it is not downloaded"
        )
    arrays = read_npz(path, ["train", "valid", "test"])
    parts = []
    for key, rows in arrays.items():
        if rows.dtype == np.uint8 and rows.ndim == 2 and rows.shape[1] == 98:
            rows = np.unpackbits(rows, axis=1)
        is_table = rows.ndim >= 2 and rows.size and rows.dtype.kind in "biuf"
        if not is_table or rows.size != len(rows) * 784 or not np.isin(rows, (0, 1)).all():
            raise UsageError(
                f"data file {path}: {key} must hold 784 binary pixels a row, "
                f"got {rows.dtype} {rows.shape}"
            )
        parts.append((rows.reshape(-1, 28, 28, 1).astype("uint8"), None))
    return _dataset("binarized_mnist", 2, parts, str(path))


@source(
    "cifar",
    "32x32x3, 256 levels; the last tenth of the training images validates",
    licence="none is stated; its authors ask to cite A. Krizhevsky, 2009",
    hub="uoft-cs/cifar10",
)
def _cifar(levels, data_path):
    _only_levels("cifar", levels, 256)
    train, test, source = _file_or_download(
        "cifar", data_path / "cifar10.npz", keras.datasets.cifar10
    )
    for images, _ in (train, test):
        if images.shape[1:] != (32, 32, 3):
            raise UsageError(f"cifar images must be 32x32x3, got {images.shape[1:]} in {source}")
    parts = _validate_with_last(train, max(1, len(train[0]) // 10), test)
    return _dataset("cifar", 256, parts, source)


def _from_file(path, levels, shuffle):
    train, test = read_images(path, levels or MOST_SHADES)
    if levels is None:
        levels = 2 if max(train[0].max(), test[0].max()) <= 1 else 256
    names = None
    if train[1] is not None:
        names = np.unique(train[1])
        unknown = np.setdiff1d(test[1], names)
        if unknown.size:
            raise UsageError(
                f"data file {path}: y_test must hold labels that y_train has, got {unknown[0]}"
            )
        train, test = ((images, np.searchsorted(names, y)) for images, y in (train, test))
    if shuffle:
        order = np.random.default_rng(0).permutation(len(train[0]))
        train = tuple(None if part is None else part[order] for part in train)
    parts = _validate_with_last(train, max(1, len(train[0]) // 10), test)
    data = _dataset(str(path), levels, parts, str(path))
    return (
        data if names is None else replace(data, classes=len(names), labels=tuple(names.tolist()))
    )


def _from_folder(name, levels, options):
    parts, levels, names = read_folder(name, levels=levels, **options)
    data = _dataset(name, levels, parts, name)
    return data if names is None else replace(data, classes=len(names), labels=names)


def _file_or_download(name, path, module):
    if is_regular_file(path, "data file"):
        return *read_images(path), str(path)
    try:
        (x, y), (u, v) = module.load_data()
    except Exception as error:  # whatever the network, a proxy or the disk may raise
        reason = " ".join(str(error).split())
        raise UsageError(
            f"{name}: there is no file {path}, and the download failed ({reason}); "
            f"put {path.name} there"
        ) from error
    parts = []
    for images, labels in ((x, y), (u, v)):
        images = images if images.ndim == 4 else images[..., None]
        parts.append((images, labels.reshape(-1).astype("int64")))
    return *parts, f"keras.datasets.{module.__name__.rsplit('.', 1)[-1]}"


def _validate_with_last(train, n, test):
    images, labels = train
    early, late = slice(None, -n), slice(-n, None)
    return [
        (images[early], None if labels is None else labels[early]),
        (images[late], None if labels is None else labels[late]),
        test,
    ]


def _split(images, labels, sizes):
    edges = np.cumsum([0, *sizes])
    return [(images[a:b], labels[a:b]) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def _only_levels(name, levels, has):
    if levels not in (None, has):
        raise UsageError(f"levels of {name} must be {has}, got {levels}")


def _dataset(name, levels, parts, source, *, sample_levels=False):
    digest = hashlib.sha256()
    splits = []
    for number, (images, labels) in enumerate(parts):
        digest.update(np.ascontiguousarray(images))
        if labels is not None:
            digest.update(np.ascontiguousarray(labels))
        intensities = None
        if sample_levels:
            # One binarisation per split is fixed, so that test likelihoods can be compared.
            intensities = images
            images = binarise(images, np.random.default_rng([2008, number]))
        if images.max() >= levels:
            raise UsageError(
                f"data {name}: images must hold levels 0..{levels - 1} (levels={levels}), "
                f"got {images.max()}"
            )
        splits.append(Split(images, labels, intensities))
    checksum = digest.hexdigest()
    if name in SOURCES and SOURCES[name].checksum not in (None, checksum):
        warnings.warn(
            f"{source} does not hold the known {name} images (SHA-256 {checksum[:12]}...): "
            "likelihoods will not compare with published ones",
            stacklevel=4,
        )
    labelled = [labels for _, labels in parts if labels is not None]
    classes = int(max(labels.max() for labels in labelled)) + 1 if labelled else None
    return Dataset(
        name, tuple(splits[0].images.shape[1:]), levels, *splits, classes, source, checksum
    )
