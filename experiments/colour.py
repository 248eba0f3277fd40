"""Colour: bits per dimension on CIFAR-10's test images, by two distributions and two yardsticks.

    python benchmarks/colour.py --data ../shared/data/cifar10_subset.npz --minutes 20
    python benchmarks/colour.py --data ... --tfp_python other/bin/python
    python benchmarks/colour.py --data ... --only mixture

| run | what |
|---|---|
| `categorical` | Gated PixelCNN, 256 logits a channel, channel groups in the network |
| `mixture` | the same network without groups, mixture of 10 discretised logistics |
| `tfp` | TensorFlow Probability's `PixelCNN`, which follows PixelCNN++ |
| `png` | the test images as PNG files, one each, optimised by Pillow and, if installed, oxipng |

The three models train on the same images, mirrored at random, for the same time: a run ends when
its process has used `--minutes` times the number of cores of *processor* time, start-up and
validation included, so that it matters little what else the machine does. With the variables
`TF_NUM_INTRAOP_THREADS` and `TF_NUM_INTEROP_THREADS` set to 1 that time goes further: no thread
waits for another, and two runs can share two cores. Learning rates rise and fall with the share of
the time used. Every epoch is validated with averaged weights, on the last tenth of the training
images; the test images are looked at once, by the epoch that was best.

Each run writes `<results>/<run>/run.json` as it goes, and ours leave the weights beside it. A run
that was interrupted goes on from its last epoch. TensorFlow Probability needs `tf-keras` and is
trained by whichever Python has both: `pip install tensorflow-probability tf-keras`.
"""

import argparse
import io
import json
import math
import os
import pathlib
import subprocess
import sys
import time

import pcnnlib as pcnn  # first: it keeps TensorFlow's start-up report off the screen

# ruff: isort: split
import keras
import numpy as np

from pcnnlib import backend, results, training

RUNS = ("categorical", "mixture", "tfp", "png")
# Chosen on the validation images, by runs of a minute or two: few features, small batches and a
# high rate, since steps are what is short. The peer gets the same batches, and its rate was chosen
# in the same way; its optimiser is its own, Adam.
NETWORK = {
    "blocks": 6,
    "filters": 30,
    "batch_size": 4,
    "learning_rate": 4e-3,
    "grad_clip": 1000.0,  # of nats per image, some ten thousand for 3,072 values
    "flip": True,
    "ema": 0.99,
}
SETTINGS = {
    "categorical": {**NETWORK, "distribution": "categorical"},
    "mixture": {**NETWORK, "distribution": "logistic_mixture"},
    "tfp": {
        "num_resnet": 1,
        "num_hierarchies": 2,
        "num_filters": 32,
        "num_logistic_mix": 10,
        "dropout_p": 0.05,
        "batch_size": 4,
        "learning_rate": 3e-3,
        "ema": 0.99,
    },
    "png": {},
}
WARMUP = 0.05


class Meter:
    """Processor seconds of a run: of this process, and of those before it that it goes on from."""

    def __init__(self, minutes):
        self.budget = minutes * 60 * backend.processor_cores()
        self.earlier = self.wall_earlier = 0.0
        self.began = time.perf_counter()

    @property
    def used(self):
        return self.earlier + time.process_time()

    @property
    def wall(self):
        return self.wall_earlier + time.perf_counter() - self.began

    @property
    def spent(self):
        return self.used >= self.budget

    def rate(self, highest):
        """The learning rate now: a linear rise, then a cosine down to a hundredth."""
        share = min(1.0, self.used / self.budget)
        if share < WARMUP:
            return highest * share / WARMUP
        share = (share - WARMUP) / (1 - WARMUP)
        return highest * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


class Report:
    """What a run says of itself: a JSON file, written anew after each epoch."""

    def __init__(self, name, args, data, meter):
        self.run_dir = pathlib.Path(args.results) / name
        self.meter = meter
        self.history = {"bits_per_dim": [], "val_bits_per_dim": [], "cpu_seconds": [], "images": []}
        packages = {
            "tfp": ["pcnnlib", "tensorflow", "tensorflow-probability", "tf-keras", "numpy"],
            "png": ["pcnnlib", "pillow", "pyoxipng", "numpy"],
        }
        self.fields = {
            "command": command(name, args),
            "seed": args.seed,
            "config": settings(name, args),
            "data": results.describe_data(data),
            "threads": threads(),
            **results.provenance(packages.get(name)),
        }
        self.name = name

    def write(self, model=None, **fields):
        self.fields.update(
            fields,
            budget_cpu_seconds=self.meter.budget,
            cpu_seconds=round(self.meter.used, 1),
            wall_seconds=round(self.meter.wall, 1),
            history=self.history,
        )
        self.fields = results.write_run(self.run_dir, self.fields, model)

    def epoch(self, loss, validation, images, shape):
        """Note an epoch: nats per image, and images trained on so far."""
        scale = 1 / (math.prod(shape) * math.log(2))
        values = (loss * scale, validation * scale, self.meter.used, images)
        for column, value in zip(self.history.values(), values, strict=True):
            column.append(value)
        best = int(np.argmin(self.history["val_bits_per_dim"]))
        self.write(best_epoch=best + 1)
        print(
            f"{self.name}, epoch {len(self.history['images'])}: {values[0]:.4f} bits/dim, "
            f"validation {values[1]:.4f}, {values[2]:.0f} of {self.meter.budget:.0f} CPU s",
            flush=True,
        )


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


def train_ours(name, args, data):
    chosen = settings(name, args)
    config = pcnn.RunConfig(data=data.name, epochs=10_000, seed=args.seed, **chosen)
    model = pcnn.build_model(config, data)
    model.compile(training.configured_optimizer(config, config.learning_rate, config.ema))
    model.optimizer.build(model.trainable_variables)
    folder = pathlib.Path(args.work) / f"{name}-{args.minutes:g}"
    keeper = training.Checkpoints(config, data, folder)
    keeper.set_model(model)
    start = keeper.resume()
    meter = Meter(args.minutes)
    report = Report(name, args, data, meter)
    if "colour" in keeper.history:
        report.history, meter.earlier, meter.wall_earlier = keeper.history["colour"]
    batches = data.train.batches(config.batch_size, seed=args.seed, epoch=start, flip=config.flip)
    if not meter.spent:
        budget = Budget(meter, report, config.learning_rate, keeper.history, config.batch_size)
        model.fit(
            batches,
            validation_data=data.validation.batches(60),
            initial_epoch=start,
            epochs=config.epochs,
            callbacks=[budget, keeper, keras.callbacks.SwapEMAWeights()],
            verbose=0,
        )
    keeper.load_best()
    finish(report, args, data, lambda split: -model.log_likelihood(split.images, batch_size=40))
    report.write(model=pcnn.load_model(folder / training.BEST))  # without the optimiser


def train_tfp(name, args, data):
    import tensorflow as tf
    import tensorflow_probability as tfp
    import tf_keras

    tf_keras.utils.set_random_seed(args.seed)
    chosen = settings(name, args)
    size, highest, ema = (chosen.pop(key) for key in ("batch_size", "learning_rate", "ema"))
    model = tfp.distributions.PixelCNN(image_shape=data.image_shape, **chosen)
    batches = data.train.batches(size, seed=args.seed, flip=True)
    # The first call initialises the weights from the data it sees (weight normalisation).
    model.log_prob(tf.cast(batches[0][0], "float32"), training=True)
    weights = model.trainable_variables
    average = [tf.Variable(w, trainable=False) for w in weights]
    optimizer = tf_keras.optimizers.Adam(highest, global_clipnorm=NETWORK["grad_clip"])
    optimizer.build(weights)

    @tf.function(autograph=False)
    def step(images):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(model.log_prob(images, training=True))
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        for mean, weight in zip(average, weights, strict=True):
            mean.assign(ema * mean + (1 - ema) * weight)
        return loss

    log_prob = tf.function(lambda images: model.log_prob(images, training=False), autograph=False)

    def cost(split):
        """Nats of each image, under whatever weights the model has."""
        parts = [split.images[k : k + 40] for k in range(0, len(split), 40)]
        return np.concatenate([-log_prob(tf.cast(part, "float32")) for part in parts])

    def put(values):
        for weight, value in zip(weights, values, strict=True):
            weight.assign(value)

    meter = Meter(args.minutes)
    report = Report(name, args, data, meter)
    report.fields["parameters"] = int(sum(np.prod(w.shape) for w in weights))
    folder = pathlib.Path(args.work) / f"{name}-{args.minutes:g}"
    best = [tf.Variable(w, trainable=False) for w in average]
    kept = {str(i): w for i, w in enumerate([*weights, *average, *best, *optimizer.variables])}
    checkpoint, state = tf.train.Checkpoint(**kept), folder / "state.json"
    if state.exists():
        saved = json.loads(state.read_text())
        checkpoint.read(saved["file"]).assert_consumed()
        report.history, meter.earlier, meter.wall_earlier = saved["colour"]
    images = report.history["images"][-1] if report.history["images"] else 0
    while not meter.spent:
        batches.epoch, losses = len(report.history["images"]), []
        for index in range(batches.num_batches):
            optimizer.learning_rate.assign(meter.rate(highest))
            losses.append(float(step(tf.cast(batches[index][0], "float32"))))
            images += size
            if meter.spent:
                break
        current = [w.numpy() for w in weights]
        put(average)
        validation = float(cost(data.validation).mean())
        put(current)
        report.epoch(float(np.mean(losses)), validation, images, data.image_shape)
        if report.fields["best_epoch"] == len(report.history["images"]):
            for variable, value in zip(best, average, strict=True):
                variable.assign(value)
        file = checkpoint.write(str(folder / f"epoch-{len(report.history['images'])}"))
        colour = [report.history, meter.used, meter.wall]
        state.write_text(json.dumps({"file": file, "colour": colour}))
    put(best)
    finish(report, args, data, cost)


def finish(report, args, data, cost):
    """Validate the best weights once more and, unless this is a pilot, read the test images."""
    splits = (
        {"validation": data.validation}
        if args.pilot
        else {
            "validation": data.validation,
            "test": data.test,
        }
    )
    report.write(**{name: figures(cost(split), data) for name, split in splits.items()})
    for name in splits:
        shown = report.fields[name]
        print(
            f"{report.name}, {name}: {shown['bits_per_dim']:.4f} "
            f"± {shown['standard_error']:.4f} bits/dim",
            flush=True,
        )


def figures(nats, data):
    """Mean and standard error over images, bits per dimension."""
    likelihood = pcnn.Likelihood.of(nats, data.image_shape)
    dims = math.prod(data.image_shape) * math.log(2)
    return {
        "bits_per_dim": likelihood.bits_per_dim,
        "standard_error": likelihood.standard_error / dims,
        "images": likelihood.images,
    }


def measure_png(name, args, data):
    """Sizes of the test images as PNG: whole files, and their compressed pixels alone."""
    from PIL import Image

    meter = Meter(args.minutes)
    report = Report(name, args, data, meter)

    def pillow(image):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG", optimize=True)
        return file.getvalue()

    ways = {"pillow": pillow}
    try:
        import oxipng
    except ImportError:
        pass
    else:
        options = {"level": 6, "strip": oxipng.StripChunks.all()}

        def zopfli(image):
            """Every filter strategy, and the slowest compression that deflate's readers accept."""
            return oxipng.optimize_from_memory(
                pillow(image), deflate=oxipng.Deflaters.zopfli(15), **options
            )

        ways["oxipng_zopfli"] = zopfli
    log2 = math.log(2)
    for way, encode in ways.items():
        files = [encode(image) for image in data.test.images]
        for kind, size in (("file", len), ("pixels", pixel_bytes)):
            bits = np.array([size(file) for file in files]) * 8.0
            report.fields[f"{way}, {kind}"] = figures(bits * log2, data)
        # All images in one tall picture: one header, and one history for the compressor.
        tall = data.test.images.reshape(-1, *data.image_shape[1:])
        report.fields[f"{way}, one picture"] = len(encode(tall)) * 8 / tall.size
    best = min(ways, key=lambda way: report.fields[f"{way}, file"]["bits_per_dim"])
    report.write(test=report.fields[f"{best}, file"], way=best)
    print(json.dumps({k: v for k, v in report.fields.items() if k.startswith(tuple(ways))}))


def pixel_bytes(file):
    """Bytes of a PNG file's IDAT chunks: the compressed pixels, without headers."""
    at, total = 8, 0
    while at < len(file):
        length = int.from_bytes(file[at : at + 4], "big")
        total += length * (file[at + 4 : at + 8] == b"IDAT")
        at += length + 12
    return total


def settings(name, args):
    return {**SETTINGS[name], **json.loads(args.settings)}


def command(name, args):
    parts = [f"python benchmarks/colour.py --data {pathlib.Path(args.data).name}"]
    parts += [f"--minutes {args.minutes:g} --seed {args.seed} --only {name}"]
    if args.settings != "{}":
        parts.append(f"--settings '{args.settings}'")
    return " ".join([*parts, "--pilot"] if args.pilot else parts)


def threads():
    """Threads that TensorFlow splits an operation among."""
    return int(os.environ.get("TF_NUM_INTRAOP_THREADS", backend.processor_cores()))


def table(args):
    """The results so far, as Markdown."""
    print("| run | test bits/dim | standard error | epochs | images seen | weights | CPU min |")
    print("|---|---|---|---|---|---|---|")
    for name in RUNS:
        path = pathlib.Path(args.results) / name / results.RUN
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
    parser.add_argument("--data", default="../shared/data/cifar10_subset.npz", help=".npz file")
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
        data = pcnn.load_dataset(args.data)
        runs = {"tfp": train_tfp, "png": measure_png}
        runs.get(args.only, train_ours)(args.only, args, data)
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
