"""Our own layers against OpenCV, SciPy, the audit's features and counts made by hand."""

import cv2
import keras
import numpy as np
import pytest
import scipy.fft
from hypothesis import given, settings
from hypothesis import strategies as st
from unmask.audit import picture_features
from unmask.detectors import layers
from unmask.detectors.layers.cooccurrences import same_runs
from unmask.detectors.layers.counting import counts_at_once, counts_by_segments
from unmask.detectors.layers.kernels import BANKS, RESIDUALS, bank
from unmask.errors import UsageError


def pictures(count: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth pictures with small steps, whose residuals are not all cut off."""
    steps = np.random.default_rng(seed).integers(-3, 4, (count, height, width, 3))
    return np.clip(128 + np.cumsum(steps, axis=2), 0, 255).astype(np.uint8)


def given_to(layer, values) -> np.ndarray:
    return keras.ops.convert_to_numpy(layer(values))


@pytest.mark.parametrize(
    ("space", "code"), [("ycrcb", cv2.COLOR_RGB2YCrCb), ("grey", cv2.COLOR_RGB2GRAY)]
)
def test_planes_are_equal_to_those_of_opencv(space, code):
    pixels = np.random.default_rng(1).integers(0, 256, (2, 90, 110, 3), dtype=np.uint8)
    pixels[0, :3] = [[0, 0, 0]]
    pixels[0, 3:6] = [[255, 0, 255]]
    planes = given_to(layers.ColourPlanes(space), pixels)
    expected = np.stack([cv2.cvtColor(picture, code) for picture in pixels])
    np.testing.assert_array_equal(planes, expected.reshape(planes.shape))


def test_cooccurrences_are_those_of_the_audit():
    pixels = pictures(2, 40, 52)
    planes = layers.ColourPlanes("ycrcb")(pixels)
    counted = given_to(layers.ResidualCooccurrences({"first": 1, "second": 1}), planes)
    expected = np.stack([picture_features.residual_cooccurrences(one) for one in pixels])
    np.testing.assert_allclose(counted, expected, atol=1e-6)


def test_a_run_is_counted_where_it_belongs():
    rows = np.tile(np.array([0, 1, 3, 9.0]), (4, 1))[None, ..., None]
    layer = layers.ResidualCooccurrences({"first": 1}, truncation=3, order=3, root=False)
    counted = given_to(layer, rows).reshape(2, 343)
    expected = np.zeros((2, 343))
    expected[0, 171] = 1  # down: nothing changes, run 0 0 0
    expected[1, ((1 * 7 + 2) * 7 + 3) + 171] = 1  # across: 1, 2 and 6, which is cut off to 3
    np.testing.assert_array_equal(counted, expected)
    coarse = layers.ResidualCooccurrences({"first": 2}, truncation=3, order=3, root=False)
    counted = given_to(coarse, rows).reshape(2, 343)
    assert counted[1, ((0 * 7 + 1) * 7 + 3) + 171] == 1  # halves go to the even neighbour


def counted_slowly(plane, name, step, truncation, order, turned, along) -> np.ndarray:
    kernel = RESIDUALS[name].T if turned else RESIDUALS[name]
    height, width = kernel.shape
    residual = np.array(
        [
            [(plane[y : y + height, x : x + width] * kernel).sum() for x in range(len(row))]
            for y, row in enumerate(plane[: len(plane) - height + 1, : plane.shape[1] - width + 1])
        ]
    )
    short = np.clip(np.rint(residual / step), -truncation, truncation).astype(int) + truncation
    down = turned == along
    runs = np.zeros((2 * truncation + 1,) * order)
    for y in range(short.shape[0] - (order - 1) * down):
        for x in range(short.shape[1] - (order - 1) * (not down)):
            steps = range(order)
            runs[tuple(short[y + k * down, x + k * (not down)] for k in steps)] += 1
    return (runs / runs.sum()).ravel()


@pytest.mark.parametrize("merged", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
def test_every_residual_and_direction_is_the_slow_count(merged, symmetric):
    planes = pictures(1, 12, 11)[..., :2]
    steps = {name: 1.0 + place for place, name in enumerate(RESIDUALS)}
    options = {"truncation": 1, "order": 3, "channels": [1], "root": False}
    layer = layers.ResidualCooccurrences(
        steps, directions=["along", "across"], symmetric=symmetric, merged=merged, **options
    )
    counted = given_to(layer, planes)[0]
    slow = np.array(
        [
            counted_slowly(planes[0, ..., 1].astype(int), name, step, 1, 3, turned, along)
            for turned in (True, False)
            for name, step in steps.items()
            for along in (True, False)
        ]
    )
    slow = slow.reshape(2, -1, 27).mean(axis=0) if merged else slow
    slow = slow @ same_runs(3, 3) if symmetric else slow
    np.testing.assert_allclose(counted, slow.ravel(), atol=1e-6)
    assert (
        counted.shape == layer.compute_output_spec(keras.KerasTensor((None, 12, 11, 2))).shape[1:]
    )


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_symmetric_runs_do_not_see_mirror_images_and_negatives(seed):
    plane = pictures(1, 9, 10, seed)[..., :1].astype(np.float32)
    steps = {"first": 1, "second": 2, "square3": 3}
    layer = layers.ResidualCooccurrences(steps, truncation=2, order=4, symmetric=True)
    usual = given_to(layer, plane)
    for changed in (plane[:, ::-1], plane[:, :, ::-1], 255 - plane):
        np.testing.assert_allclose(given_to(layer, changed), usual, atol=1e-6)


def test_classes_of_runs_are_counted_once_each():
    classes = same_runs(3, 2)
    assert classes.shape == (9, 4) and (classes.sum(axis=1) == 1).all()
    # With digits -1, 0, 1: (-1,-1) is (1,1); (-1,0) is (0,-1), (1,0), (0,1); (-1,1) is (1,-1).
    assert classes.sum(axis=0).tolist() == [2, 4, 2, 1]
    assert same_runs(5, 4).shape == (625, 169)


def test_planes_are_counted_together_at_one_pixel():
    pixels = pictures(1, 10, 9)
    layer = layers.ChannelCooccurrences(
        {"first": 1}, truncation=2, channels=[0, 2], steps=[2, 1], root=False
    )
    red, blue = (pixels[0, ..., channel].astype(int) for channel in (0, 2))
    expected = []
    for axis in (0, 1):
        pairs = np.zeros((5, 5))
        short = [np.rint(np.diff(red, axis=axis) / 2), np.diff(blue, axis=axis)]
        first, second = (np.clip(part, -2, 2).astype(int) + 2 for part in short)
        np.add.at(pairs, (first, second), 1)
        expected.append(pairs.ravel() / pairs.sum())
    np.testing.assert_allclose(given_to(layer, pixels)[0], np.concatenate(expected), atol=1e-6)


def test_parts_of_the_face_are_counted_by_themselves():
    plane = pictures(1, 13, 14)[..., :1]
    layer = layers.RegionCooccurrences({"first": 1}, 1, 2, cells=2, root=False)
    counted = given_to(layer, plane).reshape(2, 2, 1, -1)
    residual = np.clip(np.diff(plane[0, ..., 0].astype(int), axis=1), -1, 1) + 1
    for row in (0, 1):
        runs = np.zeros((2, 9))
        for column in (0, 1):
            part = residual[13 * row // 2 : 13 * (row + 1) // 2, 13 * column // 2 :]
            part = part[:, : 6 + column]
            np.add.at(runs[column], 3 * part[:, :-1] + part[:, 1:], 1)
        shares = (runs / runs.sum(axis=1, keepdims=True)).mean(axis=0) @ same_runs(3, 2)
        np.testing.assert_allclose(counted[1, row, 0], shares, atol=1e-6)
    usual = pictures(1, 12, 14)[..., :1]
    mirrored = np.ascontiguousarray(usual[:, :, ::-1])
    second = layers.RegionCooccurrences({"second": 1}, 1, 2, cells=2)
    np.testing.assert_allclose(given_to(second, mirrored), given_to(second, usual), atol=1e-6)


def test_sharpness_is_found_where_it_is_and_mirrored():
    noise = np.random.default_rng(0).integers(0, 100, (1, 32, 32, 1)).astype(np.float32)
    noise[:, 16:] = 50
    layer = layers.SharpnessMap(cells=4, sizes=2)
    maps = given_to(layer, noise).reshape(7, 4, 2)
    assert (maps[:6, :2] > 1).all()
    np.testing.assert_allclose(maps[:6, 3], np.log(0.2), atol=1e-5)
    np.testing.assert_allclose(maps[6, 2:] * 64, 50, atol=1e-4)
    mirrored = np.ascontiguousarray(noise[:, :, ::-1])
    np.testing.assert_allclose(given_to(layer, mirrored).reshape(7, 4, 2), maps, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(1, 40), st.integers(1, 9), st.integers(0, 10**6))
def test_both_ways_to_count_agree(rows, places, levels, seed):
    codes = np.random.default_rng(seed).integers(0, levels, (rows, places)).astype(np.int32)
    expected = np.stack([np.bincount(row, minlength=levels) for row in codes])
    np.testing.assert_array_equal(counts_at_once(codes, levels), expected)
    np.testing.assert_array_equal(counts_by_segments(codes, levels), expected)


@pytest.mark.parametrize(("name", "count"), [("srm", 3), ("srm30", 30), ("differences", 4)])
def test_filters_are_high_pass_and_all_different(name, count):
    kernels = bank(name)
    assert kernels.shape == (5, 5, count)
    np.testing.assert_allclose(kernels.sum(axis=(0, 1)), 0, atol=1e-6)
    largest = [1, 1, 2, 2] if name == "differences" else [1] * count
    assert np.abs(kernels).max(axis=(0, 1)).tolist() == largest
    assert len(np.unique(kernels.reshape(25, count), axis=1).T) == count
    even = np.full((1, 7, 8, 3), 200, np.uint8)
    np.testing.assert_allclose(given_to(layers.FixedFilters(name), even), 0, atol=1e-4)


def test_filters_give_differences_of_each_channel():
    pixels = pictures(1, 8, 9).astype(np.float32)
    found = given_to(layers.FixedFilters("differences"), pixels).reshape(8, 9, 3, 4)
    np.testing.assert_allclose(found[:, :-1, :, 0], np.diff(pixels[0], axis=1))
    np.testing.assert_allclose(found[:-1, :, :, 1], np.diff(pixels[0], axis=0))
    np.testing.assert_allclose(found[:, 1:-1, :, 2], np.diff(pixels[0], n=2, axis=1))
    np.testing.assert_allclose(found[1:-1, :, :, 3], np.diff(pixels[0], n=2, axis=0))
    cut = given_to(layers.Truncation(2.0), found)
    assert cut.max() == 2 and cut.min() == -2


def test_a_constrained_kernel_fits_before_and_after_steps_and_learns():
    layer = layers.ConstrainedConvolution(4, 5)
    pixels = pictures(2, 12, 12)
    even = np.full((1, 9, 9, 3), 77, np.uint8)
    model = keras.Sequential([layer, keras.layers.GlobalAveragePooling2D()])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    before = np.array(layer(pixels))
    model.fit(pixels, np.ones((2, 4)), epochs=2, verbose=0)
    kernel = keras.ops.convert_to_numpy(layer.fitting_kernel())
    np.testing.assert_allclose(kernel[2, 2], -1)
    np.testing.assert_allclose(kernel.sum(axis=(0, 1)), 0, atol=1e-5)
    np.testing.assert_allclose(given_to(layer, even), 0, atol=1e-3)
    assert np.abs(given_to(layer, pixels) - before).max() > 1e-3


def test_blocks_are_transformed_as_scipy_does():
    pixels = pictures(1, 19, 26)
    values = given_to(layers.BlockDCT("values"), pixels)
    assert values.shape == (1, 2, 3, 192)
    block = pixels[0, 8:16, 16:24].astype(float) - 128
    expected = scipy.fft.dctn(block, axes=(0, 1), norm="ortho").reshape(192)
    np.testing.assert_allclose(values[0, 1, 2], expected, atol=1e-2)
    magnitudes = given_to(layers.BlockDCT("magnitudes"), pixels)
    np.testing.assert_allclose(magnitudes, np.log1p(np.abs(values)), atol=1e-5)
    both = given_to(layers.BlockDCT("both"), pixels)
    np.testing.assert_array_equal(both[..., 192:], magnitudes)
    np.testing.assert_allclose(both[..., :192], np.sign(values) * magnitudes, atol=1e-5)


def test_the_whole_transform_is_averaged_in_bins():
    pixels = pictures(1, 9, 12)
    found = given_to(layers.LogDCT(bins=4), pixels).reshape(4, 4, 3)
    whole = np.log1p(np.abs(scipy.fft.dctn(pixels[0].astype(float), axes=(0, 1), norm="ortho")))
    expected = whole[:8].reshape(4, 2, 4, 3, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_rings_are_those_of_the_audit():
    pixels = pictures(2, 40, 50)
    grey = layers.ColourPlanes("grey")(pixels)
    expected = np.stack([picture_features.azimuthal_spectrum(one) for one in pixels])
    np.testing.assert_allclose(given_to(layers.AzimuthalSpectrum(48), grey), expected, atol=1e-4)
    several = given_to(layers.AzimuthalSpectrum(10), pixels)
    alone = given_to(layers.AzimuthalSpectrum(10), pixels[..., 1:2])
    np.testing.assert_allclose(several[:, 10:20], alone, atol=1e-5)


def test_a_wave_is_a_peak_of_the_spectrum():
    down, across = np.mgrid[:32, :40]
    wave = (100 + 50 * np.cos(2 * np.pi * (down / 8 + across / 5)))[None, ..., None]
    spectrum = given_to(layers.LogSpectrum(), wave)[0, ..., 0]
    assert spectrum.shape == (32, 21)
    assert np.unravel_index(spectrum.argmax(), spectrum.shape) == (16 + 4, 8)


def test_thumbnails_are_area_means():
    pixels = pictures(1, 40, 50)
    found = given_to(layers.AreaThumbnail(16), pixels)[0] * 255
    expected = cv2.resize(pixels[0], (16, 16), interpolation=cv2.INTER_AREA).ravel()
    assert np.abs(found - expected).max() <= 0.51
    halves = given_to(layers.HalfSize(), pixels[:, :21])
    np.testing.assert_allclose(halves[0, 3, 4], pixels[0, 6:8, 8:10].mean(axis=(0, 1)))


OURS = [
    layers.ColourPlanes("ycrcb"),
    layers.HalfSize(),
    layers.AreaThumbnail(8),
    layers.FixedFilters("srm"),
    layers.Truncation(1.5),
    layers.BlockDCT(),
    layers.LogDCT(8),
    layers.LogSpectrum(),
    layers.AzimuthalSpectrum(8),
    layers.ResidualCooccurrences({"third": 3}, 2, 2, ["across"], True, True, [0]),
    layers.RegionCooccurrences({"second": 1}, 1, 2, 2, True, [1]),
    layers.SharpnessMap(2, 2),
    layers.ChannelCooccurrences({"edge3": 2}, 1, [0, 1], [1, 2]),
]


@pytest.mark.parametrize("layer", OURS, ids=lambda layer: type(layer).__name__)
def test_layers_compute_in_float32_under_any_policy_and_can_be_copied(layer):
    pixels = pictures(1, 17, 18)
    config = {**layer.get_config(), "dtype": "mixed_bfloat16", "name": "copied"}
    half = type(layer).from_config(config)
    assert half.name == "copied" and half.dtype_policy.name == "mixed_bfloat16"
    found = half(pixels.astype(np.float32))
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(found), given_to(layer, pixels))


def test_logits_are_kept_finite_and_joined_exactly():
    chances = np.array([[0.0, 0.25, 0.5, 1.0]], np.float32)
    logits = given_to(layers.Logit(), chances)
    np.testing.assert_allclose(logits, [[-16, np.log(1 / 3), 0, 16]], atol=1e-6)
    joined = layers.Join(dtype="mixed_bfloat16")([chances, np.float32([[257.0]])])
    assert keras.ops.convert_to_numpy(joined).tolist() == [[0.0, 0.25, 0.5, 1.0, 257.0]]


def test_unknown_words_offer_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'ycrcb'"):
        layers.ColourPlanes("ycbcr")
    with pytest.raises(UsageError, match="Did you mean 'srm30'"):
        layers.FixedFilters("srm3")
    with pytest.raises(UsageError, match="Did you mean 'both'"):
        layers.BlockDCT("bot")
    with pytest.raises(UsageError, match="Did you mean 'second'"):
        layers.ResidualCooccurrences({"seconds": 1})
    with pytest.raises(UsageError, match="Did you mean 'along'"):
        layers.ResidualCooccurrences({"first": 1}, directions=["alone"])
    with pytest.raises(UsageError, match="odd"):
        layers.ConstrainedConvolution(3, 4)
    assert set(BANKS) == {"srm", "srm30", "differences"}
