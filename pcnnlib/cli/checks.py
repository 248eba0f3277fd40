"""What must fit together before work starts: flags, data, checkpoints and the machine."""

import argparse
import dataclasses
import pathlib
import re
from collections.abc import Collection, Sequence

from pcnnlib import runs, training
from pcnnlib._internal.devices import memory
from pcnnlib._internal.errors import UsageError
from pcnnlib.cli.flags import Network, Settings
from pcnnlib.cli.network import FILTERS, flags_of
from pcnnlib.cli.parser import as_text
from pcnnlib.data import Dataset
from pcnnlib.data.files import is_regular_file
from pcnnlib.models import AutoregressiveModel

# Bytes for each weight of a training: itself, its gradient, two moments and a moving average.
BYTES_PER_WEIGHT = 5 * 4
NAMED = 10  # labels that a message names, at most


def check_texts(args: argparse.Namespace) -> None:
    """Raise `UsageError` for bytes that are no text: TensorBoard, JSON and HDF5 take no others."""
    for name, value in vars(args).items():
        if isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise UsageError(f"--{name} must be text in UTF-8, got {value!r}") from None


def check_network(network: Network, data: Dataset) -> None:
    """Raise `UsageError` for a network that these images or this machine have no room for."""
    side = max(data.image_shape[:2])
    if network.dilations and max(network.dilations) > side:
        raise UsageError(
            f"--dilations must be at most {side}, the images' larger side, "
            f"got {max(network.dilations)}"
        )
    filters = network.f_map or FILTERS
    classes = data.classes or 0
    depth = {"autoencoder": network.code_size, "conditional": classes, "vqvae": classes}
    if network.code_grids > 1:  # the decoded top, of which the bottom is told
        depth["vqvae"] += network.code_size
    if network.model == "painting":
        # The first layer of its decoder, and the two that double the size.
        height, width, _ = data.image_shape
        small = -(-height // 4) * -(-width // 4)
        weights = 2 * filters * (small * network.code_size + 38 * filters)
        _check_memory(f"--code_size={network.code_size} and --f_map={filters}", weights)
        return
    # As many as a block has, and as its gates have for a condition.
    weights = network.layers * filters * (21 * filters + 4 * depth.get(network.model, 0))
    _check_memory(f"--layers={network.layers} and --f_map={filters}", weights)


def _check_memory(flags, weights):
    if weights * BYTES_PER_WEIGHT > memory():
        raise UsageError(
            f"{flags} make a network too large to train: "
            f"{weights:.1e} weights take {weights * BYTES_PER_WEIGHT / 1e9:,.0f} GB, and this "
            f"machine has {memory() / 1e9:,.0f} GB of memory"
        )


def check_same_data(
    checkpoint_dir: pathlib.Path, data: Dataset, *, only_drawn: bool = False
) -> None:
    """Raise `UsageError` if the run in a folder was trained on other images than these.

    Folders are named for a file's name, and many files are called `train.npz`. To draw from sound
    weights (`only_drawn`), no other file need be sound.
    """
    path = checkpoint_dir / training.LAST
    if is_regular_file(path, "checkpoint"):
        try:
            trained_on = training.read_state(path).get("data_checksum")
        except UsageError:
            if only_drawn:
                return
            raise
        if trained_on not in (None, data.checksum):
            raise UsageError(
                f"{checkpoint_dir} holds a run on other images than those of --data={data.name} "
                f"(SHA-256 {trained_on[:12]}..., not {data.checksum[:12]}...): "
                "choose another --ckpt_path, or remove it"
            )


def check_network_flags(
    network: Network, typed: Collection[str], model: AutoregressiveModel, name: str
) -> None:
    """Raise `UsageError` if a flag that was given is not that of the model, called `name`."""
    wanted = vars(network)
    if network.attention is not None:  # in whatever order it was typed
        wanted = {**wanted, "attention": tuple(sorted(network.attention))}
    _check_typed(wanted, flags_of(model), typed, name)


def check_training_flags(
    settings: Settings, typed: Collection[str], folders: Sequence[pathlib.Path]
) -> None:
    """Raise `UsageError` if a flag that was given is not that of the training in these folders.

    But the seed may be another: without training it is that of the draws alone.

    Args:
        settings: all flags.
        typed: names of the flags that were given.
        folders: of checkpoints, of each stage of the training.
    """
    for folder in dict.fromkeys((folders[0], folders[-1])):
        path = folder / training.LAST
        try:
            if not is_regular_file(path, "checkpoint"):
                continue
            had = training.read_state(path)["training"]
        except UsageError:  # to draw from sound weights, no other file need be sound
            continue
        wanted = vars(settings.training)
        if len(folders) > 1 and folder == folders[0]:
            had |= {"autoencoder_epochs": had["epochs"]}
            wanted = {**wanted, "autoencoder_epochs": settings.network.autoencoder_epochs}
        elif len(folders) > 1:
            del had["flip"]  # codes never are
        for name in ("epochs", "seed"):
            del had[name]
        _check_typed(wanted, had, typed, f"checkpoint {path}")


def _check_typed(wanted, had, typed, name):
    for flag, value in had.items():
        if flag in typed and wanted[flag] != value:
            there = as_text(value)
            raise UsageError(
                f"--{flag} must be {there or 'left out'}, as {name} has it, "
                f"got {as_text(wanted[flag])}"
            )


def check_same_published_data(run_dir: pathlib.Path, data: Dataset) -> None:
    """Raise `UsageError` if the run that would be replaced was trained on other images."""
    if (run_dir / runs.RUN).exists():
        described = runs.read_run_dir(run_dir).get("data")
        if isinstance(described, dict) and described.get("sha256") != data.checksum:
            raise UsageError(
                f"{run_dir} holds a run on other images than those of --data={data.name}: "
                "publish under another name, or remove it"
            )


def named(labels: Sequence[int | str]) -> str:
    """Labels as a message names them: not all of very many."""
    more = ", ..." if len(labels) > NAMED else ""
    return ", ".join(map(str, labels[:NAMED])) + more


def labels_of_run(name: str, results_path: str | None) -> list | None:
    """What the classes of a published run's data are called; None where they are numbers from 0."""
    data = runs.read_run(name, results_path).get("data")
    labels = data.get("labels") if isinstance(data, dict) else None
    return labels if isinstance(labels, list) else None


def with_class_numbers(
    settings: Settings, labels: Sequence[int | str] | None, name: str
) -> Settings:
    """The same settings, with the numbers of the classes whose labels --classes names.

    Args:
        settings: all flags.
        labels: of each class of the data, or None if each is its number.
        name: of the data.

    Raises:
        UsageError: a label that no image has, or a name where the labels are numbers.
    """
    asked = settings.drawing.classes
    if asked is None:
        return settings
    if not any(isinstance(label, str) for label in labels or ()):
        if not all(re.fullmatch(r"-?[0-9]{1,18}", str(label)) for label in asked):
            raise UsageError(
                f"--classes must be integers such as 3,3,7, got {','.join(map(str, asked))!r}"
            )
        asked = tuple(map(int, asked))
    if labels is None:
        return _with_classes(settings, asked)
    number = {str(label): k for k, label in enumerate(labels)}
    for label in asked:
        if str(label) not in number:
            known = f"0..{len(labels) - 1}"
            if list(labels) != list(range(len(labels))):
                known = f"that {name} has, {named(labels)}"
            raise UsageError(f"--classes must hold labels {known}, got {label}")
    return _with_classes(settings, tuple(number[str(label)] for label in asked))


def _with_classes(settings, classes):
    return dataclasses.replace(
        settings, drawing=dataclasses.replace(settings.drawing, classes=classes)
    )
