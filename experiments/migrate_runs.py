"""Bring the records of published runs into the form of version 0.2. Needed once.

    python experiments/migrate_runs.py results

`config`, which mixed network and training, becomes `model` (its architecture) and `training` (the
fields of `TrainConfig`); of what is not ours, `settings`. Weights are saved again with today's
configuration, their values untouched, and their checksums with them.

The truth about an architecture is the weights' own configuration. Of a run without weights the
sizes of its kernels and of its head are read from its number of parameters, if one choice alone
gives it. What the record never held is null, and named in `not_recorded`.
"""

import dataclasses
import itertools
import json
import pathlib
import sys

import pcnnlib as pcnn
from pcnnlib import runs, training
from pcnnlib.models import architecture

# Image shape and levels of the data sets of runs without weights, which have no other trace of it.
IMAGES = {"digits": ((8, 8, 1), 17), "mnist": ((28, 28, 1), 2)}
# What is tried for a run without weights.
FIRST_KERNEL_SIZES, KERNEL_SIZES = (3, 5, 7, 9, 11), (3, 5, 7)
TRAINING = [field.name for field in dataclasses.fields(training.TrainConfig)]


def described(run):
    """`model` and `not_recorded` of a run without weights."""
    config = run["config"]
    shape, levels = IMAGES[run["data"]["name"]]
    assert config["levels"] is config["code_size"] is config["distribution"] is None
    assert not config["conditional"] and config["dropout"] == 0
    arguments = {"filters": config["filters"], "dtype": config["precision"]}
    if run["other"] == "pixelcnn":
        network = pcnn.PixelCNN
        arguments["blocks"] = config["blocks"] + 1  # the first layer was not counted
        heads = (None,)
    else:
        network = pcnn.GatedPixelCNN
        arguments |= {"blocks": config["blocks"], "dilations": tuple(config["dilations"])}
        arguments["activation"] = {"relu": "relu_of_sum", None: "gate"}[run["other"]]
        heads = (None, 1, 2)

    def build(first, kernel, head):
        sizes = {"first_kernel_size": first, "kernel_size": kernel}
        if head is not None:
            sizes["head_filters"] = head
        return network(shape, levels, **arguments, **sizes)

    fitting = []
    for first, kernel in itertools.product(FIRST_KERNEL_SIZES, KERNEL_SIZES):
        try:
            count, *narrow = (build(first, kernel, head).count_params() for head in heads)
        except pcnn.UsageError:  # kernels with which these dilations would skip pixels
            continue
        if count == run["parameters"]:
            fitting.append((first, kernel, None))
        elif narrow:
            # Linear in the features of the head.
            step = narrow[1] - narrow[0]
            head, rest = divmod(run["parameters"] - narrow[0] + step, step)
            if not rest and head >= 1:
                fitting.append((first, kernel, head))
    assert len(fitting) == 1, (run["variant"], fitting)
    print(f"  first kernel, kernel, head: {fitting}")
    model = build(*fitting[0])
    assert model.count_params() == run["parameters"]
    missing = ["condition_stacks"] if "condition_stacks" in architecture(model) else []
    return {**architecture(model), **dict.fromkeys(missing)}, missing


def trained(run):
    """`training` and `not_recorded`."""
    recorded = {"seed": run.get("seed"), **run["config"]}
    missing = [name for name in TRAINING if name not in recorded]
    return {name: recorded.get(name) for name in TRAINING}, missing


def check_config(config, model):
    """That the old record says nothing else of the network than the weights' configuration."""
    for name in ("blocks", "filters", "dilations", "dropout", "code_size"):
        if config.get(name) is not None:
            assert config[name] == model[name], name
    if "conditional" in config:
        assert config["conditional"] == (model.get("condition") is not None)
    if "precision" in config:
        assert config["precision"] == model["dtype"]
    names = {"Bernoulli": None, "Categorical": "categorical", "LogisticMixture": "logistic_mixture"}
    assert config["distribution"] == names[model["distribution"]["class"]]


def migrated(name, run, results):
    """The run's record in today's form; its weights are saved again."""
    weights = run.get("weights")
    if weights is not None:
        path = results / name / runs.WEIGHTS
        loaded = pcnn.load_pretrained(name, results)
        values = runs.values_checksum(loaded)
        model, missing = architecture(loaded), []
        check_config(run["config"], model)
        assert not loaded.compiled and loaded.count_params() == weights["parameters"]
        before = path.stat().st_size
        training.save(loaded, path)
        saved = pcnn.load_model(path)
        assert runs.values_checksum(saved) == values and architecture(saved) == model
        print(f"  {before:,} bytes, now {path.stat().st_size:,}")
        weights = {
            "sha256": runs.file_checksum(path),
            "values_sha256": values,
            "parameters": saved.count_params(),
        }
    elif "validation_nats" in run:
        model, missing = described(run)
    else:
        return {"settings" if k == "config" else k: v for k, v in run.items()}
    fields, untold = trained(run)
    new = {}
    for key, value in run.items():
        if key == "config":
            new |= {"model": model, "training": fields}
            if missing + untold:
                new["not_recorded"] = missing + untold
        elif key == "weights":
            new["weights"] = weights
        elif key != "other":  # it is in the model
            new[key] = value
    return new


def main(results):
    for name in runs.list_runs(results):
        run = runs.read_run(name, results)
        if "config" not in run:
            continue
        print(name)
        new = migrated(name, run, results)
        same = run.keys() - {"config", "other", "weights"}
        assert all(new[key] == run[key] for key in same)
        runs.write_run(results / name, json.loads(json.dumps(new)))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
