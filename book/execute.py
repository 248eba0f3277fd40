"""Executes notebooks with papermill and turns the results into pages.

An executed copy is kept with a key: the hash of all that its outputs depend on (the code cells,
the parameters, the library, the published results, the locked versions). While the key stays, the
outputs stay; prose may change freely, because a page is today's source with those outputs.
"""

import ast
import contextlib
import copy
import hashlib
import json
import os
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import yaml

from setup_cell import without_address

KERNEL = "python3"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
SECONDS_A_NOTEBOOK = 90  # the aim for the quick run on two CPU cores; reported, not enforced

# Terminal control that a progress bar leaves behind: carriage return, backspace, escape codes.
RESIDUE = re.compile(r"[\r\b]|\x1b\[")
# What TensorFlow's C++ side and XLA log, some of it whatever the log level.
FRAMEWORK_LOG = re.compile(
    r"^(WARNING: All log messages before absl::InitializeLog.*"
    r"|[IW]\d{4} \d\d:\d\d:\d+\.\d+ .*"
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IW] .*)$"
)


class BookError(Exception):
    """Something a person must mend; the message is one line."""


@dataclass
class Parameters:
    """A parameter file: values for all notebooks, and values for one."""

    path: Path
    shared: dict = field(default_factory=dict)
    own: dict = field(default_factory=dict)  # notebook name -> its values

    @classmethod
    def read(cls, path, names):
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except OSError as error:
            raise BookError(f"cannot read the parameters {path}: {error.strerror}") from None
        except yaml.YAMLError as error:
            raise BookError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
        if not isinstance(values, dict):
            raise BookError(f"{path}: expected 'name: value' lines, got {type(values).__name__}")
        own = {key: value or {} for key, value in values.items() if str(key)[:2].isdigit()}
        strangers = sorted(set(own) - set(names))
        if strangers:
            raise BookError(f"{path}: no notebook is called {', '.join(strangers)}")
        return cls(path, {key: v for key, v in values.items() if key not in own}, own)

    def for_notebook(self, name, known):
        """The values that notebook `name`, with parameters `known`, is run with."""
        unknown = sorted(set(self.own.get(name, {})) - set(known))
        if unknown:
            raise BookError(
                f"{self.path}: {name} has no parameter {', '.join(unknown)}; it has "
                f"{', '.join(sorted(known)) or 'none'}"
            )
        values = {key: value for key, value in self.shared.items() if key in known}
        return values | self.own.get(name, {})

    def check(self, known_by_notebook):
        """Every shared value must be a parameter of at least one notebook."""
        known = set().union(*known_by_notebook.values())
        unknown = sorted(set(self.shared) - known)
        if unknown:
            raise BookError(
                f"{self.path}: no notebook has a parameter {', '.join(unknown)}; known are "
                f"{', '.join(sorted(known)) or 'none'}"
            )


def read_notebook(path):
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError) as error:
        raise BookError(f"cannot read {path}: {' '.join(str(error).split())}") from None


def tags(cell):
    return cell.metadata.get("tags", [])


def code_cells(notebook):
    """The code cells of the source: without the cell that papermill puts in."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and "injected-parameters" not in tags(cell)
    ]


def assignments(source):
    """The `name = value` and `name: type = value` statements of a parameters cell."""
    for node in ast.parse(source).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and getattr(node, "value", None) is not None:
            yield target.id, node.value


def known_parameters(notebook):
    cells = [cell for cell in code_cells(notebook) if "parameters" in tags(cell)]
    return [name for cell in cells for name, _ in assignments(cell.source)]


def with_values(source, values):
    """The parameters cell as the run saw it: each default replaced by the value given."""
    text = source.encode()  # ast counts columns in bytes
    starts = [0]
    for line in text.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    for name, node in reversed(list(assignments(source))):
        if name in values:
            first = starts[node.lineno - 1] + node.col_offset
            last = starts[node.end_lineno - 1] + node.end_col_offset
            text = text[:first] + repr(values[name]).encode() + text[last:]
    return text.decode()


def digest(*parts):
    sha = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        sha.update(str(len(data)).encode() + b":" + data)
    return sha.hexdigest()


def tree_digest(*roots):
    """One hash for the names and contents of all files under `roots`, which may be missing."""
    parts = []
    for root in roots:
        files = [root] if root.is_file() else sorted(root.rglob("*")) if root.is_dir() else []
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                parts += [file.relative_to(root.parent).as_posix(), file.read_bytes()]
    return digest(*parts)


def kernel_environment(scratch):
    """What the kernel process sees: quiet frameworks, and no configuration from the user's home."""
    profile = scratch / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    # The kernel's own notices, such as the one on its local connection, would stand among ours.
    (profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.log_level = 40\n")
    return {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "GRPC_VERBOSITY": "ERROR",
        "PYTHONHASHSEED": "0",
        "IPYTHONDIR": str(scratch / "ipython"),
        "MPLCONFIGDIR": str(scratch / "matplotlib"),
        "JUPYTER_PATH": str(Path(sys.prefix) / "share" / "jupyter"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def check_kernel():
    """The kernel must be this very Python: else the book would show another library's results."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        command = KernelSpecManager().get_kernel_spec(KERNEL).argv[0]
    except NoSuchKernel:
        raise BookError(f"no Jupyter kernel '{KERNEL}' in {sys.prefix}") from None
    # A bare 'python' is replaced by sys.executable when the kernel starts.
    if command not in ("python", "python3", sys.executable):
        raise BookError(f"the Jupyter kernel '{KERNEL}' runs {command}, not {sys.executable}")


@contextlib.contextmanager
def stderr_into(path):
    """Processes started meanwhile write their stderr into a file: the kernel repeats there what it
    has put into the notebook already."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(path, "ab") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def run_notebook(source, target, values, root):
    """Executes a notebook into the file `target` with papermill, in the folder `root`.

    A BookError names the cell that failed; what was executed until then is left beside the target.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    failed = target.with_suffix(".failed.ipynb")
    try:
        with stderr_into(target.with_suffix(".log")):
            papermill.execute_notebook(
                copy.deepcopy(source),
                str(failed),
                parameters=values,
                kernel_name=KERNEL,
                language="python",
                progress_bar=False,
                start_timeout=180,
                cwd=str(root),
            )
    except PapermillExecutionError as error:
        raise BookError(
            f"{target.name}, {name_cell(read_notebook(failed))} raised "
            f"{error.ename}: {' '.join(str(error.evalue).split())}"
        ) from None
    except DeadKernelError:
        raise BookError(f"{target.name}: the kernel died (out of memory?)") from None
    notebook = read_notebook(failed)
    check_outputs(notebook, target.name)
    failed.replace(target)


def name_cell(notebook):
    """'code cell 5 (`model.fit(...)`)' for the cell that holds the error."""
    for number, cell in enumerate(code_cells(notebook), 1):
        if any(output.output_type == "error" for output in cell.outputs):
            return describe_cell(number, cell)
    return "the injected parameters"


def describe_cell(number, cell):
    lines = [line for line in cell.source.split("\n") if line.strip() and not line.startswith("#")]
    return f"code cell {number} (`{lines[0].strip() if lines else ''}`)"


def check_outputs(notebook, name):
    """Drops framework log lines; anything else that a reader did not ask for is an error."""
    for number, cell in enumerate(code_cells(notebook), 1):
        where = f"{name}, {describe_cell(number, cell)}"
        for output in cell.outputs:
            if output.output_type == "stream":
                text = "".join(
                    line
                    for line in output.text.splitlines(keepends=True)
                    if not FRAMEWORK_LOG.match(line.rstrip("\n"))
                )
                if output.name == "stderr" and text.strip():
                    first = text.strip().splitlines()[0][:200]
                    raise BookError(f"{where} wrote to stderr, which a page must not show: {first}")
                if RESIDUE.search(text):
                    raise BookError(f"{where} left progress bar residue in its output")
            elif WIDGET_VIEW in output.get("data", {}) and "text/html" not in output.data:
                raise BookError(f"{where} shows a widget that has no static form (text/html)")


def as_page(source, executed, values):
    """The source notebook with the outputs of its executed copy, cleaned for the page."""
    page = copy.deepcopy(source)
    page.metadata.pop("widgets", None)
    for cell, done in zip(code_cells(page), code_cells(executed), strict=True):
        if "parameters" in tags(cell):
            cell.source = with_values(cell.source, values)
        cell.execution_count = done.execution_count
        cell.outputs = [clean(output) for output in done.outputs if not silent(output)]
    return page


def silent(output):
    """An output that is only framework log lines, or that an older check let through."""
    return output.output_type == "stream" and output.name == "stderr"


def clean(output):
    if output.output_type == "stream":
        lines = output.text.splitlines(keepends=True)
        output.text = "".join(x for x in lines if not FRAMEWORK_LOG.match(x.rstrip("\n")))
    elif "data" in output:
        output.data.pop(WIDGET_VIEW, None)  # the page shows the static form
    return output


def execute_all(notebooks, params_path, root, store, say=print):
    """Executes what changed; returns {name: page}. `store` keeps the executed copies."""
    sources = {path.stem: read_notebook(path) for path in notebooks}
    parameters = Parameters.read(params_path, sources)
    known = {name: known_parameters(source) for name, source in sources.items()}
    parameters.check(known)
    values = {name: parameters.for_notebook(name, known[name]) for name in sources}

    store.mkdir(parents=True, exist_ok=True)
    os.environ.update(kernel_environment(store.parent / "kernel"))
    check_kernel()
    surroundings = digest(
        tree_digest(root / "pcnnlib", root / "results", root / "requirements.lock"),
        sys.version,
        os.environ.get("KERAS_BACKEND", ""),
    )
    pages = {}
    for path in notebooks:
        name, source = path.stem, sources[path.stem]
        code = [[without_address(cell.source), tags(cell)] for cell in code_cells(source)]
        settings = json.dumps([code, values[name]], sort_keys=True, default=str)
        key = digest(settings, surroundings)
        target, key_file = store / f"{name}.ipynb", store / f"{name}.key"
        if target.is_file() and key_file.is_file() and key_file.read_text() == key:
            say(f"{name}: unchanged")
        else:
            start = time.perf_counter()
            key_file.unlink(missing_ok=True)
            run_notebook(source, target, values[name], root)
            key_file.write_text(key)
            seconds = time.perf_counter() - start
            late = f" (the aim is {SECONDS_A_NOTEBOOK} s)" if seconds > SECONDS_A_NOTEBOOK else ""
            say(f"{name}: {seconds:.1f} s{late}")
        pages[name] = as_page(source, read_notebook(target), values[name])
    return pages
