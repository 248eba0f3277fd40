"""A data set: images of integer levels in three splits, with labels or conditions."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, as_array, check_int, short
from pcnnlib._internal.levels import as_levels, check_levels
from pcnnlib.data.batches import Batches


@dataclass(frozen=True, eq=False)
class Split:
    """Images of one part of a data set.

    Attributes:
        images: `(N, H, W, C)`, levels 0 .. K-1, uint8, or uint16 above 256 levels. With
            `intensities`, one fixed binarisation: the one that is evaluated.
        labels: int64 `(N,)`, or None.
        intensities: uint8 `(N, H, W, C)` 0..255 that `batches` binarises again in every epoch, or
            None.
        conditions: `(N, ...)`, vectors or maps that models are conditioned on, or None.
    """

    images: np.ndarray = field(repr=False)
    labels: np.ndarray | None = field(default=None, repr=False)
    intensities: np.ndarray | None = field(default=None, repr=False)
    conditions: np.ndarray | None = field(default=None, repr=False)

    def __len__(self):
        return len(self.images)

    def draw(self, rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Images of these rows, binarised afresh with `rng` where the split is of that kind."""
        if self.intensities is None:
            return self.images[rows]
        return binarise(self.intensities[rows], rng)

    def batches(self, batch_size: int, **options: Any) -> Batches:
        """Batches for Keras; see `Batches` for the options. Without a seed, in order."""
        return Batches(self, batch_size, **options)

    def take(self, n: int) -> "Split":
        """The first `n` images as a split of their own."""
        n = check_int("n", n, 1)
        others = (self.labels, self.intensities, self.conditions)
        return Split(self.images[:n], *(None if part is None else part[:n] for part in others))


@dataclass(frozen=True)
class Dataset:
    """A data set in three splits.

    Attributes:
        name: as given to `load_dataset`.
        image_shape: `(H, W, C)`.
        levels: K, values a pixel can take.
        train, validation, test: `Split`, one each.
        classes: number of classes, or None without labels.
        source: where the images came from.
        checksum: SHA-256 of the images and labels.
        labels: names of the classes 0, 1, ..., where a file or a folder names them; else None.
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
    labels: tuple[int | str, ...] | None = field(default=None, repr=False)

    def brightness(self, split: Split) -> np.ndarray:
        """Images of a split as floats 0..1, `(N, H, W, C)`; intensities where there are some."""
        if split.intensities is not None:
            return (split.intensities / 255).astype("float32")
        return (split.images / (self.levels - 1)).astype("float32")

    def conditioned(self, describe: Callable[[Split], ArrayLike]) -> "Dataset":
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

    def redrawn(self, draw: Callable[[Split], ArrayLike], *, name: str, levels: int) -> "Dataset":
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
        levels = check_levels(levels)
        images, checksum = self._for_each_split("draw", draw)
        for made in images.values():
            images_of_levels = made.ndim == 4 and made.size and made.dtype.kind in "iu"
            if not images_of_levels or made.min() < 0 or made.max() >= levels:
                values = f", {made.min()}..{made.max()}" if made.size else ""
                raise UsageError(
                    f"draw must return images (N, H, W, C) of levels 0..{levels - 1}, "
                    f"got {made.dtype} {made.shape}{values}"
                )
            if made.shape[1:] != images["train"].shape[1:]:
                raise UsageError(
                    "draw must return images of one shape, "
                    f"got {images['train'].shape[1:]} and {made.shape[1:]}"
                )
        splits: Any = {
            k: Split(as_levels(v, levels), getattr(self, k).labels) for k, v in images.items()
        }
        shape = tuple(images["train"].shape[1:])
        return replace(
            self, name=name, image_shape=shape, levels=levels, **splits, checksum=checksum
        )

    def _for_each_split(self, argument, function):
        """`function` of every split, by name, and a checksum of the results and of the data."""
        if not callable(function):
            raise UsageError(f"{argument} must be a function of a Split, got {short(function)}")
        results, digest = {}, hashlib.sha256(self.checksum.encode())
        for name in ("train", "validation", "test"):
            split = getattr(self, name)
            results[name] = as_array(f"what {argument} returns", function(split))
            if results[name].ndim == 0 or len(results[name]) != len(split):
                raise UsageError(
                    f"{argument} must return a row for each of {len(split)} images, "
                    f"got {results[name].shape}"
                )
            if results[name].dtype.kind not in "biuf":
                raise UsageError(f"{argument} must return numbers, got {results[name].dtype}")
            digest.update(np.ascontiguousarray(results[name]))
        return results, digest.hexdigest()


def binarise(intensities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Binary pixels drawn with probability intensity / 255 (Salakhutdinov and Murray 2008)."""
    return (rng.random(intensities.shape, "float32") * 255 < intensities).astype("uint8")
