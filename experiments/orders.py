"""Does the order of the pixels matter, and what do several orders bring?

    python experiments/orders.py
    python experiments/orders.py --data mnist --data_path data

Makes the runs of `results/digits-orders` and `results/mnist-random-order`, minutes on two cores
each; chapter 9 shows them. All trainings of a data set have the same network, images, epochs and
settings. What is kept are the nats of each *validation* image in each order; nothing is chosen by
test images, and nothing is tested.

The small digits, in black and white:

- one network: told its order, eight orders with one set of weights;
- a network per order: eight sets of weights, each trained on the images turned to its order;
- one order: eight networks that differ in their seed alone, all in raster order. What a mixture of
  these gains needs no other order.

A part of MNIST:

- raster order, and
- random order: the pixels of all images exchanged in one way, drawn from the seed.
"""

import argparse
import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np
from variants import RESULTS, Variant, checked_data  # first: it starts TensorFlow quietly

import pcnnlib as pcnn
from pcnnlib import analysis, runs
from pcnnlib.models import architecture
from pcnnlib.nn.raster import ORDERS, reorient

COUNT = len(ORDERS)


@dataclasses.dataclass(frozen=True)
class Kind:
    """A network and its training on a data set.

    Attributes:
        name: folder of the runs below `results`.
        command: that makes them, without the number of seeds.
        network: arguments of `GatedPixelCNN`.
        training: `TrainConfig`; its seed is replaced.
        variants: dict of name -> function of `(kind, data, seed)` that trains one or more networks.
        load: function of the folder of the data set's file that returns a `Dataset`.
    """

    name: str
    command: str
    network: dict
    training: pcnn.TrainConfig
    variants: dict
    load: Callable

    def train(self, data: pcnn.Dataset, seed: int, orders: int = 1) -> tuple:
        """Train once.

        Returns:
            `(model, nats of each validation image (orders, images), losses of the epochs)`.
        """
        network = self.network | {"orders": orders}
        variant = Variant(pcnn.GatedPixelCNN, network, self.training)
        model, nats, history, _ = variant.train(data, seed)
        nats = nats[None]
        if orders > 1:
            nats = -analysis.order_log_likelihoods(model, data.validation.images)
        return model, nats, history["val_loss"]


def load_digits(data_path) -> pcnn.Dataset:
    """The small digits in black and white."""
    return pcnn.load_dataset("digits").redrawn(
        lambda split: (split.images > 7).astype("uint8"),
        name="digits in black and white",
        levels=2,
    )


def load_part_of_mnist(data_path) -> pcnn.Dataset:
    """The first training and validation images, binarised once."""
    data = pcnn.load_dataset("mnist", data_path=data_path)
    part = dataclasses.replace(
        data, train=data.train.take(4_000), validation=data.validation.take(2_000)
    )
    # Pixels that can be exchanged: the same in every epoch.
    return part.redrawn(lambda split: split.images, name="part of mnist", levels=2)


def in_order(data: pcnn.Dataset, order: int) -> pcnn.Dataset:
    """The same images, turned such that raster order goes through them in another order."""
    return data.redrawn(
        lambda split: reorient(split.images, order),
        name=f"{data.name}, order {order}",
        levels=data.levels,
    )


def scrambled(data: pcnn.Dataset, seed: int) -> pcnn.Dataset:
    """The same images, all with their pixels exchanged in the same way."""
    height, width, channels = data.image_shape
    places = np.random.default_rng(seed).permutation(height * width)

    def exchange(split):
        flat = split.images.reshape(-1, height * width, channels)
        return flat[:, places].reshape(split.images.shape)

    return data.redrawn(exchange, name=f"{data.name}, pixels exchanged", levels=data.levels)


def one_network(kind, data, seed):
    return [kind.train(data, seed, COUNT)]


def network_per_order(kind, data, seed):
    return [kind.train(in_order(data, order), seed) for order in range(COUNT)]


def one_order(kind, data, seed):
    # Seeds that no other training has, and none twice.
    return [kind.train(data, COUNT * (seed + 1) + k) for k in range(COUNT)]


def raster_order(kind, data, seed):
    return [kind.train(data, seed)]


def random_order(kind, data, seed):
    return [kind.train(scrambled(data, seed), seed)]


KINDS = {
    "digits": Kind(
        load=load_digits,
        name="digits-orders",
        command="python experiments/orders.py",
        network={"filters": 16, "blocks": 4},
        training=pcnn.TrainConfig(epochs=15, batch_size=64, learning_rate=5e-3),
        variants={
            "one network": one_network,
            "a network per order": network_per_order,
            "one order": one_order,
        },
    ),
    "mnist": Kind(
        load=load_part_of_mnist,
        name="mnist-random-order",
        command="python experiments/orders.py --data mnist --data_path data",
        network={"filters": 24, "blocks": 6, "dilations": (1, 2, 4)},
        training=pcnn.TrainConfig(epochs=6, batch_size=32, learning_rate=5e-3),
        variants={"raster order": raster_order, "random order": random_order},
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=KINDS, default="digits", help="images to train on")
    parser.add_argument("--seeds", type=int, default=3, help="repetitions of each variant")
    parser.add_argument("--only", nargs="+", metavar="VARIANT", help="these variants")
    parser.add_argument("--data_path", default="data", help="folder of the data set's file")
    parser.add_argument("--results_path", default=str(RESULTS), help="folder that is written to")
    args = parser.parse_args()
    kind = KINDS[args.data]
    data = checked_data(parser, args, kind)
    made = runs.provenance()
    print(f"{'variant':20} one order  mixture  (nats per validation image)", flush=True)
    for name in args.only or kind.variants:
        repeated = [kind.variants[name](kind, data, seed) for seed in range(args.seeds)]
        model = repeated[0][0][0]
        nats = [np.concatenate([nats for _, nats, _ in trained]) for trained in repeated]
        run = {
            "command": f"{kind.command} --seeds {args.seeds}",
            "variant": name,
            "seeds": list(range(args.seeds)),
            "model": architecture(model),
            "training": dataclasses.asdict(kind.training),
            "data": runs.describe_data(data),
            **made,
            # Of all the networks that one mixture is made of.
            "parameters": model.count_params() * len(repeated[0]),
            "history": [losses for trained in repeated for _, _, losses in trained],
            # (seeds, orders or networks, images)
            "validation_nats": [values.round(4).tolist() for values in nats],
        }
        folder = name.replace(" ", "-")
        runs.write_run(pathlib.Path(args.results_path) / kind.name / folder, run)
        single = np.mean([values.mean() for values in nats])
        mixed = np.mean([-analysis.mixture_log_likelihood(-values).mean() for values in nats])
        print(f"{name:20} {single:9.2f}  {mixed:7.2f}", flush=True)


if __name__ == "__main__":
    main()
