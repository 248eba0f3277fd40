"""The schedule, clipping, decay and averages of the optimisers, each recomputed."""

import math

import keras
import numpy as np
import pytest
from training.small_runs import small_config, small_network

import pcnnlib as pcnn
from pcnnlib import training
from pcnnlib.training.optimizers import StackedMuon


def test_learning_rate_rises_in_the_warm_up_and_falls_along_a_cosine():
    config = pcnn.TrainConfig(learning_rate=0.01, warmup=0.1, final_rate=0.05, epochs=10)
    rate = training.make_optimizer(config, steps_per_epoch=20)._learning_rate
    for step in (0, 5, 10, 19, 20, 110, 150, 199, 200, 1000):
        if step < 20:
            expected = 0.01 * step / 20
        else:
            along = min(1, (step - 20) / 180)
            expected = 0.01 * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * along)))
        assert float(rate(step)) == pytest.approx(expected, rel=1e-5, abs=1e-9)  # float32


def test_without_a_warm_up_the_rate_starts_at_its_highest():
    config = pcnn.TrainConfig(learning_rate=0.01, warmup=0.0, final_rate=0.0, epochs=2)
    rate = training.make_optimizer(config, steps_per_epoch=5)._learning_rate
    assert float(rate(0)) == pytest.approx(0.01)
    assert float(rate(10)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("grad_clip, kept", [(3.0, 3.0), (1000.0, 50.0)])
def test_gradients_are_clipped_by_their_global_norm(grad_clip, kept):
    """Adam's first average of the gradient is a tenth of what clipping left of it."""
    config = pcnn.TrainConfig(optimizer="adam", grad_clip=grad_clip)
    optimizer = training.configured_optimizer(config, 0.1, 0.0)
    weights = [keras.Variable(np.zeros(n, "float32")) for n in (1, 2)]
    optimizer.build(weights)
    gradients = [np.array(g, "float32") for g in ([30.0], [0.0, -40.0])]
    optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients])
    averages = np.concatenate([np.array(m) for m in optimizer._momentums])
    np.testing.assert_allclose(averages, 0.1 * kept / 50 * np.array([30, 0, -40]), rtol=1e-5)


@pytest.mark.both_backends
@pytest.mark.parametrize(
    "optimizer, decay, kept", [("muon", 0.5, 0.95), ("muon", 0, 1.0), ("adam", 0.5, 1.0)]
)
def test_only_the_matrices_of_muon_are_shrunk(tiny_data, optimizer, decay, kept):
    """Without a gradient a step of rate 0.1 leaves nothing but the decay to be seen."""
    config = small_config(optimizer=optimizer, weight_decay=decay)
    model = small_network(tiny_data)
    optimizer = training.configured_optimizer(config, 0.1, 0.0)
    weights = model.trainable_variables
    for weight in weights:
        weight.assign(np.ones(weight.shape))
    optimizer.build(weights)
    optimizer.apply([keras.ops.zeros(weight.shape) for weight in weights])
    for weight in weights:
        matrix = weight.path.endswith("kernel") and "predict" not in weight.path
        expected = kept if matrix else 1.0
        np.testing.assert_allclose(np.array(weight), expected, rtol=1e-6, err_msg=weight.path)


@pytest.mark.both_backends
def test_matrices_made_orthogonal_together_move_as_they_do_one_by_one(tiny_data):
    """As on a GPU: dozens of small matrices, many of one shape, some of which are left to Adam."""
    config = small_config(optimizer="muon", ema=0.9)
    moved = []
    for cls in (keras.optimizers.Muon, StackedMuon):
        model = small_network(tiny_data)
        weights = model.trainable_variables
        options = training.configured_optimizer(config, 0.1, 0.9).get_config()
        optimizer = cls.from_config(options)
        optimizer.build(weights)
        rng = np.random.default_rng(0)
        for weight in weights:
            weight.assign(rng.normal(size=weight.shape))
        for _ in range(3):
            optimizer.apply(
                [
                    keras.ops.convert_to_tensor(rng.normal(size=w.shape).astype("float32"))
                    for w in weights
                ]
            )
        moved.append([np.array(weight) for weight in weights])
    shapes = [a.shape for a in moved[0] if a.ndim == 2]
    assert len(set(shapes)) < len(shapes)
    for one, other in zip(*moved, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_average_reaches_back_over_at_most_a_tenth_of_the_run():
    momentum = [
        training.make_optimizer(small_config(epochs=epochs, ema=0.99), 10).ema_momentum
        for epochs in (1, 2, 10, 100, 1000)
    ]
    assert momentum == pytest.approx([0.0, 0.5, 0.9, 0.99, 0.99])


@pytest.mark.parametrize("network", [pcnn.GatedPixelCNN, pcnn.PixelCNN])
def test_a_network_of_the_fewest_features_trains(network, tiny_data):
    """Its kernels have a single column: Muon leaves them to Adam."""
    filters = 1 if network is pcnn.GatedPixelCNN else 2
    model = network((4, 4, 1), 2, filters, 2, first_kernel_size=3)
    losses = pcnn.train(model, tiny_data, small_config(epochs=2))["loss"]
    assert losses[1] < losses[0]


def test_what_is_no_data_set_or_configuration_is_named(tiny_data):
    model = pcnn.GatedPixelCNN((4, 4, 1), 2, 4, 2, first_kernel_size=3)
    with pytest.raises(pcnn.UsageError, match="data must be a Dataset, got NoneType"):
        pcnn.train(model, None, small_config(epochs=1))
    with pytest.raises(pcnn.UsageError, match="config must be a TrainConfig, got dict"):
        pcnn.train(model, tiny_data, {"epochs": 1})
