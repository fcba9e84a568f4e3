"""Pictures for a page: a photo or the telling frame of a clip, what networks saw, and heat."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ..media import Rejected
from .records import HeatMap, Person, scored_frames

if TYPE_CHECKING:
    from .detector import Detector

LONGEST_SIDE, CROP_SIDE = 720, 176  # pixels
STRONGEST = 0.8  # opacity of the colour where a heat map is at its maximum
# As in every figure: what speaks for fake is orange, what speaks for real is blue.
HEAT_COLOURS = {"fake": (213, 94, 0), "real": (0, 114, 178)}


def still_of(record: Mapping[str, Any]) -> np.ndarray | None:
    """Returns uint8 `[height, width, 3]`: the photo, or the clip's frame with the highest score.

    The first frame of a clip without a score; None when the file is no longer there, or no longer
    what was looked at.
    """
    try:
        if record["kind"] == "video":
            return _worst_frame(record)
        from ..media.images import decode_image

        pixels = decode_image(Path(record["file"]).read_bytes()).pixels
    except (Rejected, OSError):
        return None
    return pixels if pixels.shape[:2] == (record["height"], record["width"]) else None


def worst_moment(person: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the entry of `frames` with a person's highest score; None outside of clips."""
    return max(scored_frames(person), key=lambda frame: frame["score"], default=None)


def faces_in_still(record: Mapping[str, Any]) -> list[tuple[dict[str, Any], Any]]:
    """Returns the people whose face is in the still, each with the box it has there."""
    if record["kind"] != "video":
        return [(person, person["box"]) for person in record["people"]]
    shown = (shown_moment(record) or {"index": 0})["index"]
    return [
        (person, frame["box"])
        for person in record["people"]
        for frame in person["frames"]
        if frame["index"] == shown
    ]


def crops_of(detector: Detector, record: Mapping[str, Any], still: np.ndarray) -> dict[int, Person]:
    """Returns the judged people by number, with what the networks saw of them as `crop`.

    Of a photo it is cut out of the still, of a clip out of each one's frame with the highest
    score. Nobody is searched or scored again.
    """
    judged = [person for person in record["people"] if person["verdict"]]
    if record["kind"] != "video":
        return {each["number"]: _as_seen(detector, still, each) for each in judged}
    from ..media.videos.reader import open_chosen

    moments: dict[int, list[Mapping[str, Any]]] = {}
    for person in judged:
        moments.setdefault(worst_moment(person)["index"], []).append(person)

    def choose(total: int) -> np.ndarray:
        return np.array(sorted(index for index in moments if index < total), dtype=int)

    with open_chosen(record["file"], choose) as frames:
        return {
            person["number"]: _as_seen(detector, frame.pixels, person)
            for frame in frames
            for person in moments[frame.index]
        }


def _as_seen(detector: Detector, pixels: np.ndarray, person: Mapping[str, Any]) -> Person:
    return Person(person["number"], score=person["score"], crop=detector.crop_of(pixels, person))


def reduced(pixels: np.ndarray, longest: int = LONGEST_SIDE) -> np.ndarray:
    """Returns a picture with its longer side at most `longest`; smaller ones as they are."""
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def as_shown(crop: np.ndarray, side: int = CROP_SIDE) -> np.ndarray:
    """Returns a face at the size of the heat map beside it, uint8 `[side, side, 3]`."""
    return np.asarray(Image.fromarray(crop).resize((side, side), Image.Resampling.BICUBIC))


def with_heat(crop: np.ndarray, heat: HeatMap, side: int = CROP_SIDE) -> np.ndarray:
    """Returns uint8 `[side, side, 3]`: the crop in grey, coloured where the heat map is hot."""
    grey = np.asarray(Image.fromarray(crop).convert("L").resize((side, side)), np.float64)
    spread = Image.fromarray(np.asarray(heat.heat, np.float32)).resize((side, side))
    weight = STRONGEST * np.clip(np.asarray(spread, np.float64), 0, 1)[..., None]
    colour = np.asarray(HEAT_COLOURS[heat.speaks_for])
    return ((1 - weight) * grey[..., None] + weight * colour).round().astype(np.uint8)


def heat_words(heat: HeatMap) -> str:
    """Returns how a heat map was made and how to read its colour."""
    if not heat.heat.any():
        return f"No place by itself moves the score of {heat.network}, so there is no heat map."
    colour = {"fake": "orange", "real": "blue"}[heat.speaks_for]
    how = {
        "gradient": f"the stronger the {colour}, the more a place speaks for {heat.speaks_for}",
        "covering": f"covering a place in {colour} moves the score: it speaks for "
        f"{heat.speaks_for}",
    }[heat.method]
    return (
        f"Heat map of {heat.network}: {how}. It shows where the network looked, not whether it is "
        "right."
    )


def data_uri(pixels: np.ndarray, quality: int = 85) -> str:
    """Returns a picture as an address that holds it, JPEG without any metadata."""
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "JPEG", quality=quality)
    return f"data:image/jpeg;base64,{base64.b64encode(packed.getvalue()).decode('ascii')}"


def shown_moment(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the entry of `frames` in which somebody has a clip's highest score; None without."""
    known = [moment for person in record["people"] if (moment := worst_moment(person))]
    return max(known, key=lambda frame: frame["score"], default=None)


def _worst_frame(record: Mapping[str, Any]) -> np.ndarray | None:
    from ..media.videos import read_frame

    return read_frame(record["file"], (shown_moment(record) or {"index": 0})["index"])
