"""Starting up: the C library keeps freed memory, whatever TensorFlow tells it later."""

import pathlib
import platform
import subprocess
import sys

import pytest

import pcnnlib

# Takes, fills and frees 50 times 8 MB, ten times over, after TensorFlow's own call (trim above
# 128 kB), and prints how many pages the kernel had to clear. Memory of a thread that is not the
# first could come from another arena. `pcnnlib/startup.py` is run by itself.
PROGRAM = """
import ctypes, resource, runpy, sys, threading
startup = runpy.run_path(sys.argv[1])
if sys.argv[2] == "kept":
    assert startup["keep_freed_memory"]()
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
if sys.argv[3] == "first":
    work()
else:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the call is glibc's")
@pytest.mark.parametrize("thread", ["first", "another"])
def test_freed_memory_is_kept_for_reuse(thread):
    def pages_cleared(how):
        startup = pathlib.Path(pcnnlib.__file__).with_name("startup.py")
        command = [sys.executable, "-c", PROGRAM, str(startup), how, thread]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    # 8 MB are 2,048 pages; large pages, where the kernel uses them, are fewer. Kept memory is
    # cleared once instead of ten times.
    assert pages_cleared("kept") < pages_cleared("as it comes") / 5
