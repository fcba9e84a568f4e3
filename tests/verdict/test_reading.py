"""A face reaches the networks as it did in training: cut out, squared and equalised alike."""

import numpy as np
import pytest
from unmask.dataset.equalise import Equaliser
from unmask.dataset.face_choice import FaceChoice
from unmask.dataset.seeking import FaceSeeker, Picture
from unmask.media.faces import Face, Framing, make_finder
from unmask.verdict.changes import CHANGES, variants_of
from unmask.verdict.kinds import kind_of_content
from unmask.verdict.reading import MOST_FACES, ONLY_LARGEST, FaceReader, notices_of

SIZE = 64
EQUALISERS = (Equaliser(), Equaliser(side=100, quality=80))


def noise(height, width):
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


def face_at(left, top, side):
    places = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
    landmarks = np.array([left, top]) + side * places
    return Face((float(left), float(top), float(side), float(side)), landmarks, 0.9)


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("equaliser", EQUALISERS)
def test_a_face_that_was_cut_out_of_a_photo(shared_data, equaliser, align):
    from matplotlib.cbook import get_sample_data
    from unmask.media.images import decode_image

    with get_sample_data("grace_hopper.jpg") as stream:
        pixels = decode_image(stream.read()).pixels
    finder = make_finder("yunet", weights=shared_data / "weights" / "yunet_n_640_640.onnx")
    choice = FaceChoice(faces="all", margin=0.4, align=align)
    sought = FaceSeeker(choice, finder).seek([Picture(0, 0.0, pixels)], SIZE, equaliser)
    reader = FaceReader(finder, choice.framing, SIZE, equaliser)
    seen = reader.look([pixels])[0]
    assert len(sought.kept) == len(seen) == 1
    assert np.array_equal(sought.kept[0].pixels, seen[0].variants[0])
    assert seen[0].quality["side"] == min(seen[0].box[2:]) > 100


@pytest.mark.parametrize("equaliser", EQUALISERS)
def test_each_change_goes_through_the_same_pipeline(equaliser):
    crop = noise(120, 120)
    found = variants_of(crop, SIZE, equaliser)
    assert found.shape == (1 + len(CHANGES), SIZE, SIZE, 3) and found.dtype == np.uint8
    for number, change in enumerate(CHANGES.values(), start=1):
        alone = variants_of(np.ascontiguousarray(change.apply(crop)), SIZE, equaliser)[0]
        assert np.array_equal(found[number], alone)
        assert not np.array_equal(found[number], found[0])
    assert CHANGES["resize_0.75"].apply(crop).shape == (90, 90, 3)


class FindsMany:
    """Finds more faces than are looked at, by falling area."""

    def find(self, pictures):
        return [[face_at(0, 0, 140 - place) for place in range(MOST_FACES + 3)] for _ in pictures]


def test_of_very_many_faces_the_largest_are_looked_at_and_that_is_told():
    reader = FaceReader(FindsMany(), Framing(0.3, source="measured"), SIZE, Equaliser())
    (seen,) = reader.look([noise(400, 600)])
    assert [each.quality["side"] for each in seen] == [140 - place for place in range(MOST_FACES)]
    assert notices_of([[], seen]) == [ONLY_LARGEST]
    assert notices_of([seen[1:], []]) == []


def test_outcomes_have_no_pixels_but_crops_as_given_are_taken():
    pixels = noise(400, 600)
    reader = FaceReader(None, Framing(0.3, source="measured"), SIZE, Equaliser())
    small = reader.see(pixels, face_at(100, 100, 20))
    assert (small.outcome, small.variants) == ("too small", None)
    even = np.full_like(pixels, 90)
    assert reader.see(even, face_at(100, 100, 120)).outcome == "too blurred"
    crop = noise(40, 40)  # framed as training had it: no matter how small
    taken = reader.see(crop, face_at(5, 5, 30))
    assert taken.outcome == "" and taken.about()["box"] == (5.0, 5.0, 30.0, 30.0)
    assert np.array_equal(taken.variants, variants_of(crop, SIZE, Equaliser()))
    (whole,) = reader.look([pixels])[0]
    assert whole.box == (0.0, 0.0, 600.0, 400.0) and whole.about()["landmarks"] is None


@pytest.mark.parametrize(
    ("head", "name", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "a.mp4", "image"),
        (b"RIFF\0\0\0\0WEBP", "a", "image"),
        (b"RIFF\0\0\0\0AVI ", "a.jpg", "video"),
        (b"\0\0\0\x20ftypavif", "a", "image"),
        (b"\0\0\0\x20ftypisom", "a.jpg", "video"),
        (b"\x1aE\xdf\xa3", "a", "video"),
        (b"<svg", "a.svg", ""),
        (b"", "a.jpg", "image"),
        (b"torn", "a.mov", "video"),
    ],
)
def test_the_content_says_what_a_file_is_and_only_then_its_name(head, name, kind):
    assert kind_of_content(head, name) == kind
