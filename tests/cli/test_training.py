"""Training from the command line: what its log holds, and how it ends and goes on."""

import json
import warnings
import zipfile

import keras
import pytest

from pcnnlib import cli, training
from pcnnlib._internal.lock import locked
from pcnnlib.cli import run
from pcnnlib.cli.output import plain_output

FOLDER = "ckpts/tiny-unconditional"


def test_a_log_is_lines_of_text_and_a_grid_not_drawn_is_drawn_at_the_restart(own_home, capfd):
    """As if the run had been killed right after its last checkpoint."""
    flags = own_home.quick_flags("--epochs=2")
    assert cli.main(flags) == 0
    out, err = capfd.readouterr()
    lines = [line for line in out.splitlines() if line.startswith("Epoch")]
    assert [line.split(":")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]
    assert all("nats, validation" in line for line in lines)
    assert not set("\b\r\x1b") & set(out + err)
    assert len(out.splitlines()) < 12 and len(out) < 1500
    grid = own_home.folder / "samples/tiny-unconditional/epoch_0002.png"
    drawn = grid.read_bytes()
    grid.unlink()
    assert cli.main(flags) == 0
    assert grid.read_bytes() == drawn
    later = grid.stat().st_mtime_ns
    assert cli.main(flags) == 0
    assert grid.stat().st_mtime_ns == later  # and only once


def test_a_warning_is_one_line_without_source_code(capsys, monkeypatch):
    @plain_output()
    def warn(args, typed):
        # pytest keeps what is warned of; this is what Python would print.
        print(warnings.formatwarning("few:\nonly 3", UserWarning, __file__, 1), end="")

    monkeypatch.setattr(run, "run", warn)
    before = warnings.formatwarning
    assert cli.main(["--epochs=1"]) == 0
    assert capsys.readouterr().out == "main.py: warning: few: only 3\n"
    assert warnings.formatwarning is before
    assert keras.config.is_interactive_logging_enabled()


def test_a_diverged_run_is_one_line_and_leaves_nothing_to_resume(own_home, no_grids, refused):
    wild = ["--optimizer=adam", "--learning_rate=1e30", "--grad_clip=1e30", "--epochs=3"]
    refused(own_home.flags(*wild), "the training diverged in epoch 1")
    assert not list(own_home.folder.rglob("*.keras"))
    assert not (own_home.folder / "samples").exists()


def test_a_second_training_in_a_folder_stops_in_one_line(own_home, no_grids, refused):
    with locked(own_home.folder / FOLDER, "training"):
        for seed in (0, 1):
            flags = own_home.quick_flags("--epochs=1", f"--seed={seed}")
            refused(flags, "another process is training in")
    assert not (own_home.folder / FOLDER / training.LAST).exists()


@pytest.mark.parametrize("epochs", [0, 2])
def test_best_weights_of_another_run_are_not_drawn(home, own_home, refused, epochs):
    """Beside a sound `last.keras` which names others, though the epochs are done."""
    folder = own_home.folder / FOLDER
    folder.mkdir(parents=True)
    for name in (training.BEST, training.LAST):
        (folder / name).write_bytes((home.folder / FOLDER / name).read_bytes())
    path = folder / training.LAST
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    state = json.loads(members[training.STATE])
    state["best_checksum"] = "0" * 64
    members[training.STATE] = json.dumps(state).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    refused(own_home.flags(f"--epochs={epochs}"), "best.keras does not belong to")
    assert not list(own_home.folder.rglob("samples.png"))
