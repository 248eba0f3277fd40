"""Probabilities as integers, and the range coder that they drive.

A range coder is an arithmetic coder that works in whole words. Both sides must have exactly the
same numbers, so probabilities are counts out of 2^24, and the coder (`constriction`, Bamler 2022,
arXiv:2201.01741) computes with integers alone.

N values, K levels.
"""

import math
from typing import Any

import numpy as np

from pcnnlib._internal.errors import UsageError, as_array, not_finite

BITS = 24  # of a count: as many as the coder has
TOTAL = 2**BITS
# The coder works in words of 32 bits; what a stream has beyond its information is under three.
WORD = np.dtype("<u4")


def integer_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities as counts out of 2^24, of which every level has at least one.

    A count is at least `p (2^24 - K)`: a value costs at most `-log2(1 - K / 2^24)` bits more than
    by its true probability, 2e-7 bits at 2 levels and 2e-5 at 256, and never more than 24 bits.

    Args:
        probabilities: `(N, K)`; each row is taken relative to its sum.

    Returns:
        int64 `(N, K)`, rows summing to 2^24.

    Raises:
        UsageError: probabilities that are not finite, or are all 0.
    """
    values = as_array("probabilities", probabilities, "float64")
    if values.ndim != 2:
        raise UsageError(f"probabilities must be (N, K), got shape {values.shape}")
    sums = values.sum(axis=1, keepdims=True)
    if not (np.isfinite(sums) & (sums > 0)).all() or values.min(initial=0) < 0:
        raise not_finite("probabilities of a pixel", "code by")
    counts = 1 + np.floor(values / sums * (TOTAL - values.shape[1])).astype("int64")
    # What is left by rounding down goes to the likeliest level, which notices it least. Rounding
    # of the quotients themselves could ask it to give some up.
    likeliest = np.argmax(counts, axis=1)
    counts[np.arange(len(counts)), likeliest] += TOTAL - counts.sum(axis=1)
    return counts


def longest_loss(levels: int) -> float:
    """Bits a value may cost more than by its true probability; see `integer_probabilities`."""
    return -math.log2(1 - levels / TOTAL)


def least_bits(levels: int) -> float:
    """Bits that any value costs at least: its count is never more than `2^24 - K + 1`."""
    return math.log2(TOTAL / (TOTAL - levels + 1))


class Encoder:
    """Writes values."""

    def __init__(self) -> None:
        self.coder = _constriction().stream.queue.RangeEncoder()

    def put(self, values: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Append values `(N,)`, each by its counts `(N, K)`; returns them."""
        self.coder.encode(np.ascontiguousarray(values, "int32"), *_table(counts))
        return values

    def bytes(self) -> bytes:
        """All that was put, as bytes."""
        return self.coder.get_compressed().astype(WORD).tobytes()


class Decoder:
    """Reads values, in the order in which they were put."""

    def __init__(self, data: bytes) -> None:
        words = np.frombuffer(data, WORD).astype("uint32")
        self.coder = _constriction().stream.queue.RangeDecoder(words)

    def get(self, counts: np.ndarray) -> np.ndarray:
        """The next values, int32 `(N,)`, by their counts `(N, K)`."""
        return self.coder.decode(*_table(counts))


def pack_integers(values: np.ndarray, n: int) -> bytes:
    """Integers 0 .. n-1 in log2(n) bits each; in 5 bytes if they are all the same.

    Args:
        values: `(N,)`, at least one.
        n: below 2^24.
    """
    if (values == values[0]).all():
        return b"\0" + int(values[0]).to_bytes(4, "little")
    coder = _constriction().stream.queue.RangeEncoder()
    coder.encode(values.astype("int32"), _constriction().stream.model.Uniform(n))
    return b"\1" + coder.get_compressed().astype(WORD).tobytes()


def unpack_integers(data: bytes, n: int, count: int) -> np.ndarray:
    """What `pack_integers` packed, int32 `(count,)`.

    Raises:
        UsageError: bytes that cannot be those of so many integers; nothing large is made then.
    """
    if data[:1] == b"\0" and len(data) == 5:
        value = int.from_bytes(data[1:], "little")
        if value < n:
            return np.full(count, value, "int32")
    elif data[:1] == b"\1" and len(data) % 4 == 1 and n > 1:
        if abs(8 * len(data) - count * math.log2(n)) < 200:
            coder = _constriction().stream.queue.RangeDecoder(
                np.frombuffer(data[1:], WORD).astype("uint32")
            )
            found = coder.decode(_constriction().stream.model.Uniform(n), count)
            return np.asarray(found, "int32")
    raise UsageError(f"data is damaged: {len(data)} bytes cannot be {count} integers 0..{n - 1}")


def _table(counts):
    """A family of distributions, and its table: exactly these counts.

    The coder gives each level one count, and shares out the others in proportion to the table:
    with one less than each count there are as many as there are to share. float32 holds integers
    up to 2^24.
    """
    family = _constriction().stream.model.Categorical(perfect=False)
    return family, np.ascontiguousarray(counts - 1, "float32")


def _constriction() -> Any:
    import constriction  # by whom it is not needed, it is not loaded

    return constriction
