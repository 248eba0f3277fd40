"""What cannot be shown (nothing, NaN, other shapes) is refused in one line, by its name."""

import functools
import re
import warnings

import numpy as np
import pytest

from pcnnlib import UsageError
from pcnnlib.analysis import Likelihood
from pcnnlib.viz import explorers, images, notebook, plots

NAN = float("nan")
X = np.zeros((3, 4, 4, 1), int)
MAP = np.zeros((3, 3))
SEEN = np.zeros((2, 3, 3), bool)
GRID = np.zeros((2, 2, 1, 3, 3, 1), "uint8")
AXES = {"a": [1, 2], "b": [1, 2]}
PICTURE = np.zeros((2, 2, 3), "uint8")


def likelihood(bits):
    return Likelihood(bits, bits, bits, 1.0, 10)


# Function -> (arguments that are right, {name of one: what it must not be}).
FUNCTIONS = {
    images.to_rgb: (
        {"images": X, "levels": 2, "shown": None},
        {
            "images": [X[:0], X[0], X * NAN, X + 2, X - 1, None, [[1], [1, 2]], X.astype(str)],
            "levels": [0, 1, 2.5, "2", NAN, True],
            "shown": [np.zeros((5, 5), bool), np.zeros((4, 4, 1)), "a"],
        },
    ),
    images.tile: (
        {"images": X, "levels": 2, "columns": None, "width": 9, "gap": 0, "background": (1, 2, 3)},
        {
            "images": [X[:0], X[:, :0], X[..., [0, 0]], (X + 1) * np.inf],
            "columns": [0, -1, 1.5, "2"],
            "width": [0, -1, NAN, 2.5],
            "gap": [-1, NAN, np.inf, "a"],
            "background": [-1, 256, NAN, (1, 2), "a", 0.5],
        },
    ),
    images.png_bytes: (
        {"picture": PICTURE},
        {"picture": [PICTURE[:0], PICTURE[0], PICTURE * 1.0, PICTURE[..., :2], None]},
    ),
    plots.Animation: (
        {"pictures": [PICTURE], "milliseconds": 20, "hold": 20},
        {
            "pictures": [[], None, [PICTURE, PICTURE[:1]], [PICTURE * 1.0], [1]],
            "milliseconds": [0, -1, 19, 10**6, 2.5, NAN],
            "hold": [0, 19, 10**6, NAN],
        },
    ),
    plots.animate: (
        {"images": X, "levels": 2, "columns": None, "every": 8, "keep": None},
        {
            "images": [X[:0], X[0], X * NAN, X + 2],
            "columns": [0, -1, 1.5],
            "every": [0, 0.5, NAN],
            "keep": [np.zeros((9, 9), bool)],
        },
    ),
    plots.image_grid: (
        {"images": X, "levels": 2, "columns": None, "titles": None, "width": None},
        {
            "images": [X[:0], {}, {"a": X[:0]}, {"a": X, "b": X[:, 1:]}, {"a": X, "b": X[0]}],
            "columns": [0, -1, 1.5],
            "titles": ["ab", ["a"], list("abcd"), 3],
            "width": [0, -1, NAN, "a"],
        },
    ),
    functools.partial(plots.image_grid, {"a": X}): (
        {"levels": 2}, {"titles": [["a", "b", "c"], "abc"], "shown": [X > 0, X == 0]},
    ),
    plots.surprise: (
        {"image": X[0], "nats": np.zeros((4, 4)), "levels": 2},
        {
            "image": [X, X[0, 0], X[0] + 2],
            "nats": [np.zeros((5, 5)), np.zeros(4), np.full((4, 4), NAN), None],
        },
    ),
    plots.level_probabilities: (
        {"predictions": {"a": np.zeros((3, 4))}, "actual": [0, 1, 2]},
        {
            "predictions": [
                {}, {"a": np.zeros((2, 4))}, {"a": np.full((3, 4), NAN)}, [],
                {"a": np.full((3, 4), -5.0)}, {"a": np.full((3, 4), 1.5)},
            ],
            "actual": [[0], [0, 1, -1], [0, 1, 0.5], 3, [0, 1, 4]],
        },
    ),
    plots.log_probabilities: (
        {"predictions": {"a": np.zeros((3, 4))}, "actual": [0, 1, 2], "lowest": 1e-3},
        {
            "predictions": [{}, {"a": np.zeros((2, 4))}, {"a": np.full((3, 4), -5.0)}],
            "actual": [[0], [0, 1, 4]],
            "lowest": [0, 1, NAN],
        },
    ),
    plots.bell_in_bins: (
        {"probabilities": [0.5, 0.5], "mean": 1, "scale": 1},
        {"probabilities": [[], [2], [-1, 0]], "mean": [NAN, "a"], "scale": [0, NAN]},
    ),
    plots.mixture_fits: (
        {"share": [0.5, 0.5], "fits": {"a": np.full((2, 1), 0.5)}},
        {"share": [[], [2, 0]], "fits": [{}, {"a": np.zeros((3, 1))}, {"a": np.full((2, 1), -1)}]},
    ),
    plots.judged_images: (
        {"rows": {"a": (X, np.ones((3, 2)) / 2)}, "levels": 2, "ends": {"a": (0, 1)}},
        {
            "rows": [
                {}, {"a": X}, {"a": (X, np.ones((2, 2)))}, {"a": (X, np.full((3, 2), 5.0))},
                {"a": (X + 2, np.ones((3, 2)))},
            ],
            "ends": [[1], {"a": 1}, {"a": (1,)}],
        },
    ),
    plots.reliability: ({}, {"calibration": [None, 3, {}]}),
    plots.class_shares: (
        {"shares": {0: (0.5, 0.1)}, "y": "y", "reference": {"a": 0.5}},
        {
            "shares": [{}, {0: 1}, {0: (2, 0)}, {0: (0.5, NAN)}],
            "reference": [[0.5], 3, {"a": 2}, {"a": NAN}],
        },
    ),
    plots.narrowing_intervals: (
        {"counts": [1, 2], "symbols": [0, 1]},
        {"counts": [[], [0], [0.5]], "symbols": [[], [2], [0] * 9, 1]},
    ),
    plots.training_curves: (
        {"histories": {"a": {"loss": [2, NAN, 1], "seconds": [1, 1, 1]}}, "unit": "bits/dim",
         "dims": 3, "against": "seconds", "log": True},
        {
            "histories": [
                {}, [], {"a": 3}, {"a": {}}, {"a": {"loss": []}}, {"a": {"loss": [NAN, np.inf]}},
                {"a": {"loss": [1, 2], "val_loss": [1], "seconds": [1, 1]}}, {"a": {"loss": [1]}},
                {"a": {"loss": [1, 2], "seconds": [1]}},
                {"a": {"loss": [1, 2], "seconds": [1, NAN]}},
                {"a": {"loss": [1, 2], "seconds": [1, -1]}},
            ],
            "dims": [0, -1, NAN, None],
            "log": [],
        },
    ),
    plots.timing: (
        {"seconds": {"a": {1: 2}}},
        {"seconds": [{}, {"a": {}}, {"a": {0: 1}}, {"a": {1: 0}}, {"a": {1: NAN}}, [1]]},
    ),
    plots.compare_likelihoods: (
        {"likelihoods": {"a": likelihood(1.0)}},
        {"likelihoods": [{}, {"a": 1}, *({"a": likelihood(b)} for b in (NAN, np.inf, -1.0, 0.0))]},
    ),
    plots.differences: (
        {"pairs": {"a": (1, 2)}, "x": "x"},
        {"pairs": [{}, {"a": 1}, {"a": (1, 2, 3)}, {"a": (NAN, 1)}, {"a": (1, -1)}]},
    ),
    plots.lines: (
        {"series": {"a": ([1], [2])}, "x": "x", "y": "y", "reference": None},
        {
            "series": [{}, {"a": 1}, {"a": ([], [])}, {"a": ([1], [1, 2])}, {"a": ([1], [NAN])}],
            "reference": [{"a": NAN}, {"a": "b"}, [1], 3],
        },
    ),
    plots.histograms: (
        {"values": {"a": [1, 2]}, "x": "x"},
        {"values": [{}, {"a": []}, {"a": [1, NAN]}, {"a": [np.inf]}, {"a": MAP}, {"a": ["b"]}]},
    ),
    plots.confusion: (
        {"counts": [[1, 0], [0, 2]], "truth": "t", "judged": "j"},
        {"counts": [np.zeros((0, 0), int), [[1, 2]], [1, 2], [[-1]], [[0.5]], [[NAN]]]},
    ),
    plots.asked_and_measured: (
        {"pairs": {"a": ([1], [2])}},
        {"pairs": [{}, {"a": ([], [])}, {"a": ([1], [1, 2])}, {"a": ([NAN], [1])}, {"a": 1}]},
    ),
    plots.code_space: (
        {"codes": [[0, 1]], "labels": [3], "names": ("a", "b")},
        {
            "codes": [np.zeros((0, 2)), [[1, 2, 3]], [1, 2], [[NAN, 1]]],
            "labels": [[1, 2], ["a"], [0.5], [NAN]],
            "names": [("a",), "ab", ("a", "b", "c")],
        },
    ),
    plots.raster_order: (
        {"height": 3, "width": 3, "at": (1, 1)},
        {"height": [0, 2.5, "a"], "width": [0, NAN], "at": [(3, 0), (0, -1), (0,), 4, (0.5, 0)]},
    ),
    plots.reading_orders: (
        {"side": 1, "orders": 1},
        {"side": [0, 13, 2.5, "a"], "orders": [0, 9, NAN, None]},
    ),
    plots.sight_tables: (
        {"tables": {"a": MAP > 0}},
        {
            "tables": [
                {}, {"a": None}, {"a": [True]}, {"a": MAP[:2] > 0}, {"a": MAP + 0.5}, [MAP > 0],
            ],
        },
    ),
    plots.codes_of_images: (
        {"images": X, "codes": X[..., 0], "rebuilt": X, "levels": 2},
        {
            "images": [X[:0], X + 2, None],
            "codes": [X - 1, X[:1], X * 1.0, None, "a", [[1], [1, 2]], X[..., [0, 0]]],
            "rebuilt": [X[:1], X - 1],
        },
    ),
    plots.codebook: (
        {"patches": X, "counts": [1, 0, 2], "levels": 2, "columns": 2},
        {"patches": [X[:0], X + 2], "counts": [[1, 2], [-1, 1, 1], [0, 0, 0], [NAN, 1, 1]]},
    ),
    plots.bits_of_pixels: (
        {"images": X, "bits": X[..., 0] + 1.0, "levels": 2},
        {"images": [X[:0], X + 2], "bits": [X, X[..., 0] - 1, X[..., 0] * NAN, None]},
    ),
    plots.attention_maps: (
        {"looks": {"a": (MAP, MAP, (1, 1))}, "columns": 1},
        {
            "looks": [
                {}, {"a": 1}, {"a": (MAP, MAP)}, {"a": (MAP, MAP[1:], (1, 1))},
                {"a": (MAP, -MAP - 1, (1, 1))}, {"a": (MAP, MAP * NAN, (1, 1))},
            ],
            "columns": [0, 1.5, None],
        },
    ),
    plots.costs: (
        {"nats": {"a": [1, 2]}, "prices": {"p": {"a": 1}}},
        {
            "nats": [{}, {"a": []}, {"a": [NAN]}, {"a": 1}],
            "prices": [
                {}, {"p": 1}, {"p": {"b": 1}}, {"p": {"a": NAN}}, {"p": {"a": [1]}},
                {"p": {"a": -3}},
            ],
        },
    ),
    plots.masks: (
        {"kernels": {"a": MAP, "b": MAP[..., None, None]}},
        {"kernels": [{}, {"a": [1]}, {"a": MAP[:0]}, {"a": MAP + 2}, {"a": MAP * NAN}, [MAP],
                     {"a": MAP[:, :2]}, {"a": MAP[:2, :2]}]},
    ),
    plots.channel_order: (
        {"links": {"a": (MAP, [0, 1, 2], [0, 1, 2])}},
        {"links": [{}, {"a": MAP[0, 0]}, {"a": (MAP, [0], [0, 1, 2])},
                   {"a": (MAP, [0, 1, 3], [0, 1, 2])}, {"a": (MAP + 2, [0, 1, 2], [0, 1, 2])}]},
    ),
    plots.gate: ({"limit": 1}, {"limit": [0, -1, NAN, np.inf, "a"]}),
    plots.receptive_fields: (
        {"maps": {"a": MAP}, "at": (1, 1), "columns": 1, "reach": 1},
        {
            "maps": [{}, {"a": MAP[0]}, {"a": MAP * NAN}, {"a": MAP + np.inf}, {"a": MAP[:0]},
                     {"a": MAP - 1}],
            "at": [(3, 0), (-1, 0), (0,), {"b": (0, 0)}, {}, {"a": (0, 9)}, None],
            "columns": [0, 0.5],
            "reach": [-1, 0.5, "a", {}, {"b": 1}, {"a": NAN}],
            "order": [-1, 8, 0.5, "a", {}, {"b": 1}, {"a": NAN}],
        },
    ),
    plots.pixel_roles: (
        {"seen": MAP, "at": (1, 1), "reach": 1},
        {"seen": [MAP[0], MAP * NAN, MAP - 1], "at": [(3, 0), (0,)], "reach": [-1, 0.5, "a"]},
    ),
    plots.causality: ({}, {"reports": [{}, {"a": 3}, [1]]}),
    plots.changed_features: (
        {"vertical": SEEN, "horizontal": SEEN, "at": (1, 1), "blocks": [1, 2]},
        {
            "vertical": [SEEN[0], SEEN * 1.0, SEEN[:0]],
            "horizontal": [SEEN[:1], SEEN * 1.0],
            "at": [(3, 0), (0,)],
            "blocks": [[], [0], [3], 1, [1.5]],
        },
    ),
    plots.changed_predictions: (
        {"maps": {"a": SEEN[0]}, "outlined": {"a": (0, 0, 1, 1)}},
        {"maps": [{}, {"a": MAP}, {"a": SEEN}],
         "outlined": [{"b": (0, 0, 1, 1)}, {"a": (0, 0)}, [1]]},
    ),
    explorers.measure_frames: (
        {"size": 2, "kernel_sizes": (3,), "layers": (2,), "dilations": ((1,),)},
        {"size": [0, 1, 2.5], "kernel_sizes": [(), (4,), (1,), 3, ("a",), (3, 3)],
         "layers": [(), (1,), 2, (2.5,), (2, 2)],
         "dilations": [(), 1, (1, 2), ((),), ((0,),), ((1,), (1,)), ((9,),), ("a",)]},
    ),
    explorers.receptive_field_explorer: (
        {"size": 2, "kernel_sizes": (3,), "layers": (2,), "dilations": ((1,),), "at": (0, 1)},
        {"size": [0, 1, NAN], "kernel_sizes": [(), (2,)], "layers": [(), (1,)],
         "dilations": [(), (1, 2), ((0,),)],
         "at": [(0,), (0, 0, 0), 3, (0, 2), "ab", (NAN, 0)]},
    ),
    explorers.image_explorer: (
        {"images": GRID, "levels": 2, "axes": AXES, "start": None, "points": [[0, 1]],
         "labels": [3]},
        {
            "images": [None, GRID[0], GRID[:0], GRID[:, :, :0], GRID * 1.0, GRID + 2, GRID == 0,
                       np.zeros((2, 2, 1, 3, 3, 2), int)],
            "levels": [0, 1, 257, 2.5],
            "axes": [{}, [1], {"a": 2, "b": [1, 2]}, {"a": [], "b": [1]}, {1: [1, 2], "1": [1, 2]}],
            "start": [5, [0], [0, 2], [0, 0.5]],
            "points": [[[NAN, 0]], [[np.inf, 0]], [["a", 0]], np.zeros((0, 2)), [0, 1]],
            "labels": [None, [], ["a"], [1.5], [NAN]],
        },
    ),
    notebook.show: (
        {"figure": plots.gate(), "alt": "a", "caption": "b"}, {"figure": [None, "a", 3]}
    ),
    notebook.table: (
        {"head": ["a"], "rows": [["b"]], "caption": "c"},
        {"head": [[], "a", 3], "rows": [[["b", "c"]], [[]], [3], [[("a", None)]], [[("a",)]]]},
    ),
    notebook.show_text: ({"markdown": "a"}, {"markdown": [None, "", " ", 3]}),
    notebook.show_solution: ({"markdown": "a"}, {"markdown": [None, "", " ", 3]}),
}  # fmt: skip

# A message names the argument, or a part of it; these are named otherwise.
ALSO = {
    "labels": "points must be",
    "start": "start",
    "rows": "a link must be|url must be|each of rows must be|(images|probabilities) of rows",
    "images": "every row must",
    "head": "rows must have",
    "dims": "bits/dim need dims",
    "outlined": "outlined",
    "at": "(row|column) of at",
    "kernel_sizes": "each of kernel_sizes",
    "layers": "each of layers",
    "dilations": "each of dilations",
    "blocks": "each of blocks",
    "pairs": "standard error of pairs",
    "likelihoods": "bits_per_dim of likelihoods",
    "seconds": "each size of seconds",
    "links": "each of links",
    "actual": "actual",
}


def name_of(function):
    return getattr(function, "__name__", "image_grid of rows")


CASES = [
    pytest.param(function, right, name, wrong, id=f"{name_of(function)}-{name}-{k}")
    for function, (right, by_name) in FUNCTIONS.items()
    for name, all_wrong in by_name.items()
    for k, wrong in enumerate(all_wrong)
]


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    monkeypatch.setattr(notebook, "display", lambda *_, **__: None)


@pytest.mark.parametrize(("function", "right", "name", "wrong"), CASES)
def test_what_cannot_be_shown_is_refused_by_name(function, right, name, wrong):
    with pytest.raises(UsageError) as error:
        function(**right | {name: wrong})
    message = str(error.value)
    assert "\n" not in message and len(message) < 250
    if name in message.split()[0]:
        return
    assert re.match(ALSO[name], message)


@pytest.mark.parametrize("function", FUNCTIONS, ids=name_of)
def test_what_can_be_shown_is_shown_without_a_warning(function):
    right, _ = FUNCTIONS[function]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if right:
            figure = function(**right)
            if hasattr(figure, "svg"):
                assert figure.svg().startswith("<svg")


def test_the_smallest_of_everything_is_shown():
    one = X[:1, :1, :1]
    assert images.tile(one, 2, width=1).shape == (3, 3, 3)
    assert "<svg" in plots.image_grid(one, 2).svg()
    assert "image/gif" in plots.animate(one, 2).html()
    assert "<svg" in plots.training_curves({"a": {"loss": [1.0]}}).svg()
    assert "<svg" in plots.confusion([[1]], truth="t", judged="j").svg()
    # One test image has no standard error.
    assert "<svg" in plots.compare_likelihoods({"a": Likelihood(1.0, 1.0, 1.0, NAN, 1)}).svg()


def test_losses_that_are_not_positive_have_no_logarithm():
    with pytest.raises(UsageError, match="log needs losses above 0, got -1"):
        plots.training_curves({"a": {"loss": [1, -1]}}, log=True)


@pytest.mark.parametrize("name", ["cost $5 to $6", "$\\nonsense{$", "a" * 200, "", 3, "_hidden"])
def test_any_name_can_be_drawn(name):
    for figure in (
        plots.image_grid({name: X}, 2),
        plots.training_curves({name: {"loss": [1, 2]}}),
        plots.differences({name: (1, 2)}, x=str(name)),
        plots.receptive_fields({name: MAP}, (1, 1)),
        plots.changed_predictions({name: SEEN[0]}),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a name as wide as the page leaves no room
            assert "<svg" in figure.svg()


def test_dollars_in_a_name_are_no_mathematics():
    svg = plots.masks({"$5 and $6": MAP}).svg()
    assert "$5 and $6" in svg  # Matplotlib writes the text beside its outline
