"""The training itself: Keras's `fit` with everything around it that makes a run repeatable."""

import contextlib
import os
from collections.abc import Iterable

import keras

from pcnnlib._internal.deprecation import warn_renamed
from pcnnlib._internal.devices import replicas
from pcnnlib._internal.errors import UsageError, check_path
from pcnnlib._internal.lock import locked
from pcnnlib._internal.processes import all_processes_agree, process, processes
from pcnnlib._internal.tensorboard import write_graph
from pcnnlib.data import Dataset
from pcnnlib.models import AutoregressiveModel, LatentPrior
from pcnnlib.training.callbacks import Progress, SampleGrids
from pcnnlib.training.checkpoints import Checkpoints
from pcnnlib.training.config import TrainConfig
from pcnnlib.training.optimizers import make_optimizer
from pcnnlib.training.stages import train_in_stages
from pcnnlib.training.user_callbacks import Restart, averages_within, check_callbacks


def train(
    model: AutoregressiveModel,
    data: Dataset,
    config: TrainConfig,
    *,
    checkpoint_dir: str | os.PathLike | None = None,
    log_dir: str | os.PathLike | None = None,
    profile: int | tuple[int, ...] = 0,
    callbacks: Iterable[keras.callbacks.Callback] = (),
    verbose: int = 0,
    provenance: dict | None = None,
    prior_config: TrainConfig | None = None,
    folder: str | os.PathLike | None = None,
) -> dict[str, list]:
    """Train a model and leave the best weights in it.

    The best weights are those with the lowest validation loss; with `config.ema` they are averaged
    weights, which are also the ones validated. With a `checkpoint_dir`, `best.keras` (no optimiser)
    and `last.keras` (everything a restart needs) are written after each epoch, and a run that is
    there already is resumed: killed at any moment, it ends with the same weights as if it had not
    been. Of several processes that train together the first writes, and all must see the folder.

    Args:
        model: `PixelCNN`, `GatedPixelCNN`, an autoencoder, or a `LatentPrior`: its autoencoder is
            trained first, then the prior on its codes, in folders `autoencoder` and `prior` of
            `checkpoint_dir`, each resumed by itself; `callbacks` are for the prior. With two grids
            of codes that of the top comes between them, in `top_prior`.
        data: `Dataset`.
        config: `TrainConfig`; of an interrupted run everything but `epochs` must agree, and so
            must the model's architecture.
        checkpoint_dir: folder of checkpoints, or None.
        log_dir: folder of TensorBoard's files, or None.
        profile: batch, or first and last batch, that TensorBoard's profiler records; 0: none.
        callbacks: further Keras callbacks. At the end of an epoch they find the weights that were
            validated in the model; after a restart `EarlyStopping` and `ModelCheckpoint` go on
            from what they had seen.
        verbose: 1 for a progress bar, or where the output is no terminal a line an epoch.
        provenance: dict on where the run is made, or None; kept in the checkpoint for every start
            that trained, as `starts`, each with the `epoch` it began with.
        prior_config: of a `LatentPrior`: how its prior, or both, are trained; by default as the
            autoencoder, but never mirrored.
        folder: former name of `checkpoint_dir`, deprecated.

    Returns:
        dict of lists, one entry per epoch: `loss` and `val_loss` (nats per image), `seconds`, and
        what else the model reports. Of a `LatentPrior` those of the prior, nats per image of codes,
        and the autoencoder's as `autoencoder_loss` and so on; with two grids of codes those of the
        bottom's, and `top_prior_loss` and so on.

    Raises:
        UsageError: `checkpoint_dir` holds another run, a damaged file, or cannot be written, or
            another process is training in it; the training diverged, of which nothing is saved;
            the data lacks what the model is conditioned on; a callback that sets the learning rate
            or does what is done here already; several processes were joined, but train apart, or do
            not see the same checkpoint; gradients are to be accumulated on several devices under
            TensorFlow.
    """
    if folder is not None:
        if checkpoint_dir is not None:
            raise UsageError("folder must be left out: it is the former name of checkpoint_dir")
        warn_renamed("train(folder=)", "checkpoint_dir=")
        checkpoint_dir = folder
    if not isinstance(model, AutoregressiveModel):
        raise UsageError(f"model must be a model of this library, got {type(model).__name__}")
    for name, value, kind in (("data", data, Dataset), ("config", config, TrainConfig)):
        if not isinstance(value, kind):
            raise UsageError(f"{name} must be a {kind.__name__}, got {type(value).__name__}")
    for name, path in (("checkpoint_dir", checkpoint_dir), ("log_dir", log_dir)):
        if path is not None:
            check_path(name, path)
    if not isinstance(provenance, (dict, type(None))):
        raise UsageError(f"provenance must be a dict or None, got {type(provenance).__name__}")
    callbacks = check_callbacks(callbacks)
    if isinstance(model, LatentPrior):
        return train_in_stages(
            train,
            model,
            data,
            config,
            prior_config,
            checkpoint_dir,
            log_dir,
            callbacks,
            profile=profile,
            verbose=verbose,
            provenance=provenance,
        )
    if prior_config is not None:
        raise UsageError(f"prior_config is for a LatentPrior, not for a {type(model).__name__}")
    if config.accumulate > 1 and replicas() > 1 and keras.backend.backend() != "jax":
        # Keras 3.15 merges the devices' gradients within a condition, which TensorFlow forbids.
        raise UsageError(
            f"accumulate must be 1 on several devices under {keras.backend.backend()}, got "
            f"{config.accumulate}: take a larger batch_size, or KERAS_BACKEND=jax"
        )
    if processes() > 1 and replicas() == 1:
        raise UsageError("joined processes train within data_parallel('all')")
    with _alone(checkpoint_dir):
        return _train(
            model, data, config, checkpoint_dir, log_dir, profile, callbacks, verbose, provenance
        )


@contextlib.contextmanager
def _alone(checkpoint_dir):
    """Within, no other training has the folder; the first of several processes sees to that."""
    refusal = None
    with contextlib.ExitStack() as stack:
        if checkpoint_dir is not None and process() == 0:
            try:
                stack.enter_context(locked(checkpoint_dir, "training"))
            except UsageError as error:
                refusal = error
        # Else the others would wait for one that has gone.
        if not all_processes_agree("refused" if refusal else "") or refusal:
            raise refusal or UsageError(f"the first process cannot train in {checkpoint_dir}")
        yield


def _train(model, data, config, checkpoint_dir, log_dir, profile, callbacks, verbose, provenance):
    shared = {
        "condition": model.condition,
        "multiple": replicas(),
        "part": (process(), processes()),
        "orders": model.orders,
    }
    batches = data.train.batches(config.batch_size, seed=config.seed, flip=config.flip, **shared)
    validation = data.validation.batches(config.batch_size, **shared)
    # Here they have the names by which the user knows them.
    model.inputs_taken.data(batches, "data.train")
    model.inputs_taken.data(validation, "data.validation")
    steps = config.epochs * batches.num_batches
    if config.epochs and config.accumulate > steps:
        raise UsageError(
            f"accumulate must be at most {steps}, the steps of {config.epochs} epochs, or nothing "
            f"would be learned, got {config.accumulate}"
        )
    variables = model.trainable_variables
    model.compile(optimizer=make_optimizer(config, batches.num_batches, variables))
    model.optimizer.build(model.trainable_variables)
    checkpoints = Checkpoints(config, data, checkpoint_dir, provenance)
    checkpoints.set_model(model)
    start = checkpoints.resume()
    batches.epoch = start
    restart = Restart(callbacks, checkpoints.history)
    # Before anything is trained: killed right after saving an epoch, a run has not drawn its grid.
    for callback in callbacks if start else ():
        if isinstance(callback, SampleGrids):
            callback.set_model(model)
            callback.after_restart(start)
    if config.ema:
        callbacks = [keras.callbacks.SwapEMAWeights(), *averages_within(callbacks)]
    first = process() == 0
    if verbose and first:
        callbacks = [*callbacks, Progress(config.epochs)]
    if log_dir is not None and first:
        board = keras.callbacks.TensorBoard(log_dir, write_graph=False, profile_batch=profile)
        callbacks = [*callbacks, board]
        if start == 0:
            write_graph(model, log_dir)
    try:
        if start < config.epochs and not restart.stopped():
            model.fit(
                batches,
                validation_data=validation,
                initial_epoch=start,
                epochs=config.epochs,
                # First, so that later callbacks find the epoch saved; and after the averaged
                # weights have been swapped back, so that the true ones are.
                callbacks=[checkpoints, *callbacks, restart],
                verbose=0,
            )
    finally:
        # Whatever ended the training: a callback that failed, say, or Ctrl-C in a notebook.
        checkpoints.load_best()
    return checkpoints.history
