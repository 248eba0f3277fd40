"""The network of a run: made from the flags, or loaded from a checkpoint that fits them."""

import pathlib
from typing import Any

import keras

from pcnnlib import training
from pcnnlib._internal.errors import UsageError
from pcnnlib.cli.flags import Network
from pcnnlib.data import Dataset
from pcnnlib.models import (
    AutoregressiveModel,
    DeconvolutionalAutoencoder,
    GatedPixelCNN,
    LatentPrior,
    PixelCNNAutoencoder,
    VectorQuantizedAutoencoder,
    architecture,
)
from pcnnlib.nn.conditions import Labels
from pcnnlib.nn.distributions import (
    DISTRIBUTIONS,
    Distribution,
    LogisticMixture,
    resolve_distribution,
)

FILTERS = 32
LABEL_DROPOUT = 0.1  # of the prior of codes, unless --label_dropout says otherwise
# In a larger image, blocks without dilation do not see from the last rows to the first: what that
# costs on MNIST is in results/mnist-dilations.
NARROW, WIDE = 12, (1, 2, 4, 8)


def build_network(network: Network, data: Dataset, seed: int) -> AutoregressiveModel:
    """The network that the flags describe, for these images, initialised from a seed.

    Raises:
        UsageError: --model=conditional and images without labels, or flags that do not fit.
    """
    distribution: str | Distribution | None = network.distribution
    if distribution == "logistic_mixture":
        distribution = LogisticMixture(network.components)
    options: Any = {
        "levels": data.levels,
        "filters": network.f_map or _default_filters(distribution, data),
        "distribution": distribution,
        "dtype": network.precision,
    }
    keras.utils.set_random_seed(seed)
    if network.model == "painting":
        return DeconvolutionalAutoencoder(data.image_shape, code_size=network.code_size, **options)
    if network.model == "vqvae":
        return _build_vqvae(network, data, distribution)
    options |= {
        "blocks": network.layers,
        "dilations": network.dilations or (WIDE if max(data.image_shape[:2]) > NARROW else (1,)),
        "attention": network.attention or (),
        "dropout": network.dropout,
    }
    if network.model == "autoencoder":
        return PixelCNNAutoencoder(data.image_shape, code_size=network.code_size, **options)
    if network.model == "conditional":
        if data.classes is None:
            raise UsageError(f"--model=conditional needs labels; data {data.name} has none")
        options["condition"] = Labels(data.classes, network.label_dropout or 0.0)
    options["orders"] = network.orders
    return GatedPixelCNN(data.image_shape, **options)


def _build_vqvae(network, data, distribution):
    autoencoder = VectorQuantizedAutoencoder(
        data.image_shape,
        data.levels,
        network.codes,
        network.code_size,
        code_grids=network.code_grids,
        distribution=distribution,
        dtype=network.precision,
    )
    side = max(autoencoder.code_shape[:2])
    dropped = LABEL_DROPOUT if network.label_dropout is None else network.label_dropout
    return LatentPrior(
        autoencoder,
        network.f_map or FILTERS,
        network.layers,
        condition=None if data.classes is None else Labels(data.classes, dropped),
        dilations=network.dilations or (WIDE if side > NARROW else (1,)),
        attention=network.attention or (),
        dropout=network.dropout,
    )


def load_network(path: pathlib.Path, data: Dataset, network: Network) -> AutoregressiveModel:
    """A checkpoint's network, if it is for these images and of the kind that the flags name.

    Raises:
        UsageError: no such file, a damaged one, or another network.
    """
    model = training.load_model(path)
    if model.image_shape != data.image_shape or model.levels != data.levels:
        raise UsageError(
            f"checkpoint {path} is for images {model.image_shape} of {model.levels} levels, "
            f"--data={data.name} has {data.image_shape} of {data.levels}"
        )
    if kind_of(model) != network.model:
        raise UsageError(
            f"checkpoint {path} is {describe(kind_of(model))}, --model={network.model} asks for "
            f"{describe(network.model)}"
        )
    if model.orders != network.orders:
        raise UsageError(
            f"checkpoint {path} reads in {model.orders} orders, --orders={network.orders} asks for "
            "others"
        )
    if isinstance(model, LatentPrior) and len(model.code_shapes) != network.code_grids:
        raise UsageError(
            f"checkpoint {path} has {len(model.code_shapes)} grids of codes, --code_grids="
            f"{network.code_grids} asks for others"
        )
    return model


def flags_of(model: AutoregressiveModel) -> dict[str, Any]:
    """What a network's flags are, as far as the model has such: what `build_network` made it of."""
    described = architecture(model)
    # A VQ-VAE's prior is described beside it. What is as usual is not said.
    described = {"attention": [], **described.get("autoencoder", {}), **described}
    names = {"layers": "blocks", "f_map": "filters", "precision": "dtype"}
    same = ("dilations", "attention", "code_size", "codes", "dropout")
    names |= dict(zip(same, same, strict=True))
    pixel = type(model.distribution)
    named = {made: name for name, made in DISTRIBUTIONS.items()}
    flags = {"orders": model.orders, "distribution": named.get(pixel, pixel.__name__)}
    if isinstance(model.distribution, LogisticMixture):
        flags["components"] = model.distribution.components
    if isinstance(model.condition, Labels):
        flags["label_dropout"] = model.condition.dropout
    flags |= {flag: described[name] for flag, name in names.items() if name in described}
    return {flag: tuple(v) if isinstance(v, list) else v for flag, v in flags.items()}


def kind_of(model: AutoregressiveModel) -> str:
    """What --model calls a model."""
    if isinstance(model, PixelCNNAutoencoder):
        return "autoencoder"
    if isinstance(model, DeconvolutionalAutoencoder):
        return "painting"
    if isinstance(model, LatentPrior):
        return "vqvae"
    return "" if model.condition is None else "conditional"


def describe(kind: str) -> str:
    """A value of --model in a sentence."""
    sentences = {"": "unconditional", "autoencoder": "an autoencoder"}
    sentences |= {"painting": "a painting autoencoder", "vqvae": "a VQ-VAE with its prior"}
    return sentences.get(kind, kind)


def _default_filters(distribution: str | Distribution | None, data: Dataset) -> int:
    pixel = resolve_distribution(distribution, data.levels, data.image_shape[-1])
    return -(-FILTERS // pixel.channel_groups) * pixel.channel_groups
