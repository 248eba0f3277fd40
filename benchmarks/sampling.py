"""Sampling speed: the methods of `sample` against one another and against one forward pass.

    python benchmarks/sampling.py
    python benchmarks/sampling.py --batches 100 --full_rows 28
    python benchmarks/sampling.py --codes 512 --batches 100 --full_rows 7
    KERAS_BACKEND=jax python benchmarks/sampling.py

`full` costs the same for every pixel, so by default a few rows are timed and scaled to the image;
`--full_rows 28` times them all. First calls, which compile, stand apart. How many rounds `rows` and
`parallel` need depends on the weights: they are those of the published `mnist`, unless `--blocks`
or `--filters` ask for an untrained network. With `--codes` it is grids of codes that are drawn, 7x7
and 16x16 of them, from an untrained prior that reads them as vectors.
"""

import argparse
import os
import platform
import statistics
import time

import pcnnlib_startup

pcnnlib_startup.keep_freed_memory()
with pcnnlib_startup.without_chatter():
    import keras
    import numpy as np

    import pcnnlib as pcnn
    from pcnnlib.sampling import METHODS, cached


def seconds(function, repeats):
    """`(first call, median of later calls)`; a first call compiles."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return times[0], statistics.median(times[1:])


def time_forward(model, batch, repeats):
    shape = (batch, *model.image_shape)
    images = np.random.default_rng(0).integers(0, model.levels, shape, "int32")
    return seconds(lambda: model.log_likelihood(images, batch_size=batch), repeats)


def time_cached(model, batch, repeats, xla):
    cached.XLA = xla
    model.compiled_functions.by_key.clear()
    try:
        return seconds(lambda: model.sample(batch, seed=0), repeats)
    finally:
        cached.XLA = True


def time_rounds(model, batch, repeats, method):
    return seconds(lambda: model.sample(batch, seed=0, method=method), repeats)[1]


def time_full(model, batch, rows):
    """`(first pixel's row apart, the whole image)`, from the given number of rows."""
    start, draw_row = METHODS["full"]
    state = start(model, batch, None)
    height, width, channels = model.image_shape
    shape = (batch, height, width, channels)
    noise = np.random.default_rng(0).random((*shape, 1), "float32")
    nothing = np.zeros(shape, "int32"), np.zeros(shape, bool)

    def draw(i):
        before = time.perf_counter()
        draw_row(model, state, i, (noise, *nothing), 1.0)
        return time.perf_counter() - before

    first = draw(0)
    return first, height * statistics.mean(draw(i % height) for i in range(rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16, 100, 256])
    parser.add_argument("--blocks", type=int, help="of an untrained network, by default 12")
    parser.add_argument("--filters", type=int, help="of an untrained network, by default 32")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--full_rows", type=int, default=1, help="0: leave `full` out")
    parser.add_argument("--codes", type=int, help="grids of so many codes instead of images")
    args = parser.parse_args()
    if args.codes is not None:
        size = args.filters or 64, args.blocks or 8
        for side in (7, 16):
            prior = pcnn.GatedPixelCNN((side, side, 1), args.codes, *size, inputs="embedding")
            report(prior, "untrained, ", args)
    elif args.blocks is None and args.filters is None:
        report(pcnn.load_pretrained("mnist"), "published `mnist`, ", args)
    else:
        size = args.filters or 32, args.blocks or 12
        report(pcnn.GatedPixelCNN((28, 28, 1), 2, *size), "untrained, ", args)


def report(model, name, args):
    """Print the table of a model."""
    backend = keras.backend.backend()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, ", end="")
    print(f"{backend} backend, Keras {keras.__version__}")
    size = "x".join(map(str, model.image_shape))
    print(f"{name}{model.count_params():,} weights, {size}, {model.levels} levels; ", end="")
    print("seconds, later calls are medians")
    print(
        "| batch | forward pass | cached | cached / forward | first cached call "
        "| cached without XLA | first | rows | parallel | full | full / cached |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for batch in args.batches:
        _, forward = time_forward(model, batch, args.repeats)
        graph_first, graph = "", ""
        if backend == "tensorflow":
            graph_first, graph = (
                f"{t:.3f}" for t in time_cached(model, batch, args.repeats, False)
            )
        first, cached = time_cached(model, batch, args.repeats, True)
        rows, parallel = (
            time_rounds(model, batch, args.repeats, method) for method in ("rows", "parallel")
        )
        full, ratio = "", ""
        if args.full_rows:
            _, whole = time_full(model, batch, args.full_rows)
            full, ratio = f"{whole:.1f}", f"{whole / cached:.0f}"
        print(
            f"| {batch} | {forward:.3f} | {cached:.3f} | {cached / forward:.2f} | {first:.2f} "
            f"| {graph} | {graph_first} | {rows:.3f} | {parallel:.3f} | {full} | {ratio} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
