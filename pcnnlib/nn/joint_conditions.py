"""A map and another condition together, as one map: what the codes of a bottom grid are given.

A model takes one condition. A map can hold another one in further planes, each the same at every
place: a vector's numbers as they are, a label by its number. B batch, h rows, w columns, c
features of the map.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from pcnnlib._internal.errors import UsageError
from pcnnlib.nn.conditions import Condition, Labels, Map, Vector

_register = keras.saving.register_keras_serializable("pcnnlib")
# A label is written in digits of this base: features of half precision hold them exactly.
BASE = 256


def map_beside(shape: Sequence[int], condition: Condition | None) -> Map:
    """A map of this shape together with a condition, as one condition.

    Args:
        shape: `(h, w, c)`.
        condition: None, `Labels` or `Vector`.

    Raises:
        UsageError: another condition.
    """
    height, width, features = shape
    if condition is None:
        return Map(shape)
    if isinstance(condition, Vector):
        return Map((height, width, features + condition.dim))
    if isinstance(condition, Labels):
        return LabelledMap(shape, condition.n, condition.dropout)
    raise UsageError(
        f"condition must be None, Labels(n) or Vector(dim) beside a map, got {condition!r}"
    )


def beside_map(condition: Condition | None, maps: np.ndarray, rows: Any) -> np.ndarray:
    """The values of such a condition.

    Args:
        condition: what `map_beside` was given.
        maps: `(B, h, w, c)`.
        rows: of the condition, `(B,)` or `(B, dim)`, or None.

    Returns:
        float32 `(B, h, w, c + planes)`.
    """
    if condition is None:
        return maps
    if isinstance(condition, Labels):
        rows = digits_of(rows, condition.n)
    planes = np.broadcast_to(rows[:, None, None], (*maps.shape[:3], rows.shape[-1]))
    return np.concatenate([maps, planes], axis=-1, dtype="float32", casting="same_kind")


def digits_of(labels: np.ndarray, n: int) -> np.ndarray:
    """Labels -1 .. n-1 by their digits, float32 `(B, digits)`; of -1 all are zero."""
    powers = BASE ** np.arange(n_digits(n))
    return ((np.asarray(labels)[:, None] + 1) // powers % BASE).astype("float32")


def n_digits(n: int) -> int:
    """How many digits n labels and none need."""
    return 1 + sum(n >= BASE**k for k in (1, 2))


@_register
class LabelledMap(Map):
    """A map, and one of `n` classes: the digits of its number are further planes of the map.

    Args:
        shape: `(h, w, c)`, of the map without the planes of the label.
        n: classes.
        dropout: as of `Labels`.

    Attributes:
        shape: `(h, w, c + planes)`.
    """

    def __init__(self, shape: Sequence[int], n: int, dropout: float = 0.0) -> None:
        labels = Labels(n, dropout)
        height, width, features = Map(shape).shape
        super().__init__((height, width, features + n_digits(labels.n)))
        self.n, self.dropout = labels.n, labels.dropout

    def get_config(self) -> dict:
        return {"shape": self.map.shape, "n": self.n, "dropout": self.dropout}

    def __repr__(self):
        dropout = f", dropout={self.dropout:g}" if self.dropout else ""
        return f"LabelledMap({self.map.shape}, {self.n}{dropout})"

    def with_shape(self, shape: Sequence[int]) -> "LabelledMap":
        height, width, features = shape
        return type(self)((height, width, features - n_digits(self.n)), self.n, self.dropout)

    @property
    def map(self) -> Map:
        """The map without the label."""
        height, width, features = self.shape
        return Map((height, width, features - n_digits(self.n)))

    @property
    def labels(self) -> Labels:
        return Labels(self.n, self.dropout)

    @property
    def depth(self) -> int:
        return self.map.depth + self.n

    def check(self, values: Any) -> np.ndarray:
        """Return `values` as float32 `(B, *shape)`, or raise `UsageError`."""
        values = super().check(values)
        planes = values[..., self.map.shape[-1] :]
        if (planes != planes[:, :1, :1]).any():
            raise UsageError("condition must have the same label at every place of its map")
        digits = planes[:, 0, 0]
        if (digits != digits.astype("int32")).any() or (digits < 0).any() or (digits >= BASE).any():
            raise UsageError(f"condition must hold the digits 0..{BASE - 1} of a label")
        self.labels.check((digits.astype("int64") * self._powers()).sum(axis=-1) - 1)
        return values

    def impossible(self, values: Any) -> Any:
        """Whether any label is no class, bool tensor `()`."""
        return self.labels.impossible(self._labels_of(values))

    def without_labels(self, values: Any) -> Any:
        maps = values[..., : self.map.shape[-1]]
        return ops.concatenate([maps, ops.zeros_like(values[..., maps.shape[-1] :])], axis=-1)

    def random(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return beside_map(self.labels, self.map.random(n, rng), self.labels.random(n, rng))

    def make_encoder(self, image_shape: Sequence[int], dtype: Any = None) -> "LabelledMapEncoder":
        """What enlarges the map, and takes labels away while training."""
        return LabelledMapEncoder(
            self.map.shape[-1],
            self.map.make_encoder(image_shape, dtype),
            self.labels.make_encoder(image_shape, dtype),
            name="condition_map",
            dtype=dtype,
        )

    def encode(self, encoder: Any, values: Any) -> Any:
        """Features at image size, and behind them the one-hot label, `(B, H, W, D)`."""
        maps = self.map.encode(encoder.enlarge, values[..., : self.map.shape[-1]])
        one_hot = self.labels.encode(encoder.label_dropout, self._labels_of(values))
        one_hot = ops.cast(one_hot, maps.dtype) + ops.zeros((*maps.shape[1:3], 1), maps.dtype)
        return ops.concatenate([maps, one_hot], axis=-1)

    def _labels_of(self, values):
        digits = ops.cast(values[:, 0, 0, self.map.shape[-1] :], "int32")
        return ops.sum(digits * self._powers(), axis=-1) - 1

    def _powers(self):
        return (BASE ** np.arange(n_digits(self.n))).astype("int32")


@_register
class LabelledMapEncoder(keras.layers.Layer):
    """The layers of both parts of a `LabelledMap`.

    Args:
        features: c, of the map alone.
        enlarge: brings the map to the images' size.
        label_dropout: takes labels away while training, or None.
    """

    def __init__(self, features: int, enlarge: Any, label_dropout: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.features = features
        self.enlarge, self.label_dropout = enlarge, label_dropout

    def build(self, input_shape: Any = None) -> None:
        self.enlarge.build((*input_shape[:-1], self.features))
        self.built = True

    @property
    def kernel(self) -> Any:
        """Of the map's transposed convolution."""
        return self.enlarge.kernel
