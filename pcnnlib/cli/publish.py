"""Publishing: the checks that come before the training, and the run that is written after it."""

import dataclasses
import pathlib
import re
from collections.abc import Sequence

import numpy as np

from pcnnlib import runs, training
from pcnnlib._internal.errors import UsageError
from pcnnlib.analysis import Likelihood
from pcnnlib.cli.flags import Files, Settings
from pcnnlib.cli.paths import check_writable
from pcnnlib.data import Dataset
from pcnnlib.models import AutoregressiveModel, architecture
from pcnnlib.viz import images

STAGES = (training.AUTOENCODER, training.TOP_PRIOR)  # before the last


def published_dir(files: Files) -> pathlib.Path:
    """The folder of the run that --publish names."""
    return pathlib.Path(files.results_path or "results") / str(files.publish)


def check_run_dir(files: Files, command: str) -> None:
    """Raise `UsageError` unless the run may be written where --publish says."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)*", str(files.publish)):
        raise UsageError(
            f"--publish must be a name such as mine or mine/first, got {files.publish!r}"
        )
    run_dir = published_dir(files)
    check_writable(run_dir)
    if (run_dir / runs.RUN).exists():
        there = runs.read_run_dir(run_dir).get("command")
        if there != command:
            raise UsageError(
                f"{run_dir} holds another run ({there}): publish under another name, or remove it"
            )


def check_plan(path: pathlib.Path, epochs: int) -> None:
    """Raise `UsageError` if a run to be published was begun for another number of epochs.

    The learning rate falls along the whole plan, so that the command would not give these weights.
    Nor is a run published whose checkpoint, an old one, does not say what trained it.
    """
    if path.exists():
        state = training.read_state(path)
        starts = state.get("starts")
        if not starts or starts[0]["epoch"] or not all(map(_is_told, starts)):
            raise UsageError(f"{path} does not say what trained it: choose another --ckpt_path")
        planned = state["training"]["epochs"]
        if planned != epochs:
            raise UsageError(
                f"--publish needs a run planned for its {epochs} epochs from the start; "
                f"{path} was for {planned}: choose another --ckpt_path"
            )


def _is_told(start):
    """Whether a start names commit, hardware and versions: `train` was told them."""
    named = runs.is_hardware(start.get("hardware")) and isinstance(start.get("versions"), dict)
    return named and "commit" in start


def publish(
    model: AutoregressiveModel,
    data: Dataset,
    settings: Settings,
    likelihoods: dict[str, Likelihood],
    folders: Sequence[pathlib.Path],
    command: str,
) -> None:
    """Write the run, and the weights that were best on the validation images, to the results.

    Args:
        folders: of checkpoints, of each stage of the training.
    """
    # Without the optimiser, which a model that was trained here still has.
    model = training.own_copy(model, model.get_weights())
    *earlier, state = [training.read_state(folder / training.LAST) for folder in folders]
    history, seed = state["history"], settings.training.seed
    # What the processes were that trained, which this one need not have done.
    starts = state["starts"]
    made = [{name: value for name, value in s.items() if name != "epoch"} for s in starts]
    speed = runs.speed(model, data, history["seconds"])
    drawn_on = runs.provenance()["hardware"]
    if drawn_on != made[-1]["hardware"]:  # trained elsewhere, and published from its checkpoint
        speed["drawn_on"] = drawn_on
    fields = {
        **made[-1],
        "command": command,
        **({"starts": starts} if any(one != made[0] for one in made) else {}),
        "seed": seed,
        "model": architecture(model),
        "training": dataclasses.asdict(settings.training),
        "data": runs.describe_data(data),
        "seconds": sum(sum(each["history"]["seconds"]) for each in (*earlier, state)),
        "best_epoch": int(np.argmin(history["val_loss"])) + 1,
        "history": history,
        **{stage: first_stage(each) for stage, each in zip(STAGES, earlier, strict=False)},
        "speed": speed,
        **{name: dataclasses.asdict(likelihood) for name, likelihood in likelihoods.items()},
    }
    run_dir = published_dir(settings.files)
    examples = runs.examples(model, data, seed=seed)
    write_figure(run_dir, examples, model.levels)
    runs.write_run(run_dir, fields, model, examples, name=settings.files.publish)
    print(f"published: {run_dir}")


def first_stage(state: dict) -> dict:
    """How a stage of the training before the last was trained, and how it went."""
    best = int(np.argmin(state["history"]["val_loss"]))
    return {"training": state["training"], "best_epoch": best + 1, "history": state["history"]}


def write_figure(run_dir: pathlib.Path, examples: dict[str, np.ndarray], levels: int) -> None:
    """Write the picture that a run's model card shows, if there are drawn images."""
    if "drawn" in examples:
        drawn = examples["drawn"]
        picture = images.tile(drawn, levels, columns=len(drawn))
        images.save_png(run_dir / runs.FIGURE, picture)
