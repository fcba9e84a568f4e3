"""Pictures from outside the run, decoded the same way, without those that the run knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
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
from .equalise import Equaliser
from .face_choice import FaceChoice
from .near_copies import overlap
from .seeking import WHOLE, FaceSeeker
from .settings import PreprocessSettings

FILE_COLUMNS = ["file_id", "path", "label", "dataset", "generator", "group"]


@dataclass(frozen=True)
class RunPictures:
    """How a run decodes, and which pictures it knows.

    Attributes:
        settings: size of a face, and jobs.
        equaliser: what all its pictures are brought to.
        fingerprints: of all its files, those of training, validation and test alike.
        seeker: looks for faces as the run does; takes pictures whole unless told otherwise.
    """

    settings: PreprocessSettings
    equaliser: Equaliser
    fingerprints: pd.DataFrame
    seeker: FaceSeeker = WHOLE

    @classmethod
    def load(cls, run_folder: str | Path, size: int, jobs: int) -> RunPictures:
        """Reads what preprocessing left in `run_folder`; `size` is the side of its faces.

        Raises:
            MissingStepError: it left nothing.
        """
        fingerprints = runs.require(run_folder, "preprocess", "fingerprints.parquet")
        common = runs.read_json(runs.require(run_folder, "preprocess", "equalise.json"))
        equaliser = Equaliser(common.get("size"), common.get("jpeg_quality"))
        settings = PreprocessSettings(size=size, jobs=jobs)
        choice = FaceChoice()
        framing = runs.resolve(run_folder) / "preprocess" / "framing.json"
        if framing.exists():  # runs made before faces could be looked for have none
            record = runs.read_json(framing)
            choice = FaceChoice.from_dict(record["choice"])
            settings = replace(settings, frames_per_clip=record["frames_per_clip"])
        seeker = FaceSeeker.make(choice)
        return cls(settings, equaliser, pd.read_parquet(fingerprints), seeker)


@dataclass(frozen=True)
class FacesElsewhere:
    """Faces of another dataset, ready to be scored.

    Attributes:
        name: of the dataset.
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
        lost = f" {sum(self.rejected.values()):,} could not be decoded." if self.rejected else ""
        known = f"{self.overlapping:,} show a picture of this run and were left out"
        known = known if self.overlapping else "none shows a picture of this run"
        return (
            f"{self.name}: {len(self.table):,} faces from {self.chosen:,} of {self.listed:,} files "
            f"({self.part}); {known}.{lost}"
        )


def load_elsewhere(
    root: str | Path, run: RunPictures, *, most: int, name: str = "", seed: int = 0
) -> FacesElsewhere:
    """Reads another dataset: its official test split when it has one with both classes, else all.

    Args:
        root: a folder or a CSV, see `sources.folder.list_source`.
        run: decodes alike, and knows what to leave out: whatever it shows, as it is or changed.
        most: files to take; a draw from each class in proportion when there are more.
        name: for the reader; that of the folder when empty.
        seed: of the draw.

    Raises:
        UsageError: see `list_source`.
        DataError: nothing of a class is left.
    """
    entries = list_source(runs.resolve(root))
    test = entries[entries["official_split"] == "test"]
    whole = test["label"].nunique() < 2
    part = "all files" if whole else "test split"
    chosen = _draw(entries if whole else test, most, seed)
    found = _decode(name or short_names([root])[0], chosen, run, len(entries), part)
    _require(found, (0, 1))
    return found


def load_reals(
    root: str | Path, run: RunPictures, *, most: int, name: str = "", seed: int = 0
) -> FacesElsewhere:
    """Reads a folder of real photographs of any layout: every picture and clip counts as real.

    Arguments and errors as of `load_elsewhere`; without a name, that of the folder and the one
    around it.
    """
    entries = pd.DataFrame({"path": list_pictures(runs.resolve(root))}).assign(label=0)
    chosen = _draw(entries, most, seed)
    name = name or "/".join(runs.resolve(root).parts[-2:])  # its own folder is called "real"
    found = _decode(name, chosen, run, len(entries), "all files")
    _require(found, (0,))
    return found


def short_names(roots: Sequence[str | Path]) -> list[str]:
    """Returns the last part of each path, or the last few where that would name two alike."""
    paths = [runs.resolve(root) for root in roots]
    paths = [path.with_suffix("") if path.suffix.lower() == ".csv" else path for path in paths]
    for count in range(1, max((len(path.parts) for path in paths), default=1)):
        names = ["/".join(path.parts[-count:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(root) for root in roots]


def _decode(
    name: str, entries: pd.DataFrame, run: RunPictures, listed: int, part: str
) -> FacesElsewhere:
    files = build_files_table(entries, dataset=name, jobs=run.settings.jobs)
    named = files["group"] != ""  # a person's number here is another person's there
    files["group"] = files["group"].where(~named, f"{name}/" + files["group"])
    results = list(_decode_all(files, run))
    broken = [isinstance(result, Rejected) for result in results]
    rejected = Counter(result.reason for result in results if isinstance(result, Rejected))
    familiar = _familiar(files, results, run)
    again = files.duplicated("file_id").to_numpy()
    rows, pictures = [], [np.empty((0, *[run.settings.size] * 2, 3), np.uint8)]
    for place in np.flatnonzero(~np.array(broken) & ~familiar & ~again):
        file, result = files.iloc[place], results[place]
        about = {column: file[column] for column in FILE_COLUMNS}
        faces = [f"{file['file_id'][:16]}-{name}" for name in result.face_names]
        rows.extend({"face_id": face, **about} for face in faces)
        pictures.append(result.faces)
    table = pd.DataFrame(rows, columns=["face_id", *FILE_COLUMNS])
    table["row"] = np.arange(len(table))
    counts = (listed, len(files), part, int(familiar.sum()), dict(rejected))
    return FacesElsewhere(name, table, np.concatenate(pictures), *counts)


def _decode_all(files: pd.DataFrame, run: RunPictures) -> Iterator[FacesOfFile | Rejected]:
    def decode(path: str, file_id: str, kind: str) -> FacesOfFile | Rejected:
        try:
            result = decode_file(path, file_id, kind, run.settings, run.equaliser, run.seeker)
        except Rejected as rejected:
            return rejected.with_traceback(None)
        return Rejected(result.loss.reason, result.loss.detail) if result.loss else result

    with ThreadPoolExecutor(run.settings.jobs) as pool:
        yield from pool.map(decode, files["path"], files["file_id"], files["kind"])


def _familiar(
    files: pd.DataFrame, results: Sequence[FacesOfFile | Rejected], run: RunPictures
) -> np.ndarray:
    """Returns bool [files]: shows a picture that the run has, too."""
    nothing = {"pixels_id": "", "frame": 0, "thumbnail": b""}
    rows = [
        nothing
        if isinstance(each, Rejected)
        else {"pixels_id": each.pixels_id, "frame": each.middle, "thumbnail": each.thumbnail}
        for each in results
    ]
    ours = pd.concat([files[["file_id", "path"]], pd.DataFrame(rows)], axis=1)
    pairs = overlap(run.fingerprints[list(ours)], ours, jobs=run.settings.jobs)
    return np.isin(np.arange(len(files)), pairs["second"])


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
