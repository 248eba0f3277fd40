"""Damaged, foreign and hostile files: one line, no large room, and never a wrong image."""

import dataclasses
import json
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from support import gated, random_images

import pcnnlib as pcnn
from pcnnlib import UsageError, codec
from pcnnlib.codec.container import HEADER, START

MUTATIONS = 600
SIGNED = 60  # of which the checksums are made good again: the network is run on some


@pytest.fixture(scope="module")
def small():
    return gated((4, 4, 1), levels=2, condition=pcnn.Labels(3))


@pytest.fixture(scope="module")
def images():
    return random_images(12, (4, 4, 1), 2)


@pytest.fixture(scope="module")
def data(small, images):
    return pcnn.compress(small, images, np.arange(12) % 3, verify=False)


def outcome(model, data):
    """The images, or None after an error in one line."""
    try:
        return pcnn.decompress(model, data)
    except UsageError as error:
        assert "\n" not in str(error) and str(error).isprintable()
        return None


def mutated(data, rng):
    """A file with a fault of a random kind."""
    data, kind = bytearray(data), rng.integers(5)
    at = int(rng.integers(len(data)))
    if kind == 0:
        data[at] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del data[at:]
    elif kind == 2:
        del data[at : at + int(rng.integers(1, 9))]
    elif kind == 3:
        data[at:at] = rng.bytes(int(rng.integers(1, 9)))
    else:
        data[at : at + 8] = rng.choice([b"\xff", b"\0", b"\x7f"]) * 8
    return bytes(data)


def signed(data):
    """The file with the lengths and checksums of what it holds, as far as it has a header."""
    magic, version, header_size, _, _, _ = START.unpack_from(data)
    header, body = data[START.size :][:header_size], data[START.size + header_size :]
    checks = len(header), zlib.crc32(header), len(body), zlib.crc32(body)
    return START.pack(magic, version, *checks) + header + body


@pytest.mark.robustness
def test_no_mutation_gives_a_wrong_image(small, images, data):
    assert np.array_equal(outcome(small, data), images)
    rng = np.random.default_rng(0)
    refused = 0
    tracemalloc.start()
    for _ in range(MUTATIONS):
        found = outcome(small, mutated(data, rng))
        refused += found is None
        assert found is None or np.array_equal(found, images)
    assert refused > 0.98 * MUTATIONS
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


@pytest.mark.robustness
def test_nor_does_one_whose_checksums_were_made_good(small, images, data):
    rng = np.random.default_rng(1)
    start = START.size
    for _ in range(SIGNED):
        changed = bytearray(data)
        at = int(rng.integers(start, len(data)))
        changed[at] ^= 1 << int(rng.integers(8))
        found = outcome(small, signed(bytes(changed)))
        assert found is None or np.array_equal(found, images)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 2**60}, "half of this machine's"),
        ({"count": 2**64 - 1}, "half of this machine's"),
        ({"count": 10**6}, "its header is too short for 1,000,000 images"),
        ({"count": 0}, "it says that it holds 0 images"),
        ({"count": 11}, "12 in a batch"),
        ({"image_shape": (2**32 - 1,) * 3}, "it says that it holds images of"),
        ({"image_shape": (16_384, 16_384, 16_384)}, "half of this machine's"),
        ({"image_shape": (0, 4, 1)}, "it says that it holds images of"),
        ({"image_shape": (1, 4, 4)}, "the model is for"),
        ({"levels": 1}, "and 1 levels"),
        ({"levels": 2**31}, "levels"),
        ({"batch_size": 0}, "0 in a batch"),
        ({"batch_size": 2**32 - 1}, "4,294,967,295 in a batch"),
        ({"condition": b""}, "cannot be 12 integers 0..2"),
        ({"condition": b"\0\x07\0\0\0"}, "cannot be 12 integers 0..2"),
        ({"orders": b"\0\x01\0\0\0"}, "cannot be 12 integers 0..0"),
        ({"payload": b"abc"}, "3 bytes cannot hold"),
        ({"environment": {"keras": 3}}, "does not say what it was made with"),
        ({"environment": {"keras": "3" * 5000}}, "does not say what it was made with"),
    ],
)
def test_a_hostile_file_is_refused_without_large_room(small, data, change, message):
    hostile = dataclasses.replace(codec.parse(data), **change).pack()
    tracemalloc.start()
    with pytest.raises(UsageError, match=message) as caught:
        pcnn.decompress(small, hostile)
    assert tracemalloc.get_traced_memory()[1] < 2e6
    tracemalloc.stop()
    assert "\n" not in str(caught.value)


def test_a_few_bytes_cannot_promise_millions_of_images(data):
    """Though the header has a checksum for each batch of them."""
    file = dataclasses.replace(
        codec.parse(data),
        image_shape=(64, 64, 1),
        count=1_000_000,
        batch_size=256,
        batch_checksums=(0,) * 3_907,
    )
    with pytest.raises(UsageError, match=r"cannot hold 1,000,000 images|half of this machine's"):
        codec.parse(file.pack())


@pytest.mark.parametrize("environment", [b"[" * 4000, b"[]", b"\xff\xfe", b"", b"NaN"])
def test_an_environment_that_is_none_is_refused(data, environment):
    file = codec.parse(data)
    end = START.unpack_from(data)[2]
    kept = HEADER.size + 4 * len(file.batch_checksums)
    header = data[START.size :][:kept] + environment
    body = data[START.size + end :]
    checks = len(header), zlib.crc32(header), len(body), zlib.crc32(body)
    with pytest.raises(UsageError, match="does not say what it was made with"):
        codec.parse(START.pack(b"PCNN", 1, *checks) + header + body)


def test_parts_longer_than_the_whole_are_refused(data):
    header = bytearray(data[START.size :])
    struct.pack_into("<Q", header, struct.calcsize("<IIIIQI"), 2**63)
    with pytest.raises(UsageError, match="its parts are longer than the whole"):
        codec.parse(signed(data[: START.size] + bytes(header)))


def test_a_condition_of_numbers_must_be_finite_and_of_the_right_size():
    model = gated((3, 3, 1), levels=2, condition=pcnn.Vector(2))
    images = random_images(3, (3, 3, 1), 2)
    file = codec.parse(pcnn.compress(model, images, np.ones((3, 2)), verify=False))
    for condition, message in ((b"\0" * 20, "20 bytes"), (b"\xff" * 24, "NaN or infinity")):
        with pytest.raises(UsageError, match=message):
            pcnn.decompress(model, dataclasses.replace(file, condition=condition).pack())


def test_a_file_says_what_it_was_made_with(data):
    found = codec.parse(data).environment
    assert found == codec.environment()
    assert {"backend", "keras", "numpy", "constriction", "pcnnlib", "machine"} <= set(found)
    assert json.dumps(found, separators=(",", ":")).encode() in data
