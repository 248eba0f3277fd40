"""Where do images come from? Data sets, their splits, batches and files."""

from pcnnlib.data.batches import Batches, CountEpochs
from pcnnlib.data.dataset import Dataset, Split, binarise
from pcnnlib.data.files import read_images, read_npz
from pcnnlib.data.sources import SOURCES, load_dataset, short_name

__all__ = [
    "SOURCES",
    "Batches",
    "CountEpochs",
    "Dataset",
    "Split",
    "binarise",
    "load_dataset",
    "read_images",
    "read_npz",
    "short_name",
]
