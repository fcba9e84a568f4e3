"""A linear head is a logistic regression on features that are computed once."""

import shutil
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from planted import SETTINGS, SIDE, planted_data, quiet, small_network
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from unmask import detectors
from unmask.errors import DataError, UsageError
from unmask.runs import read_json
from unmask.training.features import features_of
from unmask.training.fit import train
from unmask.training.linear import BETWEEN, PENALTIES, Moments, Regression, fit_penalties
from unmask.training.settings import TrainingSettings

LINEAR = replace(SETTINGS, method="linear_head")


def made_up(count: int = 200, columns: int = 6, seed: int = 0):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, count).astype(np.float64)
    features = generator.normal(size=(count, columns)) * 10.0 ** np.arange(columns)[::-1]
    features[:, 0] += 2e4 * labels
    features[:, -1] = 7.0
    return features.astype(np.float32), labels


def blocks_of(features, labels, size):
    return [
        (features[start : start + size], labels[start : start + size])
        for start in range(0, len(labels), size)
    ]


def converged(blocks, scaling: str, penalty: float) -> Regression:
    regression = Regression(blocks, Moments.of(blocks), scaling)
    for _ in range(4):
        regression.fit(penalty)
    return regression


@pytest.mark.parametrize("penalty", [1.0, 0.01])
@pytest.mark.parametrize("scaling", ["each", "together"])
def test_the_weights_are_those_of_scikit_learn(penalty, scaling):
    features, labels = made_up()
    regression = converged(blocks_of(features, labels, 64), scaling, penalty)
    spread = features[:, :-1].std(0)
    scale = spread if scaling == "each" else spread.mean()
    scaled = (features[:, :-1] - features[:, :-1].mean(0)) / scale
    strength = 1 / (penalty * len(labels))
    reference = LogisticRegression(C=strength, tol=1e-8, max_iter=10_000).fit(scaled, labels)
    kernel, bias = regression.folded(regression.state)
    assert kernel[-1] == 0  # a column that never changes says nothing
    expected = reference.decision_function(scaled)
    np.testing.assert_allclose(features @ kernel + bias, expected, atol=0.02)


def test_moments_are_those_of_all_blocks_together():
    features, labels = made_up()
    found = Moments.of(blocks_of(features, labels, 33))
    np.testing.assert_allclose(found.mean, features.mean(0, dtype=np.float64), rtol=1e-5)
    np.testing.assert_allclose(found.spread, features.std(0, dtype=np.float64), rtol=1e-4)


def test_the_slope_is_that_of_the_loss():
    features, labels = made_up(60)
    blocks = blocks_of(features, labels, 25)
    regression = Regression(blocks, Moments.of(blocks), "each")
    state = np.random.default_rng(1).normal(size=7)
    _, slope = regression.loss(state, 0.3)
    for place in range(7):
        step = np.zeros(7)
        step[place] = 1e-3
        ahead, behind = (regression.loss(state + sign * step, 0.3)[0] for sign in (1, -1))
        assert slope[place] == pytest.approx((ahead - behind) / 2e-3, abs=2e-4)


def test_the_fit_of_the_lowest_validation_loss_is_kept():
    generator = np.random.default_rng(5)
    labels = np.arange(60) % 2
    noise = generator.normal(size=(60, 50)).astype(np.float32)
    noise[:, 0] += labels
    held = generator.normal(size=(200, 50)).astype(np.float32)
    truth = np.arange(200) % 2
    held[:, 0] += truth
    (kernel, bias), table = fit_penalties([(noise, labels)], [(held, truth)])
    together = table[table["scaling"] == "together"]
    together = together[together["penalty"].isin(PENALTIES)]
    assert len(together) < len(PENALTIES)
    assert list(together["penalty"]) == list(PENALTIES[: len(together)])
    assert together["val_loss"].argmin() == len(together) - 3
    assert together["loss"].is_monotonic_decreasing  # weaker penalties fit better
    logits = held @ kernel + bias
    loss = np.logaddexp(0, np.where(truth == 1, -logits, logits)).mean()
    assert loss == pytest.approx(table["val_loss"].min(), rel=1e-6)


def test_columns_of_different_kinds_get_a_scale_each():
    generator = np.random.default_rng(6)
    labels = generator.integers(0, 2, 400).astype(float)
    features = generator.normal(size=(400, 20)).astype(np.float32)
    features[:, 0] += 2 * labels
    features[:, 1:] *= 1000
    blocks = [(features[:200], labels[:200])]
    _, table = fit_penalties(blocks, [(features[200:], labels[200:])])
    best = table.iloc[table["val_loss"].argmin()]
    assert best["scaling"] == "each" and best["val_auc"] > 0.85


@pytest.fixture(scope="module")
def member(tmp_path_factory):
    """A member with one seed trained on the faces and two changed copies of each."""
    folder = tmp_path_factory.mktemp("member")
    settings = replace(LINEAR, augment=0.5, copies=2)
    return folder, settings, train(network(), planted_data(), settings, folder / "seed_1", quiet)


def network(dropout: float = 0.0) -> keras.Model:
    keras.utils.set_random_seed(1)
    return detectors.build_from_choices(
        (SIDE, SIDE, 3), blocks=(8, 8), dropout=dropout, head="average"
    )


def files_of(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.npy")}


def test_a_linear_head_leaves_what_any_training_leaves(member):
    folder, _, result = member
    own = folder / "seed_1"
    assert {path.name for path in own.iterdir()} == {"model.keras", "history.csv", "training.json"}
    table = pd.read_csv(own / "history.csv")
    pd.testing.assert_frame_equal(table, result.history, check_dtype=False)
    assert set(table["scaling"]) == {"together", "each"}
    coarse = table.iloc[:-2].sort_values("val_loss").iloc[0]
    assert list(table["scaling"].iloc[-2:]) == [coarse["scaling"]] * 2
    assert list(table["penalty"].iloc[-2:] / coarse["penalty"]) == [
        pytest.approx(factor, rel=1e-2) for factor in BETWEEN
    ]
    assert result.best_epoch == table["val_loss"].argmin() + 1
    record = read_json(own / "training.json")
    assert record["precision"] == "float32" and record["batch_size"] == 16
    assert result.seconds > 0 and result.notices == []


def test_the_saved_network_scores_as_the_regression_on_its_features(member):
    folder, *_ = member
    data = planted_data()
    plain = train(network(), data, replace(LINEAR), folder / "seed_plain", quiet)
    model = keras.models.load_model(plain.model_path)
    seen = features_of(network())(data.pixels).numpy()
    learnt, held = seen[data.train_rows], seen[data.val_rows]
    (kernel, bias), table = fit_penalties([(learnt, data.train_labels)], [(held, data.val_labels)])
    np.testing.assert_allclose(
        logit(model(data.pixels).numpy()[:, 0]), seen @ kernel + bias, atol=0.02
    )
    assert table["val_loss"].min() == pytest.approx(plain.history["val_loss"].min(), rel=0.01)


def test_another_head_computes_no_features_again(member):
    folder, settings, first = member
    before = files_of(folder / "features")
    assert len(before) == 6 and all(np.load(path).dtype == np.float32 for path in before)
    other = train(network(dropout=0.5), planted_data(), settings, folder / "seed_drop", quiet)
    assert files_of(folder / "features") == before
    assert other.resumed_from == 0 and other.model_path != first.model_path
    took = sum(read_json(path.with_suffix(".json"))["seconds"] for path in before)
    assert other.seconds > took > 0
    again = train(network(), planted_data(), settings, folder / "seed_1", quiet)
    assert again.resumed_from == len(again.history)


def test_a_seed_draws_copies_of_its_own_and_shares_the_faces_as_they_are(member, tmp_path):
    folder, settings, first = member
    shutil.copytree(folder / "features", tmp_path / "features")
    before = files_of(tmp_path / "features")
    seeded = replace(settings, seed=2)
    other = train(network(), planted_data(), seeded, tmp_path / "seed_2", quiet)
    after = files_of(tmp_path / "features")
    assert {path: after[path] for path in before} == before
    added = sorted(set(after) - set(before))
    places = [path.parent.name for path in added]
    assert places == ["train_001", "train_002", "val_001", "val_002"]
    for path in added:
        (twin,) = (each for each in before if each.parts[-2:] == path.parts[-2:])
        assert not np.array_equal(np.load(path), np.load(twin))
    heads = [keras.models.load_model(each.model_path).layers[-1] for each in (first, other)]
    assert not np.array_equal(*(head.kernel.numpy() for head in heads))


def test_an_interrupted_computation_keeps_what_it_had(member):
    folder, settings, _ = member
    before = files_of(folder / "features")
    lost = next(path for path in before if path.parent.name == "train_001")
    content = np.load(lost)
    lost.unlink()
    train(network(), planted_data(), replace(settings, epochs=9), folder / "seed_3", quiet)
    after = files_of(folder / "features")
    assert {path for path in before if after[path] != before[path]} == {lost}
    np.testing.assert_array_equal(np.load(lost), content)


def test_more_copies_and_other_changes_add_files_only(member):
    folder, settings, _ = member
    before = files_of(folder / "features")
    train(network(), planted_data(), replace(settings, copies=3), folder / "seed_4", quiet)
    more = set(files_of(folder / "features")) - set(before)
    assert sorted(path.parent.name for path in more) == ["train_003", "val_003"]
    milder = replace(settings, copies=1, augment=0.25)
    train(network(), planted_data(), milder, folder / "seed_5", quiet)
    added = set(files_of(folder / "features")) - set(before) - more
    assert sorted(path.parent.name for path in added) == ["train_001", "val_001"]


def test_other_weights_are_another_network(member):
    folder, *_ = member
    before = len(files_of(folder / "features"))
    model = network()
    model.get_layer("block1_conv1").set_weights(
        [2 * array for array in model.get_layer("block1_conv1").get_weights()]
    )
    train(model, planted_data(), LINEAR, folder / "seed_6", quiet)
    assert len(files_of(folder / "features")) == before + 2


def test_features_that_are_no_numbers_are_named(tmp_path):
    model = small_network()
    scale, offset, *moving = model.get_layer("block1_norm2").get_weights()
    model.get_layer("block1_norm2").set_weights([scale, offset + np.inf, *moving])
    with pytest.raises(DataError, match="face 1 of the train split is not a number"):
        train(model, planted_data(), LINEAR, tmp_path / "seed_1", quiet)


def test_what_cannot_be_done_is_said(tmp_path):
    with pytest.raises(UsageError, match="copies of each face are asked for, but augment is 0"):
        TrainingSettings(method="linear_head", copies=3)
    settings = replace(LINEAR, mixup=0.2, label_smoothing=0.1)
    result = train(small_network(), planted_data(), settings, tmp_path / "seed_1", quiet)
    assert len(result.notices) == 1 and "mixup and label smoothing had no part" in result.notices[0]


def test_reals_alone_give_a_head_through_self_blended_fakes(tmp_path):
    data = planted_data(80)
    reals = data.train_labels == 0
    alone = replace(
        data,
        train_rows=data.train_rows[reals],
        train_labels=data.train_labels[reals],
        val_rows=data.val_rows[data.val_labels == 0],
        val_labels=data.val_labels[data.val_labels == 0],
        fakes="self_blended",
    )
    blended = replace(LINEAR, fakes="self_blended")
    result = train(small_network(), alone, blended, tmp_path / "seed_1", quiet)
    found = {path.parent.name: path for path in files_of(tmp_path / "features")}
    counts = {name: len(np.load(path)) for name, path in found.items()}
    assert counts == {"train_000": 2 * reals.sum(), "val_000": 2 * len(alone.val_rows)}
    assert result.model_path.exists()
    train(small_network(), alone, replace(blended, seed=2), tmp_path / "seed_2", quiet)
    for path in set(files_of(tmp_path / "features")) - set(found.values()):
        assert not np.array_equal(np.load(path), np.load(found[path.parent.name]))
    assert len(files_of(tmp_path / "features")) == 4


@pytest.mark.parametrize("scaling", ["each", "together"])
def test_more_columns_than_faces_are_fitted_in_the_span_of_the_faces(scaling, monkeypatch):
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 2, 40).astype(np.float64)
    features = (generator.normal(size=(40, 90)) + labels[:, None] * 0.3).astype(np.float32)
    features[:, 5] = 4.0
    blocks = blocks_of(features, labels, 16)
    spanned = converged(blocks, scaling, 0.1)
    assert spanned.span.rows.shape == (40, 39)  # centred, so one less than there are faces
    monkeypatch.setattr("unmask.training.linear.MOST_IN_SPAN", 0)
    whole = converged(blocks, scaling, 0.1)
    assert whole.span is None
    (kernel, bias), (expected, expected_bias) = (
        each.folded(each.state) for each in (spanned, whole)
    )
    assert kernel[5] == 0
    np.testing.assert_allclose(kernel, expected, atol=2e-4)
    assert bias == pytest.approx(expected_bias, abs=2e-3)
