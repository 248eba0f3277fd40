"""Independent pixels: what MNIST costs a model that sees no pixel but the one that it predicts.

    python experiments/independent.py --data_path data

Each pixel is white with its own probability, how often it was white in the training images. What
a network gains over that, it gains by looking at other pixels. The smoothing is chosen on
validation images. Seconds on one core.
"""

import argparse
import pathlib

import pcnnlib_startup

with pcnnlib_startup.without_chatter():
    import pcnnlib as pcnn
    from pcnnlib import runs
    from pcnnlib.models import baselines

NAMES = {"mnist": "mnist", "binarized-mnist": "binarized_mnist"}  # run -> data set


def measure(data):
    """The record of the run on a `Dataset`."""
    smoothing = baselines.best_smoothing(data.train, data.validation, data.levels)
    model = baselines.Histogram(data.image_shape, data.levels, smoothing=smoothing).fit(data.train)
    test = pcnn.evaluate(model, data.test)
    return {
        "command": "python experiments/independent.py --data_path data",
        "seed": 0,  # of the data set: its binarisation, where there is one, and its split
        "settings": {"per_pixel": True, "smoothing": smoothing},
        "data": runs.describe_data(data),
        **runs.provenance(),
        "parameters": int(model.counts[..., 0].size),
        "test": {
            "nats_per_image": test.nats_per_image,
            "bits_per_dim": test.bits_per_dim,
            "standard_error": test.standard_error,
            "images": test.images,
        },
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_path", default="data", help="folder with the data files")
    parser.add_argument("--results", default="results/independent-pixels")
    args = parser.parse_args()
    for name, dataset in NAMES.items():
        run = measure(pcnn.load_dataset(dataset, data_path=args.data_path))
        runs.write_run(pathlib.Path(args.results) / name, run)
        print(f"{name}: {run['test']['nats_per_image']:.2f} nats per image")


if __name__ == "__main__":
    main()
