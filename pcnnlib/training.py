"""Training a model: configuration, schedule, weight averaging, checkpoints, exact resume.

Keras does the work (`fit`, optimisers, schedules, averaging, TensorBoard). What is added here:
batches that follow from `(seed, epoch)`, checkpoints that are replaced in one step, and a restart
that ends with the same weights as a run that was never stopped.
"""

import dataclasses
import json
import os
import pathlib
import time
import zipfile
import zlib

import keras
import numpy as np

from pcnnlib import backend
from pcnnlib.autoencoders import PixelCNNAutoencoder
from pcnnlib.conditions import Labels
from pcnnlib.errors import UsageError, check_dilations, check_int, check_number
from pcnnlib.models import AutoregressiveModel, GatedPixelCNN

BEST, LAST = "best.keras", "last.keras"
# A member of `last.keras` that Keras does not know and leaves alone: one file, one truth.
STATE = "training_state.json"
OPTIMIZERS = ("muon", "adam")
PRECISIONS = ("float32", "mixed_bfloat16")


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Everything that a run follows from, together with its data.

    Raises:
        UsageError: a value out of range.
    """

    data: str = "digits"  # name of a data set, or path to an .npz file
    levels: int | None = None  # values a pixel can take; None: as the data set has them
    conditional: bool = False  # whether the model is given the labels
    code_size: int | None = None  # S, numbers in an autoencoder's code; None: no autoencoder
    distribution: str | None = None  # of a pixel; None: by the levels
    components: int = 10  # M, logistics in the mixture, if that is the distribution
    blocks: int = 12  # gated blocks, the first included
    filters: int = 32  # F, features of each stack
    dilations: tuple = (1,)  # pixels from tap to tap, in the second block, the third, and so on
    dropout: float = 0.0  # share of gated features dropped while training
    flip: bool = False  # whether training images are mirrored left to right, half of the time
    epochs: int = 20  # passes over the training images
    batch_size: int = 100  # images a step
    accumulate: int = 1  # steps whose gradients are averaged into one update
    optimizer: str = "muon"  # or "adam"
    learning_rate: float = 2e-3  # highest, reached after the warm-up
    warmup: float = 0.05  # share of all steps in which the learning rate rises from 0
    final_rate: float = 0.01  # share of the learning rate left when the cosine decay ends
    weight_decay: float = 0.5  # share of the rate by which a step shrinks Muon's matrices
    grad_clip: float = 100.0  # largest global norm of the gradient of nats per image
    ema: float = 0.99  # momentum of the weights' moving average, at most; 0: none
    precision: str = "float32"  # or "mixed_bfloat16": weights in float32, features in bfloat16
    seed: int = 0  # of initialisation, batches and dropout

    def __post_init__(self):
        # What is checked is kept as Python's own number: JSON takes no others.
        def check(check, name, *limits, **options):
            object.__setattr__(self, name, check(name, getattr(self, name), *limits, **options))

        for name in ("components", "blocks", "filters", "batch_size", "accumulate"):
            check(check_int, name, 1)
        object.__setattr__(self, "dilations", check_dilations(self.dilations))
        for name in ("epochs", "seed"):
            check(check_int, name, 0)
        if self.levels is not None:
            check(check_int, "levels", 2, 256)
        if self.code_size is not None:
            check(check_int, "code_size", 1)
            if self.conditional:
                raise UsageError(
                    "conditional must be False for an autoencoder: its decoder is given the code"
                )
        for name, known in (("optimizer", OPTIMIZERS), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise UsageError(
                    f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}"
                )
        for name in ("learning_rate", "grad_clip"):
            check(check_number, name, 0.0, open_below=True)
        for name in ("warmup", "final_rate"):
            check(check_number, name, 0.0, 1.0)
        check(check_number, "weight_decay", 0.0)
        for name in ("dropout", "ema"):
            check(check_number, name, 0.0)
            if getattr(self, name) >= 1:
                raise UsageError(f"{name} must be below 1, got {getattr(self, name)}")


def build_model(config, data):
    """A model for these images, initialised from the configuration's seed.

    Args:
        config: `RunConfig`.
        data: `Dataset`.

    Returns:
        `PixelCNNAutoencoder` if the configuration has a `code_size`, else `GatedPixelCNN`.

    Raises:
        UsageError: `conditional`, but the data has no labels.
    """
    keras.utils.set_random_seed(config.seed)
    options = {
        "levels": data.levels,
        "filters": config.filters,
        "blocks": config.blocks,
        "dilations": config.dilations,
        "dropout": config.dropout,
        "distribution": config.distribution,
        "components": config.components,
        "dtype": config.precision,
    }
    if config.code_size is not None:
        return PixelCNNAutoencoder(data.image_shape, code_size=config.code_size, **options)
    if config.conditional:
        if data.classes is None:
            raise UsageError(f"a conditional model needs labels; data {data.name} has none")
        options["condition"] = Labels(data.classes)
    return GatedPixelCNN(data.image_shape, **options)


def make_optimizer(config, steps_per_epoch):
    """Muon or Adam with warm-up and cosine decay, clipped, and averaging weights if wanted.

    Muon makes the update of every weight matrix orthogonal and so moves all its directions alike;
    causal kernels are stored as matrices for its sake. It needs about half of Adam's steps here.
    Biases, other kernels and the logits' layer are left to Adam, as its authors advise.

    The average reaches back over at most a tenth of the run: in a short one a momentum near 1 would
    still average in the first, random weights.

    Args:
        config: `RunConfig`.
        steps_per_epoch: batches in one pass over the training images. Keras counts them, and not
            the updates, in schedules and averages, where gradients are accumulated.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks".
    """
    steps = max(1, config.epochs * steps_per_epoch)
    warmup = int(config.warmup * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        # Without a warm-up Keras reads the first argument, with one the target.
        initial_learning_rate=0.0 if warmup else config.learning_rate,
        decay_steps=max(1, steps - warmup),
        alpha=config.final_rate,
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    ema = min(config.ema, max(0.0, 1 - 10 / steps))
    return configured_optimizer(config, schedule, ema)


def configured_optimizer(config, learning_rate, ema):
    """The optimiser that a configuration names, at this rate (or schedule) and EMA momentum."""
    options = {
        "global_clipnorm": config.grad_clip,
        "use_ema": config.ema > 0,
        "ema_momentum": ema,
        # Keras wants None where nothing is accumulated.
        "gradient_accumulation_steps": config.accumulate if config.accumulate > 1 else None,
    }
    if config.optimizer == "adam":
        return keras.optimizers.Adam(learning_rate, **options)
    return keras.optimizers.Muon(
        learning_rate,
        momentum=0.9,  # of 0.8, 0.9 and 0.95 the best on the digits' validation images
        ns_steps=3,  # of the orthogonalisation; 5 cost more and validate no better
        rms_rate=1.0,  # an entry moves by about the learning rate, as it does under Adam
        adam_lr_ratio=3.0,  # biases and logits may move faster; of 1, 3 and 5
        exclude_layers=["predict"],
        # Muon's steps do not shrink with the gradient: without decay a long run's weights grow, on
        # MNIST to five times their first size within 6,000 steps, and the gates saturate.
        weight_decay=config.weight_decay,
        adam_weight_decay=0.0,
        **options,
    )


def train(
    model,
    data,
    config,
    *,
    checkpoint_dir=None,
    log_dir=None,
    profile=0,
    callbacks=(),
    verbose=0,
    about=None,
):
    """Train a model and leave the best weights in it.

    The best weights are those with the lowest validation loss; with `config.ema` they are averaged
    weights, which are also the ones validated. With a `checkpoint_dir`, `best.keras` (no optimiser) and
    `last.keras` (everything a restart needs) are written after each epoch, and a run found there is
    resumed: killed at any moment, it ends with the same weights as if it had not been. Of several
    processes that train together the first writes, and all must see the checkpoint_dir.

    Args:
        model: `PixelCNN`, `GatedPixelCNN` or an autoencoder.
        data: `Dataset`.
        config: `RunConfig`; of an interrupted run everything but `epochs` must agree.
        checkpoint_dir: where checkpoints are kept, or None.
        log_dir: where TensorBoard's files are kept, or None.
        profile: batch, or first and last batch, that TensorBoard's profiler records; 0: none.
        callbacks: further Keras callbacks.
        verbose: 1 for a progress bar.
        about: dict on where the run is made, or None; kept in the checkpoint for every start that
            trained, as `starts`, each with the `epoch` it began with.

    Returns:
        History: dict of lists, one entry per epoch: `loss` and `val_loss` (nats per image),
        `seconds`.

    Raises:
        UsageError: `checkpoint_dir` holds another run, a damaged file, or cannot be written; the data
            lacks what the model is conditioned on; several processes were joined, but train
            apart, or do not find the same checkpoint; gradients are to be accumulated on several
            devices under TensorFlow.
    """
    if config.accumulate > 1 and backend.replicas() > 1 and keras.backend.backend() != "jax":
        # Keras 3.15 merges the devices' gradients within a condition, which TensorFlow forbids.
        raise UsageError(
            f"accumulate must be 1 on several devices under {keras.backend.backend()}, got "
            f"{config.accumulate}: take a larger batch_size, or KERAS_BACKEND=jax"
        )
    if backend.processes() > 1 and backend.replicas() == 1:
        raise UsageError("joined processes train within backend.data_parallel('all')")
    condition = model.condition
    shared = {
        "condition": condition,
        "multiple": backend.replicas(),
        "part": (backend.process(), backend.processes()),
    }
    batches = data.train.batches(config.batch_size, seed=config.seed, flip=config.flip, **shared)
    validation = data.validation.batches(config.batch_size, **shared)
    model.compile(optimizer=make_optimizer(config, batches.num_batches))
    model.optimizer.build(model.trainable_variables)
    keeper = Checkpoints(config, data, checkpoint_dir, about)
    keeper.set_model(model)
    start = keeper.resume()
    batches.epoch = start
    if config.ema:
        callbacks = [keras.callbacks.SwapEMAWeights(), *callbacks]
    first = backend.process() == 0
    if verbose and first:
        callbacks = [*callbacks, Progress(config.epochs)]
    if log_dir is not None and first:
        board = keras.callbacks.TensorBoard(log_dir, write_graph=False, profile_batch=profile)
        callbacks = [*callbacks, board]
        if start == 0:
            write_graph(model, log_dir)
    if start < config.epochs:
        model.fit(
            batches,
            validation_data=validation,
            initial_epoch=start,
            epochs=config.epochs,
            # First, so that later callbacks find the epoch saved; and after the averaged weights
            # have been swapped back, so that the true ones are.
            callbacks=[keeper, *callbacks],
            verbose=0,
        )
    keeper.load_best()
    return keeper.history


class Checkpoints(keras.callbacks.Callback):
    """Keeps history, best and last weights; in memory, and in `checkpoint_dir` if there is one."""

    def __init__(self, config, data, checkpoint_dir, about=None):
        super().__init__()
        self.about = about or {}
        self.starts, self.began = [], None
        self.config = config
        self.data = data
        self.checkpoint_dir = None if checkpoint_dir is None else pathlib.Path(checkpoint_dir)
        self.history = {"loss": [], "val_loss": [], "seconds": []}
        self.best = None

    def resume(self):
        """Bring back the last checkpoint, if there is one; return the epoch to begin with."""
        if self.checkpoint_dir is None:
            return 0
        # What a process killed while saving left behind.
        for name in (BEST, LAST) if backend.process() == 0 else ():
            for scratch in self.checkpoint_dir.glob(f".{pathlib.Path(name).stem}.*.keras"):
                scratch.unlink(missing_ok=True)
        path = self.checkpoint_dir / LAST
        state = read_state(path) if path.exists() else None
        found = None if state is None else state["epoch"]
        if not backend.all_processes_agree(json.dumps([found, _identity(self.config, self.data)])):
            raise UsageError(
                f"processes differ in their flags, their data or in {path}: all must see one checkpoint_dir"
            )
        if state is None:
            return 0
        wanted = _identity(self.config, self.data)
        # A run saved before a field was thought of had what is now its default, or did without.
        defaults = {f.name: f.default for f in dataclasses.fields(RunConfig)}
        had = {**_as_saved(defaults), "weight_decay": 0.0, **state["run"]}
        for name, value in wanted.items():
            if had.get(name) != value:
                raise UsageError(
                    f"{path} is of a run with {name}={had.get(name)!r}, not {value!r}: "
                    "choose another checkpoint_dir, or remove this one"
                )
        last = load_model(path)
        try:
            self.model.set_weights(last.get_weights())
            old, new = last.optimizer.variables, self.model.optimizer.variables
            for variable, value in zip(new, old, strict=True):
                variable.assign(value)
        except (AttributeError, ValueError) as error:
            raise UsageError(f"{path} does not fit this model: {_line(error)}") from error
        for variable, value in zip(_random_state(self.model), state["random"], strict=True):
            variable.assign(np.array(value, variable.dtype))
        self.history = state["history"]
        self.starts = state.get("starts", [])
        best = self.checkpoint_dir / BEST
        if self.history["val_loss"] and best.exists():
            self.best = load_model(best).get_weights()
        return state["epoch"]

    def on_epoch_begin(self, epoch, logs=None):
        if self.began is None:
            self.starts = [*self.starts, {"epoch": epoch, **self.about}]
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        earlier = min(self.history["val_loss"], default=float("inf"))
        self.history["loss"].append(float(logs["loss"]))
        self.history["val_loss"].append(float(logs["val_loss"]))
        self.history["seconds"].append(time.perf_counter() - self.began)
        if logs["val_loss"] < earlier or self.best is None:
            self.best = averaged_weights(self.model)
            if self.checkpoint_dir is not None and backend.process() == 0:
                save(own_copy(self.model, self.best), self.checkpoint_dir / BEST)
        if self.checkpoint_dir is not None and backend.process() == 0:
            state = {
                "epoch": epoch + 1,
                "history": self.history,
                "random": [np.array(v).tolist() for v in _random_state(self.model)],
                "run": _identity(self.config, self.data),
                "config": dataclasses.asdict(self.config),
                "starts": self.starts,
            }
            # Last of all: until it is replaced, a restart repeats the epoch, with equal results.
            save(self.model, self.checkpoint_dir / LAST, state=state)

    def load_best(self):
        if self.best is not None:
            self.model.set_weights(self.best)


class Progress(keras.callbacks.Callback):
    """Keras's progress bar, one per epoch, in nats per image and with the time left of the run."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_train_begin(self, logs=None):
        self.began, self.done = time.perf_counter(), 0

    def on_epoch_begin(self, epoch, logs=None):
        left = ""
        if self.done:
            seconds = (time.perf_counter() - self.began) / self.done * (self.epochs - epoch)
            left = f", about {_duration(seconds)} left"
        print(f"Epoch {epoch + 1}/{self.epochs}{left}")
        self.bar = keras.utils.Progbar(self.params["steps"], stateful_metrics=["nats", "val_nats"])

    def on_train_batch_end(self, batch, logs=None):
        # The last step is shown with the validation loss, at the end of the epoch.
        self.bar.update(min(batch + 1, self.params["steps"] - 1), [("nats", float(logs["loss"]))])

    def on_epoch_end(self, epoch, logs=None):
        self.done += 1
        values = [("nats", float(logs["loss"])), ("val_nats", float(logs["val_loss"]))]
        self.bar.update(self.params["steps"], values, finalize=True)


class SampleGrids(keras.callbacks.Callback):
    """Draws a grid of samples every few epochs, from the averaged weights if there are any.

    Args:
        draw: function of `(model, epoch)` that draws and saves a grid and returns it as uint8
            `(H, W, 3)`.
        every: epochs from one grid to the next; there is one after the last epoch too.
        epochs: number of the last epoch.
        log_dir: where TensorBoard looks for images, or None.
    """

    def __init__(self, draw, every, epochs, log_dir=None):
        super().__init__()
        self.draw = draw
        self.every = every
        self.epochs = epochs
        self.log_dir = log_dir

    def on_epoch_end(self, epoch, logs=None):
        epoch += 1
        if backend.process() or (epoch % self.every and epoch != self.epochs):
            return
        grid = self.draw(own_copy(self.model, averaged_weights(self.model)), epoch)
        if self.log_dir is not None:
            # TensorBoard's own writer of images: Keras has none.
            import tensorflow as tf

            with tf.summary.create_file_writer(str(self.log_dir)).as_default():
                tf.summary.image("samples", grid[None], step=epoch)


def write_graph(model, checkpoint_dir):
    """Write the forward pass for TensorBoard's graph page, which Keras 3 itself leaves empty.

    Under TensorFlow only: JAX has no graph to show.
    """
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    inputs = tf.TensorSpec((None, *model.image_shape), "uint8")
    if model.condition is not None:
        shape = model.condition.shape
        inputs = inputs, tf.TensorSpec((None, *shape), "float32" if shape else "int64")
    graph = tf.function(lambda x: model(x), autograph=False).get_concrete_function(inputs).graph
    with tf.summary.create_file_writer(os.path.join(checkpoint_dir, "train")).as_default():
        tf.summary.graph(graph)


def averaged_weights(model):
    """The model's weights as NumPy arrays, the averaged ones if its optimiser keeps them."""
    optimizer = model.optimizer
    average = {}
    if getattr(optimizer, "use_ema", False):
        pairs = zip(
            model.trainable_variables, optimizer._model_variables_moving_average, strict=True
        )
        average = {id(variable): value for variable, value in pairs}
    return [np.array(average.get(id(weight), weight)) for weight in model.weights]


def own_copy(model, weights):
    """A model like this one with these weights, neither compiled nor shared between processes."""
    with backend.undistributed():
        copy = model.__class__.from_config(model.get_config())
        copy.set_weights(weights)
    return copy


def save(model, path, *, state=None):
    """Write a `.keras` file in one step: a reader finds the old file or the new one, whole.

    Args:
        model: any Keras model; if it is compiled, its optimiser is kept too.
        path: file to write or replace.
        state: dict of training state, kept inside the file, or None.

    Raises:
        UsageError: the file cannot be written (disk full, say); the old one is untouched.
    """
    path = pathlib.Path(path)
    # The name ends in .keras because Keras insists.
    scratch = path.with_name(f".{path.stem}.{os.getpid()}.keras")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {_line(error)}") from error
    try:
        with backend.undistributed():
            model.save(scratch)
        if state is not None:
            with zipfile.ZipFile(scratch, "a") as archive:
                archive.writestr(STATE, json.dumps(state))
        with open(scratch, "rb") as file:
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"{path} cannot be written: {_line(error)}") from error
    finally:
        scratch.unlink(missing_ok=True)


def load_model(path):
    """Load a model saved by `train` or by `model.save`, without unpickling anything.

    Raises:
        UsageError: no such file, damaged, or not a model of this library.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise UsageError(f"checkpoint {path} does not exist")
    try:
        model = keras.saving.load_model(path, safe_mode=True)
    except Exception as error:  # Keras, HDF5 and zipfile each raise their own
        raise UsageError(
            f"checkpoint {path} is damaged or no Keras model: {_line(error)}"
        ) from error
    if not isinstance(model, AutoregressiveModel):
        raise UsageError(
            f"checkpoint {path} holds a {type(model).__name__}, wanted a model of pcnnlib"
        )
    return model


def read_state(path):
    """The training state inside a `last.keras`.

    Raises:
        UsageError: a damaged file, or one without training state.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            state = json.loads(archive.read(STATE))
    except KeyError as error:
        raise UsageError(f"checkpoint {path} holds no training state to resume from") from error
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError) as error:
        raise UsageError(f"checkpoint {path} is damaged: {_line(error)}") from error
    if not isinstance(state, dict) or not {"epoch", "history", "random", "run"} <= state.keys():
        raise UsageError(f"checkpoint {path} holds no training state to resume from")
    return state


def _identity(config, data):
    """What must agree for a run to be resumed; more epochs may be asked for."""
    fields = {k: v for k, v in dataclasses.asdict(config).items() if k != "epochs"}
    return _as_saved({**fields, "data_checksum": data.checksum, "backend": keras.backend.backend()})


def _as_saved(fields):
    """What comes back of a dict from a file: a tuple is a list there."""
    return json.loads(json.dumps(fields))


def _random_state(model):
    """Variables of dropout's random state: part of a run, but not of the weights Keras saves."""
    weights = {id(weight) for weight in model.weights}
    return [v for v in model.non_trainable_variables if id(v) not in weights]


def _line(error):
    """The first line of an error's message, or its name if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _duration(seconds):
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
