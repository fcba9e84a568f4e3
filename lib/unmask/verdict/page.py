"""The report of `unmask score`: one page with its pictures in it, for a browser or a printer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..media import Rejected
from ..runs import atomic_path
from .changes import CHANGES
from .lines import LOOKS, NO_PROOF, UNREADABLE, main_reason, outcome_of, printable
from .listing import shown_name
from .records import FAKE, NO_FACE, REAL, UNSURE
from .stills import (
    cut,
    data_uri,
    faces_in_still,
    heat_of,
    heat_words,
    reduced,
    still_of,
    with_heat,
    worst_moment,
)
from .timeline import timeline

if TYPE_CHECKING:
    from .detector import Detector

TEMPLATES = Path(__file__).parent / "templates"
MOST_CARDS = 200  # a page of more pictures is slow to open
MOST_EXPLAINED = 12  # a heat map costs as much as a hundred scores
MOST_FACES = 12
ORDER = (FAKE, UNSURE, REAL, NO_FACE)
Record = Mapping[str, Any]


def write_page(path: Path, records: Sequence[Record], detector: Detector) -> list[str]:
    """Writes the report of `records` (see `Verdict.as_dict`) as one HTML file.

    Nothing in it is loaded from anywhere. It holds a card with pictures for the first
    `MOST_CARDS` files (fakes and unsure ones before others) and heat maps for the first
    `MOST_EXPLAINED` of those; the pictures are read from the files again.

    Returns:
        What is not in it, as sentences for the reader; empty when all is.
    """
    shown = _chosen(records)
    left = []
    if (readable := sum(not record["error"] for record in records)) > len(shown):
        left.append(f"The report shows {len(shown)} of {readable:,} files with their pictures.")
    outcomes = [outcome_of(record) for record in records]
    counts = Counter(outcomes)
    positions = {id(record): number for number, record in enumerate(records)}
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as stream:
        page = _environment().get_template("page.html.j2").stream(
            rows=[_row(record, number) for number, record in enumerate(records)],
            counts=[(outcome, counts[outcome]) for outcome in LOOKS if counts[outcome]],
            unreadable=UNREADABLE,
            cards=_cards(shown, positions, detector),
            pictured={positions[id(record)] for record in shown},
            error_rates=detector.error_rates(),
            no_proof=NO_PROOF,
            detector=detector.title,
            notices=[*detector.notices, *left],
            written=f"{datetime.now().astimezone():%d %B %Y, %H:%M %Z}",
        )  # fmt: skip
        page.enable_buffering(50)
        page.dump(stream)
    return left


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: "–" if value is None else f"{value:.3f}"
    environment.filters["percent"] = lambda value: "–" if value is None else f"{value:.1%}"
    environment.filters["printable"] = printable
    return environment


def _chosen(records: Sequence[Record]) -> list[Record]:
    readable = [record for record in records if not record["error"]]
    return sorted(readable, key=lambda record: ORDER.index(record["verdict"]))[:MOST_CARDS]


def _row(record: Record, number: int) -> dict[str, Any]:
    return {
        "number": number,
        "name": shown_name(record["file"]),
        "outcome": outcome_of(record),
        "score": record["score"],
        "calibrated": record["calibrated"],
        "reason": main_reason(record),
    }


def _cards(
    records: Sequence[Record], positions: dict[int, int], detector: Detector
) -> Iterator[dict[str, Any]]:
    """Yields what a card shows, one at a time: the pictures of many files need not fit at once."""
    for place, record in enumerate(records):
        still = still_of(record)
        heats = {}
        if still is not None and place < MOST_EXPLAINED and record["verdict"] in (FAKE, UNSURE):
            try:
                heats = heat_of(detector, record, still)
            except (OSError, Rejected):  # the file went away meanwhile
                heats = {}
        boxes = dict((person["number"], box) for person, box in faces_in_still(record))
        yield {
            **_row(record, positions[id(record)]),
            "record": record,
            "picture": None if still is None else _picture(record, still),
            "people": [
                _person(person, still, boxes, heats) for person in record["people"][:MOST_FACES]
            ],
            "more_people": max(len(record["people"]) - MOST_FACES, 0),
            "timeline": timeline(record),
        }


def _picture(record: Record, still: Any) -> dict[str, Any]:
    height, width = still.shape[:2]
    faces = [
        {"box": box, "person": person, "look": person["verdict"] or "none"}
        for person, box in faces_in_still(record)
    ]
    told = [
        f"person {face['person']['number'] + 1} {face['person']['verdict'] or 'not judged'}"
        for face in faces
    ]
    what = "Frame of the clip" if record["kind"] == "video" else "Photo"
    return {
        "uri": data_uri(reduced(still)),
        "width": width,
        "height": height,
        "faces": faces,
        "alt": f"{what} with {', '.join(told) or 'no face'}",
    }


def _person(
    person: Record, still: Any, boxes: dict[int, Any], heats: dict[int, Any]
) -> dict[str, Any]:
    number = person["number"]
    crop, heat = heats.get(number, (None, None))
    box = boxes.get(number)
    drawn = heat is not None and heat.heat.any()
    return {
        "person": person,
        "name": f"Person {number + 1}",
        "crop": data_uri(cut(still, box)) if still is not None and box is not None else None,
        "heat": data_uri(with_heat(crop, heat)) if drawn else None,
        "heat_words": "" if heat is None else heat_words(heat),
        "measured": [_found(each) for each in person["evidence"] if each["value"] is not None],
        "not_measured": [each for each in person["evidence"] if each["value"] is None],
        "worst": worst_moment(person),
        "flips": [(CHANGES[name].words, score) for name, score in person["flips"].items()],
    }


def _found(evidence: Record) -> dict[str, Any]:
    known = evidence["normal"] is not None
    return {**evidence, "found": evidence["verdict"] if known else "not known what is usual"}
