"""What travels with a page that draws: a model's configuration, and its weights as float16.

The file's form is JSON: the fields of `pack`. `weights` is base64 of little-endian float16 numbers,
kernel after kernel in the order in which `gated.js` and `raster.js` take them, with what a mask
hides set to 0.
"""

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from pcnnlib._internal.errors import UsageError, check_weights_finite
from pcnnlib._internal.levels import MOST_SHADES
from pcnnlib.models import GatedPixelCNN, PixelCNN, PixelCNNAutoencoder
from pcnnlib.nn.blocks import GatedBlock
from pcnnlib.nn.conditions import Labels, Vector
from pcnnlib.nn.distributions import Bernoulli, Categorical, LogisticMixture
from pcnnlib.nn.layers import CausalConv2D, ChannelDense
from pcnnlib.nn.residual import ResidualBlock
from pcnnlib.viz import checks

FORMAT = 2
# Larger networks make pages that no browser opens with pleasure.
LARGEST = 5_000_000  # weights
ACTIVATIONS = ("gate", "relu_of_sum")  # that `gated.js` computes
# Text that a page shows; longer ones would push the picture out of sight.
LONGEST = 300


def pack(
    model: Any,
    *,
    title: str | None = None,
    card: Mapping[str, object] | None = None,
    class_names: Sequence[object] | None = None,
    examples: ArrayLike | None = None,
) -> dict[str, Any]:
    """A model as JSON can hold it, for the engine of a page.

    Args:
        model: a `PixelCNN`; a `GatedPixelCNN` without a condition, or with labels or vectors as
            conditions; or a `PixelCNNAutoencoder`, whose decoder is taken. One with a wrong mask is
            taken as it is, and marked as one that leaks.
        title: a name for the model; by default of the kind of network that it is.
        card: lines about the model, dict of name -> text: data, licence and the like.
        class_names: one for each class of `Labels`; by default their numbers.
        examples: integer images `(n, H, W, C)` to begin from; of an autoencoder also their codes
            are kept.

    Returns:
        dict of texts, numbers and lists.

    Raises:
        UsageError: a model that cannot be exported, or arguments that do not fit it.
    """
    check_exportable(model)
    network = drawing_network(model)
    gated = isinstance(network, GatedPixelCNN)
    kernels, layers = _gated(network) if gated else _raster(network)
    weights = to_float16(kernels).tobytes()
    images = None if examples is None else network.check_images(examples, "examples")
    codes = None
    if images is not None and isinstance(model, PixelCNNAutoencoder):
        codes = model.encode(images)
    return {
        "format": FORMAT,
        "title": check_text("title", title or ("A Gated PixelCNN" if gated else "A PixelCNN")),
        "image_shape": list(network.image_shape),
        "levels": network.levels,
        "distribution": _distribution(network.distribution),
        "filters": network.filters,
        "head_filters": network.head.filters,
        "condition": _condition(network.condition, class_names, codes),
        "leaks": _leaks(network),
        **layers,
        "parameters": sum(int(np.prod(weight.shape)) for weight in network.weights),
        "card": _card(card),
        "examples": None if images is None else base64.b64encode(images.tobytes()).decode(),
        "bytes": len(weights),
        "crc32": zlib.crc32(weights),
        "weights": base64.b64encode(weights).decode(),
    }


def drawing_network(model: Any) -> Any:
    """The network that draws: of an autoencoder its decoder, else the model itself."""
    return model.decoder if isinstance(model, PixelCNNAutoencoder) else model


def check_exportable(model: Any) -> None:
    """Raise `UsageError` unless a page can run a model; the message says why not."""
    network = drawing_network(model)
    if not isinstance(network, (GatedPixelCNN, PixelCNN)):
        raise UsageError(
            "model must be a GatedPixelCNN, PixelCNN or PixelCNNAutoencoder, got "
            f"{type(network).__name__}: a page knows the layers of these only"
        )
    if network.orders > 1:
        raise UsageError(
            f"model reads in {network.orders} orders, and a page draws in raster order alone: "
            "export model.in_order(0)"
        )
    if network.condition is not None and not isinstance(network.condition, (Labels, Vector)):
        raise UsageError(
            f"model is conditioned on {network.condition!r}, and a page can only ask for a class "
            "or a vector: maps cannot be exported"
        )
    if getattr(network, "attention", ()):
        raise UsageError(
            f"model has attention behind blocks {', '.join(map(str, network.attention))}, and a "
            "page knows convolutions alone"
        )
    unknown = {type(block) for block in network.blocks} - {GatedBlock, ResidualBlock}
    if unknown:
        raise UsageError(
            f"model has blocks of the kind {unknown.pop().__name__}, and a page knows GatedBlock "
            "and ResidualBlock only"
        )
    if getattr(network, "activation", "gate") not in ACTIVATIONS:
        raise UsageError(
            f"model has the activation {network.activation!r}, and a page knows "
            f"{' and '.join(map(repr, ACTIVATIONS))} only"
        )
    if getattr(network, "embedding", None) is not None or network.levels > MOST_SHADES:
        raise UsageError(
            f"model draws {network.levels} codes, and a page can only show shades, at most "
            f'{MOST_SHADES} of them with inputs="scaled"'
        )
    if network.image_shape[-1] not in (1, 3):
        raise UsageError(
            f"model draws images of {network.image_shape[-1]} channels, and a page can only show "
            "1 or 3"
        )
    if network.count_params() > LARGEST:
        raise UsageError(
            f"model has {network.count_params():,} weights: a page takes at most {LARGEST:,}"
        )
    check_weights_finite(network)


def to_float16(kernels: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays, one behind the other, as little-endian float16; `UsageError` if one is too large."""
    values = np.concatenate([np.ravel(kernel) for kernel in kernels])
    largest, limit = float(np.abs(values).max()), float(np.finfo("float16").max)
    if largest > limit:
        raise UsageError(
            f"model has a weight of {largest:g}, and the float16 of a page ends at {limit:g}"
        )
    return values.astype("<f2")


def _gated(network):
    """All arrays in the order of `gated.js`, and the description of the blocks."""
    kernels, blocks = [], []
    for block in network.blocks:
        kernels += [*_convolution(block.vertical), *_convolution(block.horizontal)]
        kernels += [np.asarray(block.link.kernel), *_dense(block.project)]
        conditions = []
        for stack in ("vertical", "horizontal"):
            layer = getattr(block, f"{stack}_condition")
            if layer is not None:
                kernels.append(np.asarray(layer.kernel))
                conditions.append(stack)
        blocks.append(
            {
                "dilation": block.dilation,
                "residual": block.mask_type == "B",
                "vertical": list(block.vertical.kernel_extent),
                "horizontal": list(block.horizontal.kernel_extent),
                "conditions": conditions,
            }
        )
    layers = {"kind": "gated", "gated": network.activation == "gate", "blocks": blocks}
    return [*kernels, *_head(network.head)], layers


def _raster(network):
    """The same in the order of `raster.js`."""
    kernels = _convolution(network.first)
    for block in network.blocks:
        kernels += [*_dense(block.reduce), *_convolution(block.convolution), *_dense(block.expand)]
    later = [list(block.convolution.kernel_extent) for block in network.blocks]
    layers = {
        "kind": "raster",
        "first": list(network.first.kernel_extent),
        "later": later[0] if later else [],
        "layers": len(later),
    }
    return [*kernels, *_head(network.head)], layers


def _head(head):
    return [*_dense(head.mix), *_dense(head.predict)]


def _convolution(layer):
    kernel = np.asarray(layer.kernel)
    return [kernel * layer.mask.reshape(kernel.shape), np.asarray(layer.bias)]


def _leaks(network):
    """Whether a mask was changed, and shows a pixel what it must not see."""
    masked = [x for x in network._flatten_layers() if isinstance(x, (CausalConv2D, ChannelDense))]
    return any((x.mask > x.causal_mask(x.mask.shape[-2])).any() for x in masked)


def _dense(layer):
    kernel = np.asarray(layer.kernel)
    return [kernel * layer.mask, np.asarray(layer.bias)]


def _distribution(distribution):
    if isinstance(distribution, LogisticMixture):
        return {"kind": "mixture", "components": distribution.components}
    if type(distribution) in (Bernoulli, Categorical):
        return {"kind": type(distribution).__name__.lower()}
    raise UsageError(
        f"model draws from {distribution!r}, and a page knows Bernoulli, Categorical and "
        "LogisticMixture only"
    )


def _condition(condition, class_names, codes):
    if class_names is not None and not isinstance(condition, Labels):
        raise UsageError("class_names are for a model conditioned on labels, and this one is not")
    if condition is None:
        return None
    if isinstance(condition, Vector):
        # As short as float32 can be written: the page draws from the very same numbers.
        rows = None
        if codes is not None:
            rows = np.asarray(codes, "float32").astype(str).astype("float64").tolist()
        return {"kind": "vector", "depth": condition.dim, "codes": rows}
    names: Sequence[object] = range(condition.n)
    if class_names is not None:
        names = checks.check_sequence("class_names", class_names, condition.n)
    return {
        "kind": "labels",
        "depth": condition.n,
        "names": [check_text("each of class_names", str(name)) for name in names],
    }


def _card(card):
    if card is None:
        return []
    if not isinstance(card, Mapping):
        raise UsageError(f"card must be a dict of name -> text, got {card!r:.60}")
    return [
        [check_text("each name of card", k), check_text(f"card[{k!r}]", str(v))]
        for k, v in card.items()
    ]


def check_text(name: str, text: Any) -> str:
    """Return a text that a page can show, or raise `UsageError`."""
    if not isinstance(text, str) or not text.strip():
        raise UsageError(f"{name} must be a text that is not empty, got {text!r:.60}")
    if len(text) > LONGEST:
        raise UsageError(f"{name} must have at most {LONGEST} characters, got {len(text)}")
    return text
