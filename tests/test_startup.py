"""Starting up: the C library keeps freed memory, whatever TensorFlow tells it later."""

import pathlib
import platform
import subprocess
import sys

import pytest

import pcnnlib

# Takes, fills and frees 8 MB a hundred times, after TensorFlow's own call (trim above 128 kB), and
# prints how many pages the kernel had to clear. `pcnnlib/startup.py` is run by itself.
PROGRAM = """
import ctypes, pathlib, resource, runpy, sys
startup = runpy.run_path(sys.argv[1])
if sys.argv[2] == "kept":
    assert startup["keep_freed_memory"]()
c = ctypes.CDLL(None)
c.malloc.restype = ctypes.c_void_p
c.free.argtypes = [ctypes.c_void_p]
c.mallopt(-1, 128 << 10)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    block = c.malloc(8 << 20)
    ctypes.memset(block, 1, 8 << 20)
    c.free(block)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the call is glibc's")
def test_freed_memory_is_kept_for_reuse():
    def pages_cleared(how):
        startup = pathlib.Path(pcnnlib.__file__).with_name("startup.py")
        command = [sys.executable, "-c", PROGRAM, str(startup), how]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    # 8 MB are 2,048 pages; large pages, where the kernel uses them, are fewer.
    assert pages_cleared("kept") < pages_cleared("as it comes") / 10
