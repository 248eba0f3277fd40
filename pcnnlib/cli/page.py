"""The page in which a model draws: --export."""

import pathlib
from typing import Any

from pcnnlib._internal.errors import UsageError
from pcnnlib.analysis import Likelihood
from pcnnlib.cli.flags import Settings
from pcnnlib.cli.paths import check_writable
from pcnnlib.data import Dataset
from pcnnlib.models import AutoregressiveModel, GatedPixelCNN
from pcnnlib.nn.conditions import Labels
from pcnnlib.nn.raster import ORDERS
from pcnnlib.viz.live import export_html
from pcnnlib.viz.live.component import card_of, check_page_path
from pcnnlib.viz.live.export import check_exportable

EXAMPLES = 10  # images in the page to begin from


def check_page(path: str | None) -> None:
    """Raise `UsageError` unless a page can be written where --export says."""
    if path is not None:
        check_writable(check_page_path(path, "--export").parent)


def check_page_model(model: AutoregressiveModel, path: str | None) -> None:
    """Raise `UsageError` if --export asks for a page in which such a model cannot draw."""
    if path is not None:
        try:
            check_exportable(drawn_in_a_page(model))
        except UsageError as error:
            raise UsageError(f"--export: {error}") from None


def drawn_in_a_page(model: AutoregressiveModel) -> AutoregressiveModel:
    """The model whose weights are put into a page, which knows raster order alone."""
    # An autoencoder, or a model of another kind, has one order.
    return model.in_order(0) if isinstance(model, GatedPixelCNN) and model.orders > 1 else model


def export_own(
    model: AutoregressiveModel,
    data: Dataset,
    settings: Settings,
    likelihood: Likelihood,
    command: str,
) -> None:
    """Write the page that --export asks for, if it does, of a run of one's own."""
    if settings.drawing.export is None:
        return
    record = {
        "data": {"name": data.name},
        "test": vars(likelihood),
        "seed": settings.training.seed,
        "command": command,
        "model": {"class": type(model).__name__},
    }
    options: Any = {"title": f"A Gated PixelCNN: {pathlib.Path(data.name).name}"}
    if isinstance(model.condition, Labels):
        options["class_names"] = data.labels
    _write(
        model,
        settings.drawing.export,
        card=card_of(record),
        examples=data.test.images[:EXAMPLES],
        **options,
    )


def export_published(model: AutoregressiveModel, settings: Settings) -> None:
    """Write the page that --export asks for, if it does, of the run of --pretrained."""
    drawing = settings.drawing
    if drawing.export is not None:
        run = {"run": drawing.pretrained, "results_path": settings.files.results_path}
        _write(model, drawing.export, **run)


def _write(model, path, **options):
    said = f", which draws {ORDERS[0]}" if model.orders > 1 else ""
    print(f"page: {export_html(drawn_in_a_page(model), path, **options)}{said}")
