"""Data sets as integer pixel levels, with fixed splits and batches that can be repeated exactly.

| name | images | train / validation / test |
|---|---|---|
| `digits` | scikit-learn's, 8x8x1, 17 levels | 1,297 / 200 / 300, a fixed shuffle |
| `mnist` | 28x28x1; 2 levels drawn each epoch, or 256 | 50,000 / 10,000 / 10,000, file order |
| `binarized_mnist` | 28x28x1, 2 levels, fixed | 50,000 / 10,000 / 10,000, as in the file |
| `cifar` | 32x32x3, 256 levels | the last tenth of the training images validates |
| path to `.npz` | the reader's own | the last tenth of the training images validates |

Images are uint8 `(N, H, W, C)`, labels int64 `(N,)`. Nothing is ever unpickled.
"""

import hashlib
import pathlib
import warnings
import zipfile
import zlib
from dataclasses import dataclass, field, replace

import keras
import numpy as np

from pcnnlib.errors import UsageError, check_int

# SHA-256 of the arrays' bytes, in the order of the keys below: the same however a file is packed.
CHECKSUMS = {
    "digits": {"200e7b788de7448d0378827a6dbd41e7033d945974353f57dcee45c40b343847"},
    "mnist": {"94d51b72971cee860660d41bd4f9c77de633ce3f9150991a301fa75b82e83237"},
    "binarized_mnist": {"07ad6da6ba6894a550cb68ae290ff3deb006a01f6b6ce1b3123edec502f1fce8"},
}

NAMES = ("digits", "mnist", "binarized_mnist", "cifar")


class Batches(keras.utils.PyDataset):
    """Batches of one split, for `fit`, `evaluate` and `predict`.

    Everything random follows from `(seed, epoch)`: the order of the images, which of them are
    mirrored and, for intensities binarised afresh, every pixel. A run that is resumed at an epoch
    therefore sees the same batches as one that never stopped.

    Args:
        split: `Split` to draw from.
        batch_size: images a batch; the last may be smaller.
        seed: int, or None for the images in order, binarised as `split.images` is.
        condition: the model's `condition`; unless it is None, batches are `(images, condition)`.
        epoch: epoch to begin with.
        flip: whether each image is mirrored left to right with probability 1/2; needs a seed.
        multiple: devices that share each batch. If above 1, a last batch that they cannot share
            evenly is filled up with images that weigh nothing.
        part: `(index, count)`, to be given only the index-th of count equal parts of each batch,
            where as many processes train together.

    Raises:
        UsageError: an argument out of range, a split that lacks what the condition asks for, or
            mirrored images under a condition that says what is where.
    """

    def __init__(
        self,
        split,
        batch_size,
        *,
        seed=None,
        condition=None,
        epoch=0,
        flip=False,
        multiple=1,
        part=(0, 1),
    ):
        super().__init__()
        self.split = split
        self.batch_size = check_int("batch_size", batch_size, 1)
        self.seed = None if seed is None else check_int("seed", seed, 0)
        self.conditions = None if condition is None else condition.of(split)
        self.epoch = check_int("epoch", epoch, 0)
        if flip and self.seed is None:
            raise UsageError("flip needs a seed: images in order are never mirrored")
        if flip and condition is not None and condition.shape:
            raise UsageError(f"flip mirrors images, not what {condition!r} says of them")
        self.flip = flip
        self.multiple = check_int("multiple", multiple, 1)
        if self.batch_size % self.multiple:
            raise UsageError(
                f"batch_size must be a multiple of the {self.multiple} devices, got {batch_size}"
            )
        index, count = part
        check_int("part[1]", count, 1)
        self.part = check_int("part[0]", index, 0, count - 1), count
        if self.multiple % count:
            raise UsageError(f"multiple must be one of the {count} parts' too, got {multiple}")

    @property
    def num_batches(self):
        return -(-len(self.split) // self.batch_size)

    def __getitem__(self, index):
        chosen = slice(index * self.batch_size, (index + 1) * self.batch_size)
        if self.seed is None:
            images = self.split.images[chosen]
            rows = chosen
        else:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.split))
            rows = order[chosen]
            # The batch's own stream, so that batches may be fetched in any order.
            rng = np.random.default_rng([self.seed, self.epoch, index])
            images = self.split.draw(rows, rng)
            if self.flip:
                mirrored = rng.random(len(images)) < 0.5
                images = np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
        inputs = images if self.conditions is None else (images, self.conditions[rows])
        return (inputs,) if self.multiple == 1 else self._filled(inputs, len(images))

    def _filled(self, inputs, n):
        """Inputs for a number of images that all devices can share, and the images' weights.

        The weights make the mean over all of them the mean over the `n` that count.
        """
        rows = np.arange(-(-n // self.multiple) * self.multiple)
        weights = np.where(rows < n, len(rows) / n, 0).astype("float32")
        index, count = self.part
        own = slice(index * len(rows) // count, (index + 1) * len(rows) // count)
        rows, weights = np.minimum(rows, n - 1)[own], weights[own]
        filled = keras.tree.map_structure(lambda values: values[rows], inputs)
        return filled, weights, weights  # the loss needs no targets; Keras wants some


class CountEpochs(keras.callbacks.Callback):
    """Keeps the epoch of `Batches` in step with `fit`'s, and leaves it at the next one.

    Keras's own hook, `PyDataset.on_epoch_end`, is also called once before the first epoch.
    """

    def __init__(self, batches):
        super().__init__()
        self.batches = batches
        self.offset = None

    def on_epoch_begin(self, epoch, logs=None):
        if self.offset is None:
            self.offset = self.batches.epoch - epoch
        self.batches.epoch = self.offset + epoch

    def on_train_end(self, logs=None):
        self.batches.epoch += 1


@dataclass(frozen=True, eq=False)
class Split:
    """Images of one part of a data set.

    Attributes:
        images: uint8 `(N, H, W, C)`, levels 0 .. K-1; for intensities binarised afresh, one fixed
            binarisation, the one that is evaluated.
        labels: int64 `(N,)`, or None.
        intensities: uint8 `(N, H, W, C)` 0..255 if `batches` binarises afresh, else None.
        conditions: `(N, ...)`, vectors or maps that models are conditioned on, or None.
    """

    images: np.ndarray = field(repr=False)
    labels: np.ndarray | None = field(default=None, repr=False)
    intensities: np.ndarray | None = field(default=None, repr=False)
    conditions: np.ndarray | None = field(default=None, repr=False)

    def __len__(self):
        return len(self.images)

    def draw(self, rows, rng):
        """Images of these rows, binarised afresh with `rng` where the split is of that kind."""
        if self.intensities is None:
            return self.images[rows]
        return binarise(self.intensities[rows], rng)

    def batches(self, batch_size, **options):
        """Batches for Keras; see `Batches` for the options. Without a seed, in order."""
        return Batches(self, batch_size, **options)

    def take(self, n):
        """The first `n` images as a split of their own."""
        n = check_int("n", n, 1)
        parts = (self.images, self.labels, self.intensities, self.conditions)
        return Split(*(None if part is None else part[:n] for part in parts))


@dataclass(frozen=True)
class Dataset:
    """A data set in three splits.

    Attributes:
        name: as given to `load_dataset`.
        image_shape: `(H, W, C)`.
        levels: K, values a pixel can take.
        train, validation, test: `Split`s.
        classes: number of classes, or None without labels.
        source: where the images came from.
        checksum: SHA-256 of the images and labels.
    """

    name: str
    image_shape: tuple
    levels: int
    train: Split
    validation: Split
    test: Split
    classes: int | None
    source: str
    checksum: str = field(repr=False)

    def brightness(self, split):
        """Images of a split as floats 0..1, `(N, H, W, C)`; intensities where there are some."""
        if split.intensities is not None:
            return (split.intensities / 255).astype("float32")
        return (split.images / (self.levels - 1)).astype("float32")

    def conditioned(self, describe):
        """The same images with something to condition on, for `Vector` and `Map`.

        Args:
            describe: function of a `Split` that returns `(N, ...)`, a row for each image.

        Returns:
            `Dataset` whose splits have `conditions`; `pcnnlib.train` and `evaluate` use them.

        Raises:
            UsageError: not one row for each image.
        """
        rows, checksum = self._for_each_split("describe", describe)
        splits = {k: replace(getattr(self, k), conditions=v) for k, v in rows.items()}
        return replace(self, **splits, checksum=checksum)

    def redrawn(self, draw, *, name, levels):
        """Other images made from these, with the same labels.

        Args:
            draw: function of a `Split` that returns integer images `(N, H, W, C)`.
            name: of the new data set.
            levels: K of the new images.

        Returns:
            `Dataset`.

        Raises:
            UsageError: not one image for each image, or values that are no levels.
        """
        images, checksum = self._for_each_split("draw", draw)
        for made in images.values():
            if (
                made.ndim != 4
                or made.dtype.kind not in "iu"
                or made.min() < 0
                or made.max() >= levels
            ):
                raise UsageError(
                    f"draw must return images (N, H, W, C) of levels 0..{levels - 1}, "
                    f"got {made.dtype} {made.shape}, {made.min()}..{made.max()}"
                )
        splits = {k: Split(v.astype("uint8"), getattr(self, k).labels) for k, v in images.items()}
        shape = tuple(images["train"].shape[1:])
        return replace(
            self, name=name, image_shape=shape, levels=levels, **splits, checksum=checksum
        )

    def _for_each_split(self, argument, function):
        """`function` of every split, by name, and a checksum of the results and of the data."""
        found, digest = {}, hashlib.sha256(self.checksum.encode())
        for name in ("train", "validation", "test"):
            split = getattr(self, name)
            found[name] = np.asarray(function(split))
            if found[name].ndim == 0 or len(found[name]) != len(split):
                raise UsageError(
                    f"{argument} must return a row for each of {len(split)} images, "
                    f"got {found[name].shape}"
                )
            digest.update(np.ascontiguousarray(found[name]))
        return found, digest.hexdigest()


def load_dataset(name, *, levels=None, data_path="data"):
    """Load a data set by name, or from an `.npz` file.

    Args:
        name: "digits", "mnist", "binarized_mnist", "cifar", or a path that ends in `.npz` with
            `x_train`, `x_test` and, if there are labels, `y_train`, `y_test`.
        levels: K. `mnist`: 2 (default) or 256. A file: by default 2 if no value exceeds 1, else
            256. Elsewhere it can only be what the data set has.
        data_path: folder looked into for `mnist.npz`, `binarized_mnist.npz` and `cifar10.npz`
            before anything is downloaded.

    Returns:
        `Dataset`.

    Raises:
        UsageError: unknown name; no file and no network; a file that is damaged, lacks a key, or
            holds something else than images; levels that do not fit.
    """
    name = str(name)
    if levels is not None:
        levels = check_int("levels", levels, 2, 256)
    if name.endswith(".npz"):
        return _from_file(pathlib.Path(name), levels)
    if name not in NAMES:
        raise UsageError(f"data must be one of {', '.join(NAMES)} or a path to .npz, got {name!r}")
    return LOADERS[name](levels, pathlib.Path(data_path))


def binarise(intensities, rng):
    """Binary pixels drawn with probability intensity / 255 (Salakhutdinov and Murray 2008)."""
    return (rng.random(intensities.shape, "float32") * 255 < intensities).astype("uint8")


def read_npz(path, keys, optional=()):
    """Arrays of an `.npz` file, by key; pickled objects are refused.

    Raises:
        UsageError: no such file, damaged, a key missing, or an array of objects.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise UsageError(f"data file {path} does not exist")
    try:
        # Asked first: NumPy would take any other file for a pickle, and say so.
        if not zipfile.is_zipfile(path):
            raise ValueError("not a zip file")
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in keys if key not in archive.files]
            if missing:
                raise UsageError(
                    f"data file {path} lacks {', '.join(missing)}; "
                    f"it has {', '.join(archive.files) or 'nothing'}"
                )
            wanted = [*keys, *(key for key in optional if key in archive.files)]
            arrays = {key: archive[key] for key in wanted}
        if not all(isinstance(array, np.ndarray) for array in arrays.values()):
            raise ValueError("a member that is no array")  # NumPy gives its bytes
        return arrays
    except UsageError:
        raise
    except ValueError as error:
        if "allow_pickle" in str(error):
            reason = "it holds Python objects, which are never loaded"
        else:
            reason = "it is no .npz archive of arrays"
        raise UsageError(f"data file {path} cannot be read: {reason}") from error
    # What a damaged or dishonest archive can raise: too much memory, an unknown compression, ...
    except (OSError, EOFError, MemoryError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise UsageError(
            f"data file {path} cannot be read: {error or type(error).__name__}"
        ) from error


def _digits(levels, data_path):
    from sklearn.datasets import load_digits

    _only_levels("digits", levels, 17)
    raw = load_digits()
    order = np.random.default_rng(0).permutation(len(raw.target))
    images = raw.images.astype("uint8")[order, :, :, None]
    labels = raw.target.astype("int64")[order]
    parts = _split(images, labels, [1297, 200, 300])
    return _dataset("digits", 17, parts, "scikit-learn's handwritten digits (UCI)")


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


def _binarized_mnist(levels, data_path):
    _only_levels("binarized_mnist", levels, 2)
    path = data_path / "binarized_mnist.npz"
    if not path.is_file():
        raise UsageError(
            f"binarized_mnist needs the file {path} (arrays train, valid and test of 784 binary "
            "pixels a row, or 98 bytes of packed bits); it is not downloaded"
        )
    arrays = read_npz(path, ["train", "valid", "test"])
    parts = []
    for key, rows in arrays.items():
        if rows.dtype == np.uint8 and rows.ndim == 2 and rows.shape[1] == 98:
            rows = np.unpackbits(rows, axis=1)
        if rows.size != len(rows) * 784 or not np.isin(rows, (0, 1)).all():
            raise UsageError(
                f"data file {path}: {key} must hold 784 binary pixels a row, "
                f"got {rows.dtype} {rows.shape}"
            )
        parts.append((rows.reshape(-1, 28, 28, 1).astype("uint8"), None))
    return _dataset("binarized_mnist", 2, parts, str(path))


def _cifar(levels, data_path):
    _only_levels("cifar", levels, 256)
    train, test, source = _file_or_download(
        "cifar", data_path / "cifar10.npz", keras.datasets.cifar10
    )
    parts = _validate_with_last(train, max(1, len(train[0]) // 10), test)
    return _dataset("cifar", 256, parts, source)


def _from_file(path, levels):
    train, test = _read_own(path)
    if levels is None:
        levels = 2 if max(train[0].max(), test[0].max()) <= 1 else 256
    parts = _validate_with_last(train, max(1, len(train[0]) // 10), test)
    return _dataset(str(path), levels, parts, str(path))


LOADERS = {
    "digits": _digits,
    "mnist": _mnist,
    "binarized_mnist": _binarized_mnist,
    "cifar": _cifar,
}


def _read_own(path):
    """`((x_train, y_train), (x_test, y_test))` of a file; labels may be None."""
    arrays = read_npz(path, ["x_train", "x_test"], optional=["y_train", "y_test"])
    if ("y_train" in arrays) != ("y_test" in arrays):
        raise UsageError(f"data file {path} must have both y_train and y_test, or neither")
    splits = []
    for part in ("train", "test"):
        images, labels = arrays[f"x_{part}"], arrays.get(f"y_{part}")
        if images.dtype.kind not in "iub":
            raise UsageError(
                f"data file {path}: x_{part} must hold integer levels, got {images.dtype}"
            )
        if images.ndim not in (3, 4) or 0 in images.shape:
            raise UsageError(
                f"data file {path}: x_{part} must be (N, H, W) or (N, H, W, C), got {images.shape}"
            )
        if images.min() < 0 or images.max() > 255:
            raise UsageError(
                f"data file {path}: x_{part} must hold levels 0..255, "
                f"got {images.min()}..{images.max()}"
            )
        if labels is not None:
            labels = labels.reshape(-1)
            if labels.dtype.kind not in "iu" or len(labels) != len(images) or labels.min() < 0:
                raise UsageError(
                    f"data file {path}: y_{part} must be {len(images)} integer labels >= 0, "
                    f"got {labels.dtype} {labels.shape}"
                )
            labels = labels.astype("int64")
        images = images.astype("uint8")
        splits.append((images if images.ndim == 4 else images[..., None], labels))
    if splits[0][0].shape[1:] != splits[1][0].shape[1:]:
        raise UsageError(
            f"data file {path}: x_train and x_test must hold images of one shape, "
            f"got {splits[0][0].shape[1:]} and {splits[1][0].shape[1:]}"
        )
    if len(splits[0][0]) < 2:
        raise UsageError(f"data file {path}: x_train must hold at least 2 images, got 1")
    return splits


def _file_or_download(name, path, module):
    if path.is_file():
        return *_read_own(path), str(path)
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
            # One binarisation per split is fixed, so that test figures can be compared.
            intensities = images
            images = binarise(images, np.random.default_rng([2008, number]))
        if images.max() >= levels:
            raise UsageError(
                f"data {name}: images must hold levels 0..{levels - 1} (levels={levels}), "
                f"got {images.max()}"
            )
        splits.append(Split(images, labels, intensities))
    checksum = digest.hexdigest()
    if name in CHECKSUMS and checksum not in CHECKSUMS[name]:
        warnings.warn(
            f"{source} does not hold the known {name} images (SHA-256 {checksum[:12]}...): "
            "figures will not compare with published ones",
            stacklevel=4,
        )
    labelled = [labels for _, labels in parts if labels is not None]
    classes = int(max(labels.max() for labels in labelled)) + 1 if labelled else None
    return Dataset(
        name, tuple(splits[0].images.shape[1:]), levels, *splits, classes, source, checksum
    )
