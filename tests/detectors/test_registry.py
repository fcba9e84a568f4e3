"""Every network by name keeps one contract, whatever family it is of."""

import json
from itertools import chain
from pathlib import Path

import keras
import numpy as np
import pytest
from unmask import detectors
from unmask.errors import UsageError
from unmask.training.fast import accelerate

# Parameters as keras.applications counts them without a top (EfficientNet less the 7 of its
# preprocessing), the features that the last unit weighs, and where the last stage begins.
SIZES = {
    "resnet50": (23_587_712, 2048, "conv5_block1_1_conv"),
    "vgg16": (14_714_688, 512, "block5_conv1"),
    "vgg19": (20_024_384, 512, "block5_conv1"),
    "xception": (20_861_480, 2048, ""),
    "efficientnet": (4_049_564, 1280, "block6a_dwconv"),
    "mobilenet_v2": (2_257_984, 1280, "block_13_depthwise"),
    "convnext_tiny": (27_820_128, 768, "convnext_tiny_downsampling_conv_2"),
}


def pictures(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


# Each takes seconds to build, save and open; mobilenet_v2 stands for all that ImageNet taught.
LARGE = {"vgg16", "vgg19", "resnet50", "resnet50_no_downsampling", "xception", "efficientnet"}
LARGE |= {"convnext_tiny", "alexnet"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else [])
        for name in detectors.names()
    ],
)
def test_every_network_keeps_the_contract(name, tmp_path):
    side = detectors.smallest(name)
    if side > 1:
        with pytest.raises(UsageError, match=f"at least {side}x{side} pixels"):
            detectors.build(name, (side, side - 1, 3))
    keras.utils.set_random_seed(1)
    model = detectors.build(name, (side, side, 3))
    last = model.layers[-1]
    assert isinstance(last, keras.layers.Dense) and last.name == "fake"
    # weights that a fitted head could have: some start at zeros
    last.kernel.assign(np.random.default_rng(1).normal(size=last.kernel.shape) / 100)
    pixels = pictures(1, side)
    scores = model(pixels).numpy()
    assert scores.shape == (1, 1) and scores.dtype == np.float32
    assert np.isfinite(scores).all() and ((scores >= 0) & (scores <= 1)).all()

    model.save(tmp_path / "model.keras")
    opened = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(opened(pixels.astype(np.float32)).numpy(), scores)

    mixed = accelerate(model, "mixed_bfloat16")
    assert mixed.layers[-1].compute_dtype == "float32"
    found = mixed(pixels).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, scores, atol=0.02)

    with_weights = [layer.name for layer in model.layers if layer.weights]
    found = detectors.stages(model)
    assert sorted(with_weights) == sorted(chain(*found)) and all(found)
    assert "fake" in found[-1]
    if name in SIZES:
        parameters, features, last_stage = SIZES[name]
        assert model.count_params() == parameters + features + 1
        assert found[-2][0] == last_stage or not last_stage


@pytest.mark.parametrize("name", detectors.names())
def test_every_network_says_what_it_is_and_where_it_comes_from(name):
    assert 20 < len(detectors.describe(name)) < 100
    assert len(detectors.source(name)) > 20
    assert all(isinstance(option, str) for option in detectors.options(name))


def test_plans_know_the_names_without_loading_keras():
    path = Path(detectors.__file__).parent / "names.json"
    expected = list(detectors.names())
    assert json.loads(path.read_text()) == expected, f"{path} should hold {json.dumps(expected)}"


def test_unknown_names_and_options_offer_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'two_block'"):
        detectors.build("two_blok", (32, 32, 3))
    with pytest.raises(UsageError, match="Did you mean 'vgg16'"):
        detectors.describe("vgg_16")
    with pytest.raises(UsageError, match="Did you mean 'dropout'"):
        detectors.build("two_block", (32, 32, 3), dropuot=0.1)
    with pytest.raises(UsageError, match="Did you mean 'alpha'"):
        detectors.build("mobilenet_v2", (32, 32, 3), alpa=0.35)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("lenet", {"dropout": 1.5}, "The detector lenet cannot be built .* with dropout: 1.5"),
        ("resnet_small", {"depth": "a"}, "resnet_small cannot be built .* with depth: 'a'"),
        ("mobilenet_v2", {"alpha": "x"}, "mobilenet_v2 cannot be built .* with alpha: 'x'"),
        ("searched", {"blocks": "32-64"}, "blocks of the detector searched cannot be '32-64'"),
        ("searched", {"blocks": []}, r"blocks of the detector searched cannot be \[\]"),
        ("searched", {"blocks": [8, 0]}, "blocks of the detector searched cannot be 0"),
        ("residual_net", {"widths": ()}, "widths of the detector residual_net"),
        ("residual_net", {"truncation": -1}, "cut off at -1 grey levels"),
        ("two_stream", {"truncation": float("nan")}, "cut off at nan grey levels"),
        ("log_dct", {"bins": 0}, "bins of the detector log_dct cannot be 0"),
        ("azimuthal_spectrum", {"rings": 0}, "rings of the detector azimuthal_spectrum"),
        ("thumbnail", {"side": 0}, "side of the detector thumbnail cannot be 0"),
        ("cooccurrences", {"truncation": 0}, "truncation of the detector cooccurrences"),
        ("cooccurrences_srm", {"order": 1.5}, "order of the detector cooccurrences_srm"),
    ],
)
def test_options_that_cannot_be_are_refused_by_name(name, options, words):
    with pytest.raises(UsageError, match=words):
        detectors.build(name, (32, 32, 3), **options)


def test_pictures_have_height_width_and_channels():
    for shape in ((32, 32), (32, None, 3), (0, 32, 3)):
        with pytest.raises(UsageError, match="cannot be of shape"):
            detectors.build("lenet", shape)


def test_smallest_side_follows_the_options():
    assert detectors.smallest("searched") == 4
    assert detectors.smallest("searched", blocks=(8, 8, 8)) == 8
    with pytest.raises(UsageError, match="6 n"):
        detectors.smallest("resnet_small", depth=9)


def test_sources_name_the_paper():
    assert detectors.source("resnet50").endswith("image recognition, arXiv:1512.03385")
    assert "arXiv:1409.1556" in detectors.source("vgg16")
