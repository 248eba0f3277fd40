"""Training: the network is built, trained and, after some epochs, drawn from."""

import dataclasses
import pathlib
from typing import Any

import numpy as np

from pcnnlib import runs, training
from pcnnlib._internal import devices, processes
from pcnnlib.cli.draw import check_guidance, picture, row_labels
from pcnnlib.cli.flags import Settings
from pcnnlib.cli.network import build_network
from pcnnlib.cli.page import check_page_model
from pcnnlib.cli.paths import RunPaths, check_writable
from pcnnlib.data import Dataset
from pcnnlib.models import AutoregressiveModel, LatentPrior
from pcnnlib.models.precision import in_float32
from pcnnlib.viz import images

GRID = 100  # images of a grid drawn while training, at most


def train(settings: Settings, data: Dataset, paths: RunPaths, command: str) -> AutoregressiveModel:
    """Train the network that the flags describe, and return it with its best weights.

    Raises:
        UsageError: what cannot be built, drawn, written or resumed.
    """
    model = build_network(settings.network, data, settings.training.seed)
    # A mistake here should not wait for the training.
    row_labels(model, settings.drawing)
    check_guidance(model, settings.drawing)
    check_page_model(model, settings.drawing.export)
    for folder in paths:
        if folder is not None:
            check_writable(folder)
    if processes.process() == 0:
        gated: Any = getattr(model, "decoder", model)
        size = ""  # a decoder that paints has no blocks
        gated = model.prior if isinstance(model, LatentPrior) else gated
        if hasattr(gated, "n_blocks"):
            size = f"{gated.n_blocks} blocks of {gated.filters} filters, "
        print(
            f"{data.name}: {len(data.train):,} images {data.image_shape}, {data.levels} levels; "
            f"{size}{model.count_params():,} weights"
        )

    def draw(trained: AutoregressiveModel, epoch: int) -> np.ndarray:
        n = min(settings.drawing.n_samples, GRID)
        trained = in_float32(trained)
        drawing, options = trained, {}
        if isinstance(model, LatentPrior):  # it is its prior that is being trained
            drawing, options = model, {"prior": trained}
        drawn, columns, _ = picture(drawing, data.validation.images, settings, n, **options)
        grid = images.tile(drawn, model.levels, columns=columns)
        images.save_png(picture_of(epoch), grid)
        return grid

    def picture_of(epoch: int) -> pathlib.Path:
        return paths.pictures / f"epoch_{epoch:04d}.png"

    grids = training.SampleGrids(
        draw,
        every=settings.drawing.draw_every,
        epochs=settings.training.epochs,
        log_dir=paths.logs,
        missing=lambda epoch: not picture_of(epoch).exists(),
    )
    # A network in several stages has its first one's epochs besides.
    config = settings.training
    stage: Any = {}
    if isinstance(model, LatentPrior):
        stage = {"prior_config": config}
        first = settings.network.autoencoder_epochs or config.epochs
        config = dataclasses.replace(config, epochs=first)
    history = training.train(
        model,
        data,
        config,
        checkpoint_dir=paths.checkpoints,
        log_dir=paths.logs,
        profile=settings.devices.profiled,
        callbacks=[grids],
        **stage,
        verbose=1,
        provenance=_provenance(command),
    )
    epochs = len(history["loss"])
    if epochs > settings.training.epochs and processes.process() == 0:
        print(f"trained before, for {epochs} epochs: --epochs={settings.training.epochs} adds none")
    return model


def _provenance(command: str) -> dict[str, Any]:
    """Where and by what command a run is made, and on how many devices."""
    spread = {"devices": devices.replicas(), "processes": processes.processes()}
    return {"command": command, **runs.provenance(), "spread": spread}
