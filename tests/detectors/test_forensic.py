"""Networks made for forensics: what they see, what they keep, and errors with a way out."""

import keras
import numpy as np
import pytest
from unmask import detectors
from unmask.detectors.forensic import patch_logits
from unmask.errors import UsageError


def pictures(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def output_of(model: keras.Model, layer: str) -> keras.Model:
    return keras.Model(model.input, model.get_layer(layer).output)


@pytest.mark.parametrize(
    ("front", "residuals", "learned"),
    [("srm", 9, 0), ("srm30", 90, 0), ("differences", 12, 0), ("constrained", 5, 5 * 5 * 3 * 5)],
)
def test_residual_fronts_do_not_see_brightness_and_keep_every_pixel(front, residuals, learned):
    model = detectors.build("residual_net", (16, 20, 3), front=front)
    cut = output_of(model, "truncation")
    assert cut.output.shape == (None, 16, 20, residuals)
    assert sum(int(np.prod(w.shape)) for w in model.get_layer("residuals").weights) == learned
    darker = pictures(2, 20)[:, :16] // 2
    found = np.asarray(cut(darker))
    np.testing.assert_allclose(np.asarray(cut(darker + np.uint8(90))), found, atol=1e-3)
    assert np.abs(found).max() == 4.0
    assert output_of(model, "block2_relu").output.shape[1:3] == (16, 20)


def test_resnet50_keeps_every_pixel_up_to_its_first_stage():
    model = detectors.build("resnet50_no_downsampling", (32, 32, 3))
    assert model.count_params() == 23_587_712 + 2_049
    assert model.get_layer("conv1_conv").output.shape[1:3] == (32, 32)
    assert model.get_layer("conv2_block3_out").output.shape[1:3] == (32, 32)
    assert model.get_layer("conv5_block3_out").output.shape[1:3] == (4, 4)


@pytest.mark.parametrize(("blocks", "seen"), [(1, 19), (2, 43)])
def test_a_patch_sees_no_further_than_said_and_patches_vote_by_their_mean(blocks, seen):
    keras.utils.set_random_seed(1)
    model = detectors.build("patch_voting", (96, 96, 3), blocks=blocks)
    model.get_layer("fake").set_weights(
        [np.random.default_rng(1).normal(0, 50, model.get_layer("fake").kernel.shape), np.ones(1)]
    )
    votes = patch_logits(model)
    pixels = pictures(1, 96)
    usual = np.asarray(votes(pixels))[0, ..., 0]
    score = float(np.asarray(model(pixels))[0, 0])
    assert abs(1 / (1 + np.exp(-usual.mean(dtype=np.float64))) - score) < 1e-5
    changed = pixels.copy()
    changed[0, 40, 40] = 255 - changed[0, 40, 40]
    touched = np.flatnonzero(np.abs(np.asarray(votes(changed))[0, ..., 0] - usual).max(axis=1))
    stride = 96 // len(usual)
    assert 0 < len(touched) <= -(-seen // stride)


def test_streams_and_domains_have_their_planes():
    model = detectors.build("two_stream", (32, 32, 3), second="dct")
    assert model.get_layer("dct").output.shape == (None, 4, 4, 384)
    assert model.get_layer("joined").output.shape == (None, 4 * 24 + 48)
    spectrum = detectors.build("frequency_net", (32, 32, 3), domain="spectrum")
    assert spectrum.get_layer("spectrum").output.shape == (None, 32, 17, 3)
    for network in (model, spectrum):
        scores = np.asarray(network(pictures(2, 32)))
        assert scores.shape == (2, 1) and ((scores > 0) & (scores < 1)).all()


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        ("residual_net", {"front": "smr"}, "Did you mean 'srm'"),
        ("frequency_net", {"domain": "dkt"}, "Did you mean 'dct'"),
        ("two_stream", {"second": "residual"}, "Did you mean 'residuals'"),
        ("patch_voting", {"blocks": 4}, "through 4 blocks"),
    ],
)
def test_unknown_options_are_refused(name, option, message):
    with pytest.raises(UsageError, match=message):
        detectors.build(name, (64, 64, 3), **option)


@pytest.mark.parametrize(
    ("name", "smallest"),
    [
        ("meso4", 32),
        ("meso_inception4", 32),
        ("residual_net", 16),
        ("frequency_net", 32),
        ("resnet50_no_downsampling", 32),
        ("patch_voting", 64),
        ("two_stream", 32),
        ("cooccurrences", 16),
        ("traces", 32),
        ("thumbnail", 16),
    ],
)
def test_too_small_pictures_are_refused_with_the_smallest_side(name, smallest):
    with pytest.raises(UsageError, match=f"at least {smallest}x{smallest} pixels"):
        detectors.build(name, (smallest, smallest - 1, 3))
    with pytest.raises(UsageError, match="3 channels"):
        detectors.build(name, (smallest, smallest, 1))
