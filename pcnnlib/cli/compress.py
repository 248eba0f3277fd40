"""`--compress` and `--decompress`: files of images as short as a model's likelihood, and back."""

import math
import pathlib
import time
from collections.abc import Collection
from typing import Any

import numpy as np

from pcnnlib import codec, runs, training
from pcnnlib._internal.errors import UsageError, first_line
from pcnnlib._internal.files import reading, replacing
from pcnnlib.cli.checks import check_network_flags, labels_of_run, named
from pcnnlib.cli.flags import Settings
from pcnnlib.cli.network import describe, kind_of
from pcnnlib.cli.paths import check_writable, run_paths
from pcnnlib.data import SOURCES, load_dataset
from pcnnlib.data.files import is_regular_file, read_npz
from pcnnlib.models import AutoregressiveModel
from pcnnlib.nn.raster import check_order

# Flags that say which model it is, and which files; all others have no meaning here.
KNOWN = set("compress decompress out order epochs pretrained model".split())
# Of which the name of a run's own folder is made, see `run_paths`, and what they are checked with.
FOLDER = set("data layers orders code_grids attention".split())
# Arrays of an .npz file by what they are, the first that is there: our own, and those of data sets.
IMAGES = ("images", "x_test")
CONDITION = ("condition", "labels", "y_test")
LABELS = "y_test"  # not numbers of classes, but what the data set calls them


def compress_file(settings: Settings, typed: Collection[str]) -> None:
    """Write the file that --out names.

    Args:
        settings: all flags.
        typed: names of the flags that were given.

    Raises:
        UsageError: flags that have no meaning here, no such model, or files that do not fit it.
    """
    wanted = settings.compression
    flag = str(wanted.asked)
    if settings.training.epochs:
        raise UsageError(f"--{flag} trains nothing: add --epochs=0")
    for name in typed:
        known = name in KNOWN or name.endswith("_path")
        if name in FOLDER:
            if settings.drawing.pretrained is not None:
                raise UsageError(f"--pretrained brings its own model and data: leave --{name} out")
            continue
        if not known or (name == "order" and flag == "decompress"):
            raise UsageError(f"--{flag} says nothing of --{name}: leave it out")
    source, out = pathlib.Path(str(getattr(wanted, flag))), pathlib.Path(str(wanted.out))
    if not is_regular_file(source, f"--{flag}"):
        raise UsageError(f"--{flag} {source} does not exist")
    check_writable(out.parent)
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder")
    if out.exists() and out.samefile(source):
        raise UsageError(f"--out {out} is the file that is read: name another")
    model = _model(settings, typed)
    if settings.drawing.order is not None:
        check_order(settings.drawing.order, model.orders, 1)
    if flag == "compress":
        images, condition = _read(model, source, settings)
        _compress(model, images, condition, source, out, settings.drawing.order)
    else:
        _decompress(model, source, out, settings.drawing.order)


def _model(settings: Settings, typed: Collection[str]) -> AutoregressiveModel:
    """The published model that --pretrained names, or the best of a run of one's own."""
    name, asked = settings.drawing.pretrained, settings.network.model
    if name is not None:
        model = runs.load_pretrained(name, settings.files.results_path)
    else:
        path = run_paths(settings).checkpoints / training.BEST
        name, model = f"checkpoint {path}", training.load_model(path)
    if kind_of(model) != asked and (asked or settings.drawing.pretrained is None):
        raise UsageError(
            f"{name} is {describe(kind_of(model))}, --model={asked} asks for {describe(asked)}"
        )
    if settings.drawing.pretrained is None:
        check_network_flags(settings.network, typed, model, name)
    return model


def _compress(model, images, condition, source, out, order):
    options: dict[str, Any] = {} if order is None else {"order": order}
    try:
        begun = time.monotonic()
        data = codec.compress(model, images, condition, progress=True, **options)
        seconds = time.monotonic() - begun
    except UsageError as error:
        raise UsageError(f"--compress {source}: {error}") from error
    with replacing(out) as scratch:
        scratch.write_bytes(data)
    file = codec.parse(data)
    parts = [f"header {file.header_bytes:,}"]
    parts += [f"condition {len(file.condition):,}"] if condition is not None else []
    parts.append(f"images {len(file.payload):,}")
    print(f"compressed: {out}, {len(data):,} bytes ({', '.join(parts)})")
    promised = -model.log_likelihood(images, condition, **options).sum() / math.log(2)
    values = images.size
    print(
        f"images: {file.bits_per_dim:.4f} bits/dim; the model's likelihood promises "
        f"{promised / 8:,.0f} bytes, {promised / values:.4f} bits/dim"
    )
    print(f"{len(images):,} images, {len(images) / seconds:.1f}/s, decoded once to verify them")


def _decompress(model, source, out, order):
    with reading(source, "--decompress"):
        data = source.read_bytes()
    try:
        begun = time.monotonic()
        images, condition = codec.decompress(model, data, return_condition=True, progress=True)
        seconds = time.monotonic() - begun
    except UsageError as error:
        raise UsageError(f"--decompress {source}: {error}") from error
    arrays = {"images": images} if condition is None else {"images": images, "condition": condition}
    with replacing(out) as scratch:
        np.savez_compressed(scratch, **arrays)
    print(f"decompressed: {out}, {', '.join(arrays)}")
    print(f"{len(images):,} images, {len(images) / seconds:.1f}/s")


def _read(model, source, settings):
    """Images and, for a conditional model, the condition of an .npz file."""
    arrays = read_npz(source, None, what="--compress")
    images = next((arrays[key] for key in IMAGES if key in arrays), None)
    if images is None:
        if len(arrays) != 1:
            raise UsageError(
                f"--compress {source} must hold images or x_test, or one array, "
                f"got {', '.join(arrays) or 'nothing'}"
            )
        (images,) = arrays.values()
    if images.ndim == 3 and model.image_shape[-1] == 1:
        images = images[..., None]
    condition = None
    if model.condition is not None:
        key = next((key for key in CONDITION if key in arrays), None)
        if key is None:
            raise UsageError(
                f"--compress {source} must hold condition, labels or y_test: the model is "
                f"conditioned on {model.condition!r}"
            )
        condition = arrays[key]
        if not model.condition.shape and condition.ndim == 2 and condition.shape[1] == 1:
            condition = condition[:, 0]
        if key == LABELS and not model.condition.shape and condition.ndim == 1:
            condition = _class_numbers(condition, _labels(settings, model.levels), source)
    try:
        return model.check_images(images), condition
    except UsageError as error:
        raise UsageError(f"--compress {source}: {first_line(error)}") from error


def _labels(settings, levels):
    """What the model's data calls its classes, or None where they are numbers from 0."""
    if settings.drawing.pretrained is not None:
        return labels_of_run(settings.drawing.pretrained, settings.files.results_path)
    wanted = settings.data
    if wanted.data in SOURCES:
        return None
    try:
        return load_dataset(wanted.data, levels=levels).labels
    except UsageError as error:
        raise UsageError(
            f"--compress takes {LABELS} for labels of --data={wanted.data}, which cannot be read "
            f"({first_line(error)}): give class numbers, in an array called {CONDITION[0]}"
        ) from error


def _class_numbers(values, labels, source):
    """The numbers of the classes that have these labels."""
    if labels is None:
        return values
    number = {str(label): k for k, label in enumerate(labels)}
    unknown = [value for value in values.tolist() if str(value) not in number]
    if unknown:
        raise UsageError(
            f"--compress {source}: {LABELS} must hold labels that the model was trained on, "
            f"{named(labels)}, got {unknown[0]}"
        )
    return np.array([number[str(value)] for value in values.tolist()], "int32")
