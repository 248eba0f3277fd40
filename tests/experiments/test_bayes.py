"""What is published of a classifier by Bayes' rule: every image scored, once, under every class."""

import bayes
import numpy as np
import pytest
from support import gated, random_images

import pcnnlib as pcnn
from pcnnlib import analysis, runs
from pcnnlib.data import Split


@pytest.fixture
def models(monkeypatch):
    monkeypatch.setattr(bayes, "BATCH", 4)
    return gated(condition=pcnn.Labels(3)), gated()


def test_all_images_are_scored_in_order_also_after_a_stop(models, tmp_path, capsys):
    images = random_images(10, (4, 4, 1), 2)  # two batches and a half
    kept = tmp_path / "ckpts" / "kept.npz"
    first, _ = bayes.score_all(*models, images[:6], kept)
    done, seconds = bayes.score_all(*models, images, kept)
    assert np.array_equal(done[:6], first) and seconds > 0
    labelled, plain = models
    expected = [*analysis.class_log_likelihoods(labelled, images).T, plain.log_likelihood(images)]
    # The same sums of some ten nats in another order, in float32.
    np.testing.assert_allclose(done, np.transpose(expected), atol=1e-4)
    capsys.readouterr()
    again, same = bayes.score_all(*models, images, kept)
    assert np.array_equal(again, done) and same == seconds
    assert not capsys.readouterr().out  # nothing was left to do


def test_the_record_holds_scores_and_the_surest_mistakes():
    scores = np.log([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])
    done = np.column_stack([scores, np.full(4, -1.5)])
    test = Split(random_images(4, (4, 4, 1), 2), np.array([0, 0, 0, 1]))
    arrays, fields = bayes.record(done, test)
    assert fields["accuracy"] == 0.25
    assert arrays["wrong"].tolist() == [1, 2, 3]  # the surest first
    assert np.array_equal(arrays["wrong_images"], test.images[[1, 2, 3]])
    assert fields["test"]["nats_per_image"] == pytest.approx(np.log(2))  # half of a sum of 1
    assert arrays["labels"].tolist() == [0, 0, 0, 1]
    np.testing.assert_allclose(arrays["unconditional"], -1.5)


def test_what_is_published_belongs_to_the_published_weights():
    run, arrays = runs.read_run(bayes.NAME), runs.read_examples(bayes.NAME)
    for name, checksum in run["settings"]["weights"].items():
        assert runs.read_run(name)["weights"]["values_sha256"] == checksum
    truth = arrays["labels"].astype(int)
    given = -arrays["log_likelihoods"][np.arange(len(truth)), truth].mean(dtype="float64")
    plain = -arrays["unconditional"].mean(dtype="float64")
    assert len(truth) == run["data"]["test"] == run["test"]["images"]
    # Batches of 250 here and of 100 there.
    published = (runs.read_run(name)["test"] for name in (bayes.LABELLED, bayes.PLAIN))
    for nats, test in zip((given, plain), published, strict=True):
        assert nats == pytest.approx(test["nats_per_image"], abs=1e-3)
    judged = arrays["log_likelihoods"].argmax(axis=1)
    assert run["accuracy"] == (judged == truth).mean()
    assert (judged[arrays["wrong"]] != truth[arrays["wrong"]]).all()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--images=5"], "--images rehearses: give it a --results_path of its own"),
        (["--images=0", "--results_path=x"], "--images must be at least 1, got 0"),
    ],
)
def test_a_rehearsal_never_touches_what_is_published(words, message, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["bayes.py", *words])
    with pytest.raises(SystemExit) as caught:
        bayes.main()
    assert caught.value.code == 2 and message in capsys.readouterr().err
