"""The devices that a model runs on, and how a batch is shared among them."""

import contextlib
import functools
import os
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import keras

from pcnnlib._internal.errors import UsageError, check_int
from pcnnlib._internal.processes import processes


def processor_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@functools.cache
def memory() -> int:
    """Bytes of memory that this process may use, as far as the system tells."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not a Unix
        return sys.maxsize
    with contextlib.suppress(OSError, ValueError):  # a container may have less: "max" is no number
        total = min(total, int(pathlib.Path("/sys/fs/cgroup/memory.max").read_text()))
    return total


def cores() -> int:
    """Processor cores that models run on; 1 where an accelerator runs them instead."""
    return 1 if accelerators() else processor_cores()


def accelerators() -> list[str]:
    """Names of the devices other than processors that models run on: "gpu:0 NVIDIA H100", say."""
    devices = [d for d in keras.distribution.list_devices() if not d.startswith("cpu")]
    if devices and keras.backend.backend() == "jax":
        import jax

        devices = [
            f"{d} {found.device_kind}" for d, found in zip(devices, jax.devices(), strict=False)
        ]
    return devices


@contextlib.contextmanager
def data_parallel(count: int | str) -> Iterator[None]:
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
        devices = devices[: int(count)]
    name = keras.backend.backend()
    if len(devices) == 1:
        yield
    elif name == "tensorflow":
        import tensorflow as tf

        with tf.distribute.MirroredStrategy([f"/{device}" for device in devices]).scope():
            yield
    elif name == "jax":
        before = keras.distribution.distribution()
        # `Batches` gives each process its own share of the images.
        parallel = keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False)
        keras.distribution.set_distribution(parallel)
        try:
            yield
        finally:
            keras.distribution.set_distribution(before)
    else:
        raise UsageError(f"several devices need the TensorFlow or JAX backend, got {name}")


@contextlib.contextmanager
def undistributed() -> Iterator[None]:
    """Within, models are built on this process's own device, and not shared among several."""
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def replicas() -> int:
    """Devices among which each batch is split: 1 outside of `data_parallel`."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.get_strategy().num_replicas_in_sync
    distribution = keras.distribution.distribution()
    return 1 if distribution is None else int(distribution.device_mesh.devices.size)


def scale_for_replicas(loss: Any) -> Any:
    """The part of the whole batch's mean loss that a replica's mean loss makes up.

    TensorFlow computes the loss on each device and adds up the gradients; JAX computes it once.
    """
    return loss / replicas() if keras.backend.backend() == "tensorflow" else loss
