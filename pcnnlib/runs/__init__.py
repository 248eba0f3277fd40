"""What was published? Runs with their records, weights and provenance, and others' figures."""

from pcnnlib.runs.literature import compare, read_literature
from pcnnlib.runs.pretrained import load_pretrained, read_examples
from pcnnlib.runs.provenance import hardware, provenance
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
    "EXAMPLES",
    "RUN",
    "WEIGHTS",
    "class_labels",
    "compare",
    "describe_data",
    "example_images",
    "examples",
    "file_checksum",
    "hardware",
    "list_runs",
    "load_pretrained",
    "provenance",
    "read_examples",
    "read_literature",
    "read_run",
    "read_run_dir",
    "read_runs",
    "runs_dir",
    "speed",
    "values_checksum",
    "write_run",
]
