"""The simplest models of images: every pixel drawn on its own, from a histogram of levels.

They do not see a pixel's neighbours, and so show what a PixelCNN gains by seeing them.
H rows, W columns, C channels, K levels.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import check_bool, check_int, check_number, check_seed
from pcnnlib._internal.levels import as_levels, check_levels
from pcnnlib.data import Split
from pcnnlib.models.arguments import check_image_shape
from pcnnlib.models.checks import Inputs


class Histogram:
    """Pixels independent of each other, each with the levels' frequencies in the training images.

    `pcnnlib.evaluate` takes it like any other model. Before `fit` every level is equally likely:
    that is the uniform model.

    Args:
        image_shape: `(H, W, C)`.
        levels: K.
        per_pixel: one histogram for each pixel of the image, or one for all.
        smoothing: added to every count, above 0, so that no level is held impossible.
    """

    condition = None

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        *,
        per_pixel: bool = True,
        smoothing: float = 1.0,
    ) -> None:
        self.image_shape = check_image_shape(image_shape)
        self.levels = check_levels(levels)
        self.per_pixel = check_bool("per_pixel", per_pixel)
        self.smoothing = check_number("smoothing", smoothing, 0.0, open_below=True)
        self.counts = np.zeros((*self.image_shape, self.levels))

    def fit(self, split: Split) -> "Histogram":
        """Count the levels of a `Split`; returns the model."""
        images = Inputs(self.image_shape, self.levels).images(split.images)[..., None]
        self.counts = np.stack([(images == k).sum(axis=0) for k in range(self.levels)], axis=-1)
        self.counts = self.counts.reshape(*self.image_shape, self.levels).astype(float)
        if not self.per_pixel:
            self.counts[:] = self.counts.sum(axis=(0, 1, 2))
        return self

    @property
    def probabilities(self) -> np.ndarray:
        """Probability of each level, `(H, W, C, K)`."""
        counts = self.counts + self.smoothing
        return counts / counts.sum(axis=-1, keepdims=True)

    def log_likelihood(
        self, images: ArrayLike, condition: Any = None, batch_size: int | None = None
    ) -> np.ndarray:
        """Log-probability of each image, nats, `(N,)`."""
        images = Inputs(self.image_shape, self.levels).images(images)
        logs = np.broadcast_to(np.log(self.probabilities), (*images.shape, self.levels))
        chosen = np.take_along_axis(logs, images[..., None].astype(int), axis=-1)
        return chosen.sum(axis=(1, 2, 3, 4))

    def sample(self, n: int, seed: int | None = None) -> np.ndarray:
        """Draw `n` images, `(n, H, W, C)`, uint8, or uint16 above 256 levels."""
        n = check_int("n", n, 1)
        noise = np.random.default_rng(check_seed(seed)).random((n, *self.image_shape, 1))
        cumulative = np.cumsum(self.probabilities, axis=-1)[..., :-1]
        return as_levels((noise >= cumulative).sum(axis=-1), self.levels)


def best_smoothing(
    split: Split,
    validation: Split,
    levels: int,
    choices: Sequence[float] = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0),
) -> float:
    """The smoothing of a per-pixel `Histogram` of `split` under which `validation` is likeliest."""
    model = Histogram(split.images.shape[1:], levels).fit(split)

    def likelihood(smoothing):
        model.smoothing = smoothing
        return model.log_likelihood(validation.images).mean()

    return max(choices, key=likelihood)
