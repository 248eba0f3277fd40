"""An autoencoder whose code is a small grid of integers: the VQ-VAE.

Follows van den Oord et al. 2017 (arXiv:1711.00937): a convolutional encoder, a codebook, and a
decoder that predicts every pixel from the codes alone. Its pixels are independent given the codes,
each with a distribution of its own, so that together with a model of the codes it bounds an image's
likelihood. B batch, H rows, W columns, C channels; h by w codes, K of them, D numbers each.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from pcnnlib._internal import backend
from pcnnlib._internal.devices import scale_for_replicas
from pcnnlib._internal.errors import (
    UsageError,
    check_bool,
    check_int,
    check_number,
    check_size,
    check_weights,
    check_weights_finite,
)
from pcnnlib._internal.levels import as_levels
from pcnnlib.models.base import AutoregressiveModel
from pcnnlib.models.checks import Inputs
from pcnnlib.nn.distributions import Distribution, LogisticMixture, drawn_levels
from pcnnlib.nn.quantize import CodebookUse, VectorQuantizer

_register = keras.saving.register_keras_serializable("pcnnlib")
# Images up to this side are halved once, larger ones twice.
SMALL = 12


@_register
class VectorQuantizedAutoencoder(AutoregressiveModel):
    """A VQ-VAE: an image becomes h by w codes, each one of K, and the codes an image.

    Trained on nats per image, `-log p(image | codes)`, and `beta` times the squared distance of the
    encoder's vectors to their codes. It reports how the codebook is used: `perplexity` and
    `codes_used`, among the metrics of `fit`. To draw new images it needs a model of the codes: see
    `LatentPrior`.

    Args:
        image_shape: `(H, W, C)`; sides need not be multiples of anything.
        levels: values a pixel can take, 2..256.
        codes: K, vectors in the codebook, 2..65,536.
        code_size: D, numbers in each.
        filters: features of the convolutions, at least 2.
        residual_blocks: of the encoder, and of the decoder.
        downsample: pixels to a code in each direction: 1, 2, 4, 8 ..., by default 2 for images with
            a side up to 12, else 4. 28x28 pixels then have 7x7 codes, 32x32 have 8x8.
        beta: weight of the commitment loss.
        decay: of the codebook's moving averages.
        revive: share of the mean use below which a code is put elsewhere, see `VectorQuantizer`.
        distribution: of a pixel given the codes; by default one discretised logistic with a mean
            and a scale of its own, and Bernoulli for 2 levels.

    Attributes:
        code_shape: `(h, w, 1)`.

    Raises:
        UsageError: an argument out of range.
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int = 256,
        codes: int = 512,
        code_size: int = 16,
        *,
        filters: int = 64,
        residual_blocks: int = 2,
        downsample: int | None = None,
        beta: float = 0.25,
        decay: float = 0.99,
        revive: float = 0.03,
        distribution: Distribution | str | None = None,
        **kwargs: Any,
    ) -> None:
        if distribution is None and levels != 2:
            distribution = LogisticMixture(1)
        super().__init__(image_shape, levels, distribution, **kwargs)
        self.filters = check_size("filters", filters, "features", 2)
        self.residual_blocks = check_int("residual_blocks", residual_blocks, 0, 100)
        height, width, _ = self.image_shape
        if downsample is None:
            downsample = min(2 if min(height, width) <= SMALL else 4, _power(min(height, width)))
        self.downsample = check_int("downsample", downsample, 1)
        if self.downsample & (self.downsample - 1) or self.downsample > min(height, width):
            raise UsageError(
                "downsample must be a power of 2 and at most the smaller side, "
                f"{min(height, width)}, got {downsample}"
            )
        check_weights(
            {"filters": filters, "residual_blocks": residual_blocks},
            (16 * self.downsample.bit_length() + 10 * self.residual_blocks) * filters**2,
        )
        policy = {"dtype": self.dtype_policy}
        options: Any = {"beta": beta, "decay": decay, "revive": revive}
        self.quantizer = VectorQuantizer(codes, code_size, name="quantizer", **options)
        self.codes, self.code_size = self.quantizer.n_codes, self.quantizer.size
        self.code_shape = (-(-height // self.downsample), -(-width // self.downsample), 1)
        self.encoder = self._make_encoder(policy)
        self.decoder = self._make_decoder(policy)
        self.quantizer.build((None, *self.code_shape[:2], self.code_size))
        self.codebook_use = CodebookUse(self.codes)
        self.built = True

    def _make_encoder(self, policy):
        same = {"padding": "same", "data_format": "channels_last", **policy}
        features = inputs = keras.Input(self.image_shape, name="scaled")
        halvings = self.downsample.bit_length() - 1
        for i in range(halvings):
            filters = self.filters if i == halvings - 1 else self.filters // 2
            halve = keras.layers.Conv2D(
                filters, 4, strides=2, activation="relu", name=f"encoder_halve_{i}", **same
            )
            features = halve(features)
        first = keras.layers.Conv2D(self.filters, 3, name="encoder_convolution", **same)
        features = self._residual_stack("encoder", first(features), policy)
        vectors = keras.layers.Dense(self.code_size, name="encoder_code", **policy)(features)
        # Vectors of unit variance cannot all become one, which the codebook would follow: without
        # this, an encoder of MNIST soon sent all images to one code.
        normalize = keras.layers.BatchNormalization(
            momentum=0.9, center=False, scale=False, name="encoder_normalize", dtype="float32"
        )
        return keras.Model(inputs, normalize(vectors), name="encoder")

    def _make_decoder(self, policy):
        same = {"padding": "same", "data_format": "channels_last", **policy}
        inputs = keras.Input((*self.code_shape[:2], self.code_size), name="vectors")
        first = keras.layers.Conv2D(self.filters, 3, name="decoder_convolution", **same)
        features = self._residual_stack("decoder", first(inputs), policy)
        for i in range(self.downsample.bit_length() - 1):
            double = keras.layers.Conv2DTranspose(
                self.filters // 2,
                4,
                strides=2,
                activation="relu",
                name=f"decoder_double_{i}",
                **same,
            )
            features = double(features)
        outputs = keras.layers.Conv2D(self.distribution.size, 3, name="decoder_predict", **same)(
            features
        )
        return keras.Model(inputs, outputs, name="decoder")

    def _residual_stack(self, part, features, policy):
        """Residual blocks of a 3x3 and a 1x1 convolution, as in the paper's section 4.1."""
        same = {"padding": "same", "data_format": "channels_last", **policy}
        for i in range(self.residual_blocks):
            inner = keras.layers.ReLU(name=f"{part}_relu_{i}", **policy)(features)
            inner = keras.layers.Conv2D(
                self.filters // 2, 3, activation="relu", name=f"{part}_residual_{i}", **same
            )(inner)
            inner = keras.layers.Dense(self.filters, name=f"{part}_mix_{i}", **policy)(inner)
            features = keras.layers.Add(name=f"{part}_add_{i}", **policy)([features, inner])
        return keras.layers.ReLU(name=f"{part}_relu", **policy)(features)

    def outputs_of(self, scaled: Any, condition: Any, training: bool) -> Any:
        vectors = self.quantizer(self.encoder(scaled, training=training), training=training)
        return self._outputs_from(vectors)

    def _outputs_from(self, vectors):
        height, width, _ = self.image_shape
        return self.decoder(vectors)[:, :height, :width]

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Mean of nats per image given its codes, and of the commitment loss."""
        loss = super().compute_loss(x, y, y_pred, sample_weight, training, **kwargs)
        for commitment in self.losses:
            loss = loss + scale_for_replicas(ops.cast(commitment, loss.dtype))
        # Here and not in the forward pass: under JAX metrics are updated with the loss alone.
        if self.quantizer.used is not None:
            self.codebook_use.update_state(self.quantizer.used)
            self.quantizer.used = None
        return loss

    def encode(self, images: ArrayLike, batch_size: int = 100) -> np.ndarray:
        """Codes of images.

        Args:
            images: integer levels `(B, H, W, C)`.
            batch_size: images at once.

        Returns:
            `(B, h, w, 1)`, levels 0 .. K-1, uint8, or uint16 above 256 codes.

        Raises:
            UsageError: images that do not fit the model, or weights that are not finite.
        """
        images = self.check_images(images)
        check_weights_finite(self)

        def encode(images):
            return self.quantizer.codes(self.encoder(self.scale(images), training=False))

        found = self._in_batches("encode", encode, batch_size, images)
        return as_levels(found, self.codes)

    def decode(
        self,
        codes: ArrayLike,
        *,
        draw: bool = False,
        seed: int | None = None,
        temperature: float = 1.0,
        batch_size: int = 100,
    ) -> np.ndarray:
        """One image for each grid of codes.

        Args:
            codes: integers `(n, h, w, 1)`, as `encode` gives them.
            draw: whether each pixel is drawn from its distribution, on its own, which adds grain;
                else it is its mean.
            seed: of the draws; int >= 0, or None for fresh randomness.
            temperature: of the draws, > 0.
            batch_size: images at once.

        Returns:
            `(n, H, W, C)`, integer levels.

        Raises:
            UsageError: codes that there are not, or an argument out of range.
        """
        codes = self.check_codes(codes)
        check_weights_finite(self)
        draw = check_bool("draw", draw)
        temperature = check_number("temperature", temperature, 0.0, open_below=True)
        seed = None if seed is None else check_int("seed", seed, 0)

        def parameters(codes):
            vectors = self.quantizer.vectors(codes)
            return self.distribution.parameters(self._outputs_from(vectors))

        if not draw:
            means = self._in_batches(
                "mean", lambda codes: self.distribution.mean(parameters(codes)), batch_size, codes
            )
            return as_levels(np.clip(np.rint(means), 0, self.levels - 1), self.levels)
        noise_shape = (len(codes), *self.image_shape, self.distribution.noise_per_channel)
        noise = np.random.default_rng(seed).random(noise_shape, "float32")
        drawn = self._in_batches(
            ("draw", temperature),
            lambda codes, noise: self.distribution.sample(parameters(codes), noise, temperature),
            batch_size,
            codes,
            noise,
        )
        return drawn_levels(drawn, self.levels)

    def reconstruct(self, images: ArrayLike, **options: Any) -> np.ndarray:
        """What is left of images: `decode` of their codes."""
        return self.decode(self.encode(images), **options)

    def check_codes(self, codes: ArrayLike) -> np.ndarray:
        """Return codes as an integer array `(n, h, w, 1)` that fits the model, or `UsageError`."""
        return as_levels(Inputs(self.code_shape, self.codes).images(codes, "codes"), self.codes)

    def _in_batches(self, name, function, batch_size, *arrays):
        """A compiled function of arrays, batch by batch; the last is filled up."""
        n = len(arrays[0])
        batch_size = min(check_int("batch_size", batch_size, 1), max(n, 1))
        compiled = backend.compiled_once(self, (name, batch_size), function, xla=False)
        parts = []
        for first in range(0, max(n, 1), batch_size):
            if not n:  # the shape of a result of no images
                index = np.zeros(batch_size, int)
                batch = [np.zeros((batch_size, *a.shape[1:]), a.dtype) for a in arrays]
            else:
                index = np.minimum(np.arange(first, first + batch_size), n - 1)
                batch = [a[index] for a in arrays]
            found = compiled(*(ops.convert_to_tensor(values) for values in batch))
            parts.append(ops.convert_to_numpy(found)[: n - first])
        return np.concatenate(parts)

    def sample(self, n: int, condition: Any = None, **kwargs: Any) -> np.ndarray:
        """A VQ-VAE has no distribution over its codes: `LatentPrior` learns one."""
        raise UsageError(
            "a VectorQuantizedAutoencoder draws from codes: call decode(codes), or train a "
            "LatentPrior, which draws the codes too"
        )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "codes": self.codes,
            "code_size": self.code_size,
            "filters": self.filters,
            "residual_blocks": self.residual_blocks,
            "downsample": self.downsample,
            "beta": self.quantizer.beta,
            "decay": self.quantizer.decay,
            "revive": self.quantizer.revive,
        }


def _power(side):
    """The largest power of 2 up to a side."""
    return 1 << (side.bit_length() - 1)
