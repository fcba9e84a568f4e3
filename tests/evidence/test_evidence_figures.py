"""The figures show what the records say, and nothing where nothing is known."""

import pytest
from unmask.errors import UsageError
from unmask.evaluation import plots
from unmask.evaluation.plots import evidence as figures
from unmask.evidence.measure import MEASURES

NORMAL = {"low": 1.0, "high": 3.0, "n": 20}


def record(name: str, value: float | None = 2.0, verdict: str = "usual", **changes) -> dict:
    series = [{"time": place / 10, "value": 0.5 + place % 2} for place in range(6)]
    measure = MEASURES[name]
    return {
        **{"name": name, "title": measure.title, "unit": measure.unit, "value": value},
        **{
            "normal": NORMAL,
            "verdict": verdict,
            "sentence": f"What {name} says.",
            "series": series,
        },
        **changes,
    }


def test_the_open_ends_are_those_of_the_measures():
    sides = {name: each.side for name, each in MEASURES.items()}
    assert {name for name, side in sides.items() if side == "high"} == set(figures.NO_LOW_END)
    assert {name for name, side in sides.items() if side == "low"} == set(figures.NO_HIGH_END)
    assert set(figures.OF_A_MOMENT) <= set(sides)


def test_timelines_leave_out_what_has_no_time_and_break_at_gaps():
    gap = [{"time": at, "value": 1.0} for at in (0, 0.1, 0.2, 3.0, 3.1, 3.2)]
    drawn = plots.evidence_timelines(
        [record("flicker"), record("lip_sync", None, series=[]), record("blinking", series=gap)]
    )
    flicker, blinking = drawn.axes
    assert flicker.get_title(loc="left") == "Flicker of the face: usual"
    assert len(flicker.lines) == 1 and len(blinking.lines) == 2
    # The shade is the normal range, and the likeness of an eye has none.
    assert len(flicker.patches) == 1 and not blinking.patches
    assert "What flicker says. Blinking: What blinking says." in plots.alt_text(drawn)
    with pytest.raises(UsageError, match="through time"):
        plots.evidence_timelines([record("flicker", series=[])])


def test_ranges_place_a_value_between_the_ends_and_far_ones_at_the_edge():
    shown = plots.evidence_ranges(
        [
            record("face_sharpness", 2.0),
            record("flicker", 300.0, "unusual"),
            record("lip_sync", None, "not measurable here"),
            record("colour_match", 5.0, "not measurable here", normal=None),
        ]
    )
    axes = shown.axes[0]
    places = [line.get_xdata()[0] for line in axes.lines]
    assert places == [0.5, 1 + figures.REACH]
    assert [line.get_marker() for line in axes.lines] == ["o", "D"]
    said = [text.get_text() for text in axes.texts]
    assert said == [
        *("2 times", "300 %", "not measurable here"),
        "5 colour steps, normal: unknown",
    ]
    even = record("flicker", 2.0, normal={"low": 2.0, "high": 2.0, "n": 9})
    assert plots.evidence_ranges([even]).axes[0].lines[0].get_xdata()[0] == 0
    with pytest.raises(UsageError, match="no evidence"):
        plots.evidence_ranges([])
