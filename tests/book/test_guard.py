"""Whatever stops a build: one line, the last good book is kept, and the next call heals."""

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toy

import address
import build
import execute
import guard
import kernel
import twins
from guard import BookError

pytestmark = [pytest.mark.robustness, pytest.mark.slow]

PARAMS = "notebooks/params/quick.yaml"


@pytest.fixture
def built(book, tmp_path):
    """A built project of the test's own."""
    return shutil.copytree(book, tmp_path / "built", symlinks=True)


@pytest.fixture
def made(project, monkeypatch, capsys):
    """Function that builds as `make book` does; returns the exit code, the output and the error."""

    def made(root=project, params=None):
        params = root / PARAMS if params is None else params
        monkeypatch.setattr(sys, "argv", ["build.py", "--root", str(root), "--params", str(params)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            build.main()
        out, err = capsys.readouterr()
        return end.value.code, out, err

    return made


@contextlib.contextmanager
def replaced(path, by):
    """Within, a file has other contents, is a folder, or does not exist."""
    kept = path.with_name(f"{path.name}.kept")
    path.rename(kept)
    if by is dict:
        path.mkdir()
    elif by is not None:
        path.write_bytes(by)
    yield
    guard.remove(path)
    kept.rename(path)


CELL = '# %% tags=["parameters"]\n'
DEEP = b"[" * 100_000
FAULTS = [
    (PARAMS, b"steps: \xff", "it is not UTF-8 text"),
    (PARAMS, b"steps: 2020-13-45", "is not YAML"),
    (PARAMS, DEEP, "is not YAML"),
    (PARAMS, None, "cannot read the parameters"),
    (PARAMS, dict, "cannot read the parameters"),
    (PARAMS, b"01_toy: 5", "expected 'name: value' lines below 01_toy"),
    (PARAMS, b"12: 5", "no notebook is called 12"),
    (PARAMS, b"1: 5", "no notebook is called 1"),
    (PARAMS, b"steps: many", "steps of 01_toy must be an integer, got 'many'"),
    (PARAMS, b"steps: 1.5", "steps of 01_toy must be an integer, got 1.5"),
    (PARAMS, b"steps: true", "steps of 01_toy must be an integer, got True"),
    (PARAMS, b"steps: 2020-01-01", "steps of 01_toy must be an integer, got datetime"),
    (PARAMS, b"name: [a]", "name of 01_toy must be a text, got ['a']"),
    (PARAMS, b"01_toy: {name: null}", "name of 01_toy must be a text, got None"),
    ("_config.yml", None, "_config.yml: No such file"),
    ("_config.yml", b"\xff", "_config.yml: it is not UTF-8 text"),
    ("_config.yml", b"a: [", "_config.yml is not YAML"),
    ("_config.yml", b"- a", "_config.yml: expected 'name: value' lines"),
    ("_toc.yml", None, "_toc.yml: No such file"),
    ("_toc.yml", b"\xff", "_toc.yml: it is not UTF-8 text"),
    ("_toc.yml", DEEP, "_toc.yml is not YAML"),
    ("_toc.yml", f"{toy.TOC}  - file: book/lost\n".encode(), "_toc.yml lists book/lost"),
    ("notebooks/01_toy.ipynb", b"[1]", "01_toy.ipynb is no notebook"),
    ("notebooks/01_toy.ipynb", dict, "01_toy.ipynb"),
    ("notebooks/01_toy.py", b"\xff", "01_toy.py: it is not UTF-8 text"),
    ("notebooks/01_toy.py", f"{CELL}steps = = 3".encode(), "is not Python: invalid syntax (line 1"),
    ("notebooks/01_toy.py", f"{CELL}steps = \\".encode(), "is not Python"),
    ("_build", b"", "_build: File exists"),
]


def test_a_fault_is_one_line_and_the_last_good_book_stays(built, made):
    page = built / "_build" / "html" / "notebooks" / "01_toy.html"
    before = page.read_bytes()
    twin = built / "notebooks" / "01_toy.ipynb"
    for name, contents, message in FAULTS:
        own = twin.read_bytes()
        with replaced(built / name, contents):
            code, _, err = made(built)
            assert code == 2, (name, contents)
            assert err.startswith("error: ") and err.count("\n") == 1, err
            assert message in err
            assert len(err) < 500
        twin.write_bytes(own)  # follows a .py file that can be read
        assert page.read_bytes() == before
    code, out, err = made(built)
    assert (code, err) == (0, "")
    assert "01_toy: unchanged" in out and "pages: unchanged" in out


def test_a_full_disk_is_one_line(built, made):
    source = built / "notebooks" / "01_toy.py"
    source.write_text(source.read_text(encoding="utf-8").replace("Mathematics:", "New words:"))
    page = built / "_build" / "html" / "notebooks" / "01_toy.html"
    before = page.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for size, file in [(100, "01_toy.ipynb.new"), (20_000, "_build/src/")]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        try:
            code, _, err = made(built)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert code == 2
        assert err.startswith("error: ") and err.count("\n") == 1
        assert "File too large" in err and (file in err or size == 100)
        assert page.read_bytes() == before
        assert not list((built / "notebooks").glob(".*"))


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"cells": []}', None, dict])
def test_a_damaged_executed_notebook_is_executed_again(built, made, monkeypatch, damage):
    ran = []

    def run_jobs(jobs, *_):
        ran.extend(job.name for job in jobs)
        raise BookError("far enough")

    monkeypatch.setattr(execute, "run_jobs", run_jobs)
    with replaced(built / "_build" / "executed" / "01_toy.ipynb", damage):
        assert made(built)[0] == 2
    assert ran == ["01_toy"]
    for damaged in (b"\xff\xfe", dict):
        with replaced(built / "_build" / "executed" / "01_toy.key", damaged):
            assert made(built)[0] == 2
    assert ran == ["01_toy"] * 3


def test_a_folder_in_the_place_of_an_executed_notebook_is_replaced(tmp_path, monkeypatch):
    job = execute.Job("a", None, {}, "key", tmp_path / "a.ipynb")
    job.target.mkdir()
    job.key_file.mkdir()

    def run_notebook(source, target, values, root):
        target.write_text("new")
        return 0

    monkeypatch.setattr(execute, "run_notebook", run_notebook)
    job.run(tmp_path)
    assert job.is_done()


@pytest.mark.parametrize("damage", [b"", b"<p>", None])
def test_damaged_pages_are_built_again(built, made, monkeypatch, damage):
    def build_html(source, *_):
        assert (source / "_toc.yml").is_file()
        raise BookError("far enough")

    monkeypatch.setattr(build, "build_html", build_html)
    with replaced(built / "_build" / "html" / "notebooks" / "01_toy.html", damage):
        assert made(built)[2] == "error: far enough\n"
    assert made(built)[0] == 0
    with replaced(built / "_build" / "src", b"a file"):
        assert made(built)[0] == 0


def test_a_book_lost_between_two_renamings_comes_back(built, made):
    html = built / "_build" / "html"
    html.rename(guard.old_of(html))
    code, out, _ = made(built)
    assert code == 0 and "pages: unchanged" in out
    assert (html / "index.html").is_file() and not guard.old_of(html).exists()


def test_two_builds_of_one_folder_do_not_meet(built, made):
    with guard.only_one(built / "_build"):
        code, out, err = made(built)
        assert (code, out) == (2, "")
        assert err.startswith("error: another build is at work in") and err.count("\n") == 1
    assert made(built)[0] == 0


@pytest.mark.parametrize(
    ("redirection", "code", "error"),
    [
        ("| head -c 1 > /dev/null; exit ${PIPESTATUS[0]}", (0, 141), ""),
        ("> /dev/full", (2,), "error: No space left on device\n"),
        (">&- 2>&- <&-", (0,), ""),
        ("2>&-", (0,), ""),
    ],
)
def test_a_closed_or_full_output_is_no_traceback(built, redirection, code, error):
    program = f"{sys.executable} {build.__file__} --root {built} --params {built / PARAMS}"
    done = subprocess.run(
        ["bash", "-c", f"{program} {redirection}"], stderr=subprocess.PIPE, text=True
    )
    assert done.returncode in code
    assert done.stderr == error


WAITS = """\
import os, pathlib, time

pathlib.Path("pid").write_text(str(os.getpid()))
time.sleep(60)
"""


def is_running(pid):
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are looked up in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_build_that_is_stopped_leaves_nothing_running(built, number):
    toy.write_notebook(built, f"{CELL}steps: int = 3\n\n# %%\n{WAITS}")
    command = [
        sys.executable,
        build.__file__,
        "--root",
        str(built),
        "--params",
        str(built / PARAMS),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    pid = built / "pid"
    wait_for(lambda: pid.exists() and pid.read_text())
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.kill()
    out, err = process.communicate(timeout=30)
    if number == signal.SIGINT:
        assert (process.returncode, out, err) == (130, "", f"{guard.STOPPED}\n")
    wait_for(lambda: not is_running(pid.read_text()), 10)
    with guard.only_one(built / "_build"):
        assert (built / "_build" / "html" / "index.html").is_file()


def test_ctrl_c_while_the_tools_are_imported_is_one_line(tmp_path):
    code = (
        "import guard, os, signal\nguard.stop_at_once()\nos.kill(os.getpid(), signal.SIGINT)\n"
        "print('not reached')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(guard.__file__).parent,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped\n")


def test_a_killed_process_is_named(run_in_pool):
    with pytest.raises(BookError, match="the process of bad was killed"):
        run_in_pool("bad", "import os, signal; os.kill(os.getppid(), signal.SIGKILL)")


@pytest.fixture
def run_in_pool(tmp_path, monkeypatch):
    """Function that executes one notebook of one cell."""
    for variable in kernel.kernel_environment(tmp_path):
        monkeypatch.setenv(variable, "")

    def run(name, code):
        path = tmp_path / f"{name}.ipynb"
        cell = {"cell_type": "code", "source": code, "metadata": {}, "outputs": []}
        cell |= {"execution_count": None, "id": "a"}
        notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        path.write_text(json.dumps(notebook))
        (tmp_path / "params.yaml").touch()
        execute.execute_all([path], tmp_path / "params.yaml", tmp_path, tmp_path / "store", print)

    return run


def test_an_address_that_cannot_be_written_is_one_line(project, monkeypatch, capsys):
    monkeypatch.setattr(address, "ROOT", project)
    monkeypatch.setattr(sys, "argv", ["address.py", "https://github.com/a/b"])
    for name, contents in [("_config.yml", None), ("_config.yml", b"\xff"), (PARAMS, b"")]:
        with replaced(project / name, contents), pytest.raises(SystemExit) as end:
            address.main()
        out, err = capsys.readouterr()
        if name == PARAMS:
            assert end.value.code == 0
        else:
            assert end.value.code == 2
            assert err.startswith("error: ") and err.count("\n") == 1


def test_twins_of_a_full_disk(project):
    source = project / "notebooks" / "01_toy.py"
    before = source.with_suffix(".ipynb").read_bytes()
    source.write_text(source.read_text(encoding="utf-8").replace("Mathematics:", "New words:"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError):
            twins.synchronise(source.parent)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert source.with_suffix(".ipynb").read_bytes() == before
    assert sorted(path.name for path in source.parent.glob("*01*")) == ["01_toy.ipynb", "01_toy.py"]
