"""Likelihood in the field's units, receptive fields, and whether a model is causal.

H rows, W columns, C channels, K levels. "Before" means raster order: row by row, left to right, and
R before G before B within a pixel.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from keras import ops

from pcnnlib import backend
from pcnnlib.conditions import Labels
from pcnnlib.errors import UsageError, check_int


@dataclass(frozen=True)
class Likelihood:
    """Negative log-likelihood of a set of images, and its standard error.

    Attributes:
        nats_per_image: mean over images.
        nats_per_pixel: per pixel, all its channels together.
        bits_per_dim: per pixel and channel, in bits.
        standard_error: of `nats_per_image`, from the spread between images.
        images: how many.
    """

    nats_per_image: float
    nats_per_pixel: float
    bits_per_dim: float
    standard_error: float
    images: int

    @classmethod
    def of(cls, nats, image_shape):
        """From the negative log-likelihood of each image, nats, `(N,)`."""
        height, width, channels = image_shape
        mean = float(np.mean(nats))
        spread = float(np.std(nats, ddof=1)) if len(nats) > 1 else float("nan")
        return cls(
            nats_per_image=mean,
            nats_per_pixel=mean / (height * width),
            bits_per_dim=mean / (height * width * channels * math.log(2)),
            standard_error=spread / math.sqrt(len(nats)),
            images=len(nats),
        )

    def __str__(self):
        return (
            f"{self.nats_per_image:.2f} ± {self.standard_error:.2f} nats/image, "
            f"{self.nats_per_pixel:.4f} nats/pixel, {self.bits_per_dim:.4f} bits/dim"
        )


def evaluate(model, split, batch_size=100):
    """Likelihood of a split under a model.

    Args:
        model: `PixelCNN`, `GatedPixelCNN` or an autoencoder; a conditional one is given the
            split's labels or conditions.
        split: `Split`; its fixed `images` are evaluated.
        batch_size: images at once.

    Returns:
        `Likelihood`.

    Raises:
        UsageError: images that do not fit the model, or labels or conditions that are missing.
    """
    given = None if model.condition is None else model.condition.of(split)
    return Likelihood.of(-model.log_likelihood(split.images, given, batch_size), model.image_shape)


def flop_per_image(model):
    """Floating-point operations of one forward pass on one image.

    A step of training costs about three times as many: the backward pass has two products for each
    one forward.

    Args:
        model: `PixelCNN`, `GatedPixelCNN` or an autoencoder.

    Returns:
        int; a multiplication and an addition are two.
    """
    inputs = np.zeros((1, *model.image_shape), "uint8")
    if model.condition is not None:
        shape = model.condition.shape
        inputs = inputs, np.zeros((1, *shape), "float32" if shape else "int64")
    return backend.flop(lambda x: model(x), inputs, model)


def nearest(images, among, batch_size=5000):
    """For each image the one most like it among others: has a model learnt any by heart?

    Args:
        images: integer levels `(N, H, W, C)`.
        among: integer levels `(M, H, W, C)`, at least one.
        batch_size: of `among` at once.

    Returns:
        `(index (N,), distance (N,))`: the first image with the smallest sum of squared differences,
        and that sum; for binary images the number of pixels that differ.

    Raises:
        UsageError: images of another shape, or none to compare with.
    """
    images, among = np.asarray(images), np.asarray(among)
    if images.shape[1:] != among.shape[1:] or not len(among):
        raise UsageError(
            f"among must be images like the others, (M, {str(images.shape[1:])[1:]}, "
            f"got shape {among.shape}"
        )
    flat = images.reshape(len(images), math.prod(images.shape[1:])).astype("float64")
    index, distance = np.zeros(len(flat), int), np.full(len(flat), np.inf)
    for start in range(0, len(among), check_int("batch_size", batch_size, 1)):
        others = among[start : start + batch_size].reshape(-1, flat.shape[1]).astype("float64")
        products = (others**2).sum(axis=1) - 2 * flat @ others.T
        closest = products.argmin(axis=1)
        found = products[np.arange(len(flat)), closest] + (flat**2).sum(axis=1)
        better = found < distance
        index[better], distance[better] = start + closest[better], found[better]
    return index, distance


def class_log_likelihoods(model, images, batch_size=100):
    """What the model thinks of each image under each class: log p(x | y).

    Args:
        model: conditioned on `Labels`.
        images: integer levels `(N, H, W, C)`.
        batch_size: images at once.

    Returns:
        float64 `(N, classes)`, nats.

    Raises:
        UsageError: a model without labels, or images that do not fit it.
    """
    if not isinstance(model.condition, Labels):
        raise UsageError(f"model must be conditioned on Labels, got {model.condition!r}")
    per_class = [
        model.log_likelihood(images, np.full(len(images), label), batch_size)
        for label in range(model.condition.n)
    ]
    return np.stack(per_class, axis=1)


def posterior(log_likelihoods, prior=None):
    """Bayes' rule: the probability of each class given the image, p(y | x).

    Args:
        log_likelihoods: log p(x | y), nats, `(..., classes)`.
        prior: p(y), `(classes,)`; all classes alike if None.

    Returns:
        `(probabilities (..., classes), log p(x) (...))`, float64; the second is the image's
        log-likelihood with the label summed out.

    Raises:
        UsageError: a prior of another size, or one that is no distribution.
    """
    scores = np.asarray(log_likelihoods, "float64")
    classes = scores.shape[-1]
    prior = np.full(classes, 1 / classes) if prior is None else np.asarray(prior, "float64")
    if prior.shape != (classes,) or (prior < 0).any() or not np.isclose(prior.sum(), 1):
        raise UsageError(f"prior must be {classes} probabilities that sum to 1, got {prior}")
    with np.errstate(divide="ignore"):  # a class that never occurs
        scores = scores + np.log(prior)
    top = scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores - top)
    total = weights.sum(axis=-1, keepdims=True)
    return weights / total, (top + np.log(total))[..., 0]


def changed_predictions(model, images, condition, other):
    """Which pixels' predictions change when the condition does and the images do not.

    Args:
        model: a conditional model.
        images: integer levels `(N, H, W, C)`.
        condition, other: two conditions, `(N, ...)` each.

    Returns:
        bool `(H, W)`: whether the parameters of the pixel differ for any of the images.

    Raises:
        UsageError: images or conditions that do not fit the model.
    """
    images = model.check_images(images)
    # In one batch shape, so that on a CPU what does not depend on the condition is equal exactly.
    seen = [
        ops.convert_to_numpy(model((images, model.check_condition(c, len(images)))))
        for c in (condition, other)
    ]
    differs = seen[0] != seen[1]
    return differs.any(axis=(0, *range(3, differs.ndim)))


def surprise(model, images, condition=None):
    """What each pixel of each image costs under a model, nats, float64 `(N, H, W)`.

    The sum over an image's pixels is its negative log-likelihood.

    Args:
        model: `PixelCNN` or `GatedPixelCNN`.
        images: integer levels `(N, H, W, C)`.
        condition: one row per image, for a conditional model.
    """
    images = model.check_images(images)
    condition = model.check_condition(condition, len(images))
    parameters = model(images if condition is None else (images, condition), training=False)
    likelihood = model.distribution.log_likelihood(parameters, ops.convert_to_tensor(images))
    return -ops.convert_to_numpy(likelihood).astype("float64")


def receptive_field(model, at, *, condition=None, images=4, seed=0):
    """How strongly the prediction of one pixel depends on every pixel, measured by gradient.

    Args:
        model: `PixelCNN` or `GatedPixelCNN`.
        at: `(i, j)`, row and column of the predicted pixel.
        condition: `(images, ...)` for a conditional model; random if None.
        images: random images averaged over.
        seed: of those images.

    Returns:
        float32 `(H, W)`: mean over images of the absolute gradient of the pixel's parameters with
        respect to each pixel, summed over parameters and channels. Zero means out of sight.

    Raises:
        UsageError: `at` outside the image.
    """
    i, j = _check_pixel(at, model.image_shape)
    check_int("images", images, 1)
    rng = np.random.default_rng(seed)
    encoded = _encoded_condition(model, condition, images, rng)
    levels = rng.integers(0, model.levels, (images, *model.image_shape))
    scaled = (levels * (2 / (model.levels - 1)) - 1).astype("float32")
    outputs = ops.convert_to_numpy(model.predict_scaled(ops.convert_to_tensor(scaled), encoded))
    # A random projection of the parameters: their plain sum could cancel.
    weights = rng.normal(size=outputs[:, i, j].shape).astype("float32")

    def at_pixel(inputs):
        return ops.sum(model.predict_scaled(inputs, encoded)[:, i, j] * weights)

    gradient = backend.gradient(at_pixel, ops.convert_to_tensor(scaled))
    return np.abs(ops.convert_to_numpy(gradient)).mean(axis=0).sum(axis=-1)


@dataclass(frozen=True)
class CausalityReport:
    """Which predictions change when a pixel changes.

    Attributes:
        influence: bool `(H, W, C, H, W, C)`: `[i, j, c]` changes the prediction `[k, l, d]`.
        causal: whether every prediction depends on earlier values alone.
        leaks: list of `((i, j, c), (k, l, d))` where a value changes the prediction of itself or of
            an earlier one.
        blind_spot: bool, same shape: an earlier value that never changes a later prediction.
    """

    influence: np.ndarray = field(repr=False)

    @property
    def before(self):
        """bool, same shape: the input comes before the prediction in the order of generation."""
        order = np.arange(np.prod(self.influence.shape[:3])).reshape(self.influence.shape[:3])
        return order[..., None, None, None] < order

    @property
    def leaks(self):
        found = np.argwhere(self.influence & ~self.before)
        return [(tuple(map(int, f[:3])), tuple(map(int, f[3:]))) for f in found]

    @property
    def causal(self):
        return not (self.influence & ~self.before).any()

    @property
    def blind_spot(self):
        return self.before & ~self.influence

    def seen_from(self, at):
        """bool `(H, W)`: pixels of which some channel changes the prediction at `(i, j)`."""
        return self.influence[:, :, :, at[0], at[1], :].any(axis=(2, 3))

    def blind_to(self, at):
        """bool `(H, W)`: earlier pixels that change no channel's prediction at `(i, j)`."""
        order = np.arange(np.prod(self.influence.shape[:2])).reshape(self.influence.shape[:2])
        return (order < order[at[0], at[1]]) & ~self.seen_from(at)

    def __str__(self):
        pairs = int(self.before.sum())
        blind = int(self.blind_spot.sum())
        lines = ["causal: yes" if self.causal else f"causal: NO, {len(self.leaks)} leaks"]
        for value, prediction in self.leaks[:3]:
            lines.append(f"  value {value} changes the prediction of {prediction}")
        share = f" ({100 * blind / pairs:.1f}%)" if pairs else ""
        lines.append(f"earlier values never seen: {blind:,} of {pairs:,} pairs{share}")
        return "\n".join(lines)


def check_causality(model, *, condition=None, images=4, seed=0, batch_size=64):
    """Change every value of an image in turn and see which predictions change.

    Two images that differ in one value are evaluated at the same place of two batches of equal
    size, so on a CPU an output that does not depend on the value is equal to the last bit, and the
    comparison is exact.

    What a distribution adds to the network counts too: of a mixture, whose parameters have no
    channels, each channel's prediction is what the mixture says of it given the earlier channels of
    its pixel (`LogisticMixture.per_channel`).

    Args:
        model: anything with `image_shape` and `levels` that maps integer images `(B, H, W, C)` to
            parameters `(B, H, W, C, ...)`; also `condition` if it is conditional, and
            `distribution` if that has something to add.
        condition: `(images, ...)` for a conditional model; random if None.
        images: random images tried; an influence counts if any of them shows it.
        seed: of the images.
        batch_size: images evaluated at once.

    Returns:
        `CausalityReport`. Its blind spot counts all earlier values out of sight; of a shallow
        model, also those too far away.
    """
    check_int("images", images, 1)
    check_int("batch_size", batch_size, 1)
    shape = tuple(model.image_shape)
    n = int(np.prod(shape))
    rng = np.random.default_rng(seed)
    influence = np.zeros((n, n), bool)
    conditions = getattr(model, "condition", None)
    if conditions is not None and condition is None:
        condition = random_condition(conditions, images, rng)
    if condition is not None:
        condition = model.check_condition(condition, images)
    for trial in range(images):
        image = rng.integers(0, model.levels, shape)
        # 1 .. K-1 further, modulo K: another level, whatever the first was.
        shifts = rng.integers(1, model.levels, n)
        for first in range(0, n, batch_size):
            changed = np.minimum(np.arange(first, first + batch_size), n - 1)
            plain = np.repeat(image.reshape(1, n), batch_size, axis=0)
            other = plain.copy()
            values = other[np.arange(batch_size), changed]
            other[np.arange(batch_size), changed] = (values + shifts[changed]) % model.levels
            inputs = [x.reshape(batch_size, *shape).astype("uint8") for x in (plain, other)]
            if condition is not None:
                same = np.repeat(np.asarray(condition)[trial : trial + 1], batch_size, axis=0)
                inputs = [(x, same) for x in inputs]
            seen = [predictions_of(model, x) for x in inputs]
            differs = (seen[0] != seen[1]).reshape(batch_size, n, -1).any(axis=-1)
            influence[changed] |= differs
    return CausalityReport(influence.reshape(*shape, *shape))


def predictions_of(model, inputs):
    """What a model says of every channel of every pixel, given all before it: `(B, H, W, C, ...)`.

    Args:
        model: as for `check_causality`.
        inputs: integer images `(B, H, W, C)`, or `(images, condition)`.
    """
    parameters = model(inputs)
    if hasattr(model, "distribution"):
        images = inputs[0] if isinstance(inputs, tuple) else inputs
        parameters = model.distribution.per_channel(parameters, ops.convert_to_tensor(images))
    return ops.convert_to_numpy(parameters)


def changed_features(model, at, *, seed=0):
    """Which features of an unconditional `GatedPixelCNN` change when one pixel changes.

    Args:
        model: `GatedPixelCNN`.
        at: `(i, j)`, row and column of the pixel.
        seed: of the random image.

    Returns:
        bool `(blocks, H, W)` for the vertical stack and the same for the horizontal one: whether
        any feature at that place, after that block, changes.
    """
    i, j = _check_pixel(at, model.image_shape)
    image = np.random.default_rng(seed).integers(0, model.levels, model.image_shape)
    other = image.copy()
    other[i, j] = (other[i, j] + 1) % model.levels
    # Each alone in its batch: side by side in one they could be rounded differently.
    plain, changed = (_stacks(model, x[None]) for x in (image, other))
    return tuple((plain != changed).any(axis=-1))


def _stacks(model, image):
    """Features of one image after every block, `(2, blocks, H, W, F)`: vertical, horizontal."""
    vertical = horizontal = ops.convert_to_tensor(model.scale(image))
    features = []
    for block in model.blocks:
        vertical, horizontal = block(vertical, horizontal)
        features.append([ops.convert_to_numpy(stack)[0] for stack in (vertical, horizontal)])
    return np.array(features).swapaxes(0, 1)


def _check_pixel(at, shape):
    """`at` as row and column within the image, or `UsageError`."""
    if not isinstance(at, (tuple, list)) or len(at) != 2:
        raise UsageError(f"at must be (row, column), got {at!r}")
    row, column = (
        check_int(f"at {n}", v, 0, size - 1)
        for n, v, size in zip(("row", "column"), at, shape[:2], strict=True)
    )
    return row, column


def random_condition(condition, n, rng):
    """`n` random values of a `Labels`, `Vector` or `Map` condition."""
    if not condition.shape:
        return rng.integers(0, condition.n, n)
    return rng.normal(size=(n, *condition.shape)).astype("float32")


def _encoded_condition(model, condition, n, rng):
    if model.condition is None:
        return model.check_condition(condition, n)
    if condition is None:
        condition = random_condition(model.condition, n, rng)
    return model.encode_condition(ops.convert_to_tensor(model.check_condition(condition, n)))
