"""Autoencoders: a convolutional encoder, and a decoder that draws or one that paints the mean.

`PixelCNNAutoencoder` follows van den Oord et al. 2016 (arXiv:1606.05328), section 2.4: the
decoder is a Gated PixelCNN conditioned on the code, trained end to end with the encoder, which
follows Masci et al. 2011. `DeconvolutionalAutoencoder` has the same encoder and predicts every
pixel from the code alone; its loss is the same likelihood, with independent pixels.

B batch, H rows, W columns, C channels, S code size.
"""

import math

import keras
import numpy as np
from keras import ops

from pcnnlib.conditions import Vector
from pcnnlib.errors import UsageError, check_int
from pcnnlib.models import AutoregressiveModel, GatedPixelCNN

_register = keras.saving.register_keras_serializable("pcnnlib")


@_register
class Encoder(keras.layers.Layer):
    """Three convolutions with pooling between them, then a linear code.

    Masci et al. 2011: 5x5, pool, 5x5, pool, 3x3. An image too small to be halved is not pooled. The
    code is linear: a softmax over it would throw away all but one proportion.

    Args:
        code_size: S, numbers in a code.
        filters: features of the three convolutions.

    Input shape: `(B, H, W, C)`, floats in [-1, 1]. Output shape: `(B, S)`.
    """

    def __init__(self, code_size, filters=(100, 150, 200), **kwargs):
        super().__init__(**kwargs)
        self.code_size = check_int("code_size", code_size, 1)
        self.filters = tuple(check_int("encoder_filters", f, 1) for f in filters)
        if len(self.filters) != 3:
            raise UsageError(f"encoder_filters must be three numbers, got {filters}")

        # Inputs are scaled down (see `_scaled`), and weights start at one (He et al. 2015) instead.
        def options(variance):
            normal = keras.initializers.RandomNormal(stddev=math.sqrt(variance))
            return {"kernel_initializer": normal, "dtype": self.dtype_policy}

        self.convolutions = [
            keras.layers.Conv2D(
                f, size, padding="same", activation="relu", name=f"convolution_{i}", **options(2)
            )
            for i, (f, size) in enumerate(zip(self.filters, (5, 5, 3), strict=True))
        ]
        self.code = keras.layers.Dense(code_size, name="code", **options(1))

    def build(self, input_shape):
        shape = tuple(input_shape)
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = self._pooled((*shape[:-1], convolution.filters), convolution)
        self.code.build((None, int(np.prod(shape[1:]))))

    def _pooled(self, shape, convolution):
        """Shape after pooling, where there is any: not after the last convolution."""
        if convolution is self.convolutions[-1]:
            return shape
        return (shape[0], *(n // 2 if n > 1 else n for n in shape[1:3]), shape[3])

    def call(self, inputs):
        features = inputs
        for convolution in self.convolutions:
            features = convolution(_scaled(features, convolution))
            pooled = self._pooled(features.shape, convolution)
            size = tuple(n // m for n, m in zip(features.shape[1:3], pooled[1:3], strict=True))
            if size != (1, 1):
                features = ops.max_pool(features, size, size, padding="valid")
        n = int(np.prod(features.shape[1:]))
        return self.code(_scaled(ops.reshape(features, (-1, n)), self.code))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.code_size)

    def get_config(self):
        return {**super().get_config(), "code_size": self.code_size, "filters": self.filters}


def _scaled(features, layer):
    """Inputs of a layer over the root of the number of its weights to one output.

    An optimiser moves every weight by about the learning rate. With thousands of inputs as they
    are, one step would move the code by dozens, and close the gates that it enters for good.

    Source: Karras et al. 2018 (arXiv:1710.10196), section 4.1, "equalized learning rate".
    """
    return features / math.sqrt(int(np.prod(layer.kernel.shape[:-1])))


class Autoencoder(AutoregressiveModel):
    """What both autoencoders share: the encoder, codes and their checks."""

    def __init__(
        self, image_shape, levels, code_size, encoder_filters, distribution, components, **kwargs
    ):
        super().__init__(image_shape, levels, distribution, components, **kwargs)
        self.code_size = check_int("code_size", code_size, 1)
        self.encoder = Encoder(code_size, encoder_filters, name="encoder", dtype=self.dtype_policy)
        self.encoder.build((None, *self.image_shape))

    def encode(self, images, batch_size=100):
        """Codes of images.

        Args:
            images: integer levels `(B, H, W, C)`.
            batch_size: images encoded at once.

        Returns:
            float32 `(B, S)`.

        Raises:
            UsageError: images that do not fit the model.
        """
        images = self.check_images(images)
        batches = [
            ops.convert_to_numpy(self.encoder(self.scale(images[k : k + batch_size])))
            for k in range(0, len(images), check_int("batch_size", batch_size, 1))
        ]
        return np.concatenate([np.zeros((0, self.code_size)), *batches]).astype("float32")

    def check_codes(self, codes):
        """Return codes as float32 `(B, S)`, or raise `UsageError`."""
        try:
            return Vector(self.code_size).check(codes)
        except UsageError as error:
            raise UsageError(str(error).replace("condition", "codes", 1)) from error

    def sample(self, n, condition=None, **kwargs):
        """An autoencoder has no distribution over codes: draw from codes with `decode`."""
        raise UsageError("an autoencoder draws from codes: call decode(codes), not sample(n)")

    def get_config(self):
        return {
            **super().get_config(),
            "code_size": self.code_size,
            "encoder_filters": self.encoder.filters,
        }


@_register
class PixelCNNAutoencoder(Autoencoder):
    """An encoder whose code conditions a Gated PixelCNN, trained together.

    Its likelihood is that of an image given its own code: not a likelihood of the image, and not to
    be compared with that of a model without a code.

    Args:
        image_shape: `(H, W, C)`.
        levels: K, values a pixel can take.
        code_size: S, numbers in a code.
        filters, blocks, kwargs: of the decoder, see `GatedPixelCNN`.
        encoder_filters: features of the encoder's three convolutions.
        distribution, components: as for `GatedPixelCNN`.

    Attributes:
        decoder: `GatedPixelCNN` with `condition=Vector(code_size)`.

    Raises:
        UsageError: an argument out of range.
    """

    def __init__(
        self,
        image_shape,
        levels=2,
        code_size=10,
        filters=32,
        blocks=5,
        *,
        encoder_filters=(100, 150, 200),
        first_kernel_size=7,
        kernel_size=3,
        dilations=(1,),
        head_filters=None,
        dropout=0.0,
        distribution=None,
        components=10,
        **kwargs,
    ):
        super().__init__(
            image_shape, levels, code_size, encoder_filters, distribution, components, **kwargs
        )
        self.decoder = GatedPixelCNN(
            image_shape,
            levels,
            filters,
            blocks,
            first_kernel_size=first_kernel_size,
            kernel_size=kernel_size,
            dilations=dilations,
            head_filters=head_filters,
            dropout=dropout,
            condition=Vector(code_size),
            distribution=distribution,
            components=components,
            name="decoder",
            dtype=self.dtype_policy,
        )
        self.built = True

    def outputs_of(self, scaled, condition, training):
        code = self.encoder(scaled)
        return self.decoder.outputs_of(scaled, self.decoder.encode_condition(code), training)

    def decode(self, codes, *, seed=None, **kwargs):
        """Draw one image for each code.

        Args:
            codes: floats `(n, S)`, as `encode` gives them.
            seed: int >= 0, or None for fresh randomness.
            kwargs: `temperature`, `image`, `keep` and the rest of `sampling.sample`.

        Returns:
            uint8 `(n, H, W, C)`.

        Raises:
            UsageError: codes of another size, or an argument out of range.
        """
        codes = self.check_codes(codes)
        return self.decoder.sample(len(codes), codes, seed=seed, **kwargs)

    def get_config(self):
        decoder = self.decoder.get_config()
        names = (
            "filters",
            "blocks",
            "first_kernel_size",
            "kernel_size",
            "dilations",
            "head_filters",
            "dropout",
        )
        return {**super().get_config(), **{name: decoder[name] for name in names}}


@_register
class DeconvolutionalAutoencoder(Autoencoder):
    """The same encoder with a decoder that predicts every pixel from the code alone.

    Dense, then transposed convolutions that double the size twice, the usual pixelwise decoder.
    Given the code its pixels are independent, so its most faithful picture is the mean: blurred
    where the code leaves things open.

    Args:
        image_shape, levels, code_size, encoder_filters, distribution, components: as for
            `PixelCNNAutoencoder`.
        filters: features of the decoder's transposed convolutions; the first has twice as many.
    """

    def __init__(
        self,
        image_shape,
        levels=2,
        code_size=10,
        filters=64,
        *,
        encoder_filters=(100, 150, 200),
        distribution=None,
        components=10,
        **kwargs,
    ):
        super().__init__(
            image_shape, levels, code_size, encoder_filters, distribution, components, **kwargs
        )
        self.filters = check_int("filters", filters, 1)
        height, width, _ = self.image_shape
        # Doubled twice and cut to size, so that any image size will do.
        small = (-(-height // 4), -(-width // 4), 2 * filters)
        self.decoder = keras.Sequential(
            [
                keras.Input((code_size,)),
                keras.layers.Dense(int(np.prod(small)), activation="relu"),
                keras.layers.Reshape(small),
                keras.layers.Conv2DTranspose(
                    filters, 5, strides=2, padding="same", activation="relu"
                ),
                keras.layers.Conv2DTranspose(
                    filters, 5, strides=2, padding="same", activation="relu"
                ),
                keras.layers.Conv2D(self.distribution.size, 3, padding="same"),
            ],
            name="decoder",
        )
        self.built = True

    def outputs_of(self, scaled, condition, training):
        return self._paint(self.encoder(scaled))

    def _paint(self, codes):
        height, width, _ = self.image_shape
        return self.decoder(codes)[:, :height, :width]

    def decode(self, codes):
        """The mean image of each code.

        Returns:
            float32 `(n, H, W, C)`, expected levels.

        Raises:
            UsageError: codes of another size.
        """
        codes = ops.convert_to_tensor(self.check_codes(codes))
        parameters = self.distribution.parameters(self._paint(codes))
        return ops.convert_to_numpy(self.distribution.mean(parameters))

    def draw(self, codes, *, seed=None):
        """Draw every pixel on its own, given the code: what this decoder believes, and no mean.

        Args:
            codes: floats `(n, S)`.
            seed: int >= 0, or None for fresh randomness.

        Returns:
            uint8 `(n, H, W, C)`.

        Raises:
            UsageError: codes of another size, or a seed out of range.
        """
        codes = ops.convert_to_tensor(self.check_codes(codes))
        seed = None if seed is None else check_int("seed", seed, 0)
        shape = (codes.shape[0], *self.image_shape, self.distribution.noise_per_channel)
        noise = np.random.default_rng(seed).random(shape, "float32")
        parameters = self.distribution.parameters(self._paint(codes))
        drawn = self.distribution.sample(parameters, ops.convert_to_tensor(noise))
        return ops.convert_to_numpy(drawn).astype("uint8")

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


KINDS_OF_CODE = ("own", "shuffled", "none")


def code_usage(model, images, *, kinds=KINDS_OF_CODE, seed=0, batch_size=100):
    """Does the decoder use the code? The cost of images under three kinds of code.

    Args:
        model: `PixelCNNAutoencoder`.
        images: integer levels `(n, H, W, C)`, n at least 2.
        kinds: those of "own", "shuffled" and "none" that are wanted.
        seed: of the shuffling.
        batch_size: images at once.

    Returns:
        dict of name -> float64 `(n,)`, nats per image: under each image's `own` code, under one
        `shuffled` from another image, and with `none`, that is with the mean of all codes.

    Raises:
        UsageError: images that do not fit the model, only one of them, or an unknown kind.
    """
    for kind in kinds:
        if kind not in KINDS_OF_CODE:
            raise UsageError(f"kinds must be some of {', '.join(KINDS_OF_CODE)}, got {kind!r}")
    codes = model.encode(images, batch_size)
    if len(codes) < 2:
        raise UsageError(f"images must be at least 2, to shuffle their codes, got {len(codes)}")
    # A cycle through a random order: no image keeps its own code.
    order = np.random.default_rng(seed).permutation(len(codes))
    shuffled = np.empty_like(codes)
    shuffled[order] = codes[np.roll(order, 1)]
    mean = np.broadcast_to(codes.mean(axis=0), codes.shape)
    keep = {"own": codes, "shuffled": shuffled, "none": mean}
    return {kind: -model.decoder.log_likelihood(images, keep[kind], batch_size) for kind in kinds}
