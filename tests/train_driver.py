"""Trains a small model in a process of its own, and dies where it is told to.

Usage: `python train_driver.py DATA.npz FOLDER OUT.npz [MOMENT N]`: at the Nth MOMENT the process
sends itself SIGKILL. Moments: "batch" (a step of training), "written" (a file has been written
beside the one it is to replace), "replaced" (it has replaced it). MOMENT "tell" kills nobody but
prints a line per step, for a parent that does.
"""

import os
import signal
import sys

import keras
import numpy as np

import pcnnlib as pcnn
from pcnnlib import training

CONFIG = {
    "blocks": 2,
    "filters": 4,
    "dilations": [2],
    "dropout": 0.25,
    "epochs": 3,
    "batch_size": 18,
    "learning_rate": 0.005,
    "ema": 0.9,
    "seed": 3,
}


class Steps(keras.callbacks.Callback):
    def __init__(self, happens):
        super().__init__()
        self.happens = happens

    def on_train_batch_end(self, batch, logs=None):
        self.happens("batch")


def main(data_file, folder, out, moment=None, count=0):
    left = {moment: int(count)}

    def happens(what):
        if moment == "tell" and what == "batch":
            print("step", flush=True)
        if what in left:
            left[what] -= 1
            if not left[what]:
                os.kill(os.getpid(), signal.SIGKILL)

    replace = os.replace

    def watched(source, target):
        happens("written")
        replace(source, target)
        happens("replaced")

    os.replace = watched
    config = pcnn.RunConfig(data=data_file, **CONFIG)
    data = pcnn.load_dataset(config.data)
    model = pcnn.build_model(config, data)
    history = training.train(model, data, config, checkpoint_dir=folder, callbacks=[Steps(happens)])
    arrays = {f"best_{k}": w for k, w in enumerate(model.get_weights())}
    last = pcnn.load_model(os.path.join(folder, training.LAST))
    arrays |= {f"last_{k}": w for k, w in enumerate(last.get_weights())}
    optimizer = last.optimizer.variables
    arrays |= {f"optimizer_{k}": keras.ops.convert_to_numpy(v) for k, v in enumerate(optimizer)}
    np.savez(out, loss=history["loss"], val_loss=history["val_loss"], **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
