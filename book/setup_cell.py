"""The first code cell of every notebook: installs the library in Colab, prepares TensorFlow."""

import re

TEXT = """\
# In Colab, this installs the library from the project's repository.
REPOSITORY = "{address}"  # written by `make address URL=...`

import subprocess
import sys

if "google.colab" in sys.modules:
    if not REPOSITORY:
        raise SystemExit(
            "The project has no public address yet, so there is nothing to install from. "
            "`make address URL=https://github.com/owner/name` writes it into this cell."
        )
    package = f"pcnnlib[notebooks] @ git+{{REPOSITORY}}"
    command = [sys.executable, "-m", "pip", "install", "--quiet", package]
    subprocess.run(command, check=True)

from pcnnlib_startup import prepare_process

prepare_process()  # no log lines of TensorFlow's start, and freed memory is kept for reuse"""

# The line with the address in a .py file and, with its quotes escaped, in an .ipynb file.
LINE = re.compile(r'(REPOSITORY = \\?")[^"\\\n]*(\\?"  # written by `make address)')


def without_address(text):
    """Returns the text as it was before `make address`, for what must not depend on the address."""
    return LINE.sub(r"\1\2", text)


def setup_cell(address=""):
    """Returns the source of the first code cell."""
    return TEXT.format(address=address)
