"""Trains the same run on one device and on two, in a process that has two of the processor.

Usage: `python devices_driver.py DATA.npz OUT.npz`.
"""

import os
import sys

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"

import keras
import numpy as np

import pcnnlib as pcnn
from pcnnlib import backend, training


def main(data_file, out):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        processor = tf.config.list_physical_devices("CPU")[0]
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(processor, two)
    options = {"blocks": 2, "filters": 4, "batch_size": 8, "epochs": 2, "learning_rate": 1e-3}
    config = pcnn.RunConfig(data=data_file, conditional=True, ema=0.9, seed=3, **options)
    data = pcnn.load_dataset(config.data)
    arrays = {"uneven": len(data.train) % 8 % 2}
    for count in (1, 2):
        with backend.data_parallel(count):
            arrays[f"replicas_{count}"] = backend.replicas()
            model = pcnn.build_model(config, data)
            history = training.train(model, data, config)
        arrays[f"loss_{count}"] = history["loss"]
        arrays |= {f"weights_{count}_{k}": w for k, w in enumerate(model.get_weights())}
    np.savez(out, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
