"""Finds the copies of pictures in a table of fingerprints, without comparing all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from ... import runs
from .align import crop_warp, larger_first, rescale_warps
from .candidates import CROPS, find_candidates, keep_nearest
from .clusters import clusters_of
from .codes import FLAT
from .compare import Limits, compare
from .fingerprints import SIDE
from .pictures import LARGE_SIDE, load_large
from .rough import LEAST_ALIKE, look_roughly, waves_of
from .symmetries import INVERSE, SYMMETRIES, lay

PAIR_COLUMNS = ["first", "second", "kind", "symmetry", "distance", "changed"]
KINDS = ("bytes", "pixels", "near", "edited")
MOST_PARTNERS = 32
BATCH = 256
BATCH_OF_FILES = 64
# At 32 pixels a crop moves detail by parts of a pixel, so more must be allowed than at 128.
OF_THUMBNAILS = Limits(
    blocks=8, steps=10, median=0.17, worst=0.62, fewest=0.06, alike=0.35, edited=((0.5, 0.15),)
)
OF_PICTURES = Limits(
    blocks=16,
    steps=6,
    median=0.125,
    worst=0.32,
    fewest=0.06,
    alike=0.2,
    edited=((0.5, 0.1), (0.33, 0.24)),
)


def find_near_copies(table: pd.DataFrame, *, jobs: int = 1, look: bool = True) -> pd.DataFrame:
    """Finds which rows of a table of fingerprints show one picture.

    Equal pixels are found by their hashes. For the rest, codes that the eight symmetries leave
    unchanged name candidates, small pictures laid over each other judge them, and where the files
    are at hand a closer look at these decides between a copy and an edited picture.

    Args:
        table: `thumbnail` and, where known, `file_id`, `pixels_id`, `path` and `frame`, as
            `fingerprint_files` gives them, in any order. Rows with an empty thumbnail have no
            copies.
        jobs: threads; the result does not depend on it.
        look: open the files of pairs that look alike (`path` is needed). By thumbnails alone
            "edited" is a guess, and pictures of one kind, such as faces, are often called so.

    Returns:
        A row a pair: `first` and `second`, positions in `table`, first < second; `kind`:

        - "bytes": the same file; "pixels": another file with the same pixels. Of k such files
          k - 1 pairs are named, all with one of them.
        - "near": the same picture encoded again, resized, mirrored, turned, lightly cropped,
          brighter or darker.
        - "edited": a large part is the same picture and a part is not, as in a manipulated
          picture beside its original, or one scene at two moments. They belong on one side of
          a split, but are no copies.

        `symmetry`: `second` is `first` laid that way, a word of `SYMMETRIES`; `distance`: what
        the one does not explain of the other, 0 to 1; `changed`: the share of the picture that
        differs, 0 to 1. `attrs["skipped"]` counts comparisons left out because a picture had
        more partners than anyone needs, `attrs["flat"]` pictures too even to compare.
    """
    order = _canonical_order(table)
    rows = table.iloc[order].reset_index(drop=True)
    exact, alone = _exact_pairs(rows)
    usable, thumbnails = _thumbnails(rows, alone)
    # The matrices are small: threads inside of their products would only wait for each other.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(max(1, jobs)) as pool:
        pairs, skipped = _likely_pairs(thumbnails)
        near = _lay_over(thumbnails, pairs, pool)
        near["first"], near["second"] = usable[near["first"]], usable[near["second"]]
        if look and "path" in rows:
            near = _look_at_files(rows, near, pool)
    parts = [part[exact.columns] for part in (exact, near) if len(part)]
    pairs = _in_table_order(pd.concat(parts) if parts else exact, order)
    pairs.attrs = {"skipped": skipped, "flat": int(alone.sum() - len(usable))}
    return pairs


def overlap(one: pd.DataFrame, other: pd.DataFrame, *, jobs: int = 1) -> pd.DataFrame:
    """Finds pictures that two datasets have in common.

    Args:
        one, other: tables of fingerprints.
        jobs: threads.

    Returns:
        As `find_near_copies`, but `first` is a position in `one` and `second` in `other`.
        Where a picture has copies in its own dataset too, each is named that is a copy.
    """
    both = pd.concat([one, other], ignore_index=True)
    pairs = find_near_copies(both, jobs=jobs)
    attrs = pairs.attrs
    across = (pairs["first"] < len(one)) & (pairs["second"] >= len(one))
    more = _twins_across(both, pairs, len(one))
    pairs = pd.concat([pairs[across], more], ignore_index=True) if len(more) else pairs[across]
    pairs = pairs.assign(second=pairs["second"] - len(one))
    pairs = pairs.sort_values(["first", "second"], ignore_index=True)
    pairs.attrs = attrs
    return pairs


def _twins_across(both: pd.DataFrame, pairs: pd.DataFrame, size: int) -> pd.DataFrame:
    """Pairs across the two datasets that were named only by way of a third file's equal pixels."""
    exact = pairs[pairs["kind"].isin(KINDS[:2])]
    twins = pd.Series(np.arange(len(both))).groupby(clusters_of(len(both), exact)).indices
    of_row = {place: members for members in twins.values() for place in members}
    files = _leaders(both, "file_id")
    known = set(zip(pairs["first"], pairs["second"], strict=True))
    rows = []

    def add(one: np.ndarray, other: np.ndarray, like: tuple | None) -> None:
        for first in one[one < size][:MOST_PARTNERS]:
            for second in other[other >= size][:MOST_PARTNERS]:
                if (first, second) not in known:
                    known.add((first, second))
                    same = files[first] == files[second]
                    alike = like or (KINDS[not same], SYMMETRIES[0], 0.0, 0.0)
                    rows.append([first, second, *alike])

    for members in twins.values():
        if len(members) > 1:
            add(members, members, None)
    for pair in pairs[~pairs.index.isin(exact.index)].itertuples():
        ends = of_row[pair.first], of_row[pair.second]
        like = (pair.kind, pair.symmetry, pair.distance, pair.changed)
        back = SYMMETRIES[INVERSE[SYMMETRIES.index(pair.symmetry)]]
        add(*ends, like)
        add(*ends[::-1], (pair.kind, back, pair.distance, pair.changed))
    return pd.DataFrame(rows, columns=PAIR_COLUMNS)


def _canonical_order(table: pd.DataFrame) -> np.ndarray:
    """An order that the given one does not change, so that neither does anything that follows."""
    names = [name for name in ("thumbnail", "pixels_id", "file_id", "path") if name in table]
    plain = table[names].reset_index(drop=True)
    return plain.sort_values(names, kind="stable").index.to_numpy()


def _exact_pairs(rows: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Returns the exact pairs, and for each row if it stands for its pixels: bool `[n]`."""
    has_picture = rows["thumbnail"].map(len).to_numpy() == SIDE * SIDE
    own = np.arange(len(rows))
    of_pixels = _leaders(rows, "pixels_id")
    of_file = _leaders(rows, "file_id")
    # Copies of a file are paired with its first, the first of other files with the first of all.
    same_bytes = (of_file != own) & (of_pixels[of_file] == of_pixels)
    members = np.flatnonzero((of_pixels != own) & has_picture)
    same_bytes = same_bytes[members]
    pairs = pd.DataFrame(
        {
            "first": np.where(same_bytes, of_file[members], of_pixels[members]),
            "second": members,
            "kind": np.where(same_bytes, "bytes", "pixels"),
            "way": np.int8(0),
            "distance": 0.0,
            "changed": 0.0,
        }
    )
    alone = has_picture.copy()
    alone[members] = False
    return pairs, alone


def _leaders(rows: pd.DataFrame, column: str) -> np.ndarray:
    """Returns for each row the first row with the same known value, else itself: int64 `[n]`."""
    leaders = pd.Series(np.arange(len(rows)))
    if column in rows:
        known = rows[column].fillna("") != ""
        leaders[known] = leaders[known].groupby(rows.loc[known, column]).transform("first")
    return leaders.to_numpy(np.int64)


def _thumbnails(rows: pd.DataFrame, alone: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the places of comparable pictures, and these: uint8 `[m, SIDE, SIDE]`."""
    places = np.flatnonzero(alone)
    joined = b"".join(rows["thumbnail"].iloc[places])
    thumbnails = np.frombuffer(joined, np.uint8).reshape(len(places), SIDE, SIDE)
    structured = thumbnails.std((1, 2), dtype=np.float32) >= FLAT
    return places[structured], thumbnails[structured]


def _likely_pairs(thumbnails: np.ndarray) -> tuple[pd.DataFrame, int]:
    """Returns the pairs worth laying over each other, and how many comparisons were skipped."""
    skipped, parts = 0, []
    for found in find_candidates(thumbnails):
        skipped += found.skipped
        if found.crop == 0:
            asked = waves = waves_of(thumbnails, found.view)
        else:
            asked = waves_of(thumbnails, found.view, CROPS[found.crop])
        alike, ways = look_roughly(asked, waves, found.first, found.second)
        good = alike >= LEAST_ALIKE
        first, second = found.first[good], found.second[good]
        low, high = np.minimum(first, second), np.maximum(first, second)
        ends = {"first": first, "second": second, "low": low, "high": high}
        fit = {"crop": found.crop, "way": ways[good], "alike": alike[good]}
        parts.append(pd.DataFrame(ends | fit))
    pairs = pd.concat(parts, ignore_index=True)
    pairs = pairs.sort_values("alike", ascending=False, kind="stable")
    pairs = pairs.drop_duplicates(["low", "high"]).sort_values(["low", "high"], ignore_index=True)
    low, high = pairs["low"].to_numpy(), pairs["high"].to_numpy()
    far = -pairs["alike"].to_numpy()
    kept = keep_nearest(low, high, far, len(thumbnails), MOST_PARTNERS)
    return pairs[kept].reset_index(drop=True), skipped + int((~kept).sum())


def _lay_over(thumbnails: np.ndarray, pairs: pd.DataFrame, pool: Executor) -> pd.DataFrame:
    """Judges pairs by their thumbnails."""

    def judge(start: int) -> pd.DataFrame:
        part = pairs.iloc[start : start + BATCH]
        first = _laid(thumbnails[part["first"]], part["way"])
        second = thumbnails[part["second"]]
        warps = np.stack([crop_warp(SIDE, CROPS[crop]) for crop in part["crop"]])
        return _verdicts(part, first, second, warps, OF_THUMBNAILS)

    parts = []
    for part in pool.map(judge, range(0, len(pairs), BATCH)):
        parts.append(part)
        runs.report_progress(min(1.0, len(parts) * BATCH / len(pairs)), "near copies")
    empty = pairs.iloc[:0].assign(kind="", distance=0.0, changed=0.0, warp=None)
    return pd.concat(parts, ignore_index=True) if parts else empty


def _laid(pictures: Sequence[np.ndarray], ways: pd.Series) -> np.ndarray:
    return np.stack([lay(one, way) for one, way in zip(pictures, ways, strict=True)])


def _verdicts(
    pairs: pd.DataFrame,
    first: np.ndarray,
    second: np.ndarray,
    warps: np.ndarray,
    limits: Limits,
) -> pd.DataFrame:
    """Returns the pairs that are near or edited, with kind, distance, changed and warp."""
    found, warps = compare(first, second, warps, limits)
    kept = found.near | found.edited
    return pairs[kept].assign(
        kind=np.where(found.near, "near", "edited")[kept],
        distance=found.distance[kept],
        changed=found.changed[kept],
        warp=list(warps[kept]),
    )


def _look_at_files(rows: pd.DataFrame, pairs: pd.DataFrame, pool: Executor) -> pd.DataFrame:
    """Judges pairs by their files; a pair whose files cannot be read keeps its verdict."""
    frames = rows["frame"] if "frame" in rows else pd.Series(0, rows.index)
    parts: list[pd.DataFrame | Future[pd.DataFrame]] = []
    for start in range(0, len(pairs), BATCH_OF_FILES):
        part = pairs.iloc[start : start + BATCH_OF_FILES]
        places = sorted({*part["first"], *part["second"]})
        loaded = pool.map(load_large, rows["path"].iloc[places], frames.iloc[places])
        pictures = dict(zip(places, loaded, strict=True))
        seen = np.array(
            [
                pictures[one] is not None and pictures[other] is not None
                for one, other in zip(part["first"], part["second"], strict=True)
            ]
        )
        parts.append(part[~seen])
        part = part[seen]
        if len(part):
            first = _laid([pictures[place] for place in part["first"]], part["way"])
            second = np.stack([pictures[place] for place in part["second"]])
            warps = rescale_warps(np.stack(part["warp"].to_list()), SIDE, LARGE_SIDE)
            larger = larger_first(first, second, warps)
            parts.append(pool.submit(_verdicts, part, *larger, OF_PICTURES))
    done = [part.result() if isinstance(part, Future) else part for part in parts]
    return pd.concat(done, ignore_index=True) if done else pairs


def _in_table_order(pairs: pd.DataFrame, order: np.ndarray) -> pd.DataFrame:
    first, second = order[pairs["first"]], order[pairs["second"]]
    swapped = first > second
    ways = pairs["way"].to_numpy()
    ways = np.where(swapped, INVERSE[ways], ways)
    pairs = pairs.assign(
        first=np.where(swapped, second, first),
        second=np.where(swapped, first, second),
        symmetry=np.array(SYMMETRIES, object)[ways],
    )
    return pairs.sort_values(["first", "second"], ignore_index=True)[PAIR_COLUMNS]
