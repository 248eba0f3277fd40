"""What the published VQ-VAE draws, judged by a classifier: class by class, and guided.

    python experiments/codes.py --data_path data

Makes `results/mnist-codes`, which chapter 12 reads. Digits are drawn by `mnist-vqvae` in several
ways and, beside real ones, recognised by `mnist-conditional` under Bayes' rule, which never saw a
code. About ten minutes of one core. What is done is kept in `--ckpt_path` after every
batch: called again, the script goes on from there. `--images` judges so many of each kind only, to
rehearse: give it a `--results_path` of its own.
"""

import pathlib

import scoring

import pcnnlib_startup

pcnnlib_startup.keep_freed_memory()
with pcnnlib_startup.without_chatter():
    import numpy as np

    import pcnnlib as pcnn
    from pcnnlib import analysis, runs
    from pcnnlib.data import binarise

NAME = "mnist-codes"
CODES, JUDGE = "mnist-vqvae", "mnist-conditional"
BATCH = 250  # images judged at once
EACH = 1000  # images of every kind, equally many of each class
GUIDANCE = (0.0, 0.5, 1.5, 2.0, 3.0, 5.0)
TEMPERATURE = (0.5, 0.75)
ARGMAX = 1e-3  # a temperature at which only the likeliest code is drawn
SHOWN = 200  # test images kept for the page


def first_of_each_class(labels, each):
    """Rows of the first images of each class, class by class."""
    return np.concatenate([np.flatnonzero(labels == k)[:each] for k in range(labels.max() + 1)])


def kinds(model, test, n):
    """Images of every kind, in order of class: dict of name -> `(images, classes)`.

    Args:
        model: `LatentPrior` with labels.
        test: `Split` of real images.
        n: images of each kind, a multiple of the classes.
    """
    classes = model.condition.n
    asked = np.repeat(np.arange(classes), n // classes)
    real = test.images[first_of_each_class(test.labels, n // classes)]
    found = model.encode(test.images)
    shares = np.bincount(found.ravel(), minlength=model.autoencoder.codes) / found.size
    shape = (n, *model.autoencoder.code_shape)
    rng = np.random.default_rng(0)

    def drawn(**options):
        return model.sample(n, condition=asked, seed=0, **options)

    made = {
        "real": real,
        "reconstructed": model.decode(model.encode(real)),
        "uniform": model.decode(rng.integers(0, len(shares), shape)),
        "frequency": model.decode(rng.choice(len(shares), shape, p=shares)),
        "prior": drawn(),
        "argmax": drawn(temperature=ARGMAX),
        **{f"guidance {value:g}": drawn(guidance=value) for value in GUIDANCE},
        **{f"temperature {value:g}": drawn(temperature=value) for value in TEMPERATURE},
    }
    return asked, made, np.bincount(found.ravel(), minlength=len(shares))


def spread(images, classes, levels):
    """Squared distance of each image to the mean of its class, levels counted from 0 to 1.

    The mean of these is the variance within the classes, summed over pixels.
    """
    flat = images.reshape(len(images), -1) / (levels - 1)
    result = np.empty(len(flat))
    for k in np.unique(classes):
        own = classes == k
        result[own] = ((flat[own] - flat[own].mean(axis=0)) ** 2).sum(axis=1)
        result[own] *= own.sum() / max(own.sum() - 1, 1)
    return result


def record(asked, made, seen, counts, test, model):
    """What is published: arrays, and the figures that follow from them.

    Args:
        asked: class of each image of a kind.
        made: dict of kind -> images.
        seen: classes that were recognised, `(kinds, n)`.
        counts: how often each code stands for a part of a test image.
        test: the `Split` that was encoded.
        model: the `LatentPrior`.

    Returns:
        `(arrays, fields)`: for `examples.npz` and for `run.json`.
    """
    spreads = np.stack([spread(images, asked, model.levels) for images in made.values()])
    rebuilt = model.autoencoder.reconstruct(test.images)
    off = (rebuilt.astype("float64") - test.images) / (model.levels - 1)
    shown = first_of_each_class(test.labels, SHOWN // model.condition.n)
    arrays = {
        "asked": asked.astype("uint8"),
        "recognised": seen.astype("uint8"),
        "spread": spreads.astype("float32"),
        "counts": counts.astype("int64"),
        "test": test.images[shown],
        "labels": test.labels[shown].astype("uint8"),
    }
    return arrays, {
        "kinds": list(made),
        "squared_error": float((off**2).mean()),  # of a pixel, levels counted from 0 to 1
        "codes_used": int((counts > 0).sum()),
        "recognised": {
            name: float((row == asked).mean()) for name, row in zip(made, seen, strict=True)
        },
    }


def main():
    args = scoring.arguments(__doc__.splitlines()[0])
    made_by = runs.provenance()
    try:
        data = pcnn.load_dataset("mnist", data_path=args.data_path, levels=256)
        model, judge = pcnn.load_pretrained(CODES), pcnn.load_pretrained(JUDGE)
    except pcnn.UsageError as error:
        args.error(str(error))
    n, rehearsed = EACH, ""
    if args.images is not None:
        n = -(-args.images // model.condition.n) * model.condition.n
        rehearsed = f" --images {args.images}"
    weights = {name: runs.read_run(name)["weights"]["values_sha256"] for name in (CODES, JUDGE)}
    asked, made, counts = kinds(model, data.test, n)
    # The judge knows black and white alone: as in its training, grey is a chance of ink.
    ink = binarise(np.concatenate(list(made.values())), np.random.default_rng(0))
    key = f"{NAME}-{n}-{weights[CODES][:8]}-{weights[JUDGE][:8]}.npz"
    scores, seconds = scoring.score_all(
        lambda part: analysis.class_log_likelihoods(judge, part, BATCH),
        ink,
        pathlib.Path(args.ckpt_path) / key,
        BATCH,
    )
    seen = scores.argmax(axis=1).reshape(len(made), n)
    arrays, figures = record(asked, made, seen, counts, data.test, model)
    fields = {
        "command": f"python experiments/codes.py --data_path data{rehearsed}",
        **made_by,
        "seed": 0,  # of the draws, and of the ink
        "settings": {"weights": weights, "images_of_each_kind": n, "batch_size": BATCH},
        "data": runs.describe_data(data),
        "seconds": seconds,
        **figures,
    }
    runs.write_run(args.results_path / NAME, fields, images=arrays)
    for name, share in figures["recognised"].items():
        print(f"{name:16} {share:.1%}")
    print(f"published: {args.results_path / NAME}")


if __name__ == "__main__":
    main()
