"""Colour: bits per dimension on CIFAR-10's test images, by two distributions and two yardsticks.

    python experiments/colour.py --data data/cifar10_subset.npz --minutes 20
    python experiments/colour.py --data ... --tfp_python other/bin/python
    python experiments/colour.py --data ... --only mixture

| run | what |
|---|---|
| `categorical` | Gated PixelCNN, 256 logits a channel, channel groups in the network |
| `mixture` | the same network without groups, mixture of 10 discretised logistics |
| `tfp` | TensorFlow Probability's `PixelCNN`, which follows PixelCNN++ |
| `png` | the test images as PNG files, one each, optimised by Pillow and, if installed, oxipng |

`python experiments/cifar_subset.py` makes the file.

The three models train on the same images, mirrored at random, for the same time: a run ends when
its process has used `--minutes` times the number of cores of *processor* time, start-up and
validation included, so that it matters little what else the machine does. With the variables
`TF_NUM_INTRAOP_THREADS` and `TF_NUM_INTEROP_THREADS` set to 1 that time goes further: no thread
waits for another, and two runs can share two cores. Learning rates rise and fall with the share of
the time used. Every epoch is validated with averaged weights, on the last tenth of the training
images; the test images are looked at once, by the epoch that was best.

Each run writes `<results>/<run>/run.json` as it goes, and ours leave their weights and ten
test images beside it. A run that was interrupted goes on from its last epoch.
TensorFlow Probability needs `tf-keras` and is trained by whichever Python has both:
`pip install tensorflow-probability tf-keras`.
"""

import argparse
import dataclasses
import json
import pathlib
import subprocess
import sys

import pcnnlib_startup

pcnnlib_startup.keep_freed_memory()
with pcnnlib_startup.without_chatter():
    import keras
    from colour_peers import measure_png, train_tfp
    from colour_report import Meter, Report, finish

    import pcnnlib as pcnn
    from pcnnlib import runs, training
    from pcnnlib.models import architecture

# Chosen on the validation images, by runs of a minute or two: few features, small batches and a
# high rate, since steps are what is short.
NETWORK = {"filters": 30, "blocks": 6}
NETWORKS = {
    "categorical": {**NETWORK, "distribution": pcnn.Categorical()},
    "mixture": {**NETWORK, "distribution": pcnn.LogisticMixture(components=10)},
}
TRAINING = pcnn.TrainConfig(
    epochs=10_000,  # the budget ends the training
    batch_size=4,
    learning_rate=4e-3,
    grad_clip=1000.0,  # of nats per image, some ten thousand for 3,072 values
    flip=True,
    ema=0.99,
)
RUNS = (*NETWORKS, "tfp", "png")


class Budget(keras.callbacks.Callback):
    """Sets the learning rate before each step, and stops when the time is used up."""

    def __init__(self, meter, report, highest, history, batch_size):
        super().__init__()
        self.meter, self.report, self.highest = meter, report, highest
        self.history, self.batch_size = history, batch_size
        self.images = report.history["images"][-1] if report.history["images"] else 0

    def on_train_batch_begin(self, batch, logs=None):
        self.model.optimizer.learning_rate = self.meter.rate(self.highest)

    def on_train_batch_end(self, batch, logs=None):
        self.images += self.batch_size
        self.model.stop_training = self.meter.spent

    def on_epoch_end(self, epoch, logs=None):
        self.report.epoch(logs["loss"], logs["val_loss"], self.images, self.model.image_shape)
        # Kept in the checkpoint, with the rest of the history.
        self.history["colour"] = [self.report.history, self.meter.used, self.meter.wall]


def chosen(name, args):
    """The constructor's arguments and the `TrainConfig` of one of our runs, after `--settings`."""
    network, changes = dict(NETWORKS[name]), {}
    fields = {field.name for field in dataclasses.fields(pcnn.TrainConfig)}
    for key, value in json.loads(args.settings).items():
        (changes if key in fields else network)[key] = value
    return network, dataclasses.replace(TRAINING, **{"seed": args.seed, **changes})


def train_ours(name, args, data):
    """One of our networks, trained within the budget."""
    network, config = chosen(name, args)
    keras.utils.set_random_seed(config.seed)
    model = pcnn.GatedPixelCNN(data.image_shape, data.levels, **network)
    model.compile(training.configured_optimizer(config, config.learning_rate, config.ema))
    model.optimizer.build(model.trainable_variables)
    folder = pathlib.Path(args.work) / f"{name}-{args.minutes:g}"
    checkpoints = training.Checkpoints(config, data, folder)
    checkpoints.set_model(model)
    start = checkpoints.resume()
    meter = Meter(args.minutes)
    described = {"model": architecture(model), "training": dataclasses.asdict(config)}
    report = Report(name, args, data, meter, described)
    if "colour" in checkpoints.history:
        report.history, meter.earlier, meter.wall_earlier = checkpoints.history["colour"]
    batches = data.train.batches(config.batch_size, seed=config.seed, epoch=start, flip=config.flip)
    if not meter.spent:
        budget = Budget(meter, report, config.learning_rate, checkpoints.history, config.batch_size)
        model.fit(
            batches,
            validation_data=data.validation.batches(60),
            initial_epoch=start,
            epochs=config.epochs,
            callbacks=[budget, checkpoints, keras.callbacks.SwapEMAWeights()],
            verbose=0,
        )
    checkpoints.load_best()
    finish(report, args, data, lambda split: -model.log_likelihood(split.images, batch_size=40))
    shown = None if args.pilot else {"test": runs.example_images(data)}
    # Loaded anew, the model is without its optimiser.
    report.write(model=pcnn.load_model(folder / training.BEST), images=shown)


def table(args):
    """The results so far, as Markdown."""
    print("| run | test bits/dim | standard error | epochs | images seen | weights | CPU min |")
    print("|---|---|---|---|---|---|---|")
    for name in RUNS:
        path = pathlib.Path(args.results) / name / runs.RUN
        run = json.loads(path.read_text()) if path.exists() else {}
        if "test" not in run:
            continue
        epochs = len(run["history"]["images"])
        seen = run["history"]["images"][-1] if epochs else 0
        weights = run.get("weights", run).get("parameters", 0)
        print(
            f"| {name} | {run['test']['bits_per_dim']:.3f} | {run['test']['standard_error']:.3f} "
            f"| {epochs} | {seen:,} | {weights:,} | {run['cpu_seconds'] / 60:.1f} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="data/cifar10_subset.npz", help=".npz file")
    parser.add_argument("--minutes", type=float, default=20.0, help="on all cores, a model")
    parser.add_argument("--only", choices=RUNS, help="one run, in this process")
    parser.add_argument("--results", default="results/cifar-subset")
    parser.add_argument("--work", default="_build/colour", help="checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--settings", default="{}", help="JSON that replaces settings of the run")
    parser.add_argument("--pilot", action="store_true", help="leave the test images alone")
    parser.add_argument("--tfp_python", default=sys.executable, help="has TensorFlow Probability")
    args = parser.parse_args()
    if args.settings != "{}" and not args.only:
        parser.error("--settings are those of one run: name it with --only")
    if args.only:
        data = pcnn.load_dataset(args.data, shuffle=False)
        if args.only == "tfp":
            train_tfp(args.only, args, data, TRAINING.grad_clip)
        elif args.only == "png":
            measure_png(args.only, args, data)
        else:
            train_ours(args.only, args, data)
        return
    for name in RUNS:
        # A process each, so that each is charged its own processor time.
        python = args.tfp_python if name == "tfp" else sys.executable
        done = subprocess.run([python, *sys.argv, "--only", name])
        if done.returncode:
            print(f"{name} did not finish: exit code {done.returncode}")
    table(args)


if __name__ == "__main__":
    main()
