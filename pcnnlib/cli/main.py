"""The command line, `python main.py`: train, then draw; or with `--epochs=0` only draw.

A mistake in the arguments is answered in one line, with exit code 2.
"""

import argparse
import contextlib
import dataclasses
import difflib
import importlib.util
import os
import pathlib
import re
import shlex
import sys
import traceback

import keras
import numpy as np
from pcnnlib.autoencoders import PixelCNNAutoencoder, code_usage
from pcnnlib.conditions import Labels
from pcnnlib.distributions import DISTRIBUTIONS, make_distribution
from pcnnlib.errors import UsageError, check_int, check_number, integers

from pcnnlib import backend, images, results, training
from pcnnlib.analysis import Likelihood, evaluate
from pcnnlib.data import load_dataset

MODELS = ("", "conditional", "autoencoder")
DEFAULTS = training.RunConfig()
# An autoencoder's picture has rows of this many images: an original, and draws from its code.
ROW = 10
# In a larger image, blocks without dilation do not see from the last rows to the first: what that
# costs on MNIST is in results/mnist-dilations.
NARROW, WIDE = 12, (1, 2, 4, 8)
# Flags of several processes, and the variables by which Keras reads the same.
CLUSTER = {
    "coordinator": "KERAS_DISTRIBUTION_JOB_ADDRESSES",
    "processes": "KERAS_DISTRIBUTION_NUM_PROCESSES",
    "process": "KERAS_DISTRIBUTION_PROCESS_ID",
}
# What has a meaning beside --pretrained, which brings model and data of its own.
DRAWING = (
    "pretrained epochs publish model seed n_samples temperature classes complete keep animate"
    " data_path ckpt_path samples_path summary_path results_path"
).split()
# What JAX says when a connection to another process fails.
LOST = ("Gloo", "NCCL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "Connection reset")


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        raise UsageError(message)

    def parse_args(self, args=None, namespace=None):
        image, unknown = self.parse_known_args(args, namespace)
        if unknown:
            flag = unknown[0].split("=")[0]
            if not flag.startswith("-"):
                raise UsageError(f"unexpected argument {flag}; --help lists what there is")
            near = difflib.get_close_matches(flag, self._option_string_actions, n=1)
            hint = f"; did you mean {near[0]}?" if near else "; --help lists them"
            raise UsageError(f"unknown flag {flag}{hint}")
        return known


def make_parser():
    parser = Parser(
        prog="main.py",
        description="Train a Gated PixelCNN and draw images from it.",
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default="digits", help="digits, mnist, binarized_mnist, cifar, or a path to .npz")
    add("--model", default="", choices=MODELS, help="empty: unconditional")
    add("--levels", type=int, help="values a pixel can take; by default as the data has them")
    add("--layers", type=int, default=DEFAULTS.blocks, help="gated blocks")
    add(
        "--f_map",
        type=int,
        help=f"features of each stack; by default {DEFAULTS.filters}, rounded up to a multiple of "
        "the channels where the network orders them",
    )
    add(
        "--dilations",
        help="pixels from tap to tap in the second block, the third and so on, repeated; by "
        f"default 1, or {','.join(map(str, WIDE))} for images larger than {NARROW} pixels",
    )
    add("--distribution", choices=[*DISTRIBUTIONS], help="of a pixel; by default by its levels")
    add("--components", type=int, default=DEFAULTS.components, help="logistics in the mixture")
    add("--code_size", type=int, default=10, help="autoencoder: numbers in a code")
    add("--dropout", type=float, default=DEFAULTS.dropout, help="share of features dropped")
    add("--flip", action="store_true", help="mirror half of the training images, left to right")
    add("--epochs", type=int, default=50, help="0 draws from the checkpoint and trains nothing")
    add("--batch_size", type=int, default=DEFAULTS.batch_size, help="images a step")
    add("--devices", default="1", help="that share each batch: a number, or all")
    add("--coordinator", help="several processes, JAX only: address:port of the first of them")
    add("--processes", type=int, help="how many train together")
    add("--process", type=int, help="which of them this is, from 0")
    add("--accumulate", type=int, default=1, help="steps averaged into one update")
    add(
        "--precision",
        default=DEFAULTS.precision,
        choices=training.PRECISIONS,
        help="of features; weights stay float32",
    )
    add(
        "--optimizer",
        default=DEFAULTS.optimizer,
        choices=training.OPTIMIZERS,
        help="of weight matrices; the rest is left to adam",
    )
    add("--learning_rate", type=float, default=DEFAULTS.learning_rate, help="highest rate")
    add(
        "--weight_decay",
        type=float,
        default=DEFAULTS.weight_decay,
        help="each step shrinks muon's matrices by rate * this",
    )
    add("--grad_clip", type=float, default=DEFAULTS.grad_clip, help="largest norm of a gradient")
    add("--ema", type=float, default=DEFAULTS.ema, help="momentum of averaged weights; 0: none")
    add("--seed", type=int, default=DEFAULTS.seed, help="of everything random")
    add("--data_path", default="data", help="looked into before anything is downloaded")
    add("--ckpt_path", default="ckpts", help="checkpoints")
    add("--samples_path", default="samples", help="pictures")
    add("--summary_path", default="logs", help="for tensorboard --logdir")
    add("--publish", metavar="NAME", help="after training, write the run to <results_path>/<NAME>")
    add(
        "--results_path",
        help="where --publish writes, by default results; and where --pretrained looks, by default "
        "among the runs that come with the library",
    )
    add("--pretrained", metavar="NAME", help="with --epochs=0: draw from a published run")
    add("--profile", default="0", help="batches for TensorBoard's profiler, such as 10,20")
    add("--n_samples", type=int, default=100, help="images drawn, rounded up to full rows")
    add("--temperature", type=float, default=1.0, help="below 1: likely values likelier still")
    add("--classes", help="conditional: a row for each of these, such as 3,3,7; default: all")
    add("--complete", metavar="FILE.png", help="picture to complete: transparent pixels are drawn")
    add("--keep", default="top", choices=("top", "left"), help="half kept if none is transparent")
    add(
        "--animate",
        action=argparse.BooleanOptionalAction,
        help="also write a GIF of the images growing; by default if conditional",
    )
    return parser


def main(args=None):
    """Run the command line; return the exit code."""
    try:
        run(make_parser().parse_args(args))
    except UsageError as error:
        print(f"main.py: error: {' '.join(str(error).split())}", file=sys.stderr)
        return _leave(2)
    except KeyboardInterrupt:
        print("\nmain.py: stopped; the same command goes on from the last epoch", file=sys.stderr)
        return _leave(130)
    except Exception:
        if backend.processes() == 1:
            raise
        traceback.print_exc()
        return _leave(1)
    return 0


def _leave(code):
    """The exit code; but of several processes one that fails ends here, and so do the others.

    Python's usual end would wait for them, while they wait for this one.
    """
    if backend.processes() > 1:
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
    return code


def run(args):
    # These two have another name in the configuration.
    check_int("--layers", args.layers, 1)
    if args.f_map is not None:
        check_int("--f_map", args.f_map, 1)
    check_int("n_samples", args.n_samples, 1)
    check_number("temperature", args.temperature, 0.0, open_below=True)
    command_line = command(args)
    conditional = args.model == "conditional"
    autoencoder = args.model == "autoencoder"
    if args.pretrained is not None:
        _draw_pretrained(args)
        return
    if args.classes is not None and not conditional:
        raise UsageError("--classes needs --model=conditional")
    if args.complete and autoencoder:
        raise UsageError("--complete needs a model that draws without a code, not an autoencoder")
    if args.publish is not None:
        if args.epochs < 1:
            raise UsageError("--publish needs the training run: give its --epochs")
        _check_run_dir(args, command_line)
    _profile(args), _devices(args), _cluster(args)  # mistakes here should not wait for the data
    if args.animate is None:
        args.animate = conditional
    config = training.RunConfig(
        data=args.data,
        levels=args.levels,
        conditional=conditional,
        code_size=args.code_size if autoencoder else None,
        blocks=args.layers,
        filters=args.f_map or DEFAULTS.filters,
        dilations=DEFAULTS.dilations
        if args.dilations is None
        else integers("--dilations", args.dilations, "1,2,4"),
        distribution=args.distribution,
        components=args.components,
        dropout=args.dropout,
        flip=args.flip,
        epochs=args.epochs,
        batch_size=args.batch_size,
        accumulate=args.accumulate,
        precision=args.precision,
        optimizer=args.optimizer,
        learning_rate=args.learning_rate,
        weight_decay=args.weight_decay,
        grad_clip=args.grad_clip,
        ema=args.ema,
        seed=args.seed,
    )
    data = load_dataset(config.data, levels=config.levels, data_path=args.data_path)
    if data.image_shape[-1] not in (1, 3):
        raise UsageError(
            f"data {data.name}: pictures need images of 1 or 3 channels, got {data.image_shape}"
        )
    if args.f_map is None:
        config = dataclasses.replace(config, filters=_default_filters(config, data))
    if args.dilations is None and max(data.image_shape[:2]) > NARROW:
        config = dataclasses.replace(config, dilations=WIDE)
    name = f"{pathlib.Path(args.data).stem}-{args.model or 'unconditional'}"
    checkpoint_dir = pathlib.Path(args.ckpt_path) / name
    pictures = pathlib.Path(args.samples_path) / name
    logs = pathlib.Path(args.summary_path) / name
    if importlib.util.find_spec("tensorflow") is None:
        print("no TensorBoard files: they are written by TensorFlow, which is not installed")
        logs = None
    if args.complete:  # a mistake here should not wait for the training
        images.read_png(args.complete, data.image_shape, data.levels)
    if config.epochs:
        if args.publish is not None:
            _check_plan(checkpoint_dir / training.LAST, config)
        cluster = _cluster(args)
        if cluster is not None:
            backend.join_processes(*cluster)
        with backend.data_parallel(_devices(args)), _reachable():
            model = _train(config, data, args, checkpoint_dir, pictures, logs, command_line)
        if backend.process():
            return  # the first process tests, draws and publishes
        if backend.processes() > 1:
            model = training.own_copy(model, model.get_weights())
    else:
        model = _load(checkpoint_dir / training.BEST, data, args)
    rows = _rows(model, args)  # a mistake here should not wait for the test
    likelihoods = _report(model, data)
    if args.publish is not None:
        _publish(model, data, config, likelihoods, checkpoint_dir, args, command_line)
    _draw(model, data.test.images, args, pictures)
    if args.complete:
        _complete(model, rows, args, pictures)


def _default_filters(config, data):
    channels = data.image_shape[-1]
    pixel = make_distribution(config.distribution, data.levels, channels, config.components)
    return -(-DEFAULTS.filters // pixel.channel_groups) * pixel.channel_groups


def _train(config, data, args, checkpoint_dir, pictures, logs, command_line):
    model = training.build_model(config, data)
    _rows(model, args)  # a mistake here should not wait for the training
    for run_dir in (checkpoint_dir, pictures, logs):
        if run_dir is not None:
            _check_writable(run_dir)
    if backend.process() == 0:
        print(
            f"{data.name}: {len(data.train):,} images {data.image_shape}, {data.levels} levels; "
            f"{config.blocks} blocks of {config.filters} filters, {model.count_params():,} weights"
        )
    few = min(args.n_samples, 100)

    def draw(model, epoch):
        drawn, columns, _ = _picture(model, data.validation.images, args, few)
        grid = images.tile(drawn, model.levels, columns=columns)
        images.save_png(pictures / f"epoch_{epoch:04d}.png", grid)
        return grid

    grids = training.SampleGrids(draw, every=10, epochs=config.epochs, log_dir=logs)
    training.train(
        model,
        data,
        config,
        checkpoint_dir=folder,
        log_dir=logs,
        profile=_profile(args),
        callbacks=[grids],
        verbose=1,
        about=_about(command_line),
    )
    return model


def _about(command_line):
    """Where and by what command a run is made, and on how many devices."""
    spread = {"devices": backend.replicas(), "processes": backend.processes()}
    return {"command": command_line, **results.provenance(), "spread": spread}


def _published_to(args):
    return pathlib.Path(args.results_path or "results") / args.publish


def _check_run_dir(args, command_line):
    """Raise `UsageError` unless the run may be written where --publish says."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)*", args.publish):
        raise UsageError(
            f"--publish must be a name such as mine or mine/first, got {args.publish!r}"
        )
    run_dir = _published_to(args)
    _check_writable(run_dir)
    if (run_dir / results.RUN).exists():
        there = results.read_run_dir(run_dir).get("command")
        if there != command_line:
            raise UsageError(
                f"{run_dir} holds another run ({there}): publish under another name, or remove it"
            )


def _devices(args):
    """Devices to train on: a number, or "all"."""
    if args.devices == "all":
        return "all"
    if not args.devices.isdecimal():
        raise UsageError(f"--devices must be a number or all, got {args.devices!r}")
    return int(args.devices)


def _cluster(args):
    """Coordinator, number and index of the processes that flags or the environment name, or None.

    The flags go first.
    """
    flags = {name: getattr(args, name) for name in CLUSTER}
    keep = {
        name: value if value is not None else os.environ.get(CLUSTER[name])
        for name, value in flags.items()
    }
    if all(value is None for value in keep.values()):
        return None
    every = ", ".join(f"--{name}" for name in CLUSTER)
    for name, value in keep.items():
        if value is None:
            raise UsageError(f"--{name} is missing: several processes need all of {every}")
        if name != "coordinator" and flags[name] is None and not value.isdecimal():
            raise UsageError(f"{CLUSTER[name]} must be a number, got {value!r}")
    if not args.epochs:
        raise UsageError(f"several processes train, and --epochs=0 does not: leave out {every}")
    if args.devices != "all":
        raise UsageError(f"--devices must be all for several processes, got {args.devices!r}")
    return keep["coordinator"], int(keep["processes"]), int(keep["process"])


@contextlib.contextmanager
def _reachable():
    """Within, to lose another process is one line."""
    try:
        yield
    except Exception as error:
        message = str(error)
        if backend.processes() == 1 or not any(sign in message for sign in LOST):
            raise
        raise UsageError(
            "another process has stopped, or cannot be reached: start all of them again, and they "
            f"go on from the last epoch ({message.strip().splitlines()[0]})"
        ) from error


def _profile(args):
    """Batches to profile: one number, or the first and the last."""
    batches = integers("--profile", args.profile, "10,20")
    if len(batches) > 2 or min(batches) < 0 or list(batches) != sorted(batches):
        raise UsageError(
            f"--profile must be a batch, or first and last such as 10,20, got {args.profile!r}"
        )
    if any(batches) and keras.backend.backend() == "jax" and sys.version_info < (3, 12):
        raise UsageError("--profile needs Python 3.12 under JAX, or KERAS_BACKEND=tensorflow")
    return batches[0] if len(batches) == 1 else batches


def _check_writable(checkpoint_dir):
    """Raise `UsageError` unless files can be written to `checkpoint_dir`, which may not exist yet."""
    there = checkpoint_dir
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise UsageError(f"{checkpoint_dir} cannot be written: {there} is no checkpoint_dir")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"{checkpoint_dir} cannot be written: {there} allows no writing")


def _load(path, data, args):
    model = training.load_model(path)
    if model.image_shape != data.image_shape or model.levels != data.levels:
        raise UsageError(
            f"checkpoint {path} is for images {model.image_shape} of {model.levels} levels, "
            f"--data={data.name} has {data.image_shape} of {data.levels}"
        )
    kind = _kind_of(model)
    if kind != args.model:
        raise UsageError(
            f"checkpoint {path} is {_kind(kind)}, --model={args.model} asks for {_kind(args.model)}"
        )
    return model


def _kind_of(model):
    """What --model calls it."""
    if isinstance(model, PixelCNNAutoencoder):
        return "autoencoder"
    return "" if model.condition is None else "conditional"


def _kind(model):
    return {"": "unconditional", "autoencoder": "an autoencoder"}.get(model, model)


def _rows(model, args):
    """Labels of the rows to draw: those asked for, or each class once; None without labels."""
    if not isinstance(model.condition, Labels):
        return None
    if args.classes is None:
        return np.arange(model.condition.n)
    return model.condition.check(np.array(integers("--classes", args.classes, "3,3,7")))


def _picture(model, originals, args, n, progress=False):
    """The images of a picture, about `n` of them; an autoencoder draws from codes of `originals`.

    Returns:
        `(images, columns, keep)`; columns None for a square, `keep` a mask of the images that
        were not drawn, or None.
    """
    options = {"seed": args.seed, "temperature": args.temperature, "progress": progress}
    if isinstance(model, PixelCNNAutoencoder):
        originals = np.resize(originals, (-(-n // ROW), *model.image_shape))
        codes = np.repeat(model.encode(originals), ROW - 1, axis=0)
        drawn = model.decode(codes, **options).reshape(-1, ROW - 1, *model.image_shape)
        together = np.concatenate([originals[:, None], drawn], axis=1)
        keep = np.tile(np.arange(ROW) == 0, len(originals))[:, None, None, None]
        return together.reshape(-1, *model.image_shape), ROW, given
    rows = _rows(model, args)
    if rows is None:
        return model.sample(n, **options), None, None
    columns = -(-n // len(rows))
    labels = np.repeat(rows, columns)
    return model.sample(len(labels), labels, **options), columns, None


def _report(model, data):
    """Print the likelihood of the test images; of an autoencoder also whether it uses its code.

    Returns:
        dict of `Likelihood`: `test`, and of an autoencoder `test_shuffled` and `test_none`.
    """
    likelihoods = {"test": evaluate(model, data.test)}
    print(f"test: {likelihoods['test']} ({data.name}, {len(data.test):,} images)")
    if isinstance(model, PixelCNNAutoencoder) and len(data.test) > 1:
        usage = code_usage(model, data.test.images, kinds=("shuffled", "none"))
        for kind, label in {"shuffled": "each other's codes", "none": "the mean code"}.items():
            likelihoods[f"test_{kind}"] = Likelihood.of(usage[kind], model.image_shape)
            print(f"test, given {label}: {likelihoods[f'test_{kind}']}")
    return likelihoods


def _check_plan(path, config):
    """Raise `UsageError` if a run to be published was begun for another number of epochs.

    The learning rate falls along the whole plan, so that the command would not give these weights.
    Nor is a run published whose checkpoint, an old one, does not say what trained it.
    """
    if path.exists():
        state = training.read_state(path)
        if not state.get("starts") or state["starts"][0]["epoch"]:
            raise UsageError(f"{path} does not say what trained it: choose another --ckpt_path")
        planned = state.get("config", {}).get("epochs")
        if planned != config.epochs:
            raise UsageError(
                f"--publish needs a run planned for its {config.epochs} epochs from the start; "
                f"{path} was for {planned}: choose another --ckpt_path"
            )


def _publish(model, data, config, likelihoods, checkpoint_dir, args, command_line):
    """Write the run, and the weights that were best on the validation images, to the results."""
    # Without the optimiser, which a model that was trained here still has.
    model = training.own_copy(model, model.get_weights())
    state = training.read_state(checkpoint_dir / training.LAST)
    history = state["history"]
    run_dir = _published_to(args)
    # What the processes were that trained, which this one need not have done.
    starts = state["starts"]
    made = [{name: value for name, value in s.items() if name != "epoch"} for s in starts]
    fields = {
        **made[-1],
        "command": command_line,
        **({"starts": starts} if any(one != made[0] for one in made) else {}),
        "seed": config.seed,
        "config": dataclasses.asdict(config),
        "data": results.describe_data(data),
        "seconds": sum(history["seconds"]),
        "best_epoch": int(np.argmin(history["val_loss"])) + 1,
        "history": history,
        "speed": results.speed(model, data, history["seconds"]),
        **{name: dataclasses.asdict(likelihood) for name, likelihood in likelihoods.items()},
    }
    results.write_run(run_dir, fields, model, results.examples(model, data, seed=config.seed))
    print(f"published: {run_dir}")


def command(args):
    """The command of a run: what is not as by default, but for the places of files."""
    parser, parts = make_parser(), ["python main.py"]
    for name, value in vars(args).items():
        if name.endswith("_path") or name in CLUSTER or value == parser.get_default(name):
            continue
        if name == "data":
            value = pathlib.Path(value).name
        flag = f"--{name}" if value is not False else f"--no-{name}"
        parts.append(flag if isinstance(value, bool) else f"{flag}={shlex.quote(str(value))}")
    return " ".join(parts)


def _draw_pretrained(args):
    """Draw from a published run, without its data."""
    if args.epochs:
        raise UsageError("--pretrained draws and trains nothing: add --epochs=0")
    if args.publish is not None:
        raise UsageError("--pretrained is published already: leave --publish out")
    parser = make_parser()
    for name, value in vars(args).items():
        if name not in DRAWING and value != parser.get_default(name):
            raise UsageError(f"--pretrained brings its own model and data: leave --{name} out")
    model = results.load_pretrained(args.pretrained, args.results_path)
    if args.model and args.model != _kind_of(model):
        raise UsageError(
            f"{args.pretrained} is {_kind(_kind_of(model))}, --model asks for {_kind(args.model)}"
        )
    originals = None
    if isinstance(model, PixelCNNAutoencoder):
        if args.complete:
            raise UsageError("--complete needs a model that draws without a code")
        originals = results.read_examples(args.pretrained, args.results_path).get("test")
        if originals is None:
            raise UsageError(f"{args.pretrained} holds no images whose codes could be drawn from")
    rows = _rows(model, args)
    if args.classes is not None and rows is None:
        raise UsageError(f"--classes needs a conditional model; {args.pretrained} is none")
    if args.animate is None:
        args.animate = rows is not None
    pictures = pathlib.Path(args.samples_path) / args.pretrained
    _check_writable(pictures)
    if args.complete:  # a mistake here should not cost an older picture
        images.read_png(args.complete, model.image_shape, model.levels)
    _draw(model, originals, args, pictures)
    if args.complete:
        _complete(model, rows, args, pictures)


def _draw(model, originals, args, pictures):
    drawn, columns, keep = _picture(model, originals, args, args.n_samples, progress=True)
    images.save_png(pictures / "samples.png", images.tile(drawn, model.levels, columns=columns))
    print(f"samples: {pictures / 'samples.png'}")
    if args.animate:
        growing = images.growing(drawn, model.levels, columns=columns, keep=keep)
        images.save_gif(pictures / "samples.gif", growing)
        print(f"animation: {pictures / 'samples.gif'}")


def _complete(model, rows, args, pictures):
    image, keep = images.read_png(args.complete, model.image_shape, model.levels)
    if keep.all():
        half = keep.shape[0] // 2 if args.keep == "top" else keep.shape[1] // 2
        keep = np.zeros_like(keep)
        keep[:half] = args.keep == "top"
        keep[:, :half] |= args.keep == "left"
    drawn = model.sample(
        args.n_samples,
        None if rows is None else np.resize(rows, args.n_samples),
        seed=args.seed,
        temperature=args.temperature,
        image=image,
        keep=keep,
    )
    images.save_png(pictures / "completion.png", images.tile(drawn, model.levels))
    print(f"completion: {pictures / 'completion.png'}")
    if args.animate:
        growing = images.growing(drawn, model.levels, keep=keep[..., None])
        images.save_gif(pictures / "completion.gif", growing)
        print(f"animation: {pictures / 'completion.gif'}")
