"""Figures of verdicts: what they show is said in their alt text too."""

import numpy as np
from unmask.evaluation import plots


def test_every_face_has_its_frame_and_every_picture_its_caption():
    pictures = [np.zeros((20, 30, 3), np.uint8), np.zeros((40, 10, 3), np.uint8)]
    faces = [
        [{"box": (1, 2, 3, 4), "verdict": "fake"}, {"box": (9, 2, 3, 4), "verdict": ""}],
        [{"box": (-5, 2, 30, 4), "verdict": "real"}],
    ]
    figure = plots.judged_pictures(pictures, faces, ["fake 0.9\nis fake", "real 0.1\nb.jpg"])
    assert [len(axes.patches) for axes in figure.axes] == [4, 2]
    boxes = [patch.get_bbox().bounds for patch in figure.axes[0].patches]
    assert boxes[0] == boxes[1] == (1, 2, 3, 4)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == ["real", "fake"]
    assert "fake 0.9 is fake; real 0.1 b.jpg" in plots.alt_text(figure)
    # a box beyond the border does not shrink the picture
    assert figure.axes[1].get_xlim() == (-0.5, 9.5)


def test_a_timeline_has_a_line_for_each_person_and_the_band():
    people = [
        {"times": [0.0, 1.0, 2.0], "scores": [0.2, 0.9, 0.4]},
        {"times": [1.0], "scores": [0.1]},
    ]
    clips = [
        {"title": "a.mp4: fake", "band": (0.3, 0.6), "threshold": 0.5, "people": people},
        {"title": "b.mp4: real", "band": None, "threshold": None, "people": people[1:]},
    ]
    figure = plots.clip_timelines(clips)
    first, second = figure.axes
    assert [len(line.get_xdata()) for line in first.lines] == [2, 3, 1]
    assert len(first.patches) == 1 and len(second.patches) == 0
    assert plots.alt_text(figure) == (
        "Scores over time. a.mp4: fake, person 1: 0.20 to 0.90, the highest at 1.0 s; a.mp4: fake, "
        "person 2: 0.10 to 0.10, the highest at 1.0 s; b.mp4: real, person 1: 0.10 to 0.10, the "
        "highest at 1.0 s."
    )
