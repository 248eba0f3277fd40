"""Training in two stages: a VQ-VAE, then the prior of the codes that it gives."""

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable
from typing import Any

from pcnnlib._internal.errors import UsageError
from pcnnlib._internal.processes import process
from pcnnlib.data import Dataset
from pcnnlib.models import LatentPrior
from pcnnlib.training.config import TrainConfig
from pcnnlib.training.files import BEST, LAST, load_model, save, weights_checksum

# Folders of the stages, within a run's folder of checkpoints.
AUTOENCODER, PRIOR = "autoencoder", "prior"


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
    folders: dict = {AUTOENCODER: None, PRIOR: None}
    if checkpoint_dir is not None:
        folder = pathlib.Path(checkpoint_dir)
        _check_folder(folder)
        folders = {name: folder / name for name in folders}
    logs = {name: None if log_dir is None else pathlib.Path(log_dir) / name for name in folders}
    if options.get("verbose") and process() == 0:
        print(f"stage 1 of 2, the autoencoder: {config.epochs} epochs", flush=True)
    first = train(
        model.autoencoder,
        data,
        config,
        checkpoint_dir=folders[AUTOENCODER],
        log_dir=logs[AUTOENCODER],
        **options,
    )
    codes = codes_of(model, data)
    if options.get("verbose") and process() == 0:
        print(f"stage 2 of 2, the prior: {prior_config.epochs} epochs", flush=True)
    second = train(
        model.prior,
        codes,
        prior_config,
        checkpoint_dir=folders[PRIOR],
        log_dir=logs[PRIOR],
        callbacks=callbacks,
        **options,
    )
    if checkpoint_dir is not None and process() == 0:
        save(model, pathlib.Path(checkpoint_dir) / BEST)
    return {**second, **{f"{AUTOENCODER}_{name}": values for name, values in first.items()}}


def codes_of(model: LatentPrior, data: Dataset) -> Dataset:
    """The codes of a data set's images, with the same labels and conditions.

    Its checksum is that of the data and of the autoencoder's weights, and not of the codes: where
    two codes are as near as each other, another machine may take the other.
    """
    autoencoder = model.autoencoder
    codes = data.redrawn(
        lambda split: autoencoder.encode(split.images),
        name=f"codes of {data.name}",
        levels=autoencoder.codes,
    )
    splits = {
        name: dataclasses.replace(getattr(codes, name), conditions=getattr(data, name).conditions)
        for name in ("train", "validation", "test")
    }
    together = data.checksum + weights_checksum(autoencoder.get_weights())
    checksum = hashlib.sha256(together.encode()).hexdigest()
    return dataclasses.replace(codes, **splits, checksum=checksum)


def _check_folder(folder):
    """Raise `UsageError` if a run of another kind is there, which would be lost."""
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
