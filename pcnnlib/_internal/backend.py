"""The code that names TensorFlow or JAX: compiling, fusing, differentiating, counting.

All other folders use `keras.ops` alone, so that the same code runs on either backend.
"""

import contextlib
import contextvars
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from pcnnlib._internal.devices import accelerators
from pcnnlib._internal.errors import UsageError


def jax_on_gpu() -> bool:
    """Whether models run on a GPU under JAX: there some steps are faster when written otherwise."""
    return keras.backend.backend() == "jax" and any("gpu" in name for name in accelerators())


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


class CompiledFunctions:
    """What `compiled_once` made for a model.

    No dict itself: TensorFlow would take the functions in it for parts of the model, which it then
    cannot export.

    Attributes:
        by_key: dict.
    """

    def __init__(self) -> None:
        self.by_key: dict = {}


def compiled_once(model: Any, key: Any, function: Any, *, xla: bool) -> Callable:
    """`compiled`, once per model and key: a key names the function and the shapes it is used with.

    One function per batch size: TensorFlow takes many sizes of one function for a mistake, and
    warns.
    """
    made = model.compiled_functions.by_key
    if key not in made:
        made[key] = compiled(function, model, xla=xla)
    return made[key]


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

        # Counted for a processor, wherever the model runs: JAX does not count for a GPU.
        values = [np.zeros(variable.shape, variable.dtype) for variable in model.variables]
        with jax.default_device(jax.devices("cpu")[0]):
            return int(jax.jit(pure).lower(values, inputs).cost_analysis()["flops"])
    raise UsageError(f"operations are counted by the TensorFlow or JAX backend, got {name}")


# Whether functions are fused: not while a model is exported.
_FUSING = contextvars.ContextVar("fusing", default=True)


@contextlib.contextmanager
def unfused() -> Iterator[None]:
    """Trace plain operations: other programs do not know a function that XLA must compile."""
    token = _FUSING.set(False)
    try:
        yield
    finally:
        _FUSING.reset(token)


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
        if not _FUSING.get():
            return function(inputs)
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


@contextlib.contextmanager
def keeping_variables(model: Any) -> Iterator[None]:
    """Leave a model its variables if `fit` and the like fail or are interrupted.

    Under JAX Keras takes the values out of the variables while it works. After an error `fit` gives
    back what its last step has returned, and `evaluate` and `predict` nothing; before the first
    step there is nothing to give.
    """
    if keras.backend.backend() != "jax":
        yield
        return
    variables = [*model.variables]
    if getattr(model, "optimizer", None) is not None:
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        variables += [*model.optimizer.variables, *model.metrics_variables]
    before = [(variable, variable.value) for variable in variables]
    try:
        yield
    except BaseException:
        model.jax_state_sync()
        model._jax_state = None  # or the next error would bring it back
        for variable, value in before:
            if variable._value is None and not value.is_deleted():
                variable.assign(value)
        raise


def is_tf_data(data: Any) -> bool:
    """Whether these are batches from `tf.data`; TensorFlow is not imported to find out."""
    tf = sys.modules.get("tensorflow")
    return tf is not None and isinstance(data, tf.data.Dataset)


def looked_at(data: Any, look: Callable[[Any], Any]) -> Any:
    """A `tf.data.Dataset` that shows each element to a function and hands it on as it is.

    Args:
        data: `tf.data.Dataset` of tensors, in any nesting.
        look: called with each element as NumPy arrays; what it raises ends the iteration.

    Returns:
        `tf.data.Dataset`, of the same elements in the same order.
    """
    import tensorflow as tf

    def each(*element):
        values = element if isinstance(data.element_spec, tuple) else element[0]
        flat = keras.tree.flatten(values)
        here = [i for i, value in enumerate(flat) if value is not None]

        def see(*arrays):
            seen = [None] * len(flat)
            for i, array in zip(here, arrays, strict=True):
                seen[i] = array
            look(keras.tree.pack_sequence_as(values, seen))

        tf.numpy_function(see, [flat[i] for i in here], [])
        return values

    return data.map(each, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
