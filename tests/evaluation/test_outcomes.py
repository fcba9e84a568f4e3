"""What looking for faces gave: counted per class, and an alarm when one class loses more."""

from __future__ import annotations

import pandas as pd
import pytest
from unmask.evaluation.outcomes import (
    describe_outcomes,
    outcomes_of,
    outcomes_table,
    uneven_losses,
)


def tables(kept: tuple[int, int], lost: tuple[int, int], per_file: int = 1):
    """Returns faces and rejected frames: so many of real and fake files, `per_file` of a file."""
    rows = []
    for label in (0, 1):
        for number in range(kept[label] + lost[label]):
            path = f"{label}/{number // per_file}"
            rows.append((path, label, number, number >= kept[label]))
    frame = pd.DataFrame(rows, columns=["path", "label", "frame", "lost"])
    rejected = frame[frame["lost"]].assign(reason="no face", detail="")
    whole = pd.DataFrame([("0/9", 0, -1, True, "no face", "")], columns=rejected.columns)
    return frame[~frame["lost"]], pd.concat([rejected, whole])


def test_every_look_is_counted_once_and_files_as_a_whole_are_not():
    faces, rejected = tables((30, 18), (10, 2))
    rejected.loc[rejected["label"] == 1, "reason"] = "too blurred"
    outcomes = outcomes_of(faces, rejected)
    table = outcomes_table(outcomes)
    assert table[["outcome", "real", "fake"]].to_numpy().tolist() == [
        ["face found", "30", "18"],
        ["no face", "10", "0"],
        ["too blurred", "0", "2"],
    ]
    assert table.iloc[1]["share of real"].startswith("25.0% [")
    assert describe_outcomes(outcomes) == (
        "Usable faces, of all faces seen and frames without one: 30 of 40 in real files, 18 of 20 "
        "in fake files."
    )


@pytest.mark.parametrize(
    ("kept", "lost", "light"),
    [
        ((900, 990), (100, 10), "amber"),
        ((500, 990), (500, 10), "red"),
        ((995, 985), (5, 15), ""),  # too little to matter
        ((8, 10), (2, 0), ""),  # too few to know
        ((0, 10), (0, 5), ""),
    ],
)
def test_a_class_that_clearly_loses_more_raises_an_alarm(kept, lost, light):
    found = uneven_losses(outcomes_of(*tables(kept, lost)))
    assert [alarm["light"] for alarm in found] == ([light] if light else [])
    if found:
        assert "the real ones that are left" in found[0]["sentence"]


def test_frames_of_one_clip_count_together():
    """100 lost frames of one clip are one accident, not a hundred."""
    alone = uneven_losses(outcomes_of(*tables((900, 1000), (100, 0), per_file=1)))
    together = uneven_losses(outcomes_of(*tables((900, 1000), (100, 0), per_file=100)))
    assert alone and not together
