"""Exact copies of one picture: at most one of them may stay."""

from __future__ import annotations

import pandas as pd

# Who stays when copies lie in several official splits: the test set is never made smaller.
RANK_OF_SPLIT = {"test": 0, "val": 1, "train": 2, "": 3}


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
    copies["rank"] = copies["official_split"].map(RANK_OF_SPLIT).fillna(3)
    copies = copies.sort_values(["pixels_id", "rank", "path"], kind="stable")
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
    return pd.DataFrame.from_dict(rows, orient="index", columns=["reason", "detail"])
