"""How the book's tools end: in one line, whatever stops them. Two never work in one folder."""

import contextlib
import fcntl
import os
import shutil
import signal
import sys

STOPPED = "stopped; finished notebooks and the last good book are kept"
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class BookError(Exception):
    """An error that a person must correct; the message is one line."""


def say(line):
    with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or never open
        print(line, file=sys.stderr, flush=True)


def stop_at_once():
    """From now on Ctrl-C ends the process: while it imports, there is nothing to clean up."""

    def leave(number, frame):
        say("stopped")
        os._exit(128 + number)

    on_signals(leave)


def on_signals(handler):
    for number in SIGNALS:
        # A shell that starts a program in the background has it ignore Ctrl-C, and so it stays.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


class Stopped(BaseException):
    """Ctrl-C, or a request to end; no `except Exception` may catch it."""


def stop(number, frame):
    for each in SIGNALS:  # once is enough; what follows is for cleaning up
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(number)


def run(work):
    """Calls `work` and ends the process: with 0, or in one line with another code.

    The code is 2 for an error, 128 and the signal's number where a signal stopped the process
    (130 for Ctrl-C), and 141 where nobody reads the output any more, as for `| head`.
    """
    code = 0
    open_standard_files()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        on_signals(stop)
        work()
        flush()
    except BookError as error:
        say(f"error: {error}")
        code = 2
    except BrokenPipeError:
        code = 141
    except OSError as error:
        say(f"error: {reason(error)}")
        code = 2
    except Stopped as stopped:
        say(STOPPED)
        # At once: Playwright, whose driver has heard Ctrl-C too, would complain at the end.
        os._exit(128 + stopped.args[0])
    try:
        flush()
    except OSError:  # what is left has nowhere to go, and Python would say so
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for number, handler in before.items():
        signal.signal(number, handler)
    sys.exit(code)


def open_standard_files():
    """Puts a file in the place of each closed one, before another file takes its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def flush():
    if sys.stdout is not None:  # as it is after `>&-`
        sys.stdout.flush()


def reason(error):
    """Returns what the system refused, such as `_build/html: No space left on device`."""
    if isinstance(error, shutil.Error) and isinstance(error.args[0], list):
        _, target, why = error.args[0][0]
        return f"{target}: {why}"
    file = f"{error.filename}: " if error.filename else ""
    return f"{file}{error.strerror or error}"


@contextlib.contextmanager
def only_one(folder):
    """Within, no other build uses the folder. The system gives the lock back, however we end."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "build.lock", "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BookError(f"another build is at work in {folder}: wait until it ends") from None
        yield


def remove(path):
    """Removes a file or a folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def undisturbed(signals=SIGNALS):
    """Within, signals wait. Processes that are started within never hear of them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def replace_folder(current, new):
    """Renames the folder `new` to `current`; at no moment is there half a book."""
    old = old_of(current)
    remove(old)
    with undisturbed():
        if current.exists():
            current.rename(old)
        new.rename(current)
    remove(old)


def old_of(folder):
    return folder.with_name(folder.name + ".old")


def restore_folder(current):
    """Ends what was cut off between the two renamings of `replace_folder`."""
    if old_of(current).exists() and not current.exists():
        old_of(current).rename(current)
