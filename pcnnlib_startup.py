"""Start TensorFlow quietly, and with memory that is kept for reuse.

TensorFlow 2.21 writes informational lines to the process's standard error while it is imported, and
`TF_CPP_MIN_LOG_LEVEL` no longer stops them; in a notebook they would stand above the first figure.
"""

import contextlib
import ctypes
import os
import re
import sys
import tempfile

# Of <malloc.h>: which parameter `mallopt` sets. The threshold is the highest that glibc accepts.
M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -2, -3, -8
KEPT, LARGE = 1 << 30, 32 << 20  # bytes

CHATTER = re.compile(rb"^(WARNING: All log messages before absl::InitializeLog|I\d{4} )")


@contextlib.contextmanager
def without_chatter():
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


def keep_freed_memory():
    """Let the C library keep up to 1 GiB of freed memory for the next step's tensors.

    As soon as Keras trains from anything but arrays, TensorFlow 2.21 tells glibc to hand freed
    memory back at once, and the kernel must then clear every page anew in every step: two fifths of
    the time of training 8 blocks of 32 filters on 28x28 images on a CPU. All threads share one
    arena, since memory freed in another thread's is not always found again.

    To be called before TensorFlow starts its threads. Other C libraries have no such call and are
    left alone.

    Returns:
        bool, whether the C library took it.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # no glibc
        return False
    settings = ((M_ARENA_MAX, 1), (M_TOP_PAD, KEPT), (M_MMAP_THRESHOLD, LARGE))
    return all([mallopt(*setting) for setting in settings])
