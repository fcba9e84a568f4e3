"""Explanations on disk: explanations.json and explanations.npz, read without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...runs import atomic_path, read_json, write_json
from .cover import CoverCheck

NAMES = ("explanations.json", "explanations.npz")
COLUMNS = ("face_id", "row", "label", "generator", "score", "kind")
LACKING = {
    "slope": "The score of {} does not change smoothly with single pixels: there is no slope to "
    "follow.",
    "places": "Nothing inside {} is a map of places.",
    "faces": "{} looks at the face in crops, and its maps inside are of those.",
    "": "{} has no map inside with a slope to follow.",
}


@dataclass(frozen=True)
class Explanations:
    """Why one detector called some test faces what it did.

    Attributes:
        detector: the member's name.
        threshold: at or above which it calls a face fake.
        table: a row a face: face_id, row (its place among the pixels), label, generator, score,
            kind (see `mistakes.KINDS`).
        fake, real: float32 [n, side, side], evidence of each class, 0 to 1 (see `grad_cam`).
        covered: float32 [k, side, side], occlusion maps of the faces whose places in the table
            are `covered_places`.
        covered_places: int64 [k].
        checks: whether the maps point at what matters, for faces called fake and for faces called
            real; without those of which there were too few.
        seed: of the one training that is explained: threshold, scores and maps are its own.
        seeds: how many trainings the detector has.
        method: "gradient" (`grad_cam`), or "covering" where that cannot be.
        lacking: why it cannot, a key of LACKING; "" where it can, or is not known.
    """

    detector: str
    threshold: float
    table: pd.DataFrame
    fake: np.ndarray
    real: np.ndarray
    covered: np.ndarray
    covered_places: np.ndarray
    checks: tuple[CoverCheck, ...]
    seed: int
    seeds: int = 1
    method: str = "gradient"
    lacking: str = ""

    def how(self) -> str:
        """Returns how the maps were made, for the reader."""
        if self.method == "gradient":
            return "The maps follow the slope of the score (Grad-CAM, place by place)."
        return (
            f"{LACKING[self.lacking].format(self.detector)} So the maps show how the score moves "
            "when each place is covered by the picture's mean colour."
        )

    def own_rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Returns the rows of a scores table that are of the training explained.

        Args:
            frame: of the detector, with `seed`.
        """
        return frame[frame["seed"] == self.seed]

    def introduce(self) -> str:
        """Returns whose mistakes are shown, for the reader."""
        training = f", in its training with seed {self.seed} (of {self.seeds} trainings)"
        return (
            f"The mistakes of {self.detector}{training if self.seeds > 1 else ''}, the network "
            "that the stress tests looked into."
        )

    def reasons(self) -> dict[str, np.ndarray]:
        """Returns by face_id what speaks for the verdict it got, float32 [side, side].

        Above 0 (up to 1) is evidence of fake, for faces called fake; below 0 evidence of real.
        """
        called = self.table["kind"].str.endswith("called fake")
        signed = np.where(called.to_numpy()[:, None, None], self.fake, -self.real)
        return dict(zip(self.table["face_id"], signed, strict=True))

    def places(self, *kinds: str, most: int | None = None) -> np.ndarray:
        """Returns the places in the table of faces of `kinds`, at most `most` of each kind."""
        found = [np.flatnonzero(self.table["kind"] == kind)[:most] for kind in kinds]
        return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def write_explanations(folder: Path, explanations: Explanations) -> None:
    """Writes both files into `folder`, atomically; maps as float16, a thousandth is enough."""
    with atomic_path(Path(folder) / NAMES[1]) as temporary:
        np.savez_compressed(
            temporary,
            fake=explanations.fake.astype(np.float16),
            real=explanations.real.astype(np.float16),
            covered=explanations.covered.astype(np.float16),
            covered_places=explanations.covered_places,
        )
    write_json(
        Path(folder) / NAMES[0],
        {
            "detector": explanations.detector,
            "threshold": explanations.threshold,
            "seed": explanations.seed,
            "seeds": explanations.seeds,
            "method": explanations.method,
            "lacking": explanations.lacking,
            "faces": explanations.table[list(COLUMNS)].to_dict("records"),
            "checks": [check.as_dict() for check in explanations.checks],
        },
    )


def read_explanations(folder: str | Path) -> Explanations | None:
    """Returns what `write_explanations` left in `folder`, or None when it left nothing.

    None also for a record that does not say of which training it is.
    """
    folder = Path(folder)
    if not all((folder / name).exists() for name in NAMES):
        return None
    record = read_json(folder / NAMES[0])
    if "seed" not in record:
        return None
    with np.load(folder / NAMES[1]) as arrays:
        maps = {name: arrays[name].astype(np.float32) for name in ("fake", "real", "covered")}
        places = arrays["covered_places"]
    return Explanations(
        detector=record["detector"],
        threshold=record["threshold"],
        table=pd.DataFrame(record["faces"], columns=list(COLUMNS)),
        **maps,
        covered_places=places,
        checks=tuple(CoverCheck(**each) for each in record["checks"]),
        seed=record["seed"],
        seeds=record["seeds"],
        method=record.get("method", "gradient"),
        lacking=record.get("lacking", ""),
    )
