"""What the command line prints beside its results: warnings, and Keras's bars."""

import contextlib
import warnings
from collections.abc import Iterator

import keras

from pcnnlib._internal.progress import on_terminal


@contextlib.contextmanager
def plain_output() -> Iterator[None]:
    """Within, a warning is one line, and where the output is a log Keras draws no bars into it."""
    formatted = warnings.formatwarning
    drawn = keras.config.is_interactive_logging_enabled()
    warnings.formatwarning = _one_line
    if not on_terminal():
        keras.config.disable_interactive_logging()
    try:
        yield
    finally:
        warnings.formatwarning = formatted
        if drawn:
            keras.config.enable_interactive_logging()


def _one_line(message, category, filename, lineno, line=None):
    """Without the place in the source, which says nothing to whoever typed a command."""
    return f"main.py: warning: {' '.join(str(message).split())}\n"
