"""Several processes that train one model together, on one host or on several. JAX only."""

import hashlib
import socket
import time

import keras
import numpy as np

from pcnnlib._internal.errors import UsageError, check_int


def join_processes(coordinator: str, count: int, index: int) -> None:
    """Train together with other processes, on this host or on others. JAX only.

    To be called by every process, before it computes anything; returns once all have. A process
    that has joined already is left as it is. At the end of each the first may go on for a day.

    Args:
        coordinator: "address:port" of process 0, which all can reach.
        count: processes, at least 1.
        index: which of them this is, from 0.

    Raises:
        UsageError: an argument out of range, a backend other than JAX, a port that is in use, or a
            coordinator that does not answer for five minutes. (If another process stays away for
            so long, JAX ends the first one itself.)
    """
    check_int("processes", count, 1)
    check_int("process", index, 0, count - 1)
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal() or len(port) > 5:
        raise UsageError(f"coordinator must be address:port, got {coordinator!r}")
    check_int("coordinator's port", int(port), 1, 65535)
    if keras.backend.backend() != "jax":
        raise UsageError(
            f"several processes need KERAS_BACKEND=jax, the backend is {keras.backend.backend()}"
        )
    import jax

    if jax.distributed.is_initialized():
        return
    if not index and _in_use(int(port)):  # JAX would end this process without a word
        raise UsageError(f"coordinator {coordinator}: the port is in use here, choose another")
    print(f"process {index}: waiting for all {count} at {coordinator}", flush=True)
    if index and not _answers(host, int(port)):
        raise UsageError(f"coordinator {coordinator} does not answer")
    # As `keras.distribution.initialize`, which has no argument for how long to wait at the end.
    jax.distributed.initialize(coordinator, count, index, shutdown_timeout_seconds=24 * 3600)


def all_processes_agree(text: str) -> bool:
    """Whether all processes hold the same text. Every process must call this."""
    if processes() == 1:
        return True
    from jax.experimental import multihost_utils

    own = np.frombuffer(hashlib.sha256(text.encode()).digest(), "uint8")
    return bool((multihost_utils.process_allgather(own) == own).all())


def processes() -> int:
    """Processes that train together: 1 unless `join_processes` was called."""
    if keras.backend.backend() != "jax":
        return 1
    import jax

    return jax.process_count()


def process() -> int:
    """Which of the processes this is; the first, 0, is the one that writes files."""
    if keras.backend.backend() != "jax":
        return 0
    import jax

    return jax.process_index()


def _in_use(port):
    """Whether a program on this host listens at a port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return True
    return False


def _answers(host, port, seconds=300):
    """Whether a program listens there within a time.

    Asked first, because JAX ends a process that waits in vain.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, port), timeout=5).close()
            return True
        except OSError:
            time.sleep(0.5)
    return False
