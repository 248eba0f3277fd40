"""A run of the command line from its first check to its last picture, and its exit code."""

import argparse
import os
import sys
import traceback
from collections.abc import Collection, Sequence

from pcnnlib import training
from pcnnlib._internal.devices import data_parallel
from pcnnlib._internal.errors import UsageError
from pcnnlib._internal.processes import join_processes, process, processes
from pcnnlib.analysis import (
    Likelihood,
    code_usage,
    evaluate,
    mixture_log_likelihood,
    order_log_likelihoods,
)
from pcnnlib.cli.checks import (
    check_network,
    check_network_flags,
    check_same_data,
    check_same_published_data,
    check_texts,
    check_training_flags,
    with_class_numbers,
)
from pcnnlib.cli.cluster import cluster, reachable
from pcnnlib.cli.compress import compress_file
from pcnnlib.cli.draw import (
    check_drawn_codes,
    check_guidance,
    check_picture,
    draw,
    draw_pretrained,
    print_rows,
    row_labels,
)
from pcnnlib.cli.endings import as_typed, outer_cause, output_failure, say
from pcnnlib.cli.flags import LABELLED, Settings
from pcnnlib.cli.network import load_network
from pcnnlib.cli.output import plain_output
from pcnnlib.cli.page import check_page, check_page_model, export_own
from pcnnlib.cli.parser import command, make_parser, settings_of, typed
from pcnnlib.cli.paths import run_paths, stages
from pcnnlib.cli.publish import check_plan, check_run_dir, publish, published_dir
from pcnnlib.cli.train import train
from pcnnlib.data import Dataset, load_dataset
from pcnnlib.models import AutoregressiveModel, PixelCNNAutoencoder
from pcnnlib.models.precision import in_float32
from pcnnlib.nn.raster import ORDERS, check_order


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code.

    Args:
        args: flags; None: those of the process.

    Returns:
        0; 2 after a mistake in the arguments or a failure of the system, which are answered in one
        line; 130 after Ctrl-C; 141 where nobody reads the output any more, as for `| head`.
    """
    trains = False
    try:
        try:
            parsed = make_parser().parse_args(args)
            trains = parsed.epochs > 0
            run(parsed, typed(args))
        finally:
            failure = output_failure()
            if failure is not None:
                raise failure
    except UsageError as error:
        say(f"error: {as_typed(str(error))}")
        return _leave(2)
    except KeyboardInterrupt:
        say(f"stopped{'; the same command goes on from the last epoch' if trains else ''}")
        return _leave(130)
    except BrokenPipeError:
        output_failure()
        return _leave(141)
    except Exception as error:
        cause = outer_cause(error)
        if cause is not None:
            output = error is failure or output_failure("\n")
            say(f"error: standard output: {cause}" if output else f"error: {cause}")
            return _leave(2)
        if processes() == 1:
            raise
        traceback.print_exc()
        return _leave(1)
    return 0


def _leave(code: int) -> int:
    """The exit code; but of several processes one that fails ends here, and so do the others.

    Python's usual end would wait for them, while they wait for this one.
    """
    if processes() > 1:
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
    return code


@plain_output()
def run(args: argparse.Namespace, typed: Collection[str]) -> None:
    """Train, then draw; or with `--epochs=0` only draw, or compress images.

    Args:
        args: what `make_parser().parse_args()` returns.
        typed: names of the flags that were given.

    Raises:
        UsageError: what a user can mend.
    """
    check_texts(args)
    settings = settings_of(args)
    if settings.compression.asked is not None:
        compress_file(settings, typed)
    elif settings.drawing.pretrained is not None:
        draw_pretrained(settings, typed)
    else:
        train_and_draw(settings, command(args), typed)


def train_and_draw(settings: Settings, command: str, typed: Collection[str]) -> None:
    """All steps of a run of one's own. A mistake should not wait for a step that takes long."""
    together = _check(settings, command, typed)
    wanted = settings.data
    data = load_dataset(
        wanted.data,
        levels=wanted.levels,
        data_path=settings.files.data_path,
        image_size=wanted.image_size,
        colour=wanted.colour,
        cache=wanted.cache,
    )
    if data.image_shape[-1] not in (1, 3):
        raise UsageError(
            f"data {data.name}: pictures need images of 1 or 3 channels, got {data.image_shape}"
        )
    check_network(settings.network, data)
    if settings.network.model in LABELLED:
        for name, value in (
            ("classes", settings.drawing.classes),
            ("label_dropout", settings.network.label_dropout),
        ):
            if data.classes is None and value is not None:
                raise UsageError(f"--{name} needs labels; data {data.name} has none")
        settings = with_class_numbers(settings, data.labels, data.name)
        print_rows(settings.drawing, data.labels)
    paths = run_paths(settings)
    folders = stages(paths.checkpoints, settings.network)
    if settings.files.publish is not None:
        check_same_published_data(published_dir(settings.files), data)
    check_picture(settings.drawing, data.image_shape, data.levels)
    if settings.training.epochs:
        check_same_data(folders[0], data)
        if settings.files.publish is not None:
            planned = settings.network.autoencoder_epochs or settings.training.epochs
            for folder in folders:
                epochs = planned if folder == folders[0] else settings.training.epochs
                check_plan(folder / training.LAST, epochs)
        if together is not None:
            join_processes(*together)
        with data_parallel(settings.devices.count), reachable():
            model = train(settings, data, paths, command)
        if process():
            return  # the first process tests, draws and publishes
        if processes() > 1:
            model = training.own_copy(model, model.get_weights())
    else:
        path = paths.checkpoints / training.BEST
        model = load_network(path, data, settings.network)
        check_same_data(folders[0], data, only_drawn=True)
        check_network_flags(settings.network, typed, model, f"checkpoint {path}")
        check_training_flags(settings, typed, folders)
        check_page_model(model, settings.drawing.export)
    model = in_float32(model)
    row_labels(model, settings.drawing)
    check_guidance(model, settings.drawing)
    likelihoods = _report(model, data)
    if settings.files.publish is not None:
        publish(model, data, settings, likelihoods, folders, command)
    draw(model, data.test.images, settings, paths.pictures)
    export_own(model, data, settings, likelihoods["test"], command)


def _check(settings: Settings, command: str, typed: Collection[str]) -> tuple[str, int, int] | None:
    """What can be checked before the data is loaded; returns the processes, see `cluster`."""
    drawing, kind = settings.drawing, settings.network.model
    check_page(drawing.export)
    if drawing.classes is not None and kind not in LABELLED:
        raise UsageError("--classes needs --model=conditional")
    if drawing.guidance != 1 and kind not in LABELLED:
        raise UsageError(f"--guidance needs --model={' or '.join(LABELLED)}")
    check_drawn_codes(drawing, kind)
    if drawing.complete and kind in ("autoencoder", "painting"):
        raise UsageError("--complete needs a model that draws without a code, not an autoencoder")
    if drawing.order is not None:
        check_order(drawing.order, settings.network.orders, 1)
    if "weight_decay" in typed and settings.training.optimizer != "muon":
        raise UsageError("--weight_decay needs --optimizer=muon")
    if settings.files.publish is not None:
        if settings.training.epochs < 1:
            raise UsageError("--publish needs the training run: give its --epochs")
        check_run_dir(settings.files, command)
    together = cluster(settings)
    for name in typed if not settings.training.epochs else ():
        if name == "draw_every" or name in vars(settings.devices):
            raise UsageError(f"--epochs=0 trains nothing: leave --{name} out")
    return together


def _report(model: AutoregressiveModel, data: Dataset) -> dict[str, Likelihood]:
    """Print the likelihood of the test images; of an autoencoder also whether it uses its code.

    Returns:
        `test`, in raster order; of an autoencoder also `test_shuffled` and `test_none`, of a model
        of several orders `test_order_1` and so on, and `test_mixture`.
    """
    if model.orders > 1:
        return _in_each_order(model, data)
    likelihoods = {"test": evaluate(model, data.test)}
    _print_test(likelihoods["test"], data)
    if isinstance(model, PixelCNNAutoencoder) and len(data.test) > 1:
        usage = code_usage(model, data.test.images, kinds=("shuffled", "none"))
        for kind, code in {"shuffled": "each other's codes", "none": "the mean code"}.items():
            likelihoods[f"test_{kind}"] = Likelihood.of(usage[kind], model.image_shape)
            print(f"test, given {code}: {likelihoods[f'test_{kind}']}")
    return likelihoods


def _in_each_order(model, data):
    """Print the likelihood of the test images in the other orders, and of the mixture of all."""
    condition = None if model.condition is None else model.condition.of(data.test)
    logs = order_log_likelihoods(model, data.test.images, condition)
    each = [Likelihood.of(-log, model.image_shape) for log in logs]
    _print_test(each[0], data)
    for k in range(1, model.orders):
        print(f"test, {ORDERS[k]} (order {k}): {each[k]}")
    together = Likelihood.of(-mixture_log_likelihood(logs), model.image_shape)
    print(f"test, mixture of {model.orders} orders: {together}")
    others = {f"test_order_{k}": each[k] for k in range(1, model.orders)}
    return {"test": each[0], **others, "test_mixture": together}


def _print_test(likelihood, data):
    print(f"test: {likelihood} ({data.name}, {len(data.test):,} images)")
