"""Splits: no group on two sides, whatever the table; official ones kept; shares met."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unmask.dataset.splits import assign_splits
from unmask.errors import DataError, UsageError

FRACTIONS = (0.7, 0.15, 0.15)


def table(rows: list[tuple]) -> pd.DataFrame:
    """Rows of (label, generator, group, official split)."""
    frame = pd.DataFrame(rows, columns=["label", "generator", "group", "official_split"])
    frame["file_id"] = [f"id{number}" for number in range(len(frame))]
    return frame


def singles(reals: int, fakes: int, official: str = "") -> list[tuple]:
    return [(0, "real", "", official)] * reals + [(1, "fake", "", official)] * fakes


def sizes(frame: pd.DataFrame, splits: pd.Series) -> dict[tuple[str, int], int]:
    return frame.assign(split=splits).groupby(["split", "label"]).size().to_dict()


def keys(frame: pd.DataFrame) -> pd.Series:
    return frame["group"].where(frame["group"] != "", frame["file_id"])


any_row = st.tuples(
    st.sampled_from([0, 1]),
    st.sampled_from(["swap", "gan", "puppet"]),
    st.sampled_from(["", *"abcdefghijklmnop"]),
    st.sampled_from(["", "", "train", "val", "test"]),
).map(lambda row: row if row[0] else (0, "real", *row[2:]))
any_table = st.lists(any_row, min_size=1, max_size=120).map(table)


@settings(max_examples=80, deadline=None)
@given(any_table, st.integers(0, 5), st.booleans(), st.randoms(use_true_random=False))
def test_no_group_is_on_two_sides_and_order_does_not_matter(frame, seed, hold_out, random):
    fakes = frame.loc[frame["label"] == 1, "generator"]
    held_out = ["swap"] if hold_out and "swap" in set(fakes) else []
    splits = assign_splits(frame, FRACTIONS, held_out, seed)
    assert set(splits) <= {"train", "val", "test", "unseen", ""}
    used = splits != ""
    assert (splits[used].groupby(keys(frame)[used]).nunique() == 1).all()
    # what is left out has its group in an official split
    for key in set(keys(frame)[~used]):
        assert set(splits[keys(frame) == key]) & {"val", "test"}
    if held_out:
        trained = frame[~splits.isin(["unseen", ""])]
        assert "swap" not in set(trained.loc[trained["label"] == 1, "generator"])
    order = list(frame.index)
    random.shuffle(order)
    shuffled = assign_splits(frame.loc[order], FRACTIONS, held_out, seed)
    pd.testing.assert_series_equal(shuffled.sort_index(), splits)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 4)), min_size=30, max_size=80),
    st.integers(0, 99),
)
def test_shares_are_met_within_the_largest_group(groups, seed):
    rows = []
    for number, (reals, fakes) in enumerate(groups):
        rows += [(0, "real", f"g{number}", "")] * reals + [(1, "gan", f"g{number}", "")] * fakes
    frame = table(rows)
    splits = assign_splits(frame, FRACTIONS, (), seed)
    for split, fraction in zip(("train", "val", "test"), FRACTIONS, strict=True):
        for label in (0, 1):
            of_label = splits[frame["label"] == label]
            assert abs((of_label == split).sum() - fraction * len(of_label)) <= 8


@pytest.mark.parametrize("seed", range(5))
def test_single_files_meet_the_shares_exactly_in_every_generator(seed):
    rows = [(0, "real", "", "")] * 400 + [(1, "gan", "", "")] * 200 + [(1, "swap", "", "")] * 100
    frame = table(rows)
    splits = assign_splits(frame, FRACTIONS, (), seed)
    counts = frame.assign(split=splits).groupby(["generator", "split"]).size()
    for generator, total in (("real", 400), ("gan", 200), ("swap", 100)):
        for split, fraction in zip(("train", "val", "test"), FRACTIONS, strict=True):
            assert abs(counts[generator, split] - fraction * total) <= 1


def test_many_tiny_generators_still_reach_every_split():
    rows = [(0, "real", "", "")] * 100 + [(1, f"person {n}", "", "") for n in range(100)]
    frame = table(rows)
    counts = sizes(frame, assign_splits(frame, FRACTIONS))
    assert counts["train", 1] == 70
    assert counts["val", 1] == counts["test", 1] == 15


def test_seeds_give_other_splits_and_the_same_seed_the_same():
    frame = table(singles(100, 100))
    one, again, other = (assign_splits(frame, FRACTIONS, (), seed) for seed in (1, 1, 2))
    pd.testing.assert_series_equal(one, again)
    assert (one != other).sum() > 20


def test_three_groups_fill_three_splits():
    rows = []
    for group in "abc":
        rows += [(0, "real", group, "")] * 4 + [(1, "swap", group, "")] * 4
    frame = table(rows)
    assert sizes(frame, assign_splits(frame, FRACTIONS)) == {
        (split, label): 4 for split in ("train", "val", "test") for label in (0, 1)
    }


def test_official_splits_are_kept():
    frame = table(singles(30, 30, "train") + singles(5, 6, "val") + singles(9, 8, "test"))
    pd.testing.assert_series_equal(
        assign_splits(frame, FRACTIONS), frame["official_split"], check_names=False
    )


def test_val_is_carved_out_of_train_when_it_is_missing():
    frame = table(singles(85, 85, "train") + singles(20, 20, "test"))
    splits = assign_splits(frame, FRACTIONS)
    official_test = frame["official_split"] == "test"
    assert (splits[official_test] == "test").all()
    assert sizes(frame, splits)["val", 0] == 15
    assert sizes(frame, splits)["train", 1] == 70


def test_an_official_split_with_one_class_is_no_split():
    frame = table(singles(60, 40, "train") + singles(0, 20, "test"))
    splits = assign_splits(frame, FRACTIONS)
    assert sizes(frame, splits)["test", 0] == sizes(frame, splits)["test", 1] == 9


def test_rows_whose_group_is_in_the_official_test_are_left_out():
    rows = singles(20, 20, "train") + singles(5, 5, "val")
    rows += [(0, "real", "anna", "test"), (1, "swap", "bo", "test")]
    rows += [(0, "real", "anna", "train"), (1, "swap", "bo", "val"), (1, "swap", "anna", "")]
    splits = assign_splits(table(rows), FRACTIONS)
    assert splits.tolist()[-5:] == ["test", "test", "", "", ""]


def test_groups_with_a_held_out_generator_go_to_unseen_whole():
    rows = []
    for number in range(40):
        generator = "puppet" if number % 4 == 0 else "swap"
        rows += [(0, "real", f"p{number}", ""), (1, "swap", f"p{number}", "")]
        rows += [(1, generator, f"p{number}", "")]
    frame = table(rows)
    splits = assign_splits(frame, FRACTIONS, ["puppet"])
    with_puppet = frame["group"].isin(frame.loc[frame["generator"] == "puppet", "group"])
    assert (splits[with_puppet] == "unseen").all()
    assert not (splits[~with_puppet] == "unseen").any()


def test_held_out_fakes_without_people_get_real_ones_beside_them():
    rows = singles(100, 60, "train") + singles(20, 20, "val") + singles(20, 20, "test")
    rows += [(1, "puppet", "", "train")] * 10 + [(1, "puppet", "", "test")] * 2
    frame = table(rows)
    splits = assign_splits(frame, FRACTIONS, ["puppet"])
    assert sizes(frame, splits)["unseen", 1] == 12
    assert sizes(frame, splits)["unseen", 0] == 12
    assert sizes(frame, splits)["test", 0] == 20  # the official test keeps its real ones


def test_bad_settings():
    frame = table(singles(5, 5))
    with pytest.raises(DataError, match="Did you mean 'fake'"):
        assign_splits(frame, FRACTIONS, ["fakes"])
    for fractions in ((0.7, 0.3), (0.8, 0.2, 0.0), (0.7, 0.2, 0.2)):
        with pytest.raises(UsageError, match="fractions"):
            assign_splits(frame, fractions)
