"""Guidance without a classifier: draw what a class makes likelier still.

A model that was trained to do without its label now and then predicts twice, with the label and
without. Drawn from are the logits without it plus `guidance` times the difference: at 1 those with
the label, above 1 what tells the class counts more, at 0 nothing does. (Ho and Salimans 2022,
arXiv:2207.12598, for diffusion; their weight is this one less 1.) Each pixel is drawn exactly from
these logits: what is drawn follows another distribution than the one that was trained.

B batch, H rows, W columns.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from pcnnlib._internal import backend
from pcnnlib._internal.errors import UsageError, check_number
from pcnnlib.nn.conditions import NO_LABEL

LARGEST = 1_000.0


def guided(model: Any, guidance: float) -> Any:
    """What to draw from: the model itself at guidance 1, else the model with its logits moved.

    Raises:
        UsageError: no number from 0 on, or a model that cannot be guided.
    """
    guidance = check_number("guidance", guidance, 0.0, LARGEST)
    if guidance == 1:
        return model
    condition = getattr(model, "condition", None)
    labels = getattr(condition, "labels", None)
    if labels is None:
        raise UsageError(f"guidance must be 1 for a model without labels, got {guidance:g}")
    if not labels.dropout:
        raise UsageError(
            f"guidance must be 1 for a model that always saw its label, got {guidance:g}: train "
            f"it with condition=Labels({labels.n}, dropout=0.1)"
        )
    if not model.distribution.has_logits:
        raise UsageError(
            f"guidance must be 1 for {model.distribution!r}, which has no logits to move, "
            f"got {guidance:g}"
        )
    made = model.compiled_functions.by_key.setdefault("guided", {})
    if "model" not in made:
        made["model"] = Guided(model)
    made["model"].weight.assign(guidance)
    return made["model"]


class Guided:
    """A model as the samplers see it, whose batch is computed twice: with labels, then without.

    Attributes:
        copies: how often the blocks see each image.
        weight: variable, the guidance: a change of it compiles nothing anew.
    """

    copies = 2

    def __init__(self, model: Any) -> None:
        self.model = model
        self.weight = keras.Variable(1.0, trainable=False, dtype="float32", name="guidance")
        self.compiled_functions = backend.CompiledFunctions()

    def __getattr__(self, name):
        return getattr(self.model, name)

    @property
    def variables(self) -> list:
        return [*self.model.variables, self.weight]

    def encode_condition(self, given: Any) -> Any:
        """The encoded condition of the images with their labels, and behind it without."""
        condition, order = self.model.inputs_taken.split(given)
        none = self.model.condition.without_labels(condition)
        without = none if order is None else (none, order)
        both = [self.model.encode_condition(part) for part in (given, without)]
        return ops.concatenate(both, axis=0)

    def scale_levels(self, levels: Any) -> Any:
        scaled = self.model.scale_levels(levels)
        return ops.concatenate([scaled, scaled], axis=0)

    def head(self, features: Any) -> Any:
        return self._moved(self.model.head(features))

    def predict_scaled(self, scaled: Any, condition: Any = None, training: bool = False) -> Any:
        outputs = self._moved(self.model.outputs_of(scaled, condition, training))
        return self.model.distribution.parameters(outputs)

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        images, given = self.model.split_inputs(inputs)
        return self.predict_scaled(self.scale_levels(images), self.encode_condition(given))

    def _moved(self, outputs):
        """Of outputs with labels and without, `(2B, H, W, any)`, those to draw from, `(B, ...)`."""
        labelled, plain = ops.split(ops.cast(outputs, "float32"), 2, axis=0)
        return plain + self.weight * (labelled - plain)


def copies_of(model: Any) -> int:
    """How often the blocks of a model see each image."""
    return int(getattr(model, "copies", 1))


def no_labels(n: int) -> np.ndarray:
    """Labels of n images that have none."""
    return np.full(n, NO_LABEL, "int32")
