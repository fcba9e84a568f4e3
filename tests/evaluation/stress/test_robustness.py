"""Accuracy under attack, on a linear detector whose limits are known exactly."""

import numpy as np
import pandas as pd
import pytest
from unmask.evaluation.formats import format_percent
from unmask.evaluation.stress.attacks import METHODS
from unmask.evaluation.stress.networks import sample_faces
from unmask.evaluation.stress.robustness import attack_table, examples, measure_attacks
from unmask.evaluation.stress.sentences import describe_attacks

SIDE = 4
COUNT = 40
SHARES = np.linspace(-1, 1, COUNT)  # how far each face lies from the threshold, in grey levels


def mean_scorer(pictures):
    """P(fake) is the mean brightness: an attack of b grey levels moves it by exactly b / 255."""
    return pictures.mean((1, 2, 3)) / 255


def mean_gradient(pictures):
    values = pictures.astype(np.float64)
    return values.mean((1, 2, 3)), np.full_like(values, 1 / SIDE**2 / 3)


def other_gradient(pictures):
    """The gradient of a network that looks at red alone."""
    values = pictures.astype(np.float64)
    slopes = np.zeros_like(values)
    slopes[..., 0] = 1 / SIDE**2
    return values[..., 0].mean((1, 2)), slopes


@pytest.fixture(scope="module")
def attacked():
    labels = np.arange(COUNT) % 2
    margins = np.repeat(np.arange(1, COUNT // 2 + 1), 2)  # grey levels on the right side
    light = np.where(labels == 1, 127 + margins, 128 - margins)
    pictures = np.broadcast_to(light[:, None, None, None], (COUNT, SIDE, SIDE, 3))
    pictures = np.ascontiguousarray(pictures).astype(np.uint8)
    names = [f"face-{number}" for number in range(COUNT)]
    faces = pd.DataFrame({"face_id": names, "label": labels})
    scorers = {"mean": mean_scorer}
    entries, worst = measure_attacks(
        scorers,
        {"mean": mean_gradient, "red": other_gradient},
        METHODS,
        pictures,
        faces,
        {"mean": 127.5 / 255},
        progress=lambda fraction, message: None,
    )
    return entries, worst, pictures, labels


def accuracy(entries, source, method, budget):
    return next(
        each["accuracy"]["value"]
        for each in entries
        if (each["source"], each["method"], each["budget"]) == (source, method, budget)
    )


def test_a_budget_turns_exactly_the_faces_within_its_reach(attacked):
    entries, *_ = attacked
    assert accuracy(entries, "", "clean", 0) == 1
    for budget in (1, 2, 4, 8):
        left = 1 - 2 * budget / COUNT
        assert accuracy(entries, "mean", "fgsm", budget) == pytest.approx(left)
        assert accuracy(entries, "mean", "pgd", budget) == pytest.approx(left)
        assert accuracy(entries, "", "noise", budget) >= 1 - 4 * budget / 3 / COUNT


def test_what_fools_another_network_fools_this_one_less(attacked):
    entries, *_ = attacked
    for budget in (4, 8):
        assert accuracy(entries, "mean", "pgd", budget) < accuracy(entries, "red", "pgd", budget)


def test_intervals_and_table(attacked):
    entries, *_ = attacked
    table = attack_table(entries)
    assert len(table) == 1 + 4 + 2 * 2 * 4
    assert (table["accuracy_low"] <= table["accuracy_value"]).all()
    assert (table["accuracy_value"] <= table["accuracy_high"]).all()
    text = describe_attacks("mean", entries, COUNT)
    assert "2 of 255" in text and "90.0%" in text and "red" in text
    noise = next(each for each in entries if (each["method"], each["budget"]) == ("noise", 2))
    assert f"random noise {format_percent(noise['accuracy'])}" in text and text.count("[") == 4


def test_where_a_class_is_missing_nothing_is_attacked_and_nothing_claimed():
    faces = pd.DataFrame({"face_id": ["a"], "label": 0, "generator": "real"})
    none = sample_faces(faces, 8, even=True)
    pictures = np.zeros((0, SIDE, SIDE, 3), np.uint8)
    entries, worst = measure_attacks(
        {"mean": mean_scorer}, {"mean": mean_gradient}, METHODS, pictures, none, {"mean": 0.5}
    )
    assert entries == [] and worst == {} and attack_table(entries).empty
    assert describe_attacks("mean", entries, 0) == ""


def test_examples_show_a_face_of_each_class_that_was_turned(attacked):
    _, worst, pictures, labels = attacked
    places, scores = examples(mean_scorer, pictures, worst["mean"], labels, 127.5 / 255)
    assert [labels[place] for place in places] == [0, 1]
    for place, (before, after) in zip(places, scores, strict=True):
        assert (before >= 0.5) == labels[place] and (after >= 0.5) != labels[place]


def test_what_cannot_be_followed_is_called_no_robustness(attacked):
    entries, *_ = attacked
    followed = [each for each in entries if each["source"] in ("", "red")]
    clean = format_percent(next(each for each in entries if each["method"] == "clean")["accuracy"])
    noise = next(each for each in entries if (each["method"], each["budget"]) == ("noise", 2))
    assert describe_attacks("mean", followed, COUNT).startswith(
        "The score of mean does not change smoothly with single pixels, so attacks that follow its "
        "slope cannot be made, which is no robustness: attacks without a slope were not tried. It "
        f"gets {clean} of 40 test faces right, with as much random noise "
        f"{format_percent(noise['accuracy'])}; with pictures made against red instead "
    )
