"""The audit of a run folder: what download and preprocess left there, audited together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import runs
from ..dataset.face_set import FaceSet
from ..sources.files_table import build_files_table
from ..sources.folder import list_source
from .after import After, audit_faces, before_and_after
from .names import names_of
from .run import Audit, AuditSettings, audit_files


def audit_run(
    run_folder: str | Path, settings: AuditSettings, others: Sequence[str] = ()
) -> tuple[Audit, After, FaceSet]:
    """Audits the files of a run as they came, and the faces that preprocessing left.

    The fingerprints that preprocessing made, and the copies that it found with them, are used
    again. What is measured of the pictures is kept in the step's folder.

    Args:
        run_folder: such as "runs/demo".
        settings: see `AuditSettings`.
        others: folders or CSV manifests of other datasets, to look for shared pictures.

    Raises:
        MissingStepError: download or preprocess was not run.
        UsageError: `others` names no dataset, or one twice.
    """
    files = pd.read_parquet(runs.require(run_folder, "download", "files.parquet"))
    fingerprints = _fingerprints_of(files, run_folder)
    against = {
        name: build_files_table(list_source(runs.resolve(source)), jobs=settings.jobs)
        for name, source in zip(names_of(others), others, strict=True)
    }
    folder = runs.step_folder(run_folder, "audit")
    faces = FaceSet.load(run_folder)
    with runs.progress_share(0, 3):
        audit = audit_files(
            files,
            settings,
            name=str(files["dataset"].iloc[0]),
            fingerprints=fingerprints,
            pairs=_pairs_of(files, run_folder),
            folder=folder / "features",
            against=against,
        )
    with runs.progress_share(1, 3):
        after = audit_faces(
            audit, faces.table, faces.pixels, settings, equalised=equalised_in(run_folder)
        )
    return audit, after, faces


def _fingerprints_of(files: pd.DataFrame, run_folder: str | Path) -> pd.DataFrame:
    """Returns a fingerprint for each row of `files`; empty, with the reason, for broken ones."""
    known = pd.read_parquet(runs.require(run_folder, "preprocess", "fingerprints.parquet"))
    rejected = pd.read_parquet(runs.require(run_folder, "preprocess", "rejected.parquet"))
    columns = ["path", "pixels_id", "frame", "thumbnail"]
    table = files[["path", "file_id"]].merge(
        known[columns].drop_duplicates("path"), on="path", how="left", validate="many_to_one"
    )
    reasons = rejected.drop_duplicates("path").set_index("path")["reason"]
    missing = table["pixels_id"].isna()
    table["reason"] = np.where(missing, table["path"].map(reasons).fillna("not decoded"), "")
    table["pixels_id"] = table["pixels_id"].fillna("")
    table["frame"] = table["frame"].fillna(0).astype("int64")
    table["thumbnail"] = [data if isinstance(data, bytes) else b"" for data in table["thumbnail"]]
    return table


def _pairs_of(files: pd.DataFrame, run_folder: str | Path) -> pd.DataFrame:
    """Returns the copies that preprocessing found, as places in `files`."""
    found = pd.read_parquet(runs.require(run_folder, "preprocess", "copies.parquet"))
    places = pd.Series(np.arange(len(files)), index=files["path"]).groupby(level=0).first()
    for end in ("first", "second"):
        found[end] = places.reindex(found[f"path_{end}"]).to_numpy()
    found = found.dropna(subset=["first", "second"])
    columns = ["first", "second", "kind", "symmetry", "distance"]
    found = found[columns].astype({"first": "int64", "second": "int64"}).reset_index(drop=True)
    search = runs.resolve(run_folder) / "preprocess" / "search.json"
    found.attrs = runs.read_json(search) if search.exists() else {}
    return found


def equalised_in(run_folder: str | Path) -> dict[str, int]:
    """Returns what preprocessing brought all pictures to, of "size" and "jpeg_quality"."""
    path = runs.resolve(run_folder) / "preprocess" / "equalise.json"
    return runs.read_json(path) if path.exists() else {}


def write_audit(folder: Path, audit: Audit, after: After) -> dict[str, Any]:
    """Writes audit.json: the findings as the files came, and what preprocessing left of them."""
    content = {
        **audit.as_dict(),
        "after": {
            "findings": [finding.as_dict() for finding in after.findings],
            "areas": {key: area.as_dict() for key, area in after.areas.items()},
            "faces": after.faces,
            "equalised": dict(after.equalised),
        },
        "before_and_after": before_and_after(audit, after),
    }
    runs.write_json(folder / "audit.json", content)
    return content
