"""Where a run was made: commit, hardware and versions."""

import pathlib
import platform
import subprocess
from collections.abc import Iterable
from importlib import metadata

import keras

from pcnnlib._internal.devices import accelerators, processor_cores


def provenance(packages: Iterable[str] | None = None) -> dict:
    """Commit, hardware and versions, for a `run.json`.

    Args:
        packages: names of installed packages whose versions matter; None: Keras and its backend.

    Returns:
        dict with `commit` (a plus at its end if files had been changed since; None outside of a
        checkout), `hardware` and `versions`.
    """
    versions: dict[str, str | None] = {"python": platform.python_version()}
    for package in packages or ["pcnnlib", "keras", keras.backend.backend(), "numpy"]:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return {"commit": _commit(), "hardware": _hardware(), "versions": versions}


def hardware(run: dict) -> str:
    """The hardware of a run, short: "1 core, AMD EPYC", or the names of its accelerators.

    Of a run that went on elsewhere that of each start: "..., then ...".
    """
    starts = run.get("starts")
    told = [s.get("hardware") for s in starts if isinstance(s, dict)] if starts else []
    starts = [made_on for made_on in told if is_hardware(made_on)]
    # In order, each once.
    return ", then ".join(dict.fromkeys(map(_short, starts or [run["hardware"]])))


def is_hardware(value: object) -> bool:
    """Whether a value describes hardware as `provenance` does: a record may have been damaged."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("cpu"), str)
        and type(value.get("cores")) is int
        and isinstance(value.get("accelerators"), list)
        and all(isinstance(name, str) for name in value["accelerators"])
    )


def _short(made_on):
    if made_on["accelerators"]:
        return ", ".join(made_on["accelerators"])
    cores = made_on["cores"]
    return f"{cores} core{'s' if cores > 1 else ''}, {made_on['cpu']}"


def _hardware():
    path = pathlib.Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    processors = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": processors[0] if processors else platform.processor() or platform.machine(),
        "cores": processor_cores(),
        "accelerators": accelerators(),
    }


def _commit(file=__file__):
    """The commit that a file is of, with a plus if tracked files were changed; None outside of git.

    An installed package may lie within a checkout of something else, which does not track it.
    """
    options = {
        "cwd": pathlib.Path(file).parent,
        "check": True,
        "capture_output": True,
        "text": True,
    }
    try:
        subprocess.run(["git", "ls-files", "--error-unmatch", pathlib.Path(file).name], **options)
        name = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], **options).stdout.strip()
        changed = subprocess.run(["git", "status", "--porcelain", "-uno"], **options).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return name + ("+" if changed.strip() else "")
