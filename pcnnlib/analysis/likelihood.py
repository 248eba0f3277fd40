"""Likelihood in the field's units: of a set of images, and of every pixel of one.

H rows, W columns, C channels, K levels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, check_has, is_integer
from pcnnlib.analysis.causality import check_pixel_model
from pcnnlib.data import Split
from pcnnlib.models import Autoencoder, VectorQuantizedAutoencoder
from pcnnlib.nn.conditions import joined


@dataclass(frozen=True)
class Likelihood:
    """Negative log-likelihood of a set of images, and its standard error.

    Attributes:
        nats_per_image: mean over images.
        nats_per_pixel: per pixel, all its channels together.
        bits_per_dim: per pixel and channel, in bits.
        standard_error: of `nats_per_image`, from the spread between images; NaN for one image.
        images: how many.
    """

    nats_per_image: float
    nats_per_pixel: float
    bits_per_dim: float
    standard_error: float
    images: int

    @classmethod
    def of(cls, nats: np.ndarray, image_shape: Sequence[int]) -> "Likelihood":
        """From the negative log-likelihood of each image, nats, `(N,)`."""
        height, width, channels = image_shape
        if not len(nats):
            raise UsageError("a likelihood needs at least one image, got none")
        mean = float(np.mean(nats))
        spread = float(np.std(nats, ddof=1)) if len(nats) > 1 else float("nan")
        return cls(
            nats_per_image=mean,
            nats_per_pixel=mean / (height * width),
            bits_per_dim=mean / (height * width * channels * math.log(2)),
            standard_error=spread / math.sqrt(len(nats)),
            images=len(nats),
        )

    def __str__(self):
        # One image has no spread to take an error from.
        error = f" ± {self.standard_error:.2f}" if self.images > 1 else ""
        return (
            f"{self.nats_per_image:.2f}{error} nats/image, "
            f"{self.nats_per_pixel:.4f} nats/pixel, {self.bits_per_dim:.4f} bits/dim"
        )


@dataclass(frozen=True)
class GivenCodeLikelihood(Likelihood):
    """Of an autoencoder: of each image given its own code, and so not a likelihood of images."""

    def __str__(self):
        return f"{super().__str__()} (each image given its own code)"


@dataclass(frozen=True)
class BoundedLikelihood(Likelihood):
    """Of a `LatentPrior`: what the codes cost and what the pixels cost given them.

    The fields of `Likelihood` hold the sum, and are bounds: the images' negative log-likelihood is
    at most that.

    Attributes:
        nats_per_code: of the prior, mean over images and codes.
        code_bits_per_dim, pixel_bits_per_dim: both parts of `bits_per_dim`.
    """

    nats_per_code: float
    code_bits_per_dim: float
    pixel_bits_per_dim: float

    def __str__(self):
        return (
            f"at most {super().__str__()} (a bound): "
            f"codes {self.code_bits_per_dim:.4f}, {self._each()}, "
            f"pixels given them {self.pixel_bits_per_dim:.4f}"
        )

    def _each(self):
        return f"{self.nats_per_code:.4f} nats each"


@dataclass(frozen=True)
class TwoGridLikelihood(BoundedLikelihood):
    """Of a `LatentPrior` with two grids of codes.

    Attributes:
        nats_per_top_code: of the top's prior, mean over images and codes.
        nats_per_bottom_code: of the bottom's, given the top.
    """

    nats_per_top_code: float
    nats_per_bottom_code: float

    def _each(self):
        return (
            f"{self.nats_per_top_code:.4f} nats each at the top and "
            f"{self.nats_per_bottom_code:.4f} at the bottom"
        )


def evaluate(model: Any, split: Split, batch_size: int = 100, order: Any = 0) -> Likelihood:
    """Likelihood of a split under a model.

    Args:
        model: `PixelCNN`, `GatedPixelCNN`, an autoencoder or a `LatentPrior`; a conditional one is
            given the split's labels or conditions.
        split: `Split`; its fixed `images` are evaluated.
        batch_size: images at once.
        order: in which the images are read, see `log_likelihood` of the model; "mixture": the
            mixture of all orders.

    Returns:
        `Likelihood`; of a `LatentPrior` a `BoundedLikelihood`, with two grids of codes a
        `TwoGridLikelihood`; of an autoencoder a `GivenCodeLikelihood`.

    Raises:
        UsageError: images or an order that do not fit the model, or labels or conditions that are
            missing.
    """
    check_has("model", model, "a model of this library", "log_likelihood", "image_shape")
    if not isinstance(split, Split):
        raise UsageError(
            f"split must be a Split, such as the test of a Dataset, got {type(split).__name__}"
        )
    condition = None if model.condition is None else model.condition.of(split)
    # Models of other makes need not know of orders, nor of parts.
    options = {} if is_integer(order, 0) else {"order": order}
    in_parts = getattr(model, "log_likelihoods", None)
    if in_parts is None:
        logs = model.log_likelihood(split.images, condition, batch_size, **options)
        return Likelihood.of(-logs, model.image_shape)
    *codes, pixels = in_parts(split.images, condition, batch_size, **options)
    if not codes:
        given_code = isinstance(model, (Autoencoder, VectorQuantizedAutoencoder))
        kind = GivenCodeLikelihood if given_code else Likelihood
        return kind.of(-pixels, model.image_shape)
    return _bounded(codes, pixels, model)


def _bounded(codes, pixels, model):
    """From the log-likelihood of each image's codes, one array a grid, and of its pixels."""
    together = sum(codes)
    whole = Likelihood.of(-(together + pixels), model.image_shape)
    bits = 1 / (math.prod(model.image_shape) * math.log(2))
    numbers = [math.prod(shape) for shape in model.code_shapes]
    each = [-float(np.mean(logs)) / n for logs, n in zip(codes, numbers, strict=True)]
    fields = {
        **vars(whole),
        "nats_per_code": -float(np.mean(together)) / sum(numbers),
        "code_bits_per_dim": -float(np.mean(together)) * bits,
        "pixel_bits_per_dim": -float(np.mean(pixels)) * bits,
    }
    if len(each) == 1:
        return BoundedLikelihood(**fields)
    return TwoGridLikelihood(**fields, nats_per_top_code=each[0], nats_per_bottom_code=each[1])


def surprise(model: Any, images: ArrayLike, condition: Any = None, order: Any = 0) -> np.ndarray:
    """Negative log-likelihood of each pixel of each image, nats, float64 `(N, H, W)`.

    The sum over an image's pixels is its negative log-likelihood.

    Args:
        model: `PixelCNN` or `GatedPixelCNN`.
        images: integer levels `(N, H, W, C)`.
        condition: one row per image, for a conditional model.
        order: in which the images are read.

    Raises:
        UsageError: images or a condition that do not fit, or a model without probabilities of
            pixels that make up an image's.
    """
    check_pixel_model(model)
    images = model.check_images(images)
    given = model.check_condition(condition, len(images), order)
    parameters = model(joined(images, given), training=False)
    likelihood = model.distribution.log_likelihood(parameters, ops.convert_to_tensor(images))
    return -ops.convert_to_numpy(likelihood).astype("float64")


def flop_per_image(model: Any) -> int:
    """Floating-point operations of one forward pass on one image.

    A step of training costs about three times as many: the backward pass has two products for each
    one forward.

    Args:
        model: `PixelCNN`, `GatedPixelCNN`, an autoencoder or a `LatentPrior`.

    Returns:
        int; a multiplication and an addition are two.
    """
    check_has("model", model, "a model of this library", "flop_per_image")
    return int(model.flop_per_image())
