"""A Gated PixelCNN, whole: masks, block, network, loss, training, drawing.

Conditional Image Generation with PixelCNN Decoders, van den Oord et al.
2016 (arXiv:1606.05328), for grey images of K levels. B images, H rows,
W columns, F filters. Needs Keras and NumPy alone; the library's own
`pcnnlib.GatedPixelCNN` computes the same faster, and more.

>>> model = GatedPixelCNN(levels=17)
>>> model.compile("adam", loss=nats_per_image)
>>> model.fit(images, images, epochs=5)  # integers 0..16, (B, 8, 8, 1)
>>> drawn = sample(model, (16, 8, 8, 1), seed=0)
"""

import keras
import numpy as np
from keras import layers, ops


def vertical_mask(size, own_row):
    """Ones on the rows above, and on the own row if asked; (size, size)."""
    rows = np.arange(size)[:, None] - size // 2
    seen = rows <= 0 if own_row else rows < 0
    return np.tile(seen, (1, size)).astype("float32")


def horizontal_mask(size, own_pixel):
    """Ones on the left, and on the pixel itself if asked; (1, size)."""
    columns = np.arange(size)[None, :] - size // 2
    seen = columns <= 0 if own_pixel else columns < 0
    return seen.astype("float32")


class MaskedConv2D(layers.Conv2D):
    """A convolution that sees only where its mask is 1."""

    def __init__(self, filters, mask):
        options = {"padding": "same", "data_format": "channels_last"}
        super().__init__(filters, mask.shape, **options)
        self.mask = mask[:, :, None, None]  # the same for all features

    def convolution_op(self, inputs, kernel):
        return super().convolution_op(inputs, kernel * self.mask)


def gate(x):
    """Equation 2: tanh(features) * sigmoid(gates), of (B, H, W, 2F)."""
    features, gates = ops.split(x, 2, axis=-1)  # each (B, H, W, F)
    return ops.tanh(features) * ops.sigmoid(gates)


class GatedBlock(layers.Layer):
    """Figure 2: one layer of both stacks.

    The first block reads the image, so it hides the pixel that it
    predicts. Later blocks read features, which know no such pixel.
    """

    def __init__(self, filters, size, first=False):
        super().__init__()
        self.first = first
        above = vertical_mask(size, own_row=not first)
        left = horizontal_mask(size, own_pixel=not first)
        self.vertical = MaskedConv2D(2 * filters, above)
        self.horizontal = MaskedConv2D(2 * filters, left)
        self.link = layers.Dense(2 * filters, use_bias=False)  # 1x1
        self.project = layers.Dense(filters)  # 1x1

    def call(self, vertical, horizontal):
        above = self.vertical(vertical)  # (B, H, W, 2F)
        left = self.horizontal(horizontal) + self.link(above)
        features = self.project(gate(left))  # (B, H, W, F)
        if not self.first:
            features = horizontal + features
        return gate(above), features


class GatedPixelCNN(keras.Model):
    """Logits of every pixel: (B, H, W, 1) integers to (B, H, W, K)."""

    def __init__(self, levels, filters=32, blocks=5, first_size=7, size=3):
        super().__init__()
        self.levels = levels
        self.blocks = [GatedBlock(filters, first_size, first=True)]
        for _ in range(blocks - 1):
            self.blocks.append(GatedBlock(filters, size))
        self.mix = layers.Dense(filters)
        self.predict_levels = layers.Dense(levels)

    def call(self, images):
        images = ops.cast(images, "float32")
        scaled = images * (2 / (self.levels - 1)) - 1  # -1 .. 1
        vertical = horizontal = scaled
        for block in self.blocks:
            vertical, horizontal = block(vertical, horizontal)
        return self.predict_levels(ops.relu(self.mix(ops.relu(horizontal))))


def nats_per_image(images, logits):
    """Equation 1: minus the log-probability of each image; (B,)."""
    nats = keras.losses.sparse_categorical_crossentropy(
        images[..., 0], logits, from_logits=True
    )  # of each pixel, (B, H, W)
    return ops.sum(nats, axis=(1, 2))


def sample(model, shape, seed=None):
    """Draw images (B, H, W, 1): one pass of the network for each pixel."""
    rng = np.random.default_rng(seed)
    images = np.zeros(shape, "int32")
    for i in range(shape[1]):
        for j in range(shape[2]):
            logits = ops.convert_to_numpy(model(images))[:, i, j]  # (B, K)
            # The largest of logits plus Gumbel noise is a draw.
            noisy = logits + rng.gumbel(size=logits.shape)
            images[:, i, j, 0] = noisy.argmax(axis=-1)
    return images
