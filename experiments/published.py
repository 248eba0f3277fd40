"""The published runs, each by one command: train, choose on validation, test once, publish.

    python experiments/published.py --data_path data --scale cpu
    export KERAS_BACKEND=jax XLA_FLAGS=--xla_gpu_enable_triton_gemm=false
    python experiments/published.py --data_path data --scale gpu --only mnist-orders
    python experiments/published.py --data_path data --scale gpu --epochs 1 --results_path /tmp/try

Every run is a call of `python main.py`, printed as it starts. It is saved after each epoch: called
again, this script goes on where it was cut off, and leaves alone what is published under the same
command. `--epochs` rehearses: give it a `--results_path` of its own.

On a GPU JAX needs no TensorFlow. cuBLAS has faster kernels for these networks than XLA generates,
hence that flag. A run trained there can be tested and published elsewhere: take its `--ckpt_path`
along, and call this script once more.

At the end it prints what the runs cost: seconds of the median epoch; images trained on per second,
a validated image counted as a third; operations to train on an image, three forward passes' worth;
with `--peak_tflops` what share of the chip's peak that is; and images drawn per second, compiling
left out.
"""

import argparse
import pathlib
import shlex
import subprocess
import sys

import cifar_subset

import pcnnlib_startup

with pcnnlib_startup.without_chatter():
    from pcnnlib import cli, runs

ROOT = pathlib.Path(__file__).parent.parent
# Those of PENDING wait to be run: by `--only`, until their results are there.
PENDING = {"binarized-mnist-orders"}
# Those that were made on a GPU; the others on one core.
ON_GPU = {"mnist-orders"}
RUNS = {
    "mnist": "--data=mnist",
    "binarized-mnist": "--data=binarized_mnist",
    "mnist-conditional": "--data=mnist --model=conditional",
    "mnist-autoencoder": "--data=mnist --model=autoencoder --code_size=10",
    "mnist-painting": "--data=mnist --model=painting --code_size=10 --f_map=64",
    "mnist-orders": "--data=mnist --orders=8",
    "binarized-mnist-orders": "--data=binarized_mnist --orders=8",
    # An image of 256 levels costs some hundred nats: gradients are longer.
    "mnist-grey": "--data=mnist --levels=256 --grad_clip=1000",
    "mnist-vqvae": "--data=mnist --levels=256 --model=vqvae --codes=256",
    "cifar-subset-vqvae": "--data=cifar10_subset.npz --levels=256 --model=vqvae --codes=256",
}
# Files that no loader downloads, and where they come from.
FILES = {
    "--data=binarized_mnist": ("binarized_mnist.npz", "is brought by hand"),
    f"--data={cifar_subset.NAME}": (
        cifar_subset.NAME,
        "is made by `python experiments/cifar_subset.py`",
    ),
}
# One core for an hour or two, steps being what is short there: few features and small batches, and
# dilations with which a pixel of the last rows sees nearly all of those above (what they bring:
# `experiments/dilations.py`).
# One GPU for a few minutes each, under JAX. Of these `mnist-orders` alone has been run.
SCALES = {
    "cpu": (
        "--batch_size=32 --learning_rate=0.005 --ema=0.999",
        {
            "mnist": 10,
            "binarized-mnist": 10,
            "mnist-conditional": 5,
            "mnist-autoencoder": 3,
            "mnist-painting": 1,
            # Each image is seen in an order drawn anew: there is more to learn.
            "mnist-orders": 12,
            "binarized-mnist-orders": 12,
            "mnist-grey": 2,
            "mnist-vqvae": 4,
            "cifar-subset-vqvae": 20,
        },
        {
            # Logits for 256 levels cost more than they do for two. A short trial of a mixture of
            # logistics was worse on validation images.
            "mnist-grey": "--f_map=24",
            "mnist-vqvae": "--autoencoder_epochs=4 --f_map=48 --dilations=1,2",
            "cifar-subset-vqvae": "--autoencoder_epochs=20 --dilations=1,2 --dropout=0.1 --flip",
        },
    ),
    "gpu": (
        "--batch_size=128 --learning_rate=0.003 --ema=0.999 --precision=mixed_bfloat16 "
        "--draw_every=1000",
        {
            "mnist": 50,
            "binarized-mnist": 30,
            "mnist-conditional": 30,
            "mnist-autoencoder": 20,
            "mnist-painting": 20,
            "mnist-orders": 48,
            "binarized-mnist-orders": 40,
            "mnist-grey": 20,
            "mnist-vqvae": 40,
            "cifar-subset-vqvae": 100,
        },
        {
            # The static binarisation shows the same pixels each epoch.
            "binarized-mnist": "--dropout=0.1",
            "mnist-orders": "--attention=8",
            "binarized-mnist-orders": "--attention=8 --dropout=0.1",
            "mnist-vqvae": "--dilations=1,2 --dropout=0.1",
            "cifar-subset-vqvae": "--dilations=1,2 --dropout=0.3 --flip",
        },
    ),
}
# Of every network with masked layers.
GATED = {
    "cpu": "--layers=8 --f_map=32 --dilations=1,2,4,8",
    "gpu": "--layers=16 --f_map=64 --dilations=1,2,4,8",
}


def command(name, scale, epochs=None, devices="1"):
    """Flags of the command line that makes a run."""
    shared, planned, own = SCALES[scale]
    gated = "" if "--model=painting" in RUNS[name] else GATED[scale]
    flags = shlex.split(f"{RUNS[name]} {gated} {shared} {own.get(name, '')}")
    flags += [f"--epochs={epochs or planned[name]}", f"--publish={name}"]
    return flags if devices == "1" else [*flags, f"--devices={devices}"]


def published(run_dir, flags):
    """Whether a run is there already, made with these very flags."""
    if not (run_dir / runs.RUN).is_file():
        return False
    run = runs.read_run_dir(run_dir)
    return "speed" in run and run.get("command") == cli.command(cli.make_parser().parse_args(flags))


def missing_files(data_path, results_path, args):
    """The files of the runs to be made that are not there, and where they come from; a text."""
    missing = {}
    for name in args.only:
        flags = command(name, args.scale, args.epochs, args.devices)
        file, origin = FILES.get(flags[0], (None, None))
        if file and not (data_path / file).is_file() and not published(results_path / name, flags):
            missing[file] = f"{file} {origin}"
    return "; ".join(missing.values())


def cost(run, peak_tflops):
    """A line of the table."""
    test, speed = run["test"], run["speed"]
    tflops = speed["images_per_second"] * speed["flop_per_image"] / 1e12
    return (
        f"{test['nats_per_image']:10.2f} ± {test['standard_error']:.2f}"
        f"{speed['seconds_per_epoch']:10.1f}{speed['images_per_second']:10.1f}"
        f"{speed['flop_per_image'] / 1e9:10.2f}{tflops:9.4f}"
        f"{f'{tflops / peak_tflops:9.1%}' if peak_tflops else '        -'}"
        f"{speed['drawn_per_second']:9.1f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scale", choices=SCALES, required=True)
    parser.add_argument("--only", choices=RUNS, nargs="+", help="these runs")
    parser.add_argument("--data_path", default="data")
    parser.add_argument("--results_path", help="by default the project's own results")
    parser.add_argument("--ckpt_path", default="ckpts")
    parser.add_argument("--epochs", type=int, help="instead of the scale's own: to rehearse")
    parser.add_argument("--devices", default="1", help="a number, or all")
    parser.add_argument("--peak_tflops", type=float, help="of the chip, at the precision used")
    args = parser.parse_args()
    if args.only is None:
        too_long = ON_GPU if args.scale == "cpu" else set()
        args.only = [name for name in RUNS if name not in PENDING | too_long]
    if args.epochs is not None and args.epochs < 1:
        parser.error(f"--epochs must be at least 1, got {args.epochs}")
    if args.epochs is not None and args.results_path is None:
        parser.error("--epochs rehearses: give it a --results_path of its own")
    args.results_path = args.results_path or str(ROOT / "results")
    data_path = pathlib.Path(args.data_path)
    # Told now, and not after the hours of other runs.
    missing = missing_files(data_path, pathlib.Path(args.results_path), args)
    if missing:
        parser.error(f"--data_path {data_path} must hold what these runs read: {missing}")
    for name in args.only:
        flags = command(name, args.scale, args.epochs, args.devices)
        run_dir = pathlib.Path(args.results_path) / name
        if published(run_dir, flags):
            print(f"{name}: published already, in {run_dir}")
            continue
        print(f"{name}: python main.py {shlex.join(flags)}", flush=True)
        subset = f"--data={cifar_subset.NAME}"
        flags = [f"--data={data_path / cifar_subset.NAME}" if f == subset else f for f in flags]
        paths = [f"--{p}={getattr(args, p)}" for p in ("data_path", "results_path")]
        # A rehearsal has checkpoints of its own.
        own = f"{args.scale}-{args.epochs or 'full'}"
        paths.append(f"--ckpt_path={pathlib.Path(args.ckpt_path) / own}")
        code = subprocess.call([sys.executable, ROOT / "main.py", *flags, *paths])
        if code:
            sys.exit(f"{name}: stopped with code {code}; the same command goes on from there")
    head = " nats/image, test   s/epoch  images/s  GFLOP/im  TFLOP/s  of peak  drawn/s"
    print(f"\n{'run':18}{head}")
    for name in args.only:
        run = runs.read_run_dir(pathlib.Path(args.results_path) / name)
        print(f"{name:18}{cost(run, args.peak_tflops)}")


if __name__ == "__main__":
    main()
