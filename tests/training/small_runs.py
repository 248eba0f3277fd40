"""Small trainings that these tests start from."""

import keras

import pcnnlib as pcnn

NETWORK = {"filters": 4, "blocks": 2, "first_kernel_size": 5}
TRAINING = {"batch_size": 12, "learning_rate": 0.01, "epochs": 4}
# Three channels by a mixture, with everything random that a training can have.
COLOUR = {"distribution": pcnn.LogisticMixture(components=2), "dropout": 0.2}
COLOUR_TRAINING = {"flip": True, "ema": 0.5, "epochs": 3}


def small_network(data, seed=0, **changes):
    """An untrained network for these images; `changes` are arguments of the constructor."""
    keras.utils.set_random_seed(seed)
    return pcnn.GatedPixelCNN(data.image_shape, data.levels, **{**NETWORK, **changes})


def small_config(**changes):
    return pcnn.TrainConfig(**{**TRAINING, **changes})


def train_small(
    data, checkpoint_dir=None, *, network=None, callbacks=(), provenance=None, **changes
):
    """Train a new model; return `(model, history)`. `changes` are fields of the `TrainConfig`."""
    config = small_config(**changes)
    model = small_network(data, config.seed, **(network or {}))
    options = {"callbacks": callbacks, "provenance": provenance}
    return model, pcnn.train(model, data, config, checkpoint_dir=checkpoint_dir, **options)


def contents(folder):
    """Every file of a folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
