"""What a manifest says fakes were made of: files that share it become one group."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pandas as pd

from .clip_groups import join_linked

ORIGINS = ("original", "target", "source")
GROUP, NAME, FILE = "1", "2", "3"  # kinds of units; a joined group is named after the first


def has_origins(table: pd.DataFrame) -> bool:
    """Returns whether a manifest has a column of `ORIGINS` with anything in it."""
    return any((table[name].str.strip() != "").any() for name in ORIGINS if name in table)


def group_origins(table: pd.DataFrame, paths: Sequence[str], real: pd.Series) -> pd.Series:
    """Returns the group of each row: its own, joined with those of what it was made of.

    `original`, `target` and `source` name a clip or a person; a real file of the manifest with
    that path, name, or name without ending belongs to it. Without such columns the group is the
    one that the manifest gives.

    Args:
        table: text columns `path` and `group`, and of `ORIGINS` those that are there.
        paths: of each row, absolute.
        real: whether each row is real.
    """
    groups = table["group"].str.strip()
    if not has_origins(table):
        return groups
    stated = {name: table[name].str.strip().tolist() for name in ORIGINS if name in table}
    written = table["path"].str.strip().tolist()
    known = _reals_by_name(paths, written, real)
    links = []
    for row, group in enumerate(groups):
        units = [f"{GROUP} {group}"] if group else []
        for name in filter(None, (values[row] for values in stated.values())):
            # what a name stands for is one unit, and so is each real file that has it
            units += [f"{NAME} {name}", *known.get(name, [])]
        links.append([*units, f"{FILE} {written[row]}"])
    joined = join_linked(links)
    counts = pd.Series(joined).value_counts()
    # a group of one file says nothing, but a name that the manifest gives stays
    names = [
        unit.partition(" ")[2] if counts[unit] > 1 or group else ""
        for unit, group in zip(joined, groups, strict=True)
    ]
    return pd.Series(names, index=table.index, dtype=object)


def _reals_by_name(
    paths: Sequence[str], written: Sequence[str], real: pd.Series
) -> dict[str, list[str]]:
    """Returns the units of real files by path, path as written, name and name without ending."""
    found: dict[str, list[str]] = {}
    for path, text, is_real in zip(paths, written, real, strict=True):
        name = os.path.basename(path)
        for key in {path, text, name, os.path.splitext(name)[0]} if is_real else ():
            found.setdefault(key, []).append(f"{FILE} {text}")
    return found
