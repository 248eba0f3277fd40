"""A VQ-VAE and a Gated PixelCNN over its codes: together a model of images.

The prior of van den Oord et al. 2017 (arXiv:1711.00937), section 3.3: codes are drawn one by one,
and the decoder makes an image of them at once. Of two grids of codes (Razavi et al. 2019,
arXiv:1906.00446, section 3.2) the top one is drawn first, and the bottom one given it. B batch, H
rows, W columns, C channels; h by w codes of K.
"""

from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, check_bool, check_int, is_integer, short
from pcnnlib.models.base import AutoregressiveModel
from pcnnlib.models.gated import GatedPixelCNN
from pcnnlib.models.vqvae import VectorQuantizedAutoencoder
from pcnnlib.nn.conditions import Condition
from pcnnlib.nn.joint_conditions import beside_map, map_beside

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
        prior: further arguments of the prior, such as `dropout` or `embedding_size`. With two grids
            of codes both priors have all of these.

    Attributes:
        prior: `GatedPixelCNN` of the images `autoencoder.code_shape`, `autoencoder.codes` levels;
            with two grids of the bottom's codes. It is then conditioned on a map, the decoded top
            (`autoencoder.decode_top`), and `condition` stands in further planes of that map.
        top_prior: `GatedPixelCNN` of the top's codes, or None.

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
        if not is_integer(prior.pop("orders", 1), 1):
            raise UsageError("orders must be 1: the codes are drawn in raster order alone")
        for argument in ("image_shape", "levels", "inputs", "distribution"):
            if argument in prior:
                raise UsageError(f"{argument} must be left out: it follows from the autoencoder")
        super().__init__(
            autoencoder.image_shape,
            autoencoder.levels,
            autoencoder.distribution,
            dtype=dtype or autoencoder.dtype_policy,
            name=name,
            trainable=trainable,
        )
        self.autoencoder = autoencoder

        def over(shape, name, condition):
            return GatedPixelCNN(
                shape,
                autoencoder.codes,
                filters,
                blocks,
                condition=condition,
                inputs="embedding",
                distribution="categorical",
                name=name,
                dtype=self.dtype_policy,
                **prior,
            )

        self.top_prior = None
        given = condition
        if len(autoencoder.code_shapes) == 2:
            self.top_prior = over(autoencoder.code_shapes[0], "top_prior", condition)
            maps = (*autoencoder.code_shape[:2], autoencoder.code_size)
            given = map_beside(maps, condition)
        self.prior = over(autoencoder.code_shape, "prior", given)
        self.condition = condition
        self.built = True

    def outputs_of(self, scaled: Any, condition: Any, training: bool) -> Any:
        return self.autoencoder.outputs_of(scaled, None, training)

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """It is trained in stages, which `pcnnlib.train` does."""
        stages = "two" if self.top_prior is None else "three"
        raise UsageError(
            f"a LatentPrior is trained in {stages} stages: call pcnnlib.train(model, data, config)"
        )

    train_on_batch = fit

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """A loss of Keras would be that of the pixels alone."""
        raise UsageError(
            "a LatentPrior has a bound in parts and no loss of its own: call "
            "pcnnlib.evaluate(model, split)"
        )

    test_on_batch = evaluate

    def export(self, *args: Any, **kwargs: Any) -> None:
        """Several networks are no single program."""
        raise UsageError(
            "a LatentPrior has several networks: export model.autoencoder and model.prior"
        )

    def encode(self, images: ArrayLike, batch_size: int = 100) -> Any:
        """Codes of images, see `VectorQuantizedAutoencoder.encode`."""
        return self.autoencoder.encode(images, batch_size)

    def decode(self, codes: Any, **options: Any) -> np.ndarray:
        """Images of codes, see `VectorQuantizedAutoencoder.decode`."""
        return self.autoencoder.decode(codes, **options)

    def log_likelihood(
        self, images: ArrayLike, condition: Any = None, batch_size: int = 100, order: Any = 0
    ) -> np.ndarray:
        """A lower bound of the log-probability of each image, nats, float64 `(B,)`.

        The sum of the parts that `log_likelihoods` gives.
        """
        return np.sum(self.log_likelihoods(images, condition, batch_size, order), axis=0)

    def log_likelihoods(
        self, images: ArrayLike, condition: Any = None, batch_size: int = 100, order: Any = 0
    ) -> tuple[np.ndarray, ...]:
        """Log-probability of each image's codes, and of its pixels given them.

        Args:
            images: integer levels `(B, H, W, C)`.
            condition: one row for each image, for a conditional model.
            batch_size: images at once.
            order: 0, the only one.

        Returns:
            Float64 arrays `(B,)`, nats: of the codes and of the pixels; of two grids first that of
            the top's codes, and then that of the bottom's given the top's.

        Raises:
            UsageError: images or a condition that do not fit the model.
        """
        if order is not None and not is_integer(order, 0):
            raise UsageError(
                f"order must be 0, got {short(order)}: the codes are in raster order alone"
            )
        images = self.check_images(images)
        codes = self.encode(images, batch_size)
        above: tuple = ()
        if self.top_prior is not None:
            top, codes = codes
            above = (self.top_prior.log_likelihood(top, condition, batch_size),)
            condition = self.given_top(top, condition, batch_size)
        return (
            *above,
            self.prior.log_likelihood(codes, condition, batch_size),
            self.autoencoder.log_likelihood(images, None, batch_size),
        )

    def flop_per_image(self) -> int:
        """Operations of one forward pass of each part, see `AutoregressiveModel.flop_per_image`."""
        priors = [self.prior, *([] if self.top_prior is None else [self.top_prior])]
        return sum(network.flop_per_image() for network in (self.autoencoder, *priors))

    def given_top(self, top: ArrayLike, condition: Any = None, batch_size: int = 100) -> np.ndarray:
        """What the codes of the bottom grid are conditioned on: maps, see `prior`.

        Args:
            top: codes of the top grid, `(n, *code_shapes[0])`.
            condition: one row for each, for a conditional model.
            batch_size: grids at once.

        Returns:
            float32 `(n, *prior.condition.shape)`.

        Raises:
            UsageError: codes or a condition that do not fit, or an autoencoder of one grid.
        """
        maps = self.autoencoder.decode_top(top, batch_size)
        return beside_map(self.condition, maps, self.check_condition(condition, len(maps)))

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
        prior: GatedPixelCNN | None = None,
        **options: Any,
    ) -> Any:
        """Draw codes from the prior, and make images of them.

        Args:
            n: number of images, at least 1.
            condition: one row per image, for a conditional model.
            seed: int >= 0, or None for fresh randomness.
            temperature: of the codes, > 0.
            guidance: how much the label counts, see `pcnnlib.sampling.sample`; in each grid.
            draw: whether pixels are drawn too; else each is its mean, given the codes.
            return_codes: whether to return the codes as well.
            prior: what draws the codes instead of `self.prior`, such as a copy with other weights.
            options: `method` and `progress` of `pcnnlib.sampling.sample`.

        Returns:
            `(n, H, W, C)`, integer levels; with `return_codes` also `(n, h, w, 1)`, or a tuple of
            two such grids.

        Raises:
            UsageError: an argument out of range, or one for pixels, of which none is kept here.
        """
        for name in options.keys() - {"method", "progress"}:
            order = options[name]
            if name != "order" or not (order is None or is_integer(order, 0)):
                raise UsageError(
                    f"{name} must be left out: a LatentPrior draws codes, and all pixels at once"
                )
        options.pop("order", None)
        options |= {"temperature": temperature, "guidance": guidance}
        # Now, and not when all codes are drawn.
        draw, return_codes = check_bool("draw", draw), check_bool("return_codes", return_codes)
        prior = self.prior if prior is None else prior
        codes_of = (self.prior.image_shape, self.prior.levels)
        if not isinstance(prior, GatedPixelCNN) or (prior.image_shape, prior.levels) != codes_of:
            raise UsageError(
                f"prior must be a GatedPixelCNN over the same codes, {codes_of[0]} of "
                f"{codes_of[1]} levels, got {_named(prior)}"
            )
        if self.top_prior is None:
            codes = prior.sample(n, condition, seed=seed, **options)
            images = self.decode(codes, draw=draw, seed=_seeds(seed, 1)[0])
        else:
            # Noise of its own for each grid and for the pixels: one seed would give all the same.
            seeds = _seeds(seed, 3)
            top = self.top_prior.sample(n, condition, seed=seeds[0], **options)
            given = self.given_top(top, condition)
            codes = (top, prior.sample(n, given, seed=seeds[1], **options))
            images = self.decode(codes, draw=draw, seed=seeds[2])
        return (images, codes) if return_codes else images

    def get_config(self) -> dict:
        prior = self.prior.get_config()
        own = keras.Model.get_config(self)
        autoencoder = keras.saving.serialize_keras_object(self.autoencoder)
        # It was compiled for its own stage: its optimiser would be saved with every file.
        autoencoder.pop("compile_config", None)
        # The rest follows from the autoencoder.
        for name in ("image_shape", "levels", "distribution", "inputs", *own):
            prior.pop(name, None)
        return {
            **own,
            "autoencoder": autoencoder,
            **prior,
            "condition": keras.saving.serialize_keras_object(self.condition),
        }

    @property
    def code_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """Of each grid of codes, the top first."""
        return self.autoencoder.code_shapes

    @classmethod
    def constructor_arguments(cls, config: dict) -> dict:
        arguments = super().constructor_arguments(config)
        if isinstance(arguments.get("autoencoder"), dict):
            arguments["autoencoder"] = keras.saving.deserialize_keras_object(
                arguments["autoencoder"]
            )
        return arguments


def _named(prior):
    """What came as a prior, for a message."""
    if isinstance(prior, GatedPixelCNN):
        return f"one over {prior.image_shape} of {prior.levels}"
    return short(prior)


def _seeds(seed, n):
    """Seeds that follow from one, and whose noise is independent; None: fresh randomness."""
    if seed is None:
        return [None] * n
    state = np.random.SeedSequence(check_int("seed", seed, 0)).generate_state(n, np.uint64)
    return [int(number) for number in state]
