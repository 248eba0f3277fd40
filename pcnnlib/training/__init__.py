"""How is a model trained? Configuration, optimisers, checkpoints and resume, callbacks, the loop.

Keras does the work (`fit`, optimisers, schedules, averaging, TensorBoard). What is added here:
batches that follow from `(seed, epoch)`, checkpoints that are replaced in one step, and a restart
that ends with the same weights as a run that was never stopped.
"""

from pcnnlib._internal.devices import data_parallel
from pcnnlib._internal.processes import join_processes
from pcnnlib.training.callbacks import Progress, SampleGrids
from pcnnlib.training.checkpoints import Checkpoints, averaged_weights, own_copy
from pcnnlib.training.config import OPTIMIZERS, RunConfig, TrainConfig
from pcnnlib.training.files import BEST, LAST, STATE, load_model, read_state, save
from pcnnlib.training.loop import train
from pcnnlib.training.optimizers import configured_optimizer, make_optimizer
from pcnnlib.training.stages import AUTOENCODER, PRIOR, TOP_PRIOR, codes_of

__all__ = [
    "AUTOENCODER",
    "BEST",
    "LAST",
    "OPTIMIZERS",
    "PRIOR",
    "STATE",
    "TOP_PRIOR",
    "Checkpoints",
    "Progress",
    "RunConfig",
    "SampleGrids",
    "TrainConfig",
    "averaged_weights",
    "codes_of",
    "configured_optimizer",
    "data_parallel",
    "join_processes",
    "load_model",
    "make_optimizer",
    "own_copy",
    "read_state",
    "save",
    "train",
]
