"""What a pixel's value may be: distributions over the levels 0 .. K-1.

A network's head gives `size` numbers per pixel; a distribution turns them into parameters, a
log-likelihood (nats), a sample or a mean. Samples are drawn by inversion from uniform noise that
the caller supplies: the same noise gives the same image, whichever way the parameters were
computed.
"""

from pcnnlib._internal.errors import UsageError
from pcnnlib.nn.distributions.base import Distribution, drawn_levels
from pcnnlib.nn.distributions.discrete import Bernoulli, Categorical
from pcnnlib.nn.distributions.mixture import LogisticMixture

# Short names, for the command line and for `distribution="categorical"`.
DISTRIBUTIONS = {
    "bernoulli": Bernoulli,
    "categorical": Categorical,
    "logistic_mixture": LogisticMixture,
}

__all__ = [
    "DISTRIBUTIONS",
    "Bernoulli",
    "Categorical",
    "Distribution",
    "LogisticMixture",
    "drawn_levels",
    "resolve_distribution",
]


def resolve_distribution(
    distribution: Distribution | str | None, levels: int, channels: int
) -> Distribution:
    """The distribution of a model's pixels.

    Args:
        distribution: `Distribution`, a name in `DISTRIBUTIONS`, or None for Bernoulli where there
            are 2 levels and categorical elsewhere.
        levels: K of the images.
        channels: C of the images.

    Returns:
        `Distribution` for these levels and channels.

    Raises:
        UsageError: unknown name, or levels that do not suit it.
    """
    if distribution is None:
        distribution = "bernoulli" if levels == 2 else "categorical"
    if isinstance(distribution, str) and distribution in DISTRIBUTIONS:
        distribution = DISTRIBUTIONS[distribution]()
    if not isinstance(distribution, Distribution):
        names = ", ".join(repr(name) for name in DISTRIBUTIONS)
        raise UsageError(
            f"distribution must be one of {names}, a Distribution or None, got {distribution!r}"
        )
    return distribution.for_images(levels, channels)
