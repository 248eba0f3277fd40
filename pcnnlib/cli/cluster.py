"""Several processes that train together: which, by flags or environment, and one that is lost."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from pcnnlib._internal.errors import UsageError, first_line
from pcnnlib._internal.processes import processes
from pcnnlib.cli.flags import DIGITS, Settings

# Flags of several processes, and the variables by which Keras reads the same.
CLUSTER = {
    "coordinator": "KERAS_DISTRIBUTION_JOB_ADDRESSES",
    "processes": "KERAS_DISTRIBUTION_NUM_PROCESSES",
    "process": "KERAS_DISTRIBUTION_PROCESS_ID",
}
# What JAX says when a connection to another process fails.
LOST = ("Gloo", "NCCL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "Connection reset")


def cluster(settings: Settings) -> tuple[str, int, int] | None:
    """Coordinator, number and index of the processes, by flags or environment; None: one process.

    The flags go first.

    Raises:
        UsageError: one of them is missing or no number, nothing is trained, or not on all devices.
    """
    flags = {name: getattr(settings.devices, name) for name in CLUSTER}
    values: dict[str, Any] = {
        name: value if value is not None else os.environ.get(CLUSTER[name])
        for name, value in flags.items()
    }
    if all(value is None for value in values.values()):
        return None
    every = ", ".join(f"--{name}" for name in CLUSTER)
    for name, value in values.items():
        if value is None:
            raise UsageError(f"--{name} is missing: several processes need all of {every}")
        if name != "coordinator" and flags[name] is None and not value.isdecimal():
            raise UsageError(f"{CLUSTER[name]} must be a number, got {value!r}")
        if name != "coordinator" and len(str(value)) > DIGITS:
            raise UsageError(f"--{name} must be a number, got {value!s:.60}")
    if not settings.training.epochs:
        raise UsageError(f"several processes train, and --epochs=0 does not: leave out {every}")
    if settings.devices.devices != "all":
        raise UsageError(
            f"--devices must be all for several processes, got {settings.devices.devices!r}"
        )
    return values["coordinator"], int(values["processes"]), int(values["process"])


@contextlib.contextmanager
def reachable() -> Iterator[None]:
    """Within, to lose another process is one line."""
    try:
        yield
    except Exception as error:
        if processes() == 1 or not any(sign in str(error) for sign in LOST):
            raise
        raise UsageError(
            "another process has stopped, or cannot be reached: start all of them again, and they "
            f"go on from the last epoch ({first_line(error)})"
        ) from error
