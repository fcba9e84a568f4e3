"""Pictures from outside the run, decoded the same way, without those that the run knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import runs
from ..errors import DataError
from ..media import Rejected
from ..sources.files_table import build_files_table
from ..sources.folder import list_pictures, list_source
from .decode import FacesOfFile, decode_file
from .near_copies import fingerprint_files, overlap
from .settings import PreprocessSettings

FACE_COLUMNS = ["file_id", "path", "label", "dataset", "generator", "group"]


@dataclass(frozen=True)
class FacesElsewhere:
    """Faces of another dataset, ready to be scored.

    Attributes:
        name: of the dataset, its folder's.
        table: a row a face: face_id, file_id, path, label, dataset, generator, group, and `row`,
            the place in `pixels`.
        pixels: uint8 `[n, size, size, 3]`.
        listed: files found; of them, `chosen` were taken, from its `part` ("test split" or
            "all files").
        overlapping: chosen files that show a picture of the run and were left out.
        rejected: reason to number of chosen files that could not be decoded.
    """

    name: str
    table: pd.DataFrame
    pixels: np.ndarray
    listed: int
    chosen: int
    part: str
    overlapping: int
    rejected: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Returns all but the faces themselves as plain data, for JSON."""
        kept = ("name", "listed", "chosen", "part", "overlapping", "rejected")
        return {"faces": len(self.table), **{name: getattr(self, name) for name in kept}}

    def describe(self) -> str:
        """Returns one sentence: what was taken and what was left out."""
        lost = f", {sum(self.rejected.values()):,} could not be decoded" if self.rejected else ""
        return (
            f"{self.name}: {len(self.table):,} faces from {self.chosen:,} of {self.listed:,} files "
            f"({self.part}); {self.overlapping:,} files also in this run were left out{lost}."
        )


def load_elsewhere(
    root: str | Path,
    settings: PreprocessSettings,
    known: pd.DataFrame,
    *,
    most: int,
    seed: int = 0,
) -> FacesElsewhere:
    """Reads another dataset: its official test split when it has one with both classes, else all.

    Args:
        root: a folder or a CSV, see `sources.folder.list_source`.
        settings: those of the run, so that both are decoded alike.
        known: the fingerprints of the run's files.
        most: files to take; a draw from each class in proportion when there are more.
        seed: of the draw.

    Raises:
        UsageError: see `list_source`.
        DataError: nothing of a class is left.
    """
    root = runs.resolve(root)
    entries = list_source(root)
    test = entries[entries["official_split"] == "test"]
    whole = test["label"].nunique() < 2
    part = "all files" if whole else "test split"
    chosen = _draw(entries if whole else test, most, seed)
    found = _decode(root, chosen, settings, known, len(entries), part)
    _require(found, (0, 1))
    return found


def load_reals(
    root: str | Path,
    settings: PreprocessSettings,
    known: pd.DataFrame,
    *,
    most: int,
    seed: int = 0,
) -> FacesElsewhere:
    """Reads a folder of real photographs of any layout: every picture and clip counts as real.

    Args, and what is raised: see `load_elsewhere`.
    """
    root = runs.resolve(root)
    entries = pd.DataFrame({"path": list_pictures(root)}).assign(label=0)
    found = _decode(root, _draw(entries, most, seed), settings, known, len(entries), "all files")
    _require(found, (0,))
    return found


def _decode(
    root: Path,
    entries: pd.DataFrame,
    settings: PreprocessSettings,
    known: pd.DataFrame,
    listed: int,
    part: str,
) -> FacesElsewhere:
    name = root.stem if root.suffix.lower() == ".csv" else root.name
    files = build_files_table(entries, dataset=name, jobs=settings.jobs)
    ours = fingerprint_files(files["path"].tolist(), settings.jobs)
    pairs = overlap(known, ours, jobs=settings.jobs)
    familiar = set(pairs["second"])
    fresh = files[~files.index.isin(familiar)].drop_duplicates("file_id")
    named = fresh["group"] != ""
    fresh = fresh.assign(group=fresh["group"].where(~named, f"{name}/" + fresh["group"]))
    rejected: Counter[str] = Counter()
    rows, pictures = [], [np.empty((0, settings.size, settings.size, 3), np.uint8)]
    for (_, file), result in zip(fresh.iterrows(), _decode_all(fresh, settings), strict=True):
        if isinstance(result, Rejected):
            rejected[result.reason] += 1
            continue
        about = {column: file[column] for column in FACE_COLUMNS}
        faces = [f"{file['file_id'][:16]}-{frame}" for frame in result.frames]
        rows.extend({"face_id": face, **about} for face in faces)
        pictures.append(result.faces)
    table = pd.DataFrame(rows, columns=["face_id", *FACE_COLUMNS])
    table["row"] = np.arange(len(table))
    return FacesElsewhere(
        name, table, np.concatenate(pictures), listed, len(files), part, len(familiar),
        dict(rejected),
    )  # fmt: skip


def _decode_all(
    files: pd.DataFrame, settings: PreprocessSettings
) -> Iterator[FacesOfFile | Rejected]:
    def decode(path: str, file_id: str, kind: str) -> FacesOfFile | Rejected:
        try:
            return decode_file(path, file_id, kind, settings)
        except Rejected as rejected:
            return rejected.with_traceback(None)

    with ThreadPoolExecutor(settings.jobs) as pool:
        yield from pool.map(decode, files["path"], files["file_id"], files["kind"])


def _draw(entries: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """Takes the same share of each class; which files follows from the seed and their order."""
    draws = pd.Series(np.random.default_rng(seed).permutation(len(entries)), entries.index)
    strata = draws.groupby(entries["label"])
    place = (strata.rank(method="first") - 0.5) / strata.transform("size")
    return entries.loc[place.sort_values(kind="stable").index[:most]].sort_values("path")


def _require(found: FacesElsewhere, labels: tuple[int, ...]) -> None:
    missing = [label for label in labels if not (found.table["label"] == label).any()]
    if missing:
        kinds = " and no ".join({0: "real", 1: "fake"}[label] for label in missing)
        raise DataError(
            f"No {kinds} face is left to test on. {found.describe()}",
            expected="pictures that can be decoded and that this run does not know",
            fix="name another folder in stress.other or stress.reals, or leave it out",
        )
