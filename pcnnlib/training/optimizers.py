"""Optimisers: Muon or Adam, with a schedule, clipping and averaged weights."""

import re
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from pcnnlib._internal import backend
from pcnnlib.training.config import TrainConfig


def make_optimizer(
    config: TrainConfig, steps_per_epoch: int, variables: Sequence[Any] = ()
) -> keras.optimizers.Optimizer:
    """Muon or Adam with warm-up and cosine decay, clipped, and averaging weights if wanted.

    Muon makes the update of every weight matrix orthogonal and so moves all its directions alike;
    causal kernels are stored as matrices for its sake. It needs about half of Adam's steps here.
    Biases, other kernels and the logits' layer are left to Adam, as its authors advise.

    The average reaches back over at most a tenth of the run: in a short one a momentum near 1 would
    still average in the first, random weights. `warmup=0` and `final_rate=1` give a constant rate.

    Args:
        config: of the training.
        steps_per_epoch: batches in one pass over the training images. Keras counts them, and not
            the updates, in schedules and averages, where gradients are accumulated.
        variables: that are trained. Muon leaves those of a single row or column to Adam: they have
            one direction, and Keras 3.15's Muon cannot compute with them.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".
    """
    steps = max(1, config.epochs * steps_per_epoch)
    warmup = int(config.warmup * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        # Without a warm-up Keras reads the first argument, with one the target.
        initial_learning_rate=0.0 if warmup else config.learning_rate,
        decay_steps=max(1, steps - warmup),
        alpha=config.final_rate,
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    ema = min(config.ema, max(0.0, 1 - 10 / steps))
    single = [re.escape(v.path) for v in variables if len(v.shape) == 2 and 1 in v.shape]
    return configured_optimizer(config, schedule, ema, exclude=single)


@keras.saving.register_keras_serializable("pcnnlib")
class CastingMuon(keras.optimizers.Muon):
    """Keras's Muon where not all is float32: what it multiplies weights by, it does not cast."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        super().update_step(gradient, variable, ops.cast(learning_rate, variable.dtype))

    def lr_adjust(self, x: Any) -> Any:
        return ops.cast(super().lr_adjust(ops.cast(x, keras.config.floatx())), x.dtype)


@keras.saving.register_keras_serializable("pcnnlib")
class StackedMuon(CastingMuon):
    """Keras's Muon, which makes matrices of one shape orthogonal together.

    A GPU takes about as long for one small matrix as for a stack of them, and a network has dozens:
    one by one they took an H100 2 of the 14 ms of a step.
    """

    def _backend_update_step(
        self, grads: Sequence[Any], trainable_variables: Sequence[Any], learning_rate: Any
    ) -> None:
        by_shape: dict[tuple, list] = {}
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            index = self._get_variable_index(variable)
            if self.adam_velocities[index] is not None:
                self.update_step(gradient, variable, learning_rate)
            else:
                momentum = self.momentums[index]
                by_shape.setdefault(tuple(variable.shape), []).append(
                    (gradient, variable, momentum)
                )
        for alike in by_shape.values():
            steps = []
            for gradient, _, momentum in alike:
                self.assign_add(momentum, gradient + momentum * (self.momentum - 1))
                steps.append(gradient + self.momentum * momentum if self.nesterov else momentum)
            updates = self.zeropower_via_newtonschulz5(ops.stack(steps), self.ns_steps)
            for update, (_, variable, _) in zip(ops.unstack(updates), alike, strict=True):
                rate = ops.cast(learning_rate, variable.dtype)
                self.assign_sub(variable, self.lr_adjust(rate * update))


def configured_optimizer(
    config: TrainConfig,
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
    ema: float,
    exclude: Sequence[str] = (),
) -> keras.optimizers.Optimizer:
    """The optimiser that a configuration names, at this rate (or schedule) and EMA momentum.

    Args:
        config: of the training; its own `learning_rate`, `warmup`, `final_rate` are not looked at.
        learning_rate: number or schedule.
        ema: momentum of the averaged weights, if `config.ema` asks for some.
        exclude: patterns of the paths of further variables that Muon leaves to Adam.
    """
    options = {
        "global_clipnorm": config.grad_clip,
        "use_ema": config.ema > 0,
        "ema_momentum": ema,
        # Keras wants None where nothing is accumulated.
        "gradient_accumulation_steps": config.accumulate if config.accumulate > 1 else None,
    }
    if config.optimizer == "adam":
        return keras.optimizers.Adam(learning_rate, **options)
    muon = keras.optimizers.Muon if keras.config.floatx() == "float32" else CastingMuon
    muon = StackedMuon if backend.jax_on_gpu() else muon
    return muon(
        learning_rate,
        momentum=0.9,  # of 0.8, 0.9 and 0.95 the best on the digits' validation images
        ns_steps=3,  # of the orthogonalisation; 5 cost more and validate no better
        rms_rate=1.0,  # an entry moves by about the learning rate, as it does under Adam
        adam_lr_ratio=3.0,  # biases and logits may move faster; of 1, 3 and 5
        exclude_layers=["predict", *exclude],
        # Muon's steps do not shrink with the gradient: without decay a long run's weights grow, on
        # MNIST to five times their first size within 6,000 steps, and the gates saturate.
        weight_decay=config.weight_decay,
        adam_weight_decay=0.0,
        **options,
    )
