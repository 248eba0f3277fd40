"""The one place that speaks to TensorFlow or JAX by name: compiling and differentiating.

Everything else is `keras.ops`, so that the same code runs on either backend.
"""

import functools

import keras


def compiled(function, model, *, xla):
    """Compile a function of tensors that also reads the weights of `model`.

    Later changes of the weights are seen: TensorFlow captures variables by reference, and for JAX
    they are passed as arguments.

    Args:
        function: takes and returns (nested) tensors.
        model: built Keras model whose variables `function` reads.
        xla: whether TensorFlow compiles through XLA. JAX always does.

    Returns:
        A callable with the same arguments.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # TensorFlow counts tracings by code object, and would take the first tracings of several
        # models for repeated ones of one function, with a warning; a partial counts by itself.
        return tf.function(functools.partial(function), jit_compile=xla, autograph=False)
    if keras.backend.backend() == "jax":
        import jax

        variables = model.variables

        @jax.jit
        def pure(values, *args):
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                return function(*args)

        return lambda *args: pure([v.value for v in variables], *args)
    return function


def gradient(function, inputs):
    """Gradient of a scalar function of one float tensor, as a tensor of the same shape.

    Raises:
        RuntimeError: on a backend other than TensorFlow and JAX.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        inputs = tf.convert_to_tensor(inputs)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            value = function(inputs)
        return tape.gradient(value, inputs, unconnected_gradients="zero")
    if backend == "jax":
        import jax

        return jax.grad(function)(inputs)
    raise RuntimeError(f"gradients need the TensorFlow or JAX backend, got {backend}")
