"""Write `cifar10_subset.npz`: the first 4,000 training images of CIFAR-10, for short runs.

    python experiments/cifar_subset.py --data_path data

The first 3,600 of them train and validate, the other 400 test. CIFAR-10 is `cifar10.npz` in the
folder if it is there, else it is downloaded. `experiments/published.py` and `experiments/colour.py`
read what this writes. At the end it compares the images with those of the published runs.
"""

import argparse
import pathlib

import numpy as np

import pcnnlib_startup

with pcnnlib_startup.without_chatter():
    import pcnnlib as pcnn
    from pcnnlib import runs

NAME = "cifar10_subset.npz"
TRAIN, ALL = 3600, 4000
PUBLISHED = "cifar-subset-vqvae"


def write(data_path):
    """Write the file into the folder; its path, and whether its images are the published ones."""
    whole = pcnn.load_dataset("cifar", data_path=data_path).train
    path = pathlib.Path(data_path) / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        x_train=whole.images[:TRAIN],
        y_train=whole.labels[:TRAIN],
        x_test=whole.images[TRAIN:ALL],
        y_test=whole.labels[TRAIN:ALL],
    )
    found = pcnn.load_dataset(str(path)).checksum
    return path, found == runs.read_run(PUBLISHED)["data"]["sha256"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_path", default="data", help="folder to read from and write to")
    args = parser.parse_args()
    try:
        path, same = write(args.data_path)
    except pcnn.UsageError as error:
        parser.error(str(error))
    print(f"{path}: {'the' if same else 'NOT the'} images of the published runs")


if __name__ == "__main__":
    main()
