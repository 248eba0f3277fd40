"""The model card of a run: its record in words, in the format of the Hugging Face Hub."""

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from pcnnlib._internal.files import replacing
from pcnnlib.data import SOURCES
from pcnnlib.runs.provenance import hardware

CARD, FIGURE = "README.md", "samples.png"
TASK = "unconditional-image-generation"
WEIGHTS_LICENCE = "MIT"  # and of the library
# Where a model is conditioned on something, and what that takes.
SAMPLES = {"Labels": "4, condition=[0, 0, 1, 1], ", "": "4, "}
FIGURES = {
    "nats_per_image": "negative log-likelihood of a test image, nats",
    "bits_per_dim": "bits per dimension",
}


def write_card(run_dir: str | os.PathLike, name: str, run: dict) -> None:
    """Write or replace the model card beside a run's record.

    Args:
        run_dir: folder of the run; the card shows its `samples.png`, if that is there.
        name: of the run.
        run: its record.

    Raises:
        UsageError: the folder cannot be written.
    """
    run_dir = pathlib.Path(run_dir)
    text = model_card(name, run, figure=(run_dir / FIGURE).is_file())
    with replacing(run_dir / CARD) as scratch:
        scratch.write_text(text, encoding="utf-8")


def model_card(name: str, run: dict, *, figure: bool = False) -> str:
    """The text of a model card: data for the Hub between two lines `---`, then Markdown.

    Args:
        name: of the run, such as "mnist".
        run: its record, see `read_run`. What it lacks is left out.
        figure: whether a picture of samples lies beside it.
    """
    network, data, test = (_fields(run, key) for key in ("model", "data", "test"))
    on = str(data.get("name", "images"))
    source = SOURCES.get(_source(on))
    kind = str(network.get("class", "model"))
    metadata: dict[str, Any] = {
        "license": "mit",
        "library_name": "keras",
        "pipeline_tag": TASK,
        "tags": ["pixelcnn", "autoregressive", "image-generation", "keras"],
        **({"datasets": [source.hub]} if source and source.hub else {}),
    }
    figures = [(k, what + _given(network), test[k]) for k, what in FIGURES.items() if k in test]
    if figures:
        metadata["metrics"] = [key for key, _, _ in figures]
        measured = {
            "task": {"type": TASK},
            "dataset": {"name": on, "type": source.hub if source and source.hub else on},
            "metrics": [{"type": key, "name": what, "value": v} for key, what, v in figures],
        }
        metadata["model-index"] = [{"name": f"pcnnlib {name}", "results": [measured]}]
    lines = [f"# {name}: {kind} on {on}", ""]
    lines += [f"A {kind} of pcnnlib, a library of Keras 3, trained on images of {on}.", ""]
    if figure:
        lines += [f"![Images drawn by the model, none selected]({FIGURE})", ""]
        lines += ["*Drawn by the model, none selected.*", ""]
    lines += ["## How to load it", "", "```python", "import pcnnlib as pcnn", ""]
    lines += [f'model = pcnn.load_pretrained("{name}")', *_drawing(network), "```", ""]
    lines += ["## What it is", "", "| | |", "|---|---|", *_rows(run, network, data, test), ""]
    lines += ["`run.json` has the whole record: architecture, training, history, versions.", ""]
    lines += ["## Licence", "", f"The weights and the library: {WEIGHTS_LICENCE}."]
    lines += [
        f"The data, of which `examples.npz` holds a few images: {source.licence}." if source else ""
    ]
    text = "\n".join(lines).rstrip()
    return f"---\n{_yaml(metadata)}---\n\n{text}\n"


def licences(run: Mapping[str, Any]) -> dict[str, str]:
    """What a run's record tells of licences, as lines of a card: name -> text.

    Nothing is said of data that is not in `pcnnlib.data.SOURCES`, nor of weights that were not
    published: nobody but their owner knows.
    """
    source = SOURCES.get(_source(str(_fields(run, "data").get("name", ""))))
    lines = {"Licence of the weights": WEIGHTS_LICENCE} if "weights" in run else {}
    return lines | ({"Licence of the data": source.licence} if source else {})


def _fields(run, key):
    value = run.get(key)
    return value if isinstance(value, dict) else {}


def _given(network):
    """What a figure of an autoencoder must say: the code has told its decoder much of the image.

    And what that of a VQ-VAE with its prior is: a bound.
    """
    if network.get("class") == "LatentPrior":
        return ", at most: a bound"
    return ", given its code" if "code_size" in network else ""


def _source(name):
    """The data set of the registry that a file's name stands for."""
    return "cifar" if name in ("cifar10.npz", "cifar10_subset.npz") else name


def _drawing(network):
    if "code_size" in network:
        return [
            "codes = model.encode(images)  # levels (N, H, W, C)",
            "model.decode(codes, seed=0)",
        ]
    condition = network.get("condition") or {}
    kind = condition.get("class", "Labels") if condition else ""
    if kind not in SAMPLES:
        return ["model.sample(4, condition, seed=0)  # a row of the condition for each image"]
    return [f"model.sample({SAMPLES[kind]}seed=0)  # uint8 (4, H, W, C), levels 0 .. K-1"]


def _rows(run, network, data, test):
    """The table's rows, as far as the record has them."""
    cells = {}
    pixels = _fields(network, "autoencoder") or network
    if "image_shape" in pixels:
        size = " x ".join(map(str, pixels["image_shape"]))
        cells["images"] = f"{size}, {pixels.get('levels')} levels"
    weights = _fields(run, "weights")
    if {"parameters", "sha256"} <= weights.keys():
        cells["weights"] = f"{weights['parameters']:,}, SHA-256 of the file `{weights['sha256']}`"
    if {"train", "validation", "test", "sha256"} <= data.keys():
        cells["data"] = (
            f"{data['train']:,} images to train, {data['validation']:,} to choose the epoch, "
            f"{data['test']:,} to test, once; SHA-256 `{data['sha256']}`"
        )
    if "nats_per_image" in test:
        cells["test"] = (
            f"{test['nats_per_image']:.2f} ± {test['standard_error']:.2f} nats an image"
            f"{_given(network)}"
        )
    elif "bits_per_dim" in test:
        cells["test"] = f"{test['bits_per_dim']:.3f} ± {test['standard_error']:.3f} bits/dim"
    together = _fields(run, "test_mixture")
    if "nats_per_image" in together:
        cells[f"test, mixture of {network.get('orders')} orders"] = (
            f"{together['nats_per_image']:.2f} ± {together['standard_error']:.2f} nats an image"
        )
    if "command" in run:
        cells["command"] = f"`{run['command']}`"
    for key in ("commit", "seed"):
        if key in run:
            cells[key] = str(run[key])
    if {"cpu", "cores", "accelerators"} <= _fields(run, "hardware").keys():
        cells["hardware"] = hardware(run)
    seconds = run.get("seconds", run.get("wall_seconds"))
    if isinstance(seconds, (int, float)):
        cells["time"] = f"{seconds / 60:,.0f} minutes"
    return [f"| {key} | {value} |" for key, value in cells.items()]


def _yaml(metadata):
    """A dict as YAML, of which JSON is a part: no package is needed for it."""
    written = {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in metadata.items()
    }
    return "".join(f"{key}: {value}\n" for key, value in written.items())
