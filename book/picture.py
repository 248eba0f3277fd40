"""Draw the README's picture: `make picture`. Trains on the digits for a few minutes."""

import pathlib

import numpy as np

import pcnnlib as pcnn
from pcnnlib import images

TARGET = pathlib.Path(__file__).parent / "static" / "digits.png"
COLUMNS = 16


def main():
    data = pcnn.load_dataset("digits")
    config = pcnn.RunConfig(epochs=80, batch_size=64, blocks=8, filters=48, dropout=0.2)
    model = pcnn.build_model(config, data)
    pcnn.train(model, data, config, verbose=1)
    print(f"test: {pcnn.evaluate(model, data.test)}")
    real = data.test.images[:COLUMNS]
    upper = np.zeros(data.image_shape[:2], bool)
    upper[: len(upper) // 2] = True
    rows = [real, model.sample(2 * COLUMNS, seed=0)]
    rows += [model.sample(COLUMNS, known=real, given=upper, seed=s) for s in range(3)]
    picture = images.tile(np.concatenate(rows), data.levels, columns=COLUMNS, width=1280)
    images.save_png(TARGET, picture)
    print(TARGET)


if __name__ == "__main__":
    main()
