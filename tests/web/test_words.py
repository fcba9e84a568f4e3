"""Numbers and curves of the page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unmask.verdict import Person, Verdict
from unmask.web.desk import deciding_person, worst_moment
from unmask.web.timeline import timeline_of, worst_frames
from unmask.web.words import chance_lines, megabytes, moment, percent, probability, who


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.5, "50%"),
        (0.0412, "4.1%"),
        (0.004, "0.40%"),
        (0.0, "0%"),
        (1.0, "100%"),
        (None, "unknown"),
    ],
)
def test_percent(share, words):
    assert percent(share) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0:00.0"), (3.24, "0:03.2"), (63.28, "1:03.3"), (59.96, "1:00.0"), (600, "10:00.0")],
)
def test_moment(seconds, words):
    assert moment(seconds) == words


def test_megabytes():
    assert [megabytes(n) for n in (1, 2048, 1_234_567)] == ["1 kB", "2 kB", "1.2 MB"]


def test_chances_are_told_with_their_intervals_where_known():
    chances = [
        {"share_of_fakes": 0.001, "right": 0.0221, "low": 0.02, "high": 0.031},
        {"share_of_fakes": 0.5, "right": None, "low": None, "high": None},
    ]
    assert chance_lines(Verdict("a.jpg", chances=chances)) == [
        {"share": "0.1%", "right": "2.2%", "between": "2.0% to 3.1%"},
        {"share": "50%", "right": "unknown", "between": ""},
    ]


def test_people_are_called_by_what_they_are():
    one, two = Person(0), Person(1)
    assert who(one, Verdict("a", kind="image", people=[one])) == "The face"
    assert who(two, Verdict("a", kind="image", people=[one, two])) == "Face 2"
    assert who(one, Verdict("a", kind="video", people=[one])) == "The person"
    assert who(two, Verdict("a", kind="video", people=[one, two])) == "Person 2"


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.999, "above 99%"), (0.991, "99%"), (0.5, "50%"), (0.006, "1%"), (0.0, "below 1%")],
)
def test_no_probability_is_told_as_certainty(share, words):
    assert probability(share) == words


def frames(*scores, step=1.0):
    return [
        {"index": place, "time": place * step, "box": [0, 0, 1, 1], "score": score}
        for place, score in enumerate(scores)
    ]


def test_a_timeline_in_numbers():
    person = Person(0, "fake", 0.5, frames=frames(0.0, 1.0, 0.25))
    verdict = Verdict("a", "video", threshold=0.5, band=(0.25, 0.75), clip={"seconds": 4.0})
    line = timeline_of(person, verdict)
    assert line.points == "0.0,200.0 250.0,0.0 500.0,150.0"
    assert (line.threshold, line.band, line.end) == (100.0, (50.0, 100.0), "0:04.0")
    assert [worst["clock"] for worst in line.worst] == ["0:01.0", "0:02.0", "0:00.0"]
    assert line.sentence.endswith("between 0.00 and 1.00, highest at 0:01.0.")


def test_no_timeline_of_a_photo_or_one_frame():
    assert timeline_of(Person(0), Verdict("a")) is None
    assert timeline_of(Person(0, frames=frames(0.5)), Verdict("a", "video")) is None
    assert timeline_of(Person(0, frames=frames(None, 0.5)), Verdict("a", "video")) is None


def test_worst_moments_lie_apart():
    many = frames(*[0.9, 0.89, 0.88, 0.1, 0.1, 0.5], step=0.4)
    assert [frame["time"] for frame in worst_frames(many, 20.0)] == [0.0, 2.0]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=60), st.floats(0.01, 5))
def test_curves_stay_on_their_field(scores, step):
    line = timeline_of(Person(0, frames=frames(*scores, step=step)), Verdict("a", "video"))
    points = [tuple(map(float, point.split(","))) for point in line.points.split()]
    assert len(points) == len(scores)
    assert all(0 <= x <= 1000 and 0 <= y <= 200 for x, y in points)
    assert line.worst[0]["score"] == max(scores)
    assert 1 <= len(line.worst) <= 3


def test_the_person_and_the_moment_that_decided():
    real = Person(0, "real", 0.1, frames=frames(0.1, 0.2))
    fake = Person(1, "fake", 0.9, frames=frames(None, 0.8, 0.95))
    assert deciding_person(Verdict("a", verdict="fake", score=0.9, people=[real, fake])) is fake
    assert deciding_person(Verdict("a", verdict="no face", people=[real])) is real
    assert deciding_person(Verdict("a", verdict="no face")) is None
    assert worst_moment(fake)["index"] == 2
    assert worst_moment(Person(0)) is None
