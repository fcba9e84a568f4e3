"""Lights, their order and what a reader gets to see of them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from unmask.audit.findings import Finding, by_light, count_lights, worst_light
from unmask.audit.labels import failure_finding, label_findings
from unmask.audit.leakage import crossing, leakage_findings, overlap_findings
from unmask.audit.shortcuts import shortcut_findings
from unmask.audit.summary import lights_table, verdict_of
from unmask.evaluation.intervals import Interval
from unmask.runs import write_json


def finding(light: str, key: str = "k") -> Finding:
    return Finding(key, "labels", "a check", light, "A sentence.", "A fix.")


def table(rows) -> pd.DataFrame:
    columns = ["path", "label", "official_split", "group"]
    return pd.DataFrame(rows, columns=columns)


def pairs(*rows) -> pd.DataFrame:
    columns = ["first", "second", "kind", "symmetry"]
    return pd.DataFrame(rows, columns=columns).astype({"first": "int64", "second": "int64"})


FILES = table(
    [
        ("/d/train/real/a.jpg", 0, "train", "g1"),
        ("/d/test/real/b.jpg", 0, "test", "g2"),
        ("/d/test/fake/c.jpg", 1, "test", "g1"),
        ("/d/train/fake/d.jpg", 1, "train", "g3"),
    ]
)


def test_red_goes_first_and_not_checked_says_less_than_green():
    lights = ["green", "red", "not checked", "amber", "green"]
    found = [finding(light) for light in lights]
    assert [each.light for each in by_light(found)] == [
        "red", "amber", "not checked", "green", "green"
    ]  # fmt: skip
    assert count_lights(found) == {"red": 1, "amber": 1, "not checked": 1, "green": 2}
    assert worst_light(found) == "red"
    assert worst_light([found[0], found[2]]) == "green"
    assert worst_light([]) == "not checked"
    assert verdict_of(found).startswith("Red: ")
    assert verdict_of(found).endswith(" 1 of 5 checks could not be made.")
    assert "could not be made" not in verdict_of([found[0]])
    assert lights_table(found)[0]["light"] == "RED"


def test_a_finding_is_plain_data_and_keeps_twenty_rows(tmp_path):
    rows = [{"file": str(number)} for number in range(50)]
    one = Finding("k", "labels", "c", "red", "S.", evidence=rows, numbers={"n": 50})
    write_json(tmp_path / "f.json", one.as_dict())
    content = json.loads((tmp_path / "f.json").read_text())
    assert len(content["evidence"]) == 20
    assert content["numbers"] == {"n": 50}


@pytest.mark.parametrize("wrong", [{"light": "blue"}, {"topic": "weather"}])
def test_unknown_lights_and_topics_are_refused(wrong):
    with pytest.raises(ValueError, match="k: "):
        Finding(**{"key": "k", "topic": "labels", "check": "c", "light": "red", "sentence": "S."}
                | wrong)  # fmt: skip


def test_kinds_of_copies_have_their_lights():
    found = {
        kind: {
            each.key: each.light
            for each in leakage_findings(FILES, pairs((0, 1, kind, "mirrored")))
        }
        for kind in ("bytes", "pixels", "near", "edited")
    }
    assert found["bytes"]["exact_copies"] == found["pixels"]["exact_copies"] == "red"
    assert found["near"]["near_copies"] == "red"
    assert found["edited"]["edited_copies"] == "amber"
    assert found["bytes"]["near_copies"] == found["near"]["exact_copies"] == "green"


def test_copies_inside_a_split_or_without_one_are_amber():
    inside = leakage_findings(FILES, pairs((1, 2, "near", "as it is")))[1]
    assert inside.light == "amber"
    assert "None of these pairs crosses" in inside.sentence
    without = leakage_findings(FILES.assign(official_split=""), pairs((0, 1, "near", "as it is")))
    assert [each.light for each in without] == ["green", "amber", "green", "green"]
    assert "no official split" in without[1].sentence


def test_green_gives_no_order():
    found = leakage_findings(FILES, pairs((1, 2, "edited", "as it is")))[2]
    assert (found.light, found.fix, found.numbers["pairs"]) == ("green", "", 1)


def test_what_the_search_for_copies_left_out_is_amber():
    def near(**left_out):
        none = pairs()
        none.attrs = left_out
        one = leakage_findings(FILES, none)[1]
        other = overlap_findings(FILES, FILES, none, "other")[0]
        assert (one.light, bool(one.fix)) == (other.light, bool(other.fix))
        return one

    assert near(flat=0, skipped=4).light == "green"
    flat = near(flat=2, skipped=0)
    assert (flat.light, flat.numbers["flat"]) == ("amber", 2)
    assert "2 pictures are too even" in flat.sentence
    skipped = near(flat=0, skipped=9000)
    assert (skipped.light, skipped.numbers["skipped"]) == ("amber", 9000)
    assert "9,000 comparisons were left out" in skipped.sentence
    found = pairs((0, 1, "near", "as it is"))
    found.attrs = {"flat": 2}
    assert leakage_findings(FILES, found)[1].light == "red"


@pytest.mark.parametrize(
    ("area", "words"),
    [
        (Interval(0.608, 0.455, 0.742), "not shown to be a shortcut on so few files"),
        (Interval(0.52, 0.49, 0.55), "too little to count as a shortcut"),
        (Interval(0.5, None, None), "does not tell the classes apart at all"),
        (Interval(0.5, 0.5, 0.5), "the same in all files"),
    ],
)
def test_absence_of_evidence_is_not_called_evidence(area, words):
    labels = np.arange(120) % 2
    found = shortcut_findings({"exif": area}, pd.DataFrame({"exif": ["none"] * 120, "name": "x"}),
                              labels, reasons={"file": "Why."})  # fmt: skip
    by_key = {each.key: each for each in found}
    assert by_key["file_exif"].light == "green"
    assert words in by_key["file_exif"].sentence
    assert by_key["file_bytes"].sentence == "Why."


def test_pairs_are_named_with_what_they_are():
    rows = leakage_findings(FILES, pairs((0, 2, "near", "mirrored")))[1].evidence
    assert rows == (
        {"first": "train/real/a.jpg", "second": "test/fake/c.jpg", "kind": "near",
         "turned": "mirrored", "labels": "real, fake", "splits": "train, test"},
    )  # fmt: skip


def test_groups_on_two_sides_and_unknown_ones():
    groups = leakage_findings(FILES, pairs())[-1]
    assert (groups.light, groups.numbers) == ("red", {"groups": 3, "across": 1})
    assert leakage_findings(FILES.assign(group=""), pairs())[-1].light == "not checked"
    assert leakage_findings(FILES.assign(official_split=""), pairs())[-1].light == "green"


def test_a_side_that_is_not_known_crosses_nothing():
    files = FILES.assign(side=["train", "", "test", "test"])
    found = crossing(
        files, pairs((0, 1, "near", ""), (0, 2, "near", ""), (2, 3, "near", "")), "side"
    )
    assert found.tolist() == [False, True, False]


def test_overlap_says_what_is_shared():
    found = overlap_findings(FILES, FILES, pairs((0, 1, "near", "mirrored")), "other")[0]
    assert (found.light, found.numbers["shared"]) == ("red", 1)
    assert overlap_findings(FILES, FILES, pairs((0, 1, "edited", "")), "other")[0].light == "amber"
    nothing = overlap_findings(FILES, FILES, pairs(), "other")[0]
    assert (nothing.light, nothing.fix) == ("green", "")


def contradiction(files, *rows):
    found = label_findings(files, pairs(*rows))
    return next(each for each in found if each.key == "contradictions").light


def test_two_labels_of_one_picture():
    assert contradiction(FILES, (0, 1, "bytes", "")) == "green"  # one label
    assert contradiction(FILES, (0, 3, "bytes", "")) == "red"
    assert contradiction(FILES, (0, 3, "near", "")) == "red"
    assert contradiction(FILES, (0, 3, "edited", "")) == "green"
    assert contradiction(FILES, (0, 2, "near", "")) == "amber"  # one source video
    assert contradiction(FILES, (0, 2, "bytes", "")) == "red"
    many_files = pd.concat([FILES, *[FILES.assign(group="")] * 60], ignore_index=True)
    assert contradiction(many_files, (0, 3, "near", "")) == "amber"  # a pair among hundreds
    assert contradiction(many_files, (0, 3, "pixels", "")) == "red"


@pytest.mark.parametrize(
    ("shares", "light"), [((50, 50), "green"), ((80, 20), "amber"), ((10, 90), "amber")]
)
def test_class_balance(shares, light):
    files = pd.concat([FILES.iloc[[0]]] * shares[0] + [FILES.iloc[[3]]] * shares[1])
    files = files.reset_index(drop=True).assign(official_split="")
    found = label_findings(files, pairs())
    assert next(each for each in found if each.key == "balance").light == light


def test_unequal_shares_between_splits_are_amber():
    files = pd.concat([FILES.iloc[[0]]] * 9 + [FILES.iloc[[3]]] * 9 + [FILES.iloc[[1]]] * 2
                      + [FILES.iloc[[2]]] * 4, ignore_index=True)  # fmt: skip
    found = label_findings(files, pairs())
    assert next(each for each in found if each.key == "balance").light == "amber"


@pytest.mark.parametrize(
    ("real", "fake", "light"), [(0, 0, "green"), (5, 6, "amber"), (0, 20, "red"), (0, 3, "amber")]
)
def test_failures_of_one_class_are_red_when_chance_does_not_bring_them(real, fake, light):
    files = pd.concat([FILES.iloc[[0]]] * 100 + [FILES.iloc[[3]]] * 100, ignore_index=True)
    broken = [*range(real), *range(100, 100 + fake)]
    readable = pd.Series([place not in broken for place in files.index])
    reasons = pd.Series(["" if good else "truncated" for good in readable])
    found = failure_finding(files, readable, reasons)
    assert found.light == light
    assert found.numbers == {"real": real, "fake": fake, "files": 200}
