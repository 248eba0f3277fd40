"""Every wrong parameter of every notebook is named in its first cells, before any work."""

import pathlib

import nbformat
import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from papermill.parameterize import parameterize_notebook

import execute
import pcnnlib as pcnn
import twins
from pcnnlib import UsageError
from pcnnlib.viz import parameters
from pcnnlib.viz.parameters import check_parameters

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "notebooks"
NAN, INF = float("nan"), float("inf")

# For each type, what can be a value of none of our parameters.
WRONG = {
    "int": [-1, 1.5, "3", "many", None, True, NAN, [1], 10**12],
    "float": [0, -1.0, NAN, INF, "0.1", None, True, [0.1], 1e9],
    "str": ["", None, 1.5, True, [], {}],
}
# Of some parameters more is known: a further value that is wrong.
ALSO = {
    "dataset": ["none such", "a/b.npz", 3],
    "filters": [0, 1],
    "pixelcnn_filters": [0, 3],
    "block": [0, 3, 5, 9],  # digits are 8 x 8
    "dilations": ["1;2", "0", "1,-2", "1.5", 0, "1,,2"],
    "encoder_filters": ["16", "16,32", "a,b,c", "16,32,0", "1,2,3,4"],
    "levels": [1, 257],
    "epochs": [0],
    "heads": [3],  # of 16 filters
    "temperature": [101],
}


def first_cells(source):
    """The parameters cell and the code cells up to the check, and the names of the parameters."""
    cells = execute.code_cells(execute.read_notebook(source.with_suffix(".ipynb")))
    (start,) = [k for k, cell in enumerate(cells) if "parameters" in execute.tags(cell)]
    (check,) = [k for k, cell in enumerate(cells) if "check_parameters(\n" in cell.source]
    return cells[start].source, [cell.source for cell in cells[start + 1 : check + 1]], check


@pytest.fixture(scope="module")
def notebook():
    """Function that runs a notebook up to its check, with other values of its parameters."""
    imported = {}

    def run(source, **values):
        defaults, cells, _ = first_cells(source)
        names = dict(imported.get(source, {}))
        exec(defaults, names)
        names |= values
        for cell in cells[:-1] if source not in imported else []:
            exec(cell, names)
        imported.setdefault(source, {k: v for k, v in names.items() if k not in values})
        exec(cells[-1], names)

    return run


def cases():
    for source in twins.sources(FOLDER):
        known = execute.known_parameters(
            source.stem, execute.read_notebook(source.with_suffix(".ipynb"))
        )
        for name, kind in known.items():
            wrong = WRONG[kind] + ALSO.get(name, [])
            yield pytest.param(source, name, wrong, id=f"{source.stem[:2]}-{name}")


@pytest.mark.parametrize("source", twins.sources(FOLDER), ids=lambda path: path.stem)
def test_the_check_comes_first_and_passes_for_the_defaults(source, notebook):
    _, cells, check = first_cells(source)
    assert check == 3  # after the set-up, the parameters and the imports
    notebook(source)


@pytest.mark.parametrize(("source", "name", "wrong"), list(cases()))
def test_a_wrong_parameter_is_named(source, name, wrong, notebook):
    for value in wrong:
        with pytest.raises(UsageError) as error:
            notebook(source, **{name: value})
        message = str(error.value)
        assert "\n" not in message
        # A data set that is not found is named by `load_dataset`.
        subject = "data" if name == "dataset" else name
        assert message.removeprefix("each of ").startswith(subject), value


@pytest.mark.parametrize("file", ["quick.yaml", "smoke.yaml", "full.yaml"])
@pytest.mark.parametrize("source", twins.sources(FOLDER), ids=lambda path: path.stem)
def test_the_values_of_every_parameter_file_are_right(source, file, notebook, monkeypatch):
    known = execute.known_parameters(
        source.stem, execute.read_notebook(source.with_suffix(".ipynb"))
    )
    given = execute.Parameters.read(
        FOLDER / "params" / file, [p.stem for p in twins.sources(FOLDER)]
    )
    values = given.for_notebook(source.stem, known)
    values.pop("dataset", None)  # MNIST and CIFAR are not here
    if file == "full.yaml":
        values.pop("block", None)  # of images of 28 x 28
    notebook(source, **values)


def test_a_name_that_is_no_parameter_is_refused():
    cells = ["import os\nepochs = 3", "# Parameters\nepochs = 3\nepochz = 4\n", "x = epochs"]
    with pytest.raises(UsageError, match="^this notebook has no parameter epochz; it has epochs$"):
        check_parameters({"epochs": 3, "epochz": 4, "In": cells}, epochs=range(1, 9))
    check_parameters({"epochs": 3, "In": [*cells, "# Parameters\nepochs = 3\n"]}, epochs=range(9))
    check_parameters({"epochs": np.int64(3), "other": 1}, epochs=range(9))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 3}, r"dataset must hold colour images \(3 channels\) for this chapter, "),
        ({"test": 10**6}, "dataset must hold 1000000 test images, "),
        ({"classes": 99}, "dataset must have 99 classes, "),
        ({"squares": ("block", 3)}, "block must divide the height and width of the images of "),
    ],
)
def test_a_data_set_that_a_chapter_cannot_use_is_named(tiny_data, options, message):
    with pytest.raises(UsageError, match=f"^{message}"):
        parameters.check_dataset(tiny_data, **{"test": 1} | options)


def test_levels_of_chapter_7_are_those_of_its_own_images(npz, notebook):
    (source,) = [path for path in twins.sources(FOLDER) if path.stem == "07_colour"]
    path = str(npz("colour.npz", shape=(4, 4, 3), levels=8))
    notebook(source, dataset=path)
    with pytest.raises(UsageError, match="levels must be left alone for dataset .*, got 16"):
        notebook(source, dataset=path, levels=16)


def test_labels_are_asked_for_where_a_chapter_needs_them(npz):
    bare = pcnn.load_dataset(npz("bare.npz", y_train=None, y_test=None))
    parameters.check_dataset(bare, test=1)
    with pytest.raises(UsageError, match="dataset must have labels for this chapter"):
        parameters.check_dataset(bare, test=1, classes=2)


def test_what_papermill_was_given_is_known():
    """Its own cell, in a shell as a kernel has one."""
    notebook = nbformat.v4.new_notebook(metadata={"papermill": {}})
    check = "from pcnnlib.viz.parameters import check_parameters\n"
    check += "check_parameters(globals(), epochs=range(9))"
    notebook.cells = [
        nbformat.v4.new_code_cell("epochs: int = 3", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(check, metadata={"tags": []}),
    ]

    def last_error(**given):
        shell = InteractiveShell()
        ready = parameterize_notebook(notebook, given, kernel_name="python3", language="python")
        results = [shell.run_cell(cell.source, store_history=True) for cell in ready.cells]
        assert len(results) == 3 and all(result.success for result in results[:-1])
        return results[-1].error_in_exec

    assert last_error(epochs=4) is None
    assert "no parameter epochz; it has epochs" in str(last_error(epochs=4, epochz=4))
