"""What others published, and a run of ours among them."""

import json

from pcnnlib._internal.errors import UsageError
from pcnnlib.runs import registry

LITERATURE = "literature.json"


def read_literature(task: str) -> list[dict]:
    """What others published for a task.

    Args:
        task: name of a run or data set, such as "mnist" or "binarized_mnist".

    Returns:
        list of dicts: `model`, `nats` per image (for "cifar10" and "mnist-256-levels"
        `bits_per_dim` instead), `on` which images, `source` and its `url`; where known `epochs`,
        and `bound` if the figure is an upper bound.

    Raises:
        UsageError: no such task.
    """
    by_task = json.loads((registry.runs_dir() / LITERATURE).read_text(encoding="utf-8"))
    by_task.pop("about")
    if task not in by_task:
        raise UsageError(f"task must be one of {', '.join(sorted(by_task))}, got {task!r}")
    return by_task[task]


def compare(task: str, *names: str) -> list[dict]:
    """Published runs among what others published for the same task.

    Args:
        task: what `read_literature` calls it.
        names: of our runs. One that reads in several orders has two rows: one order, and all.

    Returns:
        list of dicts like those of `read_literature`, the lowest nats last; ours have the key
        `error`, the standard error, too.

    Raises:
        UsageError: a task that is unknown or not in nats, no such run, a run without a test, or one
            on other images than the task's.
    """
    others = read_literature(task)
    if any("nats" not in row for row in others):
        raise UsageError(f"task must be one with nats per image, got {task!r}")
    ours = [row for name in names for row in _own_rows(name, task)]
    return sorted([*others, *ours], key=lambda row: -row["nats"])


def _own_rows(name, task):
    run = registry.read_run(name)
    if "test" not in run or "history" not in run:
        raise UsageError(f"run {name!r} has not been trained and tested")
    network = run.get("model", {})
    pixels = network.get("autoencoder") or network  # of a prior, whose own levels are codes
    # A task is called like its data, or like the run that it is about.
    wanted = task.split("-")[0], 2
    described = run.get("data", {}).get("name", wanted[0]), pixels.get("levels", 2)
    if described != wanted:
        raise UsageError(
            f"run {name!r} is on {described[0]} with {described[1]} levels, and task {task!r} on "
            f"{wanted[0]} with {wanted[1]}"
        )
    kind, bound = "Gated PixelCNN", {}
    if network.get("class") == "LatentPrior":  # also for its codes an image pays
        kind, bound = "VQ-VAE and its prior", {"bound": True}
    elif "code_size" in network:
        kind = "Autoencoder"
    kind += " of this book" + (", with attention" if network.get("attention") else "")
    orders = network.get("orders", 1)
    figures = {"": "test"}
    if orders > 1:
        figures = {
            f", one of {orders} orders": "test",
            f", mixture of {orders} orders": "test_mixture",
        }
    return [
        {
            "model": kind + what,
            "nats": run[key]["nats_per_image"],
            "error": run[key]["standard_error"],
            "epochs": len(run["history"]["loss"]),
            "on": "test",
            "source": f"results/{name}",
            **bound,
        }
        for what, key in figures.items()
    ]
