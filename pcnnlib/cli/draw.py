"""Drawing: grids of samples, completed pictures and animations, from a run or a published one."""

import math
import pathlib
from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from pcnnlib import runs, sampling
from pcnnlib._internal.errors import UsageError
from pcnnlib.cli.checks import labels_of_run, with_class_numbers
from pcnnlib.cli.flags import Drawing, Files, Settings
from pcnnlib.cli.network import describe, kind_of
from pcnnlib.cli.page import check_page, check_page_model, export_published
from pcnnlib.cli.paths import check_writable
from pcnnlib.models import Autoencoder, AutoregressiveModel, LatentPrior
from pcnnlib.nn.conditions import Labels
from pcnnlib.nn.raster import ORDERS, check_order
from pcnnlib.sampling.guidance import guided
from pcnnlib.viz import images
from pcnnlib.viz.animation import animate

# An autoencoder's picture has rows of this many images: an original, and draws from its code.
ROW = 10
# Rows that are named, at most.
ROWS = 50
# An animation has about as many frames.
FRAMES = 48


def draw(
    model: AutoregressiveModel,
    originals: np.ndarray | None,
    settings: Settings,
    pictures: pathlib.Path,
) -> None:
    """Write the picture of samples and, where asked for, the completed one and animations."""
    drawn, columns, keep = picture(
        model, originals, settings, settings.drawing.n_samples, progress=True
    )
    options = {"columns": columns, "keep": keep, "order": settings.drawing.order or 0}
    _write(model, drawn, pictures, "samples", settings, **options)
    if settings.drawing.complete:
        _complete(model, settings, pictures)


def picture(
    model: AutoregressiveModel,
    originals: np.ndarray | None,
    settings: Settings,
    n: int,
    progress: bool = False,
    **more: Any,
) -> tuple[np.ndarray, int | None, np.ndarray | None]:
    """The images of a picture, about `n` of them; an autoencoder draws from codes of `originals`.

    Args:
        more: arguments of the model's `sample`.

    Returns:
        `(images, columns, keep)`; columns None for a square, `keep` a mask of the images that
        were not drawn, or None.
    """
    options: Any = {
        "seed": settings.training.seed,
        "temperature": settings.drawing.temperature,
        "progress": progress,
        **more,
    }
    if isinstance(model, Autoencoder):
        assert originals is not None  # only other models can do without
        originals = np.resize(originals, (-(-n // ROW), *model.image_shape))
        codes = np.repeat(model.encode(originals), ROW - 1, axis=0)
        drawn = model.decode(codes, **options).reshape(-1, ROW - 1, *model.image_shape)
        together = np.concatenate([originals[:, None], drawn], axis=1)
        keep = np.tile(np.arange(ROW) == 0, len(originals))[:, None, None, None]
        return together.reshape(-1, *model.image_shape), ROW, keep
    options["order"] = settings.drawing.order
    options["guidance"] = settings.drawing.guidance
    labels = row_labels(model, settings.drawing)
    if labels is None:
        return model.sample(n, **options), None, None
    columns = -(-n // len(labels))
    labels = np.repeat(labels, columns)
    return model.sample(len(labels), labels, **options), columns, None


def row_labels(model: AutoregressiveModel, drawing: Drawing) -> np.ndarray | None:
    """Labels of the rows to draw: those of --classes, or each class once; None without labels.

    Raises:
        UsageError: a label that the model does not know.
    """
    if not isinstance(model.condition, Labels):
        return None
    if drawing.classes is None:
        return np.arange(model.condition.n)
    return model.condition.check(np.array(drawing.classes))


def check_drawn_codes(drawing: Drawing, kind: str) -> None:
    """Raise `UsageError` for what a model that draws codes, and all pixels at once, cannot do."""
    if kind == "vqvae":
        for name in ("complete", "animate", "export"):
            if getattr(drawing, name):
                raise UsageError(f"--{name} needs a model that draws pixel by pixel, not codes")


def check_guidance(model: AutoregressiveModel, drawing: Drawing) -> None:
    """Raise `UsageError` unless a model can draw with the guidance that the flags ask for."""
    guided(model.prior if isinstance(model, LatentPrior) else model, drawing.guidance)


def check_picture(drawing: Drawing, image_shape: tuple, levels: int) -> None:
    """Raise `UsageError` if the picture to complete cannot be read, or is not such an image."""
    if drawing.complete:
        images.read_png(drawing.complete, image_shape, levels)


def draw_pretrained(settings: Settings, typed: Collection[str]) -> None:
    """Draw from a published run, without its data.

    Args:
        settings: all flags.
        typed: names of the flags that were given.

    Raises:
        UsageError: flags that have no meaning here, no such run, or one that cannot be drawn from.
    """
    drawing, files, name = settings.drawing, settings.files, str(settings.drawing.pretrained)
    if settings.training.epochs:
        raise UsageError("--pretrained draws and trains nothing: add --epochs=0")
    if files.publish is not None:
        raise UsageError("--pretrained is published already: leave --publish out")
    known = {"epochs", "model", "seed", *(f.name for f in (*fields(Drawing), *fields(Files)))}
    known.remove("draw_every")
    for flag in typed:
        if flag not in known:
            raise UsageError(f"--pretrained brings its own model and data: leave --{flag} out")
    model = runs.load_pretrained(name, files.results_path)
    labels = labels_of_run(name, files.results_path)
    settings = with_class_numbers(settings, labels, name)
    drawing = settings.drawing
    kind, asked = kind_of(model), settings.network.model
    if asked and asked != kind:
        raise UsageError(f"{name} is {describe(kind)}, --model asks for {describe(asked)}")
    originals = None
    if isinstance(model, Autoencoder):
        if drawing.complete:
            raise UsageError("--complete needs a model that draws without a code")
        originals = runs.read_examples(name, files.results_path).get("test")
        if originals is None:
            raise UsageError(f"{name} holds no images whose codes could be drawn from")
        fit = originals.shape[1:] == model.image_shape and originals.dtype.kind in "iu"
        if (
            not fit
            or not len(originals)
            or not 0 <= originals.min() <= originals.max() < model.levels
        ):
            raise UsageError(
                f"{name} holds images {originals.shape} that are none of its model's, which has "
                f"{model.image_shape} and {model.levels} levels"
            )
    check_drawn_codes(drawing, kind)
    check_guidance(model, drawing)
    if row_labels(model, drawing) is None and drawing.classes is not None:
        raise UsageError(f"--classes needs a conditional model; {name} is none")
    pictures = pathlib.Path(files.samples_path) / name
    check_writable(pictures)
    check_page(drawing.export)
    check_page_model(model, drawing.export)
    if drawing.order is not None:
        check_order(drawing.order, model.orders, 1)
    # A mistake here should not cost an older picture.
    check_picture(drawing, model.image_shape, model.levels)
    if isinstance(model.condition, Labels):
        print_rows(drawing, labels)
    draw(model, originals, settings, pictures)
    export_published(model, settings)


def print_rows(drawing: Drawing, labels: Sequence[int | str] | None) -> None:
    """Print which class each row of the picture is, where classes are more than numbers from 0."""
    if labels is not None and list(labels) != list(range(len(labels))):
        rows = [str(labels[int(k)]) for k in drawing.classes or range(len(labels))]
        print(f"rows: {', '.join([*rows[:ROWS], *(['...'] if len(rows) > ROWS else [])])}")


def _complete(model, settings, pictures):
    drawing = settings.drawing
    image, keep = images.read_png(drawing.complete, model.image_shape, model.levels)
    if keep.all():
        rows, columns = np.indices(keep.shape)
        below, right = rows >= keep.shape[0] // 2, columns >= keep.shape[1] // 2
        keep = {"top": ~below, "bottom": below, "left": ~right, "right": right}[drawing.keep]
    order = sampling.best_order(model, keep) if drawing.order is None else drawing.order
    if model.orders > 1:
        print(f"completion: drawn {ORDERS[order]} (order {order})")
    labels = row_labels(model, drawing)
    drawn = model.sample(
        drawing.n_samples,
        None if labels is None else np.resize(labels, drawing.n_samples),
        seed=settings.training.seed,
        temperature=drawing.temperature,
        image=image,
        keep=keep,
        order=order,
        resample=drawing.resample,
        guidance=drawing.guidance,
    )
    _write(model, drawn, pictures, "completion", settings, keep=keep[..., None], order=order)


def _write(model, drawn, pictures, name, settings, *, columns=None, keep=None, order=0):
    path = pictures / f"{name}.png"
    images.save_png(path, images.tile(drawn, model.levels, columns=columns))
    print(f"{name}: {path}")
    wanted = settings.drawing.animate
    if isinstance(model, LatentPrior):
        return  # its pixels do not grow one by one
    if wanted if wanted is not None else isinstance(model.condition, Labels):
        height, width = model.image_shape[:2]
        growing = animate(
            drawn,
            model.levels,
            columns=columns or math.isqrt(len(drawn) - 1) + 1,
            keep=keep,
            order=order,
            every=max(1, height * width // FRAMES),
            gap=0.5,
            background=255,
        )
        growing.save(path.with_suffix(".gif"))
        print(f"animation: {path.with_suffix('.gif')}")
