"""The code that names a backend, and models that move from one to the other."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from support import gated, random_condition, random_images

import pcnnlib as pcnn
from pcnnlib._internal import backend

ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="JAX is not installed")
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="saves under TensorFlow")
def test_weights_saved_under_tensorflow_give_the_same_likelihoods_and_images_under_jax(tmp_path):
    model = gated((4, 4, 3), levels=4, blocks=3, condition=pcnn.Map((2, 2, 3)))
    images, maps = random_images(8, (4, 4, 3), 4), random_condition(model.condition, 8)
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "inputs.npz", images=images, maps=maps)
    code = """
import sys
import numpy as np
import keras
import pcnnlib as pcnn
assert keras.backend.backend() == "jax"
folder = sys.argv[1]
model = pcnn.load_model(folder + "/model.keras")
with np.load(folder + "/inputs.npz") as inputs:
    images, maps = inputs["images"], inputs["maps"]
nats = model.log_likelihood(images, maps)
np.savez(folder + "/outputs.npz", nats=nats, drawn=model.sample(8, maps, seed=0))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "JAX_PLATFORMS": "cpu",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "outputs.npz") as outputs:
        nats, drawn = outputs["nats"], outputs["drawn"]
    # Some seventy nats, a sum of 48 float32 terms that the backends add in different orders.
    np.testing.assert_allclose(nats, model.log_likelihood(images, maps), rtol=1e-5)
    # The noise is NumPy's, so the images agree too.
    np.testing.assert_array_equal(drawn, model.sample(8, maps, seed=0))


def test_gradient_of_a_quadratic():
    x = np.array([[1.0, -2.0]], "float32")
    got = backend.gradient(lambda t: keras.ops.sum(t * t), keras.ops.convert_to_tensor(x))
    np.testing.assert_allclose(got, 2 * x)


def test_gradient_of_a_constant_is_zero():
    x = keras.ops.convert_to_tensor(np.ones((2, 2), "float32"))
    np.testing.assert_array_equal(backend.gradient(lambda t: keras.ops.zeros(()), x), 0)


@pytest.mark.parametrize("xla", [True, False])
def test_compiled_functions_see_changed_weights(xla):
    model = gated()
    image = keras.ops.convert_to_tensor(random_images(1, (4, 4, 1), 2))
    function = backend.compiled(lambda x: model(x), model, xla=xla)
    before = np.asarray(function(image))
    model.set_weights([w * 2 for w in model.get_weights()])
    # Compiled or not, the same float32 sums, perhaps fused.
    np.testing.assert_allclose(function(image), model(image), atol=1e-5)
    assert (np.asarray(function(image)) != before).any()
