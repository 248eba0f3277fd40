"""How many bytes is it? Images as files as short as a model's likelihood promises, and back."""

from pcnnlib.codec.coder import (
    BITS,
    Decoder,
    Encoder,
    integer_probabilities,
    least_bits,
    longest_loss,
)
from pcnnlib.codec.container import Container, parse
from pcnnlib.codec.images import batch_size, compress, decompress, environment, fingerprint

__all__ = [
    "BITS",
    "Container",
    "Decoder",
    "Encoder",
    "batch_size",
    "compress",
    "decompress",
    "environment",
    "fingerprint",
    "integer_probabilities",
    "least_bits",
    "longest_loss",
    "parse",
]
