"""What TensorBoard shows and Keras 3 does not write: the graph of the model, and images."""

import os
from typing import Any

import keras
import numpy as np

from pcnnlib._internal.levels import level_dtype


def write_graph(model: Any, log_dir: str | os.PathLike) -> None:
    """Write the forward pass for TensorBoard's graph page, which Keras 3 itself leaves empty.

    Under TensorFlow only: JAX has no graph to show.
    """
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    inputs = [tf.TensorSpec((None, *model.image_shape), level_dtype(model.levels))]
    if model.condition is not None:
        shape = model.condition.shape
        inputs.append(tf.TensorSpec((None, *shape), "float32" if shape else "int64"))
    if model.orders > 1:
        inputs.append(tf.TensorSpec((None,), "int32"))
    inputs = tuple(inputs) if len(inputs) > 1 else inputs[0]
    graph = tf.function(lambda x: model(x), autograph=False).get_concrete_function(inputs).graph
    with tf.summary.create_file_writer(os.path.join(log_dir, "train")).as_default():
        tf.summary.graph(graph)


def write_image(log_dir: str | os.PathLike, name: str, picture: np.ndarray, step: int) -> None:
    """Write a picture, uint8 `(H, W, 3)`, for TensorBoard's image page."""
    import tensorflow as tf

    with tf.summary.create_file_writer(str(log_dir)).as_default():
        tf.summary.image(name, picture[None], step=step)
