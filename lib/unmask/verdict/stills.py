"""Pictures for a page: a photo or the telling frame of a clip, reduced, cut and with its heat."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ..media import Rejected

if TYPE_CHECKING:
    from .detector import Detector
    from .records import HeatMap, Person

LONGEST_SIDE, CROP_SIDE = 720, 176  # pixels
MARGIN = 0.3  # around a face's box, in longer box sides
STRONGEST = 0.8  # opacity of the colour where a heat map is at its maximum
# As in every figure: what speaks for fake is orange, what speaks for real is blue.
HEAT_COLOURS = {"fake": (213, 94, 0), "real": (0, 114, 178)}


def still_of(record: Mapping[str, Any]) -> np.ndarray | None:
    """Returns uint8 `[height, width, 3]`: the photo, or the clip's frame with the highest score.

    None when the file is no longer there, or no longer what was looked at.
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
    return max(person["frames"], key=lambda frame: frame["score"], default=None)


def faces_in_still(record: Mapping[str, Any]) -> list[tuple[dict[str, Any], Any]]:
    """Returns the people whose face is in the still, each with the box it has there."""
    if record["kind"] != "video":
        return [(person, person["box"]) for person in record["people"]]
    shown = _shown_frame(record)
    return [
        (person, frame["box"])
        for person in record["people"]
        for frame in person["frames"]
        if frame["index"] == shown
    ]


def heat_of(
    detector: Detector, record: Mapping[str, Any], still: np.ndarray
) -> dict[int, tuple[np.ndarray, HeatMap]]:
    """Returns crop and heat map by the person's number, for those whose face is in the still."""
    packed = io.BytesIO()
    if record["kind"] == "video":
        Image.fromarray(still).save(packed, "PNG", compress_level=1)
        data = packed.getvalue()
    else:
        data = Path(record["file"]).read_bytes()
    people = [person for person in detector.score_image(data).people if person.crop is not None]
    found = {}
    for known, box in faces_in_still(record):
        same = max(people, key=lambda person: _overlap(person.box, box), default=None)
        if known["verdict"] and same is not None and _overlap(same.box, box) > 0.5:
            found[known["number"]] = same
    return _explained(detector, found)


def _explained(
    detector: Detector, people: dict[int, Person]
) -> dict[int, tuple[np.ndarray, HeatMap]]:
    maps = detector.explain(list(people.values()))
    return {
        number: (person.crop, heat)
        for (number, person), heat in zip(people.items(), maps, strict=True)
        if heat is not None
    }


def reduced(pixels: np.ndarray, longest: int = LONGEST_SIDE) -> np.ndarray:
    """Returns a picture with its longer side at most `longest`; smaller ones as they are."""
    height, width = pixels.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def cut(pixels: np.ndarray, box: Any, side: int = CROP_SIDE) -> np.ndarray:
    """Returns uint8 `[side, side, 3]`: the square around a face; beyond the border it is grey."""
    left, top, width, height = box
    reach = max(width, height, 1) * (1 + MARGIN) / 2
    middle = (left + width / 2, top + height / 2)
    corners = (*(value - reach for value in middle), *(value + reach for value in middle))
    wanted = tuple(round(value) for value in corners)
    size = max(wanted[2] - wanted[0], 1)
    square = Image.new("RGB", (size, size), (128, 128, 128))
    inside = (max(wanted[0], 0), max(wanted[1], 0), wanted[2], wanted[3])
    inside = (*inside[:2], min(inside[2], pixels.shape[1]), min(inside[3], pixels.shape[0]))
    if inside[0] < inside[2] and inside[1] < inside[3]:
        part = pixels[inside[1] : inside[3], inside[0] : inside[2]]
        square.paste(Image.fromarray(part), (inside[0] - wanted[0], inside[1] - wanted[1]))
    return np.asarray(square.resize((side, side), Image.Resampling.BICUBIC))


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


def _shown_frame(record: Mapping[str, Any]) -> int:
    """Returns the number of the frame in which somebody has the file's highest score."""
    worst = [worst_moment(person) for person in record["people"]]
    known = [frame for frame in worst if frame is not None]
    return max(known, key=lambda frame: frame["score"])["index"] if known else 0


def _worst_frame(record: Mapping[str, Any]) -> np.ndarray | None:
    from ..media.videos import read_frame

    return read_frame(record["file"], _shown_frame(record))


def _overlap(first: Any, second: Any) -> float:
    """Returns the intersection over union of two boxes (left, top, width, height)."""
    across = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    down = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    shared = max(across, 0.0) * max(down, 0.0)
    union = first[2] * first[3] + second[2] * second[3] - shared
    return shared / union if union > 0 else 0.0
