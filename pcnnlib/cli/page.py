"""The page in which a model draws: --export."""

import pathlib
from typing import Any

from pcnnlib._internal.errors import UsageError
from pcnnlib.analysis import Likelihood
from pcnnlib.cli.flags import Settings
from pcnnlib.cli.paths import check_writable
from pcnnlib.data import Dataset
from pcnnlib.models import AutoregressiveModel
from pcnnlib.nn.conditions import Labels
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
            check_exportable(model)
        except UsageError as error:
            raise UsageError(f"--export: {error}") from None


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
    print(f"page: {export_html(model, path, **options)}")
