"""A member's scores belong to their faces, and only to faces that training did not learn from."""

from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from planted import SETTINGS, planted_data, small_network
from unmask.errors import DataError, UsageError
from unmask.runs import read_json
from unmask.training.member import SAME_SCORES, Member, train_member, training_data

MEMBER = Member("small", "baseline_cnn", "one block of 8", small_network, ("a notice",))


def planted_faces() -> tuple[np.ndarray, pd.DataFrame]:
    """Returns the pixels and a face table in another order than the array's."""
    data = planted_data(shade=60)
    rows = np.concatenate([data.train_rows, data.val_rows])
    labels = np.concatenate([data.train_labels, data.val_labels])
    splits = ["train"] * len(data.train_rows) + ["val"] * 40 + ["test"] * 30 + ["unseen"] * 10
    frame = pd.DataFrame({"row": rows, "label": labels, "split": splits})
    frame["face_id"] = [f"face-{row}" for row in rows]
    return data.pixels, frame.sample(frac=1, random_state=0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("member") / "small"
    pixels, faces = planted_faces()

    def calibrate(scores):
        return scores.assign(calibrated=scores["score"] / 2)

    settings = replace(SETTINGS, epochs=2)
    table = train_member(MEMBER, pixels, faces, settings, folder, (1, 2), calibrate)
    return folder, pixels, faces, table


def test_scores_are_those_of_the_saved_file_for_the_same_faces(trained):
    folder, pixels, faces, table = trained
    stored = pd.read_parquet(folder / "scores.parquet")
    pd.testing.assert_frame_equal(stored, table)
    assert list(table.columns) == ["face_id", "split", "label", "score", "seed", "calibrated"]
    assert set(table["split"]) == {"val", "test", "unseen"} and len(table) == 2 * 80
    assert set(table["seed"]) == {1, 2} and not table.duplicated(["face_id", "seed"]).any()
    row_of = faces.set_index("face_id")["row"]
    label_of = faces.set_index("face_id")["label"]
    assert (table["face_id"].map(label_of) == table["label"]).all()
    for seed, part in table.groupby("seed"):
        model = keras.models.load_model(folder / f"seed_{seed}" / "model.keras")
        expected = model(pixels[part["face_id"].map(row_of)]).numpy()[:, 0]
        np.testing.assert_allclose(part["score"], expected, atol=1e-5)
    one, two = (table[table["seed"] == seed]["score"].to_numpy() for seed in (1, 2))
    assert np.abs(one - two).max() > 1e-3


def test_the_member_file_describes_what_was_trained(trained):
    folder, *_ = trained
    described = read_json(folder / "member.json")
    assert described["parameters"] == 8 * 27 + 8 + 32 + 8 * 72 + 8 + 32 + 9
    assert described["bytes_on_disk"] == (folder / "seed_1" / "model.keras").stat().st_size
    assert described["seeds"] == [1, 2] and described["notices"] == ["a notice"]
    assert described["training_seconds"] > 0 and described["milliseconds_per_image"] > 0
    assert described["precision"] == "float32" and described["step"] == "baseline_cnn"

    assert (described["batch_size"], described["batch_size_asked"]) == (16, 16)
    assert described["architecture"] == "one block of 8" and "adversarial" not in described
    assert described["fakes"] == "given"


def test_snapshots_and_self_blended_fakes_are_announced_and_scored(tmp_path):
    pixels, faces = planted_faces()
    settings = replace(SETTINGS, epochs=4, schedule="snapshots", fakes="self_blended")
    data = training_data(pixels, faces, settings.fakes)
    assert not data.train_labels.any() and set(data.val_labels) == {0, 1}
    table = train_member(MEMBER, pixels, faces, settings, tmp_path, (1,))
    described = read_json(tmp_path / "member.json")
    expected = "one block of 8, the mean of 2 snapshots of one training, "
    expected += "trained on real faces and on fakes blended from them"
    assert described["architecture"] == expected and described["fakes"] == "self_blended"
    saved = keras.models.load_model(tmp_path / "seed_1" / "model.keras")
    assert (
        described["parameters"]
        == saved.count_params()
        == 2 * (MEMBER.build(1).count_params() - 1) + 1
    )
    rows = table["face_id"].map(faces.set_index("face_id")["row"])
    np.testing.assert_allclose(table["score"], saved(pixels[rows]).numpy()[:, 0], atol=1e-5)


@pytest.mark.parametrize("seeds", [(), (1, 1), (1.0,), (-1,)])
def test_seeds_that_are_none_or_named_twice_are_refused(seeds, tmp_path):
    with pytest.raises(UsageError, match="seed"):
        train_member(MEMBER, *planted_faces(), SETTINGS, tmp_path / "none", seeds)
    assert not (tmp_path / "none").exists()


def test_seeds_that_change_nothing_are_said_to_say_nothing(tmp_path):
    pixels, faces = planted_faces()
    same = replace(MEMBER, build=lambda seed: small_network(1), notices=())
    settings = replace(SETTINGS, method="linear_head")
    table = train_member(same, pixels, faces, settings, tmp_path, (1, 2))
    assert len(table) == 160
    assert read_json(tmp_path / "member.json")["notices"] == [SAME_SCORES.format(count=2)]


def test_reals_alone_can_be_trained_on_with_self_blended_fakes():
    pixels, faces = planted_faces()
    reals = faces[faces["label"] == 0]
    assert not training_data(pixels, reals, "self_blended").val_labels.any()
    with pytest.raises(DataError, match="train split holds"):
        training_data(pixels, reals)


def test_done_seeds_are_kept_and_a_new_one_is_added(trained):
    folder, pixels, faces, table = trained
    stamp = (folder / "seed_1" / "model.keras").stat().st_mtime_ns
    settings = replace(SETTINGS, epochs=2)
    again = train_member(MEMBER, pixels, faces, settings, folder, (1,))
    assert (folder / "seed_1" / "model.keras").stat().st_mtime_ns == stamp
    first = table[table["seed"] == 1].drop(columns="calibrated")
    pd.testing.assert_frame_equal(again, first.reset_index(drop=True))


def test_a_split_of_one_class_is_refused(tmp_path):
    pixels, faces = planted_faces()
    faces = faces[~((faces["split"] == "val") & (faces["label"] == 1))]
    with pytest.raises(DataError, match="val split holds"):
        train_member(MEMBER, pixels, faces, SETTINGS, tmp_path)
