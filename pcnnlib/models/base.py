"""What all models of this library share: checks, the loss, likelihood and sampling.

Models are plain Keras models: integer levels `(B, H, W, C)` in, parameters of every pixel's
distribution out, and a loss of their own, nats per image. B batch, H rows, W columns, C channels.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from pcnnlib import sampling
from pcnnlib._internal import backend
from pcnnlib._internal.devices import scale_for_replicas
from pcnnlib._internal.errors import UsageError, check_int
from pcnnlib.data import Batches, CountEpochs
from pcnnlib.nn.distributions import Distribution, LogisticMixture, resolve_distribution


class AutoregressiveModel(keras.Model):
    """What all models share: checks, the loss, likelihood and sampling.

    The joint probability is a product over pixels in raster order, and over channels within a
    pixel (equation 1 of arXiv:1606.05328).
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        levels: int,
        distribution: Distribution | str | None = None,
        **kwargs: Any,
    ) -> None:
        if "components" in kwargs:  # until version 0.2 an argument of every model
            raise UsageError(
                "components belongs to the distribution: "
                f"distribution=LogisticMixture(components={kwargs['components']!r})"
            )
        super().__init__(**kwargs)
        shape = tuple(image_shape) if np.iterable(image_shape) else ()
        if len(shape) != 3:
            raise UsageError(f"image_shape must be (H, W, C), got {image_shape!r}")
        self.image_shape = tuple(
            check_int(f"image_shape {n}", v, 1) for n, v in zip("HWC", shape, strict=True)
        )
        self.levels = check_int("levels", levels, 2, 256)
        self.distribution = resolve_distribution(distribution, levels, self.image_shape[-1])
        self.channel_groups = self.distribution.channel_groups
        self.condition: Any = None
        self.compiled_functions: dict = {}  # what `backend.compiled_once` made for this model

    def build(self, input_shape: Any = None) -> None:
        """The sizes are known since the constructor; nothing is left to build."""

    def compile(self, optimizer: str = "adam", *, jit_compile: bool = False, **kwargs: Any) -> None:
        """Configure training as in Keras; the loss is the model's own and need not be named.

        `jit_compile` is off by default because XLA's convolutions are the slower ones on CPUs under
        TensorFlow; JAX always compiles.
        """
        jit_compile = jit_compile or keras.backend.backend() == "jax"
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)

    def compile_from_config(self, config: dict) -> None:
        """Compile as when saved; Keras needs this where `compile` has another default."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(self, x: Any = None, y: Any = None, **kwargs: Any) -> Any:
        """Train as in Keras. `Batches` are taken in their own order, which their seed shuffled.

        Raises:
            UsageError: images that do not fit the model, as far as they are arrays or `Batches`.
        """
        images = x[0] if isinstance(x, (tuple, list)) and x else x
        if isinstance(x, Batches):
            images = x.split.images
            kwargs.setdefault("shuffle", False)
            kwargs["callbacks"] = [CountEpochs(x), *(kwargs.get("callbacks") or [])]
        # Within `fit` the values are not checked: a level too high lowers the loss without end.
        if isinstance(images, np.ndarray):
            self.check_images(images)
        return super().fit(x, y, **kwargs)

    def scale(self, images: Any) -> Any:
        """Levels 0 .. K-1 as floats -1 .. 1. If K is even, no level equals the padding's 0."""
        dtype = keras.backend.standardize_dtype(images.dtype)
        if not dtype.startswith(("int", "uint")):
            raise UsageError(
                f"images must be integer levels 0..{self.levels - 1}, got {dtype}: "
                "the model scales them itself"
            )
        if tuple(images.shape[1:]) != self.image_shape:
            raise UsageError(
                f"images must have shape (B, {', '.join(map(str, self.image_shape))}), "
                f"got {tuple(images.shape)}"
            )
        return self.scale_levels(images)

    def scale_levels(self, levels: Any) -> Any:
        """`scale` without its checks, of any shape."""
        return ops.cast(levels, self.compute_dtype) * (2 / (self.levels - 1)) - 1

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Parameters of the distribution of every pixel, given the pixels before it.

        Args:
            inputs: integer images `(B, H, W, C)`, or `(images, condition)`.

        Returns:
            The distribution's parameters: `(B, H, W, C)` logits for 2 levels,
            `(B, H, W, C, K)` for K, `(B, H, W, S)` for a mixture.

        Raises:
            UsageError: wrong shape, floats, a condition too many or one missing.
        """
        images, condition = self.split_inputs(inputs)
        return self.predict_scaled(self.scale(images), self.encode_condition(condition), training)

    def predict_scaled(self, scaled: Any, condition: Any = None, training: bool = False) -> Any:
        """`call` on images already scaled to floats; `condition` already encoded."""
        return self.distribution.parameters(self.outputs_of(scaled, condition, training))

    def split_inputs(self, inputs: Any) -> tuple[Any, Any]:
        """`(images, condition)`, with None for the condition of an unconditional model."""
        if isinstance(inputs, (tuple, list)):
            if self.condition is None:
                raise UsageError("this model takes images alone, got a condition as well")
            if len(inputs) != 2:
                raise UsageError(f"inputs must be (images, condition), got {len(inputs)} of them")
            return tuple(inputs)
        if self.condition is not None:
            raise UsageError(
                f"this model is conditioned on {self.condition!r}: "
                "inputs must be (images, condition), got images alone"
            )
        return inputs, None

    def encode_condition(self, condition: Any) -> Any:
        """What enters the gates, `(B, 1, 1, D)` or `(B, H, W, D)`; None if unconditional."""
        return None

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
        **kwargs: Any,
    ) -> Any:
        """Mean negative log-likelihood, nats per image."""
        images, _ = self.split_inputs(x)
        nats = -self.distribution.log_likelihood(y_pred, images)  # (B, H, W)
        nats = ops.sum(nats, axis=(1, 2))
        if sample_weight is not None:
            nats = nats * ops.cast(sample_weight, nats.dtype)
        return scale_for_replicas(ops.mean(nats))

    def check_images(self, images: ArrayLike, name: str = "images") -> np.ndarray:
        """Return images as an integer array that fits the model, or raise `UsageError`."""
        images = np.asarray(images)
        if images.dtype == bool:
            images = images.astype("uint8")
        if images.dtype.kind not in "iu":
            raise UsageError(
                f"{name} must be integer levels 0..{self.levels - 1}, got {images.dtype}"
            )
        if images.ndim != 4 or images.shape[1:] != self.image_shape:
            raise UsageError(
                f"{name} must have shape (B, {', '.join(map(str, self.image_shape))}), "
                f"got {images.shape}"
            )
        if images.size and (images.min() < 0 or images.max() >= self.levels):
            raise UsageError(
                f"{name} must hold levels 0..{self.levels - 1}, got {images.min()}..{images.max()}"
            )
        return images.astype("uint8")

    def check_condition(self, condition: Any, n: int) -> np.ndarray | None:
        """Return the condition as an array of `n` rows (None: none), or raise `UsageError`."""
        if self.condition is None:
            if condition is not None:
                raise UsageError("condition must be None: this model is unconditional")
            return None
        if condition is None:
            raise UsageError(
                f"condition is missing: this model is conditioned on {self.condition!r}"
            )
        condition = self.condition.check(condition)
        if len(condition) != n:
            raise UsageError(f"condition must have {n} rows, one per image, got {len(condition)}")
        return condition

    def log_likelihood(
        self, images: ArrayLike, condition: Any = None, batch_size: int = 100
    ) -> np.ndarray:
        """Log-probability of each image, nats, float64 `(B,)`.

        Args:
            images: integer levels `(B, H, W, C)`.
            condition: labels, vectors or maps, one row per image, for a conditional model.
            batch_size: images evaluated at once.

        Raises:
            UsageError: images or condition that do not fit the model.
        """
        images = self.check_images(images)
        condition = self.check_condition(condition, len(images))
        batch_size = check_int("batch_size", batch_size, 1)

        def likelihood(images, condition):
            inputs = images if condition is None else (images, condition)
            parameters = self(inputs, training=False)
            return ops.sum(self.distribution.log_likelihood(parameters, images), axis=(1, 2))

        compiled = backend.compiled_once(self, ("likelihood", batch_size), likelihood, xla=False)
        nats = []
        for first in range(0, len(images), batch_size):
            # The last batch is filled up: a new shape would be compiled anew.
            index = np.minimum(np.arange(first, first + batch_size), len(images) - 1)
            batch = ops.convert_to_tensor(images[index])
            rows = None if condition is None else ops.convert_to_tensor(condition[index])
            batch_nats = compiled(batch, rows)
            nats.append(ops.convert_to_numpy(batch_nats)[: len(images) - first])
        return np.concatenate([np.zeros(0), *nats]).astype("float64")

    # A method like any other; the sampler needs no more of a model than what is documented there.
    sample = sampling.sample

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "levels": self.levels,
            "distribution": keras.saving.serialize_keras_object(self.distribution.description()),
        }

    @classmethod
    def from_config(cls, config: dict) -> "AutoregressiveModel":
        return cls(**cls.constructor_arguments(config))

    @classmethod
    def constructor_arguments(cls, config: dict) -> dict:
        """The constructor's arguments of a configuration: what was serialised is an object again.

        A configuration from before version 0.2 is translated.
        """
        config = dict(config)
        if "components" in config:  # a name, with the number of a mixture's components beside it
            components = config.pop("components")
            if config["distribution"] == "logistic_mixture":
                config["distribution"] = LogisticMixture(components)
        for name in ("distribution", "condition"):
            if isinstance(config.get(name), dict):
                config[name] = keras.saving.deserialize_keras_object(config[name])
        return config
