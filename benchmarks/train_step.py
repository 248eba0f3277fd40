"""Training speed: `GatedPixelCNN` against a plain implementation of the same network.

The reference is `pcnnlib/minimal.py`, the model that chapter 3 writes: full kernels, multiplied by
their masks at every step. Both have the same blocks, feature maps, stacks and receptive field, and
train by the same Keras loop on the same images. (The reference predicts two levels by a softmax,
where the library has one logit.)

    python benchmarks/train_step.py
    python benchmarks/train_step.py --batch_size 32 --repeats 5

Repeats alternate between the two, so that a busy machine slows both alike; the median is compared.
Peak memory is measured by running each alone in a process of its own.
"""

import argparse
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import time

import pcnnlib_startup

pcnnlib_startup.keep_freed_memory()
with pcnnlib_startup.without_chatter():
    import keras
    import numpy as np

    import pcnnlib as pcnn
    from pcnnlib import minimal


def make(name, args):
    """A compiled model and the arguments of its `fit`."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 2, (args.steps * args.batch_size, *args.image_shape), "uint8")
    if name == "pcnnlib":
        model = pcnn.GatedPixelCNN(args.image_shape, 2, args.filters, args.blocks)
        model.compile(keras.optimizers.Adam(1e-3))
        return model, (images,)
    model = minimal.GatedPixelCNN(2, args.filters, args.blocks)
    model.compile(keras.optimizers.Adam(1e-3), minimal.nats_per_image)
    return model, (images, images)


def time_epoch(model, data, args):
    start = time.perf_counter()
    model.fit(*data, batch_size=args.batch_size, epochs=1, shuffle=False, verbose=0)
    return len(data[0]) / (time.perf_counter() - start)


def measure(names, args):
    """Images per second of each, a list of repeats; the first epoch compiles and is left out."""
    runs = {name: make(name, args) for name in names}
    for model, data in runs.values():
        time_epoch(model, data, args)
    speeds = {name: [] for name in names}
    for _ in range(args.repeats):
        for name, run in runs.items():
            speeds[name].append(time_epoch(*run, args))
    return speeds, {name: model.count_params() for name, (model, _) in runs.items()}


def peak_memory(name, args):
    """Largest resident memory, MiB, of a process that trains this model alone."""
    command = [sys.executable, __file__, "--memory_of", name, "--steps", "3"]
    command += ["--batch_size", str(args.batch_size), "--blocks", str(args.blocks)]
    command += ["--filters", str(args.filters)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output.splitlines()[-1])


def peak_resident():
    """Largest resident memory of this process so far, MiB."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        # Linux hands a parent's `ru_maxrss` on to its children; this line starts afresh.
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch_size", type=int, default=100)
    parser.add_argument("--blocks", type=int, default=12)
    parser.add_argument("--filters", type=int, default=32)
    parser.add_argument("--steps", type=int, default=4, help="batches per repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--memory_of", help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.image_shape = (28, 28, 1)
    if args.memory_of:
        model, data = make(args.memory_of, args)
        time_epoch(model, data, args)
        print(peak_resident())
        return
    names = ["reference", "pcnnlib"]
    speeds, weights = measure(names, args)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"{keras.backend.backend()} backend, Keras {keras.__version__}")
    print(f"{args.blocks} blocks, {args.filters} maps, batch {args.batch_size}, 28x28x1")
    print("| | images/s (median) | lowest..highest | weights | peak memory |")
    print("|---|---|---|---|---|")
    for name in names:
        s = speeds[name]
        print(
            f"| {name} | {statistics.median(s):.1f} | {min(s):.1f}..{max(s):.1f} "
            f"| {weights[name]:,} | {peak_memory(name, args):,} MiB |"
        )
    ratio = statistics.median(speeds["pcnnlib"]) / statistics.median(speeds["reference"])
    print(f"pcnnlib trains {ratio:.2f} times as many images per second")


if __name__ == "__main__":
    main()
