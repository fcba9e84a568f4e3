"""How often each test set was looked at: one line per use, in a file above the run folders.

A test set is honest as long as nobody changes anything because of it. Nobody can count changes of
mind, but looks can be counted. The file, `test_ledger.jsonl`, is only ever appended to. What is
looked at outside of `evaluate_and_write` and `note_test_use` is not in it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from filelock import FileLock

from ..runs import NOTEBOOK_OF_STEP, kind_of_step, resolve, sha256_of

LEDGER = "test_ledger.jsonl"
COLUMNS = ("time", "run", "step", "member", "test", "scores", "reason")
EVALUATION = "evaluation"
LOCK_SECONDS = 10
SHORT = 16  # hex digits kept of a hash


def ledger_path(run_folder: str | Path) -> Path:
    """Returns where the uses of the test faces of a run (and its sisters) are noted."""
    return resolve(run_folder).parent / LEDGER


def identify_test_set(faces: pd.DataFrame) -> str:
    """Returns 16 hex digits that are the same wherever the test split holds the same files.

    Args:
        faces: a faces table.
    """
    files = faces.loc[faces["split"] == "test", "file_id"].astype(str)
    return sha256_of(sorted(set(files)))[:SHORT]


def note_test_use(
    run_folder: str | Path,
    faces: pd.DataFrame,
    member: str,
    reason: str,
    *,
    step: str = "",
    scores: pd.DataFrame | None = None,
) -> str:
    """Appends one use of a run's test faces to the ledger.

    Args:
        run_folder: of the run.
        faces: its faces table.
        member: whose scores are looked at.
        reason: what for, in a few words, such as "evaluation" or "stress test".
        step: that looks.
        scores: a scores table of the member; its test rows tell a new look from a repeated one.

    Returns:
        "", or a notice for the reader when the ledger cannot be written: nothing else fails then.
    """
    path = ledger_path(run_folder)
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": resolve(run_folder).name,
        "step": step,
        "member": str(member),
        "test": identify_test_set(faces),
        "scores": "" if scores is None else _scores_id(scores),
        "reason": reason,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=LOCK_SECONDS), open(path, "a+b") as stream:
            if _ends_within_a_line(stream):
                stream.write(b"\n")
            stream.write(json.dumps(line).encode("utf-8") + b"\n")
    except (OSError, NotImplementedError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        return f"This use of the test faces could not be noted in {path.name} ({why})."
    return ""


def read_ledger(run_folder: str | Path) -> tuple[pd.DataFrame, int]:
    """Returns the lines of the ledger, columns COLUMNS, and how many lines cannot be read."""
    try:
        lines = ledger_path(run_folder).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    rows, broken = [], 0
    for line in filter(str.strip, lines):
        try:
            entry = json.loads(line)
            rows.append([str(entry[name]) for name in COLUMNS])
        except (ValueError, KeyError, TypeError):
            broken += 1
    return pd.DataFrame(rows, columns=list(COLUMNS)), broken


def ledger_table(run_folder: str | Path, faces: pd.DataFrame) -> pd.DataFrame:
    """Returns a row a detector of this run, then one for other runs: uses of these test faces.

    The rows follow the notebooks' order, whatever ran first, for steps may run side by side.
    `looks` counts different scores: the same scores evaluated again tell nothing new.
    """
    uses, run = _uses(run_folder, faces)
    here = uses[uses["run"] == run]
    here = here.sort_values("step", key=lambda steps: steps.map(_place), kind="stable")
    rows = [
        _row(" ".join(filter(None, names)), part)
        for names, part in here.groupby(["step", "member"], sort=False)
    ]
    others = uses[uses["run"] != run]
    if len(others):
        rows.append(_row(f"other runs ({others['run'].nunique():,})", others))
    columns = ["who", "what for", "evaluations", "looks", "first", "last"]
    return pd.DataFrame(rows, columns=columns)


def describe_ledger(run_folder: str | Path, faces: pd.DataFrame) -> list[str]:
    """Returns the sentences on how often these test faces were looked at, and what that means."""
    uses, run = _uses(run_folder, faces)
    _, broken = read_ledger(run_folder)
    if uses.empty:
        return ["No use of these test faces is noted: the ledger is not there or was not written."]
    here = uses[uses["run"] == run]
    members = len(here.drop_duplicates(["step", "member"]))
    count = int((faces["split"] == "test").sum())
    sentences = [
        f"In this run folder these {count:,} test faces were evaluated {_times(len(here))}: "
        f"{_counted(_looks(here), 'different look')} at {_counted(members, 'detector')}, floors "
        "included.",
        f"Across all runs: {_times(len(uses))}, {_counted(_looks(uses), 'different look')}, in "
        f"{_counted(uses['run'].nunique(), 'run folder')}.",
        "Uses of the split test are counted; looks at the split unseen are not. The same scores "
        "read again, for whatever reason, are no new look. Every look at a test set that led "
        "somebody to change something makes its numbers more flattering, and no interval covers "
        "that: after many looks only faces that nobody has seen yet can settle a close question.",
    ]
    if broken:
        lines = _counted(broken, "line")
        sentences.append(f"{lines} of the ledger cannot be read and are not counted.")
    return sentences


def _uses(run_folder: str | Path, faces: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    lines, _ = read_ledger(run_folder)
    return lines[lines["test"] == identify_test_set(faces)], resolve(run_folder).name


def _looks(uses: pd.DataFrame) -> int:
    """Returns the number of different looks: by scores where they are known, else by who."""
    unknown = uses["scores"] == ""
    known = uses[~unknown].drop_duplicates("scores")
    return len(known) + len(uses[unknown].drop_duplicates(["run", "step", "member", "reason"]))


def _row(who: str, uses: pd.DataFrame) -> tuple[str, str, str, str, str, str]:
    reasons = ", ".join(dict.fromkeys(uses["reason"]))
    days = sorted(time[:10] for time in uses["time"])
    return who, reasons, f"{len(uses):,}", f"{_looks(uses):,}", days[0], days[-1]


def _place(step: str) -> tuple[int, str]:
    """Returns where a step stands among all: those unknown come last, by name."""
    kinds = list(NOTEBOOK_OF_STEP)
    kind = kind_of_step(step)
    return (kinds.index(kind) if kind in kinds else len(kinds)), step


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _scores_id(scores: pd.DataFrame) -> str:
    """Returns 16 hex digits of the test rows: faces, seeds and scores, in whatever order."""
    test = scores[scores["split"] == "test"]
    test = test.assign(seed=test.get("seed", 0)).sort_values(["face_id", "seed"])
    digits = [float(score).hex() for score in test["score"]]
    return sha256_of([list(test["face_id"].astype(str)), digits])[:SHORT]


def _ends_within_a_line(stream) -> bool:
    """Tells whether the last line has no end: a writer was killed in the middle of it."""
    if stream.seek(0, 2) == 0:
        return False
    stream.seek(-1, 2)
    return stream.read(1) != b"\n"
