"""People followed through frames: crossing, leaving, missed, and faces that are none."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as some
from unmask.media.faces import Face, track_faces


def make_face(x: float, y: float, side: float = 100.0) -> Face:
    """A face with its box's centre at x, y; three quarters as wide as high."""
    box = (x - 0.375 * side, y - side / 2, 0.75 * side, side)
    return Face(box, np.zeros((5, 2)), 0.9)


def walk(start: tuple[float, float], step: tuple[float, float], frames: int, side: float = 100.0):
    return [
        make_face(start[0] + step[0] * frame, start[1] + step[1] * frame, side)
        for frame in range(frames)
    ]


def check_is(track, faces: list[Face], frames: list[int]) -> None:
    assert track.frames == frames
    assert all(face is faces[frame] for face, frame in zip(track.faces, frames, strict=True))


@given(
    speed=some.floats(15, 60),
    other=some.floats(15, 60),
    apart=some.floats(-40, 40),
    meeting=some.integers(4, 9),
    missed=some.integers(0, 12),
    who=some.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_two_people_who_cross_keep_their_numbers(speed, other, apart, meeting, missed, who):
    """They walk towards each other, pass in front of each other, one of them hidden for a frame."""
    right = walk((500 - speed * meeting, 300), (speed, 0), 13)
    left = walk((500 + other * meeting, 300 + apart), (-other, 0), 13, side=90)
    hidden = (right, left)[who][missed] if missed >= 3 else None
    found = [
        [face for face in pair if face is not hidden] for pair in zip(left, right, strict=True)
    ]
    tracks = track_faces(found)
    assert [track.person for track in tracks] == [0, 1]
    for track, faces in zip(tracks, (right, left), strict=True):
        check_is(track, faces, [frame for frame in range(13) if faces[frame] is not hidden])


@given(
    seed=some.integers(0, 10_000),
    people=some.integers(1, 4),
    gone=some.floats(0, 0.3),
    times=some.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_people_side_by_side_are_never_mixed(seed, people, gone, times):
    """Heads that move about their places, each found in most frames only."""
    generator = np.random.default_rng(seed)
    places = [(200.0 + 260 * person, 200.0) for person in range(people)]
    who, found = {}, []
    for frame in range(15):
        faces = []
        for person, (x, y) in enumerate(places):
            if frame in (0, 14) or generator.random() >= gone:
                face = make_face(*(np.array([x, y]) + generator.normal(0, 8, 2)), 100 + 5 * person)
                who[id(face)] = person
                faces.append(face)
        generator.shuffle(faces)
        found.append(faces)
    clock = np.cumsum(generator.uniform(0.3, 0.5, 15)).tolist() if times else None
    tracks = track_faces(found, times=clock)
    assert len(tracks) == people
    for track in tracks:
        assert len({who[id(face)] for face in track.faces}) == 1
        assert track.frames == sorted(set(track.frames))
    assert sum(len(track.faces) for track in tracks) == sum(map(len, found))


def test_one_leaves_and_the_other_stays():
    stays, leaves = walk((200, 200), (2, 0), 10), walk((330, 200), (4, 1), 10)
    found = [[leaves[frame]] * (frame < 4) + [stays[frame]] for frame in range(10)]
    first, second = track_faces(found)
    check_is(first, stays, list(range(10)))
    check_is(second, leaves, list(range(4)))


def test_a_longer_gap_is_bridged_where_the_face_was_going():
    faces = walk((100, 100), (30, 0), 12)
    seen = [0, 1, 2, 3, 8, 9, 10, 11]
    (track,) = track_faces([[faces[frame]] if frame in seen else [] for frame in range(12)])
    check_is(track, faces, seen)


def test_after_a_long_absence_only_the_same_place_is_the_same_person():
    near = [[make_face(100, 100)], *[[]] * 20, [make_face(130, 100)]]
    far = [[make_face(100, 100)], *[[]] * 20, [make_face(190, 100)]]
    assert [track.frames for track in track_faces(near)] == [[0, 21]]
    assert [track.frames for track in track_faces(far)] == [[0], [21]]


def test_uneven_times_lead_further():
    times = [0.0, 0.4, 0.8, 1.2, 2.8, 3.2]
    faces = [make_face(100 + 120 * time, 100) for time in times]
    (track,) = track_faces([[face] for face in faces], times=times)
    assert track.frames == list(range(6))


def test_a_face_in_one_of_many_frames_is_listed_last_and_named():
    face, false = walk((200, 200), (3, 0), 6), make_face(600, 500, 400)
    found = [[*([false] if frame == 2 else []), face[frame]] for frame in range(6)]
    person, once = track_faces(found)
    check_is(person, face, list(range(6)))
    assert person.outcome == ""
    assert (once.person, once.frames, once.outcome) == (1, [2], "seen once")
    # of fewer frames nothing can be said
    assert [track.outcome for track in track_faces(found[:5])] == ["", ""]


def test_most_and_largest_appearances_come_first():
    small, large, late = (walk((x, 200), (0, 0), 8, side) for x, side in
                          ((100, 60), (400, 120), (800, 100)))  # fmt: skip
    found = [[small[frame], large[frame]] + [late[frame]] * (frame > 5) for frame in range(8)]
    assert [track.faces[0].box[3] for track in track_faces(found)] == [120, 60, 100]


def test_a_much_larger_face_in_the_same_place_is_someone_else():
    found = [[make_face(200, 200, 60)]] * 3 + [[make_face(200, 200, 180)]] * 3
    assert [track.frames for track in track_faces(found)] == [[3, 4, 5], [0, 1, 2]]


def test_nothing_found():
    assert track_faces([]) == []
    assert track_faces([[], [], []]) == []
