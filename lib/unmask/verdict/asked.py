"""What a notebook asks a detector about, and the tables and sentences of what it answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import MissingStepError
from ..evaluation.formats import NOT_KNOWN
from ..runs import report_progress, require, resolve
from ..tell import counted
from .detector import Detector
from .lines import LOOKS, NO_PROOF, UNREADABLE, main_reason, outcome_of
from .listing import list_files, shown_name
from .records import FAKE, REAL, UNSURE, HeatMap, Person, Verdict, scored_frames
from .stills import faces_in_still, still_of

TRUTHS = ("real", "fake")
CLIPS = 2  # of each class, where test holds some


def asked_files(
    run_folder: str | Path, paths: Sequence[str], sample: int, seed: int
) -> pd.DataFrame:
    """Returns the files to ask about: `path` and `truth` ("real", "fake" or "" for not known).

    Args:
        run_folder: of the run.
        paths: files, folders and patterns, relative ones from the project's home; when empty, a
            seeded sample of the run's own test files takes their place.
        sample: pictures of each class in that sample, at most; up to `CLIPS` clips join them.
        seed: of the sample.

    Raises:
        MissingStepError: test files are to be taken, and the run has none.
        UsageError: a path names nothing.
    """
    if paths:
        found = list_files([str(resolve(path)) for path in paths]).paths
        return pd.DataFrame({"path": [str(path) for path in found], "truth": ""})
    faces = pd.read_parquet(require(run_folder, "preprocess", "faces.parquet"))
    files = pd.read_parquet(require(run_folder, "download", "files.parquet"))
    test = faces[faces["split"] == "test"].drop_duplicates("file_id")
    test = test.merge(files[["file_id", "kind"]], on="file_id")
    there = np.array([Path(path).is_file() for path in test["path"]], dtype=bool)
    generator = np.random.default_rng(seed)
    parts = []
    for label in (0, 1):
        for kind, most in (("image", sample), ("video", CLIPS)):
            of_kind = test[there & (test["label"] == label) & (test["kind"] == kind)]
            chosen = generator.permutation(len(of_kind))[:most]
            parts.append(of_kind.iloc[np.sort(chosen)])
    chosen = pd.concat(parts)
    if chosen.empty:
        raise MissingStepError(
            f"No test file of {resolve(run_folder)} is where it was.",
            expected="the files that notebook 01 listed",
            fix="run notebooks 01 and 02 again, or name pictures of your own in `paths`",
        )
    truths = [TRUTHS[label] for label in chosen["label"]]
    return pd.DataFrame({"path": list(chosen["path"]), "truth": truths})


def ask(detector: Detector, files: pd.DataFrame, jobs: int = 2) -> list[Verdict]:
    """Returns the detector's verdict on each of `files`, in their order; reports progress."""
    verdicts = []
    for verdict in detector.score_files([Path(path) for path in files["path"]], jobs=jobs):
        verdicts.append(verdict)
        report_progress(len(verdicts) / len(files), f"{len(verdicts)} of {len(files)} files")
    return verdicts


def verdicts_table(verdicts: Sequence[Verdict], truths: Sequence[str]) -> pd.DataFrame:
    """Returns a row a file, as `html_table` shows it; the truth only where it is known."""
    rows = []
    for verdict, truth in zip(verdicts, truths, strict=True):
        record = verdict.as_dict()
        row = {
            "file": shown_name(Path(verdict.file).name),
            "verdict": outcome_of(record),
            **({"truth": truth} if any(truths) else {}),
            "score": _number(verdict.score),
            "calibrated": _number(verdict.calibrated),
            "main reason": main_reason(record),
        }
        rows.append(row)
    return pd.DataFrame(rows)


def evidence_table(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """Returns a row for everything a careful viewer finds unusual; empty when nothing is."""
    rows = [
        {
            "file": shown_name(Path(verdict.file).name),
            "person": person.number + 1,
            "looked at": each["title"],
            "in words": each["sentence"],
        }
        for verdict in verdicts
        for person in verdict.people
        for each in person.evidence
        if each["verdict"] == "unusual"
    ]
    return pd.DataFrame(rows, columns=["file", "person", "looked at", "in words"])


def describe_evidence(verdicts: Sequence[Verdict]) -> list[str]:
    """Returns what to say where no table of unusual things is shown."""
    found = [each for verdict in verdicts for person in verdict.people for each in person.evidence]
    if any(each["verdict"] == "unusual" for each in found):
        return []
    if any(each["verdict"] == "usual" for each in found):
        return ["Nothing that was measured is unusual."]
    return ["Nothing could be held against what is usual on real files of this run."]


def evidence_counts(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """Returns for each thing a careful viewer looks at on how many faces it was usual or not."""
    found = [each for verdict in verdicts for person in verdict.people for each in person.evidence]
    counts: dict[str, Counter[str]] = {}
    for each in found:
        counts.setdefault(each["title"], Counter())[each["verdict"]] += 1
    outcomes = ("usual", "unusual", "not measurable here")
    rows = [
        {"looked at": title, **{outcome: count[outcome] for outcome in outcomes}}
        for title, count in counts.items()
    ]
    return pd.DataFrame(rows, columns=["looked at", *outcomes])


def captions(verdicts: Sequence[Verdict], truths: Sequence[str]) -> list[str]:
    """Returns two lines for each file: what is said of it, and what it is where that is known."""
    lines = []
    for verdict, truth in zip(verdicts, truths, strict=True):
        words = verdict.verdict or UNREADABLE
        score = "" if verdict.score is None else f" {verdict.score:.2f}"
        below = f"is {truth}" if truth else Path(verdict.file).name
        lines.append(f"{words}{score}\n{shown_name(below)}")
    return lines


def explained_people(
    detector: Detector, verdicts: Sequence[Verdict], most: int
) -> list[tuple[Verdict, Person, HeatMap]]:
    """Returns up to `most` people with their heat maps: fakes first, then unsure, then real."""
    order = [
        (verdict, person)
        for outcome in (FAKE, UNSURE, REAL)
        for verdict in verdicts
        for person in verdict.people
        if person.verdict == outcome and person.crop is not None
    ][:most]
    maps = detector.explain([person for _, person in order]) if order else []
    return [(*each, heat) for each, heat in zip(order, maps, strict=True) if heat is not None]


def signed(heat: HeatMap) -> np.ndarray:
    """Returns float32 `[side, side]`: above 0 speaks for fake, below 0 for real."""
    return heat.heat if heat.speaks_for == FAKE else -heat.heat


def heat_captions(found: Sequence[tuple[Verdict, Person, HeatMap]]) -> list[str]:
    """Returns for each explained person a line with verdict and score."""
    return [f"{person.verdict} {person.score:.2f}" for _, person, _ in found]


def pictures_of(verdicts: Sequence[Verdict]) -> dict[int, np.ndarray]:
    """Returns the photo or the telling frame of a clip, uint8, by its place in `verdicts`."""
    stills = {place: still_of(verdict.as_dict()) for place, verdict in enumerate(verdicts)}
    return {place: pixels for place, pixels in stills.items() if pixels is not None}


def faces_of(verdict: Verdict) -> list[dict[str, Any]]:
    """Returns `box` and `verdict` of every face in the still of a file."""
    return [
        {"box": box, "verdict": person["verdict"]}
        for person, box in faces_in_still(verdict.as_dict())
    ]


def clips_of(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Returns what `plots.clip_timelines` draws of the clips in which somebody was followed."""
    clips = []
    for verdict in verdicts:
        people = [
            {
                "times": [frame["time"] for frame in frames],
                "scores": [frame["score"] for frame in frames],
            }
            for person in verdict.people
            if (frames := scored_frames(person.as_dict()))
        ]
        if people:
            title = f"{shown_name(Path(verdict.file).name)}: {verdict.verdict}"
            known = {"band": verdict.band, "threshold": verdict.threshold}
            clips.append({"title": title, "people": people, **known})
    return clips


def telling_evidence(
    verdicts: Sequence[Verdict], *, through_time: bool = False
) -> tuple[str, list[dict[str, Any]]]:
    """Returns the name of a file and the evidence on the person in it with most that is unusual.

    Args:
        verdicts: as `ask` returns them.
        through_time: only what was followed through a clip; else only what has a normal range.

    Returns:
        Records as `Evidence.as_dict` gives them; "" and none where nobody has any.
    """
    best: tuple[tuple[int, int], str, list[dict[str, Any]]] = ((0, 0), "", [])
    for verdict in verdicts:
        for person in verdict.people:
            told = [
                each
                for each in person.evidence
                if (len(each["series"]) > 1 if through_time else each["normal"])
                and each["value"] is not None
            ]
            unusual = sum(each["verdict"] == "unusual" for each in told)
            if (unusual, len(told)) > best[0]:
                best = ((unusual, len(told)), shown_name(Path(verdict.file).name), told)
    return best[1:]


def describe_verdicts(
    verdicts: Sequence[Verdict], truths: Sequence[str], error_rates: str
) -> list[str]:
    """Returns the conclusion: what was said, how often it was right, what that is worth."""
    counts = Counter(outcome_of(verdict.as_dict()) for verdict in verdicts)
    listed = ", ".join(f"{counts[name]:,} {name}" for name in LOOKS if counts[name])
    sentences = [f"Of {counted(len(verdicts), 'file')} the detector says: {listed}."]
    for truth, other in (TRUTHS, TRUTHS[::-1]):
        said = [
            verdict.verdict
            for verdict, known in zip(verdicts, truths, strict=True)
            if known == truth and not verdict.error
        ]
        if said:
            sentences.append(
                f"Of {counted(len(said), f'{truth} one')} it calls {said.count(truth)} {truth}, "
                f"{said.count(other)} {other}; it is unsure of {said.count(UNSURE)} and sees no "
                f"face in {said.count('no face')}."
            )
    return [*sentences, error_rates, NO_PROOF]


def notices_of_verdicts(detector: Detector, verdicts: Sequence[Verdict]) -> list[str]:
    """Returns what stands on top of the page: fallbacks, files that could not be read."""
    broken = sum(verdict.error is not None for verdict in verdicts)
    words = [f"{counted(broken, 'file')} could not be read."] if broken else []
    own = dict.fromkeys(notice for verdict in verdicts for notice in verdict.notices)
    return [*detector.notices, *words, *own]


def as_records(verdicts: Sequence[Verdict], truths: Sequence[str]) -> list[Mapping[str, Any]]:
    """Returns what verdicts.json holds: each verdict as plain data, with the truth beside it."""
    return [
        {"truth": truth or None, "verdict": verdict.as_dict()}
        for verdict, truth in zip(verdicts, truths, strict=True)
    ]


def _number(value: float | None) -> str:
    return NOT_KNOWN if value is None else f"{value:.3f}"
