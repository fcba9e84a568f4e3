"""The ledger of test uses: nothing lost, nothing counted twice, nothing fails because of it."""

import json
import subprocess
import sys

import pytest
from unmask.evaluation.ledger import (
    LEDGER,
    describe_ledger,
    identify_test_set,
    ledger_path,
    ledger_table,
    note_test_use,
    read_ledger,
)
from unmask.evaluation.members import evaluate_and_write, notices_of
from unmask.runs import read_json, write_json, write_table


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def faces(make_faces):
    return make_faces()


def evaluate(folder, scores, faces, rule="half"):
    write_table(folder / "scores.parquet", scores)
    member = {"name": folder.name, "step": folder.parent.name, "seeds": [0], "notices": []}
    write_json(folder / "member.json", member)
    return evaluate_and_write(folder, faces, rule=rule, resamples=5)


def test_the_same_scores_again_are_no_new_look(home, faces, score_faces):
    step = home / "runs/demo/baseline_cnn"
    scores = score_faces(faces, seeds=(1, 2))
    evaluate(step / "cnn", scores, faces)
    evaluate(step / "cnn", scores.sample(frac=1, random_state=0), faces, "balanced_accuracy")
    evaluate(step / "other", score_faces(faces, salt=1), faces)
    lines, broken = read_ledger("runs/demo")
    assert len(lines) == 3 and broken == 0 and ledger_path("runs/demo") == home / "runs" / LEDGER
    assert lines["scores"].nunique() == 2
    assert lines[["run", "step", "member", "reason"]].iloc[0].tolist() == [
        *("demo", "baseline_cnn", "cnn", "evaluation"),
    ]
    table = ledger_table("runs/demo", faces)
    assert table[["who", "evaluations", "looks"]].to_numpy().tolist() == [
        ["baseline_cnn cnn", "2", "1"],
        ["baseline_cnn other", "1", "1"],
    ]
    here, everywhere, meaning = describe_ledger("runs/demo", faces)
    assert here == (
        "In this run folder these 160 test faces were evaluated 3 times: 2 different looks at 2 "
        "detectors, floors included."
    )
    assert everywhere == "Across all runs: 3 times, 2 different looks, in 1 run folder."
    assert "more flattering" in meaning


def test_a_change_of_validation_scores_alone_is_no_look_at_test(home, faces, score_faces):
    scores = score_faces(faces)
    changed = scores.assign(score=scores["score"].where(scores["split"] == "test", 0.5))
    for each in (scores, changed):
        note_test_use("runs/demo", faces, "cnn", "evaluation", scores=each)
    assert read_ledger("runs/demo")[0]["scores"].nunique() == 1


def test_the_same_scores_for_another_reason_are_no_new_look(home, faces, score_faces):
    scores = score_faces(faces)
    for reason in ("evaluation", "stress test"):
        note_test_use("runs/demo", faces, "cnn", reason, scores=scores)
    assert ledger_table("runs/demo", faces)[["evaluations", "looks"]].to_numpy().tolist() == [
        ["2", "1"]
    ]
    assert "split unseen are not" in describe_ledger("runs/demo", faces)[2]


def test_the_table_follows_the_notebooks_whatever_ran_first(home, faces):
    ran = ["ablation", "ensemble", "architecture_b", "architecture_a", "baseline_cnn", "own"]
    for step in ran:
        for member in ("z", "a"):
            note_test_use("runs/demo", faces, member, "evaluation", step=step)
    assert ledger_table("runs/demo", faces)["who"].tolist() == [
        f"{step} {member}"
        for step in ("baseline_cnn", "architecture_a", "architecture_b", "ensemble", "ablation",
                     "own")
        for member in ("z", "a")
    ]  # fmt: skip


def test_the_same_test_set_is_known_in_another_run(home, faces, score_faces, make_faces):
    larger = {"train": {"real": 99, "swap": 9}, "val": {"real": 9, "swap": 9}}
    again = make_faces({**larger, "test": {"real": 80, "swap": 40, "blend": 40}})
    other = make_faces({**larger, "test": {"real": 9, "swap": 9}})
    assert identify_test_set(faces) == identify_test_set(again.sample(frac=1, random_state=0))
    assert identify_test_set(faces) != identify_test_set(other)
    evaluate(home / "runs/demo/baseline_cnn/cnn", score_faces(faces), faces)
    evaluate(home / "runs/long/baseline_cnn/cnn", score_faces(again, salt=1), again)
    evaluate(home / "runs/small/baseline_cnn/cnn", score_faces(other), other)
    table = ledger_table("runs/demo", faces)
    assert table["who"].tolist() == ["baseline_cnn cnn", "other runs (1)"]
    assert (
        "Across all runs: 2 times, 2 different looks, in 2"
        in describe_ledger("runs/demo", faces)[1]
    )
    assert (
        "evaluated once: 1 different look at 1 detector," in describe_ledger("runs/small", other)[0]
    )


def test_looks_without_scores_count_by_who_and_what_for(home, faces):
    for reason in ("stress test", "stress test", "left out: gan"):
        note_test_use("runs/demo", faces, "cnn", reason, step="stress")
    table = ledger_table("runs/demo", faces)
    assert table[["what for", "evaluations", "looks"]].to_numpy().tolist() == [
        ["stress test, left out: gan", "3", "2"]
    ]


def test_broken_lines_are_counted_and_cost_nothing_else(home, faces):
    note_test_use("runs/demo", faces, "first", "evaluation")
    path = ledger_path("runs/demo")
    with open(path, "ab") as stream:
        stream.write(b'\xff\xfe\n[1, 2]\n{"time": 3}\n\n{"time": "2026-')  # killed while writing
    note_test_use("runs/demo", faces, "second", "evaluation")
    lines, broken = read_ledger("runs/demo")
    assert lines["member"].tolist() == ["first", "second"] and broken == 4
    assert json.loads(path.read_text(errors="replace").splitlines()[-1])["member"] == "second"
    assert describe_ledger("runs/demo", faces)[-1].startswith("4 lines of the ledger cannot")


def test_many_writers_lose_no_line(home, faces, tmp_path):
    table = tmp_path / "faces.parquet"
    write_table(table, faces)
    code = (
        "import sys, pandas; from unmask.evaluation.ledger import note_test_use\n"
        f"faces = pandas.read_parquet({str(table)!r})\n"
        "for number in range(40):\n"
        "    problem = note_test_use('runs/demo', faces, f'{sys.argv[1]}-{number}', 'x' * 5000)\n"
        "    assert problem == '', problem\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, name]) for name in "abc"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    lines, broken = read_ledger("runs/demo")
    assert broken == 0
    assert set(lines["member"]) == {f"{name}-{number}" for name in "abc" for number in range(40)}


def test_a_ledger_that_cannot_be_written_is_a_notice(home, faces, score_faces):
    ledger_path("runs/demo").mkdir(parents=True)
    result = evaluate(home / "runs/demo/baseline_cnn/cnn", score_faces(faces), faces)
    words = "This use of the test faces could not be noted in test_ledger.jsonl (Is a directory)."
    assert notices_of([result]) == [f"Test numbers: {words}"]
    stored = read_json(home / "runs/demo/baseline_cnn/cnn/metrics.json")
    assert stored["splits"]["test"]["notes"] == [words]
    assert describe_ledger("runs/demo", faces) == [
        "No use of these test faces is noted: the ledger is not there or was not written."
    ]
    assert ledger_table("runs/demo", faces).empty


def test_a_folder_that_nobody_may_write_to(home, faces):
    (home / "runs").write_text("a file where the folder belongs")
    notice = note_test_use("runs/demo", faces, "cnn", "evaluation")
    assert notice.startswith("This use of the test faces could not be noted")
