"""Starting up: only chatter is held back, and the C library keeps freed memory."""

import pathlib
import platform
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
# Takes, fills and frees 50 times 8 MB, ten times over, after TensorFlow's own call (trim above
# 128 kB), and prints how many pages the kernel had to clear. Memory of a thread that is not the
# first could come from another arena.
MEMORY = """
import ctypes, resource, sys, threading
import pcnnlib_startup
if sys.argv[1] == "kept":
    assert pcnnlib_startup.keep_freed_memory()
c = ctypes.CDLL(None)
c.malloc.restype = ctypes.c_void_p
c.free.argtypes = [ctypes.c_void_p]
c.mallopt(-1, 128 << 10)

def work():
    for _ in range(10):
        blocks = [c.malloc(8 << 20) for _ in range(50)]
        for block in blocks:
            ctypes.memset(block, 1, 8 << 20)
        for block in blocks:
            c.free(block)

before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
if sys.argv[2] == "first":
    work()
else:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
# What TensorFlow writes through C, and what a reader must see.
CHATTER = """
import os, sys
import pcnnlib_startup
with pcnnlib_startup.without_chatter():
    os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called ...\\n")
    os.write(2, b"I0000 00:00:1 1 port.cc:153] oneDNN custom operations are on.\\n")
    os.write(2, b"E0000 00:00:1 1 cuda.cc:1] failed call\\n")
    print("a warning of Python's", file=sys.stderr)
os.write(2, b"I0000 later\\n")
assert "keras" not in sys.modules and "tensorflow" not in sys.modules
"""


def run(program, *args):
    """Run a program in a process of its own, with the project's modules at hand."""
    command = [sys.executable, "-c", program, *args]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the call is glibc's")
@pytest.mark.parametrize("thread", ["first", "another"])
def test_freed_memory_is_kept_for_reuse(thread):
    kept, as_it_comes = (int(run(MEMORY, how, thread).stdout) for how in ("kept", "as it comes"))
    # 8 MB are 2,048 pages; large pages, where the kernel uses them, are fewer. Kept memory is
    # cleared once instead of ten times.
    assert kept < as_it_comes / 5


def test_chatter_is_held_back_and_nothing_else():
    assert run(CHATTER).stderr.splitlines() == [
        "E0000 00:00:1 1 cuda.cc:1] failed call",
        "a warning of Python's",
        "I0000 later",
    ]
