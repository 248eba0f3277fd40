"""The component as HTML: in a page of its own, on a page of the book, in a notebook's cell."""

import functools
import json
import os
import pathlib
import uuid
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import ArrayLike

from pcnnlib import runs
from pcnnlib._internal.errors import UsageError
from pcnnlib._internal.files import replacing
from pcnnlib.nn.conditions import Labels
from pcnnlib.viz import checks
from pcnnlib.viz.live.export import check_text, pack
from pcnnlib.viz.markup import escape

FOLDER = pathlib.Path(__file__).parent
# Scripts, each of which is a function `pcnnName`. Those of the engine run in a worker.
ENGINE = ("weights", "distributions", "network", "gated", "raster", "sampler", "noise")
PAGE_PARTS = ("widgets", "parts", "pictures", "drawing", "brush", "component")
# What a reader can do and see, in the order of the page.
CONTROLS = (
    "brush",
    "condition",
    "speed",
    "many",
    "temperature",
    "seed",
    "hidden",
    "cache",
    "surprise",
    "probability",
    "bits",
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ font-family: system-ui, sans-serif; max-width: 46rem; margin: 0 auto; padding: 1rem; \
background: #fff; color: #1b1f24 }}
h1 {{ font-size: 1.4rem; margin: .5rem 0 }}
@media (prefers-color-scheme: dark) {{ body {{ background: #14181d; color: #e4e7ea }} }}
</style>
</head>
<body>
<h1>{title}</h1>
{component}
</body>
</html>
"""


class Live:
    """A model that draws where it is shown, see `live`.

    Attributes:
        packed: what travels with the page, see `pcnnlib.viz.live.export.pack`.
        controls: names of what the reader can do and see.
        others: the same of further networks, among which the reader can choose.
    """

    def __init__(
        self,
        packed: dict[str, Any],
        controls: Sequence[str],
        others: Sequence[dict[str, Any]] = (),
    ) -> None:
        self.packed = packed
        self.controls = tuple(controls)
        self.others = tuple(others)

    def html(self, weights_src: str | None = None, *, open_card: bool = False) -> str:
        """The component as HTML that needs nothing else: no kernel, no library, no network.

        Args:
            weights_src: address of a script that brings the weights once the reader touches the
                component, see `weights_script`; by default they are in the HTML.
            open_card: whether the card is shown, or opened by its title.
        """
        name = f"pcnn-live-{uuid.uuid4().hex[:8]}"
        packed, *others = [
            {key: value for key, value in packed.items() if key != "weights"}
            for packed in (self.packed, *self.others)
        ]
        # An attribute, since no text in it can end a script.
        packed |= {"others": others, "controls": self.controls}
        model = escape(json.dumps(packed, allow_nan=False))
        holder, where = "", {"src": weights_src, "name": self.weights_name}
        if weights_src is None:
            where = {"id": f"{name}-weights"}
            holder = f'<script type="text/plain" id="{name}-weights">{self.weights}</script>'
        return (
            f"<style>{_source('live.css')}</style>"
            f'<div class="pcnn-live" id="{name}" data-model="{model}" '
            f'data-weights="{escape(json.dumps(where))}">'
            "<p>Here a model draws, in a browser that runs JavaScript.</p></div>"
            f"{holder}{self._card(open_card)}<script>\n{_program(name)}</script>"
        )

    @property
    def weights(self) -> str:
        """The weights of all networks, with a space between two."""
        return " ".join(packed["weights"] for packed in (self.packed, *self.others))

    @property
    def weights_name(self) -> str:
        """What `weights_script` calls these weights."""
        return name_of(self.weights)

    def weights_script(self) -> str:
        """A script that holds the weights, for a page whose readers may never touch it."""
        return script_of(self.weights)

    def page(self) -> str:
        """A whole page of HTML."""
        return PAGE.format(title=escape(self.packed["title"]), component=self.html(open_card=True))

    def _card(self, is_open):
        lines = [f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in self.packed["card"]]
        if not lines:
            return ""
        return (
            f'<details class="pcnn-live-card"{" open" if is_open else ""}>'
            f"<summary>About this model</summary><dl>{''.join(lines)}</dl></details>"
        )

    def __repr__(self):
        return f"{self.packed['title']}, live in a page"

    def _repr_html_(self):
        return self.html()


def name_of(weights: str) -> str:
    """A name for weights as they stand in a page."""
    return f"{zlib.crc32(weights.encode()):08x}"


def script_of(weights: str) -> str:
    """A script that brings weights as they stand in a page, under their name."""
    return (
        "(window.pcnnWeights = window.pcnnWeights || {})"
        f'["{name_of(weights)}"] = {json.dumps(weights)};\n'
    )


def live(
    model: Any,
    *,
    run: str | None = None,
    results_path: str | os.PathLike | None = None,
    title: str | None = None,
    card: Mapping[str, object] | None = None,
    class_names: Sequence[object] | None = None,
    examples: ArrayLike | None = None,
    controls: Sequence[str] | None = None,
) -> Live:
    """A model that draws in the reader's browser: paint, choose, and watch it go on.

    Shows itself in Jupyter, Colab and VS Code. It needs no kernel once it is shown: the weights are
    in the page, rounded to float16, and JavaScript draws from the same caches as the library.

    Args:
        model: a `PixelCNN`; a `GatedPixelCNN` without a condition, or conditioned on labels or
            vectors; or a `PixelCNNAutoencoder`, of which the decoder draws. Or a dict of name ->
            model, all for the same images: the reader then chooses among them.
        run: name of the published run that the model comes from, which gives a title, the card,
            names of classes and examples.
        results_path: folder of runs of your own, or None for those that come with the library.
        title: a name for the model.
        card: lines to show below, dict of name -> text: data, nats, seed, licence.
        class_names: one for each class of a model conditioned on labels.
        examples: integer images `(n, H, W, C)` to begin from: their upper half is given, or, of an
            autoencoder, their code.
        controls: which of `pcnnlib.viz.live.component.CONTROLS` to show; by default all.

    Returns:
        An object that shows itself; `html()` is its HTML.

    Raises:
        UsageError: a model that cannot be exported, or arguments that do not fit it.
    """
    if run is not None:
        if isinstance(model, Mapping):
            raise UsageError("run names where one model comes from, and model is a dict of models")
        record = runs.read_run(run, results_path)
        title = f"A Gated PixelCNN: {run}" if title is None else title
        card = {**card_of(record), **(card or {})}
        if class_names is None and isinstance(getattr(model, "condition", None), Labels):
            class_names = classes_of(record, model.condition.n)
        if examples is None:
            examples = runs.read_examples(run, results_path).get("test")
    models = check_models(model)
    shared: dict[str, Any] = {"title": title, "card": card, "class_names": class_names}
    packed, *others = [
        {**pack(one, examples=None if k else examples, **shared), "name": name}
        for k, (name, one) in enumerate(models.items())
    ]
    for other in others:
        check_alike(packed, other)
        other |= {"card": [], "examples": None}
    return Live(packed, check_controls(controls), others)


def export_html(model: Any, path: str | os.PathLike, **options: Any) -> pathlib.Path:
    """Write a page in which a model draws: one file, for any browser, without a network.

    Args:
        model, options: as for `live`.
        path: the file, which ends in .html; one that is there is replaced.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        UsageError: a model that cannot be exported, arguments that do not fit it, or a file that
            cannot be written.

    >>> pcnn.export_html(model, "mine.html", card={"data": "digits", "seed": 0})
    """
    path = check_page_path(path)
    text = live(model, **options).page()
    with replacing(path) as scratch:
        scratch.write_text(text, encoding="utf-8")
    return path


def check_page_path(path: str | os.PathLike, name: str = "path") -> pathlib.Path:
    """Return the path of a page, or raise `UsageError`."""
    if not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
        raise UsageError(f"{name} must be a path, got {path!r:.60}")
    path = pathlib.Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{name} must be a file that ends in .html, got {str(path)!r}")
    if path.is_dir():
        raise UsageError(f"{name} must be a file, and {str(path)!r} is a folder")
    return path


def check_models(model: Any) -> dict[str, Any]:
    """Return name -> model, of one model as of a dict of several, or raise `UsageError`."""
    if not isinstance(model, Mapping):
        return {"": model}
    if not model:
        raise UsageError("model must be a model or a dict of name -> model, got an empty dict")
    return {check_text("each name of model", name): one for name, one in model.items()}


def check_alike(packed: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    """Raise `UsageError` unless two networks draw the same kind of image, told the same."""
    for key in ("image_shape", "levels", "condition"):
        first, second = (
            value if key != "condition" or value is None else (value["kind"], value["depth"])
            for value in (packed[key], other[key])
        )
        if first != second:
            raise UsageError(
                f"model must hold networks of the same images and conditions, but the {key} of "
                f"{packed['name']!r} is {first}, and of {other['name']!r} {second}"
            )


def check_controls(controls: Sequence[str] | None) -> tuple[str, ...]:
    """Return names of controls as a tuple, or raise `UsageError`."""
    if controls is None:
        return CONTROLS
    names = checks.check_sequence("controls", controls)
    for name in names:
        if name not in CONTROLS:
            raise UsageError(f"controls must be some of {', '.join(CONTROLS)}, got {name!r}")
    return tuple(name for name in CONTROLS if name in names)


def classes_of(record: Mapping[str, Any], n: int) -> list | None:
    """The labels of a run's classes, where its record names as many as there are classes."""
    data = record.get("data")
    labels = data.get("labels") if isinstance(data, dict) else None
    return labels if isinstance(labels, list) and len(labels) == n else None


def card_of(record: Mapping[str, Any]) -> dict[str, str]:
    """The lines of a run's card: what its record says of data, training and likelihood."""
    data, test = record.get("data"), record.get("test")
    card: dict[str, str] = {}
    if isinstance(data, dict) and "name" in data:
        # Of a file its name: a page is for others, whom the way to it tells nothing.
        card["Data"] = pathlib.PurePath(str(data["name"])).name
    if isinstance(test, dict):
        measures = {"nats_per_image": "{:.2f} nats an image", "bits_per_dim": "{:.3f} bits a value"}
        lines = [text.format(test[k]) for k, text in measures.items() if _is_figure(test.get(k))]
        model = record.get("model")
        if isinstance(model, dict) and model.get("class") == "PixelCNNAutoencoder":
            # Not a likelihood of the image: the code has told the decoder much of it.
            lines.append("each image given its code")
        if lines:
            card["Test"] = ", ".join(lines)
    if "seed" in record:
        card["Seed"] = str(record["seed"])
    for name in ("command", "commit"):
        if record.get(name):
            card[name.capitalize()] = str(record[name])
    if runs.is_hardware(record.get("hardware")):
        card["Hardware"] = runs.hardware(dict(record))
    card["Weights"] = "rounded to 16 bits for this page"
    card |= runs.licences(record)
    return card


def _is_figure(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


@functools.cache
def _source(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def engine() -> str:
    """The script that makes `pcnn`: the networks, their sampler, and NumPy's noise."""
    calls = [f"pcnn{part.capitalize()}(pcnn);" for part in ENGINE]
    return "".join([*map(_script, ENGINE), "const pcnn = {};\n", *calls, "\n"])


def _program(name: str) -> str:
    """The script that makes a component of one element; it leaves no names behind."""
    parts = [f"(${{pcnn{part.capitalize()}}})(pcnn);" for part in ENGINE]
    scripts = map(_script, (*ENGINE, "worker", *PAGE_PARTS))
    return (
        f"(() => {{\n{''.join(scripts)}\n"
        f"const program = `const pcnn = {{}};{''.join(parts)}(${{pcnnWorker}})(self, pcnn);`;\n"
        f'pcnnLive(document.getElementById("{name}"), program);\n}})();\n'
    )


def _script(part: str) -> str:
    return _source(f"{part}.js")
