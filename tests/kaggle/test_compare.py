"""The comparison of two runs sees a number, a picture or a file that differs, and no time."""

import json

import pandas as pd
import pytest
from compare import compare_runs

PAGE = """<main><article><h2>Scores</h2><img alt="{alt}" src="data:image/png;base64,{picture}">
<table><tr><th>Detector</th><th>AUC</th><th>seconds</th></tr>
<tr><td>tiny</td><td>{score}</td><td>{seconds}</td></tr></table></article></main>"""


def write_home(home, score=0.25, seconds=1.5, picture="AAAA", alt="Scores"):
    """A run of one step and its report."""
    folder = home / "runs" / "tiny" / "step" / "member"
    folder.mkdir(parents=True, exist_ok=True)
    table = {"path": [f"{home}/data/tiny/1.png"], "score": [score], "seconds": [seconds]}
    pd.DataFrame(table).to_parquet(folder / "scores.parquet")
    (folder / "member.json").write_text(json.dumps({"mean": score, "seconds": seconds}))
    (folder / "started.json").write_text(str(home))
    page = PAGE.format(score=score, seconds=seconds, picture=picture, alt=alt)
    (home / "reports" / "tiny").mkdir(parents=True, exist_ok=True)
    (home / "reports" / "tiny" / "one.html").write_text(page)
    return home


def test_times_and_places_may_differ(tmp_path):
    local = write_home(tmp_path / "local")
    other = write_home(tmp_path / "other", seconds=2.5)
    assert compare_runs(local, other, "tiny") == []


def test_every_other_difference_is_told(tmp_path):
    local = write_home(tmp_path / "local")
    other = write_home(tmp_path / "other", score=0.25 + 2**-53, picture="AAAB")
    assert [words.split(" differ")[0] for words in compare_runs(local, other, "tiny")] == [
        "step/member/member.json: .mean '0.25' is '0.2500000000000001' there",
        "step/member/scores.parquet: .score[0] '0.25' is '0.2500000000000001' there",
        "one.html: pictures",
        "one.html: tables",
    ]


@pytest.mark.parametrize("lost", ["runs/tiny/step/member/member.json", "reports/tiny/one.html"])
def test_a_file_that_is_not_there_is_told(tmp_path, lost):
    local, other = write_home(tmp_path / "local"), write_home(tmp_path / "other")
    (other / lost).unlink()
    assert len(compare_runs(local, other, "tiny")) == 1
