"""Autoencoders: a convolutional encoder, and a decoder that draws pixel by pixel or all at once.

`PixelCNNAutoencoder` follows van den Oord et al. 2016 (arXiv:1606.05328), section 2.4: the
decoder is a Gated PixelCNN conditioned on the code, trained end to end with the encoder, which
follows Masci et al. 2011. `DeconvolutionalAutoencoder` has the same encoder and predicts every
pixel from the code alone; its loss is the same likelihood, with independent pixels.

B batch, H rows, W columns, C channels, S code size.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import (
    UsageError,
    check_bool,
    check_int,
    check_seed,
    check_size,
    check_temperature,
    check_weights_finite,
    is_integer,
)
from pcnnlib._internal.levels import as_levels
from pcnnlib.models.base import AutoregressiveModel
from pcnnlib.models.encoder import Encoder
from pcnnlib.models.gated import GatedPixelCNN
from pcnnlib.nn import biases
from pcnnlib.nn.conditions import Vector
from pcnnlib.nn.distributions import Distribution, drawn_levels

_register = keras.saving.register_keras_serializable("pcnnlib")


class Autoencoder(AutoregressiveModel):
    """What both autoencoders share: the encoder, codes and their checks."""

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        code_size: int,
        encoder_filters: Sequence[int],
        distribution: Distribution | str | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, distribution, **kwargs)
        self.code_size = check_size("code_size", code_size, "features")
        self.encoder = Encoder(code_size, encoder_filters, name="encoder", dtype=self.dtype_policy)
        self.encoder.build((None, *self.image_shape))

    def encode(self, images: ArrayLike, batch_size: int = 100) -> np.ndarray:
        """Codes of images.

        Args:
            images: integer levels `(B, H, W, C)`.
            batch_size: images encoded at once.

        Returns:
            float32 `(B, S)`.

        Raises:
            UsageError: images that do not fit the model.
        """
        images = self.check_images(images)
        batches = [
            ops.convert_to_numpy(self.encoder(self.scale(images[k : k + batch_size])))
            for k in range(0, len(images), check_int("batch_size", batch_size, 1))
        ]
        return np.concatenate([np.zeros((0, self.code_size)), *batches]).astype("float32")

    def check_codes(self, codes: ArrayLike) -> np.ndarray:
        """Return codes as float32 `(B, S)`, or raise `UsageError`."""
        try:
            return Vector(self.code_size).check(codes)
        except UsageError as error:
            raise UsageError(str(error).replace("condition", "codes", 1)) from error

    def sample(self, n: int, condition: Any = None, **kwargs: Any) -> np.ndarray:
        """An autoencoder has no distribution over codes: draw from codes with `decode`."""
        raise UsageError("an autoencoder draws from codes: call decode(codes), not sample(n)")

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "code_size": self.code_size,
            "encoder_filters": self.encoder.filters,
        }


@_register
class PixelCNNAutoencoder(Autoencoder):
    """An encoder whose code conditions a Gated PixelCNN, trained together.

    Its likelihood is that of an image given its own code: not a likelihood of the image, and not to
    be compared with that of a model without a code.

    Args:
        image_shape: `(H, W, C)`.
        levels: K, values a pixel can take.
        code_size: S, numbers in a code.
        filters, blocks: of the decoder.
        encoder_filters: features of the encoder's three convolutions.
        distribution: as for `GatedPixelCNN`.
        decoder: further arguments of `GatedPixelCNN` for the decoder, such as `dilations`.

    Attributes:
        decoder: `GatedPixelCNN` with `condition=Vector(code_size)`.

    Raises:
        UsageError: an argument out of range.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int = 2,
        code_size: int = 10,
        filters: int = 32,
        blocks: int = 5,
        *,
        encoder_filters: Sequence[int] = (100, 150, 200),
        distribution: Distribution | str | None = None,
        dtype: Any = None,
        name: str | None = None,
        trainable: bool = True,
        **decoder: Any,
    ) -> None:
        super().__init__(
            image_shape,
            levels,
            code_size,
            encoder_filters,
            distribution,
            dtype=dtype,
            name=name,
            trainable=trainable,
        )
        if "condition" in decoder:
            raise UsageError("condition cannot be chosen: the decoder is conditioned on the code")
        if not is_integer(decoder.pop("orders", 1), 1):
            raise UsageError("orders must be 1: an autoencoder draws in raster order alone")
        if decoder.pop("inputs", None) not in (None, "scaled") or "embedding_size" in decoder:
            raise UsageError('inputs must be "scaled": the encoder reads the same images as shades')
        self.decoder = GatedPixelCNN(
            image_shape,
            levels,
            filters,
            blocks,
            condition=Vector(code_size),
            distribution=distribution,
            inputs="scaled",
            name="decoder",
            dtype=self.dtype_policy,
            **decoder,
        )
        self.built = True

    def outputs_of(self, scaled: Any, condition: Any, training: bool) -> Any:
        code = self.encoder(scaled)
        return self.decoder.outputs_of(scaled, self.decoder.encode_condition(code), training)

    def decode(self, codes: ArrayLike, *, seed: int | None = None, **kwargs: Any) -> Any:
        """Draw one image for each code.

        Args:
            codes: floats `(n, S)`, as `encode` gives them.
            seed: int >= 0, or None for fresh randomness.
            kwargs: `temperature`, `image`, `keep` and the rest of `pcnnlib.sampling.sample`.

        Returns:
            `(n, H, W, C)`, uint8, or uint16 above 256 levels.

        Raises:
            UsageError: codes of another size, or an argument out of range.
        """
        codes = self.check_codes(codes)
        for name in ("n", "condition"):
            if name in kwargs:
                raise UsageError(f"{name} must be left out: it follows from the codes")
        if not len(codes):  # a sampler draws at least one
            none = as_levels(np.zeros((0, *self.image_shape), "int32"), self.levels)
            return (none, np.zeros(0)) if kwargs.get("return_log_likelihood") else none
        return self.decoder.sample(len(codes), codes, seed=seed, **kwargs)

    def get_config(self) -> dict:
        decoder = self.decoder.get_config()
        # The rest follows from the autoencoder's own arguments.
        fixed = ("name", "trainable", "dtype", "condition", "inputs", "embedding_size")
        for name in (*fixed, *super().get_config()):
            decoder.pop(name, None)
        return {**super().get_config(), **decoder}


@_register
class DeconvolutionalAutoencoder(Autoencoder):
    """The same encoder with a decoder that predicts every pixel from nothing but the code.

    Dense, then transposed convolutions that double the size twice, the usual pixelwise decoder.
    Given the code its pixels are independent, so its most faithful picture is the mean: blurred
    where the code leaves things open.

    Args:
        image_shape, levels, code_size, encoder_filters, distribution: as for
            `PixelCNNAutoencoder`.
        filters: features of the decoder's transposed convolutions; the first has twice as many.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int = 2,
        code_size: int = 10,
        filters: int = 64,
        *,
        encoder_filters: Sequence[int] = (100, 150, 200),
        distribution: Distribution | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, levels, code_size, encoder_filters, distribution, **kwargs)
        self.filters = check_size("filters", filters, "features")
        height, width, _ = self.image_shape
        # Doubled twice and cut to size, so that any image size will do.
        small = (-(-height // 4), -(-width // 4), 2 * filters)
        dtype: Any = {"dtype": self.dtype_policy}
        same: Any = {"padding": "same", "data_format": "channels_last", **dtype}
        self.decoder = keras.Sequential(
            [
                keras.Input((code_size,)),
                biases.Dense(int(np.prod(small)), activation="relu", **dtype),
                keras.layers.Reshape(small, **dtype),
                biases.Conv2DTranspose(filters, 5, strides=2, activation="relu", **same),
                biases.Conv2DTranspose(filters, 5, strides=2, activation="relu", **same),
                biases.Conv2D(self.distribution.size, 3, **same),
            ],
            name="decoder",
        )
        self.built = True

    def outputs_of(self, scaled: Any, condition: Any, training: bool) -> Any:
        return self._decoder_outputs(self.encoder(scaled))

    def _decoder_outputs(self, codes):
        height, width, _ = self.image_shape
        return self.decoder(codes)[:, :height, :width]

    def decode(
        self,
        codes: ArrayLike,
        *,
        seed: int | None = None,
        temperature: float = 1.0,
        progress: bool = False,
    ) -> np.ndarray:
        """Draw one image for each code; given the code every pixel is drawn on its own.

        Args:
            codes: floats `(n, S)`, as `encode` gives them.
            seed: int >= 0, or None for fresh randomness.
            temperature: > 0; below 1, likely values become likelier still.
            progress: changes nothing: all pixels are drawn at once.

        Returns:
            `(n, H, W, C)`, uint8, or uint16 above 256 levels.

        Raises:
            UsageError: codes of another size, or a seed or temperature out of range.
        """
        temperature = check_temperature(temperature)
        check_bool("progress", progress)
        check_weights_finite(self)
        codes = ops.convert_to_tensor(self.check_codes(codes))
        seed = check_seed(seed)
        shape = (codes.shape[0], *self.image_shape, self.distribution.noise_per_channel)
        noise = np.random.default_rng(seed).random(shape, "float32")
        parameters = self.distribution.parameters(self._decoder_outputs(codes))
        drawn = self.distribution.sample(parameters, ops.convert_to_tensor(noise), temperature)
        return drawn_levels(drawn, self.levels)

    def decode_mean(self, codes: ArrayLike) -> np.ndarray:
        """The mean image of each code.

        Args:
            codes: floats `(n, S)`.

        Returns:
            float32 `(n, H, W, C)`, expected levels.

        Raises:
            UsageError: codes of another size.
        """
        codes = ops.convert_to_tensor(self.check_codes(codes))
        parameters = self.distribution.parameters(self._decoder_outputs(codes))
        return ops.convert_to_numpy(self.distribution.mean(parameters))

    def get_config(self) -> dict:
        return {**super().get_config(), "filters": self.filters}
