"""From the scores of people to the verdict on a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..evaluation.calibration import Calibration
from ..evidence import Evidence
from .changes import CHANGES
from .learned import Learned
from .reading import SeenFace
from .records import NO_FACE, UNSURE, Person, Verdict
from .rules import Limits, chances_of, decide
from .words import reasons_of, reasons_of_file, reasons_of_rates


@dataclass(frozen=True)
class Judge:
    """What turns scores of one level, faces or clips, into verdicts.

    Attributes:
        limits: threshold and band.
        calibration: None where it is not known.
        rates: on test, see `rates.three_way_rates`; None where they are not known.
        things: "faces" or "clips", for the reader.
        learned: what it learned from; None where it is not known.
    """

    limits: Limits
    calibration: Calibration | None
    rates: Mapping[str, Any] | None
    things: str
    learned: Learned | None = None

    @classmethod
    def from_card(cls, card: Mapping[str, Any], things: str) -> Judge:
        """Returns the judge of "faces" or "clips" that a card describes; without one never sure."""
        level = card[things]
        if level is None:
            return cls(Limits(0.5, None), None, None, things)
        band = level["band"]
        limits = Limits(level["threshold"]["value"], (band["low"], band["high"]))
        learned = Learned(**card["learned"]) if card["learned"] else None
        calibration = Calibration(**level["calibration"])
        return cls(limits, calibration, level["error_rates"], things, learned)

    def person(self, number: int, scores: np.ndarray, **about: Any) -> Person:
        """Returns a person with the verdict.

        Args:
            number: of the person.
            scores: float64 `[1 + changes]`, as it is and after each of CHANGES.
            **about: other fields of `Person`.
        """
        score, changed = float(scores[0]), dict(zip(CHANGES, map(float, scores[1:]), strict=True))
        verdict = self.limits.judge(score, changed)
        reasons = reasons_of(score, changed, self.limits, self.things)
        side = about["quality"]["crop"]
        if self.learned and self.learned.too_small(side):
            if verdict != UNSURE:
                reasons = [f"Its score {score:.3f} alone would mean {verdict}."]
            verdict, reasons = UNSURE, [self.learned.reason(side), *reasons]
        calibrated = self.calibration.apply([score])[0] if self.calibration else None
        return Person(
            number=number,
            verdict=verdict,
            score=score,
            calibrated=None if calibrated is None else float(calibrated),
            reasons=reasons,
            flips=changed,
            **about,
        )

    def file(
        self,
        people: Sequence[Person],
        kind: str,
        found_by: str,
        file_format: str = "",
        notices: Sequence[str] = (),
        **about: Any,
    ) -> Verdict:
        """Returns the verdict on a file: that of the person who decides, see `rules.decide`.

        Args:
            people: found in it, also those who could not be judged.
            kind: "image" or "video".
            found_by: title of the finder; "" where pictures are taken whole.
            file_format: of a picture, such as "JPEG".
            notices: of how it was read.
            **about: other fields of `Verdict`.
        """
        judged = [person for person in people if not person.outcome]
        verdict, score, calibrated, reasons = NO_FACE, None, None, []
        if judged:
            chosen = judged[decide([(person.verdict, person.score) for person in judged])]
            verdict, score, calibrated = chosen.verdict, chosen.score, chosen.calibrated
            reasons = chosen.reasons
        chances = chances_of(verdict, self.rates)
        unlike = []
        if judged and self.learned:
            sides = [person.quality["crop"] for person in judged]
            unlike = self.learned.notices(kind, file_format, sides)
        known = {"threshold": self.limits.threshold, "band": self.limits.band}
        return Verdict(
            kind=kind,
            verdict=verdict,
            score=score,
            calibrated=calibrated,
            false_positive_rate=self.false_positive_rate(),
            chances=chances,
            reasons=[
                *reasons_of_file(verdict, [_told(each) for each in people], kind, found_by),
                *reasons,
                *reasons_of_rates(verdict, self.rates, chances),
            ],
            people=list(people),
            notices=[*notices, *unlike],
            **known,
            **about,
        )

    def false_positive_rate(self) -> dict[str, float | None] | None:
        """Returns the share of real test faces or clips called fake: value, low, high."""
        if self.rates is None:
            return None
        return {name: self.rates["real"]["fake"][name] for name in ("value", "low", "high")}


def unusable(number: int, seen: SeenFace, outcome: str = "") -> Person:
    """Returns a person whose face cannot be judged, with the outcome that says why."""
    about = {"quality": dict(seen.quality), **seen.about()}
    return Person(number=number, outcome=outcome or seen.outcome, **about)


def with_evidence(person: Person, evidence: Sequence[Evidence]) -> Person:
    """Returns the person with what a careful viewer would look at."""
    return replace(person, evidence=[each.as_dict() for each in evidence])


def _told(person: Person) -> dict[str, Any]:
    side = person.quality.get("side", 0.0)
    return {"verdict": person.verdict, "outcome": person.outcome, "side": side}
