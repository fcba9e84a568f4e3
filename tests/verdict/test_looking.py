"""Close frames of a clip: faces are searched in some, and glide from one to the next."""

import numpy as np
from unmask.media.faces import Face
from unmask.media.videos import Frame
from unmask.verdict.looking import _between, _Followed

POINTS = np.array([[40.0, 40], [60, 40], [50, 50], [42, 62], [58, 62]])


def face(shift):
    return Face((30.0 + shift, 20.0, 40.0, 55.0), POINTS + np.array([shift, 0]), 0.9)


def frames(*numbers):
    pixels = np.random.default_rng(0).integers(60, 200, (100, 120, 3), dtype=np.uint8)
    return [Frame(number, number / 25, pixels) for number in numbers]


def test_between_two_frames_a_face_lies_between():
    found = _between((1.0, face(0)), (1.16, face(8)), 1.04)
    np.testing.assert_allclose(found.box, face(2).box)
    np.testing.assert_allclose(found.landmarks, face(2).landmarks)
    assert _between((1.0, face(0)), (1.0, face(8)), 1.0).box == face(8).box  # no time went by


def test_frames_count_only_between_two_in_which_the_person_is_seen():
    one = _Followed([(0, 0.0, face(0))])

    def times(numbers, faces):
        before = len(one.signs)
        one.take(frames(*numbers), faces)
        return [round(each.time * 25) for each in one.signs[before:]]

    other = Face((90.0, 20.0, 20.0, 30.0), POINTS, 0.9)
    assert times([0], [other, face(0)]) == [0]
    assert times([1, 2, 3, 4], [face(4), other]) == [1, 2, 3, 4]
    assert times([5, 6, 7, 8], [other]) == []  # gone: where it was meanwhile is not known
    assert times([9, 10, 11, 12], [face(6)]) == [12]
    assert times([13, 14], [face(7)]) == [13, 14]
    late = _Followed([(50, 2.0, face(0))])
    late.take(frames(4), [face(0)])  # before their first appearance
    assert late.signs == []
