"""The lesson on leakage: it executes, and what must hold whatever the numbers are does hold."""

import json
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest
from unmask.dataset.face_set import FaceSet
from unmask.dataset.preprocess import build_faces
from unmask.dataset.settings import PreprocessSettings
from unmask.evaluation.ledger import read_ledger
from unmask.evaluation.metrics import compute_metrics
from unmask.evaluation.threshold import choose_threshold
from unmask.lessons.contrast import Contrast, conclusions, contrasts_table
from unmask.lessons.scoring import epoch_on_test, misalign, overlapping_cut, threshold_on_test
from unmask.lessons.trained import Trained
from unmask.runs import read_json
from unmask.sources.collect import Source, collect
from unmask.sources.files_table import build_files_table

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
LESSON = "learn/how_leakage_fools_you"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Returns the run folder of a tiny demo after the lesson, with clips of four pairs."""
    home = tmp_path_factory.mktemp("learn")
    run_folder = home / "runs" / "learn"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNMASK_HOME", str(home))
        demo = Source(kind="demo", identities=24, pictures=2, clips=8)
        files = build_files_table(collect(demo, jobs=2), dataset="demo", jobs=2)
        settings = PreprocessSettings(size=48, frames_per_clip=3, fractions=(0.5, 0.25, 0.25))
        build_faces(files, run_folder / "preprocess", settings)
        papermill.execute_notebook(
            str(NOTEBOOKS / f"{LESSON}.ipynb"),
            str(home / "executed.ipynb"),
            parameters={"run_folder": "runs/learn", "epochs": 3, "resamples": 100},
            cwd=str(NOTEBOOKS / "learn"),
            progress_bar=False,
        )
        yield run_folder


@pytest.fixture(scope="module")
def lesson(run):
    return read_json(run / "lesson" / "lesson.json")


@pytest.fixture(scope="module")
def trained(run):
    """Returns what the notebook trained, from the files it left; two epochs of made-up scores."""
    epochs = pd.read_csv(run / "lesson" / "epochs.csv")
    scores = pd.read_parquet(run / "lesson" / "scores.parquet")
    chosen = int(epochs["epoch"].iloc[int(epochs["val_auc"].argmax())])
    watched = scores[scores["split"] != "train"][["face_id", "split", "label", "score"]]
    by_epoch = pd.concat(
        [
            watched.assign(epoch=epoch, score=watched["score"] if epoch == chosen else 0.5)
            for epoch in epochs["epoch"]
        ]
    )
    return Trained(scores, epochs, by_epoch, chosen)


def of(lesson, mistake, measure="AUC"):
    found = [
        each
        for each in lesson["mistakes"]
        if each["mistake"] == mistake and each["measure"] == measure
    ]
    assert len(found) == 1
    return found[0]


def test_it_leaves_its_numbers_and_its_conclusion(run, lesson):
    summary = read_json(run / "lesson" / "summary.json")
    assert summary["sentence"].startswith("Of 6 public mistakes made on purpose")
    assert len({each["mistake"] for each in lesson["mistakes"]}) == 6
    for each in lesson["mistakes"]:
        for kind in ("false", "honest"):
            entry = each[kind]
            assert 0 <= entry["value"] <= 1
            assert entry["low"] is None or entry["low"] <= entry["value"] <= entry["high"]
        assert each["added"] == pytest.approx(each["false"]["value"] - each["honest"]["value"])
    uses, broken = read_ledger(run)
    assert broken == 0
    assert list(uses["reason"]) == 3 * ["mistakes made on purpose"]  # one for each epoch
    assert uses["scores"].nunique() == 3


def test_every_section_on_a_mistake_ends_with_a_question(run):
    notebook = nbformat.read(run.parents[1] / "executed.ipynb", as_version=4)
    asked = [cell.source for cell in notebook.cells if cell.source.startswith("**Ask:**")]
    assert len(asked) == 6
    assert all(text.rstrip().endswith("?") for text in asked)
    shown = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
    assert shown.count("image/png") >= 3 and '"alt": ""' not in shown


def test_the_overlapping_cut_holds_training_faces(lesson, trained):
    again = overlapping_cut(trained, seed=1 + 99, resamples=100)
    share = (again.cut["split"] == "train").mean()
    assert lesson["training_share"] == pytest.approx(share)
    assert 0.4 < share < 1 and "test" not in set(again.cut["split"])
    # the accuracy of the cut is that of its two parts, mixed
    threshold = choose_threshold(*(trained.of("val")[name] for name in ("label", "score")))
    right = (again.cut["score"] >= threshold) == again.cut["label"]
    of_part = right.groupby(again.cut["split"]).mean()
    mixed = share * of_part["train"] + (1 - share) * of_part["val"]
    assert of(lesson, "a test cut that overlaps training", "accuracy")["false"][
        "value"
    ] == pytest.approx(mixed)


def test_misaligned_labels_are_the_same_labels_beside_the_same_scores(run, lesson, trained):
    faces = FaceSet.load(run).table
    found = misalign(trained, faces, seed=1, resamples=100, orders=3)
    test = trained.of("test")
    assert sorted(found.labels) == sorted(test["label"])
    entry = of(lesson, "labels in another order than the scores")
    for kind, labels in (("false", found.labels), ("honest", test["label"])):
        area = compute_metrics(labels, test["score"], 0.5)["auc"]
        assert entry[kind]["value"] == pytest.approx(area)
    assert "have another label than in the faces table" in found.refusal


def test_a_threshold_chosen_on_test_never_loses_there(lesson, trained):
    entry = of(lesson, "a threshold chosen on test", "balanced accuracy")
    assert entry["false"]["value"] >= entry["honest"]["value"]
    generator = np.random.default_rng(0)
    for _ in range(20):  # whatever the scores
        other = trained.scores.assign(score=generator.random(len(trained.scores)).round(1))
        contrast, _ = threshold_on_test(
            Trained(other, trained.epochs, trained.by_epoch, 1), resamples=2
        )
        assert contrast.false.value >= contrast.honest.value


def test_the_epoch_that_test_likes_best_is_at_least_as_good_there(lesson, trained):
    entry = of(lesson, "the best of many epochs, chosen on test")
    assert entry["false"]["value"] == pytest.approx(trained.epochs["test_auc"].max())
    honest = trained.epochs.set_index("epoch")["test_auc"][trained.chosen]
    assert entry["honest"]["value"] == pytest.approx(honest)
    contrast, _ = epoch_on_test(trained, resamples=2)
    assert contrast.honest.value == pytest.approx(honest)


def test_the_format_leak_is_perfect_and_gone_when_all_files_are_alike(lesson):
    entry = of(lesson, "file formats that tell the class", "accuracy")
    assert entry["false"]["value"] >= 0.9
    # it calls every face fake then: all have the fakes' quality, and classes are equal
    assert entry["honest"]["value"] == pytest.approx(0.5, abs=0.15)


def test_frames_of_a_clip_find_their_neighbours(lesson):
    entry = of(lesson, "frames of one clip on both sides")
    assert entry["false_faces"] == entry["honest_faces"]
    assert entry["false"]["value"] > entry["honest"]["value"]


def test_what_is_said_follows_from_the_numbers():
    from unmask.evaluation.rates import Interval

    clear = Contrast("a", "AUC", Interval(0.9, 0.85, 0.95), Interval(0.6, 0.5, 0.7), 100, 100)
    vague = Contrast("b", "AUC", Interval(1.0, 0.4, 1.0), Interval(0.2, 0.0, 0.6), 8, 8)
    small = Contrast("c", "AUC", Interval(0.604, 0.5, 0.7), Interval(0.6, 0.5, 0.7), 100, 100)
    lost = Contrast("d", "AUC", Interval(0.5, None, None), Interval(0.9, 0.8, 1.0), 100, 100)
    sentences = conclusions([vague, clear, small, lost], ["Nothing more."])
    assert sentences[0] == (
        "Of 4 public mistakes made on purpose, the one that flatters most clearly here is a: AUC "
        "0.900 where 0.600 is honest."
    )
    assert sentences[2].endswith("on 100; here it adds 0.300.")
    assert sentences[3].endswith("here it changes next to nothing (+0.004).")
    assert sentences[4].endswith("here it takes 0.400.") and sentences[5] == "Nothing more."
    assert "though the two intervals overlap" in conclusions([vague])[0]
    assert list(contrasts_table([clear])["the mistake adds"]) == ["+0.300"]
