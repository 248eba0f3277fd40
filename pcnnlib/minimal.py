"""A Gated PixelCNN, whole: mask, convolution, block, network, loss, training and drawing.

Conditional Image Generation with PixelCNN Decoders, van den Oord et al. 2016 (arXiv:1606.05328).
For grey images of K levels: B images, H rows, W columns, F filters. Needs Keras and NumPy alone;
`pcnnlib.GatedPixelCNN` computes the same, faster, and more: colour, conditions, fast sampling.

>>> model = GatedPixelCNN(levels=17)
>>> model.compile("adam", loss=nats_per_image)
>>> model.fit(images, images, batch_size=32, epochs=5)  # integers 0..16, (B, 8, 8, 1)
>>> drawn = sample(model, (16, 8, 8, 1), seed=0)
"""

import keras
import numpy as np
from keras import layers, ops


def vertical_mask(size, own_row):
    """Ones on the rows above the pixel, and on its own row if `own_row`; `(size, size)`."""
    rows = np.arange(size)[:, None] - size // 2
    return np.broadcast_to(rows <= 0 if own_row else rows < 0, (size, size)).astype("float32")


def horizontal_mask(size, own_pixel):
    """Ones to the left of the pixel, and on it if `own_pixel`; `(1, size)`."""
    columns = np.arange(size)[None, :] - size // 2
    return (columns <= 0 if own_pixel else columns < 0).astype("float32")


class MaskedConv2D(layers.Conv2D):
    """A convolution that sees only where its mask is 1."""

    def __init__(self, filters, mask):
        super().__init__(filters, mask.shape, padding="same", data_format="channels_last")
        self.mask = mask[:, :, None, None]  # the same for all features

    def convolution_op(self, inputs, kernel):
        return super().convolution_op(inputs, kernel * self.mask)


def gate(x):
    """Equation 2: tanh(features) * sigmoid(gates), `(B, H, W, 2F)` to `(B, H, W, F)`."""
    features, gates = ops.split(x, 2, axis=-1)
    return ops.tanh(features) * ops.sigmoid(gates)


class GatedBlock(layers.Layer):
    """Figure 2: one layer of the vertical stack, and one of the horizontal stack.

    The first block reads the image, so it must not see the pixel that it predicts. Later blocks
    read features of the pixel, which know only what comes before it.
    """

    def __init__(self, filters, size, first=False):
        super().__init__()
        self.first = first
        self.vertical = MaskedConv2D(2 * filters, vertical_mask(size, own_row=not first))
        self.horizontal = MaskedConv2D(2 * filters, horizontal_mask(size, own_pixel=not first))
        self.link = layers.Dense(2 * filters, use_bias=False)  # 1x1 convolutions
        self.project = layers.Dense(filters)

    def call(self, vertical, horizontal):
        above = self.vertical(vertical)  # (B, H, W, 2F)
        left = self.horizontal(horizontal) + self.link(above)  # (B, H, W, 2F)
        features = self.project(gate(left))  # (B, H, W, F)
        return gate(above), features if self.first else horizontal + features


class GatedPixelCNN(keras.Model):
    """Logits of every pixel given those before it: `(B, H, W, 1)` to `(B, H, W, K)`."""

    def __init__(self, levels, filters=32, blocks=5, first_size=7, size=3):
        super().__init__()
        self.levels = levels
        self.blocks = [GatedBlock(filters, first_size, first=True)]
        self.blocks += [GatedBlock(filters, size) for _ in range(blocks - 1)]
        self.mix = layers.Dense(filters)
        self.predict_levels = layers.Dense(levels)

    def call(self, images):
        scaled = 2 * ops.cast(images, "float32") / (self.levels - 1) - 1  # -1 .. 1
        vertical = horizontal = scaled
        for block in self.blocks:
            vertical, horizontal = block(vertical, horizontal)
        return self.predict_levels(ops.relu(self.mix(ops.relu(horizontal))))


def nats_per_image(images, logits):
    """Equation 1: minus the log-probability of each image, the sum over its pixels; `(B,)`."""
    nats = keras.losses.sparse_categorical_crossentropy(images[..., 0], logits, from_logits=True)
    return ops.sum(nats, axis=(1, 2))


def sample(model, shape, seed=None):
    """Draw images `(B, H, W, 1)` pixel by pixel: as many passes through the network as pixels."""
    rng = np.random.default_rng(seed)
    images = np.zeros(shape, "int32")
    for i in range(shape[1]):
        for j in range(shape[2]):
            logits = ops.convert_to_numpy(model(images))[:, i, j]  # (B, K)
            # The largest of logits plus Gumbel noise is a draw from their softmax.
            images[:, i, j, 0] = np.argmax(logits + rng.gumbel(size=logits.shape), axis=-1)
    return images
