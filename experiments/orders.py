"""One network that reads digits in eight orders: nats in each order, and of their mixture.

    KERAS_BACKEND=jax python experiments/orders.py --data_path data --data mnist

Makes `results/mnist-orders/<data set>`. The eight symmetries of the square turn raster order into
eight orders: an image is turned and mirrored, and the same causal network reads it in raster order.
The network is told the order as it would be told a class. Each order gives an exact likelihood, and
so does their mixture, the mean of the eight probabilities (Jain et al. 2020, arXiv:2006.12486).

Chosen on validation images, tested once. The weights are rounded to 16 bits before they are tested:
what is published is what was tested.

Not yet run to its end: the figures are not published.
"""

import argparse
import dataclasses
import pathlib
import time

import pcnnlib_startup

pcnnlib_startup.keep_freed_memory()
with pcnnlib_startup.without_chatter():
    import keras
    import numpy as np

    import pcnnlib as pcnn
    from pcnnlib import runs
    from pcnnlib.data import Batches
    from pcnnlib.models import architecture

    if keras.backend.backend() == "jax":
        import jax

RESULTS = pathlib.Path(__file__).parent.parent / "results"
ORDERS = 8
VALIDATED = 2_000  # images after each epoch, each in one order; at the end all in all orders
NETWORK = {"filters": 64, "blocks": 16, "first_kernel_size": 7, "dilations": (1, 2, 4, 8)}
TRAINING = pcnn.TrainConfig(epochs=30, batch_size=128, learning_rate=3e-3, ema=0.999)
# The static binarisation shows the same pixels each epoch.
DROPOUT = {"mnist": 0.0, "binarized_mnist": 0.1}


def reorient(images, order):
    """Images `(N, H, W, C)` as seen in an order 0..7: mirrored from 4 on, then turned."""
    mirrored = images[:, :, ::-1] if order >= 4 else images
    return np.rot90(mirrored, order % 4, axes=(1, 2))


class EveryOrder(pcnn.Split):
    """A split whose batches show each image in an order drawn anew; the labels are the orders."""

    def batches(self, batch_size, **options):
        return BatchesInEveryOrder(self, batch_size, **options)


class BatchesInEveryOrder(Batches):
    """Batches of `(images, orders)`; the orders follow from seed and epoch, as all else does."""

    def __getitem__(self, index):
        ((images, _),) = super().__getitem__(index)
        rng = np.random.default_rng([self.seed, self.epoch, index, ORDERS])
        orders = rng.integers(0, ORDERS, len(images))
        return ((turned_each(images, orders), orders),)


def in_every_order(split):
    """The split as one that shows its images in every order."""
    unused = np.zeros(len(split), "int64")
    return EveryOrder(split.images, labels=unused, intensities=split.intensities)


def turned_each(images, orders):
    """Every image reoriented as its own order asks."""
    turned = np.empty_like(images)
    for order in range(ORDERS):
        turned[orders == order] = reorient(images[orders == order], order)
    return turned


def in_turn(split):
    """A split with each of its images once, in one order after the other."""
    orders = np.arange(len(split)) % ORDERS
    return pcnn.Split(turned_each(split.images, orders), labels=orders)


def nats_by_order(model, images, batch_size=500):
    """Negative log-likelihood of each image in each order, nats, `(8, N)`."""
    return np.stack(
        [
            -model.log_likelihood(reorient(images, order), np.full(len(images), order), batch_size)
            for order in range(ORDERS)
        ]
    )


def mixture_nats(nats):
    """Negative log-likelihood of each image under the mean of the orders, nats, `(N,)`."""
    return -np.logaddexp.reduce(-nats, axis=0) + np.log(len(nats))


def summary(nats, image_shape):
    """Figures of a split, from `nats_by_order`."""
    likelihoods = [pcnn.Likelihood.of(values, image_shape) for values in nats]
    return {
        "orders": [dataclasses.asdict(likelihood) for likelihood in likelihoods],
        "mixture": dataclasses.asdict(pcnn.Likelihood.of(mixture_nats(nats), image_shape)),
    }


def rounded_to_16_bits(model):
    """Round the weights of a model in place; returns it."""
    model.set_weights([w.astype("float16").astype(w.dtype) for w in model.get_weights()])
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=DROPOUT, default="mnist", help="data set")
    parser.add_argument("--data_path", default="data", help="folder of the data set's file")
    parser.add_argument("--results_path", default=str(RESULTS), help="folder that is written to")
    parser.add_argument("--ckpt_path", default="ckpts", help="folder of checkpoints")
    parser.add_argument(
        "--epochs", type=int, default=TRAINING.epochs, help="passes over the images"
    )
    parser.add_argument("--seconds", type=float, help="end with the first epoch that ends later")
    parser.add_argument("--images", type=int, help="train on so few, test on none: to rehearse")
    parser.add_argument("--precision", default="mixed_bfloat16", help="of the training")
    parser.add_argument("--seed", type=int, default=0, help="of everything random")
    args = parser.parse_args()
    try:
        data = pcnn.load_dataset(args.data, data_path=args.data_path)
        training = dataclasses.replace(TRAINING, epochs=args.epochs, seed=args.seed)
        if args.images is not None:
            few = {part: getattr(data, part).take(args.images) for part in ("train", "validation")}
            data = dataclasses.replace(data, **few)
    except pcnn.UsageError as error:
        parser.error(str(error))
    oriented = dataclasses.replace(
        data,
        train=in_every_order(data.train),
        validation=in_turn(data.validation.take(VALIDATED)),
        classes=ORDERS,
    )
    network = NETWORK | {"dropout": DROPOUT[args.data], "condition": pcnn.Labels(ORDERS)}
    keras.utils.set_random_seed(args.seed)
    trained = pcnn.GatedPixelCNN(data.image_shape, data.levels, **network, dtype=args.precision)
    print(f"{args.data}: {trained.count_params():,} weights", flush=True)
    name = f"{args.data}-{args.epochs}-{args.images or 'all'}-{args.seed}"
    checkpoint_dir = pathlib.Path(args.ckpt_path) / "orders" / name
    made = runs.provenance()
    start = time.perf_counter()

    def show(epoch, logs):
        passed = time.perf_counter() - start
        print(f"epoch {epoch + 1}, {passed:.1f} s: {logs}", flush=True)
        if args.seconds is not None and passed > args.seconds:
            trained.stop_training = True

    history = pcnn.train(
        trained,
        oriented,
        training,
        checkpoint_dir=checkpoint_dir,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=show)],
        provenance=made,
    )
    if keras.backend.backend() == "jax":
        # On a GPU, products of float32 are else rounded to 10 bits.
        jax.config.update("jax_default_matmul_precision", "highest")
    model = pcnn.GatedPixelCNN(data.image_shape, data.levels, **network, dtype="float32")
    model.set_weights(trained.get_weights())
    rounded_to_16_bits(model)
    splits = ["validation"] if args.images is not None else ["validation", "test"]
    figures = {
        split: summary(nats_by_order(model, getattr(data, split).images), data.image_shape)
        for split in splits
    }
    command = "KERAS_BACKEND=jax " if keras.backend.backend() == "jax" else ""
    command += f"python experiments/orders.py --data_path data --data {args.data}"
    run = {
        "command": f"{command} --epochs {args.epochs} --seed {args.seed}"
        + ("" if args.seconds is None else f" --seconds {args.seconds:g}"),
        "seed": args.seed,
        "model": architecture(model),
        "training": dataclasses.asdict(training),
        "precision": args.precision,
        "data": runs.describe_data(data),
        **made,
        "parameters": model.count_params(),
        "seconds": sum(history["seconds"]),
        "history": history,
        **figures,
    }
    runs.write_run(pathlib.Path(args.results_path) / "mnist-orders" / args.data, run, model)
    for split, values in figures.items():
        each = ", ".join(f"{order['nats_per_image']:.2f}" for order in values["orders"])
        print(f"{split}: orders {each}; mixture {values['mixture']['nats_per_image']:.2f} nats")


if __name__ == "__main__":
    main()
