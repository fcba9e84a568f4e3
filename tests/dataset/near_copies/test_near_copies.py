"""The search for near copies: kinds, order, degenerate tables, two datasets."""

from __future__ import annotations

import shutil

import cv2
import numpy as np
import pandas as pd
import pytest
from copying import draw_scene, encode, turned
from hypothesis import given, settings
from hypothesis import strategies as st
from unmask.dataset.near_copies import (
    SYMMETRIES,
    clusters_of,
    find_near_copies,
    fingerprint,
    fingerprint_files,
    overlap,
)
from unmask.dataset.near_copies.search import MOST_PARTNERS
from unmask.dataset.near_copies.symmetries import INVERSE


def table_of(pictures: list[np.ndarray]) -> pd.DataFrame:
    """Fingerprints of pictures that are nowhere on the disk."""
    prints = [fingerprint(picture) for picture in pictures]
    return pd.DataFrame(
        {
            "pixels_id": [one.pixels_id for one in prints],
            "thumbnail": [one.thumbnail for one in prints],
        }
    )


def as_set(pairs: pd.DataFrame) -> set[tuple]:
    return set(pairs[["first", "second", "kind", "symmetry"]].itertuples(index=False, name=None))


@pytest.fixture(scope="module")
def scenes():
    return [draw_scene(seed, 64) for seed in range(40)]


def test_exact_copies_are_told_from_each_other(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), draw_scene(0))
    shutil.copy(tmp_path / "a.png", tmp_path / "b.png")
    cv2.imwrite(str(tmp_path / "c.bmp"), draw_scene(0))
    cv2.imwrite(str(tmp_path / "d.png"), draw_scene(1))
    (tmp_path / "e.jpg").write_bytes(encode(draw_scene(0), 70))
    names = ["a.png", "b.png", "c.bmp", "d.png", "e.jpg"]
    pairs = find_near_copies(fingerprint_files([tmp_path / name for name in names], jobs=2))
    assert sorted(pairs["kind"]) == ["bytes", "near", "pixels"]
    assert (pairs.loc[pairs["kind"] != "near", ["distance", "changed"]] == 0).all(axis=None)
    assert clusters_of(5, pairs).tolist() == [0, 0, 0, 1, 0]


def test_a_picture_with_another_face_in_it_is_edited_and_no_copy(tmp_path):
    paths = []
    for seed in range(30):
        picture, other = draw_scene(seed), draw_scene(seed + 100)
        mask = np.zeros(picture.shape[:2], np.float32)
        cv2.ellipse(mask, (112, 112), (50, 62), 0, 0, 360, 1, -1)
        mask = cv2.GaussianBlur(mask, (0, 0), 3)[..., None]
        edited = (picture * (1 - mask) + other * mask).astype(np.uint8)
        for name, content in (("original", picture), ("edited", edited)):
            paths.append(tmp_path / f"{seed}_{name}.jpg")
            paths[-1].write_bytes(encode(content, 85))
    pairs = find_near_copies(fingerprint_files(paths, jobs=2))
    assert set(zip(pairs["first"] // 2, pairs["second"] // 2, strict=True)) <= {
        (seed, seed) for seed in range(30)
    }
    assert (pairs["kind"] == "edited").all()
    assert len(pairs) >= 24
    assert pairs["changed"].between(0.1, 0.5).all()


def test_broken_files_have_no_copies(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    shutil.copy(tmp_path / "a.jpg", tmp_path / "b.jpg")
    cv2.imwrite(str(tmp_path / "c.png"), draw_scene(0))
    table = fingerprint_files([*sorted(tmp_path.iterdir()), tmp_path / "missing.jpg"], jobs=2)
    assert table["reason"].tolist() == [
        "not an image",
        "not an image",
        "",
        "No such file or directory",
    ]
    assert table["thumbnail"].map(len).tolist() == [0, 0, 1024, 0]
    assert find_near_copies(table).empty


def test_an_empty_table_and_a_single_picture_have_no_pairs(scenes):
    for table in (table_of([]), table_of(scenes[:1])):
        pairs = find_near_copies(table)
        assert pairs.empty
        assert list(pairs.columns) == [
            "first", "second", "kind", "symmetry", "distance", "changed",
        ]  # fmt: skip
        assert clusters_of(len(table), pairs).tolist() == list(range(len(table)))


def test_even_pictures_are_no_copies_of_each_other(scenes):
    even = [np.full((64, 64, 3), level, np.uint8) for level in (0, 0, 0, 1, 90, 255)]
    pairs = find_near_copies(table_of(even + scenes[:5]))
    assert (pairs["kind"] == "pixels").all()
    assert np.bincount(clusters_of(11, pairs)).tolist() == [3] + [1] * 8
    assert pairs.attrs["flat"] == 4


def test_hundreds_of_copies_of_one_picture_stay_few_pairs_and_hide_nothing(scenes):
    generator = np.random.default_rng(0)
    noisy = [
        np.clip(scenes[0] + generator.normal(0, 6, scenes[0].shape), 0, 255).astype(np.uint8)
        for _ in range(600)
    ]
    others = [*scenes[1:], np.rot90(scenes[1])]
    pairs = find_near_copies(table_of(noisy + others))
    assert pairs.attrs["skipped"] > 0
    assert len(pairs) <= 2 * MOST_PARTNERS * 600
    sizes = np.bincount(clusters_of(600 + len(others), pairs))
    assert sizes.tolist() == [600, 2] + [1] * 38
    assert (600, 600 + len(others) - 1) in set(zip(pairs["first"], pairs["second"], strict=True))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(range(8)), st.sampled_from(range(8)))
def test_every_way_to_lay_a_picture_is_found_and_named(seed, one, other):
    picture = draw_scene(seed, 64)
    pictures = [turned(picture, one), draw_scene(seed + 1, 64), turned(picture, other)]
    pairs = find_near_copies(table_of(pictures))
    assert len(pairs) == 1
    found = SYMMETRIES.index(pairs["symmetry"][0])
    np.testing.assert_array_equal(turned(pictures[0], found), pictures[2])
    assert pairs["kind"][0] == ("pixels" if one == other else "near")


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(24)))
def test_the_order_of_rows_does_not_change_the_pairs(order):
    pictures = [draw_scene(seed, 64) for seed in range(12)]
    noise = np.random.default_rng(0)
    for seed in range(12):
        again = turned(pictures[seed], seed % 8) + noise.normal(0, 2, (64, 64, 3))
        pictures.append(np.clip(again, 0, 255).astype(np.uint8))
    plain = find_near_copies(table_of(pictures))
    shuffled = find_near_copies(table_of([pictures[place] for place in order]))
    assert len(plain) == 12
    expected = set()
    for first, second, kind, symmetry in as_set(plain):
        first, second = order.index(first), order.index(second)
        if first > second:
            first, second = second, first
            symmetry = SYMMETRIES[INVERSE[SYMMETRIES.index(symmetry)]]
        expected.add((first, second, kind, symmetry))
    assert as_set(shuffled) == expected


def test_jobs_do_not_change_anything(tmp_path):
    paths = []
    for number in range(20):
        paths.append(tmp_path / f"{number}.jpg")
        paths[-1].write_bytes(encode(draw_scene(number // 2), 60 + 30 * (number % 2)))
    one, four = fingerprint_files(paths, jobs=1), fingerprint_files(paths, jobs=4)
    pd.testing.assert_frame_equal(one, four)
    pairs = find_near_copies(one, jobs=1)
    pd.testing.assert_frame_equal(pairs, find_near_copies(four, jobs=4))
    assert as_set(pairs) == {(n, n + 1, "near", "as it is") for n in range(0, 20, 2)}


def test_overlap_names_what_two_datasets_share(scenes):
    here = table_of([scenes[0], scenes[1], np.fliplr(scenes[2]), scenes[3], scenes[0]])
    there = table_of([scenes[5], scenes[2], scenes[0], scenes[6], scenes[5], scenes[0]])
    pairs = overlap(here, there)
    assert as_set(pairs[pairs["kind"] == "near"]) == {(2, 1, "near", "mirrored")}
    exact = pairs[pairs["kind"] == "pixels"]
    assert set(zip(exact["first"], exact["second"], strict=True)) == {
        (0, 2),
        (0, 5),
        (4, 2),
        (4, 5),
    }
    assert overlap(here.iloc[[1, 3]], there).empty


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 30).flatmap(
        lambda n: st.tuples(
            st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)))
        )
    )
)
def test_clusters_are_what_pairs_connect(case):
    length, ends = case
    labels = clusters_of(length, pd.DataFrame(ends, columns=["first", "second"], dtype="int64"))
    slow = list(range(length))
    for one, other in ends:
        slow = [slow[one] if label == slow[other] else label for label in slow]
    assert len(labels) == length
    for one in range(length):
        for other in range(length):
            assert (labels[one] == labels[other]) == (slow[one] == slow[other])
    seen = list(dict.fromkeys(labels.tolist()))
    assert seen == list(range(len(seen)))


def test_overlap_names_every_twin_of_a_near_copy():
    picture, other = draw_scene(1), draw_scene(2)
    again = cv2.imdecode(np.frombuffer(encode(turned(picture, 4), 60), np.uint8), 1)
    here = table_of([picture, other])
    # the same pixels stand in the other dataset twice, and once stored again and mirrored
    there = table_of([again, picture, picture, draw_scene(3)])
    found = overlap(here, there)
    assert as_set(found) == {
        (0, 0, "near", "mirrored"),
        (0, 1, "pixels", "as it is"),
        (0, 2, "pixels", "as it is"),
    }
    # the run holds the copy only: both originals in the other dataset are named
    copies = overlap(table_of([again]), there.iloc[1:])
    assert set(copies["second"]) == {0, 1} and set(copies["kind"]) == {"near"}
    assert set(copies["symmetry"]) == {"mirrored"}
