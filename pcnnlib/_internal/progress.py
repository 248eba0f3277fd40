"""Progress for people: a bar in a terminal, and plain lines where the output is a log."""

import sys
import time
from typing import Any

import keras

# Seconds from one line of a log to the next.
EVERY = 60.0


def on_terminal() -> bool:
    """Whether standard output redraws a line: a terminal does, and a notebook; a file does not."""
    if type(sys.stdout).__module__.startswith("ipykernel"):
        return True
    try:
        return sys.stdout.isatty()
    except (AttributeError, ValueError):  # none, or a closed one
        return False


class Lines:
    """Counts like Keras's bar, and prints a plain line a minute.

    Args:
        target: number at the end.
        unit_name: what is counted.
        prefix: what each line begins with.
    """

    def __init__(self, target: int, unit_name: str = "step", prefix: str = "") -> None:
        self.target, self.unit_name, self.prefix = target, unit_name, prefix
        self.current = 0
        self.printed_at = time.monotonic()

    def due(self) -> bool:
        """Whether the next `update` prints: its `values` may cost something."""
        return time.monotonic() - self.printed_at >= EVERY

    def update(self, current: int, values: str = "") -> None:
        """Count to `current`; `values` are put behind it."""
        self.current = current
        if self.due():
            self.printed_at = time.monotonic()
            line = f"{self.prefix}{self.unit_name} {current}/{self.target}"
            print(f"{line}, {values}" if values else line, flush=True)

    def add(self, n: int) -> None:
        """Count `n` more."""
        self.update(self.current + n)


def progress_bar(target: int, unit_name: str) -> Any:
    """Keras's bar where it can be redrawn, and else `Lines`; both have `add`."""
    if on_terminal():
        return keras.utils.Progbar(target, unit_name=unit_name)
    return Lines(target, unit_name)
