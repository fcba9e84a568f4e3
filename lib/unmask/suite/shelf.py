"""The shelf of reports of a profile: which page shows what, and what stands on top of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..runs import read_json
from .alarms import own_alarms, read_alarms
from .notebook_parameters import read_notebook, title_of
from .plan import StepRun, place_here, read_done, stale_steps
from .profiles import Profile, Step

SHOWN_APART = (
    *("status", "failure", "stopped", "key", "portable_key", "step", "stale"),
    "versions_before",
)
STOPPED = "This step was stopped before its end. Run again to go on where it was."


def report_path(profile: Profile, step: Step) -> Path:
    """Returns where the HTML report of a step lies."""
    return profile.report_folder / f"{step.notebook.stem}{step.label and '_'}{step.label}.html"


def write_report(profile: Profile, run: StepRun, runs: list[StepRun]) -> None:
    """Renders the executed notebook of a step that has ended, well or not."""
    from .html import ReportContext, render_report

    notebook = run.folder / "executed.ipynb"
    if not _is_whole(notebook):
        notebook = run.step.notebook
    described = _read(run.folder / "run.json")
    status = outcome_of(run.folder)
    errors = {
        "failed": described.get("failure", "Files that it left are gone. Run again."),
        "partial": described.get("stopped", STOPPED),
    }
    context = ReportContext(
        profile=profile.name,
        step=run.step.name,
        status=status,
        error=errors.get(status),
        title=_title(run.step) if run.step.label else "",
        provenance=_provenance(described),
        steps=_pages(profile, runs),
        notices=[
            *_stale(described),
            *_mixed(described),
            *_read(run.folder / "summary.json").get("notices", []),
        ],
        alarms=read_alarms(run.folder, run.step.name),
    )
    render_report(notebook, report_path(profile, run.step), context=context)


def write_all(profile: Profile, runs: list[StepRun]) -> None:
    """Writes every report and the index once more, now that it is known how all steps ended."""
    for run in runs:
        executed_or_failed = _is_whole(run.folder / "executed.ipynb") or run.status == "failed"
        if executed_or_failed and report_path(profile, run.step).exists():
            write_report(profile, run, runs)
    write_index(profile, runs)


def write_index(profile: Profile, runs: list[StepRun]) -> None:
    """Writes reports/<profile>/index.html: one card per step, and the headline numbers."""
    from .html import render_index

    report = _read(profile.run_folder / "report" / "report.json")
    provenance = {"title": profile.title, "question": profile.question}
    for step in reversed(profile.steps):
        described = _read(profile.run_folder / step.name / "run.json")
        if described:
            provenance |= _provenance(described)
            break
    render_index(
        profile.report_folder / "index.html",
        profile=profile.name,
        steps=_pages(profile, runs),
        provenance=provenance,
        headline=report.get("headline") if read_done(profile.run_folder / "report") else None,
    )


def _pages(profile: Profile, runs: list[StepRun]) -> list[dict[str, Any]]:
    pages = []
    not_asked = [run.step.name for run in runs if not run.asked]
    stale = stale_steps(profile, not_asked) if not_asked else []
    for run in runs:
        status = _status(profile, run)
        summary = _read(run.folder / "summary.json") if status == "done" else {}
        # The report repeats what the other steps said.
        own_notices = summary.get("notices", []) if run.step.name != "report" else []
        earlier = "From an earlier run, with other data or settings: "
        described = _read(run.folder / "run.json")
        pages.append(
            {
                "step": run.step.name,
                "title": _title(run.step),
                "file": report_path(profile, run.step).name,
                "status": status,
                "duration": described.get("seconds"),
                "sentence": (earlier if run.step.name in stale and status == "done" else "")
                + summary.get("sentence", ""),
                "notices": [*_mixed(described), *own_notices],
                "alarms": own_alarms(run.folder, run.step.name) if status == "done" else [],
            }
        )
    return pages


def _provenance(described: dict[str, Any]) -> dict[str, Any]:
    shown = {name: item for name, item in described.items() if name not in SHOWN_APART}
    if shown.get("place") and not place_here():
        shown["place"] = f"{shown['place']}; this page was made at home, of what it left"
    return shown


def _title(step: Step) -> str:
    """Returns the notebook's title; where a notebook runs several times, led by which run it is."""
    title = title_of(read_notebook(step.notebook))
    return f"{step.label}: {title.partition(': ')[2] or title}" if step.label else title


def _stale(described: dict[str, Any]) -> list[str]:
    """Says what the step read although parameters, code or inputs of it have changed since."""
    names = ", ".join(described.get("stale", []))
    return [f"Built on an earlier run of {names}, not run again as asked now."] if names else []


def _mixed(described: dict[str, Any]) -> list[str]:
    """Says under which other versions an earlier part of the step ran."""
    before, now = described.get("versions_before", {}), described.get("versions", {})
    if not before:
        return []
    words = ", ".join(f"{name} {value} (now {now.get(name)})" for name, value in before.items())
    return [f"An earlier part of this step ran with other versions: {words}."]


def _status(profile: Profile, run: StepRun) -> str:
    if run.finished or (not run.asked and read_done(run.folder)):
        return "done"
    if run.asked:
        return run.status
    status = outcome_of(run.folder)
    # A step that was killed together with its runner left no page that could be linked.
    shown = status == "failed" or (status == "partial" and report_path(profile, run.step).exists())
    return status if shown else "not run"


def outcome_of(folder: Path) -> str:
    """Returns how a step's last run ended, from its files: "done", "failed", "partial" (stopped
    before its end, by whatever), or "not run"."""
    if read_done(folder):
        return "done"
    described = _read(folder / "run.json")
    ended = described.get("status") in ("failed", "done")  # done: files are gone since
    return "failed" if ended else "partial" if described else "not run"


def _is_whole(notebook: Path) -> bool:
    return bool(_read(notebook).get("cells"))


def _read(path: Path) -> dict[str, Any]:
    """Returns a JSON file's content; an empty mapping when it is missing or cut off."""
    try:
        return read_json(path)
    except (OSError, ValueError):
        return {}
