"""Mixtures of discretised logistics, the distribution of PixelCNN++.

B batch, H rows, W columns, C channels, K levels, M components of a mixture.
"""

import functools
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from pcnnlib._internal.errors import UsageError, check_size
from pcnnlib.nn.distributions.base import Distribution

_register = keras.saving.register_keras_serializable("pcnnlib")


# Larger outputs change no probability, and sums of their products stay finite in float32.
LARGEST_OUTPUT = 1e20
# Below exp(-7), a quarter of a bin's half-width at 256 levels, a component already puts 97% of its
# mass on one level; the code of PixelCNN++ has the same bound. It keeps the gradient of a mean,
# which grows with 1 / scale, from exploding on a few flat pixels. Above exp(7) all levels are
# equally likely, and a bin's mass must not round to 0.
LOG_SCALES = -7.0, 7.0
# The samplers divide scales further. At 1e-10 times any scale allowed the outcome is certain.
TEMPERATURES = 1e-10, 1e10


@_register
class LogisticMixture(Distribution):
    """Mixture of M discretised logistics with linked channels: PixelCNN++, arXiv:1701.05517, 2.1-2.

    Levels are scaled to [-1, 1] and stand for bins of width `2 / (K - 1)`; the first takes all
    below it, the last all above. One component is drawn for the whole pixel. Within it the mean of
    G is shifted by a multiple of the pixel's actual R, the mean of B by multiples of R and G
    (equation 3; each multiple is the tanh of an output, as in the paper's code), and so on for any
    number of channels. This dependence is applied *here*, to the actual values, when a likelihood
    is computed or a channel is drawn: the parameters of a pixel depend on none of its channels, and
    the network needs no channel masks.

    Parameters: `(B, H, W, S)` with `S = M (1 + 2C + C (C - 1) / 2)`: M mixture logits, then means
    and log-scales, each `(C, M)`, then the multiples before their tanh, `(C (C - 1) / 2, M)`, in
    the order GR, BR, BG. They have no axis of channels, for the logits belong to all of them;
    `per_channel` gives the mixture of each channel.

    Args:
        components: M, logistics in the mixture.
        levels: K; None if the model sets it later.
        channels: C.
    """

    channelwise = False
    noise_per_channel = 2  # one number draws the component, the other the logistic

    def __init__(self, components: int = 10, levels: int | None = None, channels: int = 1) -> None:
        super().__init__(levels, channels)
        self.components = check_size("components", components, "features")

    @property
    def size(self) -> int:
        channels = self.channels
        return self.components * (1 + 2 * channels + channels * (channels - 1) // 2)

    @property
    def bin(self) -> float:
        """Width of a level's bin, levels scaled to [-1, 1]."""
        return 2 / (self.levels - 1)

    @functools.cached_property
    def start(self) -> np.ndarray:
        """What is added to the network's outputs, float32 `(S,)`.

        An untrained network gives about zero. Components then lie side by side, instead of M times
        the same one, and wide enough that any colour costs about log2(K) bits a channel. All are
        grey, as most pixels nearly are.
        """
        components, channels = self.components, self.channels
        start = np.zeros((self.size // components, components), "float32")
        start[1 : channels + 1] = (np.arange(components) * 2 + 1) / components - 1
        start[channels + 1 : 2 * channels + 1] = math.log(0.25)
        return start.ravel()

    def parameters(self, outputs: Any) -> Any:
        """Network outputs `(B, H, W, S)` as float32 parameters of the same shape."""
        outputs = ops.cast(outputs, "float32")
        return ops.clip(outputs + self.start, -LARGEST_OUTPUT, LARGEST_OUTPUT)

    def log_likelihood(self, parameters: Any, images: Any) -> Any:
        """Log-probability of integer `images` `(B, H, W, C)`, nats, `(B, H, W)`."""
        logits, bins, _, _ = self._bins(parameters, images)
        return ops.logsumexp(ops.log_softmax(logits, axis=-1) + ops.sum(bins, axis=-2), axis=-1)

    def per_channel(self, parameters: Any, images: Any) -> Any:
        """The mixture of each channel, given the earlier channels of its pixel.

        The component of a pixel is uncertain: each earlier channel makes those likelier that
        predicted it well. Given them, a channel's distribution is a mixture of logistics again.

        Returns:
            float32 `(B, H, W, C, 3M)`: logarithms of weights that sum to 1; means, shifted;
            and log-scales.
        """
        logits, bins, means, log_scales = self._bins(parameters, images)
        # Weights before channel c: the prior times the likelihood of the channels before c.
        none = ops.zeros_like(bins[..., :1, :])
        earlier = ops.concatenate([none, ops.cumsum(bins[..., :-1, :], axis=-2)], axis=-2)
        weights = ops.log_softmax(logits[..., None, :] + earlier, axis=-1)
        return ops.concatenate([weights, means, log_scales], axis=-1)

    def probabilities(self, parameters: Any, images: Any = None) -> Any:
        """Probability of each level of each channel, given the actual earlier channels.

        Args:
            parameters: `(B, H, W, S)`.
            images: integer `(B, H, W, C)`; may be left out if there is one channel only.

        Returns:
            `(B, H, W, C, K)`.

        Raises:
            UsageError: several channels and no images.
        """
        if images is None:
            if self.channels > 1:
                raise UsageError(
                    f"images are missing: with {self.channels} channels, the probabilities of one "
                    "depend on the values of the ones before it"
                )
            images = ops.zeros((*parameters.shape[:3], 1), "int32")
        weights, means, log_scales = ops.split(self.per_channel(parameters, images), 3, axis=-1)
        levels = ops.arange(self.levels, dtype="int32")
        total = 0.0
        for k in range(self.components):  # all at once, they would need M times the memory
            bins = self._log_bin(levels, means[..., k : k + 1], log_scales[..., k : k + 1])
            total = total + ops.exp(weights[..., k : k + 1] + bins)
        return total

    def mean(self, parameters: Any) -> Any:
        """Expected level, `(B, H, W, C)`.

        Within a component each channel is taken at its expectation before the next is shifted by
        it: exact for the first channel, and for later ones as long as shifts do not push part of a
        component beyond the first or last level.
        """
        logits, means, log_scales, multiples = self._split(parameters)
        weights = ops.exp(ops.log_softmax(logits, axis=-1))
        expected: list = []  # per channel, of each component, (B, H, W, M), scaled to [-1, 1]
        for channel in range(self.channels):
            centre = self._shifted(channel, means, multiples, expected)
            expected.append(self._expected(centre, log_scales[..., channel, :]))
        mean = ops.sum(weights[..., None, :] * ops.stack(expected, axis=-2), axis=-1)
        return self._unscale(mean)

    def sample(self, parameters: Any, noise: Any, temperature: float = 1.0) -> Any:
        """Draw levels.

        Args:
            parameters: `(B, H, W, S)`.
            noise: uniform in [0, 1), `(B, H, W, C, 2)`.
            temperature: > 0; mixture logits are divided by it, scales multiplied.

        Returns:
            int32 `(B, H, W, C)`.
        """
        shape = tuple(noise.shape[:-1])
        keep_nothing = ops.zeros(shape, "int32"), ops.zeros(shape, "bool")
        return self.sample_given(parameters, noise, temperature, *keep_nothing)

    def sample_given(
        self, parameters: Any, noise: Any, temperature: float, image: Any, keep: Any
    ) -> Any:
        """See `Distribution.sample_given`. Channel by channel, each from its exact conditional.

        A component is drawn anew for every channel, from its probability given the channels so far.
        Together that is the same as one component for all of them, and it stays right where some
        channels are given instead of drawn.
        """
        logits, means, log_scales, multiples = self._split(parameters)
        temperature = ops.clip(ops.cast(temperature, "float32"), *TEMPERATURES)
        logits = logits / temperature
        log_scales = log_scales + ops.log(temperature)
        values: list = []
        scaled: list = []
        for channel in range(self.channels):
            centre = self._shifted(channel, means, multiples, scaled)
            spread = log_scales[..., channel, :]
            drawn = self._draw(logits, centre, spread, noise[..., channel, :])
            value = ops.where(keep[..., channel], image[..., channel], drawn)
            logits = logits + self._log_bin(value[..., None], centre, spread)
            values.append(value)
            scaled.append(self._scale(value[..., None]))
        return ops.stack(values, axis=-1)

    def get_config(self) -> dict:
        return {"components": self.components, **super().get_config()}

    def _split(self, parameters):
        """Mixture logits `(B, H, W, M)`, means, log-scales, multiples: each `(B, H, W, ?, M)`."""
        shape = (-1, *parameters.shape[1:3], self.size // self.components, self.components)
        table, last = ops.reshape(parameters, shape), 1 + 2 * self.channels
        means, log_scales = ops.split(table[..., 1:last, :], 2, axis=-2)
        log_scales = ops.clip(log_scales, *LOG_SCALES)
        return table[..., 0, :], means, log_scales, ops.tanh(table[..., last:, :])

    def _bins(self, parameters, images):
        """Mixture logits; log-probability of each value, shifted means, log-scales `(.., C, M)`."""
        logits, means, log_scales, multiples = self._split(parameters)
        images = ops.cast(images, "int32")[..., None]
        scaled = [self._scale(images[..., channel, :]) for channel in range(self.channels)]
        means = ops.stack(
            [self._shifted(c, means, multiples, scaled[:c]) for c in range(self.channels)], axis=-2
        )
        return logits, self._log_bin(images, means, log_scales), means, log_scales

    def _shifted(self, channel, means, multiples, earlier):
        """Means of a channel `(B, H, W, M)`, shifted by the values of the earlier ones."""
        mean = means[..., channel, :]
        first = channel * (channel - 1) // 2
        for index, value in enumerate(earlier):
            mean = mean + multiples[..., first + index, :] * value
        return mean

    def _scale(self, levels):
        return ops.cast(levels, "float32") * self.bin - 1

    def _unscale(self, values):
        return (values + 1) / self.bin

    def _log_bin(self, levels, mean, log_scale):
        """Log-probability that a logistic falls into the bin of a level; shapes broadcast.

        With `a` and `b` the bin's standardised edges,
        `log(sigmoid(b) - sigmoid(a)) = log sigmoid(b) + log sigmoid(-a) + log(1 - exp(a - b))`,
        and `b - a` is known without a subtraction: the bin's width over the scale. Nothing cancels.
        """
        # In units of a level, so that the upper edge of one bin *is* the lower edge of the next.
        width = ops.exp(-log_scale) * self.bin
        mean = self._unscale(mean)
        lower, upper = (ops.cast(levels, "float32") + edge - mean for edge in (-0.5, 0.5))
        not_first, not_last = levels > 0, levels < self.levels - 1
        below = ops.where(not_last, ops.log_sigmoid(upper * width), 0.0)
        above = ops.where(not_first, ops.log_sigmoid(-lower * width), 0.0)
        inner = ops.where(ops.logical_and(not_first, not_last), ops.log(-ops.expm1(-width)), 0.0)
        return below + above + inner

    def _expected(self, mean, log_scale):
        """Expected level of each component, `(B, H, W, M)`, scaled to [-1, 1]."""
        levels = ops.arange(self.levels, dtype="int32")
        bins = [
            ops.exp(self._log_bin(levels, mean[..., k : k + 1], log_scale[..., k : k + 1]))
            for k in range(self.components)  # all at once, they would need M times the memory
        ]
        return ops.stack([ops.sum(b * self._scale(levels), axis=-1) for b in bins], axis=-1)

    def _draw(self, logits, mean, log_scale, noise):
        """One channel by inversion, int32 `(B, H, W)`: a component, then its logistic."""
        cumulative = ops.cumsum(ops.exp(ops.log_softmax(logits, axis=-1)), axis=-1)
        chosen = ops.sum(ops.cast(noise[..., :1] >= cumulative[..., :-1], "int32"), axis=-1)
        one = ops.one_hot(chosen, self.components, dtype="float32")
        mean, log_scale = ops.sum(one * mean, axis=-1), ops.sum(one * log_scale, axis=-1)
        # Noise comes in steps of 2^-24; 0 stands for the first of them, not for minus infinity.
        uniform = ops.maximum(noise[..., 1], 2**-25)
        value = mean + ops.exp(log_scale) * (ops.log(uniform) - ops.log1p(-uniform))
        level = ops.clip(ops.round(self._unscale(value)), 0, self.levels - 1)
        # One NaN or infinity among the logits makes a NaN of their sum.
        broken = ops.isnan(value + cumulative[..., -1])
        return ops.where(broken, -1, ops.cast(level, "int32"))
