"""What each part of the model is worth: the same training with one thing changed.

    python benchmarks/ablations.py
    python benchmarks/ablations.py --group mnist-dilations --seeds 2 --data_path data

Every variant is trained from each of the seeds, and compared with the whole model seed by seed on
the *validation* images: nothing here is chosen by test images, and nothing is tested. One run per
variant is written to `results/<group>`; chapter 8 shows them.

`digits-ablations`, minutes on two cores:

- no gate: ReLU(a + b) in run_dir of tanh(a) * sigmoid(b), with the same convolutions and weights;
- one stack, no gate: the 2016 PixelCNN, with its blind spot, about as many weights and no dilation;
- no gate, no dilation: what "one stack, no gate" is but for blind spot and width;
- half and twice as deep; no averaged weights; no dilation.

`mnist-dilations`, a few minutes a training on one core: the model of the published runs on a part
of MNIST, too short a training for good likelihoods, but long enough to tell dilations apart.
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

RESULTS = pathlib.Path(__file__).parent.parent / "results"
DEFAULT, WHOLE = "digits-ablations", "whole"


@dataclasses.dataclass(frozen=True)
class Group:
    """A training, its variants, and what it is made on.

    Attributes:
        config: `RunConfig` of the whole model.
        first_kernel_size: of every variant.
        variants: dict of name -> (fields of the configuration that are changed, what else is:
            None, "relu" or "pixelcnn").
        images: how many of the first training and validation images, or None for all.
    """

    config: training.RunConfig
    first_kernel_size: int
    variants: dict
    images: tuple | None = None


GROUPS = {
    DEFAULT: Group(
        training.RunConfig(
            blocks=4, filters=24, dilations=(2,), epochs=8, batch_size=32, learning_rate=5e-3
        ),
        5,
        {
            WHOLE: ({}, None),
            "no gate": ({}, "relu"),
            "no gate, no dilation": ({"dilations": (1,)}, "relu"),
            "one stack, no gate": ({"filters": 60, "dilations": (1,)}, "pixelcnn"),
            "half as deep": ({"blocks": 2}, None),
            "twice as deep": ({"blocks": 8}, None),
            "no dilation": ({"dilations": (1,)}, None),
            "no averaged weights": ({"ema": 0.0}, None),
        },
    ),
    "mnist-dilations": Group(
        training.RunConfig(
            data="mnist",
            blocks=8,
            filters=32,
            dilations=(1, 2, 4, 8),
            epochs=1,
            batch_size=32,
            learning_rate=5e-3,
        ),
        7,
        {
            WHOLE: ({}, None),
            "dilations 1, 2, 4": ({"dilations": (1, 2, 4)}, None),
            "no dilation": ({"dilations": (1,)}, None),
        },
        (9_600, 1_000),
    ),
}


def relu_of_sum(inputs):
    """Both halves of the convolution, added instead of multiplied."""
    features, gates = ops.split(inputs, 2, axis=-1)
    return ops.relu(features + gates)


def build(group, config, data, other):
    keras.utils.set_random_seed(config.seed)
    sizes = {
        "filters": config.filters,
        "blocks": config.blocks,
        "first_kernel_size": group.first_kernel_size,
    }
    if other == "pixelcnn":
        return pcnn.PixelCNN(data.image_shape, data.levels, **sizes)
    return pcnn.GatedPixelCNN(data.image_shape, data.levels, dilations=config.dilations, **sizes)


def shortened(group, data):
    """The data set's first images, as many as the group is made on."""
    if group.images is None:
        return data
    train, validation = group.images
    return dataclasses.replace(
        data, train=data.train.take(train), validation=data.validation.take(validation)
    )


def train(group, name, data, seed):
    """Nats of each validation image, of one training; and the model's weights and seconds."""
    changes, other = group.variants[name]
    config = dataclasses.replace(group.config, seed=seed, **changes)
    gate = mock.patch.object(layers, "gate", relu_of_sum)
    with gate if other == "relu" else contextlib.nullcontext():
        model = build(group, config, data, other)
        start = time.perf_counter()
        history = pcnn.train(model, data, config)
        seconds = time.perf_counter() - start
        nats = -model.log_likelihood(data.validation.images)
    return nats, model.count_params(), seconds, history["val_loss"]


def measure(group, name, data, seeds):
    """Fields of a variant's `run.json`."""
    runs = [train(group, name, data, seed) for seed in seeds]
    nats, parameters, seconds, losses = zip(*runs, strict=True)
    return {
        "parameters": parameters[0],
        "seconds": list(seconds),
        "history": list(losses),
        "validation_nats": [values.round(4).tolist() for values in nats],
    }


def command(name, seeds):
    """The command line that makes a group's runs."""
    words = f"python benchmarks/ablations.py --seeds {seeds}"
    return words if name == DEFAULT else f"{words} --group {name} --data_path data"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--group", choices=GROUPS, default=DEFAULT, help="what is compared")
    parser.add_argument("--seeds", type=int, default=4, help="trainings of each variant")
    parser.add_argument("--only", nargs="+", metavar="VARIANT", help="these variants")
    parser.add_argument("--data_path", default="data", help="folder of MNIST's file")
    parser.add_argument("--results_path", default=str(RESULTS), help="folder that is written to")
    args = parser.parse_args()
    group = GROUPS[args.group]
    if args.seeds < 2:
        parser.error(f"--seeds must be at least 2, to tell how much is chance, got {args.seeds}")
    unknown = set(args.only or ()) - set(group.variants)
    if unknown:
        parser.error(
            f"--only must name variants of {', '.join(map(repr, group.variants))}, "
            f"got {', '.join(map(repr, sorted(unknown)))}"
        )
    try:
        data = shortened(group, pcnn.load_dataset(group.config.data, data_path=args.data_path))
    except pcnn.UsageError as error:
        parser.error(str(error))
    made = results.provenance()
    print(f"{'variant':20}  nats/image  (seeds)            weights  seconds")
    for name in args.only or group.variants:
        fields = measure(group, name, data, range(args.seeds))
        changes, other = group.variants[name]
        folder = name.replace(",", "").replace(" ", "-")
        run = {
            "command": command(args.group, args.seeds),
            "variant": name,
            "seeds": list(range(args.seeds)),
            "config": dataclasses.asdict(dataclasses.replace(group.config, **changes)),
            "other": other,
            "data": results.describe_data(data),
            **made,
            **fields,
        }
        results.write_run(pathlib.Path(args.results_path) / args.group / folder, run)
        means = [np.mean(nats) for nats in fields["validation_nats"]]
        print(
            f"{name:20} {np.mean(means):8.2f}    ({', '.join(f'{m:.2f}' for m in means)})"
            f"  {fields['parameters']:8,}  {np.mean(fields['seconds']):6.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
