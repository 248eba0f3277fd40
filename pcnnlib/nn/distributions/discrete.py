"""Distributions with a number for every level: Bernoulli and categorical.

B batch, H rows, W columns, C channels, K levels.
"""

from typing import Any

import keras
from keras import ops

from pcnnlib._internal.errors import UsageError
from pcnnlib._internal.levels import MOST_LEVELS
from pcnnlib.nn.distributions.base import Distribution

_register = keras.saving.register_keras_serializable("pcnnlib")


@_register
class Bernoulli(Distribution):
    """Two levels; one logit per channel.

    Parameters: `(B, H, W, C)`, the log-odds of level 1.
    """

    has_logits = True

    def __init__(self, levels: int | None = None, channels: int = 1) -> None:
        super().__init__(levels, channels)
        if levels not in (None, 2):
            raise UsageError(f"a Bernoulli pixel has 2 levels, got levels={levels}")

    @property
    def size(self) -> int:
        return self.channels

    def parameters(self, outputs: Any) -> Any:
        """Network outputs `(B, H, W, size)` as float32 logits `(B, H, W, C)`."""
        return ops.cast(outputs, "float32")

    def log_likelihood(self, parameters: Any, images: Any) -> Any:
        """Log-probability of integer `images` `(B, H, W, C)`, nats, `(B, H, W)`."""
        images = ops.cast(images, parameters.dtype)
        # log p(x) = x*l - log(1 + e^l), stable for any logit l.
        return ops.sum(images * parameters - ops.softplus(parameters), axis=-1)

    def probabilities(self, parameters: Any, images: Any = None) -> Any:
        """Probability of each level, `(B, H, W, C, 2)`."""
        return ops.stack([ops.sigmoid(-parameters), ops.sigmoid(parameters)], axis=-1)

    def mean(self, parameters: Any) -> Any:
        """Expected level, `(B, H, W, C)`."""
        return ops.sigmoid(parameters)

    def sample(self, parameters: Any, noise: Any, temperature: float = 1.0) -> Any:
        """Draw levels.

        Args:
            parameters: `(B, H, W, C)`.
            noise: uniform in [0, 1), `(B, H, W, C, 1)`.
            temperature: > 0; logits are divided by it.

        Returns:
            int32 `(B, H, W, C)`.
        """
        drawn = ops.cast(noise[..., 0] >= ops.sigmoid(-parameters / temperature), "int32")
        return ops.where(ops.isfinite(parameters), drawn, -1)


@_register
class Categorical(Distribution):
    """K levels; K logits per channel, no order assumed between levels (arXiv:1601.06759, 2.2).

    Parameters: `(B, H, W, C, K)`, unnormalised log-probabilities.
    """

    most_levels = MOST_LEVELS
    has_logits = True

    @property
    def size(self) -> int:
        return self.channels * self.levels

    def parameters(self, outputs: Any) -> Any:
        """Network outputs `(B, H, W, size)` as float32 logits `(B, H, W, C, K)`."""
        shape = (-1, *outputs.shape[1:3], self.channels, self.levels)
        return ops.cast(ops.reshape(outputs, shape), "float32")

    def log_likelihood(self, parameters: Any, images: Any) -> Any:
        """Log-probability of integer `images` `(B, H, W, C)`, nats, `(B, H, W)`."""
        # One fused operation: at 256 levels the logits are most of a step's memory.
        images = ops.cast(images, "int32")
        nats = ops.sparse_categorical_crossentropy(images, parameters, from_logits=True)
        return -ops.sum(nats, axis=-1)

    def probabilities(self, parameters: Any, images: Any = None) -> Any:
        """Probability of each level, `(B, H, W, C, K)`."""
        return ops.softmax(parameters, axis=-1)

    def mean(self, parameters: Any) -> Any:
        """Expected level, `(B, H, W, C)`."""
        values = ops.arange(self.levels, dtype=parameters.dtype)
        return ops.sum(self.probabilities(parameters) * values, axis=-1)

    def sample(self, parameters: Any, noise: Any, temperature: float = 1.0) -> Any:
        """Draw levels.

        Args:
            parameters: `(B, H, W, C, K)`.
            noise: uniform in [0, 1), `(B, H, W, C, 1)`.
            temperature: > 0; logits are divided by it.

        Returns:
            int32 `(B, H, W, C)`.
        """
        cumulative = ops.cumsum(self.probabilities(parameters / temperature), axis=-1)
        # The last level takes what rounding leaves of the sum, so noise near 1 cannot overshoot.
        drawn = ops.sum(ops.cast(noise >= cumulative[..., :-1], "int32"), axis=-1)
        # One NaN or infinity among the logits makes a NaN of the sum.
        return ops.where(ops.isnan(cumulative[..., -1]), -1, drawn)
