"""Splits by group: what belongs together (a person, a source video) stays on one side."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..errors import DataError, nearest
from .settings import check_fractions

SPLITS = ("train", "val", "test", "unseen")
LEFT_OUT = ""


def assign_splits(
    table: pd.DataFrame,
    fractions: Sequence[float],
    held_out_generators: Sequence[str] = (),
    seed: int = 0,
) -> pd.Series:
    """Gives every row a split; a group is never on two sides.

    - Rows with the same `group` go together; a row without one goes with its `file_id`. So do
      rows with the same `cluster` (copies of one picture), and what both connect.
    - Groups with a fake from a held-out generator go to "unseen". When these bring no real ones,
      as many purely real groups follow them, up to the test share of the real rows.
    - An official val or test split with both classes is kept as it is, and rows elsewhere whose
      group it holds are left out (""). What is missing of val and test is taken from the rest.
    - The rest is distributed in proportion, within each label and generator: largest groups
      first, each to the side that is furthest below its share (Sainte-Laguë).

    The result depends on the seed and the rows, not on their order.

    Args:
        table: `file_id`, `label`, `generator`, `group`, `official_split` and, where known,
            `cluster`; a row a face or a file.
        fractions: shares of train, val and test, which sum to 1.
        held_out_generators: generators that training must never see.
        seed: chooses among equal groups.

    Returns:
        "train", "val", "test", "unseen" or "" (left out), with the index of `table`.

    Raises:
        DataError: a held-out generator has no fakes in the table.
        UsageError: the fractions are not three positive numbers that sum to 1.
    """
    check_fractions(tuple(fractions))
    _check_held_out(table, held_out_generators)
    rows = pd.DataFrame(
        {
            "key": units_of(table),
            "label": table["label"].to_numpy(),
            "generator": table["generator"].to_numpy(),
            "official": table["official_split"].fillna("").to_numpy(),
        }
    )
    rows["split"] = None
    held_out = rows["generator"].isin(list(held_out_generators)) & (rows["label"] == 1)
    _claim(rows, held_out, "unseen", whole_groups=True)
    shares = dict(zip(("train", "val", "test"), fractions, strict=True))
    for split in ("test", "val"):
        official = (rows["official"] == split) & rows["split"].isna()
        if rows.loc[official, "label"].nunique() == 2:
            _claim(rows, official, split, whole_groups=False)
            shares.pop(split)
    if held_out.any():
        _add_real_ones_to_unseen(rows, fractions[2], seed)
    free = rows["split"].isna()
    side_of_key = _distribute(rows[free], shares, seed)
    rows.loc[free, "split"] = rows.loc[free, "key"].map(side_of_key)
    _check_disjoint(rows)
    return pd.Series(rows["split"].to_numpy(), index=table.index, name="split", dtype=object)


def units_of(table: pd.DataFrame) -> list[str]:
    """Returns for each row the name of what it may not be split from.

    Args:
        table: `file_id`, `group` and, where known, `cluster`, all text.
    """
    groups = table["group"].fillna("").astype(str)
    pairs = zip(groups, table["file_id"], strict=True)
    own = [f"group {group}" if group else f"file {file_id}" for group, file_id in pairs]
    clusters = table["cluster"].fillna("").astype(str) if "cluster" in table else groups * 0
    if not clusters.any():
        return own
    shared = [
        f"picture {cluster}" if cluster else one for cluster, one in zip(clusters, own, strict=True)
    ]
    names, codes = np.unique([own, shared], return_inverse=True)
    one, other = codes.reshape(2, -1)
    edges = coo_array((np.ones(len(one)), (one, other)), shape=(len(names), len(names)))
    parts = connected_components(edges, directed=False)[1]
    first = np.unique(parts, return_index=True)[1]  # names are sorted: the first of each part
    return names[first[parts[one]]].tolist()


def _check_held_out(table: pd.DataFrame, held_out_generators: Sequence[str]) -> None:
    known = sorted(set(table.loc[table["label"] == 1, "generator"]))
    for name in held_out_generators:
        if name not in known:
            raise DataError(
                f"The held-out generator {name!r} made none of the fakes.{nearest(name, known)}",
                expected=f"one of: {', '.join(known)}",
                fix="correct preprocess.held_out_generators in the profile",
            )


def _claim(rows: pd.DataFrame, chosen: pd.Series, split: str, *, whole_groups: bool) -> None:
    """Gives the chosen rows a split; the rest of their groups goes with them or is left out."""
    same_group = rows["key"].isin(rows.loc[chosen, "key"].unique()) & rows["split"].isna()
    rows.loc[same_group, "split"] = split if whole_groups else LEFT_OUT
    rows.loc[chosen, "split"] = split


def _add_real_ones_to_unseen(rows: pd.DataFrame, share: float, seed: int) -> None:
    unseen = rows[rows["split"] == "unseen"]
    if (unseen["label"] == 0).any():
        return
    free = rows[rows["split"].isna()]
    sizes = free[free["label"] == 0].groupby("key").size()
    pure = sizes.drop(free.loc[free["label"] == 1, "key"].unique(), errors="ignore")
    wanted = min(len(unseen), round(share * sizes.sum()))
    taken, chosen = 0, []
    for key in sorted(pure.index, key=lambda key: _draw(seed, key)):
        if taken >= wanted:
            break
        chosen.append(key)
        taken += pure[key]
    rows.loc[rows["key"].isin(chosen), "split"] = "unseen"


def _distribute(rows: pd.DataFrame, shares: dict[str, float], seed: int) -> dict[str, str]:
    """Returns the side of each group; `shares` need not sum to 1."""
    total_share = sum(shares.values())
    contents, totals = _contents_of_groups(rows, min(shares.values()) / total_share)
    filled = {side: Counter() for side in shares}
    waiting = Counter(column for content in contents.values() for column in content)
    side_of_key = {}
    sizes = rows.groupby("key").size().to_dict()
    for key in sorted(contents, key=lambda key: (-sizes[key], _draw(seed, key))):
        content = contents[key]
        sides = list(shares)
        for column in sorted(column for column in content if isinstance(column, int)):
            # the last groups of a class go where there is none of it yet
            lacking = [side for side in sides if not filled[side][column]]
            if lacking and waiting[column] <= len(lacking):
                sides = lacking
        side_of_key[key] = min(
            sides,
            key=lambda side: sum(
                count * (2 * filled[side][column] + count) / (shares[side] * totals[column])
                for column, count in content.items()
            ),
        )
        filled[side_of_key[key]].update(content)
        waiting.subtract(dict.fromkeys(content, 1))
    return side_of_key


def _contents_of_groups(
    rows: pd.DataFrame, smallest_share: float
) -> tuple[dict[str, Counter], Counter]:
    """Counts each group's rows by label (int) and by (label, generator); and all rows likewise."""
    pairs = Counter(zip(rows["label"], rows["generator"], strict=True))
    contents: dict[str, Counter] = defaultdict(Counter)
    totals: Counter = Counter()
    for key, label, generator in zip(rows["key"], rows["label"], rows["generator"], strict=True):
        # A generator with a handful of rows cannot be had in proportion: all such count as one.
        rare = pairs[label, generator] * smallest_share < 3
        for column in (int(label), (int(label), "" if rare else generator)):
            contents[key][column] += 1
            totals[column] += 1
    return contents, totals


def _draw(seed: int, key: str) -> bytes:
    return hashlib.blake2b(f"{seed}/{key}".encode(), digest_size=8).digest()


def _check_disjoint(rows: pd.DataFrame) -> None:
    used = rows[rows["split"] != LEFT_OUT]
    if used["split"].isna().any() or (used.groupby("key")["split"].nunique() > 1).any():
        raise AssertionError("a group is on two sides of the split")
