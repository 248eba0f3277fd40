"""Executes notebooks with papermill.

An executed copy is kept with a key: the hash of everything that its outputs depend on (the code
cells, the parameters, the library, the published results, the locked versions). While the key is
the same, the outputs are kept. Prose may change freely, because a page is the present source with
the kept outputs.

Notebooks run side by side. A cell that measures time has the tag `timing`, and runs alone, because
another notebook beside it would change what it measures.
"""

import hashlib
import json
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import nbformat

from forms import WIDGET_VIEW, Executed, without_framework_log
from guard import BookError, Stopped, remove, undisturbed
from kernel import check_kernel, execute, kernel_environment, stderr_into
from notebook_files import code_cells, one_line, read_notebook, tags
from parameters import Parameters, known_parameters
from setup_cell import without_address
from turns import Turns

SECONDS_A_NOTEBOOK = 90  # the aim for the quick run on two CPU cores; reported, not enforced
MOST_AT_ONCE = 4  # each kernel takes a gigabyte or two

# Control characters that a progress bar leaves: carriage return, backspace, escape codes.
CONTROL_CHARACTERS = re.compile(r"[\r\b]|\x1b\[")


def digest(*parts):
    sha = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        sha.update(str(len(data)).encode() + b":" + data)
    return sha.hexdigest()


def tree_digest(*roots):
    """Returns one hash for the names and contents of all files under `roots`.

    A root that does not exist counts as empty.
    """
    parts = []
    for root in roots:
        files = [root] if root.is_file() else sorted(root.rglob("*")) if root.is_dir() else []
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                parts += [file.relative_to(root.parent).as_posix(), file.read_bytes()]
    return digest(*parts)


def run_notebook(source, target, values, root):
    """Executes a notebook with papermill in the folder `root` and writes the file `target`.

    If a cell fails, BookError names it, and the notebook executed so far is left beside `target`.
    Returns the seconds that it waited for other notebooks.
    """
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    failed = target.with_suffix(".failed.ipynb")
    turns = Turns(target.parent)

    try:
        with stderr_into(target.with_suffix(".log")), turns.taken():
            execute(source, failed, values, root, turns)
    except PapermillExecutionError as error:
        raise BookError(
            f"{target.name}, {failed_cell(read_notebook(failed))} raised "
            f"{error.ename}: {' '.join(str(error.evalue).split())}"
        ) from None
    except RuntimeError as error:
        if not turns.begun:
            why = (
                f"the kernel died before its first cell ({one_line(error)}); see {target.stem}.log"
            )
        elif isinstance(error, DeadKernelError):
            why = "the kernel died (out of memory?)"
        else:
            why = one_line(error)
        raise BookError(f"{target.name}: {why}") from None
    notebook = read_notebook(failed)
    check_outputs(notebook, target.name)
    failed.replace(target)
    return turns.waited


def failed_cell(notebook):
    """Describes the cell that holds the error, such as 'code cell 5 (`model.fit(...)`)'."""
    for number, cell in enumerate(code_cells(notebook), 1):
        if any(output.output_type == "error" for output in cell.outputs):
            return describe_cell(number, cell)
    return "the injected parameters"


def describe_cell(number, cell):
    lines = [line for line in cell.source.split("\n") if line.strip() and not line.startswith("#")]
    return f"code cell {number} (`{lines[0].strip() if lines else ''}`)"


def check_outputs(notebook, name):
    """Raises BookError for output that a page must not show, framework log lines apart."""
    for number, cell in enumerate(code_cells(notebook), 1):
        where = f"{name}, {describe_cell(number, cell)}"
        for output in cell.outputs:
            if output.output_type == "stream":
                text = without_framework_log(output.text)
                if output.name == "stderr" and text.strip():
                    first = text.strip().splitlines()[0][:200]
                    raise BookError(f"{where} wrote to stderr, which a page must not show: {first}")
                if CONTROL_CHARACTERS.search(text):
                    raise BookError(f"{where} left progress bar residue in its output")
            elif WIDGET_VIEW in output.get("data", {}) and "text/html" not in output.data:
                raise BookError(f"{where} shows a widget that has no static form (text/html)")


@dataclass(eq=False)
class Job:
    """One notebook to execute."""

    name: str
    source: nbformat.NotebookNode
    values: dict  # of its parameters
    key: str
    target: Path  # the executed copy

    @property
    def key_file(self):
        return self.target.with_suffix(".key")

    def is_done(self):
        files = self.target, self.key_file
        return all(f.is_file() for f in files) and self.key_file.read_bytes() == self.seal()

    def seal(self):
        """What stands in the key file: also of the copy itself, which may have been damaged."""
        return digest(self.key, self.target.read_bytes()).encode()

    def length(self):
        """Characters of code: the best guess of the run time before the first run."""
        return sum(len(cell.source) for cell in code_cells(self.source))

    def run(self, root):
        """Executes the notebook in the folder `root`; returns the seconds that it ran."""
        start = time.perf_counter()
        remove(self.key_file)
        if self.target.is_dir():
            remove(self.target)
        waited = run_notebook(self.source, self.target, self.values, root)
        self.key_file.write_bytes(self.seal())
        return time.perf_counter() - start - waited


def count_at_once():
    """Returns how many notebooks run side by side."""
    # TensorFlow reserves the whole memory of a GPU for one process.
    if any(Path("/dev").glob("nvidia[0-9]*")):
        return 1
    return min(os.cpu_count() or 1, MOST_AT_ONCE)


def run_jobs(jobs, root, print_line):
    """Executes notebooks side by side.

    After an error no further notebook starts; those that run beside it come to their end.
    """

    def report(job, seconds):
        late = f" (the aim is {SECONDS_A_NOTEBOOK} s)" if seconds > SECONDS_A_NOTEBOOK else ""
        print_line(f"{job.name}: {seconds:.1f} s{late}")

    if not jobs:
        return
    at_once = min(count_at_once(), len(jobs))
    # The last one to end should be a short one.
    waiting = sorted(jobs, key=Job.length)
    running = {}
    # Processes, not threads: each sends its own standard error to its own file.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(at_once, spawn, initializer=end_with_parent) as pool:
        try:
            while waiting or running:
                # No more than run at once: the pool starts what it holds, whatever fails meanwhile.
                while waiting and len(running) < at_once:
                    job = waiting.pop()
                    # It is for this process to hear Ctrl-C, and to end those that it started.
                    with undisturbed([signal.SIGINT]):
                        running[pool.submit(job.run, root)] = job
                for run in wait(running, return_when=FIRST_COMPLETED).done:
                    seconds = run.result()
                    report(running.pop(run), seconds)
        except BrokenProcessPool:
            names = ", ".join(sorted(job.name for job in running.values())) or "a notebook"
            raise BookError(f"the process of {names} was killed (out of memory?)") from None
        except (Stopped, KeyboardInterrupt):
            end_processes()
            raise


def end_with_parent():
    """Ends this process when the build is gone, killed say: the next build will start its own."""

    def watch():
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def end_processes():
    """Ends the processes of the pool; their kernels end by themselves when these are gone."""
    for process in multiprocessing.active_children():
        process.kill()


def execute_all(notebooks, params_path, root, store, print_line=print):
    """Executes what has changed; returns {name: Executed}. `store` keeps the executed copies."""
    sources = {path.stem: read_notebook(path) for path in notebooks}
    parameters = Parameters.read(params_path, sources)
    known = {name: known_parameters(name, source) for name, source in sources.items()}
    parameters.check(known)

    store.mkdir(parents=True, exist_ok=True)
    os.environ.update(kernel_environment(store.parent / "kernel"))
    check_kernel()
    environment_digest = digest(
        tree_digest(root / "pcnnlib", root / "results", root / "requirements.lock"),
        sys.version,
        os.environ.get("KERAS_BACKEND", ""),
    )
    jobs = []
    for name, source in sources.items():
        values = parameters.for_notebook(name, known[name])
        code = [[without_address(cell.source), tags(cell)] for cell in code_cells(source)]
        settings = json.dumps([code, values], sort_keys=True, default=str)
        key = digest(settings, environment_digest)
        jobs.append(Job(name, source, values, key, store / f"{name}.ipynb"))
    to_run = [job for job in jobs if not job.is_done()]
    for job in jobs:
        if job not in to_run:
            print_line(f"{job.name}: unchanged")
    run_jobs(to_run, root, print_line)
    return {job.name: Executed(job.source, read_notebook(job.target), job.values) for job in jobs}
