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

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence

# Of <malloc.h>: which parameter `mallopt` sets. The threshold is the highest that glibc accepts.
M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -2, -3, -8
KEPT, LARGE = 1 << 30, 32 << 20  # bytes

CHATTER = re.compile(rb"^(WARNING: All log messages before absl::InitializeLog|I\d{4} )")


# Where a line for the user goes while standard error is held back.
errors = 2


def main(args: Sequence[str] | None = None) -> int:
    """Prepare the process, then run the command line; return the exit code.

    An installation that lacks something is answered in one line with code 2, Ctrl-C with 130.
    """
    try:
        with interrupted_at_once():
            _open_standard_files()
            try:
                os.getcwd()  # which packages ask for too, some of them while they are imported
            except OSError as error:
                return _say(f"error: the working directory is gone ({error.strerror})", 2)
            try:
                with without_chatter():
                    keep_freed_memory()
                    from pcnnlib import cli  # not before: it imports TensorFlow
            except ImportError as error:
                return _say("error: " + " ".join(str(error).split()), 2)
        return cli.main(args)
    except KeyboardInterrupt:  # a second one, say
        return _say("stopped", 130)
    finally:
        # Nothing is left to be done that an interrupt could disturb: it just ends the process.
        if _is_main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def interrupted_at_once() -> Iterator[None]:
    """Within, Ctrl-C ends the process in one line.

    As an exception it could strike within any import, of which some catch what they should not,
    and others print pages.
    """

    def leave(*_: object) -> None:
        os._exit(_say("stopped", 130))

    # A shell that starts a program in the background has it ignore Ctrl-C, and so it stays.
    if not _is_main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
    global errors
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        sys.stderr.flush()
        kept = os.dup(2)
    except (AttributeError, OSError):  # no standard error at all, as in a windowed program
        yield
        return
    with contextlib.ExitStack() as stack:
        try:
            held = stack.enter_context(tempfile.TemporaryFile())
        except OSError:  # no folder for it: then all is shown
            os.close(kept)
            yield
            return
        os.dup2(held.fileno(), 2)
        errors = kept
        try:
            yield
        finally:
            os.dup2(kept, 2)
            errors = 2
            os.close(kept)
            held.seek(0)
            lines = [line for line in held if not CHATTER.match(line)]
            with contextlib.suppress(OSError):  # full, or closed
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


def _say(text: str, code: int) -> int:
    """Write a line for the user, where that is possible; return the exit code."""
    with contextlib.suppress(OSError):
        os.write(errors, f"main.py: {text}\n".encode(errors="backslashreplace"))
    return code


def _open_standard_files() -> None:
    """Give a process that was started without input or outputs (`>&-`) some that hold nothing.

    Else the next file to be opened, a checkpoint say, would stand in for them.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a path may hold what the output's encoding cannot
            stream.reconfigure(errors="backslashreplace")


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
