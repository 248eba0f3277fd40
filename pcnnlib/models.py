"""`PixelCNN`, the 2016 baseline with its blind spot, and `GatedPixelCNN`, without it.

Both are plain Keras models: integer levels `(B, H, W, C)` in, parameters of every pixel's
distribution out, and a loss of their own, nats per image. B batch, H rows, W columns, C channels,
F filters.
"""

import keras
import numpy as np
from keras import ops

from pcnnlib import backend, masks
from pcnnlib.conditions import Condition
from pcnnlib.data import Batches, CountEpochs
from pcnnlib.distributions import make_distribution
from pcnnlib.errors import UsageError, check_dilations, check_int, check_kernel_size, check_number
from pcnnlib.layers import CausalConv2D, GatedBlock, PixelHead, ResidualBlock

_register = keras.saving.register_keras_serializable("pcnnlib")


class AutoregressiveModel(keras.Model):
    """What both models share: checks, the loss, likelihood and sampling.

    The joint probability is a product over pixels in raster order, and over channels within a
    pixel (equation 1 of arXiv:1606.05328).
    """

    def __init__(self, image_shape, levels, distribution, components=10, **kwargs):
        super().__init__(**kwargs)
        shape = tuple(image_shape) if np.iterable(image_shape) else ()
        if len(shape) != 3:
            raise UsageError(f"image_shape must be (H, W, C), got {image_shape!r}")
        self.image_shape = tuple(
            check_int(f"image_shape {n}", v, 1) for n, v in zip("HWC", shape, strict=True)
        )
        self.levels = check_int("levels", levels, 2, 256)
        self.distribution_name = distribution
        self.components = components
        self.distribution = make_distribution(
            distribution, levels, self.image_shape[-1], components
        )
        self.channel_groups = self.distribution.channel_groups
        self.condition = None
        self.compiled_functions = {}  # what `backend.compiled` made for this model

    def build(self, input_shape=None):
        """The sizes are known since the constructor; nothing is left to build."""

    def compile(self, optimizer="adam", *, jit_compile=False, **kwargs):
        """Configure training as in Keras; the loss is the model's own and need not be named.

        `jit_compile` is off by default because XLA's convolutions are the slower ones on CPUs under
        TensorFlow; JAX always compiles.
        """
        jit_compile = jit_compile or keras.backend.backend() == "jax"
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)

    def compile_from_config(self, config):
        """Compile as when saved; Keras asks for this where `compile` has another default."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(self, x=None, y=None, **kwargs):
        """Train as in Keras. `Batches` are taken in their own order, which their seed shuffled.

        Raises:
            UsageError: images that do not fit the model, as far as they are arrays or `Batches`.
        """
        images = x[0] if isinstance(x, (tuple, list)) and x else x
        if isinstance(x, Batches):
            images = x.split.images
            kwargs.setdefault("shuffle", False)
            kwargs["callbacks"] = [CountEpochs(x), *(kwargs.get("callbacks") or [])]
        # Within `fit` nothing looks at the values: a level too high would train without end.
        if isinstance(images, np.ndarray):
            self.check_images(images)
        return super().fit(x, y, **kwargs)

    def scale(self, images):
        """Levels 0 .. K-1 as floats -1 .. 1, so that the zeros of the padding are no level."""
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
        return ops.cast(images, self.compute_dtype) * (2 / (self.levels - 1)) - 1

    def call(self, inputs, training=False):
        """Parameters of the distribution of every pixel, given the pixels before it.

        Args:
            inputs: integer images `(B, H, W, C)`, or `(images, condition)`.

        Returns:
            What the distribution calls its parameters: `(B, H, W, C)` logits for 2 levels,
            `(B, H, W, C, K)` for K, `(B, H, W, S)` for a mixture.

        Raises:
            UsageError: wrong shape, floats, a condition too many or one missing.
        """
        images, condition = self.split_inputs(inputs)
        return self.predict_scaled(self.scale(images), self.encode_condition(condition), training)

    def predict_scaled(self, scaled, condition=None, training=False):
        """`call` on images already scaled to floats; `condition` already encoded."""
        return self.distribution.parameters(self.outputs_of(scaled, condition, training))

    def split_inputs(self, inputs):
        """`(images, condition)`, with None for the condition of an unconditional model."""
        if isinstance(inputs, (tuple, list)):
            if self.condition is None:
                raise UsageError("this model takes images alone, got a condition as well")
            if len(inputs) != 2:
                raise UsageError(f"inputs must be (images, condition), got {len(inputs)} of them")
            return inputs
        if self.condition is not None:
            raise UsageError(
                f"this model is conditioned on {self.condition!r}: "
                "inputs must be (images, condition), got images alone"
            )
        return inputs, None

    def encode_condition(self, condition):
        """What enters the gates, `(B, 1, 1, D)` or `(B, H, W, D)`; None if unconditional."""
        return None

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True, **kwargs
    ):
        """Mean negative log-likelihood, nats per image."""
        images, _ = self.split_inputs(x)
        nats = -self.distribution.log_likelihood(y_pred, images)  # (B, H, W)
        nats = ops.sum(nats, axis=(1, 2))
        if sample_weight is not None:
            nats = nats * ops.cast(sample_weight, nats.dtype)
        return backend.scale_for_replicas(ops.mean(nats))

    def check_images(self, images, name="images"):
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

    def check_condition(self, condition, n):
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

    def log_likelihood(self, images, condition=None, batch_size=100):
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

        # One function per batch size: TensorFlow takes many sizes for a mistake, and warns.
        key = ("likelihood", batch_size)
        if key not in self.compiled_functions:
            self.compiled_functions[key] = backend.compiled(likelihood, self, xla=False)
        nats = []
        for first in range(0, len(images), batch_size):
            # The last batch is filled up: a new shape would be compiled anew.
            index = np.minimum(np.arange(first, first + batch_size), len(images) - 1)
            batch = ops.convert_to_tensor(images[index])
            keep = None if condition is None else ops.convert_to_tensor(condition[index])
            batch_nats = self.compiled_functions[key](batch, keep)
            nats.append(ops.convert_to_numpy(batch_nats)[: len(images) - first])
        return np.concatenate([np.zeros(0), *nats]).astype("float64")

    def sample(
        self,
        n,
        condition=None,
        *,
        seed=None,
        temperature=1.0,
        image=None,
        keep=None,
        method=None,
        progress=False,
        callback=None,
        return_log_likelihood=False,
    ):
        """Draw images pixel by pixel. See `pcnnlib.sampling.sample` for the arguments."""
        # Imported here: sampling knows the models' stacks, and models must not need sampling.
        from pcnnlib import sampling

        return sampling.sample(
            self,
            n,
            condition,
            seed=seed,
            temperature=temperature,
            image=image,
            keep=keep,
            method=method,
            progress=progress,
            callback=callback,
            return_log_likelihood=return_log_likelihood,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "levels": self.levels,
            "distribution": self.distribution_name,
            "components": self.components,
        }


@_register
class PixelCNN(AutoregressiveModel):
    """The PixelCNN of van den Oord et al. 2016 (arXiv:1601.06759): one stack, and a blind spot.

    A first masked convolution (type A), then residual blocks (type B) and a head of two 1x1
    convolutions. Stacking masked 3x3 kernels never reaches a triangle of pixels above and to the
    right: `pcnnlib.check_causality` finds it.

    Args:
        image_shape: `(H, W, C)`, any number of channels.
        levels: values a pixel can take, 2..256.
        filters: features F; half of them a multiple of C, unless a mixture orders the channels.
        blocks: residual blocks after the first convolution.
        first_kernel_size, kernel_size: odd, at least 3.
        distribution: "bernoulli", "categorical", "logistic_mixture" or None (by `levels`).
        components: M, logistics in the mixture; of no other distribution.

    Raises:
        UsageError: an argument out of range.
    """

    def __init__(
        self,
        image_shape,
        levels=2,
        filters=32,
        blocks=5,
        *,
        first_kernel_size=7,
        kernel_size=3,
        distribution=None,
        components=10,
        **kwargs,
    ):
        super().__init__(image_shape, levels, distribution, components, **kwargs)
        self.filters = check_int("filters", filters, 1)
        self.n_blocks = check_int("blocks", blocks, 1)
        self.first_kernel_size = check_kernel_size("first_kernel_size", first_kernel_size)
        self.kernel_size = check_kernel_size("kernel_size", kernel_size)
        policy = {"dtype": self.dtype_policy}
        self.first = CausalConv2D(
            filters,
            first_kernel_size,
            stack="raster",
            mask_type="A",
            channel_groups=self.channel_groups,
            name="first",
            **policy,
        )
        self.blocks = [
            ResidualBlock(
                filters,
                kernel_size,
                channel_groups=self.channel_groups,
                name=f"block_{i}",
                **policy,
            )
            for i in range(blocks)
        ]
        self.head = PixelHead(
            filters,
            self.distribution.size,
            channel_groups=self.channel_groups,
            name="head",
            **policy,
        )
        features = (None, *self.image_shape[:2], filters)
        self.first.build((None, *self.image_shape))
        for layer in (*self.blocks, self.head):
            layer.build(features)
        self.built = True

    def outputs_of(self, scaled, condition, training):
        features = self.first(scaled)
        for block in self.blocks:
            features = block(features)
        return self.head(features)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "blocks": self.n_blocks,
            "first_kernel_size": self.first_kernel_size,
            "kernel_size": self.kernel_size,
        }


@_register
class GatedPixelCNN(AutoregressiveModel):
    """The Gated PixelCNN of van den Oord et al. 2016 (arXiv:1606.05328), section 2.

    Two stacks of gated blocks: the vertical one sees all rows above, the horizontal one the row to
    the left, and together they have no blind spot.

    Args:
        image_shape: `(H, W, C)`, any number of channels.
        levels: K, values a pixel can take, 2..256.
        filters: features F of each stack; a multiple of C, unless a mixture orders the channels.
        blocks: gated blocks, the first (mask A) included.
        first_kernel_size, kernel_size: odd, at least 3.
        dilations: ints of at least 1, pixels from one tap to the next in the second block, the
            third and so on, from the start again when they run out; the first block has none. The
            same weights then see farther: 8 blocks of the default kernels see 10 pixels to the
            left, with `(1, 2, 4, 8)` 25 (Yu and Koltun 2016, arXiv:1511.07122). Dilations that
            would skip pixels are refused.
        head_filters: features between the head's two 1x1 convolutions; None means F.
        dropout: share of gated features dropped while training, in [0, 1).
        condition: None, `Labels(n)`, `Vector(dim)` or `Map((h, w, c))`; the inputs are then
            `(images, condition)`.
        distribution: "bernoulli", "categorical", "logistic_mixture" or None (by `levels`).
        components: M, logistics in the mixture; of no other distribution.

    Raises:
        UsageError: an argument out of range.

    >>> GatedPixelCNN((8, 8, 1), levels=17, filters=8, blocks=2)(np.zeros((4, 8, 8, 1), int)).shape
    TensorShape([4, 8, 8, 1, 17])
    """

    def __init__(
        self,
        image_shape,
        levels=2,
        filters=32,
        blocks=5,
        *,
        first_kernel_size=7,
        kernel_size=3,
        dilations=(1,),
        head_filters=None,
        dropout=0.0,
        condition=None,
        distribution=None,
        components=10,
        **kwargs,
    ):
        super().__init__(image_shape, levels, distribution, components, **kwargs)
        self.filters = check_int("filters", filters, 1)
        self.n_blocks = check_int("blocks", blocks, 1)
        self.first_kernel_size = check_kernel_size("first_kernel_size", first_kernel_size)
        self.kernel_size = check_kernel_size("kernel_size", kernel_size)
        self.dilations = check_dilations(dilations)
        by_block = [self.dilations[i % len(self.dilations)] for i in range(blocks - 1)]
        skipped = masks.unseen_between(first_kernel_size, kernel_size, by_block)
        if skipped:
            raise UsageError(
                f"dilations {self.dilations} skip pixels, those at a distance of "
                f"{', '.join(map(str, skipped[:5]))}{' ...' if skipped[5:] else ''}: "
                "begin with smaller ones, or with a larger first_kernel_size"
            )
        self.head_filters = (
            None if head_filters is None else check_int("head_filters", head_filters, 1)
        )
        self.dropout = check_number("dropout", dropout, 0.0)
        if self.dropout >= 1:
            raise UsageError(f"dropout must be below 1, got {dropout}")
        if condition is not None and not isinstance(condition, Condition):
            raise UsageError(
                "condition must be None, Labels(n), Vector(dim) or Map((h, w, c)), "
                f"got {condition!r}"
            )
        self.condition = condition
        policy = {"dtype": self.dtype_policy}
        shared = {
            "channel_groups": self.channel_groups,
            "dropout": dropout,
            "conditional": condition is not None,
            **policy,
        }
        self.blocks = [
            GatedBlock(
                filters,
                kernel_size if i else first_kernel_size,
                mask_type="B" if i else "A",
                dilation=by_block[i - 1] if i else 1,
                last=i == blocks - 1,
                name=f"block_{i}",
                **shared,
            )
            for i in range(blocks)
        ]
        self.head = PixelHead(
            head_filters or filters,
            self.distribution.size,
            channel_groups=self.channel_groups,
            name="head",
            **policy,
        )
        self._build_layers(policy)

    def _build_layers(self, policy):
        condition_shape = self.condition_encoder = None
        if self.condition is not None:
            self.condition_encoder = self.condition.make_encoder(
                self.image_shape, dtype=policy["dtype"]
            )
            if self.condition_encoder is not None:
                self.condition_encoder.build((None, *self.condition.shape))
            condition_shape = (None, 1, 1, self.condition.depth)
        shape = (None, *self.image_shape)
        for block in self.blocks:
            block.build(shape, shape, condition_shape)
            shape = (None, *self.image_shape[:2], self.filters)
        self.head.build(shape)
        self.built = True

    def encode_condition(self, condition):
        if self.condition is None:
            return None
        dtype = keras.backend.standardize_dtype(condition.dtype)
        if not self.condition.shape and not dtype.startswith(("int", "uint")):
            raise UsageError(f"condition must be integer labels, got {dtype}")
        if tuple(condition.shape[1:]) != tuple(self.condition.shape):
            raise UsageError(
                f"condition must have shape (B, ...) for {self.condition!r}, "
                f"got {tuple(condition.shape)}"
            )
        encoded = self.condition.encode(self.condition_encoder, condition)
        return ops.cast(encoded, self.compute_dtype)

    def outputs_of(self, scaled, condition, training):
        vertical = horizontal = scaled
        for block in self.blocks:
            vertical, horizontal = block(vertical, horizontal, condition, training=training)
        return self.head(horizontal)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "blocks": self.n_blocks,
            "first_kernel_size": self.first_kernel_size,
            "kernel_size": self.kernel_size,
            "dilations": self.dilations,
            "head_filters": self.head_filters,
            "dropout": self.dropout,
            "condition": keras.saving.serialize_keras_object(self.condition),
        }

    @classmethod
    def from_config(cls, config):
        condition = keras.saving.deserialize_keras_object(config.pop("condition", None))
        return cls(condition=condition, **config)
