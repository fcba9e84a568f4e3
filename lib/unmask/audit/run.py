"""The whole audit of a dataset: copies, shortcuts, labels, failures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import runs
from ..dataset.near_copies import find_near_copies, fingerprint_files, overlap
from ..errors import UsageError
from ..evaluation.intervals import Interval
from .families import FILE, PICTURE
from .file_facts import file_facts_table
from .findings import RED, Finding, by_light, count_lights, worst_light
from .labels import failure_finding, label_findings
from .leakage import leakage_findings, overlap_findings
from .measured import FeatureStore, Measured
from .separation import make_folds, units_of, why_too_few
from .shortcuts import measure_shortcuts, shortcut_findings


@dataclass(frozen=True)
class AuditSettings:
    """What a person can choose about an audit.

    Attributes:
        sample: files that shortcuts are measured on, at most; copies are looked for in all.
        resamples: of the bootstrap behind the intervals.
        seed: of the sample, the folds and the bootstrap.
        jobs: files read at the same time.
    """

    sample: int = 5000
    resamples: int = 1000
    seed: int = 0
    jobs: int = 2


@dataclass(frozen=True)
class Audit:
    """What an audit found, with what its figures are drawn from.

    Attributes:
        name: of the dataset.
        files: the files table, a row a file.
        findings: one for each check.
        pairs: copies, `first` and `second` are places in `files`.
        areas: cross-validated AUC of each family of shortcuts.
        facts: file facts of the sample, indexed by places in `files`.
        pictures: picture features of the sample; a picture below 16 pixels has none and is not
            `readable`.
        seconds: by part of the work.
    """

    name: str
    files: pd.DataFrame
    findings: list[Finding]
    pairs: pd.DataFrame
    areas: Mapping[str, Interval]
    facts: pd.DataFrame
    pictures: Measured
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def light(self) -> str:
        """The worst light of all findings."""
        return worst_light(self.findings)

    @property
    def exit_code(self) -> int:
        """0 without a red finding, else 1."""
        return int(self.light == RED)

    def as_dict(self) -> dict[str, Any]:
        """Returns plain data for JSON, findings worst first."""
        counts = self.files["label"].value_counts()
        return {
            "dataset": self.name,
            "files": len(self.files),
            "real": int(counts.get(0, 0)),
            "fake": int(counts.get(1, 0)),
            "sample": len(self.facts),
            "light": self.light,
            "lights": count_lights(self.findings),
            "findings": [finding.as_dict() for finding in by_light(self.findings)],
            "areas": {key: asdict(area) for key, area in self.areas.items()},
            "seconds": {name: round(value, 2) for name, value in self.seconds.items()},
        }


def audit_files(
    files: pd.DataFrame,
    settings: AuditSettings,
    *,
    name: str,
    fingerprints: pd.DataFrame | None = None,
    pairs: pd.DataFrame | None = None,
    folder: Path | None = None,
    against: Mapping[str, pd.DataFrame] | None = None,
) -> Audit:
    """Audits a dataset.

    Copies are looked for among all files. Shortcuts are measured on a seeded sample, drawn in
    proportion from each class, generator and official split.

    Args:
        files: the files table (docs/architecture.md).
        settings: see `AuditSettings`.
        name: of the dataset, for its reader.
        fingerprints: of `near_copies.fingerprint_files`, a row a file in the same order, when
            they were made already.
        pairs: of `near_copies.find_near_copies`, when they were looked for already.
        folder: keeps what was measured of the pictures; None keeps nothing.
        against: the files tables of other datasets, by name: pictures in both are looked for.

    Raises:
        UsageError: none of the files of a class can be read.
    """
    files, against = files.reset_index(drop=True), against or {}
    clock, parts = _Clock(), 3 + len(against)
    with runs.progress_share(0, parts):
        if fingerprints is None:
            fingerprints = fingerprint_files(files["path"].tolist(), settings.jobs)
        clock.lap("fingerprints")
        reasons = fingerprints["reason"].set_axis(files.index)
        readable = reasons == ""
        _check_usable(files, readable)
        if pairs is None:
            pairs = find_near_copies(fingerprints, jobs=settings.jobs)
        clock.lap("near copies")
    sample = draw_sample(files[readable], settings.sample, settings.seed)
    with runs.progress_share(1, parts):
        facts = file_facts_table(files.loc[sample], settings.jobs)
        pictures = FeatureStore(folder, settings.jobs).measure(files.loc[sample])
    clock.lap("headers and pictures")
    with runs.progress_share(2, parts):
        areas, why_not = _areas(files, pairs, facts, pictures, settings)
    clock.lap("shortcuts")
    overlaps = []
    for number, (other, table) in enumerate(against.items()):
        with runs.progress_share(3 + number, parts):
            overlaps += _overlap(files, fingerprints, table, other, settings.jobs)
        clock.lap(f"overlap with {other}")
    labels = files.loc[facts.index, "label"].to_numpy()
    findings = [
        *leakage_findings(files, pairs),
        *overlaps,
        *shortcut_findings(
            areas, facts, labels, pictured=int(pictures.readable.sum()), reasons=why_not
        ),
        *label_findings(files, pairs),
        failure_finding(files, readable, reasons),
    ]
    return Audit(name, files, findings, pairs, areas, facts, pictures, clock.seconds)


def draw_sample(files: pd.DataFrame, most: int, seed: int) -> np.ndarray:
    """Returns the index of at most `most` rows, sorted; each class and split keeps its share.

    So does each generator. The draw depends on the seed and the rows only.
    """
    if len(files) <= most:
        return files.index.to_numpy()
    order = np.random.default_rng(seed).permutation(len(files))
    shuffled = files.iloc[order]
    strata = shuffled.groupby(["label", "generator", "official_split"], sort=False)
    place = (strata.cumcount() + 0.5) / strata["label"].transform("size")
    chosen = place.sort_values(kind="stable").index[:most]
    return np.sort(chosen.to_numpy())


def _overlap(
    files: pd.DataFrame, fingerprints: pd.DataFrame, others: pd.DataFrame, name: str, jobs: int
) -> list[Finding]:
    found = overlap(fingerprints, fingerprint_files(others["path"].tolist(), jobs), jobs=jobs)
    return overlap_findings(files, others, found, name)


def _areas(
    files: pd.DataFrame,
    pairs: pd.DataFrame,
    facts: pd.DataFrame,
    pictures: Measured,
    settings: AuditSettings,
) -> tuple[dict[str, Interval], dict[str, str]]:
    """Returns the areas, and for each kind of family without any, why there is none."""
    units = units_of(files["group"].to_numpy(), pairs[["first", "second"]].to_numpy())
    places, shown = facts.index.to_numpy(), pictures.readable
    small = int((~shown).sum())
    of_pictures = {name: values[shown] for name, values in pictures.families.items()}
    kinds = {FILE: (places, facts, {}), PICTURE: (places[shown], None, of_pictures)}
    options = {"resamples": settings.resamples, "seed": settings.seed}
    areas, why_not = {}, {}
    for number, (kind, (chosen, table, features)) in enumerate(kinds.items()):
        labels = files["label"].to_numpy()[chosen]
        folds = make_folds(labels, units[chosen], settings.seed)
        if folds is None:
            why_not[kind] = why_too_few(labels, units[chosen])
            if kind == PICTURE and small:
                why_not[kind] += f" {small:,} more give no picture of 16 pixels a side or more."
            continue
        with runs.progress_share(number, len(kinds)):
            areas |= measure_shortcuts(table, features, folds, **options)
    return areas, {kind: why.strip() for kind, why in why_not.items()}


def _check_usable(files: pd.DataFrame, readable: pd.Series) -> None:
    counts = [int((files.loc[readable, "label"] == label).sum()) for label in (0, 1)]
    if min(counts) == 0:
        lost = "No file" if sum(counts) == 0 else f"No {'fake' if counts[0] else 'real'} file"
        raise UsageError(
            f"{lost} of {len(files):,} can be read as a picture or clip.",
            expected="pictures of both classes that decode",
            fix="open a few of them by hand, and fetch them again when they are broken",
        )


class _Clock:
    """Seconds since the last lap, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = now - self._last
        self._last = now
