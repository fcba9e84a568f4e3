"""Blinks, flicker and lips in drawn clips: counted, told from lamps, in step with the sound."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from drawn_people import draw, flipped
from hypothesis import given, settings
from hypothesis import strategies as st
from unmask.evidence import NOT_HERE, Evidence, Signs, measure_evidence, observe
from unmask.media.videos import Sound

RATE = 25.0
BLINK_RATE = 15.0  # fewer frames to look at, and still two or three in a blink


@lru_cache(maxsize=64)
def seen(**look) -> Signs:
    """What is read in one drawn frame; frames that look alike are drawn once."""
    mirror = look.pop("mirror", False)
    frame = draw(**look)
    return observe(flipped(frame) if mirror else frame)


def clip(looks: list[dict], rate: float = RATE) -> list[Signs]:
    return [replace(seen(**look), time=place / rate) for place, look in enumerate(looks)]


def find(name: str, signs: list[Signs], sound: Sound | None = None, rate: float = RATE) -> Evidence:
    found = measure_evidence(signs, sound, None, rate=rate)
    return next(each for each in found if each.name == name)


def blinking_clip(starts: list[float], seconds: float, closed: float, **look) -> list[Signs]:
    """Eyes that close at `starts` for `closed` seconds, half closed a frame before and after."""
    looks = []
    for place in range(round(seconds * BLINK_RATE)):
        since = min((abs(place / BLINK_RATE - start - closed / 2) for start in starts), default=9)
        open_eyes = 0.0 if since < closed / 2 else 0.5 if since < closed / 2 + 0.06 else 1.0
        looks.append({**look, "open_eyes": open_eyes})
    return clip(looks, BLINK_RATE)


@pytest.mark.parametrize(
    "starts", [[], [0.5, 3.0, 5.5, 8.0], [1.0, 1.6, 4.0, 6.0, 6.8, 9.0]], ids=len
)
def test_every_drawn_blink_is_counted_and_no_other(starts):
    found = find("blinking", blinking_clip(starts, 10, 0.2))
    assert found.value == pytest.approx(60 * len(starts) / (149 / 15))
    assert found.sentence.startswith(f"{len(starts)} blinks in 9.9 s")
    lowest = [each["time"] for each in found.series if each["value"] < 0.8]
    assert all(min(abs(time - start - 0.1) for start in starts) < 0.15 for time in lowest)
    assert bool(lowest) == bool(starts)


@settings(max_examples=4, deadline=None)
@given(eyes=st.sampled_from([30, 70]), gain=st.sampled_from([0.7, 1.3]), mirror=st.booleans())
def test_blinks_do_not_hang_on_size_brightness_or_mirroring(eyes, gain, mirror):
    look = {"eyes": eyes, "gain": gain, "mirror": mirror}
    assert find("blinking", blinking_clip([2, 5, 7], 8.5, 0.2, **look)).sentence[:8] == "3 blinks"


def test_closed_eyes_for_long_or_one_eye_alone_is_no_blink():
    asleep = find("blinking", blinking_clip([4], 10, 0.8))
    assert asleep.value == 0
    signs = blinking_clip([], 10, 0.1)
    open_eyes, closed = (seen(open_eyes=each).seen["blinking"] for each in (1.0, 0.0))
    wink = np.stack([closed[0], open_eyes[1]])
    for place in range(100, 103):
        signs[place] = replace(signs[place], seen={**signs[place].seen, "blinking": wink})
    assert find("blinking", signs).value == 0


def test_what_frames_cannot_show_of_blinks_is_said():
    sparse = find("blinking", clip([{}] * 40, rate=2.5))
    assert sparse.verdict == NOT_HERE and sparse.value is None
    assert sparse.sentence == (
        "Not measurable here: the frames looked at are 0.4 s apart, and a blink lasts only "
        "0.1 to 0.4 s."
    )
    slow = find("blinking", clip([{}] * 40, rate=5), rate=5)
    assert "the clip's frames are 0.2 s apart" in slow.sentence
    assert "followed for 2.0 s" in find("blinking", clip([{}] * 50)).sentence
    generator = np.random.default_rng(0)
    noisy = [
        replace(each, seen={**each.seen, "blinking": generator.integers(0, 255, (2, 32, 40), "u1")})
        for each in clip([{}] * 250)
    ]
    assert "too small, blurred or unsteady" in find("blinking", noisy).sentence


def flickering(size: float, whole: float = 0.0, count: int = 60, mirror: bool = False) -> Evidence:
    """A face, and a whole picture, that are brighter in every other frame."""
    looks = [
        {"face_gain": (1 + size * (place % 2),) * 3, "gain": 1 + whole * (place % 2)}
        for place in range(count)
    ]
    return find("flicker", clip([{**look, "mirror": mirror} for look in looks]))


def test_flicker_of_the_face_is_measured_in_per_cent_and_a_lamp_is_not():
    assert flickering(0).value == pytest.approx(0, abs=0.1)
    for size in (0.02, 0.05):
        assert flickering(size).value == pytest.approx(100 * size, rel=0.25)
        assert flickering(size, mirror=True).value == pytest.approx(100 * size, rel=0.25)
    lamp = flickering(0, whole=0.05)
    assert lamp.value < 0.5 < 3.5 < flickering(0.05).value


def test_flicker_of_one_frame_in_six_is_seen_when_it_happens():
    looks = [{"face_gain": (1.06,) * 3 if place % 6 == 5 else (1.0,) * 3} for place in range(60)]
    found = find("flicker", clip(looks))
    jumps = {round(each["time"] * RATE): each["value"] for each in found.series}
    assert found.value > 4
    assert min(jumps[place] for place in range(5, 59, 6)) > 2 * jumps[8]


def test_flicker_needs_close_frames_and_enough_of_them():
    assert "apart" in find("flicker", clip([{}] * 40, rate=2.5)).sentence
    few = find("flicker", clip([{}] * 8))
    assert few.value is None and "only 6 frames have close neighbours" in few.sentence


def spoken(seed: int = 0, seconds: float = 8.0) -> tuple[np.ndarray, Sound]:
    """Syllables: how open a mouth is [n] at `RATE`, and a sound that is as loud."""
    generator = np.random.default_rng(seed)
    knots = generator.uniform(0, 1, round(seconds * 5) + 2) ** 2
    times = np.arange(round(seconds * RATE)) / RATE
    openness = np.interp(times * 5, np.arange(len(knots)), knots)
    at = np.arange(round(seconds * 8000)) / 8000
    voice = np.interp(at, times, openness) * generator.normal(size=len(at))
    return openness, Sound((0.2 * voice).astype(np.float32), 8000, 0.0)


def speaking(openness: np.ndarray) -> list[Signs]:
    return clip([{"mouth": round(float(each) * 8) / 8} for each in openness])


def test_a_mouth_that_speaks_the_sound_is_in_step_and_another_is_not():
    mouth, own = spoken()
    found = find("lip_sync", speaking(mouth), own)
    assert found.value > 0.75 and "at the same moment" in found.sentence
    assert find("lip_sync", speaking(mouth), spoken(seed=5)[1]).value < 0.45


def test_the_sound_may_be_shifted_a_little_and_the_sentence_says_so():
    mouth, own = spoken()
    late = replace(own, start=0.12)
    found = find("lip_sync", speaking(mouth), late)
    assert found.value > 0.75 and "0.12 s late" in found.sentence
    far = replace(own, start=1.0)
    assert find("lip_sync", speaking(mouth), far).value < 0.45


@settings(max_examples=5, deadline=None)
@given(loud=st.floats(0.02, 1.5), turn=st.sampled_from([1, -1]))
def test_lips_do_not_hang_on_the_volume(loud, turn):
    mouth, own = spoken()
    usual = find("lip_sync", speaking(mouth), own).value
    changed = replace(own, samples=own.samples * np.float32(loud * turn))
    assert find("lip_sync", speaking(mouth), changed).value == pytest.approx(usual, abs=1e-3)


def test_what_cannot_be_heard_is_said():
    mouth, own = spoken()
    signs = speaking(mouth)
    silence = replace(own, samples=np.zeros_like(own.samples))
    hum = replace(own, samples=np.sin(np.arange(len(own.samples))).astype(np.float32))
    short = replace(own, samples=own.samples[:16000])
    assert find("lip_sync", signs).sentence == "Not measurable here: the clip has no sound."
    for without in (silence, hum):
        assert "no quiet and loud moments" in find("lip_sync", signs, without).sentence
    assert "there together for" in find("lip_sync", signs, short).sentence
    still = find("lip_sync", clip([{"mouth": 0.0}] * 200), own)
    assert still.value == 0 and "does not move at all" in still.sentence
    empty = replace(own, samples=own.samples[:0])
    assert find("lip_sync", signs, empty).value is None
