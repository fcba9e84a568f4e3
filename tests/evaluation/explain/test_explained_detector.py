"""A detector explained as a whole: which faces, what is written, read without TensorFlow."""

import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from unmask.errors import DataError
from unmask.evaluation import plots
from unmask.evaluation.explain.detector import ExplainSettings, explain_detector
from unmask.evaluation.explain.grad_cam import what_lacks
from unmask.evaluation.explain.mistakes import KINDS, judge
from unmask.evaluation.explain.record import LACKING, read_explanations


def make_frame(labels, scores, seeds=1):
    faces = pd.DataFrame(
        {
            "face_id": [f"face-{number:03d}" for number in range(len(labels))],
            "split": "test",
            "label": labels,
            "generator": np.where(np.asarray(labels) == 1, "patch", "real"),
            "row": np.arange(len(labels)),
        }
    )
    return pd.concat(
        [
            faces.assign(score=np.clip(scores + 0.01 * seed, 0, 1), seed=seed)
            for seed in range(seeds)
        ]
    )


def test_faces_are_judged_by_their_mean_score_the_surest_first():
    labels = [1, 1, 1, 0, 0, 0]
    verdicts = judge(make_frame(labels, np.array([0.2, 0.3, 0.9, 0.8, 0.7, 0.1]), seeds=3), 0.5)
    rows = {kind: list(part["row"]) for kind, part in verdicts.by_kind.items()}
    assert rows == {
        "fake called real": [0, 1],
        "real called fake": [3, 4],
        "fake called fake": [2],
        "real called real": [5],
    }
    assert verdicts.by_kind["fake called real"]["score"].iloc[0] == pytest.approx(0.21)
    assert verdicts.counts("real called fake") == "2 of 3, by the mean of 3 trainings"
    at_threshold = judge(make_frame([1, 0], np.array([0.5, 0.5])), 0.5)
    assert [len(at_threshold.by_kind[kind]) for kind in KINDS.values()] == [0, 1, 1, 0]


@pytest.fixture(scope="module")
def explained(averaging_network, planted, tmp_path_factory):
    from unmask.training.predict import compile_scorer

    folder = tmp_path_factory.mktemp("explained")
    score = compile_scorer(averaging_network)
    scores = score(planted.pixels)
    scores[[1, 3]] = [0.1, 0.2]  # two fakes missed, two reals accused
    scores[[0, 2]] = [0.9, 0.8]
    frame = make_frame(planted.labels, scores).assign(seed=4)
    settings = ExplainSettings(mistakes=5, right=2, covered=1, checked=12)
    found = explain_detector(
        averaging_network, score, frame, planted.pixels, 0.5, folder, settings, name="planted",
        seeds=3,
    )  # fmt: skip
    return found, folder, frame


def test_worst_mistakes_and_surest_right_verdicts_are_explained(explained, planted):
    found = explained[0]
    assert found.table["kind"].value_counts().to_dict() == {
        "fake called real": 2,
        "real called fake": 2,
        "fake called fake": 2,
        "real called real": 2,
    }
    assert list(found.table["row"][:4]) == [1, 3, 0, 2]
    assert found.fake.shape == found.real.shape == (8, 32, 32)
    assert list(found.covered_places) == [0, 2, 4, 6] and found.covered.shape == (4, 32, 32)
    assert [check.evidence for check in found.checks] == ["fake", "real"]
    assert found.checks[0].n == 12 and found.checks[0].points_right
    fakes = found.places("fake called fake")
    for place in fakes:
        peak = np.unravel_index(found.fake[place].argmax(), (32, 32))
        assert planted.inside(int(found.table["row"][place]))[peak]


def test_reasons_speak_for_the_verdict_that_was_given(explained):
    found = explained[0]
    reasons = found.reasons()
    assert len(reasons) == 8
    for place, row in found.table.iterrows():
        reason = reasons[row["face_id"]]
        if row["kind"].endswith("called fake"):
            np.testing.assert_array_equal(reason, found.fake[place])
        else:
            np.testing.assert_array_equal(reason, -found.real[place])


def test_what_was_written_is_read_back(explained, tmp_path):
    found, folder, _ = explained
    again = read_explanations(folder)
    assert again.detector == "planted" and again.threshold == 0.5
    assert again.checks == found.checks
    pd.testing.assert_frame_equal(again.table, found.table, check_dtype=False)
    for name in ("fake", "real", "covered"):
        np.testing.assert_allclose(getattr(again, name), getattr(found, name), atol=1e-3)
    assert sorted(path.name for path in folder.iterdir()) == [
        "explanations.json",
        "explanations.npz",
    ]
    assert read_explanations(tmp_path) is None


def test_what_is_shown_is_of_the_training_explained(explained, tmp_path):
    _, folder, frame = explained
    again = read_explanations(folder)
    assert (again.seed, again.seeds) == (4, 3)
    assert "seed 4 (of 3 trainings)" in again.introduce()
    assert "seed" not in replace(again, seeds=1).introduce()
    several = pd.concat([frame.assign(score=0.5, seed=seed) for seed in (1, 2)] + [frame])
    pd.testing.assert_frame_equal(again.own_rows(several), frame)
    with pytest.raises(DataError, match="3 trainings"):
        explain_detector(None, None, several, None, 0.5, tmp_path)


def test_one_face_of_each_verdict_is_shown_with_its_maps(explained, planted):
    text = plots.alt_text(plots.where_it_looks(explained[0], planted.pixels))
    assert text.startswith("Where planted looks: 4 faces, below each for fake, for real, when cov")
    assert "fake called real score 0.10 moves by up to 0." in text


def test_an_accelerated_copy_of_a_network_gives_the_same_maps(averaging_network, planted):
    from unmask.evaluation.explain.grad_cam import grad_cam
    from unmask.training.fast import accelerate

    some = planted.pixels[:6]
    plain, fast = grad_cam(averaging_network, some), grad_cam(accelerate(averaging_network), some)
    for evidence in plain:
        np.testing.assert_allclose(plain[evidence], fast[evidence], atol=1e-3)


def test_reading_explanations_needs_no_tensorflow():
    code = (
        "import sys; from unmask.evaluation.explain import cover, mistakes, occlusion, record, "
        "residual, spectrum; print(*sorted(sys.modules))"
    )
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"tensorflow", "keras", "matplotlib.pyplot"} & set(modules)


def counting_network(side):
    """A network that counts bright values: flat between two counts, so without any slope."""
    inputs = keras.Input((side, side, 3))
    counted = keras.ops.cast(inputs > 190, "float32")
    share = keras.layers.GlobalAveragePooling2D()(counted)
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(share))


def test_a_detector_without_slopes_is_explained_by_covering(planted, tmp_path):
    network = counting_network(planted.pixels.shape[1])
    network.layers[-1].set_weights([np.full((3, 1), 60.0), np.array([-1.0])])
    frame = make_frame(planted.labels, np.linspace(0, 1, len(planted.labels)))
    settings = ExplainSettings(mistakes=2, right=1, covered=1, checked=12)

    def score(pictures):
        return network(pictures).numpy()[:, 0]

    found = explain_detector(network, score, frame, planted.pixels, 0.5, tmp_path, settings)
    assert found.method == "covering" and found.checks == ()
    assert found.lacking == "slope" and "there is no slope to follow" in found.how()
    assert found.fake.min() >= 0 and found.fake.max() == 1.0
    # only places that hold bright values can speak for fake, and the fakes' patches do
    fake = next(place for place, row in enumerate(found.table["row"]) if planted.labels[row])
    row = int(found.table["row"].iloc[fake])
    assert planted.inside(row)[np.unravel_index(found.fake[fake].argmax(), found.fake[0].shape)]
    kept = read_explanations(tmp_path)
    assert (kept.method, kept.lacking, kept.how()) == ("covering", "slope", found.how())


def test_what_a_detector_lacks_is_told_apart():
    inputs = keras.Input((32, 32, 3))
    shrunk = keras.layers.Flatten()(keras.ops.mean(inputs, axis=(1, 2)))
    flat = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(shrunk))
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    assert what_lacks(flat, pictures) == "places"
    assert what_lacks(counting_network(32), pictures) == "slope"
    crops = keras.ops.reshape(inputs, (-1, 16, 16, 3))  # four parts of each face
    maps = keras.layers.Conv2D(2, 3)(crops)
    judged = keras.ops.reshape(keras.layers.GlobalAveragePooling2D()(maps), (-1, 8))
    voting = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(judged))
    assert what_lacks(voting, pictures) == "faces"
    whole = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(inputs))
    smooth = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(whole))
    assert what_lacks(smooth, pictures) == ""
    for lacking in LACKING:
        assert "net" in LACKING[lacking].format("net")
