"""Copies of one picture: at most one exact copy may stay, and none on another side of the split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import pandas as pd

from .near_copies import clusters_of

# Who stays when copies lie in several official splits: the test set is never made smaller.
RANK_OF_SPLIT = {"test": 0, "val": 1, "train": 2, "": 3}
COPIES = ("bytes", "pixels", "near")  # kinds of pairs that show the same; "edited" does not


def find_copies(files: pd.DataFrame) -> pd.DataFrame:
    """Finds the files to leave out because another one shows the same pixels.

    Of copies with one label the one in test stays, else in val, else in train, else the first by
    path. Copies with contradicting labels are all left out: one of the labels is wrong.

    Args:
        files: `path`, `label`, `official_split`, `file_id`, `pixels_id`; decoded files only.

    Returns:
        `reason` and `detail`, indexed as `files`, only for files to leave out.
    """
    columns = ["path", "label", "official_split", "file_id", "pixels_id"]
    copies = files.loc[files.duplicated("pixels_id", keep=False), columns].copy()
    copies = _ranked(copies, "pixels_id")
    rows = {}
    for _, cluster in copies.groupby("pixels_id", sort=False):
        first = cluster.iloc[0]
        if cluster["label"].nunique() > 1:
            for index, file in cluster.iterrows():
                other = cluster[cluster["label"] != file["label"]].iloc[0]["path"]
                rows[index] = ("same picture, two labels", f"also {other}")
            continue
        for index, file in cluster.iloc[1:].iterrows():
            same = "bytes" if file["file_id"] == first["file_id"] else "pixels"
            rows[index] = ("duplicate", f"same {same} as {first['path']}")
    return _left_out(rows)


def find_repeats(files: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Finds the files to leave out because a near copy of the same label stays.

    A near copy with another label stays: it may be a slight manipulation of the same picture. The
    split keeps both on one side, and the audit names them.

    Args:
        files: `path`, `label`, `official_split`; decoded files without those of `find_copies`.
        pairs: of `near_copies.find_near_copies`, with `first` and `second` as the index of `files`.

    Returns:
        As `find_copies`.
    """
    partners = defaultdict(set)
    alike = pairs[pairs["kind"].isin(COPIES)]
    alike = alike[alike["first"].isin(files.index) & alike["second"].isin(files.index)]
    for one, other in zip(alike["first"], alike["second"], strict=True):
        if files.at[one, "label"] == files.at[other, "label"]:
            partners[one].add(other)
            partners[other].add(one)
    stays: dict[int, int] = {}  # to its place: who came first
    rows = {}
    for index in _ranked(files.loc[list(partners)]).index:
        kept = min(partners[index] & stays.keys(), key=stays.__getitem__, default=None)
        if kept is None:
            stays[index] = len(stays)
        else:
            rows[index] = ("near copy", f"same picture as {files.at[kept, 'path']}")
    return _left_out(rows)


def name_clusters(file_ids: pd.Series, pairs: pd.DataFrame) -> pd.Series:
    """Returns for each file the name of what it shares a picture with, "" when with nothing.

    Files that pairs of any kind connect have one name, the first of their ids.

    Args:
        file_ids: sha256 of each file, index 0 to n - 1.
        pairs: `first` and `second`, places in `file_ids`.
    """
    numbers = pd.Series(clusters_of(len(file_ids), pairs), file_ids.index)
    names = file_ids.groupby(numbers).transform("min").str[:16]
    return names.where(numbers.duplicated(keep=False), "")


def count_pairs(pairs: pd.DataFrame, labels: pd.Series) -> dict[str, dict[str, int]]:
    """Returns for each kind of pair how many `within` one label and `across` both there are.

    Args:
        pairs: `first`, `second`, `kind`.
        labels: by the places that `first` and `second` name.
    """
    ends = [labels.reindex(pairs[name]).to_numpy() for name in ("first", "second")]
    across = ends[0] != ends[1]
    return {
        str(kind): {"within": int((~across[places]).sum()), "across": int(across[places].sum())}
        for kind, places in pairs.reset_index(drop=True).groupby("kind").indices.items()
    }


def _ranked(files: pd.DataFrame, *first: str) -> pd.DataFrame:
    ranks = files["official_split"].map(RANK_OF_SPLIT).fillna(3)
    return files.assign(rank=ranks).sort_values([*first, "rank", "path"], kind="stable")


def _left_out(rows: dict[int, Iterable[str]]) -> pd.DataFrame:
    return pd.DataFrame.from_dict(rows, orient="index", columns=["reason", "detail"])
