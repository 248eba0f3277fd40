"""Start TensorFlow without its report on the machine's libraries.

TensorFlow 2.21 writes informational lines to the process's standard error while it is imported, and
`TF_CPP_MIN_LOG_LEVEL` no longer stops them; in a notebook they would stand above the first figure.
"""

import contextlib
import os
import re
import sys
import tempfile

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
