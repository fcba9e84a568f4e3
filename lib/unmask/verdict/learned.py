"""What a detector learned from, and which faces are too unlike it to be judged.

A face that has to be enlarged, and more than those of training, is not judged: what detectors take
for traces of a fake are often those of resampling. Measured on test faces that were shrunk first,
share of the real ones called fake before the rule: DFDC's crops of 224 pixels, network "traces" of
224: as they are 9%; shrunk by 3% and enlarged again 92%, by a third 97%. The demo's faces of 160
pixels, stacked ensemble of 128: shrunk to 128 still 2%; shrunk to 107 and enlarged 73%, to 80 97%.
So no tolerance is safe, and there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MOSTLY = 0.95  # of the training faces: then others are of a kind that it hardly knows
EDGES = (0.05, 0.95)  # of the sides of training faces


@dataclass(frozen=True)
class Learned:
    """What the training faces of a detector were like.

    Attributes:
        low, high: 5% and 95% of their sides in pixels, before they were brought to `size`.
        size: side in pixels of what the networks see.
        pictures: share that comes from pictures, not clips.
        jpeg: share of those pictures that were JPEG files.
        quality: usual quality of these, as JPEG counts it; None where no header tells it.
    """

    low: float
    high: float
    size: int
    pictures: float
    jpeg: float
    quality: float | None

    def as_dict(self) -> dict[str, Any]:
        """Returns plain data, as it stands in a card."""
        return asdict(self)

    def sentence(self) -> str:
        """Returns what a reader of a report must know of it."""
        low, high = f"{self.low:.0f}", f"{self.high:.0f}"
        sides = low if low == high else f"{low} to {high} (5% to 95% of them)"
        quality = "" if self.quality is None else f", usually of quality {self.quality:.0f}"
        smallest = min(self.low, self.size)
        return (
            f"It learned from faces with a side of {sides} pixels, {self.pictures:.0%} of them "
            f"from pictures and the others from clips; {self.jpeg:.0%} of the pictures were JPEG "
            f"files{quality}. Of a face below {smallest:.0f} pixels it is unsure: it would have "
            "to be enlarged."
        )

    def too_small(self, side: float) -> bool:
        """Returns whether a face of this side has to be enlarged, and more than those known."""
        return side < min(self.low, self.size)

    def reason(self, side: float) -> str:
        """Returns why a face that is `too_small` is not judged."""
        return (
            f"Unsure: what is cut out of this face is {side:.0f} pixels wide and was enlarged to "
            f"{self.size}; what the detector learned from had {self.low:.0f} or more. Enlarging "
            "wipes traces of fakes out and leaves others, so its score means little."
        )

    def notices(self, kind: str, file_format: str, sides: list[float]) -> list[str]:
        """Returns in what a file is unlike all that the detector learned from.

        Args:
            kind: "image" or "video".
            file_format: of a picture, such as "JPEG".
            sides: of its judged faces, pixels.
        """
        told = []
        if kind == "video" and self.pictures >= MOSTLY:
            told.append(
                "The detector learned from photos and this is a clip: what the compression of "
                "clips does to a face is new to it."
            )
        if kind == "image" and self.pictures <= 1 - MOSTLY:
            told.append("The detector learned from frames of clips, and this is a photo.")
        elif kind == "image" and self.jpeg >= MOSTLY and file_format != "JPEG":
            told.append("The detector learned from JPEG files, and this is none.")
        if any(self.too_small(side) for side in sides):
            told.append("A face is smaller than those the detector learned from: it is unsure.")
        if any(side > max(self.high, self.size) for side in sides):
            told.append(
                "A face is larger than those the detector learned from and was shrunk to their "
                "size: its finest traces are gone."
            )
        return told


def sides_of_faces(
    faces: pd.DataFrame, files: pd.DataFrame, framing: Mapping[str, Any] | None, most: int | None
) -> np.ndarray:
    """Returns the side of each face in pixels before it was brought to one size, float64 `[n]`.

    Args:
        faces: `faces.parquet`; with `box` where faces were searched.
        files: `files.parquet`: file_id, width, height.
        framing: framing.json; None where pictures were taken whole.
        most: side that larger faces are brought to first; None leaves them.
    """
    if "box" in faces and framing and framing.get("framing"):
        boxes = np.array([list(box)[2:] for box in faces["box"]], dtype=float)
        sides = boxes.max(axis=1) * (1 + framing["framing"]["margin"])
    else:
        known = files.drop_duplicates("file_id").set_index("file_id")[["width", "height"]]
        sides = known.min(axis=1).reindex(faces["file_id"]).to_numpy(float)
    return sides if most is None else np.minimum(sides, most)


def with_sides(root: Path, faces: pd.DataFrame, card: Mapping[str, Any]) -> pd.DataFrame:
    """Returns the faces of a run with their `side`, see `sides_of_faces`; NaN where not known.

    Args:
        root: run folder.
        faces: rows of its `faces.parquet`.
        card: with `equalise` and `framing`.
    """
    path = root / "download" / "files.parquet"
    if not path.exists():
        return faces.assign(side=np.nan)
    files, most = pd.read_parquet(path), card["equalise"].get("size")
    return faces.assign(side=sides_of_faces(faces, files, card["framing"], most))


def learned_from(root: Path, faces: pd.DataFrame, card: Mapping[str, Any]) -> Learned | None:
    """Returns what the training faces of a run were like; None where their files are not listed.

    Args:
        root: run folder.
        faces: its `faces.parquet`.
        card: with `size`, `equalise` and `framing`.
    """
    path = root / "download" / "files.parquet"
    if not path.exists():
        return None
    files = pd.read_parquet(path)
    train = faces[faces["split"] == "train"]
    sides = with_sides(root, train, card)["side"].dropna()
    if not len(sides):
        return None
    columns = ["file_id", "kind", "format", "jpeg_quality"]
    of_face = train[["file_id"]].merge(files.drop_duplicates("file_id")[columns], on="file_id")
    pictures = of_face[of_face["kind"] == "image"]
    qualities = pictures["jpeg_quality"].dropna()
    low, high = np.quantile(sides, EDGES)
    return Learned(
        low=float(low),
        high=float(high),
        size=card["size"],
        pictures=len(pictures) / len(of_face),
        jpeg=float((pictures["format"] == "JPEG").mean()) if len(pictures) else 0.0,
        quality=float(qualities.median()) if len(qualities) else None,
    )
