"""Vector quantisation: each vector becomes the number of the nearest one in a learned codebook.

Follows van den Oord et al. 2017 (arXiv:1711.00937): section 3.2 for the losses, appendix A.1 for
the codebook by moving averages; codes that are hardly used are put where vectors are, as in
Lancucki et al. 2020 (arXiv:2005.08520). N vectors, K codes, D numbers in a vector.
"""

from typing import Any

import keras
from keras import ops

from pcnnlib._internal.errors import UsageError, check_number, check_size, check_weights
from pcnnlib._internal.levels import MOST_LEVELS

_register = keras.saving.register_keras_serializable("pcnnlib")


@_register
class VectorQuantizer(keras.layers.Layer):
    """The nearest vectors of a codebook, which follows the vectors it stands for.

    A code's vector is the moving average of the vectors that were nearest to it. The gradient goes
    straight through: that of the result is taken for that of the input. `beta` times the squared
    distance between both is added to the loss, per image, and holds the input to its code.

    The codebook is the layer's own business: it has no gradient, and is changed where `training` is
    true and nowhere else. In the first step, and whenever a code is hardly used any more, it takes
    the place of a vector of the batch, chosen at random.

    Args:
        codes: K, at least 2.
        size: D.
        decay: of the moving averages, in [0, 1).
        beta: weight of the distance to the code, the commitment loss.
        revive: a code is dead if it is used less than this share of the mean; 0: none ever is.
        seed: of the choice.

    Input shape:
        `(B, h, w, D)`.

    Output shape:
        The same. `codes` gives the numbers, int32 `(B, h, w, 1)`.

    Attributes:
        codebook: `(K, D)`.
        use: `(K,)`, moving average of how often each code is used in a batch.
        used: `(K,)`, how often each was in the last batch; for whoever called the layer.
    """

    def __init__(
        self,
        codes: int,
        size: int,
        *,
        decay: float = 0.99,
        beta: float = 0.25,
        revive: float = 0.03,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        # Distances are differences of near numbers, and averages move by little.
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.n_codes = check_size("codes", codes, "features", 2)
        if self.n_codes > MOST_LEVELS:
            raise UsageError(f"codes must be an integer 2..{MOST_LEVELS}, got {codes}")
        self.size = check_size("code_size", size, "features")
        check_weights({"codes": codes, "code_size": size}, codes * size)
        self.decay = check_number("decay", decay, 0.0)
        if self.decay >= 1:
            raise UsageError(f"decay must be below 1, got {decay}")
        self.beta = check_number("beta", beta, 0.0)
        self.revive = check_number("revive", revive, 0.0, 1.0)
        self.seed = seed
        self.random = keras.random.SeedGenerator(seed)
        self.used: Any = None

    def build(self, input_shape: Any = None) -> None:
        # Of devices that share a batch, each sees its own part: they agree on the mean.
        shared: Any = {"trainable": False, "aggregation": "mean"}
        shape = (self.n_codes, self.size)
        self.codebook = self.add_weight(
            name="codebook",
            shape=shape,
            initializer=keras.initializers.RandomNormal(stddev=1.0, seed=self.seed),
            **shared,
        )
        self.use = self.add_weight(
            name="use",
            shape=shape[:1],
            initializer="ones" if not self.revive else "zeros",
            **shared,
        )
        self.built = True

    def codes(self, vectors: Any) -> Any:
        """The number of the nearest code of each vector, int32 `(..., 1)` for `(..., D)`."""
        flat = ops.reshape(ops.cast(vectors, "float32"), (-1, self.size))
        return ops.reshape(self._nearest(flat), (-1, *vectors.shape[1:-1], 1))

    def vectors(self, codes: Any) -> Any:
        """The vectors of codes, `(..., D)` for int `(..., 1)`."""
        return ops.take(self.codebook, ops.cast(codes, "int32")[..., 0], axis=0)

    def _nearest(self, flat):
        # Without the square of the vector itself, which is the same for all codes.
        distances = ops.sum(self.codebook**2, axis=1) - 2 * ops.matmul(
            flat, ops.transpose(self.codebook)
        )
        return ops.cast(ops.argmin(distances, axis=1), "int32")

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        flat = ops.stop_gradient(ops.reshape(inputs, (-1, self.size)))
        nearest = self._nearest(flat)
        quantized = ops.reshape(ops.take(self.codebook, nearest, axis=0), ops.shape(inputs))
        quantized = ops.stop_gradient(quantized)
        per_image = ops.sum((inputs - quantized) ** 2, axis=tuple(range(1, len(inputs.shape))))
        self.add_loss(self.beta * ops.mean(per_image))
        self.used = self._count(nearest, ops.ones_like(flat[:, :1]))[:, 0]
        if training:
            self._follow(flat, nearest)
        return inputs + ops.stop_gradient(quantized - inputs)

    def _count(self, nearest, values):
        """Sum of the values of each code, `(K, ...)`."""
        return ops.segment_sum(values, nearest, num_segments=self.n_codes)

    def _follow(self, flat, nearest):
        """Move the codebook: the averages of how often a code is used, and of what for."""
        codebook = ops.convert_to_tensor(self.codebook)
        before = codebook * self.use[:, None]  # so far, the sum of what it was used for
        use = self.decay * self.use + (1 - self.decay) * self.used
        sums = self.decay * before + (1 - self.decay) * self._count(nearest, flat)
        if self.revive:
            mean = ops.mean(use)
            dead = use < self.revive * mean
            n = ops.shape(flat)[0]
            chance = keras.random.uniform((self.n_codes,), seed=self.random)
            rows = ops.cast(chance * ops.cast(n, "float32"), "int32")
            chosen = ops.take(flat, ops.minimum(rows, n - 1), axis=0)
            use = ops.where(dead, mean, use)
            sums = ops.where(dead[:, None], chosen * mean, sums)
        self.use.assign(use)
        # A code that is never used has an average of nothing, and stays where it is.
        known = use[:, None] > 1e-12
        moved = sums / ops.where(known, use[:, None], 1.0)
        self.codebook.assign(ops.where(known, moved, codebook))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict:
        config = super().get_config()
        config.pop("dtype", None)
        return {
            **config,
            "codes": self.n_codes,
            "size": self.size,
            "decay": self.decay,
            "beta": self.beta,
            "revive": self.revive,
            "seed": self.seed,
        }


@_register
class CodebookUse(keras.metrics.Metric):
    """How a codebook is used: `perplexity` and `codes_used`, over all batches of an epoch.

    The perplexity is e to the entropy of the codes' shares: the number of codes that, used equally
    often, would tell as much.

    Args:
        codes: K.
        prefix: of both names, where there is more than one codebook.
    """

    def __init__(
        self, codes: int, prefix: str = "", name: str = "codebook_use", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.codes, self.prefix = codes, prefix
        self.counts = self.add_variable(shape=(codes,), initializer="zeros", name="counts")

    def update_state(self, used: Any) -> None:
        """Add a batch's counts, `(K,)`."""
        self.counts.assign_add(used)

    def result(self) -> dict:
        shares = self.counts / ops.maximum(ops.sum(self.counts), 1.0)
        entropy = -ops.sum(shares * ops.log(ops.maximum(shares, 1e-12)))
        used = ops.sum(ops.cast(self.counts > 0, "float32"))
        return {f"{self.prefix}perplexity": ops.exp(entropy), f"{self.prefix}codes_used": used}

    def get_config(self) -> dict:
        return {**super().get_config(), "codes": self.codes, "prefix": self.prefix}
