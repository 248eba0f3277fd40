"""What networks are there? Gated PixelCNN, PixelCNN, a transformer, autoencoders and baselines."""

from pcnnlib.models.architecture import architecture
from pcnnlib.models.autoencoders import (
    Autoencoder,
    DeconvolutionalAutoencoder,
    PixelCNNAutoencoder,
)
from pcnnlib.models.base import AutoregressiveModel
from pcnnlib.models.baselines import Histogram, best_smoothing
from pcnnlib.models.encoder import Encoder
from pcnnlib.models.gated import GatedPixelCNN
from pcnnlib.models.pixelcnn import PixelCNN
from pcnnlib.models.transformer import PixelTransformer

__all__ = [
    "Autoencoder",
    "AutoregressiveModel",
    "DeconvolutionalAutoencoder",
    "Encoder",
    "GatedPixelCNN",
    "Histogram",
    "PixelCNN",
    "PixelCNNAutoencoder",
    "PixelTransformer",
    "architecture",
    "best_smoothing",
]
