"""Layers recomputed in NumPy: float64, plain loops over pixels and taps."""

import numpy as np

from pcnnlib.nn import masks

# That of float32: sums of up to a hundred products of order one, each rounded to 6e-8 of its size.
TOLERANCE = 1e-5


def loops(inputs, kernel, bias, mask, dilation=1):
    """Masked convolution by definition: kernel and mask of full size, one tap after another."""
    batch, height, width, _ = inputs.shape
    half = mask.shape[0] // 2
    outputs = np.zeros((batch, height, width, mask.shape[-1])) + bias
    for i in range(height):
        for j in range(width):
            for row in range(-half, half + 1):
                for column in range(-half, half + 1):
                    at = i + row * dilation, j + column * dilation
                    if 0 <= at[0] < height and 0 <= at[1] < width:
                        tap = (kernel * mask)[row + half, column + half]
                        outputs[:, i, j] += inputs[:, *at] @ tap
    return outputs


def full_kernel(layer, mask):
    """The layer's stored kernel at its place in a square one; zero where it stores nothing."""
    half = mask.shape[0] // 2
    top, bottom, left, right = (edge // layer.dilation for edge in layer.kernel_extent)
    kernel = np.zeros(mask.shape)
    kernel[top + half : bottom + half + 1, left + half : right + half + 1] = np.reshape(
        layer.kernel, layer.mask.shape
    )
    return kernel


def convolved(layer, inputs):
    """`layer` on `inputs`, recomputed."""
    in_groups = masks.feature_groups(inputs.shape[-1], layer.channel_groups)
    build = {"raster": masks.raster_mask, "vertical": masks.vertical_mask}
    build = build.get(layer.stack, masks.horizontal_mask)
    out_groups = np.tile(
        masks.feature_groups(layer.filters, layer.channel_groups), layer.filter_multiplier
    )
    mask = build(layer.kernel_size, layer.mask_type, in_groups, out_groups)
    bias = np.asarray(layer.bias, float) if layer.use_bias else 0.0
    return loops(inputs, full_kernel(layer, mask), bias, mask, layer.dilation)


def dense(layer, inputs, channel_groups=1):
    """A 1x1 convolution, recomputed, with the links between channel groups cut."""
    kernel = np.asarray(layer.kernel, float)
    before = masks.feature_groups(kernel.shape[0], channel_groups)[:, None]
    kernel = kernel * (before <= masks.feature_groups(kernel.shape[1], channel_groups)[None, :])
    outputs = np.einsum("bhwi,io->bhwo", inputs, kernel)
    return outputs if layer.bias is None else outputs + np.asarray(layer.bias, float)


def activated(block, inputs):
    """A block's activation, recomputed."""
    if block.activation == "relu":
        return np.maximum(inputs, 0)
    if block.activation == "silu":
        return inputs / (1 + np.exp(-inputs))
    features, gates = np.split(inputs, 2, axis=-1)
    if block.activation == "relu_of_sum":
        return np.maximum(features + gates, 0)
    if block.activation == "glu":
        return features / (1 + np.exp(-gates))
    return np.tanh(features) / (1 + np.exp(-gates))


def gated_block(block, vertical, horizontal, condition=None):
    """Figure 2 of the paper, with the condition of equations 4 and 5, in NumPy."""
    vertical_features = convolved(block.vertical, vertical)
    link_features = dense(block.link, vertical_features)
    if "vertical" in block.condition_stacks and not block.last:
        vertical_features = vertical_features + dense(block.vertical_condition, condition)
    if "horizontal" in block.condition_stacks:
        link_features = link_features + dense(block.horizontal_condition, condition)
    above = activated(block, vertical_features)
    along = activated(block, convolved(block.horizontal, horizontal) + link_features)
    along = dense(block.project, along, block.channel_groups)
    return above, along + horizontal if block.mask_type == "B" else along


def gated_model(model, images, condition=None):
    """A whole Gated PixelCNN: its blocks and its head, on scaled images and an encoded condition.

    Returns:
        The outputs of the head, float64 `(B, H, W, size)`.
    """
    vertical = horizontal = images * (2 / (model.levels - 1)) - 1
    for block in model.blocks:
        vertical, horizontal = gated_block(block, vertical, horizontal, condition)
    groups = model.channel_groups
    hidden = dense(model.head.mix, np.maximum(horizontal, 0), groups)
    return dense(model.head.predict, np.maximum(hidden, 0), groups)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)
