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


def compare(task: str, name: str) -> list[dict]:
    """A published run among what others published for the same task.

    Args:
        task: what `read_literature` calls it.
        name: of our run.

    Returns:
        list of dicts like those of `read_literature`, the lowest nats last; ours has the key
        `error`, the standard error, too.

    Raises:
        UsageError: a task that is unknown or not in nats, no such run, or a run without a test.
    """
    others = read_literature(task)
    if any("nats" not in row for row in others):
        raise UsageError(f"task must be one with nats per image, got {task!r}")
    run = registry.read_run(name)
    if "test" not in run:
        raise UsageError(f"run {name!r} has not been tested")
    autoencoder = "code_size" in run.get("model", {})
    kind = "Autoencoder" if autoencoder else "Gated PixelCNN"
    ours = {
        "model": f"{kind} of this book",
        "nats": run["test"]["nats_per_image"],
        "error": run["test"]["standard_error"],
        "epochs": len(run["history"]["loss"]),
        "on": "test",
        "source": f"results/{name}",
    }
    return sorted([*others, ours], key=lambda row: -row["nats"])
