"""Ablations and dilations: each variant differs in one thing, and is written as it was trained."""

import dataclasses
import sys
import time

import ablations
import attention
import dilations
import gates
import numpy as np
import pytest
import stacks
import variants
from variants import WHOLE

import pcnnlib as pcnn
from pcnnlib import runs
from pcnnlib.models import architecture

COMPARISONS = [
    ablations.ABLATIONS,
    attention.ATTENTION,
    dilations.DILATIONS,
    gates.DIGITS,
    stacks.STACKS,
]
by_name = pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda c: c.name)


def described(comparison, name):
    """Architecture and training of a variant, as its published record has them, and its weights."""
    shape, levels = {"digits": ((8, 8, 1), 17), "mnist": ((28, 28, 1), 2)}[comparison.data]
    variant = comparison.variants[name]
    model = variant.network(shape, levels, **variant.arguments)
    return architecture(model), dataclasses.asdict(variant.training), model.count_params()


@by_name
def test_the_published_variants_are_those_of_the_script(comparison):
    """Commands of earlier commits; the networks, their trainings and their weights are the same."""
    published = runs.read_runs(comparison.name)
    assert published.keys() == {variants.folder(name) for name in comparison.variants}
    for name in comparison.variants:
        run = published[variants.folder(name)]
        model, training, parameters = described(comparison, name)
        assert run["variant"] == name and run["parameters"] == parameters
        if comparison.seconds is not None:
            fit = round(comparison.seconds / run["seconds_a_pass"])
            assert {len(history) for history in run["history"]} == {fit}
            training["epochs"] = fit
        assert run["training"] == training
        unknown = run.get("not_recorded", [])
        assert run["model"].keys() == model.keys()
        for argument, value in run["model"].items():
            assert value == (None if argument in unknown else model[argument]), (name, argument)


def test_each_ablation_changes_what_its_name_says():
    whole, training, weights = described(ablations.ABLATIONS, WHOLE)
    changed = {}
    for name in ablations.ABLATIONS.variants:
        model, other, parameters = described(ablations.ABLATIONS, name)
        fields = {k for k in whole if model.get(k) != whole[k]}
        changed[name] = fields | {k for k in training if other[k] != training[k]}
        assert (parameters == weights) == (changed[name] <= {"activation", "dilations", "ema"})
    one_stack = changed.pop("one stack, no gate")
    assert "class" in one_stack and "first_kernel_size" not in one_stack
    assert changed == {
        WHOLE: set(),
        "no gate": {"activation"},
        "no gate, no dilation": {"activation", "dilations"},
        "half as deep": {"blocks"},
        "twice as deep": {"blocks"},
        "no dilation": {"dilations"},
        "no averaged weights": {"ema"},
    }
    _, _, parameters = described(ablations.ABLATIONS, "one stack, no gate")
    assert parameters == pytest.approx(weights, rel=0.05)


def small(variant):
    """The same variant with a smaller network, trained for one epoch, by what compiles faster."""
    arguments = {**variant.arguments, "filters": 4, "blocks": 2}
    training = dataclasses.replace(variant.training, epochs=1, optimizer="adam")
    return dataclasses.replace(variant, arguments=arguments, training=training)


def test_a_variant_that_lasts_has_the_epochs_that_fit():
    variant = small(ablations.ABLATIONS.variants[WHOLE])
    assert variant.lasting(31, 2.0).training == dataclasses.replace(variant.training, epochs=16)
    assert variant.lasting(0.001, 2.0).training.epochs == 1


def test_variants_are_timed_in_turns_and_compiling_does_not_count(digits, monkeypatch):
    """The machine is slow in the first turn: each has its own fastest epoch from a later one."""
    trained = []

    def train(self, data, seed):
        trained.append((self.arguments["blocks"], len(data.train), len(data.validation)))
        slowness = 5 if len(trained) <= 2 else 1
        second = 0.1 * self.arguments["blocks"] * slowness
        return None, None, {"seconds": [0.01, second * 1.5, second, second * 2]}, None

    monkeypatch.setattr(variants.Variant, "train", train)
    whole = small(ablations.ABLATIONS.variants[WHOLE])
    deeper = dataclasses.replace(whole, arguments={**whole.arguments, "blocks": 3})
    data = dataclasses.replace(
        digits, train=digits.train.take(200), validation=digits.validation.take(30)
    )
    seconds = variants.seconds_a_pass({"two": whole, "three": deeper}, data)
    assert trained == [(2, 20, 3), (3, 20, 3)] * 3
    assert seconds == pytest.approx({"two": 2.0, "three": 3.0})


@pytest.mark.parametrize(
    "comparison",
    [attention.ATTENTION, stacks.STACKS, gates.DIGITS, gates.MNIST],
    ids=lambda c: c.name,
)
def test_networks_that_are_compared_have_the_same_number_of_weights(comparison):
    counts = [described(comparison, name)[2] for name in comparison.variants]
    assert max(counts) < 1.02 * min(counts)


def test_activations_are_compared_with_all_else_alike():
    for comparison in (gates.DIGITS, gates.MNIST):
        for name in comparison.variants:
            model, training, _ = described(comparison, name)
            whole, as_whole, _ = described(comparison, WHOLE)
            assert {k for k in whole if model[k] != whole[k]} <= {"activation", "filters"}
            assert training == as_whole and comparison.seconds is None


def test_the_data_set_chooses_the_comparison(digits, tmp_path, monkeypatch, capsys):
    tiny = [
        dataclasses.replace(
            comparison,
            data=name,
            variants={WHOLE: small(comparison.variants[WHOLE])},
            images=(40, 7),
        )
        for comparison, name in ((gates.DIGITS, "digits"), (gates.MNIST, "mnist"))
    ]
    monkeypatch.setattr(variants.pcnn, "load_dataset", lambda *args, **options: digits)
    measured = {"model": {}, "training": {}, "parameters": 1, "seconds": [1.0] * 2}
    measured["validation_nats"] = [[1.0], [2.0]]  # how they are measured is tested elsewhere
    monkeypatch.setattr(variants.Variant, "measure", lambda *args: dict(measured))
    words = ["gates.py", "--seeds", "2", "--results_path", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [*words, "--data", "mnist"])
    variants.main(*tiny, seeds=4)
    (run,) = runs.read_runs("mnist-gates", tmp_path).values()
    assert run["command"] == f"{gates.MNIST.command} --seeds 2"
    assert [path.name for path in tmp_path.iterdir()] == ["mnist-gates"]
    monkeypatch.setattr(sys, "argv", [*words, "--data", "faces"])
    with pytest.raises(SystemExit):
        variants.main(*tiny, seeds=4)
    assert "faces" in capsys.readouterr().err


def test_a_comparison_is_written_by_variant_and_read_back(digits, tmp_path, monkeypatch, capsys):
    few = {name: small(ablations.ABLATIONS.variants[name]) for name in (WHOLE, "no gate")}
    comparison = dataclasses.replace(ablations.ABLATIONS, variants=few, images=(40, 7))
    monkeypatch.setattr(variants.pcnn, "load_dataset", lambda *args, **options: digits)
    words = ["ablations.py", "--results_path", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    variants.main(comparison, seeds=2)
    written = runs.read_runs(comparison.name, tmp_path)
    assert written.keys() == {"whole", "no-gate"}
    for run in written.values():
        assert run["command"] == "python experiments/ablations.py --seeds 2"
        assert run["data"]["train"] == 40 and run["data"]["validation"] == 7
        assert np.shape(run["validation_nats"]) == (2, 7) and np.shape(run["history"]) == (2, 1)
        assert run["seeds"] == [0, 1] and "test" not in run and "config" not in run
        assert pcnn.TrainConfig(**run["training"]) == few[WHOLE].training
        # Each seed is another training, each variant another network.
        assert run["validation_nats"][0] != run["validation_nats"][1]
    assert len({tuple(run["validation_nats"][0]) for run in written.values()}) == 2
    assert written["no-gate"]["model"] == written["whole"]["model"] | {"activation": "relu_of_sum"}
    # Trained again from the same seed, by itself: the same nats.
    _, nats, _, _ = few["no gate"].train(comparison.load(None), 1)
    assert nats.round(4).tolist() == written["no-gate"]["validation_nats"][1]
    # What was asked for in vain is named, and nothing is trained.
    for more, named in ((["--only", "best"], "'best'"), (["--seeds", "1"], "got 1")):
        monkeypatch.setattr(sys, "argv", words + more)
        with pytest.raises(SystemExit):
            variants.main(comparison, seeds=2)
        assert named in capsys.readouterr().err


def test_an_image_is_timed_without_compiling(digits):
    class Slow:
        turns = 0

        def sample(self, n, seed):
            self.turns += 1
            time.sleep(0.2 if self.turns == 1 else 0.02)

    model = Slow()
    assert variants.seconds_drawn_image(model, 2, turns=2) == pytest.approx(0.01, abs=0.02)
    assert model.turns == 3


def test_missing_data_is_one_line(tmp_path, monkeypatch, capsys):
    def missing(*args, **options):
        raise pcnn.UsageError("data mnist cannot be read")

    monkeypatch.setattr(variants.pcnn, "load_dataset", missing)
    monkeypatch.setattr(sys, "argv", ["dilations.py", "--results_path", str(tmp_path)])
    with pytest.raises(SystemExit):
        variants.main(dilations.DILATIONS, seeds=2)
    assert "error: data mnist cannot be read" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
