"""Gated PixelCNNs: images generated pixel by pixel, each conditioned on the ones before it.

Follows van den Oord et al. 2016, *Conditional Image Generation with PixelCNN Decoders*
(arXiv:1606.05328). Written in Keras 3; TensorFlow is the default backend, JAX is tested too.

>>> import pcnnlib as pcnn
>>> data = pcnn.load_dataset("digits")
>>> model = pcnn.GatedPixelCNN(data.image_shape, levels=data.levels, filters=32, blocks=5)

Each folder answers a question, and imports only those above it: `data`, `nn`, `sampling`, `models`,
`codec`, `analysis`, `training`, `runs`, `viz`, `cli`. Words such as nats, levels, logits and link
are explained in the book, under *Notation*.
"""

from pcnnlib._internal.errors import UsageError
from pcnnlib.analysis import (
    CausalityReport,
    Likelihood,
    check_causality,
    evaluate,
    receptive_field,
)
from pcnnlib.codec import compress, decompress
from pcnnlib.data import Dataset, Split, load_dataset
from pcnnlib.models import (
    DeconvolutionalAutoencoder,
    GatedPixelCNN,
    LatentPrior,
    PixelCNN,
    PixelCNNAutoencoder,
    PixelTransformer,
    VectorQuantizedAutoencoder,
)
from pcnnlib.nn.conditions import Labels, Map, Vector
from pcnnlib.nn.distributions import Bernoulli, Categorical, LogisticMixture
from pcnnlib.runs import load_pretrained
from pcnnlib.training import RunConfig, TrainConfig, load_model, train
from pcnnlib.viz.live import export_html, live

__version__ = "0.2.0"

__all__ = [
    "Bernoulli",
    "Categorical",
    "CausalityReport",
    "Dataset",
    "DeconvolutionalAutoencoder",
    "GatedPixelCNN",
    "Labels",
    "LatentPrior",
    "Likelihood",
    "LogisticMixture",
    "Map",
    "PixelCNN",
    "PixelCNNAutoencoder",
    "PixelTransformer",
    "RunConfig",
    "Split",
    "TrainConfig",
    "UsageError",
    "Vector",
    "VectorQuantizedAutoencoder",
    "check_causality",
    "compress",
    "decompress",
    "evaluate",
    "export_html",
    "live",
    "load_dataset",
    "load_model",
    "load_pretrained",
    "receptive_field",
    "train",
]
