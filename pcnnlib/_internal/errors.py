"""Errors that a user can mend: one line that says what came and what was wanted."""

import contextlib
import operator
import os
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np


class UsageError(ValueError):
    """An argument, file or data set does not fit; the message names it.

    The command line prints the message alone and exits with code 2.
    """

    # Keras would otherwise put a paragraph of its own around what is raised within a layer.
    _keras_call_info_injected = True


def short(value: Any) -> str:
    """A value for a message, on one line: a small one as it is, others by beginning or type."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # an integer of thousands of digits, or an object that cannot be shown
        return type(value).__name__
    if len(text) <= 60:
        return text
    return f"{text[:56]} ..." if isinstance(value, (str, bytes, int)) else type(value).__name__


def as_array(name: str, value: Any, dtype: Any = None) -> np.ndarray:
    """Return what came as an array, or raise `UsageError` if it is none: ragged rows, say."""
    try:
        return np.asarray(value, dtype)
    except (TypeError, ValueError, OverflowError):
        kind = "" if dtype is None else " of numbers"
        raise UsageError(
            f"{name} must be an array{kind}, its rows all of one shape, got {short(value)}"
        ) from None


def check_path(name: str, value: Any) -> pathlib.Path:
    """Return the path of a file or folder, or raise `UsageError`."""
    try:
        text = os.fspath(value)
    except TypeError:
        text = None
    # An empty text would be the folder that one is in, and comes from a variable that is not set.
    if not isinstance(text, str) or not text:
        raise UsageError(f"{name} must be a path, got {short(value)}")
    return pathlib.Path(text)


def check_has(name: str, value: Any, wanted: str, *attributes: str) -> None:
    """Raise `UsageError` unless an object has what is asked of it; `wanted` says what it is."""
    if not all(hasattr(value, attribute) for attribute in attributes):
        raise UsageError(f"{name} must be {wanted}, got {type(value).__name__}")


def is_integer(value: Any, wanted: int) -> bool:
    """Whether a value is an integer, and this one: no bool, no float, no array of several."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value == wanted


def check_int(name: str, value: Any, minimum: int, maximum: int | None = None) -> int:
    """Return `value` as an int, or raise `UsageError` naming `name` and the range wanted."""
    wanted = f"an integer >= {minimum}" if maximum is None else f"an integer {minimum}..{maximum}"
    try:
        number = operator.index(value)
    except TypeError:  # a float, a string, an array of several
        number = None
    if number is None or isinstance(value, bool) or number < minimum:
        raise UsageError(f"{name} must be {wanted}, got {short(value)}")
    if maximum is not None and number > maximum:
        raise UsageError(f"{name} must be {wanted}, got {short(value)}")
    return number


def check_seed(seed: Any) -> int | None:
    """Return a seed, an int of at least 0, or None for fresh randomness, or raise `UsageError`."""
    return None if seed is None else check_int("seed", seed, 0)


def check_at_most(name: str, value: Any, largest: float) -> None:
    """Raise `UsageError` if a number is larger than any use asks for."""
    if value > largest:
        raise UsageError(f"{name} must be at most {largest:,}, got {short(value)}")


def check_bool(name: str, value: Any) -> bool:
    """Return `value`, a bool of Python's or NumPy's, as Python's, or raise `UsageError`."""
    if not isinstance(value, (bool, np.bool_)):
        raise UsageError(f"{name} must be True or False, got {short(value)}")
    return bool(value)


# Larger than any network that is trained, and small enough that nothing is waited for.
LARGEST = {
    "image side": 16_384,
    "features": 65_536,
    "blocks": 1_000,
    "kernel": 1_001,
    "images at once": 100_000,
    "images drawn": 10**30,  # far fewer have no room, which is said where it is made
    "classes": 1_000_000,
    "weights": 4_000_000_000,
}


def check_size(name: str, value: Any, kind: str, minimum: int = 1) -> int:
    """`check_int` with the largest size of its kind, so that no work is begun in vain."""
    number = check_int(name, value, minimum)
    check_at_most(name, number, LARGEST[kind])
    return number


def check_weights(sizes: dict[str, int], weights: int) -> None:
    """Raise `UsageError` if sizes together make a network that no machine holds."""
    if weights > LARGEST["weights"]:
        named = ", ".join(f"{name}={size}" for name, size in sizes.items())
        raise UsageError(
            f"{named} make about {weights:,} weights: at most {LARGEST['weights']:,} are built"
        )


def channels_first(shape: Sequence[int]) -> bool:
    """Whether the shape of a batch of images looks like `(N, C, H, W)`.

    Low images of many channels are none: the sides of images are about as long as each other, or
    longer than there are channels.
    """
    if len(shape) != 4 or shape[1] not in (1, 3, 4) or min(shape[2:]) <= 4:
        return False
    return max(shape[2:]) < 2 * min(shape[2:]) or min(shape[2:]) >= 16


def parse_integers(name: str, text: object, example: str) -> tuple[int, ...]:
    """Return integers written with commas between them as a tuple, or raise `UsageError`.

    A number by itself may come as one: papermill makes an int of `-p dilations 2`.
    """
    try:
        return tuple(int(number) for number in str(text).split(","))
    except ValueError:
        raise UsageError(f"{name} must be integers such as {example}, got {text!r}") from None


def check_number(
    name: str,
    value: Any,
    minimum: float,
    maximum: float = float("inf"),
    *,
    open_below: bool = False,
) -> float:
    """Return `value` as a float within `[minimum, maximum]`, or raise `UsageError`.

    With `open_below`, `minimum` itself is refused (a temperature of 0, say).
    """
    try:
        # `True` would be taken for 1 here, and by `check_int` it is not.
        number = float("nan") if isinstance(value, (str, bool, np.bool_)) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    low_enough = number > minimum if open_below else number >= minimum
    # A NaN fails both comparisons, and is refused with the rest.
    if not (low_enough and number <= maximum) or number == float("inf"):
        sign = ">" if open_below else ">="
        upper = "" if maximum == float("inf") else f" and <= {maximum:g}"
        raise UsageError(
            f"{name} must be a finite number {sign} {minimum:g}{upper}, got {short(value)}"
        )
    return number


def check_temperature(value: Any) -> float:
    """Return a temperature above 0 that float32 can divide by, or raise `UsageError`."""
    temperature = check_number("temperature", value, 0.0, open_below=True)
    # Below these the likeliest level is as good as certain, and above all are alike.
    return min(max(temperature, 1e-30), 3e38)


def check_kernel_size(name: str, value: Any) -> int:
    """Return an odd kernel size of at least 3, or raise `UsageError`.

    An even kernel has no centre, so "before" and "after" the pixel would not be mirror images; a
    kernel of 1 sees no neighbour at all.
    """
    if check_int(name, value, 1) % 2 == 0 or value == 1:
        raise UsageError(
            f"{name} must be odd, so that the kernel has a centre, and at least 3, got {value}"
        )
    check_at_most(name, value, LARGEST["kernel"])
    return int(value)


def check_dilations(dilations: Sequence[int]) -> tuple[int, ...]:
    """Return `dilations` as a tuple of ints of at least 1, not empty, or raise `UsageError`."""
    if not isinstance(dilations, (tuple, list)) or not dilations:
        raise UsageError(f"dilations must be a list of integers >= 1, got {short(dilations)}")
    return tuple(check_size("each of dilations", dilation, "kernel") for dilation in dilations)


def not_finite(what: str, use: str) -> UsageError:
    """The error of a model that has NaN or infinity where numbers are wanted."""
    return UsageError(
        f"the model gives NaN or infinity as {what}, which there is nothing to {use}: "
        "its training has diverged, or its weights are damaged"
    )


def check_weights_finite(model: Any) -> None:
    """Raise `UsageError` if a weight of a Keras model is NaN or infinite."""
    for weight in getattr(model, "weights", ()):
        values = np.asarray(weight)
        if not np.isfinite(values).all():
            raise UsageError(
                f"weight {weight.path} of the model holds {values[~np.isfinite(values)][0]}: "
                "its training has diverged, or its weights are damaged"
            )


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Raise a `UsageError` of a data pipeline as one, without what TensorFlow puts around it."""
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        inner = re.search(r"\bUsageError: (.+)", str(error))
        if inner is None:
            raise
        raise UsageError(inner[1]) from None


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its class if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
