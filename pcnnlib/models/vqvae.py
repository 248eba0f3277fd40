"""An autoencoder whose code is a small grid of integers: the VQ-VAE.

Follows van den Oord et al. 2017 (arXiv:1711.00937): a convolutional encoder, a codebook, and a
decoder that predicts every pixel from the codes alone; and, where two grids are asked for, Razavi
et al. 2019 (arXiv:1906.00446). Its pixels are independent given the codes,
each with a distribution of its own, so that together with a model of the codes it bounds an image's
likelihood. B batch, H rows, W columns, C channels; h by w codes, K of them, D numbers each.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from pcnnlib._internal.devices import scale_for_replicas
from pcnnlib._internal.errors import (
    UsageError,
    check_bool,
    check_int,
    check_seed,
    check_size,
    check_temperature,
    check_weights,
    check_weights_finite,
    is_integer,
)
from pcnnlib._internal.levels import as_levels
from pcnnlib.models.base import AutoregressiveModel
from pcnnlib.models.batching import in_batches
from pcnnlib.models.checks import Inputs
from pcnnlib.models.code_networks import CodeNetworks, TopGrid, coarser
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
    `codes_used`, among the metrics of `fit` (with two grids also `top_perplexity` and
    `top_codes_used`). To draw new images it needs a model of the codes: see
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
        code_grids: 1, or 2: a bottom grid, the h by w codes, and a top grid of half as many in each
            direction, rounded up, with a codebook of its own. The top is encoded from the bottom's
            features, the bottom given the decoded top, and the pixels are decoded from both. 28x28
            pixels have 7x7 codes below 4x4, 32x32 have 8x8 below 4x4.
        beta: weight of the commitment loss.
        decay: of the codebook's moving averages.
        revive: share of the mean use below which a code is put elsewhere, see `VectorQuantizer`.
        distribution: of a pixel given the codes; by default one discretised logistic with a mean
            and a scale of its own, and Bernoulli for 2 levels.

    Attributes:
        code_shape: `(h, w, 1)`, of the bottom grid.

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
        code_grids: int = 1,
        beta: float = 0.25,
        decay: float = 0.99,
        revive: float = 0.03,
        distribution: Distribution | str | None = None,
        **kwargs: Any,
    ) -> None:
        if distribution is None and not is_integer(levels, 2):
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
        below = (-(-height // self.downsample), -(-width // self.downsample))
        self.code_grids = check_int("code_grids", code_grids, 1, 2)
        if self.code_grids == 2 and below == coarser(below):
            raise UsageError(
                f"code_grids must be 1 for images {self.image_shape} with downsample="
                f"{self.downsample}, which have one code: no grid is coarser"
            )
        layers = 16 * self.downsample.bit_length() + 10 * self.residual_blocks
        layers += (50 + 10 * self.residual_blocks) * (self.code_grids - 1)
        sizes = {"filters": filters, "residual_blocks": residual_blocks}
        check_weights(sizes, layers * filters**2)
        options: Any = {"beta": beta, "decay": decay, "revive": revive}
        self.quantizer = VectorQuantizer(codes, code_size, name="quantizer", **options)
        self.codes, self.code_size = self.quantizer.n_codes, self.quantizer.size
        self.code_shape = (*below, 1)
        networks = CodeNetworks(**sizes, code_size=self.code_size, dtype=self.dtype_policy)
        self.encoder = self._make_encoder(networks)
        self.decoder = self._make_decoder(networks)
        self.quantizer.build((None, *below, self.code_size))
        self.codebook_use = CodebookUse(self.codes)
        self.top = None
        if self.code_grids == 2:
            top = VectorQuantizer(codes, code_size, name="top_quantizer", **options)
            self.top = TopGrid(networks, below, top, name="top")
            self.top_codebook_use = CodebookUse(self.codes, "top_", name="top_codebook_use")
        self.built = True

    def _make_encoder(self, networks):
        inputs = keras.Input(self.image_shape, name="scaled")
        features = networks.encoded(inputs, self.downsample.bit_length() - 1)
        # With a top grid, the vectors of the bottom depend on it too: `TopGrid` makes them.
        outputs = networks.vectors(features) if self.code_grids == 1 else features
        return keras.Model(inputs, outputs, name="encoder")

    @property
    def inputs_taken(self) -> Inputs:
        """What inputs this model takes: without weights, which its codebook would not heed."""
        return dataclasses.replace(super().inputs_taken, weighted=False)

    def _make_decoder(self, networks):
        size = self.code_size * self.code_grids  # the bottom's vectors, and the decoded top
        inputs = keras.Input((*self.code_shape[:2], size), name="vectors")
        doublings = self.downsample.bit_length() - 1
        outputs = networks.decoded(inputs, doublings, self.distribution.size)
        return keras.Model(inputs, outputs, name="decoder")

    def outputs_of(self, scaled: Any, condition: Any, training: bool) -> Any:
        maps, vectors = None, self.encoder(scaled, training=training)
        if self.top is not None:
            maps, vectors = self.top(vectors, training=training)
        return self._outputs_from(self.quantizer(vectors, training=training), maps)

    def _outputs_from(self, vectors, maps):
        height, width, _ = self.image_shape
        if maps is not None:
            vectors = ops.concatenate([vectors, maps], axis=-1)
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
        for quantizer, use in self._codebooks():
            if quantizer.used is not None:
                use.update_state(quantizer.used)
                quantizer.used = None
        return loss

    def _codebooks(self):
        """Each grid's quantiser, and the metric of its use."""
        yield self.quantizer, self.codebook_use
        if self.top is not None:
            yield self.top.quantizer, self.top_codebook_use

    @property
    def code_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """Of each grid, the top first."""
        return (self.code_shape,) if self.top is None else (self.top.code_shape, self.code_shape)

    def encode(self, images: ArrayLike, batch_size: int = 100) -> Any:
        """Codes of images.

        Args:
            images: integer levels `(B, H, W, C)`.
            batch_size: images at once.

        Returns:
            `(B, h, w, 1)`, levels 0 .. K-1, uint8, or uint16 above 256 codes; with two grids a
            tuple of such arrays, `(top, bottom)`.

        Raises:
            UsageError: images that do not fit the model, or weights that are not finite.
        """
        images = self.check_images(images)
        check_weights_finite(self)

        def encode(images):
            vectors = self.encoder(self.scale(images), training=False)
            if self.top is None:
                return self.quantizer.codes(vectors)
            return self.top.codes(vectors), self.quantizer.codes(self.top(vectors)[1])

        found = in_batches(self, "encode", encode, batch_size, images)
        return keras.tree.map_structure(lambda grid: as_levels(grid, self.codes), found)

    def decode(
        self,
        codes: Any,
        *,
        draw: bool = False,
        seed: int | None = None,
        temperature: float = 1.0,
        batch_size: int = 100,
    ) -> np.ndarray:
        """One image for each grid of codes.

        Args:
            codes: integers `(n, h, w, 1)`, or `(top, bottom)`, as `encode` gives them.
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
        grids = self.check_codes(codes)
        grids = (grids,) if self.top is None else grids
        check_weights_finite(self)
        draw = check_bool("draw", draw)
        temperature = check_temperature(temperature)
        seed = check_seed(seed)

        def parameters(*grids):
            vectors = self.quantizer.vectors(grids[-1])
            maps = None if self.top is None else self._maps(grids[0])
            return self.distribution.parameters(self._outputs_from(vectors, maps))

        if not draw:
            means = in_batches(
                self, "mean", lambda *g: self.distribution.mean(parameters(*g)), batch_size, *grids
            )
            return as_levels(np.clip(np.rint(means), 0, self.levels - 1), self.levels)
        noise_shape = (len(grids[0]), *self.image_shape, self.distribution.noise_per_channel)
        noise = np.random.default_rng(seed).random(noise_shape, "float32")

        def draw_pixels(*inputs):
            *grids, noise, temperatures = inputs
            return self.distribution.sample(parameters(*grids), noise, temperatures[0])

        # The temperature is an input, or each one would be compiled, and kept.
        temperatures = np.full(len(noise), temperature, "float32")
        drawn = in_batches(self, "draw", draw_pixels, batch_size, *grids, noise, temperatures)
        return drawn_levels(drawn, self.levels)

    def decode_top(self, top: ArrayLike, batch_size: int = 100) -> np.ndarray:
        """The decoded top grid: what the bottom is encoded given, and drawn given.

        Args:
            top: integers, `(n, *code_shapes[0])`.
            batch_size: grids at once.

        Returns:
            float32 `(n, h, w, D)`.

        Raises:
            UsageError: codes that there are not, or an autoencoder of one grid.
        """
        if self.top is None:
            raise UsageError("decode_top needs an autoencoder with code_grids=2")
        top = self._check_grid(top, self.top.code_shape, "top codes")
        check_weights_finite(self)
        return in_batches(self, "top", self._maps, batch_size, top)

    def _maps(self, top):
        return self.top.maps(self.top.quantizer.vectors(top))

    def reconstruct(self, images: ArrayLike, **options: Any) -> np.ndarray:
        """What is left of images: `decode` of their codes."""
        return self.decode(self.encode(images), **options)

    def check_codes(self, codes: Any) -> Any:
        """Return codes as integers `(n, h, w, 1)`, or `(top, bottom)`, or raise `UsageError`."""
        if self.top is None:
            return self._check_grid(codes, self.code_shape, "codes")
        if not isinstance(codes, (tuple, list)) or len(codes) != 2:
            got = f"{len(codes)} of them" if isinstance(codes, (tuple, list)) else "one array"
            raise UsageError(f"codes must be two grids, (top, bottom), got {got}")
        named = zip(codes, self.code_shapes, ("top codes", "bottom codes"), strict=True)
        top, bottom = (self._check_grid(*grid) for grid in named)
        if len(top) != len(bottom):
            raise UsageError(
                f"codes must be as many at the top as at the bottom, got {len(top)} and "
                f"{len(bottom)}"
            )
        return top, bottom

    def _check_grid(self, codes, shape, name):
        return as_levels(Inputs(shape, self.codes).images(codes, name), self.codes)

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
            # What has one grid is described as it always was.
            **({"code_grids": 2} if self.code_grids > 1 else {}),
            "beta": self.quantizer.beta,
            "decay": self.quantizer.decay,
            "revive": self.quantizer.revive,
        }


def _power(side):
    """The largest power of 2 up to a side."""
    return 1 << (side.bit_length() - 1)
