"""What was published? Runs with their records, weights and provenance, and others' figures."""

from pcnnlib.runs.card import CARD, FIGURE, licences, model_card, write_card
from pcnnlib.runs.literature import compare, read_literature
from pcnnlib.runs.pretrained import load_pretrained, read_examples
from pcnnlib.runs.provenance import hardware, is_hardware, provenance
from pcnnlib.runs.publish import (
    class_labels,
    describe_data,
    example_images,
    examples,
    file_checksum,
    speed,
    values_checksum,
    write_run,
)
from pcnnlib.runs.registry import (
    EXAMPLES,
    RUN,
    WEIGHTS,
    list_runs,
    read_run,
    read_run_dir,
    read_runs,
    runs_dir,
)

__all__ = [
    "CARD",
    "EXAMPLES",
    "FIGURE",
    "RUN",
    "WEIGHTS",
    "class_labels",
    "compare",
    "describe_data",
    "example_images",
    "examples",
    "file_checksum",
    "hardware",
    "is_hardware",
    "licences",
    "list_runs",
    "load_pretrained",
    "model_card",
    "provenance",
    "read_examples",
    "read_literature",
    "read_run",
    "read_run_dir",
    "read_runs",
    "runs_dir",
    "speed",
    "values_checksum",
    "write_card",
    "write_run",
]
