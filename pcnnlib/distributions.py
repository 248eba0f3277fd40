"""What a pixel's value may be: distributions over the levels 0 .. K-1.

A network's head gives `size` numbers per pixel; a distribution turns them into parameters, a
log-likelihood (nats), a sample or a mean. B batch, H rows, W columns, C channels, K levels.

Samples are drawn by inversion from uniform noise that the caller supplies. The same noise gives the
same image, whichever way the parameters were computed.
"""

import keras
from keras import ops

from pcnnlib.errors import UsageError, check_int

_register = keras.saving.register_keras_serializable("pcnnlib")


class Distribution:
    """A distribution of the `channels` values of one pixel.

    Attributes:
        levels: K, values a channel can take.
        channels: C.
        size: numbers per pixel that the network must give.
        channelwise: whether the network itself orders the channels (R before G before B); a
            sampler then needs one look at the network per channel instead of one per pixel.
        noise: uniform numbers needed per channel to draw one sample.
    """

    channelwise = True
    noise = 1

    def __init__(self, levels, channels=1):
        self.levels = check_int("levels", levels, 2, 256)
        self.channels = check_int("channels", channels, 1)

    def get_config(self):
        return {"levels": self.levels, "channels": self.channels}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@_register
class Bernoulli(Distribution):
    """Two levels; one logit per channel.

    Parameters: `(B, H, W, C)`, the log-odds of level 1.
    """

    def __init__(self, levels=2, channels=1):
        super().__init__(levels, channels)
        if levels != 2:
            raise UsageError(f"a Bernoulli pixel has 2 levels, got levels={levels}")
        self.size = channels

    def parameters(self, outputs):
        """Network outputs `(B, H, W, size)` as float32 logits `(B, H, W, C)`."""
        return ops.cast(outputs, "float32")

    def log_likelihood(self, parameters, images):
        """Log-probability of integer `images` `(B, H, W, C)`, nats, `(B, H, W)`."""
        images = ops.cast(images, parameters.dtype)
        # log p(x) = x*l - log(1 + e^l), stable for any logit l.
        return ops.sum(images * parameters - ops.softplus(parameters), axis=-1)

    def probabilities(self, parameters):
        """Probability of each level, `(B, H, W, C, 2)`."""
        return ops.stack([ops.sigmoid(-parameters), ops.sigmoid(parameters)], axis=-1)

    def mean(self, parameters):
        """Expected level, `(B, H, W, C)`."""
        return ops.sigmoid(parameters)

    def sample(self, parameters, noise, temperature=1.0):
        """Draw levels.

        Args:
            parameters: `(B, H, W, C)`.
            noise: uniform in [0, 1), `(B, H, W, C, 1)`.
            temperature: > 0; logits are divided by it.

        Returns:
            int32 `(B, H, W, C)`.
        """
        return ops.cast(noise[..., 0] >= ops.sigmoid(-parameters / temperature), "int32")


@_register
class Categorical(Distribution):
    """K levels; K logits per channel, no order assumed between levels (arXiv:1601.06759, 3.1).

    Parameters: `(B, H, W, C, K)`, unnormalised log-probabilities.
    """

    def __init__(self, levels, channels=1):
        super().__init__(levels, channels)
        self.size = channels * levels

    def parameters(self, outputs):
        """Network outputs `(B, H, W, size)` as float32 logits `(B, H, W, C, K)`."""
        shape = (-1, *outputs.shape[1:3], self.channels, self.levels)
        return ops.cast(ops.reshape(outputs, shape), "float32")

    def log_likelihood(self, parameters, images):
        """Log-probability of integer `images` `(B, H, W, C)`, nats, `(B, H, W)`."""
        index = ops.expand_dims(ops.cast(images, "int32"), -1)
        chosen = ops.take_along_axis(parameters, index, axis=-1)[..., 0]
        return ops.sum(chosen - ops.logsumexp(parameters, axis=-1), axis=-1)

    def probabilities(self, parameters):
        """Probability of each level, `(B, H, W, C, K)`."""
        return ops.softmax(parameters, axis=-1)

    def mean(self, parameters):
        """Expected level, `(B, H, W, C)`."""
        values = ops.arange(self.levels, dtype=parameters.dtype)
        return ops.sum(self.probabilities(parameters) * values, axis=-1)

    def sample(self, parameters, noise, temperature=1.0):
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
        return ops.sum(ops.cast(noise >= cumulative[..., :-1], "int32"), axis=-1)


DISTRIBUTIONS = {"bernoulli": Bernoulli, "categorical": Categorical}


def make_distribution(name, levels, channels):
    """The distribution called `name`; None means Bernoulli for 2 levels, else categorical.

    Raises:
        UsageError: unknown name, or levels that do not suit it.
    """
    check_int("levels", levels, 2, 256)
    if name is None:
        name = "bernoulli" if levels == 2 else "categorical"
    if name not in DISTRIBUTIONS:
        wanted = ", ".join(repr(n) for n in DISTRIBUTIONS)
        raise UsageError(f"distribution must be one of {wanted} or None, got {name!r}")
    return DISTRIBUTIONS[name](levels, channels=channels)
