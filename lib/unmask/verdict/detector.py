"""A trained detector that is asked about pictures and clips."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..evidence import Evidence
from ..media import Rejected
from ..media.faces import Face
from ..media.images import decode_image
from .changes import CHANGES
from .clips import ONLY_FACES, ClipLooker, describe_clip_of
from .judging import Judge, unusable, with_evidence
from .kinds import kind_of_file, pictures_and_clips
from .looking import evidence_of_photo
from .opening import Opened, open_detector
from .rates import describe_rates
from .reading import SeenFace, notices_of
from .records import HeatMap, Person, Verdict

Progress = Callable[[float, str], None]  # share done, 0 to 1, and a few words
FACES_AT_ONCE = 16  # of several pictures, scored together
FILES_AT_ONCE = 32
NO_RATES = "Nothing is known of the errors of this model: a score of it is no verdict."
FLIPS_NOT_COUNTED = (
    "The error rates do not count that a verdict becomes unsure when a mild change of the picture "
    "turns it: in truth it is unsure a little more often."
)
UNREADABLE = (Rejected, OSError, MemoryError, cv2.error)
OTHER_PICTURES = "Pictures from elsewhere can fool it more often."
ONLY_DEMO = (
    "This detector learned from faces that Unmask renders itself: what it says of photographs "
    "means nothing. Train one on photographs first."
)
NEITHER = "neither a picture nor a clip, by its content and its name"


@dataclass(frozen=True)
class _Read:
    """A picture that was read: its faces, ready to be scored, or why it could not be."""

    name: str
    seen: tuple[SeenFace, ...] = ()
    evidence: tuple[list[Evidence], ...] = ()
    notes: tuple[str, ...] = ()
    shape: tuple[int, int] = (0, 0)
    file_format: str = ""
    error: Exception | None = None
    seconds: float = 0.0

    @property
    def variants(self) -> list[np.ndarray]:
        return [face.variants for face in self.seen if face.variants is not None]


class Detector:
    """A trained detector with its preprocessing, calibration, threshold and error rates.

    Attributes:
        name: of the member that scores, such as "weighted_ensemble".
        title: for the reader, with the run it comes from.
        card: everything that is known of it, see `card.make_card`.
        faces: how faces are found, as it was asked for.
        every: of a clip, each n-th frame is looked at.
    """

    def __init__(self, opened: Opened, faces: str, every: int):
        self.card, self.name, self.title = opened.card, opened.card["name"], opened.card["title"]
        self.faces, self.every = faces, every
        self._scorer = opened.scorer()
        self._reader, told = opened.reader(faces)
        self._notices = (*opened.notices, *self.card["notices"], *told)
        self._judge = Judge.from_card(self.card, "faces")
        normal = self.card["evidence"] or {}
        self._normal = {kind: normal.get(kind) for kind in ("image", "video")}
        clips = self.card["clips"]
        self._clips = ClipLooker(
            self._reader,
            self._scorer,
            Judge.from_card(self.card, "clips") if clips else self._judge,
            (clips["pooling"], clips["k"], clips["frames"]) if clips else ("mean", 0, 0),
            every,
            self._normal["video"],
        )

    @classmethod
    def load(cls, path: str | Path, *, faces: str = "auto", every: int = 10) -> Detector:
        """Opens a detector; its networks are loaded when it is first asked.

        Args:
            path: a run folder, a member's folder (<run>/<step>/<member>), a detector.json, or a
                .keras file.
            faces: how faces are found: "auto", "yunet", "mtcnn", or "whole" to take each picture
                for a face crop as it is.
            every: of a clip, each n-th frame is looked at.

        Raises:
            DataError, UsageError: nothing there can be opened safely.
        """
        return cls(open_detector(path), faces, every)

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader must know of how it scores; empty when all is as it was trained."""
        told, clips = list(self._notices), self.card["clips"] or {}
        known = [rates for rates in (self._judge.rates, clips.get("error_rates")) if rates]
        if not all(rates["changes"] for rates in known):
            told.append(FLIPS_NOT_COUNTED)
        if (self.card["dataset"] or {}).get("names") == ["demo"]:
            told.append(ONLY_DEMO)
        return tuple(dict.fromkeys((*told, *self._scorer.notices())))

    def score_image(self, data: bytes, *, name: str = "") -> Verdict:
        """Returns the verdict on a picture's bytes; broken ones give one with `error`."""
        return self._judged([self._read(name, data)])[0]

    def score_video(
        self, path: str | Path, *, name: str = "", progress: Progress | None = None
    ) -> Verdict:
        """Returns the verdict on a clip; what `progress` raises stops the work and is passed on."""
        started, name, stopped = time.perf_counter(), name or str(path), []

        def tell(share: float, words: str) -> None:
            try:
                if progress is not None:
                    progress(share, words)
            except BaseException as error:  # an OSError too, such as a time limit's
                stopped.append(error)
                raise

        try:
            watched = self._clips.watch(path, tell)
            people = self._clips.people(path, watched, tell)
        except UNREADABLE as error:
            if stopped:
                raise
            return self._unreadable(name, error, time.perf_counter() - started)
        only_faces = [ONLY_FACES] if self._clips.judge is self._judge else []
        tell(1.0, "done")
        return self._clips.judge.file(
            people,
            "video",
            self._found_by,
            notices=[*watched.notices, *only_faces],
            file=name,
            seconds=time.perf_counter() - started,
            detector=self.name,
            width=watched.clip.width,
            height=watched.clip.height,
            clip=describe_clip_of(watched, self.every),
        )

    def score_file(self, path: str | Path) -> Verdict:
        """Returns the verdict on a file, picture or clip by its content; never raises."""
        return next(iter(self.score_files([path])))

    def score_folder(self, path: str | Path, *, jobs: int = 1) -> Iterator[Verdict]:
        """Yields the verdict on each picture and clip below a folder, sorted by path."""
        return self.score_files(list(pictures_and_clips(path)), jobs=jobs)

    def score_files(self, paths: Sequence[str | Path], *, jobs: int = 1) -> Iterator[Verdict]:
        """Yields the verdict on each file in the order given; `jobs` files are read at a time."""
        waiting: deque[Future] = deque()
        rest = iter(paths)
        with ThreadPoolExecutor(max(1, jobs)) as pool:
            try:
                read: list[_Read] = []
                while True:
                    for path in rest:
                        waiting.append(pool.submit(self._read_file, path))
                        if len(waiting) >= FILES_AT_ONCE + jobs:
                            break
                    if not waiting:
                        break
                    found = waiting.popleft().result()
                    clip = isinstance(found, Path)
                    read += [] if clip else [found]
                    faces = sum(len(each.variants) for each in read)
                    if clip or faces >= FACES_AT_ONCE or len(read) >= FILES_AT_ONCE:
                        yield from self._judged(read)
                        read = []
                    if clip:
                        yield self.score_video(found)
                yield from self._judged(read)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def explain(self, people: Sequence[Person]) -> list[HeatMap | None]:
        """Returns which places spoke for each person's score; None for one without a crop.

        Grad-CAM, or covering places one by one for a network that has no maps (see
        `explain.grad_cam.what_lacks`). Loads TensorFlow.
        """
        shown = [person for person in people if person.crop is not None]
        if not shown:
            return [None for _ in people]
        from .explaining import heat_maps

        found = iter(heat_maps(self._scorer.leading(), shown, self._judge.limits.threshold))
        return [None if person.crop is None else next(found) for person in people]

    def crop_of(self, pixels: np.ndarray, person: Mapping[str, Any]) -> np.ndarray:
        """Returns what the networks saw of a person's face, uint8 `[side, side, 3]`.

        Args:
            pixels: uint8 `[h, w, 3]`, the picture, or the frame that `box` belongs to.
            person: a judged one, as `Person.as_dict` gives it.
        """
        face = None
        if person["landmarks"] is not None:
            points = np.asarray(person["landmarks"], dtype=float)
            face = Face(tuple(person["box"]), points, person["confidence"])
        return self._reader.crop(pixels, face)

    def error_rates(self) -> str:
        """Returns how often it is wrong on faces, and on clips, that it never saw."""
        clips, names = self.card["clips"], (self.card["dataset"] or {}).get("names", [])
        levels = [self._judge.rates, clips["error_rates"] if clips else None]
        told = [describe_rates(rates, names) for rates in levels if rates]
        return " ".join([*told, OTHER_PICTURES]) if told else NO_RATES

    @property
    def _found_by(self) -> str:
        return "" if self._reader.finder is None else self._reader.finder.title

    def _read_file(self, path: str | Path) -> _Read | Path:
        """Returns a picture that was read, or the path of a clip."""
        started, name = time.perf_counter(), str(path)
        try:
            kind = kind_of_file(path)
            if kind == "video":
                return Path(path)
            if not kind:
                raise Rejected("not an image", NEITHER)
            return self._read(name, Path(path).read_bytes())
        except UNREADABLE as error:
            return _Read(name, error=error, seconds=time.perf_counter() - started)

    def _read(self, name: str, data: bytes) -> _Read:
        started = time.perf_counter()
        try:
            decoded = decode_image(data)
        except Rejected as error:
            return _Read(name, error=error, seconds=time.perf_counter() - started)
        seen = tuple(self._reader.look([decoded.pixels])[0])
        evidence = tuple(
            evidence_of_photo(decoded.pixels, each.face, self._normal["image"])
            if each.face is not None and each.variants is not None
            else []
            for each in seen
        )
        seconds, shape = time.perf_counter() - started, decoded.pixels.shape[:2]
        about = {"shape": shape, "file_format": decoded.format, "seconds": seconds}
        notes = (*decoded.notes, *notices_of([seen]))
        return _Read(name, seen, evidence, notes, **about)

    def _judged(self, read: Sequence[_Read]) -> list[Verdict]:
        """Returns the verdicts on pictures, all their faces scored together."""
        started = time.perf_counter()
        variants = [each for picture in read for each in picture.variants]
        scores = iter(())
        if variants:
            scores = iter(self._scorer(np.concatenate(variants)).reshape(-1, 1 + len(CHANGES)))
        found = [self._verdict(picture, scores) for picture in read]
        share = (time.perf_counter() - started) / max(len(read), 1)
        return [replace(each, seconds=each.seconds + share) for each in found]

    def _verdict(self, read: _Read, scores: Iterator[np.ndarray]) -> Verdict:
        if read.error is not None:
            return self._unreadable(read.name, read.error, read.seconds)
        people = []
        for number, (seen, evidence) in enumerate(zip(read.seen, read.evidence, strict=True)):
            if seen.variants is None:
                people.append(unusable(number, seen))
                continue
            about = {"quality": dict(seen.quality), "crop": seen.variants[0], **seen.about()}
            person = self._judge.person(number, next(scores), **about)
            people.append(with_evidence(person, evidence))
        return self._judge.file(
            people,
            "image",
            self._found_by,
            read.file_format,
            read.notes,
            file=read.name,
            seconds=read.seconds,
            detector=self.name,
            width=read.shape[1],
            height=read.shape[0],
        )

    def _unreadable(self, name: str, error: Exception, seconds: float) -> Verdict:
        if isinstance(error, Rejected):
            told = {"reason": error.reason, "detail": error.detail}
        else:
            told = {"reason": "unreadable", "detail": getattr(error, "strerror", "") or str(error)}
        return Verdict(name, error=told, seconds=seconds, detector=self.name)
