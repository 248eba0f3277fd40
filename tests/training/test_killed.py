"""A run that is killed ends like one that was not, and nothing saved is ever lost."""

import signal

import keras
import numpy as np
import pytest
from training.drivers import FORKS, exit_code, start, train_and_die

from pcnnlib import training

pytestmark = [pytest.mark.robustness, pytest.mark.slow]


def arrays_of(path):
    with np.load(path) as archive:
        return {key: archive[key] for key in archive.files}


@pytest.mark.both_backends
@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_as_if_never_stopped(tmp_path, npz):
    """Bitwise, with dropout and averaged weights on: weights, optimiser and history.

    Killed in the middle of an epoch, with the best weights written under a scratch file's name or
    under their first one, with `last.keras` written but not in place, right after it, when the
    `best.keras` that it names has still its first name, and when all is in place.
    """
    data = npz(n=120)  # enough for every epoch to be the best so far
    folder, out = tmp_path / "killed", tmp_path / "killed.npz"
    whole = start(train_and_die, data, tmp_path / "whole", tmp_path / "whole.npz")
    moments = [
        ("from outside", 8),  # in the second epoch of six steps
        ("written", 1),  # the second epoch's best
        ("replaced", 1),  # its best has its first name, its last is not written
        ("written", 2),  # its last is on disk under another name
        ("batch", 3),
        ("replaced", 2),  # its last is in place, and names a best that is not
        ("replaced", 4),  # that best, and all of the third epoch, are in place
    ]
    if keras.backend.backend() == "jax":
        moments = [("from outside", 8), ("replaced", 2)]
    epochs = []
    for moment, count in moments:
        if moment == "from outside":
            steps, tell = FORKS.Pipe(duplex=False)
            process = start(train_and_die, data, folder, out, None, 0, tell)
            tell.close()
            for _ in range(count):
                assert steps.poll(240), "no step within four minutes"
                steps.recv()
            process.kill()
        else:
            process = start(train_and_die, data, folder, out, moment, count)
        assert exit_code(process) == -signal.SIGKILL, moment
        assert not out.exists()
        epochs.append(training.read_state(folder / training.LAST)["epoch"])
    last = start(train_and_die, data, folder, out)
    assert exit_code(whole) == exit_code(last) == 0
    assert epochs == sorted(epochs)
    assert epochs[0] == 1  # it did resume, and not from the start each time
    expected, got = arrays_of(tmp_path / "whole.npz"), arrays_of(out)
    assert expected.keys() == got.keys() and len(expected) > 20
    assert len(expected["loss"]) == 3
    for key in expected:
        np.testing.assert_array_equal(got[key], expected[key], err_msg=key)
    assert sorted(path.name for path in folder.iterdir()) == ["best.keras", "last.keras"]
