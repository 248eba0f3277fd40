"""Start TensorFlow quietly, and with memory that is kept for reuse.

TensorFlow 2.21 writes informational lines to the process's standard error while it is imported, and
`TF_CPP_MIN_LOG_LEVEL` no longer stops them; in a notebook they would stand above the first figure.

This module stands outside the package: whoever imports a part of `pcnnlib` imports TensorFlow with
it, and then it is too late. A library must not change the process of a program that uses it, so
programs ask for it: the command line does, and a notebook may.

>>> from pcnnlib_startup import prepare_process
>>> prepare_process()
>>> import pcnnlib as pcnn
"""

import contextlib
import ctypes
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence

# Of <malloc.h>: which parameter `mallopt` sets. The threshold is the highest that glibc accepts.
M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -2, -3, -8
KEPT, LARGE = 1 << 30, 32 << 20  # bytes

CHATTER = re.compile(rb"^(WARNING: All log messages before absl::InitializeLog|I\d{4} )")


def main(args: Sequence[str] | None = None) -> int:
    """Prepare the process, then run the command line; return the exit code."""
    prepare_process()
    from pcnnlib import cli  # not before: it imports TensorFlow

    return cli.main(args)


def prepare_process() -> None:
    """Import Keras and its backend without TensorFlow's start-up lines, and keep freed memory.

    To be called before TensorFlow is imported; later it does no harm, and has little effect.
    """
    with without_chatter():
        keep_freed_memory()
        import keras  # noqa: F401


@contextlib.contextmanager
def without_chatter() -> Iterator[None]:
    """Hold back what is written to standard error, and pass on all that is not informational."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (AttributeError, OSError):  # no standard error at all, as in a windowed program
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            lines = [line for line in held if not CHATTER.match(line)]
            os.write(2, b"".join(lines))


def keep_freed_memory() -> bool:
    """Let the C library keep up to 1 GiB of freed memory for the next step's tensors.

    As soon as Keras trains from anything but arrays, TensorFlow 2.21 tells glibc to hand freed
    memory back at once, and the kernel must then clear every page anew in every step: two fifths of
    the time of training 8 blocks of 32 filters on 28x28 images on a CPU. All threads share one
    arena, since memory freed in another thread's is not always found again.

    To be called before TensorFlow starts its threads. Other C libraries have no such call and are
    left alone.

    Returns:
        Whether the C library took it.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # no glibc
        return False
    settings = ((M_ARENA_MAX, 1), (M_TOP_PAD, KEPT), (M_MMAP_THRESHOLD, LARGE))
    return all([mallopt(*setting) for setting in settings])
