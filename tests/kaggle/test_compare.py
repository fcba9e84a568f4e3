"""The comparison of two runs sees a number, a picture or a file that differs, and no time."""

import json

import pandas as pd
import pytest
from compare import compare_runs

PAGE = """<main><article><h2>Scores</h2><img alt="{alt}" src="data:image/png;base64,{picture}">
<p>{sentence} It takes {seconds} ms.</p>
<table><tr><th>Detector</th><th>AUC</th><th>seconds</th></tr>
<tr><td>{row}</td><td>{score}</td><td>{seconds}</td></tr></table></article></main>"""


def write_home(
    home,
    score=0.25,
    seconds=1.5,
    picture="AAAA",
    alt="Scores",
    row="tiny",
    sentence="Fine.",
    pair=1,
):
    """A run of one step and its report."""
    folder = home / "runs" / "tiny" / "step" / "member"
    folder.mkdir(parents=True, exist_ok=True)
    table = {"path": [f"{home}/data/tiny/1.png"], "score": [score], "seconds": [seconds]}
    table["second"] = [pair]  # of two faces, and no time
    pd.DataFrame(table).to_parquet(folder / "scores.parquet")
    (folder / "member.json").write_text(json.dumps({"mean": score, "seconds": seconds}))
    (folder / "started.json").write_text(str(home))
    words = {"picture": picture, "alt": alt, "row": row, "sentence": sentence}
    page = PAGE.format(score=score, seconds=seconds, **words)
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


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"sentence": "All is lost."}, "one.html: sentences"),
        ({"row": "when encoded alike", "score": 0.5}, "one.html: tables"),
        ({"alt": "4 times larger, when blended", "picture": "AAAB"}, "one.html: pictures"),
        ({"pair": 2}, "step/member/scores.parquet: .second[0] '1' is '2' there"),
    ],
)
def test_words_that_sound_like_time_hide_nothing(tmp_path, values, told):
    alike = {name: values[name] for name in ("row", "alt") if name in values}
    local = write_home(tmp_path / "local", **alike)
    other = write_home(tmp_path / "other", **values)
    found = [words.split(" differ")[0] for words in compare_runs(local, other, "tiny")]
    assert told in found


def test_a_report_or_an_array_of_one_alone_is_told(tmp_path):
    local, other = write_home(tmp_path / "local"), write_home(tmp_path / "other")
    (other / "reports" / "tiny" / "two.html").write_text("")
    (local / "runs" / "tiny" / "step" / "maps.npy").write_text("")
    (local / "runs" / "tiny" / "step" / "faces_96.npy").write_text("")
    told = ["missing: step/maps.npy", "report of one alone: two.html"]
    assert compare_runs(local, other, "tiny") == told


@pytest.mark.parametrize("lost", ["runs/tiny/step/member/member.json", "reports/tiny/one.html"])
def test_a_file_that_is_not_there_is_told(tmp_path, lost):
    local, other = write_home(tmp_path / "local"), write_home(tmp_path / "other")
    (other / lost).unlink()
    assert len(compare_runs(local, other, "tiny")) == 1
