"""Executed notebooks as single-file HTML reports, and the shelf that lists them.

Pages open offline: styles, the one script and pictures are inside, and a content security policy
keeps everything else out, whatever a notebook may have printed. All that comes from data passes
through Jinja's autoescaping.
"""

from __future__ import annotations

import base64
import functools
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .. import runs
from .html_body import TEMPLATES, is_number, render_body

# What the header of a page says elsewhere, or what only the runner needs.
_NOT_SHOWN = {"step", "status", "title", "question", "start", "seconds", "dirty", "parameters"}
_OF_ONE_STEP = {"parameters", "seed", "inputs", "key", "seconds", "seconds_before"}
_LABELS = {
    "command": "Command",
    "revision": "Git revision",
    "machine": "Machine",
    "seconds_before": "Seconds of stopped runs before",
    "seed": "Seed",
    "inputs": "Inputs (SHA-256)",
    "versions": "Versions",
    "key": "Key of this result",
}


@dataclass
class ReportContext:
    """What a report says besides its notebook.

    Attributes:
        profile: name of the profile.
        step: name of the step, one of those in `steps`.
        status: "done", "failed" or "partial" (stopped before its end).
        error: what ended a failed or stopped step, in words; shown on top.
        provenance: the content of run.json: command, parameters (rows of name, value, default,
            changed, help), versions, revision, dirty, machine, seed, start (ISO 8601), seconds,
            inputs. Each is optional; further keys are shown under their own name.
        steps: all reports in order, as {"step", "title", "file", "status"}. One whose status is
            "not run" is named without a link.
        notices: fallbacks a reader has to know of, shown on top.
        alarms: patterns that mean a mistake, shown above the notices: `light` ("red" or "amber"),
            `name`, `sentence`, `fix` and the `step` that raised it.
        title: instead of the notebook's own, where several reports share one notebook.
    """

    profile: str
    step: str
    status: str = "done"
    error: str | None = None
    provenance: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    alarms: list[dict[str, Any]] = field(default_factory=list)
    title: str = ""


def render_report(notebook: Path, output: Path, *, context: ReportContext) -> None:
    """Writes the report on one executed notebook to `output`, atomically.

    Raises:
        nbformat.reader.NotJSONError: `notebook` was cut off while it was written.
        OSError: a file cannot be read or written.
    """
    failed = context.status in ("failed", "partial")
    body = render_body(notebook, failed=failed, interrupted=context.status == "partial")
    names = [step["step"] for step in context.steps]
    place = names.index(context.step) if context.step in names else None
    own_title = context.steps[place]["title"] if place is not None else context.step
    page = _environment().get_template("report.html.j2")
    text = page.render(
        title=context.title or body.title or own_title,
        article=Markup(body.html),
        contents=body.contents,
        failed=failed,
        failed_anchor=body.failed_anchor,
        context=context,
        profile=context.profile,
        steps=context.steps,
        previous=_neighbour(context.steps, place, -1),
        following=_neighbour(context.steps, place, +1),
        provenance=_describe(context.provenance),
    )
    runs.write_text(output, text)


def render_index(
    output: Path,
    *,
    profile: str,
    steps: list[dict[str, Any]],
    provenance: dict[str, Any],
    headline: list[dict[str, Any]] | None,
) -> None:
    """Writes the shelf: a card per report, and a small table of numbers when there is one.

    Args:
        output: the page, beside the reports it links to.
        profile: name of the profile.
        steps: as in ReportContext, with "duration" (seconds), "sentence", "notices" and "alarms"
            (of the step itself) too.
        provenance: as in ReportContext, of the newest step; "title" and "question" head the
            page when given. What holds for that step only is left out.
        headline: rows of the table, each a mapping from column to text or number.
    """
    page = _environment().get_template("index.html.j2")
    text = page.render(
        title=provenance.get("title") or f"Reports of the profile {profile}",
        question=provenance.get("question", ""),
        profile=profile,
        steps=steps,
        done=sum(step["status"] == "done" for step in steps),
        failed=[step for step in steps if step["status"] in ("failed", "partial")],
        provenance=_describe(_of_all_steps(provenance, steps)),
        headline=_headline(headline or []),
    )
    runs.write_text(output, text)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    script = (TEMPLATES / "script.js.j2").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    environment.globals |= {
        "style": Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
        "script": Markup(script),
        "script_hash": digest,
    }
    environment.filters |= {"duration": format_duration, "href": quote}
    return environment


def format_duration(seconds: float | None) -> str:
    """Returns seconds as people say them: "0.8 s", "12 s", "3 min 05 s", "1 h 04 min"."""
    if seconds is None:
        return ""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _neighbour(
    steps: list[dict[str, Any]], place: int | None, direction: int
) -> dict[str, Any] | None:
    """Returns the nearest report before or after `place` that there is a page of."""
    if place is None:
        return None
    others = steps[place + 1 :] if direction > 0 else reversed(steps[:place])
    return next((step for step in others if step["status"] != "not run"), None)


def _describe(provenance: dict[str, Any]) -> dict[str, Any]:
    """Returns the provenance as its template wants it: a line, rows of facts, parameters."""
    shown = {key: value for key, value in provenance.items() if key not in _NOT_SHOWN}
    if shown.get("revision") and provenance.get("dirty"):
        shown["revision"] = f"{shown['revision']}, with uncommitted changes"
    order = [
        *(key for key in _LABELS if key in shown),
        *(key for key in shown if key not in _LABELS),
    ]
    facts = [
        (_LABELS.get(key, key.replace("_", " ").capitalize()), _plain(shown[key]))
        for key in order
        if shown[key] not in (None, "", {}, [])
    ]
    parameters = provenance.get("parameters", [])
    return {"line": _line(provenance), "facts": facts, "parameters": parameters}


def _of_all_steps(provenance: dict[str, Any], steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns what the provenance of one step says of them all, with the time of all."""
    shared = {key: value for key, value in provenance.items() if key not in _OF_ONE_STEP}
    durations = [step["duration"] for step in steps if step.get("duration") is not None]
    return shared | ({"seconds": sum(durations)} if durations else {})


def _plain(value: Any) -> Any:
    """Returns mappings as they are, lists as "a, b" and anything else as text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _line(provenance: dict[str, Any]) -> list[str]:
    """Returns the few words that are always in sight: when, how long, from what, changed how."""
    words = []
    if provenance.get("start"):
        words.append(_date(str(provenance["start"])))
    if provenance.get("seconds") is not None:
        place = str(provenance.get("place") or "").partition(";")[0]
        where = f" on {place}" if place else ""
        words.append(f"took {format_duration(provenance['seconds'])}{where}")
    if provenance.get("revision"):
        changes = " with uncommitted changes" if provenance.get("dirty") else ""
        words.append(f"revision {str(provenance['revision'])[:7]}{changes}")
    if provenance.get("seed") not in (None, "", []):
        words.append(f"seed {_plain(provenance['seed'])}")
    changed = sum(bool(row.get("changed")) for row in provenance.get("parameters", []))
    if changed:
        words.append(f"{changed} parameter{'s' if changed > 1 else ''} changed")
    return words


def _date(start: str) -> str:
    try:
        moment = datetime.fromisoformat(start)
    except ValueError:
        return start
    zone = f" {moment.tzname()}" if moment.tzinfo else ""
    return f"{moment.day} {moment:%B %Y, %H:%M}{zone}"


def _headline(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns columns {"name", "number"} and rows of text, in the order the keys first appear."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    formatted = [_texts([row.get(name) for row in rows]) for name in names]
    texts = [list(row) for row in zip(*formatted, strict=True)]
    columns = []
    for place, name in enumerate(names):
        known = [row[place] for row in texts if row[place]]
        columns.append({"name": name, "number": bool(known) and all(map(is_number, known))})
    return {"columns": columns, "rows": texts}


def _texts(values: list[Any]) -> list[str]:
    """Returns a column as text: its fractions with the same number of digits, None as nothing."""
    fractions = [abs(value) for value in values if isinstance(value, float)]
    digits = 3 if max(fractions, default=0) < 10 else 1
    return [
        ""
        if value is None
        else f"{value:,.{digits}f}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
        for value in values
    ]
