"""Training: a run that is killed ends like one that was not, and nothing saved is ever lost."""

import dataclasses
import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from conftest import write_npz
from support import gated, on_both, plain, random_images

import pcnnlib as pcnn
from pcnnlib import backend, training
from pcnnlib.errors import UsageError

HERE = pathlib.Path(__file__).parent
SMALL = {"blocks": 2, "filters": 4, "batch_size": 12, "learning_rate": 0.01, "epochs": 4}


def config(data, **changes):
    return pcnn.RunConfig(data=data.name, **{**SMALL, **changes})


def run(data, checkpoint_dir=None, *, callbacks=(), about=None, **changes):
    """Train a new model; return `(model, history)`."""
    settings = config(data, **changes)
    model = pcnn.build_model(settings, data)
    options = {"checkpoint_dir": folder, "callbacks": callbacks, "about": about}
    return model, training.train(model, data, settings, **options)


@pytest.fixture(scope="module")
def finished(tiny_data, tmp_path_factory):
    """A finished run with averaged weights: `(model, history, folder)`. Not to be changed."""
    folder = tmp_path_factory.mktemp("finished")
    model, history = run(tiny_data, folder, ema=0.9)
    return model, history, folder


# ---------------------------------------------------------------- killed and resumed


def start(data, folder, out, *moment):
    # Output goes nowhere but for "tell": a full pipe would stop the process.
    return subprocess.Popen(
        [sys.executable, HERE / "train_driver.py", data, folder, out, *map(str, moment)],
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def arrays_of(path):
    with np.load(path) as archive:
        return {key: archive[key] for key in archive.files}


@pytest.mark.both_backends
@pytest.mark.slow
def test_run_killed_again_and_again_ends_as_if_never_stopped(tmp_path, npz):
    """Bitwise, with dropout and averaged weights on: weights, optimiser and history.

    Killed in the middle of an epoch, with `best.keras` written but not in place, with `best.keras`
    replaced and `last.keras` not, with `last.keras` written but not in place, and right after it.
    """
    data = npz(n=120)  # enough for every epoch to be the best so far
    folder = tmp_path / "killed"
    whole = start(data, tmp_path / "whole", tmp_path / "whole.npz")
    moments = [
        ("tell", 8),  # killed from outside, in the second epoch of six steps
        ("written", 1),  # the second epoch's best
        ("replaced", 1),  # its best is in place, its last is not
        ("written", 2),  # its last is on disk under another name
        ("batch", 3),
        ("replaced", 2),  # all is in place, and the process dies before the next epoch
    ]
    if keras.backend.backend() == "jax":
        moments = [("tell", 8), ("replaced", 1)]
    epochs = []
    for moment, count in moments:
        process = start(data, folder, tmp_path / "killed.npz", moment, count)
        if moment == "tell":
            for _ in range(count):
                assert process.stdout.readline() == "step\n", process.stderr.read()
            process.kill()
        output = process.communicate(timeout=240)
        assert process.returncode == -signal.SIGKILL, output
        epochs.append(training.read_state(folder / training.LAST)["epoch"])
    last = start(data, folder, tmp_path / "killed.npz")
    for process in (whole, last):
        output = process.communicate(timeout=240)
        assert process.returncode == 0, output
    assert epochs == sorted(epochs)
    assert epochs[0] == 1  # it did resume, and not from the start each time
    expected, got = arrays_of(tmp_path / "whole.npz"), arrays_of(tmp_path / "killed.npz")
    assert expected.keys() == got.keys()
    assert len(expected["loss"]) == 3
    for key in expected:
        np.testing.assert_array_equal(got[key], expected[key], err_msg=key)
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["best.keras", "last.keras"]


@pytest.mark.both_backends
def test_run_resumed_for_more_epochs_goes_on_where_it_stopped(tiny_data, tmp_path):
    _, first = run(tiny_data, tmp_path, epochs=1)
    model, history = run(tiny_data, tmp_path, epochs=2)
    assert history["loss"][:1] == first["loss"]
    assert len(history["loss"]) == len(history["val_loss"]) == len(history["seconds"]) == 2
    best = pcnn.load_model(tmp_path / training.BEST)
    for a, b in zip(model.get_weights(), best.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_checkpoint_knows_of_every_start_that_trained(tiny_data, tmp_path):
    for epochs, machine in ((1, "a"), (1, "b"), (3, "c")):  # the second finds nothing to train
        run(tiny_data, tmp_path, epochs=epochs, about={"machine": machine})
    starts = training.read_state(tmp_path / training.LAST)["starts"]
    assert starts == [{"epoch": 0, "machine": "a"}, {"epoch": 1, "machine": "c"}]


def test_accumulation_on_several_devices_is_refused_where_keras_cannot(tiny_data, monkeypatch):
    monkeypatch.setattr(backend, "replicas", lambda: 2)
    with pytest.raises(UsageError, match="accumulate must be 1 on several devices under tensorf"):
        run(tiny_data, batch_size=4, accumulate=2)


@pytest.fixture(scope="module")
def colour_data(tmp_path_factory):
    """40 images of 4x4 in three channels, 256 levels, three classes."""
    path = tmp_path_factory.mktemp("data") / "colour.npz"
    return pcnn.load_dataset(write_npz(path, shape=(4, 4, 3), levels=256))


COLOUR = {"distribution": "logistic_mixture", "components": 2, "flip": True, "dropout": 0.2}


def test_colour_run_stopped_and_resumed_ends_as_if_never_stopped(colour_data, tmp_path):
    """Bitwise, with a mixture, images mirrored at random, dropout and averaged weights."""
    options = {**COLOUR, "ema": 0.5, "epochs": 3}

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    whole, expected = run(colour_data, tmp_path / "whole", **options)
    with pytest.raises(KeyboardInterrupt):
        run(colour_data, tmp_path / "stopped", callbacks=[Stop()], **options)
    assert training.read_state(tmp_path / "stopped" / training.LAST)["epoch"] == 2
    resumed, history = run(colour_data, tmp_path / "stopped", **options)
    for name in ("loss", "val_loss"):
        assert history[name] == expected[name]
    for a, b in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_only_training_images_are_mirrored(colour_data):
    """The validation loss on record is that of the images as they are."""
    model, history = run(colour_data, ema=0.0, **{**COLOUR, "epochs": 1})
    nats = pcnn.evaluate(model, colour_data.validation).nats_per_image
    assert nats == pytest.approx(history["val_loss"][0], rel=1e-5)  # float32 means
    _, plain_history = run(colour_data, ema=0.0, **{**COLOUR, "epochs": 1, "flip": False})
    assert plain_history["loss"] != history["loss"]


@pytest.mark.parametrize("options", [{}, COLOUR], ids=["categorical", "mixture"])
def test_colour_runs_learn(colour_data, options):
    sizes = {"filters": 6, "epochs": 6, **options}
    model, history = run(colour_data, **sizes)
    assert history["loss"][-1] < history["loss"][0]
    best = pcnn.evaluate(model, colour_data.validation).nats_per_image
    assert best == pytest.approx(min(history["val_loss"]), rel=1e-5)


def without(path, *names):
    """Rewrite a checkpoint as from before these fields of the configuration existed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    state = json.loads(members[training.STATE])
    for name in names:
        del state["run"][name], state["config"][name]
    members[training.STATE] = json.dumps(state).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_a_run_from_before_a_setting_existed_had_its_default(tiny_data, tmp_path):
    _, first = run(tiny_data, tmp_path, epochs=1)
    without(tmp_path / training.LAST, "flip", "distribution", "components", "dilations")
    with pytest.raises(UsageError, match="is of a run with flip=False, not True"):
        run(tiny_data, tmp_path, epochs=2, flip=True)
    _, history = run(tiny_data, tmp_path, epochs=2)
    assert history["loss"][:1] == first["loss"]


def test_finished_run_is_not_trained_again(tiny_data, finished):
    model, history, folder = finished
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    again, same = run(tiny_data, folder, ema=0.9)
    assert same == history
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_same_seed_same_run_and_another_seed_another(tiny_data, finished):
    _, history, _ = finished
    _, same = run(tiny_data, ema=0.9)
    assert (same["loss"], same["val_loss"]) == (history["loss"], history["val_loss"])
    _, other = run(tiny_data, ema=0.9, seed=1, epochs=1)
    assert other["loss"][0] != history["loss"][0]


# ---------------------------------------------------------------- averages and the best weights


@pytest.mark.both_backends
def test_averaged_weights_are_the_moving_average_of_the_weights(tiny_data):
    """Recomputed in NumPy after every step: a <- m*a + (1-m)*w, beginning with the first w."""
    seen = []

    class Recorder(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if hasattr(self.model, "jax_state_sync"):
                self.model.jax_state_sync()
            seen.append([np.array(w) for w in self.model.get_weights()])

        def on_epoch_end(self, epoch, logs=None):
            self.averaged = training.averaged_weights(self.model)

    recorder = Recorder()
    run(tiny_data, callbacks=[recorder], ema=0.8, epochs=3, batch_size=6)
    momentum = min(0.8, 1 - 10 / len(seen))  # over at most a tenth of the run
    assert momentum > 0
    average = seen[0]
    for weights in seen[1:]:
        pairs = zip(average, weights, strict=True)
        average = [momentum * a + (1 - momentum) * w for a, w in pairs]
    for mine, theirs in zip(average, recorder.averaged, strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-4, atol=1e-6)  # 18 float32 steps
    assert any((a != w).any() for a, w in zip(recorder.averaged, seen[-1], strict=True))


@pytest.mark.parametrize("ema", on_both([0.9, 0.0], "0.9"))
def test_best_weights_give_the_best_validation_loss_on_record(tiny_data, tmp_path, ema):
    model, history = run(tiny_data, tmp_path, ema=ema, epochs=3)
    best = pcnn.load_model(tmp_path / training.BEST)
    assert not best.compiled  # weights alone are kept
    for one in (model, best):
        nats = pcnn.evaluate(one, tiny_data.validation).nats_per_image
        # Keras averages in float32 over the same images.
        assert nats == pytest.approx(min(history["val_loss"]), rel=1e-5)


def test_best_is_not_the_last_where_validation_worsens(tiny_data, tmp_path):
    """A learning rate that ruins the model after a good start."""

    class Ruin(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                self.model.set_weights([w + 3.0 for w in self.model.get_weights()])

    model, history = run(tiny_data, tmp_path, ema=0.0, epochs=3, callbacks=[Ruin()])
    assert np.argmin(history["val_loss"]) < 2
    nats = pcnn.evaluate(model, tiny_data.validation).nats_per_image
    assert nats == pytest.approx(min(history["val_loss"]), rel=1e-5)
    last = pcnn.load_model(tmp_path / training.LAST)
    assert pcnn.evaluate(last, tiny_data.validation).nats_per_image > 1.1 * nats


def test_training_learns(tiny_data, finished):
    model, history, _ = finished
    assert history["val_loss"][-1] < history["val_loss"][0]
    assert pcnn.evaluate(model, tiny_data.test).bits_per_dim < 1


def test_conditional_run_uses_the_labels(tiny_data):
    model, history = run(tiny_data, conditional=True, epochs=2)
    assert model.condition == pcnn.Labels(3)
    nats = pcnn.evaluate(model, tiny_data.validation).nats_per_image
    assert nats == pytest.approx(min(history["val_loss"]), rel=1e-5)


def test_pixelcnn_can_be_trained_too(tiny_data, tmp_path):
    settings = config(tiny_data, epochs=1)
    training.train(plain(), tiny_data, settings, checkpoint_dir=tmp_path)
    assert isinstance(pcnn.load_model(tmp_path / training.BEST), pcnn.PixelCNN)


def test_no_epochs_is_no_training(tiny_data, tmp_path):
    model, history = run(tiny_data, tmp_path, epochs=0)
    assert history == {"loss": [], "val_loss": [], "seconds": []}
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- the schedule


def test_learning_rate_rises_in_the_warm_up_and_falls_along_a_cosine():
    settings = pcnn.RunConfig(learning_rate=0.01, warmup=0.1, final_rate=0.05, epochs=10)
    rate = training.make_optimizer(settings, steps_per_epoch=20)._learning_rate
    for step in (0, 5, 10, 19, 20, 110, 150, 199, 200, 1000):
        if step < 20:
            expected = 0.01 * step / 20
        else:
            along = min(1, (step - 20) / 180)
            expected = 0.01 * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * along)))
        assert float(rate(step)) == pytest.approx(expected, rel=1e-5, abs=1e-9)  # float32


def test_without_a_warm_up_the_rate_starts_at_its_highest():
    settings = pcnn.RunConfig(learning_rate=0.01, warmup=0.0, final_rate=0.0, epochs=2)
    rate = training.make_optimizer(settings, steps_per_epoch=5)._learning_rate
    assert float(rate(0)) == pytest.approx(0.01)
    assert float(rate(10)) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("grad_clip, kept", [(3.0, 3.0), (1000.0, 50.0)])
def test_gradients_are_clipped_by_their_global_norm(grad_clip, kept):
    """Adam's first average of the gradient is a tenth of what clipping left of it."""
    settings = pcnn.RunConfig(optimizer="adam", grad_clip=grad_clip)
    optimizer = training.configured_optimizer(settings, 0.1, 0.0)
    weights = [keras.Variable(np.zeros(n, "float32")) for n in (1, 2)]
    optimizer.build(weights)
    gradients = [np.array(g, "float32") for g in ([30.0], [0.0, -40.0])]
    optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients])
    averages = np.concatenate([np.array(m) for m in optimizer._momentums])
    np.testing.assert_allclose(averages, 0.1 * kept / 50 * np.array([30, 0, -40]), rtol=1e-5)


@pytest.mark.both_backends
@pytest.mark.parametrize(
    "optimizer, decay, kept", [("muon", 0.5, 0.95), ("muon", 0, 1.0), ("adam", 0.5, 1.0)]
)
def test_only_the_matrices_of_muon_are_shrunk(tiny_data, optimizer, decay, kept):
    """Without a gradient a step of rate 0.1 leaves nothing but the decay to be seen."""
    settings = config(tiny_data, optimizer=optimizer, weight_decay=decay)
    model = training.build_model(settings, tiny_data)
    optimizer = training.configured_optimizer(settings, 0.1, 0.0)
    weights = model.trainable_variables
    for weight in weights:
        weight.assign(np.ones(weight.shape))
    optimizer.build(weights)
    optimizer.apply([keras.ops.zeros(weight.shape) for weight in weights])
    for weight in weights:
        matrix = weight.path.endswith("kernel") and "predict" not in weight.path
        expected = kept if matrix else 1.0
        np.testing.assert_allclose(np.array(weight), expected, rtol=1e-6, err_msg=weight.path)


def test_average_reaches_back_over_at_most_a_tenth_of_the_run(tiny_data):
    momentum = [
        training.make_optimizer(config(tiny_data, epochs=epochs, ema=0.99), 10).ema_momentum
        for epochs in (1, 2, 10, 100, 1000)
    ]
    assert momentum == pytest.approx([0.0, 0.5, 0.9, 0.99, 0.99])


@pytest.mark.both_backends
def test_accumulated_gradients_give_the_weights_of_the_larger_batch(tiny_data):
    """36 images in batches of 12, or of 4 and three to an update: the same images in each."""
    # A constant rate, since the schedule goes by batches.
    options = {"ema": 0.0, "epochs": 1, "learning_rate": 1e-3, "warmup": 0.0, "final_rate": 1.0}
    large, _ = run(tiny_data, batch_size=12, **options)
    accumulated, _ = run(tiny_data, batch_size=4, accumulate=3, **options)
    smaller, _ = run(tiny_data, batch_size=4, **options)
    assert int(accumulated.optimizer.iterations) == int(large.optimizer.iterations) == 3
    for a, b in zip(accumulated.get_weights(), large.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    far = [
        np.abs(a - b).max() for a, b in zip(smaller.get_weights(), large.get_weights(), strict=True)
    ]
    assert max(far) > 1e-3  # or the comparison could not have failed


@pytest.mark.both_backends
@pytest.mark.slow
def test_two_devices_give_the_weights_of_one(tmp_path, npz):
    """With a last batch that two cannot share evenly, labels, and averaged weights."""
    out = tmp_path / "out.npz"
    subprocess.run(
        [sys.executable, HERE / "devices_driver.py", npz(n=41), out],
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        check=True,
        capture_output=True,
    )
    got = arrays_of(out)
    assert got["uneven"] and got["replicas_1"] == 1 and got["replicas_2"] == 2
    weights = [key for key in got if key.startswith("weights_1")]
    assert weights
    for key in weights:
        np.testing.assert_allclose(got[key.replace("_1", "_2", 1)], got[key], atol=1e-5)


def test_batches_are_filled_up_with_images_that_weigh_nothing(tiny_data):
    one = tiny_data.train.batches(10, seed=1)
    shared = tiny_data.train.batches(10, seed=1, multiple=5)
    assert len(tiny_data.train) == 36 and shared.num_batches == one.num_batches == 4
    images, _, weights = shared[3]
    np.testing.assert_array_equal(images[:6], one[3][0])
    assert images.shape[0] == 10
    np.testing.assert_allclose(weights, [10 / 6] * 6 + [0] * 4)
    with pytest.raises(UsageError, match="batch_size must be a multiple of the 3 devices, got 10"):
        tiny_data.train.batches(10, multiple=3)


@pytest.mark.both_backends
def test_mixed_precision_trains_float32_weights_and_resumes(tiny_data, tmp_path):
    model, history = run(tiny_data, tmp_path, epochs=2, precision="mixed_bfloat16")
    assert history["loss"][1] < history["loss"][0]
    best = pcnn.load_model(tmp_path / training.BEST)
    assert best.compute_dtype == "bfloat16"
    assert {str(weight.dtype) for weight in best.weights} == {"float32"}
    _, history = run(tiny_data, tmp_path, epochs=3, precision="mixed_bfloat16")
    assert len(history["loss"]) == 3


def test_profiler_records_the_batches_asked_for(tiny_data, tmp_path):
    settings = config(tiny_data, epochs=1)
    model = pcnn.build_model(settings, tiny_data)
    training.train(model, tiny_data, settings, log_dir=tmp_path, profile=(1, 2))
    assert list(tmp_path.rglob("*.xplane.pb"))


# ---------------------------------------------------------------- what is not resumed


@pytest.mark.parametrize(
    "changes",
    [{"filters": 8}, {"seed": 1}, {"ema": 0.5}, {"batch_size": 7}, {"learning_rate": 0.5}],
    ids=lambda changes: next(iter(changes)),
)
def test_another_runs_folder_is_refused_and_left_alone(tiny_data, finished, changes):
    _, _, folder = finished
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    name, value = next(iter(changes.items()))
    with pytest.raises(UsageError, match=f"is of a run with {name}=.*, not {value}") as raised:
        run(tiny_data, folder, **{"ema": 0.9, **changes})
    assert "\n" not in str(raised.value)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_run_on_other_images_is_refused(tiny_data, finished, npz):
    other = pcnn.load_dataset(npz(seed=5))
    other = dataclasses.replace(other, name=tiny_data.name)
    with pytest.raises(UsageError, match="is of a run with data_checksum="):
        run(other, finished[2], ema=0.9)


def test_another_kind_of_model_is_refused(tiny_data, finished):
    with pytest.raises(UsageError, match="does not fit this model") as raised:
        settings = config(tiny_data, ema=0.9, epochs=9)
        training.train(plain(), tiny_data, settings, checkpoint_dir=finished[2])
    assert "\n" not in str(raised.value)


def whole_and_spoilt(path, kind):
    whole = path.read_bytes()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(whole[: len(whole) * 2 // 3])
    elif kind == "text":
        path.write_text("not a checkpoint")
    elif kind == "flipped":
        # In the middle of the weights, which a checksum guards.
        with zipfile.ZipFile(path) as archive:
            at = archive.getinfo("model.weights.h5").header_offset + 2000
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("hello.txt", "hello")
    elif kind == "no state":
        gated().save(path)
    elif kind == "foreign state":
        gated().save(path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(training.STATE, json.dumps([1, 2]))
    elif kind == "folder":
        path.unlink()
        path.mkdir()
    elif kind == "foreign model":
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        with zipfile.ZipFile(path) as archive:
            state = archive.read(training.STATE)
        model.save(path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(training.STATE, state)


SPOILT = ["empty", "truncated", "text", "flipped", "zip"]


@pytest.mark.parametrize("kind", [*SPOILT, "no state", "foreign state", "foreign model", "folder"])
def test_damaged_or_foreign_checkpoints_are_refused(tiny_data, finished, tmp_path, kind):
    for path in finished[2].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    whole_and_spoilt(tmp_path / training.LAST, kind)
    best = (tmp_path / training.BEST).read_bytes()
    with pytest.raises(UsageError, match=training.LAST) as raised:
        run(tiny_data, tmp_path, ema=0.9)
    assert "\n" not in str(raised.value)
    assert (tmp_path / training.BEST).read_bytes() == best


@pytest.mark.parametrize("kind", [*SPOILT, "folder"])
def test_damaged_models_are_not_loaded(finished, tmp_path, kind):
    path = tmp_path / "model.keras"
    path.write_bytes((finished[2] / training.BEST).read_bytes())
    whole_and_spoilt(path, kind)
    with pytest.raises(UsageError, match="checkpoint .*model.keras") as raised:
        pcnn.load_model(path)
    assert "\n" not in str(raised.value)


def test_models_of_another_kind_are_not_loaded(tmp_path):
    path = tmp_path / "other.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(path)
    with pytest.raises(UsageError, match="holds a Sequential, wanted a model of pcnnlib"):
        pcnn.load_model(path)


def test_code_hidden_in_a_model_is_not_run(tmp_path):
    found_out = tmp_path / "it ran"
    path = tmp_path / "lambda.keras"

    def touch(x):
        open(found_out, "w").close()
        return x

    keras.Sequential([keras.Input((3,)), keras.layers.Lambda(touch)]).save(path)
    found_out.unlink(missing_ok=True)
    with pytest.raises(UsageError, match="is damaged or no Keras model"):
        pcnn.load_model(path)
    assert not found_out.exists()


def test_a_missing_checkpoint_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="checkpoint .*none.keras does not exist"):
        pcnn.load_model(tmp_path / "none.keras")


# ---------------------------------------------------------------- saving in one step


def test_full_disk_leaves_the_old_file_and_says_so_in_one_line(tmp_path):
    """A real limit on the size of files, in a process of its own."""
    path = tmp_path / "last.keras"
    model = gated(filters=16)
    state = {"epoch": 1, "history": {}, "random": [], "run": {}}
    training.save(model, path, state=state)
    before = path.read_bytes()
    code = f"""
import resource, signal, sys
import pcnnlib as pcnn
from pcnnlib import training
model = pcnn.load_model({str(path)!r})
model.compile()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error, as from a full disk, not a signal
for limit in (0, 100, 5000, 40000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        training.save(model, {str(path)!r}, state={{"epoch": 2, "padding": "x" * 40000}})
    except pcnn.UsageError as error:
        assert "cannot be written" in str(error) and "\\n" not in str(error), str(error)
    else:
        sys.exit(f"nothing raised at {{limit}}")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert path.read_bytes() == before
    assert training.read_state(path) == state
    assert [p.name for p in tmp_path.iterdir()] == ["last.keras"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("HDF5\nx")])
def test_failed_save_leaves_the_old_file_and_no_scratch(tmp_path, monkeypatch, error):
    path = tmp_path / "model.keras"
    model = gated()
    training.save(model, path)
    before = path.read_bytes()

    def fail(self, filepath, **kwargs):
        pathlib.Path(filepath).write_bytes(b"half")
        raise error

    monkeypatch.setattr(type(model), "save", fail)
    with pytest.raises(UsageError, match="model.keras cannot be written") as raised:
        training.save(model, path)
    assert "\n" not in str(raised.value)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.keras"]


def test_failed_save_of_the_best_keeps_the_weights_in_training(tiny_data, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "save", lambda *a, **k: (_ for _ in ()).throw(UsageError("full")))
    settings = config(tiny_data, ema=0.9, epochs=2)
    model = pcnn.build_model(settings, tiny_data)
    with pytest.raises(UsageError, match="^full$"):
        training.train(model, tiny_data, settings, checkpoint_dir=tmp_path)


def test_folder_that_is_a_file_is_one_line(tiny_data, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="cannot be written") as raised:
        run(tiny_data, tmp_path / "file", epochs=1)
    assert "\n" not in str(raised.value)
    assert (tmp_path / "file").read_text() == "mine"


def test_saved_model_gives_the_same_likelihoods(finished, tmp_path):
    model, _, _ = finished
    training.save(model, tmp_path / "a.keras")
    images = random_images(5, (4, 4, 1), 2)
    copy = pcnn.load_model(tmp_path / "a.keras")
    np.testing.assert_array_equal(copy.log_likelihood(images), model.log_likelihood(images))


# ---------------------------------------------------------------- configuration


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dilations": (1, 0)}, "each of dilations must be an integer >= 1, got 0"),
        ({"dilations": ()}, "dilations must be a list of integers"),
        ({"blocks": 0}, "blocks must be an integer >= 1, got 0"),
        ({"filters": 2.0}, "filters must be an integer"),
        ({"batch_size": 0}, "batch_size must be an integer >= 1, got 0"),
        ({"epochs": -1}, "epochs must be an integer >= 0, got -1"),
        ({"seed": -1}, "seed must be an integer >= 0, got -1"),
        ({"learning_rate": 0}, "learning_rate must be a finite number > 0, got 0"),
        ({"learning_rate": "0.1"}, "learning_rate must be a finite number > 0, got '0.1'"),
        ({"grad_clip": float("nan")}, "grad_clip must be a finite number > 0, got nan"),
        ({"weight_decay": -1}, "weight_decay must be a finite number >= 0, got -1"),
        ({"warmup": 1.5}, "warmup must be a finite number >= 0 and <= 1, got 1.5"),
        ({"dropout": 1}, "dropout must be below 1, got 1"),
        ({"ema": 1.0}, "ema must be below 1, got 1.0"),
        ({"ema": -0.5}, "ema must be a finite number >= 0"),
    ],
)
def test_configuration_refuses(arguments, message):
    with pytest.raises(UsageError, match=message):
        pcnn.RunConfig(**arguments)


def test_configuration_knows_its_fields_and_cannot_be_changed():
    with pytest.raises(TypeError, match="layers"):
        pcnn.RunConfig(layers=3)
    with pytest.raises(dataclasses.FrozenInstanceError):
        pcnn.RunConfig().epochs = 3


def test_configuration_of_numpy_numbers_can_be_saved(tiny_data, tmp_path):
    """A sweep's values often come out of NumPy, which JSON does not take."""
    settings = config(tiny_data, epochs=np.int64(1), learning_rate=np.float32(0.01))
    model = pcnn.build_model(settings, tiny_data)
    training.train(model, tiny_data, settings, checkpoint_dir=tmp_path)
    assert training.read_state(tmp_path / training.LAST)["epoch"] == 1


def test_autoencoder_is_given_its_own_code_and_no_labels(tiny_data):
    model = pcnn.build_model(config(tiny_data, code_size=3), tiny_data)
    assert isinstance(model, pcnn.PixelCNNAutoencoder) and model.code_size == 3
    with pytest.raises(UsageError, match="conditional must be False for an autoencoder"):
        config(tiny_data, code_size=3, conditional=True)


def test_conditional_run_needs_labels(tiny_data):
    without = dataclasses.replace(tiny_data, classes=None)
    with pytest.raises(UsageError, match="a conditional model needs labels"):
        pcnn.build_model(config(tiny_data, conditional=True), without)
