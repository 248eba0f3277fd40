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
from pcnnlib.models.latent_prior import LatentPrior
from pcnnlib.models.pixelcnn import PixelCNN
from pcnnlib.models.transformer import PixelTransformer
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
    "PixelTransformer",
    "VectorQuantizedAutoencoder",
    "architecture",
    "best_smoothing",
]
