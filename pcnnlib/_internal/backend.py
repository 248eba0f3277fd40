"""The code that names TensorFlow or JAX: compiling, fusing, differentiating, counting.

All other folders use `keras.ops` alone, so that the same code runs on either backend.
"""

import functools
from collections.abc import Callable
from typing import Any

import keras

from pcnnlib._internal.errors import UsageError


def compiled(function: Any, model: Any, *, xla: bool) -> Callable:
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


def compiled_once(model: Any, key: Any, function: Any, *, xla: bool) -> Callable:
    """`compiled`, once per model and key: a key names the function and the shapes it is used with.

    One function per batch size: TensorFlow takes many sizes of one function for a mistake, and
    warns.
    """
    if key not in model.compiled_functions:
        model.compiled_functions[key] = compiled(function, model, xla=xla)
    return model.compiled_functions[key]


def flop(function: Any, inputs: Any, model: Any) -> int:
    """Floating-point operations of a function of tensors, counted by the backend itself.

    Args:
        function: takes `inputs`, reads the weights of `model`.
        inputs: (nested) arrays.
        model: built Keras model.

    Returns:
        int; a multiplication and an addition are two.

    Raises:
        UsageError: a backend other than TensorFlow and JAX.
    """
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        specs = tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), inputs)
        graph = tf.function(function, autograph=False).get_concrete_function(specs).graph
        options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
        options["output"] = "none"
        logger = tf.get_logger()
        level = logger.level
        logger.setLevel("ERROR")  # it warns that what it uses itself is old
        try:
            return int(tf.compat.v1.profiler.profile(graph, options=options).total_float_ops)
        finally:
            logger.setLevel(level)
    if name == "jax":
        import jax

        def pure(values, inputs):
            pairs = zip(model.variables, values, strict=True)
            with keras.StatelessScope(state_mapping=list(pairs)):
                return function(inputs)

        values = [variable.value for variable in model.variables]
        return int(jax.jit(pure).lower(values, inputs).cost_analysis()["flops"])
    raise UsageError(f"operations are counted by the TensorFlow or JAX backend, got {name}")


def fused(function: Any) -> Callable:
    """An elementwise function of one tensor as a single pass over memory, forward and backward.

    TensorFlow runs `tanh(a) * sigmoid(b)` as five passes forward and more backward, and keeps what
    they leave in memory. Compiled through XLA it is one pass each way, and the backward pass
    computes the little it needs again. JAX fuses by itself.

    Args:
        function: one tensor in, one tensor out, no variables.

    Returns:
        A function with the same values and gradients.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    forward = tf.function(function, jit_compile=True, autograph=False)

    @tf.function(jit_compile=True, autograph=False)
    def backward(inputs, upstream):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = function(inputs)
        return tape.gradient(outputs, inputs, output_gradients=upstream)

    @tf.custom_gradient
    def with_gradient(inputs):
        return forward(inputs), lambda upstream: backward(inputs, upstream)

    @functools.wraps(function)
    def call(inputs):
        return with_gradient(tf.convert_to_tensor(inputs))

    return call


def gradient(function: Any, inputs: Any) -> Any:
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
