"""Pictures that a face fills are taken whole, as training on such pictures took them."""

import numpy as np
import pytest
from unmask.dataset.equalise import Equaliser
from unmask.media.faces import Face, Framing
from unmask.verdict.reading import FaceReader

PIXELS = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("margin", "source", "side", "seen"),
    [
        (-0.2, "measured", 196, 200),  # its face fills it: the crop asked for is 157 pixels
        (-0.2, "measured", 160, 200),
        (-0.2, "measured", 150, 120),  # the face covers less than 60% of it
        (-0.3, "chosen", 196, 137),  # training cut faces out itself
        (0.3, "measured", 100, 130),
    ],
)
def test_a_picture_that_its_face_fills_is_such_a_crop_already(margin, source, side, seen):
    corner = (200 - side) / 2
    points = np.array([[80.0, 80], [120, 80], [100, 105], [85, 130], [115, 130]])
    face = Face((corner, corner, float(side), float(side)), points, 0.9)
    framing = Framing(margin=margin, source=source)
    reader = FaceReader(None, framing, 64, Equaliser())
    assert reader.see(PIXELS, face).quality["crop"] == seen
    whole = (reader.crop(PIXELS, face) == reader.crop(PIXELS, None)).all()
    assert whole == (seen == 200)
