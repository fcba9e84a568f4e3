"""Spectra and residuals of pictures whose spectrum and noise are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unmask.errors import DataError, UsageError
from unmask.evaluation.explain.residual import average_residuals, noise_residuals
from unmask.evaluation.explain.spectrum import FLOOR, power_spectra, spectrum_bands


def wave(side, times, angle):
    """Returns a gray picture of a wave that fits `times` across it, in the direction `angle`."""
    rows, columns = np.mgrid[:side, :side] / side
    return 128 + 100 * np.sin(2 * np.pi * times * (rows * np.sin(angle) + columns * np.cos(angle)))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 30), st.floats(0, np.pi), st.sampled_from([64, 65]))
def test_a_wave_peaks_at_its_frequency_whatever_its_direction(times, angle, side):
    spectrum = power_spectra(wave(side, times, angle)[None])[0]
    assert abs(int(spectrum.argmax()) + 1 - times) <= 1
    assert abs(int(power_spectra(wave(side, times, 0.0)[None])[0].argmax()) + 1 - times) == 0


def test_white_noise_is_flat():
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 10, (200, 32, 32))
    power = 10 ** (power_spectra(noise) / 10)
    assert power.shape == (200, 16)
    # the power of a frequency is the variance of the pixels, whatever the frequency
    np.testing.assert_allclose(power.mean(axis=0)[2:], 100, rtol=0.1)


def test_color_is_weighed_and_a_constant_picture_has_no_power():
    gray = np.repeat(wave(16, 4, 0.3)[..., None], 3, axis=2)
    np.testing.assert_allclose(power_spectra(gray[None]), power_spectra(wave(16, 4, 0.3)[None]))
    constant = power_spectra(np.full((1, 16, 16, 3), 77, dtype=np.uint8))
    np.testing.assert_allclose(constant, 10 * np.log10(FLOOR))
    with pytest.raises(DataError, match="16x12"):
        power_spectra(np.zeros((1, 16, 12, 3)))


def test_bands_hold_the_means_and_find_the_frequency_that_differs():
    generator = np.random.default_rng(1)
    labels = np.arange(120) % 2
    spectra = generator.normal(20, 1, (120, 6))
    spectra[labels == 1, 3] += 5
    bands = spectrum_bands(spectra, labels, resamples=300)
    np.testing.assert_allclose(bands.mean[1], spectra[labels == 1].mean(axis=0))
    np.testing.assert_allclose(bands.difference, bands.mean[1] - bands.mean[0])
    assert ((bands.low < bands.mean) & (bands.mean < bands.high)).all()
    assert 4 in bands.apart and list(bands.frequencies) == [1, 2, 3, 4, 5, 6]
    assert bands.counts == (60, 60)
    half = (bands.high - bands.low)[0] / 2
    np.testing.assert_allclose(half, 1.96 / np.sqrt(60), rtol=0.35)


def test_faces_of_one_group_are_drawn_together():
    """Ten copies of each face tell no more than one: the band stays as wide."""
    generator = np.random.default_rng(2)
    few = generator.normal(0, 1, (40, 3))
    labels = np.arange(40) % 2
    alone = spectrum_bands(few, labels, resamples=1000)
    copied = spectrum_bands(
        np.repeat(few, 10, axis=0),
        np.repeat(labels, 10),
        np.repeat(np.arange(40), 10),
        resamples=1000,
    )
    np.testing.assert_allclose(copied.mean, alone.mean)
    np.testing.assert_allclose(copied.high - copied.low, alone.high - alone.low, rtol=0.2)
    with pytest.raises(DataError, match="3 labels for 40 spectra"):
        spectrum_bands(few, [0, 1, 0])


@pytest.mark.parametrize("denoiser", ["median", "gaussian"])
def test_a_constant_picture_leaves_no_residual(denoiser):
    constant = np.full((2, 12, 12, 3), 91, dtype=np.uint8)
    np.testing.assert_allclose(noise_residuals(constant, denoiser), 0, atol=1e-4)


def test_a_single_bright_pixel_is_all_residual():
    picture = np.full((1, 9, 9, 3), 50, dtype=np.uint8)
    picture[0, 4, 4] = 200
    residual = noise_residuals(picture)[0]
    assert residual[4, 4] == pytest.approx(150, abs=1e-3)
    assert np.abs(np.delete(residual.ravel(), 40)).max() < 1e-3


def test_averaging_keeps_the_mark_and_loses_the_noise():
    generator = np.random.default_rng(3)
    pictures = generator.normal(120, 8, (300, 16, 16, 1)).repeat(3, axis=3)
    labels = np.arange(300) % 2
    mark = np.zeros((16, 16, 1))
    mark[::4, ::4] = 30
    pictures = np.clip(pictures + mark * labels[:, None, None, None], 0, 255).astype(np.uint8)
    average = average_residuals(pictures, labels)
    assert average.counts == (150, 150) and average.mean.shape == (2, 16, 16)
    apart = average.mean[1] - average.mean[0]
    assert apart[::4, ::4].min() > 10 > np.abs(apart[2::4, 2::4]).max()
    assert average.mean[0].std() < average.strength[0] / 3
    with pytest.raises(DataError, match="2 labels for 300 pictures"):
        average_residuals(pictures, [0, 1])
    with pytest.raises(UsageError, match="no denoiser 'mean'"):
        noise_residuals(pictures, "mean")
