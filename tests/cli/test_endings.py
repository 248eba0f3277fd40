"""A run that cannot go on ends in one line, calls things as the user typed them, or is silent."""

import os
import pathlib
import subprocess
import sys

import keras
import pytest

import pcnnlib as pcnn
from pcnnlib import cli, training
from pcnnlib._internal import requirements
from pcnnlib.cli import endings, run

pytestmark = [pytest.mark.robustness, pytest.mark.slow]

ROOT = pathlib.Path(__file__).parents[2]


def finish(*command, **options):
    """Exit code, and lines of standard error, of a process."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
    done = subprocess.run(
        command, env=environment, stderr=subprocess.PIPE, text=True, timeout=120, **options
    )
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize(
    ("message", "typed"),
    [
        ("condition must hold labels 0..9, got 11", "--classes must hold labels 0..9, got 11"),
        ("filters must be a multiple of 3", "--f_map must be a multiple of 3"),
        ("blocks must be an integer", "--layers must be an integer"),
        ("batch_size must be 1,\n got 0", "--batch_size must be 1, got 0"),
        ("levels of mnist must be 2 or 256", "--levels of mnist must be 2 or 256"),
        ("coordinator's port must be 1", "--coordinator's port must be 1"),
        ("run must be one of a, got 'b'", "--pretrained: run must be one of a, got 'b'"),
        ("draw must return images", "draw must return images"),
        ("a/last.keras is of a run with blocks=2, not 3: choose another", None),
        ("--f_map must be 1", "--f_map must be 1"),
        ("checkpoint filters must", "checkpoint filters must"),
    ],
)
def test_messages_name_flags(message, typed):
    typed = typed or "a/last.keras is of a run with blocks=2, not 3 (--layers): choose another"
    assert endings.as_typed(message) == typed


@pytest.fixture
def output(monkeypatch):
    """Function that makes a file, or a pipe, standard output."""
    opened = []

    def put(file, mode="w"):
        opened.append(open(file, mode))
        monkeypatch.setattr(sys, "stdout", opened[-1])

    yield put
    monkeypatch.undo()
    for file in opened:
        file.close()


def talk(*_):
    for _ in range(3000):
        print("a line")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="not Linux")
@pytest.mark.parametrize("flags", [["--help"], ["--epochs=0"]])
def test_a_full_output_is_one_line(output, capsys, monkeypatch, flags):
    monkeypatch.setattr(run, "train_and_draw", talk)
    output("/dev/full")
    assert cli.main(flags) == 2
    assert capsys.readouterr().err == ("main.py: error: standard output: No space left on device\n")


def test_an_output_that_nobody_reads_ends_the_run_without_a_word(output, capsys, monkeypatch):
    monkeypatch.setattr(run, "train_and_draw", talk)
    reading, writing = os.pipe()
    os.close(reading)
    output(writing)
    assert cli.main(["--epochs=0"]) == 141
    assert capsys.readouterr().err == ""


class ResourceExhaustedError(Exception):
    """As TensorFlow calls it."""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(5, "Input/output error", "x"), "error: Input/output error: x"),
        (FileNotFoundError(2, "No such file"), "error: No such file"),
        (MemoryError(), "error: out of memory: MemoryError"),
        (
            ResourceExhaustedError("{{node a}} OOM when allocating\n[[more]]"),
            "error: out of memory: OOM when allocating",
        ),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory"), "error: out of memory: RESOURCE"),
        (
            ResourceExhaustedError("{{node SummaryWriter}} x/events; No space left on device"),
            "error: a file cannot be written: x/events; No space left on device",
        ),
        (
            RuntimeError("{{node CreateSummaryFileWriter}} logs/events; Permission denied"),
            "error: a file cannot be written: logs/events; Permission denied",
        ),
    ],
)
def test_what_the_machine_lacks_is_one_line(own_home, refused, monkeypatch, error, message):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(training, "train", fail)
    refused(own_home.flags("--epochs=1"), message)


def test_a_mistake_in_the_program_is_not_hidden(own_home, monkeypatch):
    monkeypatch.setattr(training, "train", lambda *_, **__: {}["missing"])
    with pytest.raises(KeyError):
        cli.main(own_home.flags("--epochs=1"))


INTERRUPTED = """
import os, signal, sys, threading
import pcnnlib_startup
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
sys.exit(pcnnlib_startup.main(["--help"]))
"""
IGNORED = """
import os, signal, sys, types
import pcnnlib_startup
cli = types.SimpleNamespace(main=lambda args: os.kill(os.getpid(), signal.SIGINT) or 7)
sys.modules["pcnnlib"] = types.SimpleNamespace(cli=cli)
signal.signal(signal.SIGINT, signal.SIG_IGN)
assert pcnnlib_startup.main([]) == 7  # as in a shell's background
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(pcnnlib_startup.main([]))
"""
# Without outputs: what is printed is lost, and takes no other file's place.
CLOSED = """
import os, sys, types
import pcnnlib_startup
def main(args):
    print("printed"), print("printed", file=sys.stderr), sys.stdout.flush()
    with open(args[0], "w") as file:
        assert file.fileno() > 2
        file.write("saved")
    return 5
sys.modules["pcnnlib"] = types.SimpleNamespace(cli=types.SimpleNamespace(main=main))
sys.exit(pcnnlib_startup.main(sys.argv[1:]))
"""


def test_ctrl_c_is_one_line_from_the_first_import_on():
    assert finish(sys.executable, "-c", INTERRUPTED) == (130, ["main.py: stopped"])
    assert finish(sys.executable, "-c", IGNORED) == (130, ["main.py: stopped"])


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-", "2>&-"])
def test_a_process_without_outputs_runs_to_its_end(tmp_path, closed):
    program = tmp_path / "program.py"
    program.write_text(CLOSED)
    code, _ = finish(
        "sh", "-c", f'"$0" "$1" "$2" {closed}', sys.executable, program, tmp_path / "x"
    )
    assert code == 5 and (tmp_path / "x").read_text() == "saved"


def test_a_working_directory_that_is_gone_is_one_line(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f'cd "{gone}" && rmdir "{gone}" && exec "$0" "$1" --help'
    code, lines = finish("sh", "-c", command, sys.executable, ROOT / "main.py")
    assert code == 2 and len(lines) == 1
    assert lines[0].startswith("main.py: error: the working directory is gone")


@pytest.mark.parametrize(
    ("options", "backend", "message"),
    [
        ([], "nope", "Keras cannot start (Unable to import backend : nope)"),
        (["-S"], "tensorflow", "pcnnlib needs the package keras, which"),  # without any packages
    ],
)
def test_what_cannot_be_imported_is_one_line(options, backend, message):
    command = [sys.executable, *options, ROOT / "main.py", "--help"]
    code, lines = finish(*command, env={"KERAS_BACKEND": backend})
    assert code == 2 and len(lines) == 1, lines
    assert lines[0].startswith("main.py: error: ") and message in lines[0]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("backend", "numpy", "KERAS_BACKEND must be one of tensorflow, jax, got 'numpy'"),
        (
            "floatx",
            "float16",
            "floatx in keras.json must be one of float32, float64, got 'float16'",
        ),
    ],
)
def test_what_the_models_cannot_work_with_is_one_line(monkeypatch, name, value, message):
    requirements.check_requirements()
    monkeypatch.setattr(keras.config, name, lambda: value)
    with pytest.raises(ImportError) as raised:
        requirements.check_requirements()
    assert str(raised.value) == message


def test_the_library_says_the_same_in_one_line():
    code, lines = finish(sys.executable, "-c", "import pcnnlib", env={"KERAS_BACKEND": "nope"})
    assert code == 1 and len(lines) < 10
    assert lines[-1].startswith("ImportError: Keras cannot start (Unable to import backend : nope)")


def test_bytes_that_are_no_text_are_refused(own_home, refused):
    for flag in ("data", "ckpt_path", "samples_path", "summary_path", "complete", "publish"):
        refused(own_home.flags(f"--{flag}=\udcff.npz"), f"--{flag} must be text in UTF-8")


@pytest.mark.parametrize("flag", ["ckpt_path", "samples_path", "summary_path"])
@pytest.mark.parametrize(
    "name",
    ["x" * 300, "new/" + "x" * 300, "loop", "loop/x", "pipe", "pipe/x", "nothing", "/proc/x"],
)
def test_places_that_cannot_be_are_refused_before_any_training(
    own_home, refused, monkeypatch, flag, name
):
    os.symlink(own_home.folder / "loop", own_home.folder / "loop")
    os.symlink(own_home.folder / "absent", own_home.folder / "nothing")
    os.mkfifo(own_home.folder / "pipe")
    monkeypatch.setattr(training, "train", lambda *_, **__: pytest.fail("trained"))
    refused(own_home.flags("--epochs=1", f"--{flag}={own_home.folder / name}"), "")
    assert not [path for path in own_home.folder.iterdir() if path.name.startswith(".")]
    with pytest.raises(pcnn.UsageError, match="data_path must be a folder"):
        pcnn.load_dataset("mnist", data_path=own_home.data)
