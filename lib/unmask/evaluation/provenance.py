"""What produced a report: what the steps left behind, their commands, code, machine and data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from ..runs import read_json, resolve, sha256_of, steps_of_run
from .members import Result
from .summary import NOT_KNOWN, format_seconds


def read_run(run_folder: str) -> dict[str, Any]:
    """Returns what earlier steps left: `sentences`, `notices`, `alarms` and `described` (run.json).

    An alarm also says its `step`. A step that was run by hand has no run.json; then its part of
    `described` is missing.
    """
    found: dict[str, Any] = {"sentences": {}, "notices": [], "alarms": [], "described": {}}
    for step in steps_of_run(run_folder):
        if step == "lesson":  # its false numbers are made on purpose
            continue
        folder = resolve(run_folder) / step
        if step != "report" and (folder / "summary.json").exists():
            summary = read_json(folder / "summary.json")
            found["sentences"][step] = summary["sentences"]
            found["notices"] += [f"{step}: {notice}" for notice in summary["notices"]]
            found["alarms"] += [{"step": step, **alarm} for alarm in summary.get("alarms", [])]
        if (folder / "run.json").exists():
            found["described"][step] = read_json(folder / "run.json")
    return found


def read_stress(run_folder: str) -> dict[str, Any]:
    """Returns the content of stress.json, or an empty mapping when the step was not run."""
    path = resolve(run_folder) / "stress" / "stress.json"
    return read_json(path) if path.exists() else {}


def steps_table(run: Mapping[str, Any]) -> pd.DataFrame:
    """Returns a row a step: code, changed parameters, seed, time; command where commands differ.

    Args:
        run: the result of `read_run`.
    """
    commands = {each["command"] for each in run["described"].values()}
    rows = []
    for step, each in run["described"].items():
        row = {"step": step}
        if len(commands) > 1:
            row["command"] = each["command"]
        row["code"] = _code(each)
        row["changed parameters"] = _changed(each)
        row["seed"] = NOT_KNOWN if each.get("seed") is None else _value(each["seed"])
        row["time"] = format_seconds(each.get("seconds"))
        rows.append(row)
    return pd.DataFrame(rows)


def provenance_table(
    run: Mapping[str, Any], files: pd.DataFrame, results: Sequence[Result]
) -> pd.DataFrame:
    """Returns a row a fact: command, machine, versions, devices and seeds, data.

    Args:
        run: the result of `read_run`.
        files: the files table.
        results: the members in the report.
    """
    described = run["described"]
    rows = [] if described else [("command", "notebooks run by hand")]
    if len({each["command"] for each in described.values()}) == 1:
        rows += _facts(described, "command", lambda each: each["command"])
    rows += _facts(described, "machine", lambda each: _pairs(each["machine"]))
    rows += _facts(described, "versions", lambda each: _pairs(each["versions"]))
    for result in results:
        if "device" in result.member:
            rows.append((f"{result.name} trained on", _training(result.member)))
    rows += _kaggle(described.get("download", {}))
    content = sha256_of(sorted(files["file_id"]))[:16]
    rows.append(("data", f"{len(files):,} files, hash {content}"))
    return pd.DataFrame(rows, columns=["what", "value"])


def _training(member: Mapping[str, Any]) -> str:
    words = [member["device"]]
    if member.get("devices", 1) > 1:
        rate = f"{member['rate_factor']:.3g} times the learning rate"
        words.append(f"{member['batch_size']} faces a step in all, {rate}")
    words += [member["compilation"]] if member.get("compilation") else []
    return "; ".join([*words, f"seeds {', '.join(map(str, member['seeds']))}"])


def _facts(
    described: Mapping[str, Any], what: str, text_of: Callable[[Mapping[str, Any]], str]
) -> list[tuple[str, str]]:
    """Returns one row where all steps agree, else one for each text with the steps it is of."""
    steps_of: dict[str, list[str]] = {}
    for step, each in described.items():
        steps_of.setdefault(text_of(each), []).append(step)
    if len(steps_of) == 1:
        return [(what, text) for text in steps_of]
    return [(f"{what} of {', '.join(steps)}", text) for text, steps in steps_of.items()]


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _code(described: Mapping[str, Any]) -> str:
    dirty = ", uncommitted changes" if described["dirty"] else ""
    return (described["revision"] or "not in a git repository") + dirty


def _changed(described: Mapping[str, Any]) -> str:
    changed = [row for row in described["parameters"] if row["changed"]]
    return "; ".join(f"{row['name']}: {_value(row['value'])}" for row in changed) or NOT_KNOWN


def _value(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _kaggle(download: Mapping[str, Any]) -> list[tuple[str, str]]:
    values = {row["name"]: row["value"] for row in download.get("parameters", [])}
    if values.get("source") != "kaggle":
        return []
    version = values.get("version")
    asked = "the newest version at that time" if version is None else f"version {version}"
    return [("Kaggle dataset", f"{values['handle']}, {asked}")]
