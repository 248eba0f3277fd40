"""The same model in another precision."""

from typing import Any

from pcnnlib._internal.errors import UsageError
from pcnnlib.models.arguments import check_dtype


def in_float32(model: Any) -> Any:
    """A model as it is tested, drawn from and published: itself, or if it was trained in a lower
    precision, which other machines are slow to compute in, one in float32.
    """
    return model if model.compute_dtype == "float32" else as_dtype(model, "float32")


def as_dtype(self: Any, dtype: str) -> Any:
    """A model with the same weights that computes in another dtype, such as "float32".

    For one that was trained in bfloat16 to be tested and drawn from where that is slow.

    Args:
        dtype: of the copy, a name or a policy of Keras.

    Raises:
        UsageError: a type in which no network computes.
    """
    if dtype is None:
        raise UsageError("dtype must be named, got None")
    check_dtype(dtype)
    config = {**self.get_config(), "dtype": dtype}
    if "autoencoder" in config:  # that of a `LatentPrior`, whose config would keep its own dtype
        config["autoencoder"] = as_dtype(self.autoencoder, dtype)
    copy = type(self).from_config(config)
    copy.set_weights(self.get_weights())
    return copy
