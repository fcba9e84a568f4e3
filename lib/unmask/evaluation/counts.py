"""Small tables of what there is: files, faces, what was left out. All cells ready to show."""

from __future__ import annotations

import pandas as pd

from .scores import ALL_SPLITS, CLASS_NAMES


def count_files(files: pd.DataFrame) -> pd.DataFrame:
    """Returns a row per class, generator and kind: files, megabytes, sizes, formats, quality.

    Args:
        files: a files table.
    """
    rows = []
    for (label, generator, kind), part in files.groupby(["label", "generator", "kind"]):
        quality = part["jpeg_quality"].dropna()
        rows.append(
            {
                "class": CLASS_NAMES[label],
                "generator": generator,
                "kind": kind,
                "files": f"{len(part):,}",
                "groups": f"{part.loc[part['group'] != '', 'group'].nunique():,}",
                "MB": f"{part['bytes'].sum() / 1e6:,.1f}",
                "pixels": _range(part["width"], part["height"]),
                "format": ", ".join(sorted(set(part["format"]) - {""})) or "unreadable",
                "JPEG quality": f"{quality.min():.0f} to {quality.max():.0f}"
                if len(quality)
                else "–",
            }
        )
    return pd.DataFrame(rows)


def count_faces(faces: pd.DataFrame) -> pd.DataFrame:
    """Returns a row per split: real and fake faces, groups, generators of the fakes.

    Args:
        faces: a faces table.
    """
    rows = []
    for split in ALL_SPLITS:
        part = faces[faces["split"] == split]
        if part.empty:
            continue
        fakes = part[part["label"] == 1]
        rows.append(
            {
                "split": split,
                "real faces": f"{(part['label'] == 0).sum():,}",
                "fake faces": f"{len(fakes):,}",
                "groups": f"{part.loc[part['group'] != '', 'group'].nunique():,}",
                "generators of the fakes": ", ".join(sorted(fakes["generator"].unique())),
            }
        )
    return pd.DataFrame(rows)


def count_rejected(rejected: pd.DataFrame) -> pd.DataFrame:
    """Returns a row per reason: real and fake files left out.

    Args:
        rejected: a table of rejected files.
    """
    rows = [
        {
            "reason": reason,
            "real files": f"{(part['label'] == 0).sum():,}",
            "fake files": f"{(part['label'] == 1).sum():,}",
        }
        for reason, part in rejected.groupby("reason")
    ]
    return pd.DataFrame(rows, columns=["reason", "real files", "fake files"])


def list_rejected(rejected: pd.DataFrame, most: int = 20) -> pd.DataFrame:
    """Returns a row per file left out, `most` at most: its name, class, reason and detail.

    Args:
        rejected: a table of rejected files.
    """
    shown = rejected.head(most)
    return pd.DataFrame(
        {
            "file": [path.replace("\\", "/").rpartition("/")[2] for path in shown["path"]],
            "class": shown["label"].map(dict(enumerate(CLASS_NAMES))),
            "reason": shown["reason"],
            "detail": shown["detail"],
        }
    )


def _range(widths: pd.Series, heights: pd.Series) -> str:
    sizes = pd.concat([widths, heights]).dropna()
    if sizes.empty:
        return "–"
    low, high = int(sizes.min()), int(sizes.max())
    return f"{low}" if low == high else f"{low} to {high}"
