"""The parts of the search: codes that eight symmetries leave alone, alignment, verdicts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from copying import draw_scene
from hypothesis import given, settings
from hypothesis import strategies as st
from unmask.dataset.near_copies.align import (
    align,
    crop_warp,
    is_inside,
    larger_first,
    rescale_warps,
    warp_all,
)
from unmask.dataset.near_copies.candidates import find_candidates
from unmask.dataset.near_copies.codes import (
    VIEWS,
    draw_pictures,
    invariants,
    learn_coder,
    pack,
)
from unmask.dataset.near_copies.fingerprints import SIDE, fingerprint, shrink
from unmask.dataset.near_copies.rough import lay_waves, waves_of
from unmask.dataset.near_copies.symmetries import INVERSE, SYMMETRIES, lay

EIGHT = range(len(SYMMETRIES))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(EIGHT), st.sampled_from(sorted(VIEWS)))
def test_invariants_do_not_know_how_a_picture_lies(seed, way, view):
    pictures = draw_pictures(2, seed)
    plain, laid = invariants(pictures, view), invariants(lay(pictures, way), view)
    np.testing.assert_allclose(laid, plain, atol=2e-4)
    assert np.abs(plain[0] - plain[1]).max() > 0.05


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.5, 1.5), st.floats(-30, 30))
def test_invariants_do_not_know_brightness_and_hardly_contrast(seed, gain, offset):
    pictures = draw_pictures(1, seed).astype(np.float32)
    changed = (pictures - 128) * gain + 128 + offset
    plain, other = invariants(pictures, "whole"), invariants(changed, "whole")
    np.testing.assert_allclose(other, plain, rtol=0.06, atol=1e-3)


@pytest.mark.parametrize("way", EIGHT)
def test_every_way_has_its_inverse_and_its_waves(way):
    pictures = draw_pictures(3, 1)
    np.testing.assert_array_equal(lay(lay(pictures, way), INVERSE[way]), pictures)
    waves = lay_waves(waves_of(pictures), way)
    np.testing.assert_allclose(waves, waves_of(lay(pictures, way)), atol=1e-5)


def test_the_eight_ways_are_eight():
    picture = draw_pictures(1, 0)
    assert len({lay(picture, way).tobytes() for way in EIGHT}) == 8
    mirrored = lay(picture, SYMMETRIES.index("mirrored"))
    np.testing.assert_array_equal(mirrored[0], np.fliplr(picture[0]))
    upside_down = lay(picture, SYMMETRIES.index("upside down"))
    np.testing.assert_array_equal(upside_down[0], np.flipud(picture[0]))


def test_bits_are_packed_first_bit_highest():
    bits = np.array([[True, False, True], [False, False, True]])
    assert pack(bits).tolist() == [5, 1]
    assert pack(np.ones((1, 64), bool)).tolist() == [2**64 - 1]


def test_every_bit_halves_the_pictures():
    features = invariants(draw_pictures(1024, 3), "whole")
    coder = learn_coder(features, "whole", 40)
    shares = (coder.margins(features, slice(0, 40)) > 0).mean(0)
    assert np.abs(shares - 0.5).max() < 0.02


def test_candidates_are_few_of_all_pairs_and_hold_every_copy():
    shares = []
    for size in (500, 2000):
        pictures = draw_pictures(size, 5)
        pictures[-20:] = lay(pictures[:20], 3)
        found = list(find_candidates(pictures))
        pairs = {
            (min(one, other), max(one, other))
            for part in found
            for one, other in zip(part.first.tolist(), part.second.tolist(), strict=True)
        }
        assert {(place, size - 20 + place) for place in range(20)} <= pairs
        assert sum(part.skipped for part in found) == 0
        shares.append(len(pairs) / (size * (size - 1) / 2))
    assert shares[1] < 0.01
    assert shares[1] < shares[0]


@pytest.mark.parametrize("part", [0.95, 0.9])
def test_a_crop_is_aligned_to_a_tenth_of_a_pixel(part):
    picture = shrink(draw_scene(4, 512), 512)
    edge = round(512 * (1 - part) / 2)
    inner = picture[edge : 512 - edge, edge : 512 - edge]
    pair = [
        cv2.GaussianBlur(cv2.resize(one, (128, 128), interpolation=cv2.INTER_AREA), (0, 0), 1.3)
        for one in (picture, inner)
    ]
    first, second = (one[None].astype(np.float32) for one in pair)
    guess = crop_warp(128, 1.0)[None]
    warps, fits = align(first, second, np.ones_like(second), guess, 10)
    assert fits.all()
    corners = np.array([[0, 0, 1], [127, 0, 1], [0, 127, 1], [127, 127, 1]], np.float32)
    expected = crop_warp(128, 1 - 2 * edge / 512)
    np.testing.assert_allclose(corners @ warps[0].T, corners @ expected.T, atol=0.1)
    there = larger_first(second, first, np.linalg.inv(_square(warps))[:, :2])
    np.testing.assert_allclose(there[2], warps, atol=1e-4)
    np.testing.assert_array_equal(there[0], first)
    assert is_inside(warps, 128).all()
    assert np.abs(warp_all(first, warps) - second)[:, 6:-6, 6:-6].max() < 12


def test_other_pictures_do_not_fit():
    first = np.stack([shrink(draw_scene(n), SIDE) for n in range(30)]).astype(np.float32)
    warps = np.repeat(crop_warp(SIDE, 1.0)[None], 30, axis=0)
    _, fits = align(first, np.roll(first, 1, axis=0), np.ones_like(first), warps, 10)
    assert fits.mean() < 0.7


def test_warps_of_thumbnails_hold_for_larger_pictures():
    small = crop_warp(32, 0.9)[None]
    np.testing.assert_allclose(rescale_warps(small, 32, 128), crop_warp(128, 0.9)[None], atol=1e-5)


def test_a_fingerprint_is_of_the_whole_picture_and_of_its_pixels():
    picture = np.zeros((40, 80, 3), np.uint8)
    picture[:, 40:] = 200
    found = fingerprint(picture)
    thumbnail = np.frombuffer(found.thumbnail, np.uint8).reshape(SIDE, SIDE)
    assert (thumbnail[:, :16] == 0).all() and (thumbnail[:, 16:] == 200).all()
    assert fingerprint(picture.copy()).pixels_id == found.pixels_id
    picture[0, 0, 0] = 1
    assert fingerprint(picture).pixels_id != found.pixels_id
    assert fingerprint(picture.reshape(80, 40, 3)).pixels_id != found.pixels_id


def _square(warps: np.ndarray) -> np.ndarray:
    last = np.tile(np.array([[[0, 0, 1]]], np.float32), (len(warps), 1, 1))
    return np.concatenate([warps, last], axis=1)
