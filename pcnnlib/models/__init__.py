"""What networks are there? Gated PixelCNN, PixelCNN, autoencoders and the simplest baselines."""

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
from pcnnlib.models.latent_prior import LatentPrior
from pcnnlib.models.pixelcnn import PixelCNN
from pcnnlib.models.vqvae import VectorQuantizedAutoencoder

__all__ = [
    "Autoencoder",
    "AutoregressiveModel",
    "DeconvolutionalAutoencoder",
    "Encoder",
    "GatedPixelCNN",
    "Histogram",
    "LatentPrior",
    "PixelCNN",
    "PixelCNNAutoencoder",
    "VectorQuantizedAutoencoder",
    "architecture",
    "best_smoothing",
]
