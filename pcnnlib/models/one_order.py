"""A network of several orders as one of raster order alone."""

from typing import Any

import numpy as np

from pcnnlib._internal.errors import check_int
from pcnnlib.nn.blocks import CONDITION_STACKS
from pcnnlib.nn.conditions import Map
from pcnnlib.nn.raster import reorient


def in_order(model: Any, order: int) -> Any:
    """See `GatedPixelCNN.in_order`."""
    order = check_int("order", order, 0, model.orders - 1)
    config = model.get_config()
    config.pop("orders", None)
    if isinstance(model.condition, Map):
        shape = reorient(np.zeros(model.condition.shape), order, axes=(0, 1)).shape
        config["condition"] = model.condition.with_shape(shape)
    other = type(model).from_config(config)
    if model.orders == 1:
        other.set_weights(model.get_weights())
        return other
    values = {weight.path: np.asarray(weight) for weight in model.weights}
    depth = 0 if model.condition is None else model.condition.depth
    for block in model.blocks:
        for stack in CONDITION_STACKS:
            kernel = values.pop(f"{block.name}/{stack}_condition/kernel", None)
            if kernel is None:
                continue
            told = kernel[depth + order]
            values[f"{block.name}/{stack}/bias"] = values[f"{block.name}/{stack}/bias"] + told
            if stack == "vertical":  # its condition enters behind the link
                link = values[f"{block.name}/link/kernel"]
                bias = values[f"{block.name}/horizontal/bias"]
                values[f"{block.name}/horizontal/bias"] = bias - told @ link
            if depth:
                values[f"{block.name}/{stack}_condition/kernel"] = kernel[:depth]
    if isinstance(model.condition, Map):
        path = model.condition_encoder.kernel.path
        values[path] = reorient(values[path], order, axes=(0, 1))
    for weight in other.weights:
        weight.assign(values[weight.path])
    return other
