"""The configuration of a training: checked, frozen, and fit for JSON."""

import dataclasses
import json

import numpy as np
import pytest

import pcnnlib as pcnn


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"batch_size": 0}, "batch_size must be an integer >= 1, got 0"),
        ({"batch_size": 2.0}, "batch_size must be an integer >= 1, got 2.0"),
        ({"accumulate": 0}, "accumulate must be an integer >= 1, got 0"),
        ({"epochs": -1}, "epochs must be an integer >= 0, got -1"),
        ({"seed": -1}, "seed must be an integer >= 0, got -1"),
        ({"optimizer": "sgd"}, "optimizer must be one of muon, adam, got 'sgd'"),
        ({"learning_rate": 0}, "learning_rate must be a finite number > 0, got 0"),
        ({"learning_rate": "0.1"}, "learning_rate must be a finite number > 0, got '0.1'"),
        ({"grad_clip": float("nan")}, "grad_clip must be a finite number > 0, got nan"),
        ({"weight_decay": -1}, "weight_decay must be a finite number >= 0, got -1"),
        ({"warmup": 1.5}, "warmup must be a finite number >= 0 and <= 1, got 1.5"),
        ({"ema": 1.0}, "ema must be below 1, got 1.0"),
        ({"ema": -0.5}, "ema must be a finite number >= 0"),
        ({"flip": "no"}, "flip must be True or False, got 'no'"),
        ({"flip": 0}, "flip must be True or False, got 0"),
        ({"seed": 2**32}, "seed must be at most 4,294,967,295, got 4294967296"),
        ({"epochs": 10**9}, "epochs must be at most 1,000,000, got 1000000000"),
        ({"learning_rate": 1e39}, r"learning_rate must be at most 3e\+38, got 1e\+39"),
    ],
)
def test_configuration_refuses(arguments, message):
    with pytest.raises(pcnn.UsageError, match=message) as raised:
        pcnn.TrainConfig(**arguments)
    assert "\n" not in str(raised.value)


def test_configuration_knows_its_fields_and_cannot_be_changed():
    with pytest.raises(TypeError, match="layers"):
        pcnn.TrainConfig(layers=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        pcnn.TrainConfig().epochs = 3


def test_configuration_of_numpy_numbers_can_be_saved():
    """A sweep's values often come out of NumPy, which JSON does not take."""
    config = pcnn.TrainConfig(epochs=np.int64(1), learning_rate=np.float32(0.5))
    assert json.loads(json.dumps(dataclasses.asdict(config)))["learning_rate"] == 0.5
