"""A VQ-VAE and a Gated PixelCNN over its codes: together a model of images.

The prior of van den Oord et al. 2017 (arXiv:1711.00937), section 3.3: codes are drawn one by one,
and the decoder makes an image of them at once. B batch, H rows, W columns, C channels; h by w codes
of K.
"""

from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError
from pcnnlib.models.base import AutoregressiveModel
from pcnnlib.models.gated import GatedPixelCNN
from pcnnlib.models.vqvae import VectorQuantizedAutoencoder
from pcnnlib.nn.conditions import Condition

_register = keras.saving.register_keras_serializable("pcnnlib")


@_register
class LatentPrior(AutoregressiveModel):
    """A VQ-VAE and its prior: `pcnnlib.train` trains one after the other, `sample` draws images.

    Its likelihood is a bound: an image has at least the probability that it is drawn from its own
    codes, `p(codes) p(image | codes)`; other codes could give it too.

    Args:
        autoencoder: `VectorQuantizedAutoencoder`.
        filters, blocks: of the prior, a `GatedPixelCNN` over codes, which it reads as learned
            vectors.
        condition: None, `Labels(n)` or `Vector(dim)`: what the codes are conditioned on.
        prior: further arguments of the prior, such as `dropout` or `embedding_size`.

    Attributes:
        prior: `GatedPixelCNN` of the images `autoencoder.code_shape`, `autoencoder.codes` levels.

    Raises:
        UsageError: an argument out of range.
    """

    def __init__(
        self,
        autoencoder: VectorQuantizedAutoencoder,
        filters: int = 64,
        blocks: int = 8,
        *,
        condition: Condition | None = None,
        dtype: Any = None,
        name: str | None = None,
        trainable: bool = True,
        **prior: Any,
    ) -> None:
        if not isinstance(autoencoder, VectorQuantizedAutoencoder):
            raise UsageError(
                "autoencoder must be a VectorQuantizedAutoencoder, "
                f"got {type(autoencoder).__name__}"
            )
        if prior.pop("orders", 1) != 1:
            raise UsageError("orders must be 1: the codes are drawn in raster order alone")
        super().__init__(
            autoencoder.image_shape,
            autoencoder.levels,
            autoencoder.distribution,
            dtype=dtype or autoencoder.dtype_policy,
            name=name,
            trainable=trainable,
        )
        self.autoencoder = autoencoder
        self.prior = GatedPixelCNN(
            autoencoder.code_shape,
            autoencoder.codes,
            filters,
            blocks,
            condition=condition,
            inputs="embedding",
            distribution="categorical",
            name="prior",
            dtype=self.dtype_policy,
            **prior,
        )
        self.condition = condition
        self.built = True

    def outputs_of(self, scaled: Any, condition: Any, training: bool) -> Any:
        return self.autoencoder.outputs_of(scaled, None, training)

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """It is trained in two stages, which `pcnnlib.train` does."""
        raise UsageError(
            "a LatentPrior is trained in two stages: call pcnnlib.train(model, data, config)"
        )

    train_on_batch = fit

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """A loss of Keras would be that of the pixels alone."""
        raise UsageError(
            "a LatentPrior has a bound in two parts and no loss of its own: call "
            "pcnnlib.evaluate(model, split)"
        )

    test_on_batch = evaluate

    def encode(self, images: ArrayLike, batch_size: int = 100) -> np.ndarray:
        """Codes of images, see `VectorQuantizedAutoencoder.encode`."""
        return self.autoencoder.encode(images, batch_size)

    def decode(self, codes: ArrayLike, **options: Any) -> np.ndarray:
        """Images of codes, see `VectorQuantizedAutoencoder.decode`."""
        return self.autoencoder.decode(codes, **options)

    def log_likelihood(
        self, images: ArrayLike, condition: Any = None, batch_size: int = 100, order: Any = 0
    ) -> np.ndarray:
        """A lower bound of the log-probability of each image, nats, float64 `(B,)`.

        The sum of both parts that `log_likelihoods` gives.
        """
        if not isinstance(order, int) or order != 0:
            raise UsageError(f"order must be 0, got {order!r}: the codes are in raster order alone")
        codes, pixels = self.log_likelihoods(images, condition, batch_size)
        return codes + pixels

    def log_likelihoods(
        self, images: ArrayLike, condition: Any = None, batch_size: int = 100
    ) -> tuple[np.ndarray, np.ndarray]:
        """Log-probability of each image's codes, and of its pixels given them.

        Args:
            images: integer levels `(B, H, W, C)`.
            condition: one row for each image, for a conditional model.
            batch_size: images at once.

        Returns:
            Two float64 arrays `(B,)`, nats.

        Raises:
            UsageError: images or a condition that do not fit the model.
        """
        images = self.check_images(images)
        codes = self.encode(images, batch_size)
        return (
            self.prior.log_likelihood(codes, condition, batch_size),
            self.autoencoder.log_likelihood(images, None, batch_size),
        )

    def sample(
        self,
        n: int,
        condition: Any = None,
        *,
        seed: int | None = None,
        temperature: float = 1.0,
        guidance: float = 1.0,
        draw: bool = False,
        return_codes: bool = False,
        **options: Any,
    ) -> Any:
        """Draw codes from the prior, and make images of them.

        Args:
            n: number of images, at least 1.
            condition: one row per image, for a conditional model.
            seed: int >= 0, or None for fresh randomness.
            temperature: of the codes, > 0.
            guidance: how much the label counts, see `pcnnlib.sampling.sample`.
            draw: whether pixels are drawn too; else each is its mean, given the codes.
            return_codes: whether to return the codes as well.
            options: `method` and `progress` of `pcnnlib.sampling.sample`.

        Returns:
            `(n, H, W, C)`, integer levels; with `return_codes` also `(n, h, w, 1)`.

        Raises:
            UsageError: an argument out of range, or one for pixels, of which none is kept here.
        """
        for name in options.keys() - {"method", "progress"}:
            if name != "order" or options[name] not in (None, 0):
                raise UsageError(
                    f"{name} must be left out: a LatentPrior draws codes, and all pixels at once"
                )
        options.pop("order", None)
        codes = self.prior.sample(
            n, condition, seed=seed, temperature=temperature, guidance=guidance, **options
        )
        images = self.decode(codes, draw=draw, seed=seed)
        return (images, codes) if return_codes else images

    def get_config(self) -> dict:
        prior = self.prior.get_config()
        own = keras.Model.get_config(self)
        # The rest follows from the autoencoder.
        for name in ("image_shape", "levels", "distribution", "inputs", *own):
            prior.pop(name, None)
        return {
            **own,
            "autoencoder": keras.saving.serialize_keras_object(self.autoencoder),
            **prior,
        }

    def _config_as(self, dtype):
        return {**super()._config_as(dtype), "autoencoder": self.autoencoder.as_dtype(dtype)}

    @classmethod
    def constructor_arguments(cls, config: dict) -> dict:
        arguments = super().constructor_arguments(config)
        if isinstance(arguments.get("autoencoder"), dict):
            arguments["autoencoder"] = keras.saving.deserialize_keras_object(
                arguments["autoencoder"]
            )
        return arguments
