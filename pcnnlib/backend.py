"""The one place that speaks to TensorFlow or JAX by name: compiling, fusing, differentiating.

Everything else is `keras.ops`, so that the same code runs on either backend.
"""

import contextlib
import functools
import hashlib
import os
import socket
import time

import keras
import numpy as np

from pcnnlib.errors import UsageError, check_int


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


def cores():
    """Processor cores that models run on; 1 where an accelerator runs them instead."""
    return 1 if accelerators() else processor_cores()


def processor_cores():
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def accelerators():
    """Names of the devices other than processors that models run on: "gpu:0 NVIDIA H100", say."""
    devices = [d for d in keras.distribution.list_devices() if not d.startswith("cpu")]
    if devices and keras.backend.backend() == "jax":
        import jax

        devices = [
            f"{d} {found.device_kind}" for d, found in zip(devices, jax.devices(), strict=False)
        ]
    return devices


@contextlib.contextmanager
def data_parallel(count):
    """Within, models are built and trained on several devices, each with its share of every batch.

    TensorFlow takes `MirroredStrategy`, JAX `keras.distribution.DataParallel`.

    Args:
        count: devices, at least 1, or "all"; of several processes, those of all of them.

    Raises:
        UsageError: more devices than there are, fewer than all where several processes train
            together, or a backend other than TensorFlow and JAX.
    """
    kind = "gpu" if accelerators() else "cpu"
    devices = [d for d in keras.distribution.list_devices() if d.startswith(kind)] or ["cpu:0"]
    if count != "all" and processes() > 1:
        raise UsageError(f"devices must be all where {processes()} processes train, got {count}")
    if count != "all":
        if check_int("devices", count, 1) > len(devices):
            raise UsageError(f"devices must be at most {len(devices)}, as many as there are")
        devices = devices[:count]
    name = keras.backend.backend()
    if len(devices) == 1:
        yield
    elif name == "tensorflow":
        import tensorflow as tf

        with tf.distribute.MirroredStrategy([f"/{device}" for device in devices]).scope():
            yield
    elif name == "jax":
        before = keras.distribution.distribution()
        # Each process is handed its own share of the images by `Batches`.
        parallel = keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False)
        keras.distribution.set_distribution(parallel)
        try:
            yield
        finally:
            keras.distribution.set_distribution(before)
    else:
        raise UsageError(f"several devices need the TensorFlow or JAX backend, got {name}")


def join_processes(coordinator, count, index):
    """Train together with other processes, on this host or on others. JAX only.

    To be called by every process, before it computes anything; returns once all have. A process
    that has joined already is left as it is. At the end of each the first may go on for a day.

    Args:
        coordinator: "address:port" of process 0, which all can reach.
        count: processes, at least 1.
        index: which of them this is, from 0.

    Raises:
        UsageError: an argument out of range, a backend other than JAX, a port that is in use, or a
            coordinator that does not answer for five minutes. (If another process stays away for
            so long, JAX ends the first one itself.)
    """
    check_int("processes", count, 1)
    check_int("process", index, 0, count - 1)
    host, _, port = coordinator.rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"coordinator must be address:port, got {coordinator!r}")
    check_int("coordinator's port", int(port), 1, 65535)
    if keras.backend.backend() != "jax":
        raise UsageError(
            f"several processes need KERAS_BACKEND=jax, the backend is {keras.backend.backend()}"
        )
    import jax

    if jax.distributed.is_initialized():
        return
    if not index and _in_use(int(port)):  # JAX would end this process without a word
        raise UsageError(f"coordinator {coordinator}: the port is in use here, choose another")
    print(f"process {index}: waiting for all {count} at {coordinator}", flush=True)
    if index and not _answers(host, int(port)):
        raise UsageError(f"coordinator {coordinator} does not answer")
    # As `keras.distribution.initialize` does, which cannot say how long to wait at the end.
    jax.distributed.initialize(coordinator, count, index, shutdown_timeout_seconds=24 * 3600)


def _in_use(port):
    """Whether somebody on this host listens at a port already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return True
    return False


def _answers(host, port, seconds=300):
    """Whether somebody listens there, within a time. JAX would end a process that waits in vain."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, port), timeout=5).close()
            return True
        except OSError:
            time.sleep(0.5)
    return False


def all_processes_agree(text):
    """Whether all processes hold the same text; each of them must ask."""
    if processes() == 1:
        return True
    from jax.experimental import multihost_utils

    own = np.frombuffer(hashlib.sha256(text.encode()).digest(), "uint8")
    return bool((multihost_utils.process_allgather(own) == own).all())


def processes():
    """Processes that train together: 1 unless `join_processes` was called."""
    if keras.backend.backend() != "jax":
        return 1
    import jax

    return jax.process_count()


def process():
    """Which of the processes this is; the first, 0, is the one that writes files."""
    if keras.backend.backend() != "jax":
        return 0
    import jax

    return jax.process_index()


@contextlib.contextmanager
def undistributed():
    """Within, what is built is this process's own, whatever others are doing."""
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def replicas():
    """Devices among which each batch is split: 1 outside of `data_parallel`."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.get_strategy().num_replicas_in_sync
    distribution = keras.distribution.distribution()
    return 1 if distribution is None else int(distribution.device_mesh.devices.size)


def scale_for_replicas(loss):
    """A replica's mean loss as its share of the whole batch's.

    TensorFlow computes the loss on each device and adds up the gradients; JAX computes it once.
    """
    return loss / replicas() if keras.backend.backend() == "tensorflow" else loss


def flop(function, inputs, model):
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


def fused(function):
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
