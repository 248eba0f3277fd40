"""What is exported computes what the model computes, without this library."""

import keras
import numpy as np
import pytest
from support import (
    MIXTURE,
    gated,
    outputs,
    plain,
    random_condition,
    random_images,
    shake,
)

import pcnnlib as pcnn
from pcnnlib import UsageError

SHAPE = (5, 6, 1)
SMALL = {"code_size": 2, "filters": 4, "encoder_filters": (4, 4, 4)}
MODELS = {
    "gated": lambda: gated(SHAPE, 4),
    "bernoulli": lambda: gated(SHAPE),
    "mixture": lambda: gated(SHAPE, 9, **MIXTURE),
    "labels": lambda: gated(SHAPE, condition=pcnn.Labels(3)),
    "vector": lambda: gated(SHAPE, condition=pcnn.Vector(2)),
    "map": lambda: gated(SHAPE, condition=pcnn.Map((5, 3, 2))),
    "plain": lambda: plain(SHAPE, 4),
    "autoencoder": lambda: shake(pcnn.PixelCNNAutoencoder(SHAPE, 4, **SMALL)),
    "deconvolutional": lambda: shake(pcnn.DeconvolutionalAutoencoder(SHAPE, 4, **SMALL)),
}


def with_inputs(name):
    model = MODELS[name]()
    condition = random_condition(model.condition, 7)
    if condition is not None and condition.dtype.kind == "i":
        condition = condition.astype("int32")
    return model, random_images(7, SHAPE, model.levels), condition


def exported(model, path):
    import tensorflow as tf

    model.export(path, verbose=False)
    return tf.saved_model.load(path)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.both_backends if n == "map" else ()) for n in MODELS],
)
def test_an_exported_model_gives_the_same_outputs(tmp_path, name):
    model, images, condition = with_inputs(name)
    expected = outputs(model, images, condition)
    program = exported(model, tmp_path / "model")
    got = program.serve(images if condition is None else [images, condition])
    # The gate is computed by other instructions, a few float32 roundings apart.
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-5, atol=1e-5)
    assert np.ptp(expected) > 0.1


@pytest.mark.parametrize("name", ["labels", "autoencoder"])
def test_a_model_that_was_used_is_exported_like_a_new_one(tmp_path, name):
    model, images, condition = with_inputs(name)
    given = () if condition is None else (condition,)
    model.log_likelihood(images, *given)
    model.encode(images) if name == "autoencoder" else model.sample(7, *given, seed=0)
    program = exported(model, tmp_path / "model")
    got = program.serve(images if condition is None else [images, condition])
    expected = outputs(model, images, condition)
    np.testing.assert_allclose(np.asarray(got), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="looks into TensorFlow's graph")
def test_an_exported_gate_is_plain_operations_and_a_trained_one_is_fused(tmp_path):
    """Other programs know no function within a graph: ONNX Runtime refuses such a file."""
    from tensorflow.python.framework import convert_to_constants

    model, images, _ = with_inputs("gated")
    model.compile()
    model.fit(images, verbose=0)
    model.predict(images, verbose=0)
    program = exported(model, tmp_path / "model")
    served = program.signatures["serving_default"]
    graph = convert_to_constants.convert_variables_to_constants_v2(served).graph
    kinds = {node.op for node in graph.as_graph_def().node}
    assert {"Tanh", "Sigmoid"} <= kinds
    assert not {kind for kind in kinds if "Call" in kind}


@pytest.mark.parametrize("name", ["gated", "mixture", "labels", "map", "autoencoder"])
def test_onnx_runtime_gives_the_same_outputs(tmp_path, name):
    pytest.importorskip("tf2onnx" if keras.backend.backend() == "tensorflow" else "jax2onnx")
    runtime = pytest.importorskip("onnxruntime")
    model, images, condition = with_inputs(name)
    path = tmp_path / "model.onnx"
    model.export(path, format="onnx", verbose=False)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    values = [images] if condition is None else [images, condition]
    names = [each.name for each in session.get_inputs()]
    got = session.run(None, dict(zip(names, values, strict=True)))[0]
    np.testing.assert_allclose(got, outputs(model, images, condition), rtol=1e-4, atol=1e-4)


@pytest.mark.both_backends
def test_a_format_whose_packages_are_missing_says_so(tmp_path, monkeypatch):
    def missing(*args, **kwargs):
        raise ImportError("No module named 'onnx'")

    monkeypatch.setattr(keras.Model, "export", missing)
    with pytest.raises(
        UsageError, match=r'No module named .onnx.\): pip install "pcnnlib\[onnx\]"'
    ):
        gated().export(tmp_path / "model.onnx", format="onnx")


@pytest.mark.parametrize("name", [None, 3, "", "model", "model.foo"])
def test_a_model_is_not_saved_to_what_is_no_keras_file(name):
    with pytest.raises(UsageError, match="filepath must (be a path|end in .keras), got ") as raised:
        gated().save(name)
    assert str(raised.value).endswith(f"got {name!r}")


@pytest.mark.parametrize("name", ["model.h5", "model.hdf5"])
def test_the_former_format_is_refused_when_saving(tmp_path, name):
    with pytest.raises(UsageError, match=r"filepath must end in \.keras, got '.*model\.h"):
        gated().save(tmp_path / name)
    assert not list(tmp_path.iterdir())
    gated().save_weights(tmp_path / "model.weights.h5")  # weights alone are read again


@pytest.fixture
def setting():
    """Changes Keras's settings; they are as before after the test."""
    before = keras.config.floatx(), keras.config.image_data_format()
    policy = keras.config.dtype_policy()
    yield keras.config
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(policy)
    keras.config.set_image_data_format(before[1])


@pytest.mark.parametrize("name", ["map", "autoencoder", "deconvolutional"])
def test_models_are_channels_last_whatever_keras_is_set_to(setting, name):
    model, images, condition = with_inputs(name)
    expected = outputs(model, images, condition)
    setting.set_image_data_format("channels_first")
    other, _, _ = with_inputs(name)
    np.testing.assert_array_equal(outputs(other, images, condition), expected)
    if name == "map":
        assert other.sample(2, condition[:2], seed=0).shape == (2, *SHAPE)


# Keras's policy follows `floatx` only if nothing was built before, so both are met.
@pytest.mark.parametrize(
    ("name", "policy"), [("labels", "float32"), ("labels", "float64"), ("mixture", "float64")]
)
def test_float64_draws_what_float32_draws(setting, name, policy):
    model, images, condition = with_inputs(name)
    rows = None if condition is None else condition[:4]
    drawn, nats = model.sample(4, rows, seed=3), model.log_likelihood(images, condition)
    setting.set_floatx("float64")
    setting.set_dtype_policy(policy)
    other, _, _ = with_inputs(name)
    assert other.compute_dtype == policy
    for method in ("cached", "rows", "parallel"):
        np.testing.assert_array_equal(other.sample(4, rows, seed=3, method=method), drawn)
    np.testing.assert_allclose(other.log_likelihood(images, condition), nats, rtol=1e-5)


@pytest.mark.parametrize(("optimizer", "policy"), [("muon", "float32"), ("muon", "float64")])
def test_training_in_float64_works(setting, tiny_data, optimizer, policy):
    setting.set_floatx("float64")
    setting.set_dtype_policy(policy)
    model = pcnn.GatedPixelCNN((4, 4, 1), 2, filters=4, blocks=1, first_kernel_size=3)
    config = pcnn.TrainConfig(epochs=2, batch_size=32, optimizer=optimizer)
    history = pcnn.train(model, tiny_data, config)
    assert history["val_loss"][1] < history["val_loss"][0]


def test_saved_weights_draw_the_same_in_float64(setting, tmp_path):
    """As published weights do: the file has the type of its weights, Keras another."""
    model = gated((3, 3, 1), levels=4)
    model.save(tmp_path / "model.keras")
    setting.set_floatx("float64")
    loaded = pcnn.load_model(tmp_path / "model.keras")
    assert loaded.compute_dtype == "float32"
    np.testing.assert_array_equal(loaded.sample(3, seed=0), model.sample(3, seed=0))
