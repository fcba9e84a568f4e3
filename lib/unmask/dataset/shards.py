"""Decoded faces in pieces on disk, so that an interruption loses at most the piece in progress."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pandas as pd
import PIL

from .. import runs
from ..media import Rejected
from .decode import FacesOfFile, decode_file
from .equalise import Equaliser
from .seeking import WHOLE, FaceOfFile, FaceSeeker
from .settings import PreprocessSettings

USUAL_FRAMES = 40  # of a clip of which each so many frames are taken, whatever its length is


@dataclass(frozen=True)
class Shards:
    """The pieces of one preprocessing: `<number>.npy` holds faces, `<number>.parquet` says whose.

    Attributes:
        folder: where they lie.
        files: a row a file with `file_id`, `path`, `kind`; what it is decoded from.
        settings: what it is decoded with.
        equaliser: what all pictures are brought to.
        seeker: looks for faces; takes pictures whole unless told otherwise.
    """

    folder: Path
    files: pd.DataFrame
    settings: PreprocessSettings
    equaliser: Equaliser = field(default_factory=Equaliser)
    seeker: FaceSeeker = WHOLE

    def discard_stale(self) -> None:
        """Deletes shards that were made from other files, settings or decoders."""
        key_path = self.folder / "key.txt"
        if not key_path.exists() or key_path.read_text(encoding="utf-8") != self._key():
            shutil.rmtree(self.folder, ignore_errors=True)
            runs.write_text(key_path, self._key())

    def weights(self) -> np.ndarray:
        """Returns about how many faces each file gives, int [files]."""
        of_clip = USUAL_FRAMES if self.seeker.choice.every else self.settings.frames_per_clip
        return np.where(self.files["kind"] == "video", of_clip, 1)

    def plan(self) -> list[range]:
        """Returns the places in `files` that each shard holds: about `shard_size` faces."""
        weights = self.weights()
        numbers = (np.cumsum(weights) - weights) // self.settings.shard_size
        edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
        return [range(start, stop) for start, stop in pairwise(edges)]

    def is_done(self, number: int) -> bool:
        """The table is written after the array, so it stands for both."""
        return self._table_path(number).exists()

    def decode_missing(self) -> None:
        """Decodes every shard that is not on disk yet."""
        plan = self.plan()
        with ThreadPoolExecutor(self.settings.jobs) as pool:
            for number, places in enumerate(plan):
                if not self.is_done(number):
                    self._decode(number, places, pool)
                done = f"{places.stop} of {len(self.files)} files decoded"
                runs.report_progress(0.95 * (number + 1) / len(plan), done)

    def table(self) -> pd.DataFrame:
        """Returns the tables of all shards as one.

        A row a face, and one for each rejected file: `file` (place in `files`), `frame`,
        `shard`, `place` (in the shard's array; -1 when rejected), `pixels_id`, `notes`,
        `thumbnail` and `middle` (the frame it shows), `reason` ("" for a face), `detail`. Of
        several faces of a file the first alone has a thumbnail. Where faces are looked for, also
        `name` (of the face within its file), `person`, `box` and `confidence`, and a row for
        each frame without a face and each face that cannot be used, with its `frame`.
        """
        parts = [
            pd.read_parquet(self._table_path(number)).assign(shard=number)
            for number in range(len(self.plan()))
        ]
        table = pd.concat(parts, ignore_index=True)
        if self.seeker.choice.searched and "name" not in table:  # no file gave a face
            table = table.assign(name="", person=0, box=None, confidence=0.0)
        return table

    def arrays(self) -> Iterator[np.ndarray]:
        """Yields each shard's faces, uint8 `[faces, size, size, 3]`, one shard in memory."""
        for number in range(len(self.plan())):
            yield np.load(self._array_path(number))

    def _decode(self, number: int, places: range, pool: ThreadPoolExecutor) -> None:
        rows: list[dict[str, Any]] = []
        faces = [np.empty((0, self.settings.size, self.settings.size, 3), np.uint8)]
        count = 0
        files = self.files.iloc[places.start : places.stop]
        results = pool.map(self._decode_one, files["path"], files["file_id"], files["kind"])
        for place, result in zip(places, results, strict=True):
            row = {"file": place, "frame": -1, "place": -1, "pixels_id": "", "notes": ""}
            row |= {"thumbnail": b"", "middle": 0}
            if isinstance(result, Rejected):
                rows.append({**row, "reason": result.reason, "detail": result.detail})
                continue
            rows.extend({**row, **loss._asdict()} for loss in (*result.lost, result.loss) if loss)
            row |= {"pixels_id": result.pixels_id, "notes": "\n".join(result.notes)}
            row |= {"thumbnail": result.thumbnail, "middle": result.middle}
            for turn, frame in enumerate(result.frames):
                known = _known_of(result.found[turn]) if result.found else {}
                row |= {"frame": frame, "place": count, "reason": "", "detail": ""}
                rows.append({**row, **known})
                row["thumbnail"] = b""
                count += 1
            faces.append(result.faces)
        with runs.atomic_path(self._array_path(number)) as temporary:
            np.save(temporary, np.concatenate(faces))
        runs.write_table(self._table_path(number), pd.DataFrame(rows))

    def _decode_one(self, path: str, file_id: str, kind: str) -> FacesOfFile | Rejected:
        try:
            return decode_file(path, file_id, kind, self.settings, self.equaliser, self.seeker)
        except Rejected as rejected:
            return rejected.with_traceback(None)

    def _key(self) -> str:
        columns = [self.files[name].tolist() for name in ("file_id", "path", "kind")]
        settings = self.settings
        numbers = [settings.size, settings.frames_per_clip, settings.shard_size]
        versions = [PIL.__version__, cv2.__version__, av.__version__, "with thumbnails"]
        made_with = [settings.minimum_side, self.equaliser.key(), versions]
        return runs.sha256_of([columns, numbers, *made_with, *self.seeker.key()])

    def _array_path(self, number: int) -> Path:
        return self.folder / f"{number:05d}.npy"

    def _table_path(self, number: int) -> Path:
        return self.folder / f"{number:05d}.parquet"


def _known_of(face: FaceOfFile) -> dict[str, Any]:
    known = {"person": face.person, "box": list(face.box), "confidence": face.confidence}
    return {"name": face.name, **known}
