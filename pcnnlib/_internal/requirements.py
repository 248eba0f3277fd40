"""What must be there before anything else is imported, and one line where it is not.

Without this check a missing package or a backend that does not exist ends in some fifty lines of
Keras's own.
"""

import importlib.util
import sys

BACKENDS = ("tensorflow", "jax")
PRECISIONS = ("float32", "float64")


def check_requirements() -> None:
    """Import Keras, with a backend and a precision that the models can work with.

    Raises:
        ImportError: an older Python, a missing package, or another backend or precision; one line.
    """
    if sys.version_info < (3, 11):  # noqa: UP036  # of a system's own Python, say
        raise ImportError(f"pcnnlib needs Python 3.11 to 3.13, and {sys.executable} is older")
    for package in ("keras", "numpy"):
        if importlib.util.find_spec(package) is None:
            raise ImportError(
                f"pcnnlib needs the package {package}, which {sys.executable} does not have: "
                "start the Python that it was installed for, such as .venv/bin/python"
            )
    try:
        import keras
    except Exception as error:  # whatever a backend or a configuration file may raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImportError(
            f"Keras cannot start ({reason}): its backend, by KERAS_BACKEND or keras.json, must be "
            f"one of {', '.join(BACKENDS)}, and installed"
        ) from None
    backend, precision = keras.config.backend(), keras.config.floatx()
    if backend not in BACKENDS:
        raise ImportError(f"KERAS_BACKEND must be one of {', '.join(BACKENDS)}, got {backend!r}")
    if precision not in PRECISIONS:
        raise ImportError(
            f"floatx in keras.json must be one of {', '.join(PRECISIONS)}, got {precision!r}"
        )
