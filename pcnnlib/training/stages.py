"""Training in stages: a VQ-VAE, then a prior of the codes that it gives, one for each grid."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable
from typing import Any

from pcnnlib._internal.errors import UsageError
from pcnnlib._internal.processes import process
from pcnnlib.data import Dataset, Split
from pcnnlib.models import LatentPrior
from pcnnlib.training.config import TrainConfig
from pcnnlib.training.files import BEST, LAST, load_model, read_state, save, weights_checksum

# Folders of the stages, within a run's folder of checkpoints.
AUTOENCODER, TOP_PRIOR, PRIOR = "autoencoder", "top_prior", "prior"
# What a reader of the output knows them by.
NAMED = {AUTOENCODER: "the autoencoder", TOP_PRIOR: "the prior of the top grid"}


def train_in_stages(
    train: Callable,
    model: LatentPrior,
    data: Dataset,
    config: TrainConfig,
    prior_config: TrainConfig | None,
    checkpoint_dir: str | os.PathLike | None,
    log_dir: str | os.PathLike | None,
    callbacks: Any,
    **options: Any,
) -> dict[str, list]:
    """See `pcnnlib.train`, of which this is the part for a `LatentPrior`."""
    prior_config = config if prior_config is None else prior_config
    if not isinstance(prior_config, TrainConfig):
        raise UsageError(f"prior_config must be a TrainConfig, got {type(prior_config).__name__}")
    # Codes of a mirrored image are not the mirrored codes.
    prior_config = dataclasses.replace(prior_config, flip=False)
    # Before the first stage: a mistake in what a later one is given would be named hours later.
    if model.condition is not None:
        for split in (data.train, data.validation):
            model.condition.of(split)
    stages = stages_of(model)
    if checkpoint_dir is not None:
        _check_folder(pathlib.Path(checkpoint_dir), stages, config.epochs)
    histories: dict[str, dict] = {}
    codes: dict[str, Dataset] = {}
    for number, stage in enumerate(stages, 1):
        settings = config if stage == AUTOENCODER else prior_config
        if stage != AUTOENCODER and not codes:
            codes = _codes_by_stage(model, data)
        if options.get("verbose") and process() == 0:
            named = NAMED.get(stage, "the prior")
            named = f"{named} of the bottom grid" if number == 3 else named
            print(f"stage {number} of {len(stages)}, {named}: {settings.epochs} epochs", flush=True)
        checkpoints, logs = (
            None if folder is None else pathlib.Path(folder) / stage
            for folder in (checkpoint_dir, log_dir)
        )
        histories[stage] = train(
            getattr(model, stage),
            codes.get(stage, data),
            settings,
            checkpoint_dir=checkpoints,
            log_dir=logs,
            callbacks=callbacks if stage == PRIOR else (),
            **options,
        )
    # Only of trained stages: without their checkpoints it could never be replaced.
    trained = all(len(history["loss"]) for history in histories.values())
    if checkpoint_dir is not None and process() == 0 and trained:
        save(model, pathlib.Path(checkpoint_dir) / BEST)
    history = histories.pop(PRIOR)
    for stage, earlier in histories.items():
        history |= {f"{stage}_{name}": values for name, values in earlier.items()}
    return history


def stages_of(model: LatentPrior) -> tuple[str, ...]:
    """The stages in which a model is trained: attributes of it, and folders of its run."""
    return (AUTOENCODER, PRIOR) if model.top_prior is None else (AUTOENCODER, TOP_PRIOR, PRIOR)


def codes_of(model: LatentPrior, data: Dataset) -> Dataset:
    """The codes of a data set's images, with what the prior of these codes is conditioned on.

    Of two grids those of the bottom, conditioned on the top.

    Its checksum is that of the data and of the autoencoder's weights, and not of the codes: where
    two codes are as near as each other, another machine may take the other.
    """
    return _codes_by_stage(model, data)[PRIOR]


def _codes_by_stage(model, data):
    """The data set of each stage behind the first."""
    grids = {}
    for name in ("train", "validation", "test"):
        found = model.encode(getattr(data, name).images)
        grids[name] = found if isinstance(found, tuple) else (found,)
    together = data.checksum + weights_checksum(model.autoencoder.get_weights())
    checksum = hashlib.sha256(together.encode()).hexdigest()
    made = {}
    for grid, stage in enumerate(stages_of(model)[1:]):
        splits = {}
        for name, codes in grids.items():
            split = getattr(data, name)
            conditions = split.conditions
            if stage == PRIOR and model.top_prior is not None:
                rows = None if model.condition is None else model.condition.of(split)
                conditions = model.given_top(codes[0], rows)
            splits[name] = Split(codes[grid], split.labels, conditions=conditions)
        made[stage] = dataclasses.replace(
            data,
            name=f"codes of {data.name}",
            image_shape=model.code_shapes[grid],
            levels=model.autoencoder.codes,
            **splits,
            checksum=checksum,
        )
    return made


def _check_folder(folder, stages, epochs):
    """Raise `UsageError` if what is there would be lost: another kind of run, or a run's result."""
    if (folder / LAST).exists():
        raise UsageError(
            f"{folder / LAST} is of a run in one stage: choose another folder, or remove it"
        )
    if (folder / BEST).exists():
        kind = type(load_model(folder / BEST)).__name__
        if kind != LatentPrior.__name__:
            raise UsageError(
                f"{folder / BEST} holds a {kind}, which would be lost: choose another folder, or "
                "remove it"
            )
        for stage in stages:
            if not (folder / stage / LAST).exists():
                raise UsageError(
                    f"{folder / BEST} would be lost, since there is no {stage}/{LAST} beside it to "
                    "resume from: choose another folder, or remove it"
                )
    later = [folder / stage / LAST for stage in stages[1:] if (folder / stage / LAST).exists()]
    if later:
        trained = folder / AUTOENCODER / LAST
        if not trained.exists():
            raise UsageError(
                f"{later[0]} is of a prior whose autoencoder is gone: choose another folder, or "
                "remove it"
            )
        done = read_state(trained)["epoch"]
        if epochs > done:
            raise UsageError(
                f"epochs must be {done} for the autoencoder, got {epochs}: {later[0]} was trained "
                "on its codes. Choose another folder, or train the prior alone for longer "
                "(prior_config, --autoencoder_epochs)"
            )
