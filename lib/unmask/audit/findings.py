"""What an audit finds: a traffic light, a sentence, the evidence and the fix. Plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

GREEN, AMBER, RED, NOT_CHECKED = "green", "amber", "red", "not checked"
WORST_FIRST = (RED, AMBER, NOT_CHECKED, GREEN)
LEAKAGE, OVERLAP, LABELS, FAILURES = "leakage", "overlap", "labels", "failures"
FILE_SHORTCUTS, PICTURE_SHORTCUTS = "shortcuts of the file", "shortcuts of the picture"
TOPICS = (LEAKAGE, OVERLAP, FILE_SHORTCUTS, PICTURE_SHORTCUTS, LABELS, FAILURES)
MOST_EVIDENCE = 20


@dataclass(frozen=True)
class Finding:
    """The answer to one question about a dataset.

    Attributes:
        key: what was asked, the same in every audit, such as "file_bytes".
        topic: one of `TOPICS`.
        check: what was asked, in a few words for a reader.
        light: "green", "amber", "red" or "not checked".
        sentence: what was found, with its numbers.
        fix: what to do about it; empty when there is nothing to do.
        evidence: rows of a table, all with the same columns; at most `MOST_EVIDENCE`.
        numbers: what the sentence rests on, by name.
    """

    key: str
    topic: str
    check: str
    light: str
    sentence: str
    fix: str = ""
    evidence: Sequence[Mapping[str, Any]] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.light not in WORST_FIRST or self.topic not in TOPICS:
            raise ValueError(f"{self.key}: light {self.light!r}, topic {self.topic!r}")
        object.__setattr__(self, "evidence", tuple(self.evidence)[:MOST_EVIDENCE])

    def as_dict(self) -> dict[str, Any]:
        """Returns plain data for JSON."""
        return {**asdict(self), "evidence": [dict(row) for row in self.evidence]}


def count_lights(findings: Iterable[Finding]) -> dict[str, int]:
    """Returns how many findings have each light, worst first, zeros included."""
    lights = [finding.light for finding in findings]
    return {light: lights.count(light) for light in WORST_FIRST}


def worst_light(findings: Iterable[Finding]) -> str:
    """Returns red or amber when a finding is; else green when one was checked."""
    lights = {finding.light for finding in findings}
    return next((light for light in (RED, AMBER, GREEN) if light in lights), NOT_CHECKED)


def by_light(findings: Iterable[Finding]) -> list[Finding]:
    """Returns the findings, worst first; of equals, in their order."""
    return sorted(findings, key=lambda finding: WORST_FIRST.index(finding.light))
