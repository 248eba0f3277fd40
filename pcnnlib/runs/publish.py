"""How a run is published: its record, its weights and its example images."""

import contextlib
import hashlib
import json
import os
import pathlib
import statistics
import time
from collections.abc import Sequence

import numpy as np

from pcnnlib import analysis
from pcnnlib._internal.errors import UsageError, first_line
from pcnnlib._internal.files import replacing
from pcnnlib.data import Dataset, short_name
from pcnnlib.models import Autoencoder, AutoregressiveModel
from pcnnlib.nn.conditions import Labels
from pcnnlib.runs.card import write_card
from pcnnlib.runs.registry import EXAMPLES, RUN, WEIGHTS
from pcnnlib.training import save


def write_run(
    run_dir: str | os.PathLike,
    fields: dict,
    model: AutoregressiveModel | None = None,
    images: dict[str, np.ndarray] | None = None,
    *,
    name: str | None = None,
) -> dict:
    """Write or replace a run: all files, or if one cannot be written none.

    Args:
        run_dir: folder of the run.
        fields: dict for its `run.json`.
        model: its best weights, kept beside it, or None.
        images: dict of arrays kept beside it, see `examples`, or None.
        name: of the run, in the model card that a run with weights gets; by default the folder's.

    Returns:
        `fields`, with number and checksums of the weights under `weights`, if there are any: of the
        file, and of the values in it.

    Raises:
        UsageError: the folder cannot be written, or the record is no JSON.
    """
    run_dir = pathlib.Path(run_dir)
    try:
        json.dumps(fields)
    except (TypeError, ValueError) as error:
        raise UsageError(f"fields must be what JSON can hold: {first_line(error)}") from error
    # Each takes its place at the end: weights beside another run's record could not be loaded.
    with contextlib.ExitStack() as files:
        if model is not None:
            scratch = files.enter_context(replacing(run_dir / WEIGHTS))
            save(model, scratch)
            weights = {
                "sha256": file_checksum(scratch),
                "values_sha256": values_checksum(model),
                "parameters": model.count_params(),
            }
            fields = {**fields, "weights": weights}
        if images is not None:
            scratch = files.enter_context(replacing(run_dir / EXAMPLES))
            # Its stub takes every keyword for the one that is no array.
            np.savez_compressed(scratch, **images)  # type: ignore[arg-type]
        scratch = files.enter_context(replacing(run_dir / RUN))
        scratch.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")
    if "weights" in fields:
        write_card(run_dir, name or run_dir.name, fields)
    return fields


def describe_data(data: Dataset) -> dict:
    """Name, checksum and sizes of a `Dataset`, for a `run.json`.

    Also what its classes are called, where that is not simply their numbers.
    """
    parts = {part: len(getattr(data, part)) for part in ("train", "validation", "test")}
    description = {"name": short_name(data.name), "sha256": data.checksum, **parts}
    if data.labels is not None and list(data.labels) != list(range(len(data.labels))):
        description["labels"] = list(data.labels)
    return description


def example_images(data: Dataset, shown: int = 10) -> np.ndarray:
    """Test images that a page shows: one of each class in turn, or the first without classes.

    Args:
        data: a `Dataset`.
        shown: images kept.

    Returns:
        uint8 `(shown, H, W, C)`.
    """
    test = data.test
    order = np.arange(len(test))
    if test.labels is not None:
        # The first of each class, then the second of each.
        earlier = [(test.labels[:k] == label).sum() for k, label in enumerate(test.labels)]
        order = np.lexsort((test.labels, earlier))
    return test.images[order[:shown]]


def examples(
    model: AutoregressiveModel,
    data: Dataset,
    *,
    drawn: int = 100,
    shown: int = 10,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Images that a page needs and cannot compute without the data.

    Args:
        model: the run's, with its best weights.
        data: its `Dataset`.
        drawn: images drawn, and test images, that are compared with all training images.
        shown: images kept of each kind.
        seed: of the draws.

    Returns:
        dict of arrays: `test`, what `example_images` gives. But for autoencoders also `drawn`, the
        first images drawn, and `nearest`, the training images nearest to them; and distances to the
        nearest training image (see `analysis.nearest`), `(drawn,)` each: `drawn_distance` of images
        drawn, `test_distance` of test images, and `copied_distance` of training images as a model
        that had memorised them would draw them: newly binarised if the data set is.
    """
    test = data.test
    arrays = {"test": example_images(data, shown)}
    if isinstance(model, Autoencoder):
        return arrays
    images = model.sample(drawn, class_labels(model, drawn), seed=seed)
    index, distance = analysis.nearest(images, data.train.images)
    rows = np.arange(min(drawn, len(data.train)))
    copied = data.train.draw(rows, np.random.default_rng(seed))
    return {
        **arrays,
        "drawn": images[:shown],
        "nearest": data.train.images[index[:shown]],
        "drawn_distance": distance,
        "test_distance": analysis.nearest(test.images[:drawn], data.train.images)[1],
        "copied_distance": analysis.nearest(copied, data.train.images)[1],
    }


def speed(
    model: AutoregressiveModel, data: Dataset, seconds: Sequence[float], *, drawn: int = 100
) -> dict[str, float]:
    """What a run costs: of training from its history, of drawing measured here and now.

    Args:
        model: the run's.
        data: its `Dataset`.
        seconds: of each epoch, validation included.
        drawn: images drawn at once.

    Returns:
        dict: `seconds_per_epoch`, the median; `images_per_second` trained on, where a validated
        image counts as a third of one; `flop_per_image` of training, three forward passes' worth;
        `drawn_per_second`, compiling left out.
    """
    median = statistics.median(seconds)
    began = []
    for _ in range(2):  # the first call compiles
        began.append(time.perf_counter())
        if isinstance(model, Autoencoder):
            model.decode(np.zeros((drawn, model.code_size), "float32"), seed=0)
        else:
            model.sample(drawn, class_labels(model, drawn), seed=0)
    return {
        "seconds_per_epoch": median,
        "images_per_second": (len(data.train) + len(data.validation) / 3) / median,
        "flop_per_image": 3 * analysis.flop_per_image(model),
        "drawn_per_second": drawn / (time.perf_counter() - began[-1]),
    }


def class_labels(model: AutoregressiveModel, n: int) -> np.ndarray | None:
    """Labels to draw `n` images of, each class in turn; None for a model without labels."""
    return np.arange(n) % model.condition.n if isinstance(model.condition, Labels) else None


def file_checksum(path: str | os.PathLike) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def values_checksum(model: AutoregressiveModel) -> str:
    """SHA-256 of the values of a model's weights: the same however their file is packed."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()
