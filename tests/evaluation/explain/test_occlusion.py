"""Occlusion maps: exact for a scorer that is known, and on the patch for a trained one."""

import numpy as np
import pytest
from unmask.errors import UsageError
from unmask.evaluation.explain.cover import cover_check
from unmask.evaluation.explain.grad_cam import grad_cam
from unmask.evaluation.explain.occlusion import occlusion_maps


def brightness_of_corner(pictures):
    """Scores how bright the upper left 4x4 pixels are, 0 to 1."""
    return pictures[:, :4, :4].mean(axis=(1, 2, 3)) / 255


def bright_corner(side=16):
    picture = np.zeros((1, side, side, 3), dtype=np.uint8)
    picture[:, :4, :4] = 240
    return picture


def test_the_drop_of_a_known_scorer_is_exact():
    heat = occlusion_maps(brightness_of_corner, bright_corner(), square=4, stride=4)
    drop = (240 - 15) / 255  # the mean of the picture is 15
    expected = np.zeros((16, 16))
    expected[:4, :4] = drop
    np.testing.assert_allclose(heat[0], expected, atol=1e-6)
    assert heat.dtype == np.float32


def test_a_pixel_gets_the_mean_of_the_squares_over_it():
    heat = occlusion_maps(brightness_of_corner, bright_corner(), square=4, stride=2)
    full, half, quarter = (part * (240 - 15) / 255 for part in (1, 0.5, 0.25))
    assert heat[0, 0, 0] == pytest.approx(full, abs=1e-6)
    assert heat[0, 3, 0] == pytest.approx((full + half) / 2, abs=1e-6)
    assert heat[0, 3, 3] == pytest.approx((full + 2 * half + quarter) / 4, abs=1e-6)
    assert heat[0, 6, 6] == 0


def test_every_pixel_is_covered_whatever_the_square():
    def darkness(pictures):
        return (pictures == 7).all(axis=3).mean(axis=(1, 2))

    picture = np.full((1, 17, 23, 3), 7, dtype=np.uint8)
    picture[0, 0, 0] = 250
    heat = occlusion_maps(darkness, picture, square=5, stride=3, batch_size=3)
    assert heat.shape == (1, 17, 23) and np.isfinite(heat).all()
    assert (heat > 0).sum() == 17 * 23 - 1 or (heat > 0).all()


@pytest.mark.parametrize("options", [{"square": 0}, {"square": 17}, {"square": 4, "stride": 5}])
def test_a_scan_that_leaves_gaps_is_refused(options):
    with pytest.raises(UsageError, match="cannot scan"):
        occlusion_maps(brightness_of_corner, bright_corner(), **options)


def test_covering_the_planted_patch_lowers_the_score_most(averaging_network, planted):
    from unmask.training.predict import compile_scorer

    score = compile_scorer(averaging_network)
    fakes = np.flatnonzero((planted.labels == 1) & (score(planted.pixels) > 0.5))[:20]
    heat = occlusion_maps(score, planted.pixels[fakes])
    peaks = [
        planted.inside(number)[np.unravel_index(one.argmax(), one.shape)]
        for number, one in zip(fakes, heat, strict=True)
    ]
    assert np.mean(peaks) >= 0.9


def test_covering_what_heat_maps_point_at_is_told_from_covering_elsewhere(
    averaging_network, planted
):
    from unmask.training.predict import compile_scorer

    score = compile_scorer(averaging_network)
    fakes = np.flatnonzero((planted.labels == 1) & (score(planted.pixels) > 0.5))
    pictures = planted.pixels[fakes]
    heat = grad_cam(averaging_network, pictures)["fake"]
    check = cover_check(score, pictures, heat, resamples=200)
    assert check.points_right and check.n == len(fakes)
    assert check.hottest > check.elsewhere + 0.2
    assert "point at places that matter" in check.sentence()
    turned = cover_check(
        lambda batch: 1 - score(batch), pictures, heat, evidence="real", resamples=200
    )
    assert turned.hottest == pytest.approx(check.hottest, abs=1e-6)
    assert "faces called real lowers their probability of being real" in turned.sentence()
    blind = np.random.default_rng(0).random(heat.shape)
    beside = cover_check(score, pictures, blind, resamples=200)
    assert beside.low <= check.low and abs(beside.hottest - beside.elsewhere) < 0.2


def test_a_scorer_that_ignores_its_input_has_no_places():
    pictures = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    check = cover_check(lambda batch: np.full(len(batch), 0.9), pictures, np.ones((5, 8, 8)))
    assert (check.hottest, check.elsewhere, check.low, check.high) == (0, 0, 0, 0)
    assert not check.points_right
    assert "cannot be said to point" in check.sentence()
