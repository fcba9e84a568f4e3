"""Features of a picture against their definitions, and the store that keeps them."""

from __future__ import annotations

import cv2
import numpy as np
import pandas as pd
import pytest
from faults import save, structured
from hypothesis import given, settings
from hypothesis import strategies as st
from unmask.audit import measured
from unmask.audit.measured import FeatureStore, measure_faces, measure_file
from unmask.audit.picture_features import (
    FAMILY_COLUMNS,
    FAMILY_FUNCTIONS,
    azimuthal_spectrum,
    colour_statistics,
    detail,
    measure_picture,
    residual_cooccurrences,
    thumbnail,
)


def noise(seed: int, height: int = 24, width: int = 20) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_every_family_has_its_columns():
    found = measure_picture(noise(0))
    assert {name: values.shape for name, values in found.items()} == {
        name: (columns,) for name, columns in FAMILY_COLUMNS.items()
    }
    assert all(np.isfinite(values).all() for values in found.values())
    assert FAMILY_FUNCTIONS.keys() == FAMILY_COLUMNS.keys()


def test_a_picture_below_16_pixels_gives_none():
    assert measure_picture(noise(0, 15, 40)) is None
    assert measure_picture(noise(0, 16, 16)) is not None


def by_definition(pixels: np.ndarray) -> np.ndarray:
    """Counts every triple of residuals one by one."""
    planes = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb).astype(int)
    found = []
    for channel in range(3):
        for plane in (planes[..., channel], planes[..., channel].T):
            for order in (1, 2):
                residual = np.clip(np.diff(plane, n=order, axis=0), -3, 3)
                counts = np.zeros((7, 7, 7))
                for row in range(len(residual) - 2):
                    for column in range(residual.shape[1]):
                        counts[tuple(residual[row : row + 3, column] + 3)] += 1
                found.append(np.sqrt(counts / counts.sum()).ravel())
    return np.concatenate(found)


@given(st.integers(0, 2**31), st.integers(1, 40))
@settings(max_examples=8, deadline=None)
def test_cooccurrences_count_triples_of_neighbouring_residuals(seed, contrast):
    pixels = (noise(seed, 16, 17) // contrast).astype(np.uint8)
    assert np.abs(residual_cooccurrences(pixels) - by_definition(pixels)).max() < 1e-6


def test_squares_of_cooccurrences_sum_to_one_for_each_direction_and_order():
    found = residual_cooccurrences(noise(1)).reshape(12, 343)
    assert np.allclose((found**2).sum(axis=1), 1, atol=1e-5)


def test_an_even_picture_has_only_residuals_of_zero():
    found = residual_cooccurrences(np.full((20, 20, 3), 77, np.uint8)).reshape(12, 343)
    assert (found[:, 171] == 1).all() and (np.delete(found, 171, axis=1) == 0).all()


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("cycles", [8, 20])
def test_a_wave_has_its_power_in_its_ring(cycles, axis):
    side = 64
    wave = 128 + 60 * np.cos(2 * np.pi * cycles * np.arange(side) / side)
    plane = np.repeat(wave[:, None], side, axis=1)
    pixels = np.repeat((plane if axis == 0 else plane.T)[..., None], 3, axis=2)
    found = azimuthal_spectrum(pixels.round().astype(np.uint8))
    assert found.argmax() == int(cycles / side * 2 * 48)


def test_the_spectrum_of_noise_is_flat_whatever_the_size():
    levels = []
    for side in (64, 200):
        found = np.mean([azimuthal_spectrum(noise(seed, side, side)) for seed in range(4)], axis=0)
        assert found[4:].std() < 0.12
        levels.append(found[4:].mean())
    assert levels[0] == pytest.approx(levels[1], abs=0.05)


def test_colour_statistics_are_those_of_numpy():
    pixels = noise(3)
    found = colour_statistics(pixels)
    brightness = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb)[..., 0] / 255
    assert found[0] == pytest.approx(brightness.mean(), abs=1e-6)
    assert found[1] == pytest.approx(brightness.std(), abs=1e-6)
    assert found[6] == pytest.approx(np.median(brightness), abs=0.01)
    black_and_white = np.zeros((16, 16, 3), np.uint8)
    black_and_white[:4] = 255
    assert colour_statistics(black_and_white)[-2:].tolist() == [0.75, 0.25]


def test_thumbnail_and_detail():
    even = np.full((32, 48, 3), (255, 0, 51), np.uint8)
    assert np.allclose(thumbnail(even).reshape(256, 3), (1, 0, 0.2), atol=1e-6)
    assert detail(noise(0, 64, 64))[0] > detail(np.zeros((64, 64, 3), np.uint8))[0] + 1


def files_of(folder, count: int) -> pd.DataFrame:
    folder.mkdir()
    paths = [str(save(structured(number), folder / f"{number}")) for number in range(count)]
    ids = [f"id{number}" for number in range(count)]
    return pd.DataFrame({"path": paths, "kind": "image", "file_id": ids})


@pytest.mark.parametrize("jobs", [1, 3])
def test_kept_features_are_those_measured(tmp_path, monkeypatch, jobs):
    monkeypatch.setattr(measured, "BLOCK", 4)
    files = files_of(tmp_path / "pictures", 9)
    plain = FeatureStore(None, 1).measure(files)
    FeatureStore(tmp_path / "kept", jobs).measure(files.iloc[:5])
    for path in files["path"][:5]:  # what was measured is not decoded again
        open(path, "w").close()
    order = np.array([8, 3, 0, 7, 1, 4, 3])
    kept = FeatureStore(tmp_path / "kept", jobs).measure(files.iloc[order])
    assert kept.readable.all()
    for name, values in plain.families.items():
        assert np.array_equal(kept.families[name], values[order]), name


def test_what_gives_no_picture_is_not_readable(tmp_path):
    files = files_of(tmp_path / "pictures", 3)
    (tmp_path / "pictures" / "1.jpg").write_bytes(b"nothing")
    found = FeatureStore(None, 2).measure(files)
    assert found.readable.tolist() == [True, False, True]
    assert not found.families["colour"][1].any()
    assert measure_file(str(tmp_path / "missing.jpg"), "image") is None
    assert len(FeatureStore(None, 1).measure(files.iloc[:0]).readable) == 0


def test_faces_are_measured_from_their_array():
    pixels = np.stack([noise(seed, 32, 32) for seed in range(4)])
    found = measure_faces(pixels, [3, 1], jobs=2)
    assert np.array_equal(found["spectrum"][1], azimuthal_spectrum(pixels[1]))
