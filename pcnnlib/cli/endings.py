"""How a run ends that cannot go on: in one line, which calls things as the user typed them."""

import contextlib
import os
import re
import sys

from pcnnlib._internal.errors import first_line
from pcnnlib.cli.parser import DEFAULTS

# What the library calls by another name than the command line does.
FLAGS = {
    "blocks": "layers",
    "filters": "f_map",
    "condition": "classes",
    "dtype": "precision",
    "run": "pretrained: run",
    **{name: name for name in DEFAULTS},
}
# The name that a message of the library begins with, and the one that two runs differ in.
ARGUMENT = re.compile(r"^(\w+)(?=(?:'s \w+| of \w+)? must )")
DIFFERENCE = re.compile(r" is of a run with (\w+)=.*?(?=: choose)")
# Classes of exceptions, by name, that say how little a machine has, and not what a program lacks.
OUT_OF_MEMORY = {"MemoryError", "_ArrayMemoryError", "ResourceExhaustedError"}
# TensorFlow begins with the operation: of the files for TensorBoard, say.
OPERATION = re.compile(r"^\{\{.*?\}\} ")


def as_typed(message: str) -> str:
    """A message of the library on one line, with flags instead of its arguments' names."""

    message = " ".join(message.split())
    message = ARGUMENT.sub(
        lambda found: f"--{FLAGS[found[1]]}" if found[1] in FLAGS else found[1], message
    )
    return DIFFERENCE.sub(
        lambda found: f"{found[0]} (--{FLAGS[found[1]]})" if found[1] in FLAGS else found[0],
        message,
    )


def outer_cause(error: BaseException) -> str | None:
    """What an exception says that system or machine are the cause of; None for any other."""
    if isinstance(error, OSError):
        place = f": {error.filename}" if error.filename is not None else ""
        return f"{error.strerror or first_line(error)}{place}"
    line = first_line(error)
    text = OPERATION.sub("", line)
    if "No space left on device" in line or "Summary" in line.removesuffix(text):
        return f"a file cannot be written: {text}"
    if type(error).__name__ in OUT_OF_MEMORY or "RESOURCE_EXHAUSTED" in line:  # JAX has no class
        return f"out of memory: {text}"
    return None


def output_failure(last: str = "") -> OSError | None:
    """The error with which standard output takes nothing more; None if it does.

    Args:
        last: text to try it with.
    """
    try:
        sys.stdout.write(last)
        sys.stdout.flush()
    except OSError as error:
        # Python's end would try again what is left in its buffer, and say so.
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
        return error
    return None


def say(text: str) -> None:
    """Write a line to standard error, if that takes it."""
    with contextlib.suppress(OSError, ValueError):
        if sys.stdout.isatty():
            print()  # behind the progress bar
    with contextlib.suppress(OSError):
        print(f"main.py: {text}", file=sys.stderr, flush=True)
