"""What each part of the model is worth: the same training with one thing changed, on the digits.

    python benchmarks/ablations.py

Every variant is trained from each of the seeds, and compared with the whole model seed by seed on
the *validation* images: nothing here is chosen by test images, and nothing is tested. One run per
variant is written to `results/digits-ablations`; chapter 8 shows them.

- no gate: ReLU(a + b) in place of tanh(a) * sigmoid(b), with the same convolutions and weights;
- one stack, no gate: the 2016 PixelCNN, with its blind spot, about as many weights and no dilation;
- half and twice as deep; no averaged weights; no dilation.
"""

import argparse
import contextlib
import dataclasses
import pathlib
import time
from unittest import mock

import pcnnlib as pcnn  # first: it keeps TensorFlow's start-up report off the screen

# ruff: isort: split
import keras
import numpy as np
from keras import ops

from pcnnlib import layers, results, training

GROUP = pathlib.Path(__file__).parent.parent / "results" / "digits-ablations"
WHOLE = "whole"
CONFIG = training.RunConfig(
    blocks=4, filters=24, dilations=(2,), epochs=8, batch_size=32, learning_rate=5e-3
)
# What is changed in the configuration, and whether anything else is.
VARIANTS = {
    WHOLE: ({}, None),
    "no gate": ({}, "relu"),
    "one stack, no gate": ({"filters": 60, "dilations": (1,)}, "pixelcnn"),
    "half as deep": ({"blocks": 2}, None),
    "twice as deep": ({"blocks": 8}, None),
    "no dilation": ({"dilations": (1,)}, None),
    "no averaged weights": ({"ema": 0.0}, None),
}


def relu_of_sum(inputs):
    """Both halves of the convolution, added instead of multiplied."""
    features, gates = ops.split(inputs, 2, axis=-1)
    return ops.relu(features + gates)


def build(config, data, other):
    keras.utils.set_random_seed(config.seed)
    sizes = {"filters": config.filters, "blocks": config.blocks, "first_kernel_size": 5}
    if other == "pixelcnn":
        return pcnn.PixelCNN(data.image_shape, data.levels, **sizes)
    return pcnn.GatedPixelCNN(data.image_shape, data.levels, dilations=config.dilations, **sizes)


def train(name, data, seed):
    """Nats of each validation image, of one training; and the model's weights and seconds."""
    changes, other = VARIANTS[name]
    config = dataclasses.replace(CONFIG, seed=seed, **changes)
    gate = mock.patch.object(layers, "gate", relu_of_sum)
    with gate if other == "relu" else contextlib.nullcontext():
        model = build(config, data, other)
        start = time.perf_counter()
        history = pcnn.train(model, data, config)
        seconds = time.perf_counter() - start
        nats = -model.log_likelihood(data.validation.images)
    return nats, model.count_params(), seconds, history["val_loss"]


def measure(name, data, seeds):
    """Fields of a variant's `run.json`."""
    runs = [train(name, data, seed) for seed in seeds]
    nats, parameters, seconds, losses = zip(*runs, strict=True)
    return {
        "parameters": parameters[0],
        "seconds": list(seconds),
        "history": list(losses),
        "validation_nats": [values.round(4).tolist() for values in nats],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=4, help="trainings of each variant")
    parser.add_argument("--results", default=str(GROUP), help="folder that is written to")
    args = parser.parse_args()
    if args.seeds < 2:
        parser.error(f"--seeds must be at least 2, to tell how much is chance, got {args.seeds}")
    data = pcnn.load_dataset(CONFIG.data)
    made = results.surroundings()
    print(f"{'variant':20}  nats/image  (seeds)            weights  seconds")
    for name in VARIANTS:
        fields = measure(name, data, range(args.seeds))
        changes, other = VARIANTS[name]
        place = pathlib.Path(args.results) / name.replace(",", "").replace(" ", "-")
        run = {
            "command": f"python benchmarks/ablations.py --seeds {args.seeds}",
            "variant": name,
            "seeds": list(range(args.seeds)),
            "config": dataclasses.asdict(dataclasses.replace(CONFIG, **changes)),
            "other": other,
            "data": results.describe_data(data),
            **made,
            **fields,
        }
        results.write_run(place, run)
        means = [np.mean(nats) for nats in fields["validation_nats"]]
        print(
            f"{name:20} {np.mean(means):8.2f}    ({', '.join(f'{m:.2f}' for m in means)})"
            f"  {fields['parameters']:8,}  {np.mean(fields['seconds']):6.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
