"""Files to faces: decode once, drop copies, split by group, write one array."""

from __future__ import annotations

import errno
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from .. import runs
from ..errors import DataError
from .copies import find_copies
from .settings import PreprocessSettings
from .shards import Shards
from .splits import LEFT_OUT, SPLITS, assign_splits

MINIMUM_FACES = 2
GIB = 2**30
FACE_COLUMNS = [
    "face_id",
    "file_id",
    "path",
    "frame",
    "label",
    "dataset",
    "generator",
    "group",
    "split",
    "row",
]


@dataclass(frozen=True)
class PreprocessSummary:
    """What `build_faces` did.

    Attributes:
        files: files that were given.
        faces: faces in the table and the array.
        per_split: split to {"real": faces, "fake": faces}.
        rejected: reason to number of files left out.
        converted: what the decoder converted, to number of files.
    """

    files: int
    faces: int
    per_split: dict[str, dict[str, int]]
    rejected: dict[str, int]
    converted: dict[str, int]


def build_faces(
    files: pd.DataFrame, folder: str | Path, settings: PreprocessSettings
) -> PreprocessSummary:
    """Writes `faces.parquet`, `faces_<size>.npy` and `rejected.parquet` into `folder`.

    Every file is decoded once, in parallel and shard by shard: after an interruption the next
    call goes on with the first missing shard, and the files it writes are the same, byte by byte,
    whatever `jobs` is. Memory holds one shard, however many files there are.

    Args:
        files: the files table (docs/architecture.md), in any order.
        folder: where to write; created when missing.
        settings: size, frames per clip, split.

    Raises:
        DataError: no room on the disk, a held-out generator that is not there, or a split that
            would have fewer than `MINIMUM_FACES` faces of a class.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = files.sort_values(["path", "label"], kind="stable", ignore_index=True)
    files["official_split"] = files["official_split"].fillna("")
    shards = Shards(folder / "shards", files, settings)
    try:
        for leftover in folder.glob(".faces_*.partial.npy"):
            leftover.unlink()
        shards.discard_stale()
        _check_space(shards)
        shards.decode_missing()
        faces, rejected, converted = _judge(shards)
        per_split = _check_splits(faces, rejected)
        _write(folder, shards, faces, rejected)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _no_space(folder, shutil.disk_usage(folder).free) from error
    shutil.rmtree(shards.folder)
    reasons = Counter(rejected["reason"])
    return PreprocessSummary(len(files), len(faces), per_split, dict(reasons), converted)


def _check_space(shards: Shards) -> None:
    """The shards and the array made of them lie on the disk together, for a moment."""
    side = shards.settings.size
    weights = np.where(shards.files["kind"] == "video", shards.settings.frames_per_clip, 1)
    to_decode = sum(
        int(weights[places.start : places.stop].sum())
        for number, places in enumerate(shards.plan())
        if not shards.is_done(number)
    )
    needed = (int(weights.sum()) + to_decode) * side * side * 3
    free = shutil.disk_usage(shards.folder).free
    if needed > free:
        raise _no_space(shards.folder.parent, free, needed)


def _no_space(folder: Path, free: int, needed: int = 0) -> DataError:
    need = f", and the faces need up to {needed / GIB:.1f} GiB" if needed else ""
    return DataError(
        f"The disk of {folder} has {free / GIB:.1f} GiB free{need}.",
        expected="room for the decoded faces, twice while they are written",
        fix="free some space, or choose a smaller preprocess.size",
    )


def _judge(shards: Shards) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, int]]:
    """Returns the faces that stay (with `shard` and `place`), the rejected files, conversions."""
    found = shards.table()
    found = found.join(shards.files, on="file")
    settings = shards.settings
    broken = found[found["reason"] != ""]
    found = found[found["reason"] == ""]
    copies = find_copies(found.drop_duplicates("file").set_index("file"))
    copied = found.drop_duplicates("file").set_index("file").loc[copies.index].assign(**copies)
    faces = found[~found["file"].isin(copies.index)].reset_index(drop=True)
    faces["split"] = assign_splits(
        faces, settings.fractions, settings.held_out_generators, settings.seed
    )
    left_out = faces[faces["split"] == LEFT_OUT].drop_duplicates("file")
    left_out = left_out.assign(
        reason="group in another split", detail="group " + left_out["group"].astype(str)
    )
    faces = faces[faces["split"] != LEFT_OUT].reset_index(drop=True)
    rejected = pd.concat([broken, copied, left_out])[["path", "label", "reason", "detail"]]
    rejected = rejected.sort_values(["path", "label"], kind="stable", ignore_index=True)
    notes = faces.drop_duplicates("file")["notes"]
    converted = Counter(note for text in notes if text for note in text.split("; "))
    faces["row"] = np.arange(len(faces))
    frames = faces["frame"].astype(str)
    faces["face_id"] = faces["file_id"].str[:16] + "-" + frames
    return faces, rejected, dict(converted)


def _check_splits(faces: pd.DataFrame, rejected: pd.DataFrame) -> dict[str, dict[str, int]]:
    per_split = {}
    for split in SPLITS:
        labels = faces.loc[faces["split"] == split, "label"]
        if len(labels) or split != "unseen":
            per_split[split] = {"real": int((labels == 0).sum()), "fake": int((labels == 1).sum())}
    if min(min(counts.values()) for counts in per_split.values()) < MINIMUM_FACES:
        counts = "; ".join(
            f"{split}: {counts['real']} real, {counts['fake']} fake"
            for split, counts in per_split.items()
        )
        lost = ", ".join(f"{n} {why}" for why, n in rejected["reason"].value_counts().items())
        left_out = f" Left out: {lost}." if lost else ""
        raise DataError(
            f"The data are too small to split: {len(faces)} faces ({counts}).{left_out}",
            expected=f"at least {MINIMUM_FACES} faces of each class in every split",
            fix="add pictures of the class that is short, from more people or source videos",
        )
    return per_split


def _write(folder: Path, shards: Shards, faces: pd.DataFrame, rejected: pd.DataFrame) -> None:
    # The table goes first and comes last: it never stands beside an array it does not describe.
    (folder / "faces.parquet").unlink(missing_ok=True)
    size = shards.settings.size
    target = folder / f"faces_{size}.npy"
    places = faces.groupby("shard")["place"]
    with runs.atomic_path(target) as temporary, open(temporary, "wb") as stream:
        shape = (len(faces), size, size, 3)
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        # Written, not mapped: a full disk is then an error here and not the end of the process.
        for number, array in enumerate(shards.arrays()):
            if number in places.groups:
                stream.write(array[places.get_group(number).to_numpy()].data)
    for other in folder.glob("faces_*.npy"):
        if other != target:
            other.unlink()
    runs.write_table(folder / "rejected.parquet", rejected)
    runs.write_table(folder / "faces.parquet", faces[FACE_COLUMNS])
    runs.report_progress(1.0, f"{len(faces)} faces")
