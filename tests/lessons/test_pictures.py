"""The two mistakes with pictures, on made-up ones where the answer is known."""

import numpy as np
import pandas as pd
import pytest
from unmask.lessons.pictures import (
    describe_groups,
    format_leak,
    missing_waves,
    save_as_jpeg,
    shared_groups,
)

SIDE = 24


def make_faces(count, groups=None, file_ids=None):
    labels = np.arange(count) % 2
    names = [f"face-{number}" for number in range(count)]
    return pd.DataFrame(
        {
            "face_id": names,
            "file_id": file_ids if file_ids is not None else names,
            "label": labels,
            "generator": np.where(labels == 1, "fake", "real"),
            "group": groups if groups is not None else "",
            "split": np.where(np.arange(count) < count // 2, "train", "test"),
            "row": np.arange(count),
        }
    )


def textures(count, seed=0):
    """Returns smooth random pictures with a little noise, the same kind for both classes."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(40, 210, (count, SIDE // 8, SIDE // 8, 3))
    smooth = coarse.repeat(8, axis=1).repeat(8, axis=2)
    return np.clip(smooth + generator.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)


def test_missing_waves_of_known_pictures():
    flat = missing_waves(np.full((16, 16, 3), 128, dtype=np.uint8))
    np.testing.assert_allclose(flat, np.log(1.01))  # no wave is there, not even the mean
    gray = missing_waves(np.full((16, 16, 3), 200, dtype=np.uint8))
    assert gray[0] == pytest.approx(np.log(0.01))  # the mean is there now, nothing else
    np.testing.assert_allclose(gray[1:], np.log(1.01))
    steps = np.arange(16)
    wave = 128 + 60 * np.cos((2 * (steps % 8) + 1) * 3 * np.pi / 16)
    picture = np.broadcast_to(wave[None, :, None], (16, 16, 3)).round().astype(np.uint8)
    found = missing_waves(picture)
    assert found[3] == pytest.approx(np.log(0.01))  # the third horizontal wave is there
    assert found[8 * 3] == pytest.approx(np.log(1.01))  # the vertical one is not


def test_lower_quality_loses_more_waves_and_colors_stay():
    picture = textures(1)[0]
    good, poor = (missing_waves(save_as_jpeg(picture, quality)) for quality in (95, 50))
    assert poor.sum() > good.sum()
    red = np.zeros((16, 16, 3), dtype=np.uint8)
    red[..., 0] = 220
    assert save_as_jpeg(red, 95)[..., 0].mean() > 200 > 40 > save_as_jpeg(red, 95)[..., 2].mean()


def test_a_format_leak_is_all_there_is_to_find():
    faces = make_faces(160)
    leak = format_leak(textures(160), faces, qualities=(95, 60), resamples=50)
    accuracy, area = leak.contrasts
    assert accuracy.false.value > 0.95 and area.false.value > 0.98
    assert abs(area.honest.value - 0.5) < 0.25 and abs(leak.refitted - 0.5) < 0.25
    assert accuracy.false_faces == 80
    assert leak.pair[0].shape == (SIDE, SIDE, 3)


def test_without_a_difference_in_quality_nothing_leaks():
    leak = format_leak(textures(160), make_faces(160), qualities=(80, 80), resamples=50)
    for contrast in leak.contrasts:
        assert contrast.false == contrast.honest


def clips(count, frames, seed=1):
    """Returns `count` clips of nearly equal frames, real and fake in turn, each its own group."""
    pictures = textures(count, seed).repeat(frames, axis=0)
    noise = np.random.default_rng(2).integers(-2, 3, pictures.shape)
    names = np.repeat([f"clip-{number}" for number in range(count)], frames)
    faces = make_faces(count * frames, groups=names, file_ids=names)
    faces["label"] = np.repeat(np.arange(count) % 2, frames)
    return np.clip(pictures + noise, 0, 255).astype(np.uint8), faces


def test_frames_of_one_clip_give_their_label_away():
    pixels, faces = clips(40, 5)
    found = shared_groups(pixels, faces, seed=1, resamples=50)
    assert found.what == "frames of one clip" and found.groups == 40
    assert found.contrast.false.value == 1.0 and found.neighbours == found.same_label == 1.0
    assert abs(found.contrast.honest.value - 0.5) < 0.3
    assert "likeness alone does it" in describe_groups(found)[-1]


def test_a_fake_beside_its_original_misleads_the_neighbour():
    """Groups of a real picture and the fake made from it: the neighbour has the other label."""
    pixels = textures(60).repeat(2, axis=0)
    faces = make_faces(120, groups=np.repeat([f"pair-{n}" for n in range(60)], 2))
    found = shared_groups(pixels, faces, seed=1, resamples=50)
    assert found.what == "pictures of one group"
    assert found.same_label == 0.0 and found.contrast.false.value < 0.4
    assert "the real picture it was made from" in describe_groups(found)[-1]


def test_data_without_groups_say_so():
    assert shared_groups(textures(20), make_faces(20), seed=1, resamples=10) is None
    assert "cannot be shown here" in describe_groups(None)[0]
