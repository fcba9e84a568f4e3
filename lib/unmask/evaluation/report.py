"""What the report says besides figures: the best detector, the model card, the provenance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..runs import NOTEBOOK_OF_STEP, read_json, resolve, sha256_of
from .members import Result, describe_member
from .summary import HEADLINE, format_interval, format_seconds, majority_reference


def best_on_validation(results: Sequence[Result]) -> Result:
    """Returns the member with the highest AUC on validation; test has no say in it."""
    return max(
        results, key=lambda result: result.metrics["splits"]["val"]["metrics"]["auc"]["value"]
    )


def reference_row(faces: pd.DataFrame, resamples: int) -> Result:
    """Returns "always says the majority class" as a row for the table of all detectors."""
    member, metrics = majority_reference(faces, resamples=resamples)
    return Result(Path(), member, metrics, pd.DataFrame())


def in_short(best: Result, on_ensembles: Sequence[str]) -> list[str]:
    """Returns the few sentences that stand on top of the report.

    Args:
        best: the detector quoted.
        on_ensembles: what the ensemble step concluded; its first sentence is repeated.
    """
    sentences = [describe_member(best)]
    for generator, block in best.metrics["unseen_generators"].items():
        area = format_interval(block["metrics"]["auc"])
        sentences.append(f"On fakes by {generator}, which training never saw: AUC {area}.")
    return [*sentences, *on_ensembles[:1]]


def headline_rows(results: Sequence[Result]) -> list[dict[str, str]]:
    """Returns the rows of the small table on the shelf: each detector's numbers on test."""
    return [
        {
            "detector": result.name,
            **{
                title: format_interval(result.metrics["splits"]["test"]["metrics"][name])
                for name, title in HEADLINE.items()
            },
        }
        for result in results
    ]


def limits(best: Result, faces: pd.DataFrame) -> list[str]:
    """Returns the sentences of the model card: use, data, errors at the threshold, limits."""
    test = best.metrics["splits"]["test"]
    recall_real, recall_fake = (
        test["metrics"][name]["value"] for name in ("recall_real", "recall_fake")
    )
    datasets = ", ".join(sorted(faces["dataset"].unique()))
    trained = faces[faces["split"] == "train"]
    generators = ", ".join(sorted(trained.loc[trained["label"] == 1, "generator"].unique()))
    sentences = [
        f"Intended use: to study detectors on {datasets}, and to rank pictures of the same kind "
        "for a person to look at. Not for verdicts on people: a score is no proof, and a false "
        "accusation hurts someone.",
        f"Trained on {len(trained):,} faces of {datasets}; fakes by {generators}.",
        f"At the threshold, {best.name} calls {1 - recall_real:.1%} of real test faces fake and "
        f"misses {1 - recall_fake:.1%} of the fakes.",
        _prevalence(recall_fake, 1 - recall_real),
    ]
    sentences.append(
        "Not measured here: other cameras, other generators, re-saved or screenshot pictures, "
        "attacks made to fool it. Expect it to do worse there."
    )
    return sentences


def _prevalence(recall: float, false_positives: float) -> str:
    share = 0.01
    flagged = share * recall + (1 - share) * false_positives
    if not flagged:
        return "No test face was called fake, so nothing can be said of the alarms it would raise."
    return (
        f"Where 1 picture in 100 is fake, {share * recall / flagged:.1%} of its alarms would be "
        "right: few fakes among many real pictures make most alarms false."
    )


def read_run(run_folder: str) -> dict[str, Any]:
    """Returns what the earlier steps left: `sentences`, `notices` and `described` (run.json).

    A step that was run by hand has no run.json; then its part of `described` is missing.
    """
    found: dict[str, Any] = {"sentences": {}, "notices": [], "described": {}}
    for step in NOTEBOOK_OF_STEP:
        folder = resolve(run_folder) / step
        if step != "report" and (folder / "summary.json").exists():
            summary = read_json(folder / "summary.json")
            found["sentences"][step] = summary["sentences"]
            found["notices"] += [f"{step}: {notice}" for notice in summary["notices"]]
        if (folder / "run.json").exists():
            found["described"][step] = read_json(folder / "run.json")
    return found


def provenance_table(run: dict[str, Any], files: pd.DataFrame, results: Sequence[Result]):
    """Returns a row per fact: command, revision, machine, versions, seeds, data, time per step."""
    rows = []
    described = list(run["described"].values())
    if described:
        last = described[-1]
        dirty = " with uncommitted changes" if last["dirty"] else ""
        versions = ", ".join(f"{name} {number}" for name, number in last["versions"].items())
        rows += [
            ("command", last["command"]),
            ("code", (last["revision"] or "not in a git repository") + dirty),
            ("machine", ", ".join(f"{k} {v}" for k, v in last["machine"].items())),
            ("versions", versions),
        ]
        for each in described:
            if each.get("seconds"):
                rows.append((f"time of {each['step']}", format_seconds(each["seconds"])))
    else:
        rows.append(("command", "notebooks run by hand"))
    for result in results:
        if "device" in result.member:
            seeds = ", ".join(map(str, result.member["seeds"]))
            rows.append((f"{result.name} trained on", f"{result.member['device']}; seeds {seeds}"))
    rows.append(("data", f"{len(files):,} files, hash {sha256_of(sorted(files['file_id']))[:16]}"))
    return pd.DataFrame(rows, columns=["what", "value"])
