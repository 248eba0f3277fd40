"""What the runs of `colour.py` have in common: the budget, and what is written and printed."""

import math
import os
import pathlib
import time

import numpy as np

import pcnnlib as pcnn
from pcnnlib import runs
from pcnnlib._internal.devices import processor_cores

WARMUP = 0.05  # share of the budget in which the learning rate rises


class Meter:
    """Processor seconds of a run: of this process, and of those before it that it goes on from."""

    def __init__(self, minutes):
        self.budget = minutes * 60 * processor_cores()
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
    """The record of a run, a JSON file that is written anew after each epoch.

    Args:
        name: of the run.
        args: of the command line.
        data: its `Dataset`.
        meter: its `Meter`.
        chosen: dict of what was chosen for it: `model` and `training` of our networks, `settings`
            of anything else.
    """

    def __init__(self, name, args, data, meter, chosen):
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
            **chosen,
            "data": runs.describe_data(data),
            "threads": threads(),
            **runs.provenance(packages.get(name)),
        }
        self.name = name

    def write(self, model=None, images=None, **fields):
        self.fields.update(
            fields,
            budget_cpu_seconds=self.meter.budget,
            cpu_seconds=round(self.meter.used, 1),
            wall_seconds=round(self.meter.wall, 1),
            history=self.history,
        )
        name = f"{pathlib.Path(self.run_dir).parent.name}/{self.name}"
        self.fields = runs.write_run(self.run_dir, self.fields, model, images, name=name)

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


def finish(report, args, data, cost):
    """Validate the best weights once more and, unless this is a pilot, read the test images."""
    splits = {"validation": data.validation}
    if not args.pilot:
        splits["test"] = data.test
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


def command(name, args):
    parts = [f"python experiments/colour.py --data {pathlib.Path(args.data).name}"]
    parts += [f"--minutes {args.minutes:g} --seed {args.seed} --only {name}"]
    if args.settings != "{}":
        parts.append(f"--settings '{args.settings}'")
    return " ".join([*parts, "--pilot"] if args.pilot else parts)


def threads():
    """Threads that TensorFlow splits an operation among."""
    return int(os.environ.get("TF_NUM_INTRAOP_THREADS", processor_cores()))
