"""From an upload to a verdict: the queue, the clock, and what only the page needs beside it."""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..media import Rejected
from ..verdict import Detector, HeatMap, Person, Verdict
from .limits import Clock, Limits, Ticket, Turnstile
from .problems import Problem, of_rejected
from .uploads import Upload, check_clip, check_picture, path_of

Tell = Callable[[float, str], None]  # share done, 0 to 1, and a few words
Boxes = tuple[tuple[int, float, float, float, float], ...]
EVERYONE = range(1_000_000)


@dataclass(frozen=True)
class Look:
    """What was found out about a file.

    Attributes:
        verdict: of the detector.
        picture: uint8 `[height, width, 3]`, RGB: the photo, or the clip's frame that decided; None
            when it was not asked for.
        shown_at: seconds into the clip of that frame, None for a photo.
        boxes: of each person that is on `picture`: number, left, top, width, height in pixels.
        heat_maps: by a person's number, of those that were asked for and have one.
    """

    verdict: Verdict
    picture: np.ndarray | None = None
    shown_at: float | None = None
    boxes: Boxes = ()
    heat_maps: dict[int, HeatMap] = field(default_factory=dict)


@dataclass(frozen=True)
class Order:
    """One request for a look: whose turn, how long, whom to tell, and what is wanted of it.

    Attributes:
        ticket: of the turnstile.
        clock: of the request.
        tell: is called with how far the work is.
        picture: add the photo or the frame that decided.
        explain: numbers of the persons whose heat maps are wanted.
    """

    ticket: Ticket
    clock: Clock
    tell: Tell = lambda share, words: None
    picture: bool = False
    explain: Container[int] = ()


class Desk:
    """A detector with a queue before it.

    Attributes:
        detector, limits, turnstile: as given, and made of `limits`.
    """

    def __init__(self, detector: Detector, limits: Limits):
        self.detector, self.limits = detector, limits
        self.turnstile = Turnstile(limits.at_once, limits.queue, limits.seconds)

    def look(self, upload: Upload, order: Order) -> Look:
        """Returns the verdict on an upload when it is its turn; the ticket is given back.

        Raises:
            Problem: the file is refused or broken, or the time is up.
        """
        try:
            order.ticket.wait(order.clock, order.tell)
            look = self._look_at_photo if upload.kind == "image" else self._look_at_clip
            return look(upload, order)
        except Rejected as error:
            raise of_rejected(error.reason, error.detail) from error
        except MemoryError as error:
            raise of_rejected("too large", "it does not fit into memory") from error
        finally:
            order.ticket.leave()

    def explain(self, upload: Upload, order: Order, number: int) -> tuple[Person, HeatMap]:
        """Returns a person of a file and where the network looked on it; scores the file anew.

        Raises:
            Problem: as `look`; 404 for a person that is not in the file, 422 for one without a
                heat map.
        """
        look = self.look(upload, order)
        person = next((each for each in look.verdict.people if each.number == number), None)
        if person is None:
            raise Problem(404, "no such person", f"The file shows no person number {number}.")
        if number not in look.heat_maps:
            raise Problem(422, "no heat map", "A face without a verdict has no heat map.")
        return person, look.heat_maps[number]

    def _look_at_photo(self, upload: Upload, order: Order) -> Look:
        data = upload.stream.read()
        check_picture(data, self.limits)
        order.tell(0.2, "looking for faces")
        verdict = _readable(self.detector.score_image(data, name=upload.name))
        maps = self._heat_maps(verdict, order)
        if not order.picture:
            return Look(verdict, heat_maps=maps)
        from ..media.images import decode_image

        boxes = tuple((person.number, *person.box) for person in verdict.people)
        return Look(verdict, decode_image(data).pixels, None, boxes, maps)

    def _look_at_clip(self, upload: Upload, order: Order) -> Look:
        def progress(share: float, words: str) -> None:
            order.clock.check()
            order.tell(share, words)

        with path_of(upload) as path:
            check_clip(path, self.limits)
            verdict = _readable(
                self.detector.score_video(path, name=upload.name, progress=progress)
            )
            maps = self._heat_maps(verdict, order)
            if not order.picture:
                return Look(verdict, heat_maps=maps)
            return Look(verdict, *_deciding_frame(path, verdict), maps)

    def _heat_maps(self, verdict: Verdict, order: Order) -> dict[int, HeatMap]:
        maps = {}
        for person in verdict.people:
            if person.number in order.explain:
                order.clock.check()
                (found,) = self.detector.explain([person])
                if found is not None:
                    maps[person.number] = found
        return maps


def worst_moment(person: Person) -> dict[str, Any] | None:
    """Returns the frame of a person with the highest score; None for a photo."""
    scored = [frame for frame in person.frames if frame.get("score") is not None]
    return max(scored, key=lambda frame: frame["score"], default=None)


def deciding_person(verdict: Verdict) -> Person | None:
    """Returns the person whose score is the file's, else the first one seen, else None."""
    decided = [
        person
        for person in verdict.people
        if person.verdict == verdict.verdict and person.score == verdict.score
    ]
    return next(iter(decided or verdict.people), None)


def _readable(verdict: Verdict) -> Verdict:
    if verdict.error:
        raise of_rejected(verdict.error["reason"], verdict.error["detail"])
    return verdict


def _deciding_frame(path: Path, verdict: Verdict) -> tuple[np.ndarray, float, Boxes]:
    """Returns picture, time and boxes of the frame that speaks most for fake."""
    from ..media.videos import read_frame

    person = deciding_person(verdict)
    moment = worst_moment(person) if person else None
    if moment is None:
        return read_frame(path, 0), 0.0, ()
    boxes = tuple(
        (each.number, *frame["box"])
        for each in verdict.people
        for frame in each.frames
        if frame["index"] == moment["index"]
    )
    return read_frame(path, moment["index"]), moment["time"], boxes
