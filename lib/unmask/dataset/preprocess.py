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
from .copies import count_pairs, find_copies, find_repeats, name_clusters
from .equalise import plan_equaliser
from .near_copies import find_near_copies
from .seeking import WHOLE, FaceSeeker
from .settings import PreprocessSettings
from .shards import Shards
from .splits import LEFT_OUT, SPLITS, assign_splits, units_of

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
    "cluster",
    "split",
    "row",
]
SEARCHED_COLUMNS = ["person", "box", "confidence"]  # only where faces were looked for
REJECTED_COLUMNS = ["path", "label", "reason", "detail"]
FINGERPRINT_COLUMNS = [
    "file_id",
    "path",
    "label",
    "dataset",
    "generator",
    "group",
    "official_split",
    "pixels_id",
    "frame",
    "thumbnail",
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
        copies: kind of pairs that show one picture, to how many `within` a label and `across`.
        largest_unit: faces of the largest group that the split had to keep together.
        equalised: what all pictures were brought to, by the names in `settings.EQUALISE`.
    """

    files: int
    faces: int
    per_split: dict[str, dict[str, int]]
    rejected: dict[str, int]
    converted: dict[str, int]
    copies: dict[str, dict[str, int]]
    largest_unit: int
    equalised: dict[str, int]


@dataclass(frozen=True)
class _Judged:
    """The faces that stay (with `shard` and `place`), the rejected files, and what is known."""

    faces: pd.DataFrame
    rejected: pd.DataFrame
    converted: dict[str, int]
    fingerprints: pd.DataFrame
    pairs: pd.DataFrame


def build_faces(
    files: pd.DataFrame,
    folder: str | Path,
    settings: PreprocessSettings,
    seeker: FaceSeeker = WHOLE,
) -> PreprocessSummary:
    """Writes the faces, what was left out and what was found of copies into `folder`.

    `faces.parquet`, `faces_<size>.npy`, `rejected.parquet`, `fingerprints.parquet` (a row a
    decoded file), `copies.parquet` (a row a pair that shows one picture), `search.json` (how
    many pictures and comparisons the search for copies left out) and `equalise.json`.

    Every file is decoded once, in parallel and shard by shard: after an interruption the next
    call goes on with the first missing shard, and the files it writes are the same, byte by byte,
    whatever `jobs` is. Memory holds one shard, however many files there are.

    Args:
        files: the files table (docs/architecture.md), in any order.
        folder: where to write; created when missing.
        settings: size, frames per clip, split.
        seeker: looks for faces, see `seeking.FaceSeeker`; without one, pictures are taken whole.
            With one, `faces.parquet` has `person`, `box` and `confidence` at its end, and
            `rejected.parquet` the `frame`, -1 for a file as a whole.

    Raises:
        DataError: no room on the disk, a held-out generator that is not there, or a split that
            would have fewer than `MINIMUM_FACES` faces of a class.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = files.sort_values(["path", "label"], kind="stable", ignore_index=True)
    files["official_split"] = files["official_split"].fillna("")
    equaliser = plan_equaliser(files, settings.equalise)
    shards = Shards(folder / "shards", files, settings, equaliser, seeker)
    try:
        for leftover in folder.glob(".faces_*.partial.npy"):
            leftover.unlink()
        shards.discard_stale()
        _check_space(shards)
        shards.decode_missing()
        judged = _judge(shards)
        per_split = _check_splits(judged.faces, judged.rejected)
        _write(folder, shards, judged)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _no_space(folder, shutil.disk_usage(folder).free) from error
    shutil.rmtree(shards.folder)
    return PreprocessSummary(
        files=len(files),
        faces=len(judged.faces),
        per_split=per_split,
        rejected=dict(Counter(files_left_out(judged.rejected)["reason"])),
        converted=judged.converted,
        copies=count_pairs(judged.pairs, judged.fingerprints["label"]),
        largest_unit=int(pd.Series(units_of(judged.faces)).value_counts().max()),
        equalised=equaliser.as_dict(),
    )


def files_left_out(rejected: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of `rejected.parquet` on whole files, without single frames and faces."""
    return rejected[rejected["frame"] < 0] if "frame" in rejected else rejected


def _check_space(shards: Shards) -> None:
    """The shards and the array made of them lie on the disk together, for a moment."""
    side = shards.settings.size
    weights = shards.weights()
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


def _judge(shards: Shards) -> _Judged:
    settings = shards.settings
    found = shards.table().join(shards.files, on="file")
    broken = found[found["reason"] != ""]
    found = found[found["reason"] == ""]
    decoded = found.drop_duplicates("file").reset_index(drop=True)
    fingerprints = decoded.assign(frame=decoded["middle"])[FINGERPRINT_COLUMNS]
    with runs.progress_share(19, 20):  # after the shards, which report up to there
        pairs = find_near_copies(fingerprints, jobs=settings.jobs)
    decoded["cluster"] = name_clusters(decoded["file_id"], pairs)
    copies = find_copies(decoded)
    if settings.drop_duplicates == "near":
        # One frame alike does not make two clips the same.
        pictures = decoded[decoded["kind"] == "image"].drop(copies.index, errors="ignore")
        copies = pd.concat([copies, find_repeats(pictures, pairs)])
    copied = decoded.loc[copies.index].assign(**copies)
    faces = found[~found["file"].isin(copied["file"])].reset_index(drop=True)
    faces["cluster"] = faces["file"].map(decoded.set_index("file")["cluster"])
    faces["split"] = assign_splits(
        faces, settings.fractions, settings.held_out_generators, settings.seed
    )
    left_out = _explain_left_out(faces)
    faces = faces[faces["split"] != LEFT_OUT].reset_index(drop=True)
    whole_files = [part.assign(frame=-1) for part in (copied, left_out)]
    columns = [*REJECTED_COLUMNS, "frame"] if shards.seeker.choice.searched else REJECTED_COLUMNS
    rejected = pd.concat([broken, *whole_files])[columns]
    rejected = rejected.sort_values(["path", "label"], kind="stable", ignore_index=True)
    notes = faces.drop_duplicates("file")["notes"]
    converted = Counter(note for text in notes if text for note in text.split("\n"))
    faces["row"] = np.arange(len(faces))
    names = faces["name"] if shards.seeker.choice.searched else faces["frame"].astype(str)
    faces["face_id"] = faces["file_id"].str[:16] + "-" + names
    return _Judged(faces, rejected, dict(converted), fingerprints, pairs)


def _explain_left_out(faces: pd.DataFrame) -> pd.DataFrame:
    """Returns a row for each file whose group, or whose copy, stands on another side."""
    left_out = faces[faces["split"] == LEFT_OUT].drop_duplicates("file")
    staying = faces.loc[faces["split"] != LEFT_OUT, "group"]
    by_group = (left_out["group"] != "") & left_out["group"].isin(staying)
    names = left_out[["group", "cluster"]].astype(str)
    return left_out.assign(
        reason=np.where(by_group, "group in another split", "copy in another split"),
        detail=np.where(by_group, "group " + names["group"], "picture " + names["cluster"]),
    )


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
        counted = files_left_out(rejected)["reason"].value_counts()
        lost = ", ".join(f"{n} {why}" for why, n in counted.items())
        left_out = f" Left out: {lost}." if lost else ""
        raise DataError(
            f"The data are too small to split: {len(faces)} faces ({counts}).{left_out}",
            expected=f"at least {MINIMUM_FACES} faces of each class in every split",
            fix="add pictures of the class that is short, from more people or source videos",
        )
    return per_split


def _write(folder: Path, shards: Shards, judged: _Judged) -> None:
    faces = judged.faces
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
    runs.write_table(folder / "rejected.parquet", judged.rejected)
    runs.write_table(folder / "fingerprints.parquet", judged.fingerprints)
    runs.write_table(folder / "copies.parquet", _describe_pairs(judged))
    runs.write_json(folder / "search.json", judged.pairs.attrs)  # what was not compared
    runs.write_json(folder / "equalise.json", shards.equaliser.as_dict())
    columns = FACE_COLUMNS
    if shards.seeker.choice.searched:
        columns = [*FACE_COLUMNS, *SEARCHED_COLUMNS]
        faces = faces.astype({"person": "int64"})  # shards without a face hold no number
    runs.write_table(folder / "faces.parquet", faces[columns])
    runs.report_progress(1.0, f"{len(faces)} faces")


def _describe_pairs(judged: _Judged) -> pd.DataFrame:
    """Returns the pairs with `<column>_first` and `<column>_second` of what is known of both."""
    known = ["file_id", "path", "label", "generator", "group", "official_split"]
    table = judged.pairs
    for end in ("first", "second"):
        columns = judged.fingerprints[known].add_suffix(f"_{end}")
        table = table.join(columns, on=end)
    return table
