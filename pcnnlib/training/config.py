"""What a training does. (What a network *is* stands in its constructor's arguments.)"""

import dataclasses
from typing import Any

from pcnnlib._internal.deprecation import warn_renamed
from pcnnlib._internal.errors import UsageError, check_at_most, check_bool, check_int, check_number

OPTIMIZERS = ("muon", "adam")
# Larger than any use. The product of the first three, the steps of a run, still fits into what
# counts them; the global seeds of NumPy and Keras are no larger; and the others would be infinite
# as the float32 that they are used as.
LARGEST = {
    "epochs": 1_000_000,
    "batch_size": 1_000_000,
    "accumulate": 1_000_000,
    "seed": 2**32 - 1,
    "learning_rate": 3e38,
    "grad_clip": 3e38,
    "weight_decay": 3e38,
}


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """All settings of a training run.

    The comments behind the fields are their help on the command line.

    Raises:
        UsageError: a value out of range.
    """

    epochs: int = 20  # passes over the training images
    batch_size: int = 100  # images a step
    accumulate: int = 1  # steps whose gradients are averaged into one update
    flip: bool = False  # mirror training images left to right, half of the time
    optimizer: str = "muon"  # of weight matrices: muon or adam; the rest is left to adam
    learning_rate: float = 2e-3  # highest, reached after the warm-up
    warmup: float = 0.05  # share of all steps in which the learning rate rises from 0; 0: none
    final_rate: float = 0.01  # share of the learning rate left after the decay; 1: no decay
    weight_decay: float = 0.5  # muon: each step shrinks matrices by learning rate times this
    grad_clip: float = 100.0  # largest global norm of the gradient of nats per image
    ema: float = 0.99  # momentum of the weights' moving average, at most; 0: none
    seed: int = 0  # of the batches; on the command line of everything random

    def __post_init__(self):
        # What is checked is kept as Python's own number: JSON takes no others.
        def check(check, name, *limits, **options):
            object.__setattr__(self, name, check(name, getattr(self, name), *limits, **options))

        for name in ("batch_size", "accumulate"):
            check(check_int, name, 1)
        for name in ("epochs", "seed"):
            check(check_int, name, 0)
        check(check_bool, "flip")
        if self.optimizer not in OPTIMIZERS:
            raise UsageError(
                f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {self.optimizer!r}"
            )
        for name in ("learning_rate", "grad_clip"):
            check(check_number, name, 0.0, open_below=True)
        for name in ("warmup", "final_rate"):
            check(check_number, name, 0.0, 1.0)
        for name in ("weight_decay", "ema"):
            check(check_number, name, 0.0)
        if self.ema >= 1:
            raise UsageError(f"ema must be below 1, got {self.ema}")
        for name, largest in LARGEST.items():
            check_at_most(name, getattr(self, name), largest)


def RunConfig(**fields: Any) -> TrainConfig:
    """Former name of `TrainConfig`, deprecated. Architecture goes to the model's constructor."""
    warn_renamed("RunConfig", "TrainConfig")
    for name in fields:
        if name not in TrainConfig.__dataclass_fields__:
            raise UsageError(f"{name} is no field of TrainConfig: give it to the model or the data")
    return TrainConfig(**fields)
