"""The files table: a row a file with its hash and what its header says."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pandas as pd

from .. import runs
from ..media import Rejected, kind_of
from ..media.images import describe_image
from ..media.videos import describe_video

COLUMNS = [
    "file_id",
    "path",
    "label",
    "dataset",
    "generator",
    "group",
    "official_split",
    "kind",
    "bytes",
    "width",
    "height",
    "format",
    "jpeg_quality",
]
NOTHING_KNOWN = {"width": math.nan, "height": math.nan, "format": "", "jpeg_quality": math.nan}
BATCH = 1024


def build_files_table(
    entries: pd.DataFrame | Iterable[dict[str, Any]], *, dataset: str = "", jobs: int
) -> pd.DataFrame:
    """Hashes every file and reads its header.

    Args:
        entries: rows with `path` and `label`, and where known `dataset`, `generator`, `group`,
            `official_split`, as `folder.list_source` gives them.
        dataset: the name for rows that bring none.
        jobs: how many files to read at the same time; the table does not depend on it.

    Returns:
        `COLUMNS`, in the order of `entries`. Broken files keep their row: `width`, `height` and
        `jpeg_quality` NaN, `format` "". A file that cannot be read has `file_id` "" and 0 bytes.
    """
    table = pd.DataFrame(entries).reset_index(drop=True)
    defaults = {
        "dataset": dataset,
        "generator": table["label"].map({0: "real", 1: "fake"}),
        "group": "",
        "official_split": "",
    }
    for column, default in defaults.items():
        table[column] = table[column].fillna(default) if column in table else default
    table["path"] = table["path"].astype(str)
    table["label"] = table["label"].astype("int64")
    facts = pd.DataFrame(_describe_all(table["path"].tolist(), jobs))
    for column in facts:
        table[column] = facts[column]
    floats = ["width", "height", "jpeg_quality"]
    table[floats] = table[floats].astype("float64")
    return table[COLUMNS]


def _describe_all(paths: list[str], jobs: int) -> list[dict[str, Any]]:
    facts: list[dict[str, Any]] = []
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        for start in range(0, len(paths), BATCH):
            facts.extend(pool.map(_describe, paths[start : start + BATCH]))
            runs.report_progress(len(facts) / len(paths), f"{len(facts)} of {len(paths)} files")
    return facts


def _describe(path: str) -> dict[str, Any]:
    kind = kind_of(path) or "image"
    facts = {"file_id": "", "kind": kind, "bytes": 0, **NOTHING_KNOWN}
    try:
        if kind == "video":
            facts.update(file_id=runs.sha256_file(path), bytes=os.path.getsize(path))
            facts.update(describe_video(path), format=os.path.splitext(path)[1][1:].upper())
        else:
            with open(path, "rb") as stream:
                data = stream.read()
            facts.update(file_id=hashlib.sha256(data).hexdigest(), bytes=len(data))
            facts.update(describe_image(data))
    except (Rejected, OSError):
        pass  # the row stays, with nothing known; preprocessing rejects the file by name
    if facts["jpeg_quality"] is None:
        facts["jpeg_quality"] = math.nan
    return facts
