"""What the report says: every share with its interval, three comparisons, where it came from."""

from dataclasses import replace

import pandas as pd
import pytest
from unmask.evaluation.comparison import Comparison, Difference
from unmask.evaluation.intervals import wilson
from unmask.evaluation.members import Result
from unmask.evaluation.prevalence import prevalence_table
from unmask.evaluation.provenance import provenance_table, steps_table
from unmask.evaluation.report import (
    describe_differences,
    detectors_table,
    differences,
    differences_table,
    how_compared,
    in_short,
    limits,
)
from unmask.evaluation.scores import attach_faces
from unmask.evaluation.summary import evaluate_member, format_percent


def make_result(name, scores, faces, step="baseline_cnn"):
    member = {"name": name, "step": step, "architecture": "two blocks", "seeds": [1]}
    metrics = evaluate_member(scores, faces, resamples=60)
    return Result(None, member, metrics, attach_faces(scores, faces))


@pytest.fixture
def faces(make_faces):
    return make_faces()


@pytest.fixture
def best(faces, score_faces):
    return make_result("best", score_faces(faces, 2.0), faces)


def test_every_rate_of_the_model_card_has_its_interval(best, faces):
    found = best.metrics["splits"]["test"]["metrics"]
    kept, recall = found["recall_real"], found["recall_fake"]
    misses = {key: 1 - recall[other] for key, other in ENDS}
    alarms = {key: 1 - kept[other] for key, other in ENDS}
    errors, rare = limits(best, faces)[2:4]
    assert errors == (
        f"At the threshold, best calls {format_percent(alarms)} of the real test faces fake and "
        f"misses {format_percent(misses)} of the fakes."
    )

    row = prevalence_table(best.metrics).iloc[2]
    assert row["fakes among the pictures"] == "1 in 100"
    cell = row["alarms that are right"]
    assert float(cell.split("%")[0]) / 100 == pytest.approx(
        recall["value"] / (recall["value"] + 99 * alarms["value"]), abs=5.1e-4
    )
    assert rare.startswith(
        f"Where 1 picture in 100 is fake, {cell} of its alarms would be right: the rarer"
    )


def test_one_group_of_reals_has_rates_without_intervals(faces, score_faces):
    real = (faces["split"] == "test") & (faces["label"] == 0)
    one = faces.assign(group=faces["group"].mask(real, "the clip"))
    best = make_result("best", score_faces(one, 2.0), one)
    assert best.metrics["splits"]["test"]["metrics"]["recall_real"]["low"] is None
    errors, rare = limits(best, one)[2:4]
    assert "% of the real test faces fake" in errors and "[" in errors.split("misses")[1]
    assert "% of its alarms would be right" in rare


ENDS = (("value", "value"), ("low", "high"), ("high", "low"))


def test_a_detector_without_an_error_is_not_said_to_make_none(faces, score_faces):
    scores = score_faces(faces).assign(score=lambda frame: frame["label"].astype(float))
    sentences = " ".join(limits(make_result("sure", scores, faces), faces))
    most = f"0.0% [0.0%, {wilson(0, 80).high:.1%}]"
    assert f"calls {most} of the real" in sentences and f"misses {most} of" in sentences
    assert "100.0% [" in sentences and "] of its alarms would be right" in sentences


def test_without_alarms_or_without_a_class_nothing_is_invented(faces, score_faces, make_faces):
    scores = score_faces(faces)
    val = scores["split"] == "val"
    quiet = make_result("quiet", scores.assign(score=scores["score"].where(val, 0.0)), faces)
    assert "nothing can be said of the alarms" in " ".join(limits(quiet, faces))
    kinds = {"real": 9, "swap": 9}
    only_real = make_faces({"train": kinds, "val": kinds, "test": {"real": 12}})
    one = make_result("one", score_faces(only_real), only_real)
    assert len(limits(one, only_real)) == 3
    assert differences(one, [one], 20) == {}


def test_the_top_names_what_training_never_saw(best):
    sentences = in_short(best, {"ensemble": ["The ensemble is no better.", "More."]})
    assert len(sentences) == 4 and sentences[3] == "The ensemble is no better."
    assert sentences[0] == "The detector quoted is best, a plain convolutional network."
    assert sentences[2].startswith("On fakes by gan, which training never saw: AUC 0.")
    assert sentences[2].endswith("on 140 faces (40 of them fake).")


def test_the_top_quotes_the_audit_first_and_the_stress_tests_last(best):
    told = {"audit": ["As it came, red.", "More."], "stress": ["JPEG costs 0.1."]}
    sentences = in_short(best, told)
    assert sentences[0] == "The data: As it came, red."
    assert sentences[-1] == "On changed pictures: JPEG costs 0.1."
    assert "More." not in " ".join(sentences)


def test_the_top_quotes_the_ablation_on_both_kinds_of_faces(best):
    sentences = in_short(best, {"ablation": ["As they are.", "Saved once more.", "More."]})
    assert sentences[-2:] == ["Why this recipe: As they are.", "Why this recipe: Saved once more."]


def test_a_detector_taken_by_name_is_called_what_it_describes_itself_as(best):
    own = {"step": "architecture_traces", "architecture": "Traces: residuals; from nothing, parts"}
    traces = replace(best, member={**best.member, **own})
    assert in_short(traces, {})[0] == "The detector quoted is best, “Traces: residuals”."
    (row,) = detectors_table([traces]).to_dict("records")
    assert (row["what it is"], row["built as"]) == ("“Traces: residuals”", own["architecture"])


def test_a_detector_that_saw_no_fake_is_not_said_to_have(best, faces):
    blended = replace(best, member={**best.member, "fakes": "self_blended"})
    assert limits(blended, faces)[1] == (
        "Trained on 30 real faces of synthetic and on fakes blended from them, on no other fake. "
        "Validation, which chose epoch and threshold, held fakes by blend, swap."
    )
    given = "Trained on 60 faces of synthetic; fakes by blend, swap."
    assert limits(best, faces)[1] == given
    mixed = replace(best, member={**best.member, "fakes": "mixed"})
    assert limits(mixed, faces)[1] == (
        f"{given} Some of its members learned from real faces and fakes blended from them instead."
    )


def test_limits_name_what_no_stress_test_measured(best, faces):
    without = limits(best, faces)[-1]
    assert "re-saved or screenshot pictures, attacks made to fool it" in without
    stress = {"networks": [{"name": "two_block"}], "elsewhere": [{"name": "other"}], "reals": []}
    tested = limits(best, faces, stress)[-1]
    assert "screenshot" not in tested and "other datasets" not in tested
    assert "a folder of real photographs alone" in tested
    assert tested.endswith("Stress tests were made on two_block.")
    names = [{"name": name} for name in ("two_block", "four_block")]
    both = limits(best, faces, {**stress, "networks": names, "curves": {"two_block": {}}})[-1]
    assert "on two_block and four_block: attacks and other test sets on all of them" in both
    assert "changed pictures on two_block alone" in both


def compared(value, low, high, adjusted, clustered=False):
    auc = Difference(value, low, high, 1600, adjusted / 2, adjusted)
    return Comparison(auc, Difference(0.01, -0.02, 0.04, 1600, 0.5, 1.0), clustered)


def test_comparisons_take_three_sentences_however_many_detectors(best):
    found = {
        "a": compared(0.2, 0.1, 0.3, 0.001),
        "b": compared(0.1, 0.05, 0.2, 0.01),
        "c": compared(0.0, -0.1, 0.1, 1.0),
        "d": compared(-0.1, -0.2, -0.05, 0.02),
        "e": compared(0.02, 0.01, 0.1, 0.06),  # its interval alone would make it a winner
    }
    better, same, worse = describe_differences(best, found)
    assert better.startswith("best is better than a and b on the same 1,600 test faces: ")
    assert same.startswith("best cannot be told apart from c and e on the same 1,600 test faces: ")
    assert same.endswith("survives its interval and the correction for 10 tests.")
    assert worse.startswith("best is worse than d on the same 1,600 test faces, ")
    assert describe_differences(best, {}) == []
    table = differences_table(best, found)
    assert table["better by AUC"].tolist() == [
        *("best", "best", "cannot be told apart on 1,600 faces", "d"),
        "cannot be told apart on 1,600 faces",
    ]
    assert table.iloc[0].tolist() == [
        *("a", "+0.200 [+0.100, +0.300]", "0.001", "+0.010 [-0.020, +0.040]", "1.000", "best"),
    ]
    assert differences_table(best, {}).empty


def test_the_way_of_comparing_is_said(best):
    words = " ".join(how_compared({"a": compared(0, -1, 1, 1.0), "b": compared(0, -1, 1, 1.0)}))
    assert "the same faces are drawn again" in words and "DeLong's test. " in words
    assert "corrected for being 4 (Holm): below 0.05 the chance of even one" in words
    grouped = how_compared({"a": compared(0, -1, 1, 1.0, clustered=True)})[0]
    assert "groups of faces (people or clips)" in grouped and "Obuchowski" in grouped
    assert how_compared({})[0].startswith("There is nothing to compare")


def test_differences_are_to_all_others_and_corrected(best, faces, score_faces):
    poor = make_result("poor", score_faces(faces, 0.2, salt=3), faces)
    found = differences(best, [poor, best], 60)
    areas = [one.metrics["splits"]["test"]["metrics"]["auc"]["value"] for one in (best, poor)]
    assert list(found) == ["poor"]
    difference = found["poor"].auc
    assert difference.value == pytest.approx(areas[0] - areas[1], abs=1e-12)
    assert difference.adjusted >= difference.p and found["poor"].accuracy.adjusted is not None


def test_names_are_explained_once(best):
    assert detectors_table([best]).to_dict("records") == [
        {
            "detector": "best",
            "what it is": "a plain convolutional network",
            "built as": "two blocks",
            "notebook": "04_baseline_cnn",
        }
    ]


def described(step, **changes):
    rows = [
        {"name": "run_folder", "value": "runs/demo", "default": "runs/demo", "changed": False},
        {"name": "epochs", "value": 2, "default": 12, "changed": True},
        {"name": "networks", "value": ["a", "b"], "default": ["a"], "changed": True},
    ]
    return {
        "step": step,
        "command": "python run_all.py",
        "parameters": rows,
        "versions": {"python": "3.11.7", "keras": "3.13"},
        "revision": "abc",
        "dirty": False,
        "machine": {"cores": "2", "gpu": "none"},
        "seed": None,
        "seconds": 61.0,
        **changes,
    }


def facts(run):
    files = pd.DataFrame({"file_id": ["b", "a"]})
    rows = provenance_table(run, files, [])
    return dict(rows.itertuples(index=False, name=None))


def test_every_step_has_its_own_code_parameters_and_seed():
    download = described("download", seed=[7, 8], parameters=[], revision="old", dirty=True)
    run = {"described": {"download": download, "preprocess": described("preprocess")}}
    assert steps_table(run).to_dict("records") == [
        {
            "step": "download",
            "code": "old, uncommitted changes",
            "changed parameters": "–",
            "seed": "7, 8",
            "time": "1 min 01 s",
        },
        {
            "step": "preprocess",
            "code": "abc",
            "changed parameters": "epochs: 2; networks: a, b",
            "seed": "–",
            "time": "1 min 01 s",
        },
    ]
    found = facts(run)
    assert found["command"] == "python run_all.py" and found["machine"] == "cores 2, gpu none"


def test_commands_and_machines_that_differ_are_told_apart():
    later = described("report", command="python run_all.py --only report", machine={"cores": "8"})
    run = {"described": {"download": described("download"), "report": later}}
    assert steps_table(run)["command"].tolist() == [
        "python run_all.py",
        "python run_all.py --only report",
    ]
    found = facts(run)
    assert "command" not in found
    assert found["machine of download"] == "cores 2, gpu none"
    assert found["machine of report"] == "cores 8"


def test_a_kaggle_run_names_its_dataset_and_version():
    values = {"source": "kaggle", "handle": "owner/faces", "version": 2}
    rows = [{"name": name, "value": value, "changed": True} for name, value in values.items()]
    run = {"described": {"download": described("download", parameters=rows)}}
    assert facts(run)["Kaggle dataset"] == "owner/faces, version 2"
    rows[2]["value"] = None
    assert facts(run)["Kaggle dataset"] == "owner/faces, the newest version at that time"
    rows[0]["value"] = "demo"
    assert "Kaggle dataset" not in facts(run)


def test_notebooks_run_by_hand_say_so():
    run = {"described": {}}
    assert facts(run)["command"] == "notebooks run by hand"
    assert facts(run)["data"].startswith("2 files, hash ") and steps_table(run).empty


def test_how_several_devices_trained_is_told(best):
    files = pd.DataFrame({"file_id": ["a"]})
    trained = {"device": "Tesla P100, float32", "devices": 1, "batch_size": 32, "seeds": [1, 2]}
    xla = {**trained, "compilation": "XLA was not used: slower"}
    two = {"device": "2 x Tesla T4, mixed_float16", "devices": 2, "batch_size": 64}
    results = [
        replace(best, member={**best.member, "name": name, **member})
        for name, member in (("a", trained), ("b", xla), ("c", {**two, "rate_factor": 2.0}))
    ]
    rows = provenance_table({"described": {}}, files, results)
    told = dict(rows.itertuples(index=False, name=None))
    assert told["a trained on"] == "Tesla P100, float32; seeds 1, 2"
    assert told["b trained on"] == "Tesla P100, float32; XLA was not used: slower; seeds 1, 2"
    assert told["c trained on"] == (
        "2 x Tesla T4, mixed_float16; 64 faces a step in all, 2 times the learning rate; seeds 1"
    )
