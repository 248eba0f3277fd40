"""Training speed: `GatedPixelCNN` against a plain implementation of the same network.

The reference is built the way the first public implementations were: full kernels multiplied by
masks, two convolutions per gate, 1x1 convolutions as `Conv2D`. Both have the same blocks, feature
maps, stacks, receptive field and head, and train by the same Keras loop on the same images.

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
    from keras import layers, ops

    import pcnnlib as pcnn
    from pcnnlib.nn import masks


class MaskedConv2D(layers.Conv2D):
    """A full kernel, multiplied by its mask at every step."""

    def __init__(self, filters, kernel_size, mask, **kwargs):
        super().__init__(filters, kernel_size, padding="same", **kwargs)
        self.mask = mask

    def convolution_op(self, inputs, kernel):
        return super().convolution_op(inputs, kernel * self.mask)


class PlainGate(layers.Layer):
    """A masked convolution for the features and another for the gates."""

    def __init__(self, filters, kernel_size, mask):
        super().__init__()
        self.parts = [MaskedConv2D(filters, kernel_size, mask) for _ in range(2)]

    def call(self, inputs, added=(0.0, 0.0)):
        features, gates = (part(inputs) + a for part, a in zip(self.parts, added, strict=True))
        return features, gates


def reference(image_shape, filters, blocks):
    """The Gated PixelCNN as a plain Keras model of logits."""
    images = keras.Input(image_shape)
    vertical = horizontal = images
    for block in range(blocks):
        size, kind = (3, "B") if block else (7, "A")
        above = PlainGate(filters, size, masks.vertical_mask(size, kind))(vertical)
        # As in figure 2, the link mixes all 2F maps before the gate.
        both = ops.concatenate(above, axis=-1)
        links = [layers.Conv2D(filters, 1, use_bias=False)(both) for _ in range(2)]
        vertical = ops.tanh(above[0]) * ops.sigmoid(above[1])
        left = PlainGate(filters, size, masks.horizontal_mask(size, kind))(horizontal, links)
        mixed = layers.Conv2D(filters, 1)(ops.tanh(left[0]) * ops.sigmoid(left[1]))
        horizontal = horizontal + mixed if block else mixed
    head = layers.Conv2D(filters, 1)(ops.relu(horizontal))
    return keras.Model(images, layers.Conv2D(image_shape[-1], 1)(ops.relu(head)))


def make(name, args):
    """A compiled model and the arguments of its `fit`."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 2, (args.steps * args.batch_size, *args.image_shape), "uint8")
    if name == "pcnnlib":
        model = pcnn.GatedPixelCNN(args.image_shape, 2, args.filters, args.blocks)
        model.compile(keras.optimizers.Adam(1e-3))
        data = (images,)
    else:
        model = reference(args.image_shape, args.filters, args.blocks)
        model.compile(
            keras.optimizers.Adam(1e-3), keras.losses.BinaryCrossentropy(from_logits=True)
        )
        data = (images.astype("float32") * 2 - 1, images.astype("float32"))
    return model, data


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
