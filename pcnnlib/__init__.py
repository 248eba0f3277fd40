"""Gated PixelCNNs: images generated pixel by pixel, each conditioned on the ones before it.

Follows van den Oord et al. 2016, *Conditional Image Generation with PixelCNN Decoders*
(arXiv:1606.05328). Written in Keras 3; TensorFlow is the default backend, JAX is tested too.

>>> import pcnnlib as pcnn
>>> data = pcnn.load_dataset("digits")
>>> model = pcnn.GatedPixelCNN(data.image_shape, levels=data.levels, filters=32, blocks=5)
"""

from pcnnlib.startup import keep_freed_memory, without_chatter

with without_chatter():
    keep_freed_memory()
    import keras  # noqa: F401

from pcnnlib.analysis import (
    CausalityReport,
    Likelihood,
    check_causality,
    evaluate,
    receptive_field,
)
from pcnnlib.autoencoders import DeconvolutionalAutoencoder, PixelCNNAutoencoder
from pcnnlib.conditions import Labels, Map, Vector
from pcnnlib.data import Dataset, Split, load_dataset
from pcnnlib.errors import UsageError
from pcnnlib.models import GatedPixelCNN, PixelCNN
from pcnnlib.results import load_pretrained
from pcnnlib.training import RunConfig, build_model, load_model, train

__version__ = "0.1.0"

__all__ = [
    "CausalityReport",
    "Dataset",
    "DeconvolutionalAutoencoder",
    "GatedPixelCNN",
    "Labels",
    "Likelihood",
    "Map",
    "PixelCNN",
    "PixelCNNAutoencoder",
    "RunConfig",
    "Split",
    "UsageError",
    "Vector",
    "build_model",
    "check_causality",
    "evaluate",
    "load_dataset",
    "load_model",
    "load_pretrained",
    "receptive_field",
    "train",
]
