"""The file around compressed images: what it says of itself, and reading it without trust.

In this order, with the number of bytes:

- 4 and 1: `PCNN`, and the version of the format;
- 4 and 4: length of the header, and its CRC-32;
- 8 and 4: length of what follows the header, and its CRC-32;
- the header: see `HEADER`; the CRC-32 of each batch of images; the environment, JSON;
- the orders, the condition, the images.

All numbers are little-endian. Nothing is computed from a number in a file, and no room made by one,
before it has been held against the bytes that are there.
"""

import dataclasses
import json
import math
import struct
import zlib
from typing import Any

import numpy as np

from pcnnlib._internal.devices import memory
from pcnnlib._internal.errors import LARGEST, UsageError
from pcnnlib._internal.levels import MOST_LEVELS, level_dtype
from pcnnlib.codec.coder import least_bits

MAGIC = b"PCNN"
VERSION = 1
START = struct.Struct("<4sBIIQI")
# Image shape, levels, count, images in a batch, lengths of orders and condition, fingerprint of the
# weights, SHA-256 of all levels.
HEADER = struct.Struct("<IIIIQIQQ32s32s")
# A batch of a file is no larger than a batch that is drawn.
LARGEST_BATCH = 256
LONGEST_ENVIRONMENT = 4096


@dataclasses.dataclass(frozen=True)
class Container:
    """A compressed file, taken apart.

    Attributes:
        image_shape, levels, count: of the images.
        batch_size: images that the network was run on at once: others would round otherwise.
        fingerprint: of the model's weights.
        checksum: SHA-256 of the images' levels.
        batch_checksums: CRC-32 of those of each batch.
        environment: what the file was made with.
        orders, condition, payload: packed; `payload` holds the images.
    """

    image_shape: tuple[int, int, int]
    levels: int
    count: int
    batch_size: int
    fingerprint: bytes
    checksum: bytes
    batch_checksums: tuple[int, ...]
    environment: dict[str, str]
    orders: bytes
    condition: bytes
    payload: bytes

    @property
    def header_bytes(self) -> int:
        """Bytes of the file that hold neither condition nor images."""
        return len(self.pack()) - len(self.condition) - len(self.payload)

    @property
    def bits_per_dim(self) -> float:
        """Bits of the images alone, per pixel and channel."""
        return 8 * len(self.payload) / (self.count * math.prod(self.image_shape))

    def pack(self) -> bytes:
        """The file."""
        sizes = len(self.orders), len(self.condition)
        header = HEADER.pack(
            *self.image_shape,
            self.levels,
            self.count,
            self.batch_size,
            *sizes,
            self.fingerprint,
            self.checksum,
        )
        header += struct.pack(f"<{len(self.batch_checksums)}I", *self.batch_checksums)
        header += json.dumps(self.environment, separators=(",", ":")).encode()
        body = self.orders + self.condition + self.payload
        checks = len(header), zlib.crc32(header), len(body), zlib.crc32(body)
        return START.pack(MAGIC, VERSION, *checks) + header + body


def parse(data: Any) -> Container:
    """A compressed file, taken apart and held against itself; no network is run.

    Args:
        data: bytes of `pcnnlib.compress`.

    Raises:
        UsageError: no such bytes, damaged ones, of a later version, or sizes that cannot be.
    """
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise UsageError(f"data must be the bytes of a compressed file, got {type(data).__name__}")
    data = bytes(data)
    if data[:4] != MAGIC:
        raise UsageError(f"data must begin with {MAGIC!r}, as our files do, got {data[:4]!r}")
    if len(data) < START.size:
        raise _damaged(f"it ends after {len(data)} bytes")
    _, version, header_size, header_crc, body_size, body_crc = START.unpack_from(data)
    if version != VERSION:
        raise UsageError(f"data is of format version {version}, known is {VERSION}")
    if len(data) != START.size + header_size + body_size:
        wanted = START.size + header_size + body_size
        raise _damaged(f"it says that it has {wanted:,} bytes, and has {len(data):,}")
    header, body = data[START.size :][:header_size], data[START.size + header_size :]
    if zlib.crc32(header) != header_crc or zlib.crc32(body) != body_crc:
        raise _damaged("its checksum is another")
    if len(header) < HEADER.size:
        raise _damaged("its header is too short")
    *shape, levels, count, batch_size, orders, condition, fingerprint, checksum = (
        HEADER.unpack_from(header)
    )
    _check_sizes(shape, levels, count, batch_size)
    batches, rest = -(-count // batch_size), header[HEADER.size :]
    if 4 * batches > len(rest):
        raise _damaged(f"its header is too short for {count:,} images")
    if orders + condition > len(body):
        raise _damaged("its parts are longer than the whole")
    payload = body[orders + condition :]
    # Even a value that is as good as certain takes some bits.
    least = count * math.prod(shape) * least_bits(levels)
    if len(payload) % 4 or least > 8 * len(payload) + 64:
        raise _damaged(f"{len(payload):,} bytes cannot hold {count:,} images")
    return Container(
        (shape[0], shape[1], shape[2]),
        levels,
        count,
        batch_size,
        fingerprint,
        checksum,
        struct.unpack_from(f"<{batches}I", rest),
        _environment(rest[4 * batches :]),
        body[:orders],
        body[orders : orders + condition],
        payload,
    )


def _check_sizes(shape, levels, count, batch_size):
    """Raise `UsageError` for sizes that no file of this library has."""
    if (
        not all(1 <= side <= LARGEST["image side"] for side in shape)
        or not 2 <= levels <= MOST_LEVELS
    ):
        raise _damaged(f"it says that it holds images of {tuple(shape)} and {levels} levels")
    if not 1 <= batch_size <= min(count, LARGEST_BATCH):
        raise _damaged(f"it says that it holds {count:,} images, {batch_size:,} in a batch")
    room = count * math.prod(shape) * np.dtype(level_dtype(levels)).itemsize
    if room > memory() // 2:
        raise UsageError(
            f"data holds {count:,} images, which need {room / 1e9:,.1f} GB: more than half of this "
            f"machine's {memory() / 1e9:,.1f} GB of memory"
        )


def _environment(data):
    """What the file was made with, texts by name."""
    try:
        found = json.loads(data) if len(data) <= LONGEST_ENVIRONMENT else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
        raise _damaged("its header does not say what it was made with")
    return found


def _damaged(reason):
    return UsageError(f"data is damaged: {reason}")
