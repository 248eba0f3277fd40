"""Batches of a split. They depend on a seed and an epoch, and on nothing else."""

from typing import Any

import keras
import numpy as np

from pcnnlib._internal.errors import UsageError, check_bool, check_int, check_seed

MOST_ORDERS = 8  # symmetries of a square


class Batches(keras.utils.PyDataset):
    """Batches of one split, for `fit`, `evaluate` and `predict`.

    Everything random follows from `(seed, epoch)`: the order of the images, which of them are
    mirrored, in which order each is read and, for intensities binarised afresh, every pixel. A run
    that is resumed at an epoch therefore sees the same batches as one that never stopped.

    Args:
        split: `Split` to draw from.
        batch_size: images a batch; the last may be smaller.
        seed: int, or None for the images in order, binarised as `split.images` is.
        condition: the model's `condition`; unless it is None, batches are `(images, condition)`.
        epoch: epoch to begin with.
        flip: whether each image is mirrored left to right with probability 1/2; needs a seed.
        multiple: devices that share each batch. If above 1, a last batch that they cannot share
            evenly is filled up with images of weight 0.
        part: `(index, count)`, to be given only the index-th of count equal parts of each batch,
            where as many processes train together.
        orders: the model's `orders`; above 1 batches are `(images, order)` or `(images, condition,
            order)`. With a seed each image's order is drawn anew in every epoch; without one it is
            the image's number in the split modulo `orders`, always the same.

    Raises:
        UsageError: an argument out of range, a split that lacks what the condition asks for, or
            mirrored images under a vector or a map, which would not be mirrored.
    """

    def __init__(
        self,
        split: Any,
        batch_size: int,
        *,
        seed: int | None = None,
        condition: Any = None,
        epoch: int = 0,
        flip: bool = False,
        multiple: int = 1,
        part: tuple[int, int] = (0, 1),
        orders: int = 1,
    ) -> None:
        super().__init__()
        self.split = split
        self.batch_size = check_int("batch_size", batch_size, 1)
        self.seed = check_seed(seed)
        self.conditions = None if condition is None else condition.of(split)
        self.epoch = check_int("epoch", epoch, 0)
        flip = check_bool("flip", flip)
        if flip and self.seed is None:
            raise UsageError("flip needs a seed: images in order are never mirrored")
        if flip and condition is not None and condition.shape:
            raise UsageError(f"flip mirrors images, but not their {condition!r}: leave it out")
        self.flip = flip
        self.orders = check_int("orders", orders, 1, MOST_ORDERS)
        self._shuffled: tuple | None = None  # seed and epoch, and the order that follows from them
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
    def num_batches(self) -> int:
        return -(-len(self.split) // self.batch_size)

    def __getitem__(self, index):
        chosen = slice(index * self.batch_size, (index + 1) * self.batch_size)
        if self.seed is None:
            images = self.split.images[chosen]
            rows = np.arange(len(self.split))[chosen]
            order = rows % self.orders
        else:
            rows = self._order()[chosen]
            # The batch's own stream, so that batches may be fetched in any order.
            rng = np.random.default_rng([self.seed, self.epoch, index])
            images = self.split.draw(rows, rng)
            if self.flip:
                mirrored = rng.random(len(images)) < 0.5
                images = np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
            # Last: with one order, nothing else is drawn than without any.
            order = rng.integers(0, self.orders, len(images))
        condition = () if self.conditions is None else (self.conditions[rows],)
        given = (*condition, *((order.astype("int32"),) if self.orders > 1 else ()))
        inputs = (images, *given) if given else images
        return (inputs,) if self.multiple == 1 else self._filled(inputs, len(images))

    def _order(self):
        """The epoch's order of the images; made once, because it takes as long as a small step."""
        key = self.seed, self.epoch, len(self.split)
        kept = self._shuffled
        if kept is None or kept[0] != key:
            rng = np.random.default_rng([self.seed, self.epoch])
            self._shuffled = kept = key, rng.permutation(len(self.split))
        return kept[1]

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

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self.batches = batches
        self.offset: int | None = None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if self.offset is None:
            self.offset = self.batches.epoch - epoch
        self.batches.epoch = self.offset + epoch

    def on_train_end(self, logs: dict | None = None) -> None:
        self.batches.epoch += 1
