"""Integer probabilities, and the coder that they drive."""

import math

import numpy as np
import pytest

from pcnnlib import UsageError
from pcnnlib.codec import BITS, Decoder, Encoder, integer_probabilities, least_bits, longest_loss
from pcnnlib.codec.coder import pack_integers, unpack_integers
from pcnnlib.codec.images import batch_size

TOTAL = 2**BITS


def distributions(levels, n=200, seed=0):
    """Flat ones, peaked ones, and some that are as good as certain."""
    rng = np.random.default_rng(seed)
    values = rng.random((n, levels)) ** rng.integers(1, 40, (n, 1))
    values[::10] = 0.0
    values[::10, levels // 2] = 1.0
    values[1::10, 0] = 0.0
    return (values / values.sum(axis=1, keepdims=True)).astype("float32")


@pytest.mark.parametrize("levels", [2, 17, 256, 65_536])
def test_counts_sum_up_and_every_level_has_one(levels):
    counts = integer_probabilities(distributions(levels, n=40))
    assert (counts.sum(axis=1) == TOTAL).all() and counts.min() >= 1
    assert counts.max() <= TOTAL - levels + 1  # none is certain


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_rounding_costs_no_more_than_is_stated(levels):
    """And the bound is no idle one: a likely level comes close to it."""
    true = distributions(levels).astype("float64")
    true /= true.sum(axis=1, keepdims=True)
    counts = integer_probabilities(true)
    possible = true > 0
    loss = np.log2(true[possible]) - np.log2(counts[possible] / TOTAL)
    assert loss.max() <= longest_loss(levels) + 1e-12
    assert {2: 1.8e-7, 17: 1.5e-6, 256: 2.3e-5}[levels] > longest_loss(levels)
    assert (-np.log2(counts / TOTAL)).max() <= BITS


def test_probabilities_need_not_sum_to_one():
    table = distributions(5)
    assert np.array_equal(integer_probabilities(table), integer_probabilities(table * 8))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -0.5])
def test_what_is_no_probability_is_refused(wrong):
    table = np.full((3, 4), 0.25)
    table[1, 2] = wrong
    with pytest.raises(UsageError, match="NaN or infinity"):
        integer_probabilities(table)
    with pytest.raises(UsageError):
        integer_probabilities(np.zeros((1, 4)))
    for value, message in ((None, r"\(N, K\), got shape \(\)"), ([[1], [1, 2]], "an array of num")):
        with pytest.raises(UsageError, match=f"probabilities must be {message}"):
            integer_probabilities(value)
    with pytest.raises(UsageError, match="n must be an integer >= 1, got 0"):
        batch_size(0)


def reference_bytes(values, counts):
    """A range coder with carries, in Python's integers, written from its definition."""
    low, width, words = 0, 2**64 - 1, []
    for value, row in zip(values, counts.tolist(), strict=True):
        unit = width >> BITS
        low += unit * sum(row[:value])
        width = unit * row[value]
        while width < 2**32:
            words.append(low >> 32)
            low, width = (low & (2**32 - 1)) << 32, width << 32
    return words, low, width


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_the_coder_uses_these_very_counts(levels):
    """The number that the file is lies within the interval that exact integers give."""
    rng = np.random.default_rng(1)
    counts = integer_probabilities(distributions(levels, n=300, seed=1))
    values = np.array([rng.choice(levels, p=row / TOTAL) for row in counts], "int32")
    encoder = Encoder()
    encoder.put(values, counts)
    words, low, width = reference_bytes(values, counts)
    exact = low  # of all words together, carries included
    for k, word in enumerate(reversed(words)):
        exact += word << (64 + 32 * k)
    data = np.frombuffer(encoder.bytes(), "<u4")
    written = sum(int(word) << (32 * (len(words) + 1 - k)) for k, word in enumerate(data))
    assert exact <= written < exact + width
    assert np.array_equal(Decoder(encoder.bytes()).get(counts), values)


@pytest.mark.parametrize("levels", [2, 256])
def test_a_stream_is_as_long_as_its_information(levels):
    rng = np.random.default_rng(2)
    counts = integer_probabilities(distributions(levels, n=2000))
    values = rng.integers(0, levels, len(counts))
    encoder = Encoder()
    for first in range(0, len(counts), 100):
        encoder.put(values[first : first + 100], counts[first : first + 100])
    bits = -np.log2(counts[np.arange(len(counts)), values] / TOTAL).sum()
    assert 0 <= 8 * len(encoder.bytes()) - bits <= 64
    decoder = Decoder(encoder.bytes())
    parts = [decoder.get(counts[first : first + 250]) for first in range(0, len(counts), 250)]
    assert np.array_equal(np.concatenate(parts), values)


def test_no_value_takes_less_than_the_least():
    """Which bounds how many images a file of some bytes can hold."""
    counts = integer_probabilities(np.tile([[1.0, 0.0]], (1000, 1)))
    encoder = Encoder()
    for _ in range(1000):
        encoder.put(np.zeros(1000, int), counts)
    assert 8 * len(encoder.bytes()) + 64 >= 1e6 * least_bits(2) > 0


@pytest.mark.parametrize("n", [1, 2, 10, 1000, 2**20])
def test_integers_take_their_logarithm(n):
    values = np.random.default_rng(0).integers(0, n, 500)
    data = pack_integers(values, n)
    assert np.array_equal(unpack_integers(data, n, 500), values)
    assert 8 * len(data) <= 500 * math.log2(n) + 80
    assert len(pack_integers(np.full(500, n - 1), n)) == 5


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\1", b"\1abc", b"\2" + bytes(8), b"\0\0\0\0\x7f", b"\1" + bytes(400)]
)
def test_bytes_that_are_no_such_integers_are_refused(data):
    with pytest.raises(UsageError, match="data is damaged"):
        unpack_integers(data, 10, 10**9)
