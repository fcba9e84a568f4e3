"""What a rendering process does: draw the missing files of one pair of people."""

from __future__ import annotations

import multiprocessing
import os
import threading
from pathlib import Path

import cv2
import numpy as np

from ... import runs
from ...errors import DataError
from . import camera as cameras
from . import manipulate
from .people import draw_moment, draw_person, move
from .plan import Item
from .shots import CLIP_RATE, FORGER, Shot, film, stream, take


def prepare_process() -> None:
    """Sets up a rendering process: one thread each, and it ends when its parent is killed."""
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def render_items(folder: str, size: int, seed: int, items: list[Item]) -> int:
    """Writes the files of `items` under `folder`, each atomically; returns how many."""
    for item in items:
        target = Path(folder) / item.path
        if item.kind == "image":
            picture, shot = _picture(item, size, seed)
            with runs.atomic_path(target) as temporary:
                temporary.write_bytes(cameras.encode(picture, shot.camera))
        else:
            _write_clip(target, item, size, seed)
    return len(items)


def _picture(item: Item, size: int, seed: int) -> tuple[np.ndarray, Shot]:
    shot = take(seed, item.identity, item.number, size)
    rng = stream(seed, item.identity, item.number, FORGER)
    if item.generator == "real":
        made = manipulate.untouched(shot)
    elif item.generator == "face_swap":
        made = manipulate.face_swap(shot, draw_person(seed, item.identity ^ 1), rng)
    elif item.generator == "self_blend":
        made = manipulate.self_blend(shot, rng)
    else:
        made = manipulate.reenactment(shot, draw_moment(rng), rng)
    last = stream(seed, item.identity, item.number, FORGER + 1)
    return cameras.finish(made, shot.camera, last), shot


def _write_clip(target: Path, item: Item, size: int, seed: int) -> None:
    last = stream(seed, item.identity, item.number, FORGER + 1)
    donor = draw_person(seed, item.identity ^ 1)
    acted = draw_moment(stream(seed, item.identity, item.number, FORGER))
    phases = last.uniform(size=6)
    with runs.atomic_path(target) as temporary:
        code = cv2.VideoWriter_fourcc(*"mp4v")
        writer = cv2.VideoWriter(str(temporary), code, CLIP_RATE, (size, size))
        if not writer.isOpened():
            raise DataError(
                f"{target} could not be opened for writing a clip.",
                expected="an OpenCV with the mp4v encoder (opencv-python-headless has it)",
                fix="check the free space and the installed opencv, or ask for no clips",
            )
        for frame, shot in enumerate(film(seed, item.identity, item.number, size)):
            rng = stream(seed, item.identity, item.number, FORGER)
            flicker = float(np.clip(last.normal(0, 0.8), -2, 2))
            made = manipulate.untouched(shot)
            if item.generator == "face_swap":
                made = manipulate.face_swap(shot, donor, rng, flicker)
            elif item.generator != "real":
                played = move(acted, frame / CLIP_RATE, phases)
                made = manipulate.reenactment(shot, played, rng, flicker)
            picture = cameras.finish(made, shot.camera, last)
            writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        writer.release()
