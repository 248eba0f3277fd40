"""What comes in through `fit`, `evaluate`, `predict` and the other methods of Keras.

It is looked at before it is computed with. Within a compiled loss nothing can be named any more: a
level that does not exist lowers a Bernoulli loss without end, and a label that is no class is a
vector of zeros. Arrays are checked at once, streams batch by batch as they come.

B batch, H rows, W columns, C channels, K levels.
"""

import types
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from pcnnlib._internal import backend
from pcnnlib._internal.errors import UsageError, channels_first, short
from pcnnlib._internal.levels import level_dtype
from pcnnlib.data import Batches
from pcnnlib.models.calls import (
    as_numpy,
    check_weights,
    is_arrays,
    number_of_rows,
    targets_or_weights,
)
from pcnnlib.nn.conditions import joined, outside
from pcnnlib.nn.raster import check_order


@dataclass(frozen=True)
class Inputs:
    """The inputs that a model takes, and the checks of them.

    Attributes:
        image_shape: `(H, W, C)`.
        levels: K.
        condition: `Condition`, or None.
        orders: in which the model reads; above 1 it is told each image's own.
        weighted: whether an image's weight reaches all that is learnt from it.
    """

    image_shape: tuple[int, ...]
    levels: int
    condition: Any = None
    orders: int = 1
    weighted: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """What the inputs are: images; then the condition and the order, as far as there are."""
        condition = () if self.condition is None else ("condition",)
        return ("images", *condition, *(("order",) if self.orders > 1 else ()))

    def parts(self, inputs: Any) -> tuple[Any, Any]:
        """`(images, given)`: of the inputs the images, and the rest as `joined` takes it."""
        if isinstance(inputs, (tuple, list)):
            if len(self.names) == 1:
                came = "a condition as well" if len(inputs) > 1 else f"a {type(inputs).__name__}"
                raise UsageError(f"this model takes images alone, got {came}")
            if len(inputs) != len(self.names):
                raise UsageError(
                    f"inputs must be ({', '.join(self.names)}), got {len(inputs)} of them"
                )
            images, *given = inputs
            for name, part in zip(self.names[1:], given, strict=True):
                _check_rows(name, part, images)
            return images, given[0] if len(given) == 1 else tuple(given)
        self._refuse_images_alone("inputs must be ({})")
        return inputs, None

    def split(self, given: Any) -> tuple[Any, Any]:
        """`(condition, order)` of what `parts` returns beside images, None for what is missing."""
        if self.condition is not None and self.orders > 1:
            return tuple(given)
        return (given, None) if self.orders == 1 else (None, given)

    def _refuse_images_alone(self, wanted):
        """Raise `UsageError` if this model takes more than images; `wanted` says in which form."""
        if len(self.names) == 1:
            return
        needs = [f"is conditioned on {self.condition!r}"] if self.condition is not None else []
        needs += [f"reads in {self.orders} orders"] if self.orders > 1 else []
        raise UsageError(
            f"this model {' and '.join(needs)}: {wanted.format(', '.join(self.names))}, "
            "got images alone"
        )

    def signature(self) -> list:
        """The inputs as Keras describes them for an export: one argument, images or a pair."""
        images = keras.InputSpec(level_dtype(self.levels), (None, *self.image_shape), name="images")
        given = []
        if self.condition is not None:
            shape = tuple(self.condition.shape)
            dtype = "float32" if shape else "int32"
            given.append(keras.InputSpec(dtype, (None, *shape), name="condition"))
        if self.orders > 1:
            given.append(keras.InputSpec("int32", (None,), name="order"))
        return [[images, *given]] if given else [images]

    def check_shape(self, shape: tuple, name: str = "images") -> None:
        """Raise `UsageError` unless a shape is `(B, H, W, C)`."""
        if len(shape) == 4 and tuple(shape[1:]) == self.image_shape:
            return
        hint = ""
        if None not in shape[1:] and channels_first(shape):
            hint = f", which looks like (B, C, H, W): np.moveaxis({name}, 1, -1) mends it"
        raise UsageError(
            f"{name} must have shape (B, {', '.join(map(str, self.image_shape))}), "
            f"got {tuple(shape)}{hint}"
        )

    def images(self, images: Any, name: str = "images") -> np.ndarray:
        """Return images as an array of integers or booleans, or raise `UsageError`."""
        images = as_numpy(name, images)
        if images.dtype.kind not in "iub":
            raise UsageError(
                f"{name} must be integer levels 0..{self.levels - 1}, got {images.dtype}"
            )
        self.check_shape(images.shape, name)
        if images.size and (images.min() < 0 or images.max() >= self.levels):
            raise UsageError(
                f"{name} must hold levels 0..{self.levels - 1}, "
                f"got {int(images.min())}..{int(images.max())}"
            )
        return images

    def rows(self, condition: Any, n: int) -> np.ndarray | None:
        """Return the condition as an array of `n` rows (None: none), or raise `UsageError`."""
        if self.condition is None:
            if condition is not None:
                raise UsageError("condition must be None: this model is unconditional")
            return None
        if condition is None:
            raise UsageError(
                f"condition is missing: this model is conditioned on {self.condition!r}"
            )
        condition = self.condition.check(as_numpy("condition", condition))
        if len(condition) != n:
            raise UsageError(f"condition must have {n} rows, one per image, got {len(condition)}")
        return condition

    def given(self, condition: Any, n: int, order: Any = 0) -> Any:
        """What n images come with, checked, as `joined` takes it, or raise `UsageError`.

        Args:
            condition: a row for each image, or None.
            n: images.
            order: one for all images, or one for each.
        """
        condition = self.rows(condition, n)
        order = check_order(order, self.orders, n)
        if self.orders == 1:
            return condition
        return order if condition is None else (condition, order)

    def both(self, inputs: Any, name: str = "images") -> int:
        """Check images and what they come with; returns how many there are."""
        images, given = self.parts(inputs)
        images = self.images(images, name)
        condition, order = self.split(given)
        self.rows(condition, len(images))
        if order is not None:
            # One for all would be no batch of inputs.
            check_order(np.atleast_1d(as_numpy("order", order)), self.orders, len(images))
        return len(images)

    def impossible(self, given: Any) -> Any:
        """Whether any label or order among tensors is one that there is not, bool tensor `()`."""
        condition, order = self.split(given)
        wrong = False if condition is None else self.condition.impossible(condition)
        if order is None:
            return wrong
        return ops.logical_or(wrong, outside(order, self.orders))

    def batch(self, batch: Any, name: str = "images") -> tuple:
        """Check one batch of a stream, inputs and weights, and return it in Keras's full form."""
        batch = tuple(batch) if isinstance(batch, list) else batch
        x, y, weights = keras.utils.unpack_x_y_sample_weight(batch)
        self._refuse_targets(x, y)
        self.check_weights(weights, self.both(x, name))
        return (
            (x,) if weights is None and y is None else (x, targets_or_weights(y, weights), weights)
        )

    def arguments(self, arguments: dict) -> dict:
        """Check the data among the arguments of a method of Keras; returns all of them.

        Raises:
            UsageError: what `data` refuses, weights that do not fit, or weights of classes.
        """
        if arguments.pop("class_weight", None) is not None:
            raise UsageError(
                "class_weight must be None: there are no targets to take classes from; "
                "sample_weight counts, a number for each image"
            )
        checked = {**arguments, "x": self.data(arguments.get("x"))}
        weights = arguments.get("sample_weight")
        if weights is not None and is_arrays(arguments.get("x")):
            self.check_weights(weights, self.both(arguments["x"]))
            checked["y"] = targets_or_weights(arguments.get("y"), weights)
        return checked

    def validation(self, data: Any) -> Any:
        """Check `validation_data` as `data` does; returns it in Keras's full form.

        Raises:
            UsageError: also for `(images, condition)` and the like by itself, of which Keras takes
                the second for targets.
        """
        name = "validation_data"
        x, y, weights = keras.utils.unpack_x_y_sample_weight(
            tuple(data) if isinstance(data, list) else data
        )
        if is_arrays(x) and not isinstance(x, (tuple, list)):
            self._refuse_images_alone("validation_data must be (({}),)")
        if isinstance(x, keras.utils.PyDataset) and not isinstance(x, Batches):
            self.batch(x[0], name)  # a wrong form is refused now, not after an epoch
        checked = self.data(x, name)
        if weights is not None:
            self.check_weights(weights, self.both(x, name))
        return checked, targets_or_weights(y, weights), weights

    def check_weights(self, weights: Any, n: int) -> None:
        """Raise `UsageError` unless weights are None, or numbers for n images that count."""
        check_weights(weights, n)
        if weights is not None and not self.weighted:
            raise UsageError(
                "sample_weight must be None: the codebook of this model learns from every image"
            )

    def _refuse_targets(self, x, y):
        """Raise `UsageError` where a stream's second part should have been an input."""
        if y is not None and not isinstance(x, (tuple, list)):
            self._refuse_images_alone(
                "a stream must give (({}),), since Keras takes what comes second for targets"
            )

    def _spec(self, spec, name):
        """Check shapes and dtypes before the first batch, as far as `tf.data` tells them."""
        first = keras.tree.flatten(spec)[0].shape
        if first.rank is not None and tuple(first) == self.image_shape:
            raise UsageError(
                f"{name} must have shape (B, {', '.join(map(str, first))}), got single images "
                f"{tuple(first)}: add .batch(64) to the tf.data.Dataset"
            )
        shapes = [part.shape.as_list() for part in keras.tree.flatten(spec) if part.shape.rank]
        if len(shapes) < len(keras.tree.flatten(spec)) or any(None in s[1:] for s in shapes):
            self.parts(spec)
            return
        zeros = [
            np.zeros((1, *shape[1:]), part.dtype.as_numpy_dtype)
            for part, shape in zip(keras.tree.flatten(spec), shapes, strict=True)
        ]
        self.both(keras.tree.pack_sequence_as(spec, zeros), name)

    def data(self, x: Any, name: str = "images") -> Any:
        """Check data in any form that Keras takes, now or as it comes.

        Returns:
            The same data; of a stream, one that is checked batch by batch.

        Raises:
            UsageError: inputs that do not fit; of a stream, once they come.
        """
        if isinstance(x, Batches):
            given = [] if x.conditions is None else [x.conditions]
            if x.orders > 1:
                given.append(np.full(len(x.split), x.orders - 1))  # the last that may come
            self.both(joined(x.split.images, tuple(given) or None), name)
            return x
        if isinstance(x, keras.utils.PyDataset):
            return CheckedDataset(x, self, name)
        if isinstance(x, types.GeneratorType):
            return (self.batch(batch, name) for batch in x)
        if backend.is_tf_data(x):
            spec, targets, _ = keras.utils.unpack_x_y_sample_weight(x.element_spec)
            self._refuse_targets(spec, targets)
            self._spec(spec, name)
            return backend.looked_at(x, lambda batch: self.batch(batch, name))
        if is_arrays(x):
            if not self.both(x, name):
                raise UsageError(f"{name} must be at least one, got none")
        elif x is None or isinstance(x, (str, bytes, int, float, dict, tuple, list)):
            wanted = f"{name} must be an array or a tensor"
            if len(self.names) > 1:
                name = "inputs" if name == "images" else name
                wanted = f"{name} must be ({', '.join(self.names)}), arrays or tensors"
            raise UsageError(f"{wanted}, or a stream of batches, got {_described(x)}")
        return x


class CheckedDataset(keras.utils.PyDataset):
    """A dataset whose batches are checked before they are handed on."""

    def __init__(self, dataset: keras.utils.PyDataset, inputs: Inputs, name: str) -> None:
        super().__init__(dataset.workers, dataset.use_multiprocessing, dataset.max_queue_size)
        self.dataset, self.inputs, self.name = dataset, inputs, name

    def __getitem__(self, index):
        return self.inputs.batch(self.dataset[index], self.name)

    @property
    def num_batches(self) -> int | None:
        return self.dataset.num_batches

    def on_epoch_begin(self) -> None:
        self.dataset.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.dataset.on_epoch_end()


def is_checked(x: Any) -> bool:
    """Whether `Inputs.data` can check it: not what only Keras or another library can open."""
    streams = (keras.utils.PyDataset, types.GeneratorType)
    return isinstance(x, streams) or backend.is_tf_data(x) or is_arrays(x)


def _check_rows(name, part, images):
    """Raise `UsageError` if there are not as many rows as images, where both numbers are known."""
    rows, n = number_of_rows(part), number_of_rows(images)
    if None not in (rows, n) and rows != n:
        raise UsageError(f"{name} must have {n} rows, one per image, got {rows}")


def _described(x):
    """What came instead of arrays, for a message: of a tuple what its parts are."""
    if not isinstance(x, (tuple, list)) or len(x) > 4:
        return short(x)
    return f"({', '.join('an array' if is_arrays(part) else short(part) for part in x)})"
