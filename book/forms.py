"""The two forms that an executed notebook takes in the book: a page, and a file to download.

Both are the present source with the outputs of the executed copy. The page folds what is only
plumbing, shows computed text like any other text, and numbers figures and tables. The file stays a
notebook that can be run again.
"""

import ast
import copy
import itertools
import re
from collections import defaultdict
from dataclasses import dataclass

import nbformat

from notebook_files import code_cells, tags
from parameters import with_values

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# What TensorFlow's C++ code and XLA log, some of it at every log level.
FRAMEWORK_LOG = re.compile(
    r"^(WARNING: All log messages before absl::InitializeLog.*"
    r"|[IW]\d{4} \d\d:\d\d:\d+\.\d+ .*"
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IW] .*)$"
)
CAPTION = re.compile(r'(<figure class="pcnn-figure[^>]*>.*?<figcaption>)', re.DOTALL)


@dataclass
class Executed:
    """A notebook, its executed copy, and the values that its parameters had."""

    source: nbformat.NotebookNode
    copy: nbformat.NotebookNode
    values: dict

    def page(self, name):
        """The notebook as Sphinx reads it. `name` begins with the number of the chapter."""
        notebook = self.file()
        notebook.cells = [part for cell in notebook.cells for part in with_text_apart(cell)]
        fold_plumbing(notebook)
        number_captions(notebook, chapter=int(name.split("_")[0]))
        return notebook

    def file(self):
        """The notebook with outputs, for readers to open and to run again."""
        notebook = copy.deepcopy(self.source)
        notebook.metadata.pop("widgets", None)
        for cell, done in zip(code_cells(notebook), code_cells(self.copy), strict=True):
            if "parameters" in tags(cell):
                cell.source = with_values(cell.source, self.values)
            cell.execution_count = done.execution_count
            # Checked before: standard error holds nothing but framework log lines.
            outputs = copy.deepcopy(done.outputs)
            outputs = [clean(each) for each in outputs if each.get("name") != "stderr"]
            cell.outputs = joined(outputs)
        return notebook


def with_text_apart(cell):
    """Yields the cell, or, if its code is not shown, its Markdown and its other outputs in turn.

    Markdown of a cell of its own is text like any other: with mathematics, and links to pages.
    """
    if cell.cell_type != "code" or "remove-input" not in tags(cell):
        yield cell
        return
    parts = itertools.groupby(cell.outputs, lambda each: "text/markdown" in each.get("data", {}))
    for number, (is_text, outputs) in enumerate(parts):
        part = copy.deepcopy(cell)
        if number:
            part.id = f"{cell.id}-{number}"
        part.outputs = list(outputs)
        if is_text:
            part.cell_type = "markdown"
            part.source = "\n\n".join(each.data["text/markdown"] for each in part.outputs)
            part.metadata.pop("tags")
            del part["outputs"], part["execution_count"]
        yield part


def clean(output):
    if output.output_type == "stream":
        output.text = without_framework_log(output.text)
    elif "data" in output:
        output.data.pop(WIDGET_VIEW, None)  # a page and a file show the static form
    return output


def joined(outputs):
    """What is printed at a stretch as one output: a kernel may send the end of a line apart."""
    together = []
    for output in outputs:
        if together and output.output_type == together[-1].output_type == "stream":
            together[-1].text += output.text
        else:
            together.append(output)
    return together


def without_framework_log(text):
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not FRAMEWORK_LOG.match(line.rstrip("\n")))


def fold_plumbing(notebook):
    """Folds the cell of parameters, and that of imports below it, under bars that name them."""
    following = iter(code_cells(notebook))
    for cell in following:
        if "parameters" in tags(cell):
            fold(cell, "Parameters of this run")
            imports = next(following, None)
            if imports is not None and only_imports(imports.source):
                fold(imports, "Imports")


def fold(cell, name):
    cell.metadata["tags"] = [*(t for t in tags(cell) if t != "hide-input"), "hide-input"]
    prompts = {"code_prompt_show": name, "code_prompt_hide": name}
    cell.metadata["mystnb"] = {**cell.metadata.get("mystnb", {}), **prompts}


def only_imports(code):
    try:
        statements = ast.parse(code).body
    except SyntaxError:
        return False
    return all(isinstance(each, (ast.Import, ast.ImportFrom)) for each in statements)


def number_captions(notebook, chapter):
    """Writes "Figure 3.2" or "Table 3.1" before each caption of `pcnnlib.viz.notebook`."""
    numbers = defaultdict(lambda: itertools.count(1))

    def numbered(match):
        kind = "Table" if "<table" in match[1] else "Figure"
        number = f"{kind} {chapter}.{next(numbers[kind])}"
        return f'{match[1]}<span class="pcnn-number">{number}</span> '

    for cell in code_cells(notebook):
        if "remove-cell" in tags(cell) or "remove-output" in tags(cell):
            continue
        for output in cell.outputs:
            html = output.get("data", {}).get("text/html")
            if html:
                output.data["text/html"] = CAPTION.sub(numbered, "".join(html))
