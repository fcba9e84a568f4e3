"""A CSV manifest: one row a picture, with its label and what else is known of it."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

import pandas as pd

from ..errors import UsageError, nearest
from .clip_groups import describe_groups
from .layout import (
    COLUMNS,
    LABEL_OF_WORD,
    SPLIT_OF_WORD,
    check_classes,
    check_reals,
    meaning_of_folders,
)
from .origins import ORIGINS, group_origins, has_origins

LABEL_OF_VALUE = {**LABEL_OF_WORD, "0": 0, "1": 1, "0.0": 0, "1.0": 1}
COLUMN_OF_NAME = {
    "path": "path",
    "label": "label",
    "split": "split",
    "official_split": "split",
    "generator": "generator",
    "group": "group",
    "identity": "group",
    "original": "original",
    "target": "target",
    "source": "source",
}
TEXTS = ("path", "label", "split", "generator", "group")  # empty where the CSV has no such column
EXPECTED = "a CSV with the columns path and label, and if known split, group, generator"
SHOWN = 5


def list_manifest(manifest: str | Path, *, reals_only: bool = False) -> pd.DataFrame:
    """Lists the files that a CSV names.

    Columns (any case): `path` (relative ones are meant from the CSV's folder) and `label` (real
    or fake or a synonym; 0 is real and 1 is fake), optional `split`, `group` or `identity`,
    `generator`, and for what a fake was made of `original` (a path, or the name of a file) or
    `target` and `source` (names of clips or people): these are joined to groups. Commas,
    semicolons or tabs; UTF-8.

    Args:
        manifest: the CSV.
        reals_only: the pictures are to be all real, instead of both classes.

    Returns:
        The columns and `attrs` of `list_folder`, a row a file, sorted by path.

    Raises:
        UsageError: no such file, not UTF-8, a column missing, unknown labels or splits, labels
            that contradict the folder names, missing files, other classes than wanted.
    """
    manifest = Path(os.path.abspath(os.path.expanduser(manifest)))
    table = _read(manifest)
    labels = _known(table, "label", LABEL_OF_VALUE, "real or fake (or 0 for real, 1 for fake)")
    splits = _known(table, "split", {**SPLIT_OF_WORD, "": ""}, "train, val or test, or empty")
    _check_not_inverted(table, labels)
    paths = [os.path.normpath(os.path.join(manifest.parent, path)) for path in table["path"]]
    _check_present(manifest, paths)
    generators = table["generator"].str.strip()
    frame = pd.DataFrame(
        {
            "path": paths,
            "label": labels.astype("int64"),
            "official_split": splits,
            "generator": generators.where(generators != "", "fake").where(labels == 1, "real"),
            "group": group_origins(table, paths, labels == 0),
        }
    )
    told = describe_groups(frame.loc[frame["group"] != "", "group"], "of the manifest's columns")
    if reals_only:
        check_reals(frame, f"The manifest {manifest}")
    else:
        check_classes(frame, f"The manifest {manifest}", EXPECTED)
    frame = frame[COLUMNS].sort_values(COLUMNS, kind="stable", ignore_index=True)
    frame.attrs["ignored"] = []
    frame.attrs["groups"] = told if has_origins(table) else ""
    return frame


def _read(manifest: Path) -> pd.DataFrame:
    """Returns `TEXTS` as text, empty where absent, and of `ORIGINS` those that are there."""
    try:
        text = manifest.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            f"The manifest {manifest} is not UTF-8 text (byte {error.start}).",
            expected=EXPECTED,
            fix='save it as "CSV UTF-8"',
        ) from error
    except OSError as error:
        raise UsageError(
            f"The manifest {manifest} cannot be read ({error.strerror}).",
            expected=EXPECTED,
            fix="check the spelling; a relative path is meant from the project's folder",
        ) from error
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    try:
        header, *rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)) or [[]]
    except csv.Error as error:
        raise UsageError(
            f"The manifest {manifest} is not a CSV ({error}).",
            expected=EXPECTED,
            fix="look for a quotation mark that is never closed",
        ) from error
    columns = _columns(manifest, header)
    records = [(line, row) for line, row in enumerate(rows, start=2) if any(row)]
    table = pd.DataFrame(index=[line for line, _ in records])
    for name in (*TEXTS, *(name for name in ORIGINS if name in columns)):
        place = columns.get(name)
        table[name] = [
            row[place] if place is not None and place < len(row) else "" for _, row in records
        ]
    if table.empty or (table["path"].str.strip() == "").any():
        where = "has no rows" if table.empty else "has rows without a path"
        raise UsageError(
            f"The manifest {manifest} {where}.",
            expected=EXPECTED,
            fix="write a row a picture, such as: faces/0001.jpg,real",
        )
    return table


def _columns(manifest: Path, header: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    names = [name.strip().lower() for name in header]
    for place, name in enumerate(names):
        if name in COLUMN_OF_NAME:
            found.setdefault(COLUMN_OF_NAME[name], place)
    for needed in ("path", "label"):
        if needed not in found:
            raise UsageError(
                f"The manifest {manifest} has no column {needed}; its first line is: "
                f"{', '.join(header) or '(empty)'}.{nearest(needed, names)}",
                expected=EXPECTED,
                fix="name the columns in the first line",
            )
    return found


def _known(table: pd.DataFrame, column: str, known: dict, expected: str) -> pd.Series:
    """Returns the meaning of each value of a column; names the rows with a value not known."""
    values = table[column].str.strip().str.lower()
    unknown = table[~values.isin(known)]
    if len(unknown):
        shown = ", ".join(
            f"{row[column]!r} in line {line}" for line, row in unknown[:SHOWN].iterrows()
        )
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        raise UsageError(
            f"The manifest has {column}s that are not known: {shown}{more}.",
            expected=expected,
            fix=f"correct the column {column}",
        )
    return values.map(known)


def _check_not_inverted(table: pd.DataFrame, labels: pd.Series) -> None:
    """Some public CSVs count 1 as real; taking them at their word would turn every label around."""
    numeric = ~table["label"].str.strip().str.lower().isin(LABEL_OF_WORD)
    meanings = [meaning_of_folders(tuple(Path(path).parts[:-1])) for path in table["path"]]
    told = pd.Series([meaning[0] if meaning else -1 for meaning in meanings], index=table.index)
    named = numeric & (told >= 0)
    contradicting = named & (told != labels)
    if contradicting.sum() * 2 > max(1, named.sum()):
        line = contradicting.idxmax()
        raise UsageError(
            f"The manifest's labels contradict its folders in {contradicting.sum()} rows: line "
            f"{line} gives {table.loc[line, 'path']} the label {table.loc[line, 'label']}.",
            expected="0 for real and 1 for fake",
            fix="turn the column around, or write the words real and fake into it",
        )


def _check_present(manifest: Path, paths: list[str]) -> None:
    missing = [path for path in paths if not os.path.isfile(path)]
    if missing:
        names = ", ".join(os.path.relpath(path, manifest.parent) for path in missing[:SHOWN])
        more = ", …" if len(missing) > SHOWN else ""
        raise UsageError(
            f"{len(missing)} of {len(paths)} files of the manifest {manifest} are missing: "
            f"{names}{more}",
            expected=f"paths that are absolute or relative to {manifest.parent}",
            fix="correct the paths, or move the CSV beside the pictures",
        )
