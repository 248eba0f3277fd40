"""What these tests run in processes of their own: trainings that die, devices, a full disk.

The processes are forked from one that has imported TensorFlow and computed nothing, which takes
milliseconds where a start takes eight seconds.
"""

import multiprocessing
import os
import signal

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["keras", "pcnnlib"])


def start(function, *args):
    """Call a function of this module in a process of its own."""
    process = FORKS.Process(target=function, args=args)
    process.start()
    return process


def exit_code(process, seconds=240):
    """Wait for a process; minus the signal that killed it, 0 if all went well."""
    process.join(seconds)
    return process.exitcode


def train_and_die(data_file, folder, out, moment=None, count=0, tell=None):
    """Train a small network; at the given moment the process sends itself SIGKILL.

    Args:
        data_file, folder: of the images, and of the checkpoints.
        out: `.npz` file for all that a finished run leaves.
        moment: "batch" (a step of training), "written" (a file has been written beside the one that
            it is to replace) or "replaced" (it has replaced it); None to go on to the end.
        count: at which of these moments.
        tell: connection that is sent something after each step, for a parent that kills, or None.
    """
    import keras
    import numpy as np

    import pcnnlib as pcnn
    from pcnnlib import training

    left = {moment: count}

    def happens(what):
        if tell is not None and what == "batch":
            tell.send(what)
        if what in left:
            left[what] -= 1
            if not left[what]:
                os.kill(os.getpid(), signal.SIGKILL)

    class Steps(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            happens("batch")

    replace = os.replace

    def watched(source, target):
        happens("written")
        replace(source, target)
        happens("replaced")

    os.replace = watched
    data = pcnn.load_dataset(data_file)
    keras.utils.set_random_seed(3)
    model = pcnn.GatedPixelCNN(
        data.image_shape, data.levels, 4, 2, dilations=(2,), dropout=0.25, first_kernel_size=5
    )
    config = pcnn.TrainConfig(epochs=3, batch_size=18, learning_rate=0.005, ema=0.9, seed=3)
    steps = Steps()
    history = pcnn.train(model, data, config, checkpoint_dir=folder, callbacks=[steps])
    arrays = {f"best_{k}": w for k, w in enumerate(model.get_weights())}
    last = pcnn.load_model(os.path.join(folder, training.LAST))
    arrays |= {f"last_{k}": w for k, w in enumerate(last.get_weights())}
    optimizer = last.optimizer.variables
    arrays |= {f"optimizer_{k}": keras.ops.convert_to_numpy(v) for k, v in enumerate(optimizer)}
    np.savez(out, loss=history["loss"], val_loss=history["val_loss"], **arrays)


def train_on_two_devices(data_file, out):
    """Train the same run on one device and on two, the processor being two devices here."""
    os.environ["XLA_FLAGS"] += " --xla_force_host_platform_device_count=2"
    import keras
    import numpy as np

    import pcnnlib as pcnn
    from pcnnlib import training
    from pcnnlib._internal.devices import replicas

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        processor = tf.config.list_physical_devices("CPU")[0]
        two = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(processor, two)
    data = pcnn.load_dataset(data_file)
    config = pcnn.TrainConfig(epochs=2, batch_size=8, learning_rate=1e-3, ema=0.9, seed=3)
    arrays = {"uneven": len(data.train) % 8 % 2}
    for count in (1, 2):
        with training.data_parallel(count):
            arrays[f"replicas_{count}"] = replicas()
            keras.utils.set_random_seed(3)
            labels = pcnn.Labels(data.classes)
            model = pcnn.GatedPixelCNN(data.image_shape, data.levels, 4, 2, condition=labels)
            history = pcnn.train(model, data, config)
        arrays[f"loss_{count}"] = history["loss"]
        arrays |= {f"weights_{count}_{k}": w for k, w in enumerate(model.get_weights())}
    np.savez(out, **arrays)


def save_to_a_full_disk(path):
    """Save a model over a checkpoint where no file may grow beyond a size; exit 1 if that works."""
    import resource

    import pcnnlib as pcnn
    from pcnnlib import training

    model = pcnn.load_model(path)
    model.compile()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error, as from a full disk, not a signal
    for limit in (0, 100, 5000, 40000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            training.save(model, path, state={"epoch": 2, "padding": "x" * 40000})
        except pcnn.UsageError as error:
            assert "cannot be written" in str(error) and "\n" not in str(error), str(error)
        else:
            raise AssertionError(f"saved, though no file may be larger than {limit} bytes")
