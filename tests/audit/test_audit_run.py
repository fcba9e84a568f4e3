"""The audit of a run: before and after preprocessing, alarms, floors as members."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
from faults import (
    change_fakes,
    copy_bytes,
    copy_with_other_label,
    lighter,
    near_copy_with_other_label,
    rename_fakes,
    save,
)
from PIL import Image, ImageFilter
from unmask import runs
from unmask.audit.after import alarms_of, before_and_after
from unmask.audit.families import FAMILIES
from unmask.audit.floors import FLOORS, best_on_validation, fit_floors
from unmask.audit.of_run import audit_run, equalised_in, write_audit
from unmask.audit.read import read_before_and_after
from unmask.audit.run import AuditSettings, draw_sample
from unmask.audit.summary import scope_of, sentences_of, verdict_of
from unmask.dataset.face_set import FaceSet
from unmask.dataset.preprocess import build_faces
from unmask.dataset.settings import PreprocessSettings
from unmask.errors import UsageError
from unmask.evaluation.members import load_result
from unmask.sources.files_table import build_files_table
from unmask.sources.folder import list_source

SETTINGS = AuditSettings(resamples=50, jobs=2)


def prepare(root, home, **options):
    """Leaves in `home`/run what the steps download and preprocess leave."""
    files = build_files_table(list_source(root), dataset="set", jobs=2)
    run = home / "run"
    runs.write_table(run / "download" / "files.parquet", files)
    build_faces(files, run / "preprocess", PreprocessSettings(size=32, jobs=2, **options))
    return run


def lights_after(after):
    return {finding.key: finding.light for finding in after.findings}


def test_a_leak_is_red_as_it_came_and_green_after(drawn, tmp_path):
    copy_bytes(drawn)
    run = prepare(drawn, tmp_path)
    audit, after, _ = audit_run(run, SETTINGS)
    came = {finding.key: finding.light for finding in audit.findings}
    assert came["exact_copies"] == "red"
    assert lights_after(after) == {
        "copies": "green", "groups": "not checked", "classes": "green", "contradictions": "green"
    }  # fmt: skip
    assert alarms_of(audit, after) == []
    rows = before_and_after(audit, after)
    assert rows[0]["as it came"].startswith("RED") and "GREEN" in rows[0]["after preprocessing"]


def test_a_copy_that_stayed_on_two_sides_is_an_alarm(drawn, tmp_path):
    copy_bytes(drawn)
    run = prepare(drawn, tmp_path)
    faces = pd.read_parquet(run / "preprocess" / "faces.parquet")
    kept = faces[faces["path"].str.endswith("5550.jpg")]
    other = sorted((drawn / "train" / "real").iterdir())[3]
    again = kept.assign(path=str(other), split="train", face_id="x-0", row=len(faces))
    pixels = np.load(run / "preprocess" / "faces_32.npy")
    np.save(run / "preprocess" / "faces_32.npy", np.concatenate([pixels, pixels[:1]]))
    runs.write_table(run / "preprocess" / "faces.parquet", pd.concat([faces, again]))
    audit, after, _ = audit_run(run, SETTINGS)
    assert lights_after(after)["copies"] == "red"
    assert [alarm["light"] for alarm in alarms_of(audit, after)] == ["red"]


def test_names_that_tell_are_red_but_no_alarm(drawn, tmp_path):
    rename_fakes(drawn)
    audit, after, _ = audit_run(prepare(drawn, tmp_path), SETTINGS)
    assert audit.exit_code == 1
    assert alarms_of(audit, after) == []


@pytest.mark.parametrize(("equalise", "light"), [((), "red"), (("jpeg_quality",), "amber")])
def test_quality_is_an_alarm_that_equalising_softens(drawn, tmp_path, equalise, light):
    change_fakes(drawn, lambda image, stem: save(image, stem, quality=60))
    run = prepare(drawn, tmp_path, equalise=equalise)
    assert list(equalised_in(run)) == list(equalise)
    audit, after, _ = audit_run(run, SETTINGS)
    alarms = {alarm["name"]: alarm for alarm in alarms_of(audit, after)}
    alarm = alarms["shortcuts of the file: JPEG quality"]
    assert alarm["light"] == light
    assert alarm.keys() == {"name", "light", "sentence", "fix"}
    mended = bool(equalise)
    assert ("preprocess.equalise" in alarm["fix"]) != mended
    left = f"residual co-occurrences: AUC {after.areas['residuals'].value:.3f}"
    assert (
        (left in alarm["sentence"]) == ("equalised to JPEG quality" in alarm["sentence"]) == mended
    )
    rows = {row["check"]: row for row in before_and_after(audit, after)}
    assert rows["JPEG quality"]["as it came"].startswith("RED: AUC ")
    assert ("equalised to JPEG quality 60" in rows["JPEG quality"]["after preprocessing"]) == mended
    assert rows["file name"]["after preprocessing"] == "detectors see pixels only"
    detail = f"AUC {after.areas['detail'].value:.3f}"
    assert detail in rows["bytes"]["after preprocessing"]
    assert (
        f"{after.areas['colour'].value:.3f}" in rows["brightness and colour"]["after preprocessing"]
    )


def test_smooth_fakes_are_told_by_their_bytes_and_no_storing_helps(drawn, tmp_path):
    change_fakes(drawn, lambda image, stem: save(image.filter(ImageFilter.GaussianBlur(1.5)), stem))
    audit, after, _ = audit_run(prepare(drawn, tmp_path), SETTINGS)
    finding = next(each for each in audit.findings if each.key == "file_bytes")
    assert finding.light == "red"
    assert "how much detail a picture has" in finding.sentence
    assert finding.fix.startswith("Storing the files otherwise does not help")
    found = {alarm["name"]: alarm["light"] for alarm in alarms_of(audit, after)}
    assert found == {"shortcuts of the file: bytes": "amber"}


def test_labels_that_contradict_after_preprocessing(drawn, tmp_path):
    copy_with_other_label(drawn)
    audit, after, _ = audit_run(prepare(drawn, tmp_path / "exact"), SETTINGS)
    assert lights_after(after)["contradictions"] == "green"  # preprocessing left both out
    assert {finding.key: finding.light for finding in audit.findings}["contradictions"] == "red"
    (drawn / "train" / "fake" / "5555.jpg").unlink()
    near_copy_with_other_label(drawn)
    audit, after, _ = audit_run(prepare(drawn, tmp_path / "near"), SETTINGS)
    assert lights_after(after)["contradictions"] == "amber"
    assert [alarm["light"] for alarm in alarms_of(audit, after)] == ["amber"]


def test_what_the_search_left_out_is_told_of_a_run(drawn, tmp_path):
    for split, level in (("train", 90), ("test", 160)):
        save(Image.new("RGB", (64, 64), (level,) * 3), drawn / split / "real" / "5550")
    run = prepare(drawn, tmp_path)
    assert runs.read_json(run / "preprocess" / "search.json") == {"skipped": 0, "flat": 2}
    audit, _, _ = audit_run(run, SETTINGS)
    finding = next(each for each in audit.findings if each.key == "near_copies")
    assert (finding.light, finding.numbers["flat"]) == ("amber", 2)
    assert "2 pictures are too even" in finding.sentence
    assert "2 too even to be compared" in scope_of(audit)


def test_other_datasets_of_one_name_are_all_looked_at(drawn, tmp_path):
    run = prepare(drawn, tmp_path)
    others = [shutil.copytree(drawn, tmp_path / home / "set") for home in ("one", "two")]
    audit, _, _ = audit_run(run, SETTINGS, [str(other) for other in others])
    shared = [each.check for each in audit.findings if each.topic == "overlap"]
    assert shared == ["shared with one/set", "shared with two/set"]
    with pytest.raises(UsageError, match="named twice"):
        audit_run(run, SETTINGS, [str(others[0])] * 2)


def test_floors_are_members_and_the_planted_one_is_high(drawn, tmp_path):
    change_fakes(drawn, lighter)
    run = prepare(drawn, tmp_path)
    faces = FaceSet.load(run).table
    folder = run / "audit"
    results = fit_floors(faces, folder, resamples=50, jobs=2)
    assert [result.name for result in results] == [floor.name for floor in FLOORS]
    areas = {}
    for result in results:
        again = load_result(folder / result.name, faces)
        assert again.member["step"] == "audit"
        assert again.member["bytes_on_disk"] == (folder / result.name / "model.npz").stat().st_size
        assert again.member["parameters"] > 1 and again.member["milliseconds_per_image"] > 0
        areas[result.name] = again.metrics["splits"]["test"]["metrics"]["auc"]["value"]
    assert areas["floor_colour"] > 0.9
    written = {path: path.stat().st_mtime_ns for path in (folder / "features").iterdir()}
    again = fit_floors(faces, folder, resamples=50, jobs=1)
    assert written == {path: path.stat().st_mtime_ns for path in (folder / "features").iterdir()}
    for one, two in zip(results, again, strict=True):
        assert one.metrics == two.metrics


def test_floors_learn_from_a_seeded_draw_and_score_every_face(drawn, tmp_path):
    run = prepare(drawn, tmp_path)
    faces = FaceSet.load(run).table
    results = fit_floors(faces, run / "audit", resamples=20, most=40, jobs=1)
    scores = pd.read_parquet(run / "audit" / "floor_thumbnail" / "scores.parquet")
    assert set(scores["face_id"]) == set(faces.loc[faces["split"] != "train", "face_id"])
    assert "40 training files" in results[0].member["notices"][0]


def test_validation_chooses_the_strength():
    scored = pd.DataFrame({"split": ["val"] * 4 + ["test"] * 4, "label": [0, 0, 1, 1] * 2})
    good_on_test = np.array([0.1, 0.9, 0.2, 0.8, 0.1, 0.1, 0.9, 0.9])
    good_on_val = np.array([0.1, 0.1, 0.9, 0.9, 0.9, 0.9, 0.1, 0.1])
    assert best_on_validation([good_on_test, good_on_val], scored) == 1


def test_a_sample_keeps_shares_and_depends_on_its_seed_only():
    files = pd.DataFrame({"label": [0] * 300 + [1] * 100, "official_split": ""})
    files["generator"] = np.where(files["label"] == 1, "fake", "real")
    drawn = draw_sample(files, 40, seed=0)
    assert files.loc[drawn, "label"].sum() == 10
    assert drawn.tolist() == draw_sample(files, 40, seed=0).tolist()
    assert drawn.tolist() != draw_sample(files, 40, seed=1).tolist()
    assert draw_sample(files, 400, seed=0).tolist() == list(range(400))


def test_what_is_written_is_plain_json(drawn, tmp_path):
    run = prepare(drawn, tmp_path)
    audit, after, _ = audit_run(run, SETTINGS)
    write_audit(run / "audit", audit, after)
    content = runs.read_json(run / "audit" / "audit.json")
    assert content["light"] == audit.light
    assert len(content["findings"]) == sum(content["lights"].values())
    assert {"findings", "areas", "faces"} <= content["after"].keys()
    table = read_before_and_after(run)
    assert table.to_dict("records") == before_and_after(audit, after)
    assert len(table) == 4 + len(FAMILIES)
    assert read_before_and_after(tmp_path / "elsewhere").empty
    floors = fit_floors(FaceSet.load(run).table, run / "audit", resamples=20)
    sentences = sentences_of(audit, after, floors)
    assert sentences[0].startswith("As the files came, ")
    assert "has not been shown to know more than this floor" in sentences[-1]
    assert verdict_of(audit.findings).split(":")[0].lower() == audit.light
