"""What an image may be conditioned on: labels, vectors, or maps that depend on the pixel.

A condition `h` enters the gates (van den Oord et al. 2016, arXiv:1606.05328, section 2.3): as
`V^T h`, the same at every pixel (equation 4), or as `V * s`, where `s = m(h)` is a map enlarged to
image size by a learned transposed convolution `m` (equation 5). Which stack's gates it enters is
`condition_stacks` of `GatedPixelCNN`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from pcnnlib._internal.errors import UsageError, as_array, check_number, check_size
from pcnnlib.nn.biases import Conv2DTranspose

_register = keras.saving.register_keras_serializable("pcnnlib")
# What stands for a label where there is none.
NO_LABEL = -1


class Condition:
    """Description of a condition: how it is checked, and how it is encoded.

    Attributes:
        shape: of one image's condition.
        depth: D, features of the encoded condition.
    """

    shape: Any
    depth: Any

    def of(self, split: Any) -> np.ndarray:
        """What the images of a `Split` are conditioned on, one row each.

        Raises:
            UsageError: the split has no conditions, or conditions that do not fit.
        """
        if split.conditions is None:
            raise UsageError(
                f"the model is conditioned on {self!r}, and the data has no conditions: "
                "Dataset.conditioned gives it some"
            )
        return self.check(split.conditions)

    def check(self, values: Any) -> np.ndarray:
        """Return `values` as an array of one row per image, or raise `UsageError`."""
        raise NotImplementedError

    def impossible(self, values: Any) -> Any:
        """Whether any value of a tensor is one that there is not: bool, or a bool tensor `()`."""
        return False

    @property
    def labels(self) -> "Labels | None":
        """The classes in it, or None: what guidance moves."""
        return None

    def without_labels(self, values: Any) -> Any:
        """The same tensor without its labels, where these may be missing."""
        raise NotImplementedError

    def random(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Values for `n` images, drawn at random."""
        return rng.normal(size=(n, *self.shape)).astype("float32")

    def make_encoder(self, image_shape: Sequence[int], dtype: Any = None) -> Any:
        """A layer with weights that `encode` needs, or None."""
        return None

    def encode(self, encoder: Any, values: Any) -> Any:
        """What enters the gates, `(B, 1, 1, D)`, or `(B, H, W, D)` where the pixel matters."""
        raise NotImplementedError

    def get_config(self) -> dict:
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict) -> "Condition":
        return cls(**config)

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self):
        return hash((type(self), tuple(vars(self).values())))

    def __repr__(self):
        values = ", ".join(repr(v) for v in vars(self).values())
        return f"{type(self).__name__}({values})"


@_register
class LabelDropout(keras.layers.Layer):
    """Takes the labels away from some images while training: their one-hot vector is zero.

    Args:
        rate: share of images, in [0, 1).
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.random = keras.random.SeedGenerator()

    def call(self, one_hot: Any, training: bool | None = None) -> Any:
        if not training:
            return one_hot
        shape = (ops.shape(one_hot)[0], 1, 1, 1)
        kept = keras.random.uniform(shape, seed=self.random) >= self.rate
        return one_hot * ops.cast(kept, one_hot.dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "rate": self.rate}


@_register
class Labels(Condition):
    """One of `n` classes per image: integers 0 .. n-1, shape `(B,)`.

    Args:
        n: classes.
        dropout: share of images whose label is taken away while training, in [0, 1). The model then
            also knows images without a label, -1, and can be guided: `sample(guidance=2)`.

    Without a label the one-hot vector is zero, and the gates' biases alone are left: a learned
    vector for "no label" would be no other model.
    """

    def __init__(self, n: int, dropout: float = 0.0) -> None:
        self.n = check_size("n", n, "classes")
        self.dropout = check_number("dropout", dropout, 0.0)
        if self.dropout >= 1:
            raise UsageError(f"dropout must be below 1, got {dropout}")

    shape = ()

    def get_config(self) -> dict:
        # Labels that are always there are described as they always were.
        return {"n": self.n, **({"dropout": self.dropout} if self.dropout else {})}

    def __repr__(self):
        dropout = f", dropout={self.dropout:g}" if self.dropout else ""
        return f"Labels({self.n}{dropout})"

    @property
    def labels(self) -> "Labels":
        return self

    def without_labels(self, values: Any) -> Any:
        return ops.full_like(values, NO_LABEL)

    def random(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return rng.integers(0, self.n, n)

    @property
    def lowest(self) -> int:
        """The smallest label: -1, none, where labels are dropped."""
        return NO_LABEL if self.dropout else 0

    def make_encoder(self, image_shape: Sequence[int], dtype: Any = None) -> Any:
        """What takes labels away while training, or None."""
        return LabelDropout(self.dropout, name="label_dropout") if self.dropout else None

    @property
    def depth(self) -> int:
        return self.n

    def of(self, split: Any) -> np.ndarray:
        """The labels of a `Split`; raises `UsageError` if it has none."""
        if split.labels is None:
            raise UsageError(f"the model is conditioned on {self!r}, and the data has no labels")
        return self.check(split.labels)

    def check(self, values: Any) -> np.ndarray:
        """Return `values` as int32 `(B,)`, or raise `UsageError`."""
        values = as_array("condition", values)
        if values.dtype.kind not in "iu" or values.ndim != 1:
            column = values.ndim == 2 and values.shape[1] == 1
            raise UsageError(
                f"condition must be integer labels of shape (B,), got {values.dtype} {values.shape}"
                f"{': take labels[:, 0]' if column else ''}"
            )
        if values.size and (values.min() < self.lowest or values.max() >= self.n):
            wrong = values[(values < self.lowest) | (values >= self.n)][0]
            none = ", or -1 for none" if self.dropout else ""
            raise UsageError(f"condition must hold labels 0..{self.n - 1}{none}, got {wrong}")
        return values.astype("int32")

    def impossible(self, values: Any) -> Any:
        """Whether any label is no class, bool tensor `()`."""
        return outside(ops.cast(values, "int32") - self.lowest, self.n - self.lowest)

    def encode(self, encoder: Any, values: Any) -> Any:
        """One-hot labels, `(B, 1, 1, n)`: V^T h then picks a learned vector per class."""
        one_hot = ops.one_hot(ops.cast(values, "int32"), self.n)[:, None, None, :]
        return one_hot if encoder is None else encoder(one_hot)


@_register
class Vector(Condition):
    """A vector per image, `(B, dim)` floats: an embedding, or a code."""

    def __init__(self, dim: int) -> None:
        self.dim = check_size("dim", dim, "features")

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.dim,)

    @property
    def depth(self) -> int:
        return self.dim

    def check(self, values: Any) -> np.ndarray:
        """Return `values` as float32 `(B, dim)`, or raise `UsageError`."""
        return _check_floats(values, self.shape)

    def encode(self, encoder: Any, values: Any) -> Any:
        """The vector at every pixel alike, `(B, 1, 1, dim)`."""
        return values[:, None, None, :]


@_register
class Map(Condition):
    """A small image of features per image, `(B, h, w, c)` floats; image sizes are multiples."""

    def __init__(self, shape: Sequence[int]) -> None:
        shape = tuple(shape) if np.iterable(shape) else (shape,)
        if len(shape) != 3:
            raise UsageError(f"a map's shape must be (h, w, c), got {shape}")
        named = zip("hwc", shape, strict=True)
        self.shape = tuple(check_size(name, size, "image side") for name, size in named)

    def with_shape(self, shape: Sequence[int]) -> "Map":
        """The same condition with a map of another shape."""
        return type(self)(**{**self.get_config(), "shape": shape})

    @property
    def depth(self) -> int:
        # The transposed convolution may need more features than the map has itself.
        return max(self.shape[-1], 8)

    def check(self, values: Any) -> np.ndarray:
        """Return `values` as float32 `(B, h, w, c)`, or raise `UsageError`."""
        return _check_floats(values, self.shape)

    def make_encoder(self, image_shape: Sequence[int], dtype: Any = None) -> Any:
        """The learned transposed convolution `m` of equation 5, from map to image size."""
        (height, width), (h, w, _) = image_shape[:2], self.shape
        if height % h or width % w:
            raise UsageError(
                f"a map of {h}x{w} cannot be brought to {height}x{width} images: "
                "their sides must be multiples of its sides"
            )
        strides = (height // h, width // w)
        return Conv2DTranspose(
            self.depth,
            strides,
            strides=strides,
            data_format="channels_last",
            name="condition_map",
            dtype=dtype,
        )

    def encode(self, encoder: Any, values: Any) -> Any:
        """Features at image size, `(B, H, W, D)`."""
        return encoder(ops.cast(values, encoder.compute_dtype))


def joined(images: Any, given: Any) -> Any:
    """A model's inputs: images, and what else the model is given, if anything.

    Args:
        images: `(B, H, W, C)`.
        given: None; one array or tensor, a condition or orders; or a tuple of both.
    """
    if given is None:
        return images
    return (images, *given) if isinstance(given, tuple) else (images, given)


def of_each(function: Callable[[Any], Any], given: Any) -> Any:
    """A function of each array of what `joined` takes as `given`; None stays None."""
    return None if given is None else keras.tree.map_structure(function, given)


def rows_of(given: Any, index: Any) -> Any:
    """The rows at an index, of each array of what `joined` takes as `given`."""
    return of_each(lambda values: values[index], given)


def outside(values: Any, n: int) -> Any:
    """Whether any of an integer tensor is not in 0 .. n-1, bool tensor `()`."""
    values = ops.cast(values, "int32")
    return ops.logical_or(ops.any(values < 0), ops.any(values >= n))


def _check_floats(values, shape):
    values = as_array("condition", values)
    if values.dtype.kind not in "fiu" or values.ndim == 0 or values.shape[1:] != shape:
        wanted = ", ".join(["B", *map(str, shape)])
        raise UsageError(
            f"condition must be numbers of shape ({wanted}), got {values.dtype} {values.shape}"
        )
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused
        held = values.astype("float32")
    if not np.isfinite(held).all():
        wrong = values[~np.isfinite(held)][0]
        if np.isfinite(wrong):
            raise UsageError(f"condition must be numbers up to 3.4e38, float32's, got {wrong:g}")
        raise UsageError("condition must be finite, got NaN or infinity")
    return held
