"""What each test image costs in each order of a published network of several orders.

    python experiments/eight_orders.py --data_path data
    python experiments/eight_orders.py --data_path data --data binarized_mnist

The first makes `results/mnist-orders-apart`, which chapter 9 reads: eight passes of the first 2,000
test images through `mnist-orders`. About ten minutes of one core. The second, of about an hour,
scores the static test images with that network, trained on fresh pixels of the training digits:
`results/mnist-orders-static`, which chapter 8 reads. What is done is kept in `--ckpt_path` after
every batch: called again, the script goes on from there. `--images` rehearses: give it a
`--results_path` of its own.
"""

import pathlib

import scoring

import pcnnlib_startup

pcnnlib_startup.keep_freed_memory()
with pcnnlib_startup.without_chatter():
    import numpy as np

    import pcnnlib as pcnn
    from pcnnlib import analysis, runs

NETWORK = "mnist-orders"
# For each data set the name of the run, and how many of its test images are scored.
NAME, STATIC = "mnist-orders-apart", "mnist-orders-static"
SCORED = {"mnist": (NAME, 2_000), "binarized_mnist": (STATIC, 10_000)}
BATCH = 250  # images at once
SHOWN = 8  # of the images whose orders disagree most, those kept


def record(done, test):
    """What is published of the scores: arrays, and the figures that follow from them.

    Args:
        done: log-likelihoods, nats, `(N, orders)`.
        test: the `Split` that was scored.

    Returns:
        `(arrays, fields)`: for `examples.npz` and for `run.json`; `test` is of raster order.
    """
    logs = np.ascontiguousarray(done.astype("float32").T)  # (R, N), as published
    spread = logs.std(axis=0)
    apart = np.argsort(-spread, kind="stable")[:SHOWN]  # where orders disagree most
    arrays = {
        "log_likelihoods": logs,
        "apart": apart,
        "apart_images": test.images[apart],
    }
    nats = {
        "test": -done[:, 0].astype("float64"),
        "test_mixture": -analysis.mixture_log_likelihood(logs),
    }
    fields = {k: vars(pcnn.Likelihood.of(each, test.images.shape[1:])) for k, each in nats.items()}
    return arrays, fields


def main():
    args = scoring.arguments(__doc__.splitlines()[0], SCORED)
    name, scored = SCORED[args.data]
    made = runs.provenance()
    try:
        data = pcnn.load_dataset(args.data, data_path=args.data_path)
        model = pcnn.load_pretrained(NETWORK)
    except pcnn.UsageError as error:
        args.error(str(error))
    weights = runs.read_run(NETWORK)["weights"]["values_sha256"]
    test = data.test.take(args.images or scored)
    words = f" --data {args.data}" if args.data != "mnist" else ""
    words += f" --images {args.images}" if args.images else ""
    # Other weights, other scores.
    kept = pathlib.Path(args.ckpt_path) / f"{name}-{weights[:8]}.npz"
    done, seconds = scoring.score_all(
        lambda part: analysis.order_log_likelihoods(model, part, batch_size=BATCH).T,
        test.images,
        kept,
        BATCH,
    )
    arrays, figures = record(done, test)
    fields = {
        "command": f"python experiments/eight_orders.py --data_path data{words}",
        **made,
        "seed": 0,  # of the binarisation of the test images, as in every published run
        "settings": {
            "weights": {NETWORK: weights},
            "test_images": len(test),
            "batch_size": BATCH,
        },
        "data": runs.describe_data(data),
        "seconds": seconds,
        **figures,
    }
    # Of the static images no page shows any.
    runs.write_run(args.results_path / name, fields, images=arrays if name == NAME else None)
    print(
        f"{figures['test']['nats_per_image']:.2f} nats in raster order, "
        f"{figures['test_mixture']['nats_per_image']:.2f} together; "
        f"published: {args.results_path / name}"
    )


if __name__ == "__main__":
    main()
