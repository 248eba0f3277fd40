"""What all models of this library share: checks, the loss, likelihood and sampling.

Models are plain Keras models: integer levels `(B, H, W, C)` in, parameters of every pixel's
distribution out, and a loss of their own, nats per image. B batch, H rows, W columns, C channels.
"""

import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from pcnnlib import sampling
from pcnnlib._internal import backend
from pcnnlib._internal.devices import scale_for_replicas
from pcnnlib._internal.errors import UsageError, check_path, first_line, one_line_errors
from pcnnlib._internal.levels import as_levels, check_levels
from pcnnlib.data import Batches, CountEpochs
from pcnnlib.models.arguments import check_image_shape, check_keras_arguments
from pcnnlib.models.calls import arguments_by_name, as_callbacks
from pcnnlib.models.checks import Inputs, is_checked
from pcnnlib.models.likelihood import flop_per_image, log_likelihood
from pcnnlib.models.precision import as_dtype
from pcnnlib.nn.conditions import outside
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
        check_keras_arguments(self, kwargs)
        super().__init__(**kwargs)
        self.image_shape = check_image_shape(image_shape)
        self.levels = check_levels(levels)
        self.distribution = resolve_distribution(distribution, levels, self.image_shape[-1])
        self.channel_groups = self.distribution.channel_groups
        self.condition: Any = None
        self.orders = 1  # in which a model reads, see `pcnnlib.nn.raster.ORDERS`
        self.compiled_functions = backend.CompiledFunctions()

    def build(self, input_shape: Any = None) -> None:
        """The sizes are known since the constructor; nothing is left to build."""

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Configure training as in Keras; the loss is the model's own and need not be named.

        The optimiser is Adam by default. `jit_compile` is off by default because XLA's convolutions
        are the slower ones on CPUs under TensorFlow; JAX always compiles.

        Raises:
            UsageError: another loss.
        """
        arguments = arguments_by_name(super().compile, args, kwargs)
        for name in ("loss", "loss_weights"):
            if arguments.get(name) is not None:
                raise UsageError(
                    f"{name} must be None: the loss is the model's own, nats per image"
                )
        jit_compile = arguments.get("jit_compile", False) or keras.backend.backend() == "jax"
        super().compile(**{"optimizer": "adam", **arguments, "jit_compile": jit_compile})

    def compile_from_config(self, config: dict) -> None:
        """Compile as when saved; Keras needs this where `compile` has another default."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    @property
    def inputs_taken(self) -> Inputs:
        """What inputs this model takes, and the checks of them."""
        return Inputs(self.image_shape, self.levels, self.condition, self.orders)

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train as in Keras. `Batches` are taken in their own order, which their seed shuffled.

        There are no targets: `y` is not read. `sample_weight` counts without one.

        Raises:
            UsageError: images, conditions or weights that do not fit, in whatever form they come;
                of a stream, before the batch that holds them is trained on.
        """
        arguments = arguments_by_name(super().fit, args, kwargs)
        x, validation = arguments.get("x"), arguments.get("validation_data")
        if isinstance(x, Batches):
            arguments.setdefault("shuffle", False)
            arguments["callbacks"] = [CountEpochs(x), *as_callbacks(arguments.get("callbacks"))]
        elif x is not None and not is_checked(x):
            # Their levels are seen by the loss alone, which is then NaN.
            arguments["callbacks"] = [
                keras.callbacks.TerminateOnNaN(),
                *as_callbacks(arguments.get("callbacks")),
            ]
        if validation is not None:
            arguments["validation_data"] = self.inputs_taken.validation(validation)
        return self._checked(super().fit, (), arguments)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Mean loss as in Keras, nats per image; see `fit` for what is refused."""
        if kwargs.get("_use_cached_eval_dataset"):  # from `fit`, which has checked the data
            return super().evaluate(*args, **kwargs)
        return self._checked(super().evaluate, args, kwargs)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Parameters of every pixel's distribution, as in Keras; see `fit` for what is refused."""
        return self._checked(super().predict, args, kwargs)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """One step of training, as in Keras; see `fit` for what is refused."""
        return self._checked(super().train_on_batch, args, kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """The loss of one batch, as in Keras; see `fit` for what is refused."""
        return self._checked(super().test_on_batch, args, kwargs)

    def predict_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Parameters of one batch, as in Keras; see `fit` for what is refused."""
        return self._checked(super().predict_on_batch, args, kwargs)

    def _checked(self, method, args, kwargs):
        """Call a method of Keras with arguments that have been looked at."""
        arguments = self.inputs_taken.arguments(arguments_by_name(method, args, kwargs))
        with one_line_errors(), backend.keeping_variables(self):
            return method(**arguments)

    def scale(self, images: Any) -> Any:
        """Levels 0 .. K-1 as floats -1 .. 1. If K is even, no level equals the padding's 0."""
        dtype = keras.backend.standardize_dtype(images.dtype)
        if not dtype.startswith(("int", "uint", "bool")):
            raise UsageError(
                f"images must be integer levels 0..{self.levels - 1}, got {dtype}: "
                "the model scales them itself"
            )
        self.inputs_taken.check_shape(tuple(images.shape))
        return self.scale_levels(images)

    def scale_levels(self, levels: Any) -> Any:
        """`scale` without its checks, of any shape `(..., C)`: `(..., C)`, or C vectors."""
        # In half precision neighbouring levels would become one, and the middle one the padding.
        exact = "float64" if self.compute_dtype == "float64" else "float32"
        scaled = ops.cast(levels, exact) * (2 / (self.levels - 1)) - 1
        return ops.cast(scaled, self.compute_dtype)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Parameters of the distribution of every pixel, given the pixels before it.

        Args:
            inputs: integer images `(B, H, W, C)`, or `(images, condition)`; of a model that reads
                in several orders also those of the images, `(images, order)` or
                `(images, condition, order)`.

        Returns:
            The distribution's parameters: `(B, H, W, C)` logits for 2 levels,
            `(B, H, W, C, K)` for K, `(B, H, W, S)` for a mixture.

        Raises:
            UsageError: wrong shape, floats, a condition too many or one missing.
        """
        images, given = self.split_inputs(inputs)
        return self.predict_scaled(self.scale(images), self.encode_condition(given), training)

    def predict_scaled(self, scaled: Any, condition: Any = None, training: bool = False) -> Any:
        """`call` on images already scaled to floats; `condition` already encoded.

        In raster order: of a model that reads in several, images and result are reoriented.
        """
        return self.distribution.parameters(self.outputs_of(scaled, condition, training))

    def split_inputs(self, inputs: Any) -> tuple[Any, Any]:
        """`(images, given)`: None, a condition, orders, or `(condition, order)`."""
        return self.inputs_taken.parts(inputs)

    def encode_condition(self, given: Any) -> Any:
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
        """Mean negative log-likelihood, nats per image; NaN for levels or labels there are not.

        `fit` and the others refuse such data by name before it comes here, where it can be.
        """
        images, given = self.split_inputs(x)
        nats = -self.distribution.log_likelihood(y_pred, images)  # (B, H, W)
        nats = ops.sum(nats, axis=(1, 2))
        if sample_weight is not None:
            if len(sample_weight.shape) != 1:
                raise UsageError(
                    f"sample_weight must have shape (B,), got {tuple(sample_weight.shape)}"
                )
            nats = nats * ops.cast(sample_weight, nats.dtype)
        wrong = outside(images, self.levels)
        if given is not None:
            wrong = ops.logical_or(wrong, self.inputs_taken.impossible(given))
        # A sum with zero changes no bit of the loss, and nothing of its gradient.
        nan = ops.cast(ops.where(wrong, float("nan"), 0.0), nats.dtype)
        return scale_for_replicas(ops.mean(nats) + nan)

    def check_images(self, images: ArrayLike, name: str = "images") -> np.ndarray:
        """Return images as an integer array that fits the model, or raise `UsageError`."""
        return as_levels(self.inputs_taken.images(images, name), self.levels)

    def check_condition(self, condition: Any, n: int, order: Any = 0) -> Any:
        """What `n` images come with, as `call` takes it beside them, or raise `UsageError`.

        Args:
            condition: a row for each image, or None.
            n: images.
            order: 0 .. orders-1, one for all images or one for each.

        Returns:
            None; an array of `n` rows, the condition or the orders; or both, `(condition, order)`.
        """
        return self.inputs_taken.given(condition, n, order)

    def log_likelihood(
        self,
        images: ArrayLike,
        condition: Any = None,
        batch_size: int = 100,
        order: Any = 0,
    ) -> np.ndarray:
        """Log-probability of each image, nats, float64 `(B,)`.

        Args:
            images: integer levels `(B, H, W, C)`.
            condition: labels, vectors or maps, one row per image, for a conditional model.
            batch_size: images evaluated at once.
            order: in which the images are read, 0 .. orders-1, one for all or one for each; or
                "mixture": the log of the mean over all orders of the image's probability, which is
                exact too. It is never below the mean of their log-likelihoods, and costs as much
                as all of them.

        Raises:
            UsageError: images, condition or order that do not fit the model.
        """
        return log_likelihood(self, images, condition, batch_size, order)

    def log_likelihoods(self, images: ArrayLike, *args: Any, **kwargs: Any) -> tuple:
        """The parts that `log_likelihood` is the sum of: here one, that of the pixels."""
        return (self.log_likelihood(images, *args, **kwargs),)

    # Methods like any other, which need no more of a model than what is documented there.
    sample = sampling.sample
    flop_per_image = flop_per_image
    as_dtype = as_dtype

    def export(
        self,
        filepath: str | os.PathLike,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """Write the network for programs without this library, as in Keras.

        It takes images `(B, H, W, C)`, uint8 (uint16 above 256 levels), or `[images, condition]`
        with int32 labels or float32 numbers (int32 orders come last), and returns the parameters of
        every pixel's distribution. `format="onnx"` needs the extra `pcnnlib[onnx]`.

        Raises:
            UsageError: packages that the format needs are not installed.
        """
        if input_signature is None:
            input_signature = self.inputs_taken.signature()
        try:
            with backend.unfused():
                super().export(filepath, format, verbose, input_signature, **kwargs)
        except ImportError as error:
            raise UsageError(
                f'format "{format}" needs packages that are not installed '
                f'({first_line(error)}): pip install "pcnnlib[onnx]", or jax2onnx under JAX'
            ) from error

    def save(self, filepath: str | os.PathLike, *args: Any, **kwargs: Any) -> None:
        """Write the model as in Keras, to a `.keras` file.

        Raises:
            UsageError: another kind of file, or one of the former format, which Keras could not
                read again.
        """
        path = str(check_path("filepath", filepath))
        if path.endswith((".h5", ".hdf5")):
            raise UsageError(
                f"filepath must end in .keras, got {path!r}: Keras writes its former format, "
                "HDF5, but cannot read such a model from it"
            )
        # Only what is zipped has a name of its own; a model hub's address has none.
        zipped = kwargs.get("zipped", args[1] if len(args) > 1 else None)
        if not path.endswith(".keras") and not path.startswith("hf:") and zipped in (None, True):
            raise UsageError(f"filepath must end in .keras, got {path!r}")
        super().save(filepath, *args, **kwargs)

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
