"""An audit as text for a terminal, and as rows for the tables of a notebook."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from ..dataset.near_copies import SYMMETRIES
from ..evaluation.members import Result, best_on_validation
from ..evaluation.summary import format_interval
from ..tell import counted
from .after import After
from .findings import (
    AMBER,
    FILE_SHORTCUTS,
    GREEN,
    NOT_CHECKED,
    RED,
    Finding,
    by_light,
    count_lights,
    worst_light,
)
from .run import Audit

WIDTH = 96
MOST_ROWS = 5
MEANING = {
    RED: "do not trust a number measured on this dataset before the red findings are fixed",
    AMBER: "usable; read the amber findings beside every number",
    GREEN: "no leak and no shortcut was found by what could be checked",
    NOT_CHECKED: "nothing could be checked",
}


def verdict_of(findings: Sequence[Finding]) -> str:
    """Returns one sentence: the worst light, what it means, how many of each.

    A second one says how many checks could not be made.
    """
    counts, worst = count_lights(findings), worst_light(findings)
    listed = ", ".join(f"{count} {light}" for light, count in counts.items() if count)
    verdict = f"{worst.capitalize()}: {MEANING[worst]} ({listed})."
    missing = counts[NOT_CHECKED]
    if missing and worst != NOT_CHECKED:
        verdict += f" {missing} of {counted(len(findings), 'check')} could not be made."
    return verdict


def describe_audit(audit: Audit) -> str:
    """Returns the whole audit as lines of text: red first, with evidence and fix."""
    data = audit.as_dict()
    lines = [
        f"Audit of {audit.name}: {counted(data['files'], 'file')} ({data['real']:,} real, "
        f"{data['fake']:,} fake)",
        verdict_of(audit.findings),
        scope_of(audit),
        "",
    ]
    for finding in by_light(audit.findings):
        lines += _describe(finding)
    return "\n".join(lines)


def scope_of(audit: Audit) -> str:
    """Returns what was looked at: all files for copies, how many for shortcuts."""
    sample, files = len(audit.facts), len(audit.files)
    shortcuts = "all of them" if sample == files else f"a seeded sample of {sample:,}"
    text = f"Copies were looked for among all {files:,} files, shortcuts measured on {shortcuts}."
    near = next((each.numbers for each in audit.findings if each.key == "near_copies"), {})
    if near.get("flat"):
        text += f" {near['flat']:,} too even to be compared were looked at for exact copies only."
    if near.get("skipped"):
        text += f" {near['skipped']:,} comparisons of look-alikes were left out of the search."
    unseen = int((~audit.pictures.readable).sum())
    if unseen:
        text += f" {unseen:,} of the sample are below 16 pixels: only their file facts count."
    return text


def lights_table(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Returns a row a finding, worst first: light, topic, check, what was found, what to do."""
    return [
        {
            "light": finding.light.upper(),
            "about": finding.topic,
            "check": finding.check,
            "what was found": finding.sentence,
            "what to do": finding.fix or "–",
        }
        for finding in by_light(findings)
    ]


def sentences_of(audit: Audit, after: After, floors: Sequence[Result]) -> list[str]:
    """Returns what the audit of a run tells its reader, the verdict first."""
    sentences = [f"As the files came, {_lower(verdict_of(audit.findings))}"]
    telling = [each.check for each in audit.findings if each.topic == FILE_SHORTCUTS]
    red = [f.check for f in audit.findings if f.topic == FILE_SHORTCUTS and f.light == RED]
    if audit.areas:
        told = ", ".join(red) if red else "none"
        sentences.append(
            f"Of {len(telling)} facts of the file, {told} "
            f"{'tells' if len(red) < 2 else 'tell'} the classes apart."
        )
    sentences += [f"After preprocessing: {_lower(each.sentence)}" for each in after.findings[:2]]
    best = best_on_validation(floors)
    area = format_interval(best.metrics["splits"]["test"]["metrics"]["auc"])
    sentences.append(
        f"The highest floor on validation is {best.member['architecture']}: AUC {area} on the "
        "test faces. A detector that does not beat it has not been shown to know more than this "
        "floor."
    )
    return sentences


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _describe(finding: Finding) -> list[str]:
    head = f"{finding.light.upper():<12}{finding.check} ({finding.topic})"
    lines = [head, *_wrapped(finding.sentence)]
    if finding.light in (RED, AMBER):
        lines += [f"      {_row(row)}" for row in finding.evidence[:MOST_ROWS]]
        if len(finding.evidence) > MOST_ROWS:
            lines.append(f"      and {len(finding.evidence) - MOST_ROWS} more in the JSON")
        lines += _wrapped(f"to fix: {finding.fix}")
    return lines


def _wrapped(text: str) -> list[str]:
    indent = "    "
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def _row(row: dict) -> str:
    if row.keys() == {"what", "real", "fake"}:
        return f"{row['what']}: real {row['real']}, fake {row['fake']}"
    if row.keys() >= {"turned", "splits"}:
        turned = "" if row["turned"] == SYMMETRIES[0] else f", {row['turned']}"
        facts = f"{row['kind']}{turned}; labels {row['labels']}; splits {row['splits']}"
        return f"{row['first']} and {row['second']} ({facts})"
    return ", ".join(f"{name} {value}" for name, value in row.items())
