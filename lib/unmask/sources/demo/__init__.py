"""The demo: faces that Unmask renders itself, real ones and forged ones, from a seed.

Every identity is a shaded heightfield face of its own. Real and fake pictures leave through the
same camera and the same JPEG encoder, so that only the manipulation separates them. Identities
come in pairs that swap faces with each other; one pair is one group.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from ... import runs
from ...errors import DataError, UsageError
from .plan import HELD_OUT, TRAINED_ON, Item, plan_items
from .work import prepare_process, render_items

__all__ = ["HELD_OUT", "RENDERER", "TRAINED_ON", "render_demo"]

RENDERER = 1  # raise it whenever the same seed no longer gives the same bytes


def render_demo(
    folder: str | Path,
    *,
    identities: int = 120,
    pictures: int = 8,
    clips: int = 12,
    size: int = 128,
    seed: int = 1,
    jobs: int = 2,
) -> pd.DataFrame:
    """Renders the demo into `folder`, or finds it there, and returns its files.

    The same arguments give the same bytes, whatever `jobs` is. A folder that holds the finished
    demo (`manifest.json`, checked by file sizes) is left as it is; an interrupted one goes on
    with the files that are missing; one of other settings is rendered anew.

    Args:
        folder: gets raw/<generator>/*.jpg, raw/clips/*.mp4 and manifest.json.
        identities: how many people; even, because they come in pairs.
        pictures: real pictures per person; as many fake ones come on top.
        clips: short videos in all, real and fake in turn.
        size: width and height in pixels; even.
        seed: of everything.
        jobs: rendering processes.

    Returns:
        A row a file: `path` (absolute), `label` (0 real, 1 fake), `dataset` ("demo"), `generator`
        ("real", "face_swap", "self_blend"; "reenactment" in the held-out pairs only), `group`
        ("pair_<k>"), `official_split` (empty).

    Raises:
        UsageError: a setting is out of range.
        DataError: `folder` holds another raw/ folder, or a rendering process was killed.
    """
    settings = dict(identities=identities, pictures=pictures, clips=clips, size=size, seed=seed)
    _check(settings | {"jobs": jobs})
    settings["renderer"] = RENDERER
    folder = Path(folder).resolve()
    items = plan_items(identities, pictures, clips, seed)
    manifest = folder / "manifest.json"
    if not _claim(folder, settings, items):
        _render(folder, size, seed, jobs, [i for i in items if not (folder / i.path).exists()])
        files = {item.path: _fingerprint(folder / item.path) for item in items}
        runs.write_json(manifest, {"settings": settings, "files": files})
    runs.report_progress(1.0, f"{len(items)} files")
    return _table(folder, items)


def _check(settings: dict[str, int]) -> None:
    limits = {
        "identities": (2, 9998),
        "pictures": (1, 50),
        "clips": (0, 100),
        "size": (64, 512),
        "seed": (0, 2**31),
        "jobs": (1, 256),
    }
    for name, (low, high) in limits.items():
        value = settings[name]
        even = name in ("identities", "size")
        if not isinstance(value, int) or not low <= value <= high or (even and value % 2):
            raise UsageError(
                f"The demo cannot be rendered with {name} = {value!r}.",
                expected=f"{'an even' if even else 'a'} whole number from {low} to {high}",
                fix=f"set download.{name} accordingly",
            )


def _claim(folder: Path, settings: dict[str, Any], items: list[Item]) -> bool:
    """Returns whether the demo is complete; else leaves only files worth keeping in `folder`."""
    manifest, started, raw = folder / "manifest.json", folder / "rendering.json", folder / "raw"
    if raw.exists() and not started.exists():
        raise DataError(
            f"{raw} was not rendered by Unmask, and rendering into it could mix the two.",
            expected="an empty folder, or one with a demo in it",
            fix=f"move {raw} away, or render into another folder",
        )
    if started.exists() and runs.read_json(started) != settings:
        manifest.unlink(missing_ok=True)
        runs.remove_folder(raw)
    for leftover in raw.rglob(".*.partial.*"):
        leftover.unlink()
    complete = manifest.exists()
    if complete:
        known = runs.read_json(manifest)["files"]
        for item in items:
            path = folder / item.path
            if not path.exists() or path.stat().st_size != known[item.path]["bytes"]:
                path.unlink(missing_ok=True)
                complete = False
    runs.write_json(started, settings)
    return complete


def _render(folder: Path, size: int, seed: int, jobs: int, missing: list[Item]) -> None:
    def of_pair(item: Item) -> tuple[str, int]:
        return item.kind, item.number if item.kind == "video" else item.identity // 2

    parts = [list(part) for _, part in groupby(missing, key=of_pair)]
    if not parts:
        return
    # Not forked: the caller may be a notebook kernel full of threads.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(parts)), context, prepare_process)
    try:
        futures = [pool.submit(render_items, str(folder), size, seed, part) for part in parts]
        _wait(futures, len(missing))
    except BrokenProcessPool as error:
        raise DataError(
            "A rendering process was killed; the files rendered so far are kept.",
            expected="about 250 MB of memory per process",
            fix="close other programs or lower download.jobs, then run it again",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _wait(futures: Iterable, total: int) -> None:
    done = 0
    for future in as_completed(futures):
        done += future.result()
        runs.report_progress(0.98 * done / total, f"rendered {done} of {total} files")


def _fingerprint(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": runs.sha256_file(path)}


def _table(folder: Path, items: list[Item]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "path": [str(folder / item.path) for item in items],
            "label": [item.label for item in items],
            "dataset": "demo",
            "generator": [item.generator for item in items],
            "group": [item.group for item in items],
            "official_split": "",
        }
    )
