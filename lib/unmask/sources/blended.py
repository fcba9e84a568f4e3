"""Fakes for a folder without any: each real picture is stored anew, and beside it a blend of it."""

from __future__ import annotations

import errno
import hashlib
import inspect
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from .. import runs
from ..errors import DataError
from ..media import Rejected, kind_of
from ..media.images import decode_image
from .layout import COLUMNS

# From a real picture, uint8 [h, w, 3], to a real and a fake one that differ only in the forgery.
Blend = Callable[[np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]

GENERATOR = "self_blended"
VERSION = 1  # raise it whenever the same picture no longer gives the same two files
LARGEST = 512  # pixels: a larger square is shrunk to it, real and fake alike
SMALLEST = 32  # pixels: a smaller one is left out
NEARLY_SQUARE = 1.03  # up to this ratio of the sides a picture stays whole, as in preprocessing
REAL_FOLDER, FAKE_FOLDER = Path("real"), Path("fake") / GENERATOR
RANK_OF_SPLIT = {"test": 0, "val": 1, "train": 2}
# Compressed, the smoother of two pictures has fewer bytes, and the fake is the smoother one.
UNCOMPRESSED = [cv2.IMWRITE_PNG_COMPRESSION, 0]
BATCH = 256


def blend_fakes(
    reals: pd.DataFrame, folder: str | Path, blend: Blend, *, seed: int = 1, jobs: int = 1
) -> pd.DataFrame:
    """Writes each real picture and a fake blended from it into `folder`, and returns these files.

    Both are PNG, uncompressed, of one size in pixels and bytes, and go through the same encoder:
    neither format, size nor quality tells them apart. Of a picture that is not square the middle
    is taken, which is what preprocessing takes; squares above `LARGEST` pixels are shrunk. The
    same picture, seed and blending code give the same bytes, whatever `jobs` is; what is there
    already is kept, and what another version of the code blended is made anew.

    Args:
        reals: `path`, `label`, `official_split`, `group`, as `folder.list_source` gives them.
        folder: gets real/<id>.png, fake/self_blended/<id>.png and blending.json.
        blend: gives the real and the fake picture, such as `training.self_blended_pair`: it may
            change the real one as well.
        seed: of everything blended.
        jobs: pictures worked on at the same time.

    Returns:
        Two rows a picture, the columns of `folder.list_folder`. Both have the group of the
        picture, else one of their own, so that no split parts them. `attrs`: those of `reals`,
        `left_out` (`path`, `label`, `reason`, `detail` of pictures without a fake) and
        `own_groups`, how many pictures came without a group.

    Raises:
        DataError: `folder` holds something else, the disk is full, or no picture can be used.
    """
    folder = Path(folder).resolve()
    _claim(folder, {"version": VERSION, "seed": seed, "code": _code_of(blend)})
    with runs.progress_share(0, 2):
        pictures, left_out = _identify(reals, jobs)
    waiting = [row for row in pictures if not all(path.exists() for path in _files(folder, row))]
    work = partial(_blend_one, folder=folder, blend=blend, seed=seed)
    try:
        with runs.progress_share(1, 2):
            failed = _each(work, waiting, jobs, "blended")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DataError(
            f"The disk of {folder} is full; the fakes blended so far are kept.",
            expected=f"room for {2 * len(pictures):,} PNG files of up to {LARGEST} pixels a side",
            fix="free some space and run it again",
        ) from error
    left_out += [each for each in failed if each]
    lost = {each["path"] for each in left_out}
    made = [row for row in pictures if row["path"] not in lost]
    if not made:
        raise DataError(
            f"None of {len(reals):,} real pictures can be used; the first: {left_out[0]['path']} "
            f"({left_out[0]['reason']}).",
            expected=f"pictures that can be read, of at least {SMALLEST} pixels a side",
            fix="look at them with another program, or name another folder",
        )
    return _entries(made, folder, {**reals.attrs, "left_out": left_out})


def describe_blended(entries: pd.DataFrame) -> list[str]:
    """Returns what a reader must know of files that `blend_fakes` gave, in sentences."""
    made, left_out = len(entries) // 2, len(entries.attrs["left_out"])
    told = [
        "The fakes are blended by Unmask from these very photographs: numbers say how well such "
        "blends are told, not how well any generator's fakes are."
    ]
    if left_out:
        told.append(
            f"{left_out:,} of {made + left_out:,} pictures left out, and no fake made of them; "
            "the table in 01_download says why."
        )
    if entries.attrs.get("assumed_real"):
        told.append(f"No folder says what the pictures are: all {made:,} are taken to be real.")
    if entries.attrs["own_groups"]:
        told.append(
            f"Nobody said who is on {entries.attrs['own_groups']:,} of {made:,} pictures: each "
            "and its fake form a group, but several pictures of one person can lie on two sides "
            "of the split. A CSV with a column group keeps them together."
        )
    return told


def read_pairs(entries: pd.DataFrame, most: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first pairs of `blend_fakes`, real and fake, as uint8 `[n, side, side, 3]`."""
    sides = []
    for label in (0, 1):
        paths = entries.loc[entries["label"] == label, "path"].head(most)
        pictures = [decode_image(Path(path).read_bytes()).pixels for path in paths]
        shrunk = [cv2.resize(each, (side, side), interpolation=cv2.INTER_AREA) for each in pictures]
        sides.append(np.stack(shrunk))
    return sides[0], sides[1]


def _code_of(blend: Blend) -> str:
    """Names the code that blends: fakes of another version of it are not to be mixed with these."""
    source = inspect.getsourcefile(blend)
    return f"{blend.__qualname__} {runs.sha256_file(source) if source else ''}".strip()


def _claim(folder: Path, settings: dict[str, Any]) -> None:
    """Leaves only files of these settings in `folder`."""
    note, inside = folder / "blending.json", [folder / "real", folder / "fake"]
    if any(each.exists() for each in inside) and not note.exists():
        raise DataError(
            f"{folder} was not written by Unmask, and blending into it could mix the two.",
            expected="an empty folder, or one with fakes blended earlier",
            fix=f"move {folder} away",
        )
    if note.exists() and runs.read_json(note) != settings:
        for each in inside:
            runs.remove_folder(each)
    for leftover in folder.rglob(".*.partial.png"):
        leftover.unlink()
    runs.write_json(note, settings)


def _identify(reals: pd.DataFrame, jobs: int) -> tuple[list[dict], list[dict]]:
    """Returns the pictures with their `file_id`, once each, and those left out.

    Of copies, byte by byte, the one in test stays, else in val, else in train, else the first by
    path, as in preprocessing.
    """
    rows = reals[["path", "official_split", "group"]].to_dict("records")
    ids = _each(_read_id, [row["path"] for row in rows], jobs, "read")
    pictures, left_out = [], []
    for row, (file_id, reason, detail) in zip(rows, ids, strict=True):
        if reason:
            left_out.append(_without(row["path"], reason, detail))
        else:
            pictures.append({**row, "file_id": file_id})
    pictures.sort(key=lambda row: (RANK_OF_SPLIT.get(row["official_split"], 3), row["path"]))
    first: dict[str, dict] = {}
    for row in pictures:
        kept = first.setdefault(row["file_id"], row)
        if kept is not row:
            kept["group"] = kept["group"] or row["group"]
            left_out.append(_without(row["path"], "duplicate", f"same bytes as {kept['path']}"))
    return sorted(first.values(), key=lambda row: row["path"]), left_out


def _read_id(path: str) -> tuple[str, str, str]:
    """Returns a file's id; or "", a reason and a detail."""
    if kind_of(path) == "video":
        return "", "a clip", "fakes are blended from pictures only"
    try:
        return runs.sha256_file(path), "", ""
    except OSError as error:
        return "", "unreadable", error.strerror or str(error)


def _blend_one(row: dict, *, folder: Path, blend: Blend, seed: int) -> dict | None:
    """Writes the two files of a picture; returns what is wrong with it, or None."""
    try:
        with open(row["path"], "rb") as stream:
            data = stream.read()
    except OSError as error:
        return _without(row["path"], "unreadable", error.strerror or str(error))
    try:
        if hashlib.sha256(data).hexdigest() != row["file_id"]:
            raise Rejected("changed", "the bytes are not those that were listed")
        picture = _square(decode_image(data).pixels)
    except Rejected as error:
        return _without(row["path"], error.reason, error.detail)
    generator = np.random.default_rng([seed, int(row["file_id"][:16], 16)])
    for path, pixels in zip(_files(folder, row), blend(picture, generator), strict=True):
        _write_png(path, pixels)
    return None


def _square(pixels: np.ndarray) -> np.ndarray:
    """Returns the part that detectors will see: the middle square, no larger than `LARGEST`."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    if side < SMALLEST:
        raise Rejected("too small", f"{width} x {height} pixels")
    if max(height, width) > NEARLY_SQUARE * side:
        top, left = (height - side) // 2, (width - side) // 2
        pixels = pixels[top : top + side, left : left + side]
    if side > LARGEST:
        height, width = (round(each * LARGEST / side) for each in pixels.shape[:2])
        pixels = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(pixels)


def _write_png(path: Path, pixels: np.ndarray) -> None:
    # OpenCV takes the channels for BGR.
    data = cv2.imencode(".png", pixels[..., ::-1], UNCOMPRESSED)[1]
    with runs.atomic_path(path) as temporary:
        temporary.write_bytes(data)


def _files(folder: Path, row: dict) -> tuple[Path, Path]:
    name = f"{row['file_id'][:32]}.png"
    return folder / REAL_FOLDER / name, folder / FAKE_FOLDER / name


def _without(path: str, reason: str, detail: str) -> dict:
    return {"path": path, "label": 0, "reason": reason, "detail": detail}


def _each(work: Callable, items: list, jobs: int, done: str) -> list:
    """Returns `work` of each item; threads, because decoding and encoding let others run."""
    results: list = []
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        for start in range(0, len(items), BATCH):
            results.extend(pool.map(work, items[start : start + BATCH]))
            runs.report_progress(
                len(results) / len(items), f"{done} {len(results)} of {len(items)} pictures"
            )
    return results


def _entries(made: Iterable[dict], folder: Path, attrs: dict) -> pd.DataFrame:
    rows = []
    for row in made:
        group = row["group"] or f"picture_{row['file_id'][:16]}"
        for label, path in enumerate(_files(folder, row)):
            generator = GENERATOR if label else "real"
            rows.append((str(path), label, row["official_split"], generator, group))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame.attrs = {**attrs, "own_groups": sum(not row["group"] for row in made)}
    return frame
