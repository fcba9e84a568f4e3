"""The report of `unmask score`: one page with its pictures in it, for a browser or a printer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..media import Rejected
from ..runs import atomic_path
from .changes import CHANGES
from .lines import LOOKS, NO_PROOF, UNREADABLE, main_reason, outcome_of, printable
from .listing import name_below, shown_name
from .records import FAKE, NO_FACE, REAL, UNSURE
from .stills import (
    as_shown,
    crops_of,
    data_uri,
    faces_in_still,
    heat_words,
    reduced,
    shown_moment,
    still_of,
    with_heat,
    worst_moment,
)
from .timeline import timeline

if TYPE_CHECKING:
    from .detector import Detector
    from .records import HeatMap, Person

TEMPLATES = Path(__file__).parent / "templates"
MOST_CARDS = 200  # a page of more pictures is slow to open
MOST_EXPLAINED = 12  # a heat map costs as much as a hundred scores
MOST_FACES = 12
ORDER = (FAKE, UNSURE, REAL, NO_FACE)
Record = Mapping[str, Any]


def write_page(
    path: Path, records: Sequence[Record], detector: Detector, folder: Path | None = None
) -> list[str]:
    """Writes the report of `records` (see `Verdict.as_dict`) as one HTML file.

    Nothing in it is loaded from anywhere. It holds a card with pictures for the first
    `MOST_CARDS` files (fakes and unsure ones before others) and heat maps for the first
    `MOST_EXPLAINED` of those; the pictures are read from the files again. Files are named as seen
    from `folder`.

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
            rows=[_row(record, number, folder) for number, record in enumerate(records)],
            counts=[(outcome, counts[outcome]) for outcome in LOOKS if counts[outcome]],
            unreadable=UNREADABLE,
            cards=_cards(shown, positions, detector, folder),
            pictured={positions[id(record)] for record in shown},
            error_rates=detector.error_rates(),
            no_proof=NO_PROOF,
            detector=detector.title,
            folder=None if folder is None else shown_name(folder),
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


def _row(record: Record, number: int, folder: Path | None) -> dict[str, Any]:
    return {
        "number": number,
        "name": name_below(record["file"], folder),
        "outcome": outcome_of(record),
        "score": record["score"],
        "calibrated": record["calibrated"],
        "reason": main_reason(record),
    }


def _cards(
    records: Sequence[Record], positions: dict[int, int], detector: Detector, folder: Path | None
) -> Iterator[dict[str, Any]]:
    """Yields what a card shows, one at a time: the pictures of many files need not fit at once."""
    for place, record in enumerate(records):
        still = still_of(record)
        crops = {} if still is None else _crops(detector, record, still)
        heats = {}
        if place < MOST_EXPLAINED and record["verdict"] in (FAKE, UNSURE):
            heats = dict(zip(crops, detector.explain(list(crops.values())), strict=True))
        yield {
            **_row(record, positions[id(record)], folder),
            "record": record,
            "picture": None if still is None else _picture(record, still),
            "people": [
                _person(person, crops.get(person["number"]), heats.get(person["number"]))
                for person in record["people"][:MOST_FACES]
            ],
            "more_people": max(len(record["people"]) - MOST_FACES, 0),
            "timeline": timeline(record),
        }


def _crops(detector: Detector, record: Record, still: np.ndarray) -> dict[int, Person]:
    try:
        found = crops_of(detector, record, still)
    except (OSError, Rejected):  # the clip went away meanwhile
        return {}
    return {number: found[number] for number in sorted(found)[:MOST_FACES]}


def _picture(record: Record, still: np.ndarray) -> dict[str, Any]:
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
        "moment": shown_moment(record),
    }


def _person(person: Record, seen: Person | None, heat: HeatMap | None) -> dict[str, Any]:
    drawn = heat is not None and heat.heat.any()
    return {
        "person": person,
        "name": f"Person {person['number'] + 1}",
        "crop": None if seen is None else data_uri(as_shown(seen.crop)),
        "heat": data_uri(with_heat(seen.crop, heat)) if drawn else None,
        "heat_words": "" if heat is None else heat_words(heat),
        "speaks_for": "" if heat is None else heat.speaks_for,
        "measured": [_found(each) for each in person["evidence"] if each["value"] is not None],
        "not_measured": [each for each in person["evidence"] if each["value"] is None],
        "worst": worst_moment(person),
        "flips": [(CHANGES[name].words, score) for name, score in person["flips"].items()],
    }


def _found(evidence: Record) -> dict[str, Any]:
    known = evidence["normal"] is not None
    return {**evidence, "found": evidence["verdict"] if known else "not known what is usual"}
