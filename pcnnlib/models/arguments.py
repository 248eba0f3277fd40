"""What the constructors of all models are given: the shape of images, and what Keras takes."""

from typing import Any

import keras
import numpy as np

from pcnnlib._internal.errors import UsageError, channels_first, check_bool, check_size, short

KERAS = ("name", "dtype", "trainable")


def check_image_shape(image_shape: Any) -> tuple[int, int, int]:
    """Return `(H, W, C)` as ints, or raise `UsageError`."""
    shape = tuple(image_shape) if np.iterable(image_shape) else ()
    if len(shape) != 3:
        raise UsageError(f"image_shape must be (H, W, C), got {short(image_shape)}")
    height, width, channels = (
        check_size(f"image_shape {n}", v, "image side") for n, v in zip("HWC", shape, strict=True)
    )
    if channels_first((1, height, width, channels)):
        raise UsageError(
            f"image_shape must be (H, W, C), channels last; {(height, width, channels)} looks like "
            f"(C, H, W): write {(width, channels, height)}"
        )
    return height, width, channels


def check_keras_arguments(model: keras.Model, arguments: dict) -> None:
    """Raise `UsageError` for what is left of a constructor's arguments and Keras does not take."""
    kind = type(model).__name__
    if "components" in arguments:  # until version 0.2 an argument of every model
        raise UsageError(
            "components belongs to the distribution: "
            f"distribution=LogisticMixture(components={arguments['components']!r})"
        )
    for name in arguments:
        if name not in KERAS:
            raise UsageError(f"{name} must be left out: it is no argument of {kind}")
    name = arguments.get("name")
    if name is not None and (not isinstance(name, str) or not name or "/" in name):
        raise UsageError(f"name must be a text without /, got {short(name)}")
    check_bool("trainable", arguments.get("trainable", True))
    check_dtype(arguments.get("dtype"))


def check_dtype(dtype: Any) -> None:
    """Raise `UsageError` unless a network can compute in it; None is Keras's own setting."""
    try:
        policy = keras.dtype_policies.get(dtype)
        # Layers of integers are made of trained ones, and not every layer here can be.
        computed = "" if policy.quantization_mode else policy.compute_dtype
    except Exception:  # Keras raises this and that
        computed = ""
    if not computed.startswith(("float", "bfloat")):
        raise UsageError(
            'dtype must be a type of floats such as "float32", or a policy of Keras such as '
            f'"mixed_bfloat16", got {short(dtype)}'
        )
