"""The published conditional model as a classifier: what each test image costs under each class.

    python experiments/bayes.py --data_path data

Makes `results/mnist-bayes`, which chapter 5 reads: eleven passes over the test images, ten of them
through `mnist-conditional`, one for each class, and one through `mnist`, which knows no classes.
About ten minutes of one core. What is done is kept in `--ckpt_path` after every batch: called
again, the script goes on from there. `--images` rehearses: give it a `--results_path` of its own.
"""

import pathlib

import scoring

import pcnnlib_startup

pcnnlib_startup.keep_freed_memory()
with pcnnlib_startup.without_chatter():
    import numpy as np

    import pcnnlib as pcnn
    from pcnnlib import analysis, runs

NAME = "mnist-bayes"
LABELLED, PLAIN = "mnist-conditional", "mnist"
BATCH = 250  # images at once
SHOWN = 10  # of the mistakes, the images kept


def scores(labelled, plain, images):
    """Log-likelihood of images under each class and, in the last column, without any, `(N, 11)`."""
    per_class = analysis.class_log_likelihoods(labelled, images, BATCH)
    return np.column_stack([per_class, plain.log_likelihood(images, batch_size=BATCH)])


def score_all(labelled, plain, images, kept):
    """`scores` of all images, batch by batch, and the seconds that they took.

    Args:
        labelled, plain: the two models.
        images: integer levels `(N, H, W, C)`.
        kept: file that holds what is done, and the seconds of it.
    """
    return scoring.score_all(lambda part: scores(labelled, plain, part), images, kept, BATCH)


def record(done, test):
    """What is published of the scores: arrays, and the figures that follow from them.

    Args:
        done: of `score_all`, `(N, classes + 1)`.
        test: the `Split` that was scored.

    Returns:
        `(arrays, fields)`: for `examples.npz` and for `run.json`.
    """
    done = done.astype("float32")  # as published, so that figures are those of the page
    per_class, plain = done[:, :-1], done[:, -1]
    probabilities, evidence = analysis.posterior(per_class)
    judged, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(judged != test.labels)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")][:SHOWN]  # the surest of them first
    arrays = {
        "log_likelihoods": per_class,
        "unconditional": plain,
        "labels": test.labels.astype("uint8"),
        "wrong": wrong,
        "wrong_images": test.images[wrong],
    }
    shape = test.images.shape[1:]
    return arrays, {
        "test": vars(pcnn.Likelihood.of(-evidence, shape)),
        "accuracy": float((judged == test.labels).mean()),
    }


def main():
    args = scoring.arguments(__doc__.splitlines()[0])
    made = runs.provenance()
    try:
        data = pcnn.load_dataset("mnist", data_path=args.data_path)
        labelled, plain = pcnn.load_pretrained(LABELLED), pcnn.load_pretrained(PLAIN)
    except pcnn.UsageError as error:
        args.error(str(error))
    weights = {name: runs.read_run(name)["weights"]["values_sha256"] for name in (LABELLED, PLAIN)}
    test, rehearsed = data.test, ""
    if args.images is not None:
        test, rehearsed = test.take(args.images), f" --images {args.images}"
    # Other weights, other scores.
    key = f"{NAME}-{weights[LABELLED][:8]}-{weights[PLAIN][:8]}.npz"
    done, seconds = score_all(labelled, plain, test.images, pathlib.Path(args.ckpt_path) / key)
    arrays, figures = record(done, test)
    fields = {
        "command": f"python experiments/bayes.py --data_path data{rehearsed}",
        **made,
        "seed": 0,  # of the binarisation of the test images, as in every published run
        "settings": {"weights": weights, "prior": "all classes alike", "batch_size": BATCH},
        "data": runs.describe_data(data),
        "seconds": seconds,
        **figures,
    }
    runs.write_run(args.results_path / NAME, fields, images=arrays)
    print(
        f"right: {figures['accuracy']:.2%} of {len(test):,}; published: {args.results_path / NAME}"
    )


if __name__ == "__main__":
    main()
