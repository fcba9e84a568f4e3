"""What the report says besides figures: in short, who the detectors are, who is better, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..runs import kind_of_step, notebook_of
from .alarms import CHECKS
from .comparison import (
    LEVEL,
    Comparison,
    Difference,
    adjust,
    format_difference,
    format_p,
    is_better,
    is_worse,
)
from .members import Result, comparison_on_test, describe_member
from .prevalence import rest_of
from .rates import Interval
from .summary import HEADLINE, format_interval, format_percent, majority_reference

KINDS = {
    "baseline_cnn": "a plain convolutional network",
    "hp_search": "a plain convolutional network whose settings a search found",
    "resnet50": "a deep residual network",
    "ensemble": "several detectors whose scores are joined",
}
RARE = 0.01  # share of fakes for which the model card says how many alarms are right


def reference_row(faces: pd.DataFrame, resamples: int) -> Result:
    """Returns "always says the majority class" as a row for the table of all detectors."""
    member, metrics = majority_reference(faces, resamples=resamples)
    return Result(Path(), member, metrics, pd.DataFrame())


def in_short(best: Result, told: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns the few sentences that stand on top of the report.

    Args:
        best: the detector quoted.
        told: what each step concluded, by step; the first sentence of the audit, the ensemble and
            the stress tests is repeated, and the ablation's on both kinds of test faces.
    """
    sentences = [f"The data: {sentence}" for sentence in told.get("audit", [])[:1]]
    sentences += [
        f"The detector quoted is {best.name}, {_what_it_is(best.member)}.",
        describe_member(best),
    ]
    for generator, block in best.metrics["unseen_generators"].items():
        area = format_interval(block["metrics"]["auc"])
        sentences.append(
            f"On fakes by {generator}, which training never saw: AUC {area} on {block['n']:,} "
            f"faces ({block['n_fake']:,} of them fake)."
        )
    outside = [f"On changed pictures: {sentence}" for sentence in told.get("stress", [])[:1]]
    why = [f"Why this recipe: {sentence}" for sentence in told.get("ablation", [])[:2]]
    return [*sentences, *told.get("ensemble", [])[:1], *outside, *why]


def detectors_table(results: Sequence[Result]) -> pd.DataFrame:
    """Returns a row a detector: its name, what it is, how it is built, where it was made."""
    rows = [
        {
            "detector": result.name,
            "what it is": _what_it_is(result.member),
            "built as": result.member["architecture"],
            "notebook": notebook_of(result.member["step"]),
        }
        for result in results
    ]
    return pd.DataFrame(rows)


def headline_rows(results: Sequence[Result]) -> list[dict[str, str]]:
    """Returns the rows of the small table on the shelf: each detector's numbers on test."""
    return [
        {
            "detector": result.name,
            **{
                title: format_interval(
                    result.metrics["splits"]["test"]["metrics"][name], spread=True
                )
                for name, title in HEADLINE.items()
            },
        }
        for result in results
    ]


def differences(best: Result, results: Sequence[Result], resamples: int) -> dict[str, Comparison]:
    """Returns the numbers of `best` on test minus those of each other detector, by the other's
    name; the tests are corrected over the whole table (Holm).

    Empty where test holds one class only: no AUC is defined then.
    """
    if best.metrics["splits"]["test"]["metrics"]["auc"] is None:
        return {}
    others = [result for result in results if result.name != best.name]
    return adjust({other.name: comparison_on_test(best, other, resamples) for other in others})


def differences_table(best: Result, found: Mapping[str, Comparison]) -> pd.DataFrame:
    """Returns a row a detector: AUC and accuracy of the best minus its own, and who is better.

    A detector is named as the better one only where the difference in AUC survives.
    """
    rows = [
        {
            "detector": name,
            "difference in AUC": format_difference(each.auc),
            "p of AUC": format_p(each.auc.adjusted),
            "difference in accuracy": format_difference(each.accuracy),
            "p of accuracy": format_p(each.accuracy.adjusted),
            "better by AUC": _winner(best.name, name, each.auc),
        }
        for name, each in found.items()
    ]
    return pd.DataFrame(rows)


def how_compared(found: Mapping[str, Comparison]) -> list[str]:
    """Returns the sentences that say which intervals and tests stand in `differences_table`."""
    if not found:
        return ["There is nothing to compare: one detector only, or test faces of one class."]
    first = next(iter(found.values()))
    units = "groups of faces (people or clips)" if first.clustered else "faces"
    return [
        f"Intervals: the same {units} are drawn again for both detectors (paired bootstrap). p of "
        f"AUC: DeLong's test{', for groups (Obuchowski)' if first.clustered else ''}. p of "
        "accuracy, at each detector's own threshold: McNemar's test"
        f"{', whole groups changing sides' if first.clustered else ''}.",
        "With several trainings of a detector its number is the mean of theirs, in all of these.",
        f"All p-values of the table are corrected for being {2 * len(found)} (Holm): below "
        f"{LEVEL} the chance of even one wrong claim is at most {LEVEL:.0%}. A detector is called "
        "better only if that holds and the interval leaves out zero.",
    ]


def describe_differences(best: Result, found: Mapping[str, Comparison]) -> list[str]:
    """Returns at most three sentences: whom `best` beats, whom it equals, who beats it."""
    kinds: dict[str, list[str]] = {"better": [], "same": [], "worse": []}
    for name, each in found.items():
        kind = "better" if is_better(each.auc) else "worse" if is_worse(each.auc) else "same"
        kinds[kind].append(name)
    n = next((each.auc.n for each in found.values()), 0)
    on = f"on the same {n:,} test faces"
    sentences = {
        "better": "{best} is better than {names} {on}: each difference in AUC survives its "
        "interval and the correction for {count} tests.",
        "same": "{best} cannot be told apart from {names} {on}: no difference in AUC survives its "
        "interval and the correction for {count} tests.",
        "worse": "{best} is worse than {names} {on}, though validation preferred it.",
    }
    return [
        sentences[kind].format(best=best.name, names=_listed(names), on=on, count=2 * len(found))
        for kind, names in kinds.items()
        if names
    ]


def alarms_table(alarms: Sequence[Mapping[str, str]]) -> pd.DataFrame:
    """Returns a row an alarm, red ones first: light, step where known, what, what to do."""
    ordered = sorted(alarms, key=lambda alarm: alarm["light"] != "red")
    rows = [
        (each["light"], each.get("step", "–"), each["name"], each["sentence"], each["fix"])
        for each in ordered
    ]
    return pd.DataFrame(rows, columns=["light", "step", "alarm", "what", "to do"])


def describe_alarms(alarms: Sequence[Mapping[str, str]]) -> list[str]:
    """Returns the sentences for a section on alarms: how many fired, and what was checked."""
    checked = "; ".join(CHECKS.values())
    what = f"Checked for every detector: {checked}."
    if not alarms:
        return [f"None of the {len(CHECKS)} checks below fired.", what]
    red = sum(alarm["light"] == "red" for alarm in alarms)
    return [
        f"{red} red and {len(alarms) - red} amber alarms. Red means: do not believe the number "
        "before its cause is found. Amber means: look first.",
        what,
    ]


def limits(best: Result, faces: pd.DataFrame, stress: Mapping[str, Any] | None = None) -> list[str]:
    """Returns the sentences of the model card: use, data, errors at the threshold, limits.

    Args:
        best: the detector quoted.
        faces: the faces table.
        stress: content of stress.json, where the step was run.
    """
    datasets = ", ".join(sorted(faces["dataset"].unique()))
    return [
        f"Intended use: to study detectors on {datasets}, and to rank pictures of the same kind "
        "for a person to look at. Not for verdicts on people: a score is no proof, and a false "
        "accusation hurts someone.",
        _trained_on(best, faces, datasets),
        *_errors(best),
        _not_measured(stress or {}),
    ]


def _what_it_is(member: Mapping[str, Any]) -> str:
    """Returns the kind of detector, in quotes its own description where it was taken by name."""
    own = member["architecture"].split(";")[0]
    return KINDS.get(kind_of_step(member["step"]), f"“{own}”")


def _trained_on(best: Result, faces: pd.DataFrame, datasets: str) -> str:
    fakes = best.member.get("fakes", "given")
    trained = faces[faces["split"] == "train"]
    if fakes == "self_blended":
        held = _generators(faces[faces["split"] == "val"])
        return (
            f"Trained on {int((trained['label'] == 0).sum()):,} real faces of {datasets} and on "
            "fakes blended from them, on no other fake."
            + (f" Validation, which chose epoch and threshold, held fakes by {held}." * bool(held))
        )
    text = f"Trained on {len(trained):,} faces of {datasets}; fakes by {_generators(trained)}."
    if fakes == "mixed":
        text += " Some of its members learned from real faces and fakes blended from them instead."
    return text


def _generators(faces: pd.DataFrame) -> str:
    return ", ".join(sorted(faces.loc[faces["label"] == 1, "generator"].unique()))


def _not_measured(stress: Mapping[str, Any]) -> str:
    missing = ["other cameras", "generators beyond those named"]
    if not stress:
        missing += ["re-saved or screenshot pictures", "attacks made to fool it"]
    if not stress.get("elsewhere"):
        missing.append("other datasets")
    if not stress.get("reals"):
        missing.append("a folder of real photographs alone")
    measured = f" Stress tests were made on {_stressed(stress)}" if stress else ""
    return f"Not measured here: {', '.join(missing)}. Expect it to do worse there.{measured}"


def _stressed(stress: Mapping[str, Any]) -> str:
    """Returns which networks were under which test: not every test is made on all of them."""
    names = [network["name"] for network in stress["networks"]]
    if len(names) == 1:
        return f"{names[0]}."
    curved = _listed([name for name in names if name in stress.get("curves", {})] or names[:1])
    return (
        f"{_listed(names)}: attacks and other test sets on all of them, changed pictures on "
        f"{curved} alone, parts of the test faces and explanations on {names[0]} alone."
    )


def _winner(best: str, other: str, difference: Difference) -> str:
    if is_better(difference):
        return best
    if is_worse(difference):
        return other
    return f"cannot be told apart on {difference.n:,} faces"


def _errors(best: Result) -> list[str]:
    """Returns what goes wrong at the threshold; nothing where test lacks a class."""
    found = best.metrics["splits"]["test"]["metrics"]
    recall, kept = found["recall_fake"], found["recall_real"]
    if recall is None or kept is None:
        return []
    alarms, misses = (rest_of(Interval(**share)) for share in (kept, recall))
    return [
        f"At the threshold, {best.name} calls {format_percent(alarms)} of the real test faces fake "
        f"and misses {format_percent(misses)} of the fakes.",
        _on_rare_fakes(best),
    ]


def _on_rare_fakes(best: Result) -> str:
    """Returns the sentence on how many alarms are right where fakes are rare: the number of
    `prevalence.prevalence_table`.
    """
    points = best.metrics["splits"]["test"]["operating_points"]
    rows = points[best.metrics["threshold"]["rule"]]["prevalence"]
    right = next(row["ppv"] for row in rows if row["share"] == RARE)
    if right is None:
        return "No test face was called fake, so nothing can be said of the alarms it would raise."
    return (
        f"Where 1 picture in {1 / RARE:.0f} is fake, {format_percent(right)} of its alarms would "
        "be right: the rarer the fakes, the more of the alarms are false."
    )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
