"""One detector behind everything: asked about the very files, it gives the scores of the run."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_run import RUN
from unmask.dataset.face_set import FaceSet
from unmask.errors import DataError, UsageError
from unmask.evaluation.calibration import add_calibrated
from unmask.evaluation.ensemble_members import write_ensembles
from unmask.evaluation.ensembles import METHODS, combine, fit_ensembles
from unmask.evaluation.members import (
    best_on_validation,
    evaluate_and_write,
    find_results,
    scores_to_join,
)
from unmask.runs import read_json, resolve, step_folder
from unmask.training.member import train_member
from unmask.training.recipe import Recipe, plan_training
from unmask.verdict import FAKE, NO_FACE, REAL, UNSURE, Detector
from unmask.verdict.detector import NO_RATES
from unmask.verdict.measuring import card_of_report, write_card
from unmask.verdict.opening import IN_MEMORY
from unmask.verdict.safe_loading import Refused
from unmask.verdict.stills import crops_of, heat_words

STEPS = ("architecture_small", "architecture_lenet")
SAME = 1e-6


@pytest.fixture(scope="module")
def home(tiny_home, tmp_path_factory):
    """The tiny run with a network of two trainings and all ensembles; a copy, to be changed."""
    home = tmp_path_factory.mktemp("asked")
    shutil.copytree(tiny_home / RUN, home / RUN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNMASK_HOME", str(home))
        faces = FaceSet.load(RUN)
        recipe = Recipe(network="lenet", epochs=1)
        plan = plan_training(recipe, faces.pixels.shape[1:], "lenet", STEPS[1])
        folder = step_folder(RUN, STEPS[1]) / "lenet"
        train_member(
            plan.member, faces.pixels, faces.table, plan.settings, folder, (1, 2), add_calibrated
        )
        evaluate_and_write(folder, faces.table, rule="balanced_accuracy", resamples=20)
        members, _ = find_results(RUN, faces.table, STEPS)
        ensembles, notices = fit_ensembles(combine(scores_to_join(members)))
        assert not notices and set(ensembles) == set(METHODS)
        write_ensembles(step_folder(RUN, "ensemble"), ensembles, members)
        for name in ensembles:
            folder = step_folder(RUN, "ensemble") / name
            evaluate_and_write(folder, faces.table, rule="balanced_accuracy", resamples=20)
        yield home


@pytest.fixture(scope="module")
def test_faces(home):
    """The test faces that are pictures."""
    table = FaceSet.load(RUN).table
    table = table[(table["split"] == "test") & table["path"].str.endswith(".jpg")]
    return table.groupby("label").head(6).reset_index(drop=True)


@pytest.fixture(scope="module")
def networks(home):
    """The open networks of all members, so that each is opened once."""
    return Detector.load(RUN + "/ensemble/mean_ensemble", faces="whole")._scorer.networks


def load(step, member, networks):
    """Loads a detector; the files of its networks are those that `networks` has open."""
    detector = Detector.load(f"{RUN}/{step}/{member}", faces="whole")
    own = {name: networks[name] for name in detector._scorer.networks}
    shared = replace(detector._scorer, networks=own)
    detector._scorer, detector._clips = shared, replace(detector._clips, score=shared)
    return detector


def stored(step, member):
    """Returns the run's score of each face: the mean of its trainings."""
    table = pd.read_parquet(resolve(RUN) / step / member / "scores.parquet")
    return table.groupby("face_id")["score"].mean()


@pytest.mark.parametrize(
    ("step", "member"),
    [(STEPS[0], "small"), (STEPS[1], "lenet"), *(("ensemble", name) for name in METHODS)],
)
def test_the_scores_of_the_files_are_those_of_the_run(test_faces, networks, step, member):
    detector = load(step, member, networks)
    found = list(detector.score_files(list(test_faces["path"])))
    known = stored(step, member)[test_faces["face_id"]]
    assert known.nunique() > 6
    assert np.abs([each.score for each in found] - known).max() < SAME
    alone = detector.score_image(Path(test_faces["path"][3]).read_bytes())
    assert abs(alone.score - known.iloc[3]) < SAME


def test_frames_of_a_clip_too(home, networks):
    detector = load(STEPS[1], "lenet", networks)
    detector._clips = replace(detector._clips, every=1)
    table = FaceSet.load(RUN).table
    clips = table[(table["split"] == "test") & table["path"].str.endswith(".mp4")]
    path, frames = next(iter(clips.groupby("path")))
    told = []
    verdict = detector.score_video(path, progress=lambda *said: told.append(said))
    (person,) = verdict.people
    by_index = {each["index"]: each["score"] for each in person.frames}
    known = stored(STEPS[1], "lenet")[frames["face_id"]]
    assert np.abs([by_index[index] for index in frames["frame"]] - known).max() < SAME
    assert verdict.kind == "video" and verdict.clip["frames"] == len(by_index)
    assert person.score == pytest.approx(np.mean(list(by_index.values())))
    (seen,) = crops_of(detector, verdict.as_dict(), None).values()
    assert (seen.crop == person.crop).all() and seen.score == person.score
    assert told[-1] == (1.0, "done") and [share for share, _ in told] == sorted(t[0] for t in told)

    def stop(share, words):
        raise TimeoutError

    with pytest.raises(TimeoutError):
        detector.score_video(path, progress=stop)


def test_a_verdict_follows_from_its_numbers(test_faces, networks):
    detector = load("ensemble", "stacked_ensemble", networks)
    for path in test_faces["path"]:
        verdict = detector.score_file(path)
        person = verdict.people[0]
        low, high = verdict.band
        alone = REAL if verdict.score < low else FAKE if verdict.score >= high else UNSURE
        opposite = {REAL: [score >= high for score in person.flips.values()],
                    FAKE: [score < low for score in person.flips.values()]}  # fmt: skip
        assert verdict.verdict == (UNSURE if any(opposite.get(alone, [])) else alone)
        assert set(person.flips) == {"jpeg_90", "jpeg_75", "resize_0.75"}
        assert (len(verdict.chances) == 4) == (verdict.verdict != UNSURE)
        assert verdict.reasons[0].startswith(
            {REAL: "Called real", FAKE: "Called fake", UNSURE: "Unsure"}[verdict.verdict]
        )
        assert person.crop.shape == (64, 64, 3) and person.crop.dtype == np.uint8
        json.dumps(verdict.as_dict(), allow_nan=False)
    rates = detector.card["faces"]["error_rates"]
    assert verdict.false_positive_rate["value"] == rates["real"]["fake"]["value"]
    assert f"{rates['n']:,} test faces of demo" in detector.error_rates()


def test_calibrated_as_the_run_calibrates(test_faces, networks):
    detector = load(STEPS[0], "small", networks)
    table = pd.read_parquet(resolve(RUN) / STEPS[0] / "small" / "scores.parquet")
    known = table.set_index("face_id")["calibrated"][test_faces["face_id"]]
    found = [each.calibrated for each in detector.score_files(list(test_faces["path"]))]
    assert np.abs(found - known).max() < SAME
    metrics = read_json(resolve(RUN) / STEPS[0] / "small" / "metrics.json")
    assert detector.card["faces"]["threshold"]["value"] == metrics["threshold"]["value"]


def without_time(verdicts):
    return [{**each.as_dict(), "seconds": 0} for each in verdicts]


def test_a_folder_in_order_whatever_the_jobs(home, test_faces, networks, tmp_path):
    for number, path in enumerate(test_faces["path"][:5]):
        shutil.copy(path, tmp_path / f"{number}.jpg")
    (tmp_path / "below").mkdir()
    shutil.copy(test_faces["path"][5], tmp_path / "below" / "picture")  # told by its content
    (tmp_path / "3.jpg").write_bytes(b"")
    (tmp_path / "2.jpg").write_bytes((tmp_path / "2.jpg").read_bytes()[:500])
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.jpg").write_bytes(b"x")
    detector = load(STEPS[0], "small", networks)
    found = list(detector.score_folder(tmp_path, jobs=3))
    names = [each.file.removeprefix(f"{tmp_path}/") for each in found]
    assert names == ["0.jpg", "1.jpg", "2.jpg", "3.jpg", "4.jpg", "below/picture"]
    errors = {name: each.error["reason"] for name, each in zip(names, found, strict=True)
              if each.error}  # fmt: skip
    assert errors == {"2.jpg": "truncated", "3.jpg": "empty file"}
    assert without_time(found) == without_time(detector.score_folder(tmp_path, jobs=1))
    assert detector.score_file(tmp_path / "notes.txt").error["reason"] == "not an image"
    assert detector.score_file(tmp_path / "gone.jpg").error["reason"] == "unreadable"
    again = load(STEPS[0], "small", networks)
    assert again.card == detector.card and again.notices == detector.notices
    one = without_time([again.score_file(tmp_path / "0.jpg")])
    assert one == without_time([detector.score_file(tmp_path / "0.jpg")])


def test_the_run_itself_means_its_best_ensemble_on_validation(home):
    results, _ = find_results(RUN, FaceSet.load(RUN).table, ("ensemble",))
    detector = Detector.load(RUN, faces="whole")
    assert detector.name == best_on_validation(results).name
    assert IN_MEMORY in detector.notices


def test_an_ensemble_of_before_is_fitted_again(home, networks, test_faces):
    folder = resolve(RUN) / "ensemble" / "rank_ensemble"
    kept = (folder / "joiner.json").read_bytes()
    (folder / "joiner.json").unlink()
    detector = load("ensemble", "rank_ensemble", networks)
    (folder / "joiner.json").write_bytes(kept)
    assert any("was fitted again" in notice for notice in detector.notices)
    assert detector.card["joiner"] == json.loads(kept)


def test_the_card_says_what_the_files_of_the_run_say(home, networks, tmp_path):
    run = tmp_path / "home" / "runs" / "tiny"
    shutil.copytree(resolve(RUN), run)
    card = write_card(run, changed_faces=8, evidence_files=0)
    detector = Detector.load(run, faces="whole")
    assert detector.card == json.loads(json.dumps(card)) and detector.name == card["name"]
    assert IN_MEMORY not in detector.notices
    assert card["parity"]["faces"] == 8 and card["parity"]["largest_difference"] < SAME
    rates = card["faces"]["error_rates"]
    assert rates["changes"] and rates["n"] == 8
    moved = tmp_path / "elsewhere"
    shutil.move(run, moved)
    path = moved / "report" / "detector" / "detector.json"
    assert Detector.load(path, faces="whole").card == detector.card
    used = moved / card["members"][0]["networks"][0]["path"]
    used.write_bytes((moved / STEPS[1] / "lenet" / "seed_2" / "model.keras").read_bytes())
    changed = Detector.load(moved, faces="whole")
    assert any("describes other networks" in notice for notice in changed.notices)
    shutil.rmtree(moved / STEPS[1])
    left = Detector.load(moved, faces="whole")
    assert {each["name"] for each in left.card["members"]} == {"small"}
    passed_over = [notice for notice in left.notices if "passed over" in notice]
    assert bool(passed_over) == (left.name != changed.name)
    shutil.rmtree(moved / STEPS[0])
    assert card_of_report(moved) == (None, [card_of_report(moved)[1][0]])
    shutil.rmtree(moved / "preprocess")
    with pytest.raises(DataError, match="are not where they should be"):
        Detector.load(path, faces="whole")


def test_a_file_alone_gives_scores_and_no_verdict(home, test_faces):
    path = resolve(RUN) / STEPS[1] / "lenet" / "seed_1" / "model.keras"
    detector = Detector.load(path, faces="whole")
    verdict = detector.score_file(test_faces["path"][0])
    table = pd.read_parquet(path.parents[1] / "scores.parquet").query("seed == 1")
    known = table.set_index("face_id")["score"][test_faces["face_id"][0]]
    assert abs(verdict.score - known) < SAME
    assert verdict.verdict == UNSURE and "nothing is known" in verdict.reasons[0]
    assert verdict.false_positive_rate is None and verdict.calibrated is None
    assert detector.error_rates() == NO_RATES and verdict.band is None
    assert any("lies in a run" in notice for notice in detector.notices)
    (heat,) = detector.explain(verdict.people)
    assert heat.heat.shape == (64, 64) and heat.heat.dtype == np.float32 and heat.heat.max() <= 1
    assert heat.speaks_for == (FAKE if verdict.score >= 0.5 else REAL) and heat.method == "gradient"
    assert "Heat map of model" in heat_words(heat)


def test_what_is_no_detector_is_said(home, tmp_path):
    for given in (tmp_path / "nothing", tmp_path, resolve(RUN) / "preprocess"):
        with pytest.raises(UsageError):
            Detector.load(given)
    (tmp_path / "model.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(Refused, match="HDF5"):
        Detector.load(tmp_path / "model.h5")
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(DataError, match="no card"):
        Detector.load(tmp_path / "other.json")


def test_loading_needs_no_tensorflow(home):
    code = (
        "import sys; from unmask.verdict import Detector; "
        f"Detector.load({str(resolve(RUN))!r}, faces='whole'); "
        "print(any(name.startswith(('tensorflow', 'keras')) for name in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout.strip() == "False", found.stderr


def test_faces_are_found_and_those_that_are_not_are_told(home, shared_data, monkeypatch, tmp_path):
    monkeypatch.setenv("UNMASK_YUNET", str(shared_data / "weights" / "yunet_n_640_640.onnx"))
    detector = Detector.load(f"{RUN}/{STEPS[0]}/small", faces="yunet")
    faces = FaceSet.load(RUN).table
    path = faces[(faces["split"] == "test") & faces["path"].str.endswith(".jpg")]["path"].iloc[0]
    face = np.asarray(Image.open(path))
    wide = np.full((400, 700, 3), 120, np.uint8)
    wide[100:260, 60:220], wide[60:220, 440:600] = face, face
    wide[300:340, 300:340] = np.asarray(Image.fromarray(face).resize((40, 40)))
    wide_path = tmp_path / "three.png"
    Image.fromarray(wide).save(wide_path)
    verdict = detector.score_file(wide_path)
    outcomes = sorted(person.outcome for person in verdict.people)
    assert outcomes in (["", ""], ["", "", "too small"])
    first, second = (person for person in verdict.people if not person.outcome)
    assert first.score == pytest.approx(second.score, abs=0.2) and first.landmarks is not None
    seen = crops_of(detector, verdict.as_dict(), wide)
    assert sorted(seen) == [first.number, second.number]
    assert (seen[first.number].crop == first.crop).all()
    assert "Of 2 faces" in verdict.reasons[0] and len(first.evidence) == 6
    crop = detector.score_file(path)  # a crop already: it is scored as it is
    whole = Detector.load(f"{RUN}/{STEPS[0]}/small", faces="whole").score_file(path)
    assert crop.score == whole.score and len(crop.people) == 1
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    empty = detector.score_file(tmp_path / "noise.png")
    assert (empty.verdict, empty.score, empty.people) == (NO_FACE, None, [])
    assert "YuNet" in empty.reasons[0] and '"whole"' in empty.reasons[0]


def test_what_is_usual_on_real_faces_is_in_the_card(home, shared_data, monkeypatch, tmp_path):
    monkeypatch.setenv("UNMASK_YUNET", str(shared_data / "weights" / "yunet_n_640_640.onnx"))
    run = tmp_path / "tiny"
    shutil.copytree(resolve(RUN), run)
    usual = write_card(run, changed_faces=0, evidence_files=10)["evidence"]
    sharpness = usual["image"]["face_sharpness"]
    assert 8 <= sharpness["n"] <= 10 and 0 < sharpness["low"] < sharpness["high"]
    assert usual["image"]["blinking"]["n"] == 0 and usual["video"] is None  # too few real clips
    detector = Detector.load(run, faces="yunet")
    faces = FaceSet.load(RUN).table
    path = faces[(faces["split"] == "test") & faces["path"].str.endswith(".jpg")]["path"].iloc[0]
    told = {each["name"]: each for each in detector.score_file(path).people[0].evidence}
    assert told["face_sharpness"]["normal"] == sharpness
    assert told["face_sharpness"]["verdict"] in ("usual", "unusual")
