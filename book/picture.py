"""Draw the README's picture from the published weights: `make picture`. Trains nothing."""

import pathlib

import numpy as np

import pcnnlib as pcnn
from pcnnlib import runs
from pcnnlib.viz import images

TARGET = pathlib.Path(__file__).parent / "static" / "mnist.png"
CLASSES = 10  # and columns
WAYS = 3


def main():
    real = runs.read_examples("mnist")["test"]
    by_class = pcnn.load_pretrained("mnist-conditional")
    model = pcnn.load_pretrained("mnist")
    upper = np.zeros(model.image_shape[:2], bool)
    upper[: len(upper) // 2] = True
    rows = [real, by_class.sample(WAYS * CLASSES, np.tile(np.arange(CLASSES), WAYS), seed=0)]
    rows += [model.sample(CLASSES, image=real, keep=upper, seed=s) for s in range(WAYS)]
    picture = images.tile(np.concatenate(rows), model.levels, columns=CLASSES, width=1120)
    images.save_png(TARGET, picture)
    print(TARGET)


if __name__ == "__main__":
    main()
