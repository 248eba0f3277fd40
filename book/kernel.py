"""The Jupyter kernels that execute the notebooks: how one is started, and what it finds."""

import contextlib
import copy
import os
import sys
from pathlib import Path

from guard import BookError
from notebook_files import tags

KERNEL = "python3"
# A kernel is told which ports are free. If another process takes one of them meanwhile, the kernel
# dies before the first cell.
TRIES = 3


def kernel_environment(scratch):
    """Returns the environment variables of the kernels.

    Frameworks log little, and nothing is read from the user's own configuration.
    """
    profile = scratch / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    # Without this the kernel's own notices would be printed among our lines.
    (profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 40\n")
    return {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "GRPC_VERBOSITY": "ERROR",
        "PYTHONHASHSEED": "0",
        "IPYTHONDIR": str(scratch / "ipython"),
        "MPLCONFIGDIR": str(scratch / "matplotlib"),
        "JUPYTER_PATH": str(Path(sys.prefix) / "share" / "jupyter"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def check_kernel():
    """Raises BookError unless the kernel is this Python.

    Another Python could have another version of the library, and the book would show its results.
    """
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        command = KernelSpecManager().get_kernel_spec(KERNEL).argv[0]
    except NoSuchKernel:
        raise BookError(f"no Jupyter kernel '{KERNEL}' in {sys.prefix}") from None
    # A bare 'python' is replaced by sys.executable when the kernel starts.
    if command not in ("python", "python3", sys.executable):
        raise BookError(f"the Jupyter kernel '{KERNEL}' runs {command}, not {sys.executable}")


@contextlib.contextmanager
def stderr_into(path):
    """Sends the standard error of this process, and of the processes that it starts, to a file.

    A kernel writes there what it has also put into the notebook.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(path, "ab") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def execute(source, target, values, root, turns):
    """Executes a notebook with papermill in the folder `root` and writes the file `target`.

    A kernel that dies before the first cell is started again; nothing has been computed by then.
    """
    import papermill

    for tries_left in reversed(range(TRIES)):
        try:
            papermill.execute_notebook(
                copy.deepcopy(source),
                str(target),
                parameters=values,
                kernel_name=KERNEL,
                language="python",
                progress_bar=False,
                start_timeout=180,
                cwd=str(root),
                on_cell_execute=lambda cell, **_: turns.begin(alone="timing" in tags(cell)),
                on_cell_executed=lambda **_: turns.end(),
            )
            return
        except RuntimeError:
            if turns.begun or not tries_left:
                raise
