"""Small tables of what there is: files, faces, what was left out. All cells ready to show."""

from __future__ import annotations

import numpy as np
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


def count_copies(copies: pd.DataFrame) -> pd.DataFrame:
    """Returns a row per kind and way: pairs of real files, of fakes, and of one of each.

    Args:
        copies: `kind`, `symmetry`, `label_first` and `label_second`, a row a pair.
    """
    fakes = copies["label_first"] + copies["label_second"]
    rows = [
        {
            "kind": kind,
            "the other is": symmetry,
            "both real": f"{(fakes[part.index] == 0).sum():,}",
            "both fake": f"{(fakes[part.index] == 2).sum():,}",
            "real and fake": f"{(fakes[part.index] == 1).sum():,}",
        }
        for (kind, symmetry), part in copies.groupby(["kind", "symmetry"])
    ]
    return pd.DataFrame(rows)


def describe_copies(copies: pd.DataFrame, largest_unit: int, faces: int) -> str:
    """Returns one sentence on pairs that show one picture and on what the split kept together.

    Args:
        copies: as in `count_copies`.
        largest_unit: faces in the largest group that no split may cut.
        faces: how many there are.
    """
    unit = f"the largest unit that the split keeps together holds {largest_unit:,} of {faces:,}"
    if copies.empty:
        return f"No two files show one picture; {unit} faces."
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in copies["kind"].value_counts().items())
    across = int((copies["label_first"] != copies["label_second"]).sum())
    return (
        f"{len(copies):,} pairs of files show one picture ({kinds}; {across:,} of them a real "
        f"and a fake file); {unit} faces."
    )


def pairs_to_show(
    copies: pd.DataFrame, faces: pd.DataFrame, pixels: np.ndarray, most: int
) -> tuple[list[np.ndarray], list[str], list[int]]:
    """Returns pictures, captions and labels of pairs of which both files have a face.

    Args:
        copies: `file_id_first`, `file_id_second`, `kind`, `symmetry`, a row a pair.
        faces: the faces table.
        pixels: uint8 `[N, size, size, 3]`.
        most: pictures, two for each pair; each kind gets its share.
    """
    face_of = faces.drop_duplicates("file_id").set_index("file_id")
    known = copies["file_id_first"].isin(face_of.index)
    known &= copies["file_id_second"].isin(face_of.index)
    shown = copies[known & (copies["file_id_first"] != copies["file_id_second"])]
    turn = shown.groupby("kind").cumcount()
    shown = shown.assign(turn=turn).sort_values("turn", kind="stable").head(most // 2)
    pictures, captions, labels = [], [], []
    for pair in shown.itertuples():
        for file_id, caption in (
            (pair.file_id_first, pair.kind),
            (pair.file_id_second, pair.symmetry),
        ):
            face = face_of.loc[file_id]
            pictures.append(pixels[face["row"]])
            captions.append(caption)
            labels.append(int(face["label"]))
    return pictures, captions, labels


def _range(widths: pd.Series, heights: pd.Series) -> str:
    sizes = pd.concat([widths, heights]).dropna()
    if sizes.empty:
        return "–"
    low, high = int(sizes.min()), int(sizes.max())
    return f"{low}" if low == high else f"{low} to {high}"
