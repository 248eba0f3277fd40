"""What all distributions of a pixel share.

B batch, H rows, W columns, C channels, K levels.
"""

from typing import Any

import numpy as np
from keras import ops

from pcnnlib._internal.errors import UsageError, check_int, not_finite
from pcnnlib._internal.levels import MOST_SHADES, as_levels, check_levels


class Distribution:
    """A distribution of the C values of one pixel over the levels 0 .. K-1.

    Made without `levels` it is a description, such as `LogisticMixture(components=10)`; a model
    makes it fit its images by `for_images`.

    Args:
        levels: K, values a channel can take; None if the model sets it later.
        channels: C.

    Attributes:
        channelwise: whether the network itself orders the channels (R before G before B); a
            sampler then runs the network once per channel instead of once per pixel.
        noise_per_channel: uniform numbers needed per channel to draw one sample.
        most_levels: largest K that it takes.
        has_logits: whether its parameters are log-probabilities or log-odds.
    """

    channelwise = True
    noise_per_channel = 1
    most_levels = MOST_SHADES
    has_logits = False

    def __init__(self, levels: int | None = None, channels: int = 1) -> None:
        self.levels: Any = None
        if levels is not None:
            self.levels = check_levels(levels, self.most_levels)
        self.channels = check_int("channels", channels, 1)

    def for_images(self, levels: int, channels: int) -> "Distribution":
        """The same distribution, of pixels with these levels and channels.

        Raises:
            UsageError: levels that do not suit it, or a distribution of other levels or channels.
        """
        if self.levels is None:
            return type(self)(**{**self.get_config(), "levels": levels, "channels": channels})
        if (self.levels, self.channels) != (levels, channels):
            raise UsageError(
                f"distribution {self!r} does not fit images of {levels} levels and {channels} "
                "channels: leave levels and channels out of it"
            )
        return self

    def description(self) -> "Distribution":
        """The same distribution without levels and channels, as a model's configuration has it."""
        config = self.get_config()
        config.pop("levels", None), config.pop("channels", None)
        return type(self)(**config)

    @property
    def channel_groups(self) -> int:
        """Groups of features that the network must keep in order: one, or one per channel."""
        return self.channels if self.channelwise else 1

    def per_channel(self, parameters: Any, images: Any) -> Any:
        """The prediction of each channel, given the earlier channels of its pixel.

        Args:
            parameters: as `parameters` gives them, `(B, H, W, ...)`.
            images: integer `(B, H, W, C)`, the actual values.

        Returns:
            `(B, H, W, C, ...)`. Where the network itself orders the channels, the parameters.
        """
        return parameters

    def sample_given(
        self, parameters: Any, noise: Any, temperature: float, image: Any, keep: Any
    ) -> Any:
        """Draw the channels that are not kept, each given the earlier ones of its pixel.

        Args:
            parameters, noise, temperature: as for `sample`.
            image: int32 `(B, H, W, C)`.
            keep: bool, same shape: where the values of `image` are kept.

        Returns:
            int32 `(B, H, W, C)`; -1 is drawn from parameters that are not finite.
        """
        return ops.where(keep, image, self.sample(parameters, noise, temperature))

    # What a subclass defines.

    @property
    def size(self) -> int:
        """Numbers per pixel that the network must give."""
        raise NotImplementedError

    def parameters(self, outputs: Any) -> Any:
        """Network outputs `(B, H, W, size)` as parameters, float32 `(B, H, W, ...)`."""
        raise NotImplementedError

    def log_likelihood(self, parameters: Any, images: Any) -> Any:
        """Log-probability of integer `images` `(B, H, W, C)`, nats, `(B, H, W)`."""
        raise NotImplementedError

    def probabilities(self, parameters: Any, images: Any = None) -> Any:
        """Probability of each level, `(B, H, W, C, K)`, given the actual earlier channels."""
        raise NotImplementedError

    def mean(self, parameters: Any) -> Any:
        """Expected level, `(B, H, W, C)`."""
        raise NotImplementedError

    def sample(self, parameters: Any, noise: Any, temperature: float = 1.0) -> Any:
        """Draw levels, int32 `(B, H, W, C)`, by inversion from uniform noise.

        Nothing can be drawn from parameters that are not finite: -1 stands there, and
        `drawn_levels` refuses it.

        Args:
            parameters: `(B, H, W, ...)`.
            noise: uniform in [0, 1), `(B, H, W, C, noise_per_channel)`.
            temperature: > 0.
        """
        raise NotImplementedError

    def get_config(self) -> dict:
        return {} if self.levels is None else {"levels": self.levels, "channels": self.channels}

    @classmethod
    def from_config(cls, config: dict) -> "Distribution":
        return cls(**config)

    def __eq__(self, other):
        return type(self) is type(other) and self.get_config() == other.get_config()

    def __hash__(self):
        return hash((type(self), *self.get_config().items()))

    def __repr__(self):
        values = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({values})"


def drawn_levels(values: Any, levels: int) -> np.ndarray:
    """What `sample` has drawn of K levels, in the smallest type that holds them.

    Raises:
        UsageError: some was drawn from parameters that are not finite.
    """
    values = ops.convert_to_numpy(values)
    if values.size and values.min() < 0:
        raise not_finite("parameters of a pixel", "draw from")
    return as_levels(values, levels)
