"""The lines of unmask score, word for word."""

import csv
import io
import json
from pathlib import Path

from unmask.verdict import Person, Verdict
from unmask.verdict.lines import COLUMNS, csv_lines, json_line, summary_lines, text_line
from unmask.verdict.listing import name_below, shown_name

FAKE = Verdict(
    file="photos/a.jpg",
    kind="image",
    verdict="fake",
    score=0.91234,
    calibrated=0.8,
    threshold=0.5,
    band=(0.4, 0.6),
    reasons=["The score lies above the band.", "More."],
    people=[Person(0, "fake", 0.91234)],
    detector="traces",
).as_dict()
NO_FACE = Verdict(file="b.jpg", kind="image", verdict="no face", reasons=["No face."]).as_dict()
BROKEN = Verdict(
    file="=1+1\n.jpg", error={"reason": "truncated", "detail": "the end\x1b[2J is missing"}
).as_dict()


def test_a_line_has_name_verdict_score_probability_and_the_main_reason():
    assert text_line(FAKE, "photos/a.jpg", 14).plain == (
        "photos/a.jpg    fake        score 0.912  calibrated 0.800  The score lies above the band."
    )
    assert text_line(NO_FACE, "b.jpg", 5).plain == "b.jpg  no face     No face."
    assert text_line(BROKEN, shown_name(BROKEN["file"]), 5).plain == (
        r"=1+1\n.jpg  unreadable  truncated: the end\x1b[2J is missing"
    )
    bare = Verdict(file="c", verdict="unsure", score=0.5).as_dict()
    assert text_line(bare, "c", 1).plain == "c  unsure      score 0.500  not calibrated"


def test_a_line_of_json_holds_all_and_no_nan():
    verdict = Verdict(file="a", verdict="unsure", score=float("nan"), band=(0.1, float("inf")))
    line = json_line(verdict.as_dict())
    assert "\n" not in line and line.isascii()
    read = json.loads(line, parse_constant=lambda name: 1 / 0)
    assert read["score"] is None and read["band"] == [0.1, None]
    assert set(read) == {each for each in Verdict.__dataclass_fields__}


def test_csv_can_be_read_back_and_names_are_no_formulas():
    rows = list(csv.DictReader(io.StringIO(csv_lines([FAKE, BROKEN, NO_FACE], head=True))))
    assert list(rows[0]) == list(COLUMNS)
    assert rows[0]["verdict"] == "fake" and float(rows[0]["band_low"]) == 0.4
    assert rows[1]["file"] == r"./=1+1\n.jpg" and rows[1]["error"] == "truncated"
    assert rows[2]["score"] == "" and rows[2]["people"] == "0"
    assert csv_lines([NO_FACE], head=False).count("\n") == 1


def test_the_summary_counts_lists_the_unreadable_and_says_what_it_is_worth():
    found = [line.plain for line in summary_lines([FAKE, BROKEN, NO_FACE, FAKE], "It errs.")]
    assert found[0] == "4 files: 2 fake, 1 no face, 1 could not be read."
    assert found[1:3] == [
        "Could not be read:",
        r"  =1+1\n.jpg: truncated: the end\x1b[2J is missing",
    ]
    assert found[3] == "It errs." and found[4].startswith("A score is no proof")
    many = [line.plain for line in summary_lines([BROKEN] * 60, "")]
    assert "  and 10 more, marked in the lines above" in many


def test_names_are_those_below_the_folder_that_holds_all():
    assert name_below("photos/a\n.jpg", Path("photos")) == r"a\n.jpg"
    assert name_below("photos/a.jpg", Path("other")) == "photos/a.jpg"
    assert name_below("photos/a.jpg", None) == "photos/a.jpg"
    broken = Verdict(file="photos/b.jpg", error={"reason": "truncated", "detail": ""}).as_dict()
    found = [line.plain for line in summary_lines([broken], "", Path("photos"))]
    assert "  b.jpg: truncated" in found
