"""What the published VQ-VAE draws, judged by a classifier: class by class, and guided.

    python experiments/codes.py --data_path data

Makes `results/mnist-codes`, which chapter 12 reads. Digits are drawn by `mnist-vqvae` in several
ways and, beside real ones, recognised by `mnist-conditional` under Bayes' rule, which never saw a
code. Five minutes of one core. What is done is kept in `--ckpt_path` after every batch: called
again, the script goes on from there. `--images` judges so many of each class only,
to rehearse: give it a `--results_path` of its own.
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
EACH = 300  # images of every kind, equally many of each class
ASKED = {"prior": 1000, "argmax": 10}  # other numbers: shown class by class; one image a class
GUIDANCE = (0.0, 0.5, 1.5, 2.0, 3.0, 5.0)
TEMPERATURE = (0.5, 0.75)
ARGMAX = 1e-3  # a temperature at which only the likeliest code is drawn
SHOWN = 200  # test images kept for the page


def first_of_each_class(labels, each):
    """Rows of the first images of each class, class by class."""
    return np.concatenate([np.flatnonzero(labels == k)[:each] for k in range(labels.max() + 1)])


def kinds(model, test, most=None):
    """Images of every kind: dict of name -> `(images, classes)`, and the counts of codes, `(K,)`.

    Args:
        model: `LatentPrior` with labels.
        test: `Split` of real images, whose codes are counted.
        most: of each class, or None for as many as are published.
    """
    found = model.encode(test.images)
    counts = np.bincount(found.ravel(), minlength=model.autoencoder.codes)
    shares = counts / counts.sum()
    rng = np.random.default_rng(0)

    def asked(name):
        n = -(-ASKED.get(name, EACH) // model.condition.n)
        return np.repeat(np.arange(model.condition.n), min(n, most or n))

    def independent(name, **options):
        shape = (len(asked(name)), *model.autoencoder.code_shape)
        return model.decode(rng.choice(len(shares), shape, **options)), asked(name)

    def drawn(name, **options):
        classes = asked(name)
        return model.sample(len(classes), condition=classes, seed=0, **options), classes

    each = len(asked("real")) // model.condition.n
    real = test.images[first_of_each_class(test.labels, each)]
    made = {
        "real": (real, asked("real")),
        "reconstructed": (model.autoencoder.reconstruct(real), asked("real")),
        "uniform": independent("uniform"),
        "frequency": independent("frequency", p=shares),
        "prior": drawn("prior"),
        "argmax": drawn("argmax", temperature=ARGMAX),
    }
    for option, values in {"guidance": GUIDANCE, "temperature": TEMPERATURE}.items():
        for value in values:
            name = f"{option} {value:g}"
            made[name] = drawn(name, **{option: value})
    return made, counts


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


def record(made, seen, counts, test, model):
    """What is published: arrays, and the figures that follow from them.

    Args:
        made, counts: of `kinds`.
        seen: class that was recognised in each image, in the order of `made`.
        test: the `Split` that was encoded.
        model: the `LatentPrior`.

    Returns:
        `(arrays, fields)`: for `examples.npz` and for `run.json`.
    """
    rebuilt = model.autoencoder.reconstruct(test.images)
    off = (rebuilt.astype("float64") - test.images) / (model.levels - 1)
    shown = first_of_each_class(test.labels, SHOWN // model.condition.n)
    asked = np.concatenate([classes for _, classes in made.values()])
    kind = np.repeat(np.arange(len(made)), [len(classes) for _, classes in made.values()])
    spreads = [spread(images, classes, model.levels) for images, classes in made.values()]
    arrays = {
        "kind": kind.astype("uint8"),
        "asked": asked.astype("uint8"),
        "recognised": seen.astype("uint8"),
        "spread": np.concatenate(spreads).astype("float32"),
        "counts": counts.astype("int64"),
        "test": test.images[shown],
        "labels": test.labels[shown].astype("uint8"),
    }
    right = seen == asked
    return arrays, {
        "kinds": list(made),
        "squared_error": float((off**2).mean()),  # of a pixel, levels counted from 0 to 1
        "codes_used": int((counts > 0).sum()),
        "recognised": {name: float(right[kind == k].mean()) for k, name in enumerate(made)},
    }


def main():
    args = scoring.arguments(__doc__.splitlines()[0])
    made_by = runs.provenance()
    try:
        data = pcnn.load_dataset("mnist", data_path=args.data_path, levels=256)
        model, judge = pcnn.load_pretrained(CODES), pcnn.load_pretrained(JUDGE)
    except pcnn.UsageError as error:
        args.error(str(error))
    rehearsed = "" if args.images is None else f" --images {args.images}"
    weights = {name: runs.read_run(name)["weights"]["values_sha256"] for name in (CODES, JUDGE)}
    made, counts = kinds(model, data.test, args.images)
    # The judge knows black and white alone: as in its training, grey is a chance of ink.
    drawn = np.concatenate([images for images, _ in made.values()])
    ink = binarise(drawn, np.random.default_rng(0))
    # Other weights, other scores.
    key = f"{NAME}-{len(ink)}-{weights[CODES][:8]}-{weights[JUDGE][:8]}.npz"
    scores, seconds = scoring.score_all(
        lambda part: analysis.class_log_likelihoods(judge, part, BATCH),
        ink,
        pathlib.Path(args.ckpt_path) / key,
        BATCH,
    )
    arrays, figures = record(made, scores.argmax(axis=1), counts, data.test, model)
    fields = {
        "command": f"python experiments/codes.py --data_path data{rehearsed}",
        **made_by,
        "seed": 0,  # of the draws, and of the ink
        "settings": {"weights": weights, "batch_size": BATCH},
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
