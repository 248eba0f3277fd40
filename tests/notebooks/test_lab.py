"""`make lab`: a chapter runs to its end in JupyterLab, its slider moves the figure, and saving it
leaves its source alone."""

import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import nbformat
import pytest
import yaml

import browser as chromium
import twins

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = "02_masking_and_blind_spots"
TOKEN = "a-token-of-the-test"
# All cells stay on the page, and an earlier session is not asked about.
NOTEBOOK_SETTINGS = '{"windowingMode": "none"}'
WAIT = 180


def recipe():
    """The command of `make lab`, as `make` itself says it, with this Python's programs."""
    make = shutil.which("make")
    if make is None:
        pytest.skip("make is not installed")
    command = [make, "--dry-run", "--assume-old=.venv/.installed", "lab"]
    inherited = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    environment = {name: value for name, value in os.environ.items() if name not in inherited}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    words = shlex.split(done.stdout.replace("\\\n", " "))
    assert words[-1] == "notebooks"
    return [re.sub(r"^\.venv/bin", str(pathlib.Path(sys.executable).parent), w) for w in words]


def test_root_is_let_in_and_nobody_else_is_told_so():
    assert ("--allow-root" in recipe()) == (os.getuid() == 0)


@pytest.fixture
def notebooks(tmp_path):
    """A copy of the notebooks; the chapter has the smallest parameters."""
    folder = shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    small = yaml.safe_load((folder / "params" / "smoke.yaml").read_text(encoding="utf-8"))
    path = folder / f"{NAME}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    (cell,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    for name, value in small.items():
        cell.source = re.sub(rf"^({name}: \w+ = )\S+", rf"\g<1>{value!r}", cell.source, flags=re.M)
    nbformat.write(notebook, path)
    return folder


@pytest.fixture
def lab(notebooks, tmp_path):
    """The address of a JupyterLab that writes nothing outside the test's folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{kind}_DIR": kind.lower() for kind in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"IPYTHONDIR": "ipython", "HOME": "home"}
    environment = os.environ | {name: str(tmp_path / folder) for name, folder in own.items()}
    environment["PYTHONPATH"] = str(ROOT)
    settings = tmp_path / "config" / "lab" / "user-settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(NOTEBOOK_SETTINGS)
    options = ["--no-browser", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    options += [f"--IdentityProvider.token={TOKEN}", "--LabApp.expose_app_in_browser=True"]
    *command, _ = recipe()
    with open(tmp_path / "log", "w") as log:
        server = subprocess.Popen(
            [*command, *options, notebooks], stdout=log, stderr=log, env=environment,
            cwd=tmp_path, start_new_session=True,
        )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/api", server, tmp_path / "log")
        yield f"http://127.0.0.1:{port}/lab/tree/{NAME}.ipynb?reset&token={TOKEN}"
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def wait_for(address, server, log):
    for _ in range(WAIT):
        try:
            return urllib.request.urlopen(address, timeout=5).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert server.poll() is None, log.read_text()
            time.sleep(1)
    raise AssertionError(log.read_text())


@pytest.fixture
def page():
    """A page that reaches this machine, and nothing else."""
    if chromium.find_chromium() is None:
        pytest.skip("Chromium is not installed")
    only_here = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
    flags = [flag for flag in chromium.FLAGS if not flag.startswith("--host-resolver")]
    playwright = chromium.start_playwright()
    opened = playwright.chromium.launch(
        executable_path=chromium.find_chromium(), args=[*flags, only_here]
    )
    page = opened.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(1000 * WAIT)
    yield page
    opened.close()


@pytest.mark.browser
@pytest.mark.robustness
@pytest.mark.slow
def test_a_chapter_runs_in_jupyterlab_and_its_slider_moves_the_figure(lab, page, notebooks):
    source = notebooks / f"{NAME}.py"
    before = source.read_bytes()
    page.goto(lab)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.wait_for_function("jupyterapp.shell.currentWidget?.sessionContext?.isReady")
    assert page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")  # to the end

    explorer = page.locator(".pcnn-explorer")
    explorer.wait_for()
    figure = "document.querySelector('.pcnn-explorer').querySelector('svg').innerHTML"
    first = page.evaluate(figure)
    slider = explorer.locator("input[type=range]").first
    ends = {name: slider.get_attribute(name) for name in ("min", "max")}
    other = ends["max"] if slider.input_value() != ends["max"] else ends["min"]
    slider.fill(other)
    page.wait_for_function(f"first => {figure} !== first", arg=first)

    page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    saved = nbformat.read(notebooks / f"{NAME}.ipynb", as_version=4)
    code = [cell for cell in saved.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    kinds = [(output.output_type, output.get("name")) for cell in code for output in cell.outputs]
    assert ("error", None) not in kinds and not [name for _, name in kinds if name == "stderr"]
    # The source has no header of Jupytext's, and takes the new parameters as from any edit.
    assert source.read_bytes() == before
    assert twins.edited(source) == "ipynb"
    twins.synchronise(notebooks, print_line=lambda line: None)
    assert twins.edited(source) is None
    assert source.read_text(encoding="utf-8").splitlines()[:6] == before.decode().splitlines()[:6]
