"""Runs the steps of a plan, each notebook in its own process, and leaves stamps and reports."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import DataError, UsageError
from ..runs import project_home, read_json, write_json
from ..session.processor import share_of_cores
from . import plan, shelf
from .fingerprint import ENGINE_PACKAGES, portable_key, step_key
from .guards import check_writable, locked
from .plan import StepRun
from .profiles import Profile
from .provenance import describe_run

POLL_SECONDS = 0.2
# With less time left no further step is begun.
LEAST_SECONDS = 60
TIME_UP, BY_HAND = "because its time was up", "by hand"


def run_plan(
    profile: Profile,
    asked: list[str],
    *,
    force: bool = False,
    jobs: int = 1,
    deadline: float | None = None,
    show: Callable[[list[StepRun]], None] = lambda runs: None,
) -> list[StepRun]:
    """Runs the asked steps of a profile in order; returns how each of them ended.

    A step that still stands is left alone. The first failure stops new steps from starting;
    steps already running end first. At the deadline they are stopped instead; the next run goes on
    from what they wrote. Reports are written as steps end.

    Args:
        profile: a checked profile.
        asked: names of the steps to run.
        force: run asked steps from scratch even when nothing changed.
        jobs: how many steps may run side by side.
        deadline: when to stop (seconds since 1970). A step that runs then ends as "partial", and
            none is begun in the last minute, unless it is the first. None: no limit.
        show: called with all steps whenever something may have changed.

    Raises:
        DataError: another run of this profile is in progress; reports cannot be written.
    """
    check_writable(profile.run_folder)
    runs = [
        StepRun(step, profile.run_folder / step.name, step.name in asked) for step in profile.steps
    ]
    with locked(profile):
        check_writable(profile.report_folder)
        try:
            _run_all(profile, runs, force, jobs, deadline, lambda: show(runs))
        except KeyboardInterrupt:
            shelf.write_index(profile, runs)
            raise
        changed = any(run.status != "unchanged" for run in runs if run.asked)
        if changed or not (profile.report_folder / "index.html").exists():
            shelf.write_all(profile, runs)
    return runs


def _run_all(
    profile: Profile,
    runs: list[StepRun],
    force: bool,
    jobs: int,
    deadline: float | None,
    show: Callable[[], None],
) -> None:
    waiting = [run for run in runs if run.asked]
    processes: dict[str, tuple[StepRun, subprocess.Popen]] = {}
    by_name = {run.step.name: run for run in runs}
    why = BY_HAND
    try:
        while waiting or processes:
            failed = any(run.status == "failed" for run in runs)
            for run in list(waiting):
                late = _is_late(deadline, runs)
                if failed or late or len(processes) >= jobs or not _may_begin(run, by_name):
                    continue
                waiting.remove(run)
                if not force and plan.still_stands(run.step, profile.run_folder):
                    _keep(profile, run, runs)
                else:
                    beside = 1 + sum(_may_begin(each, by_name) for each in waiting)
                    share = min(jobs, len(processes) + beside)
                    processes[run.step.name] = (run, _start(profile, run, force, share))
                show()
            if (failed or _is_late(deadline, runs)) and not processes:
                break
            for name, (run, process) in list(processes.items()):
                _read_progress(run)
                if process.poll() is not None:
                    del processes[name]
                    _finish(profile, run, process.returncode, runs)
            show()
            if processes and deadline is not None and time.time() >= deadline:
                why = TIME_UP
                break
            if processes:
                time.sleep(POLL_SECONDS)
    finally:
        _stop([process for _, process in processes.values()])
        for run, _ in processes.values():
            _end_early(profile, run, why, runs)
    for run in waiting:
        run.status = "not run"
        run.message = "not begun: the time was up" if _is_late(deadline, runs) else ""
    show()


def _is_late(deadline: float | None, runs: list[StepRun]) -> bool:
    """Returns whether no further step may begin. The first may, however little time was given."""
    if deadline is None:
        return False
    begun = any(run.started for run in runs)
    return deadline - time.time() <= (LEAST_SECONDS if begun else 0)


def _may_begin(run: StepRun, by_name: dict[str, StepRun]) -> bool:
    needed = [by_name[need] for need in run.step.needs]
    return all(each.finished or not each.asked for each in needed)


def _keep(profile: Profile, run: StepRun, runs: list[StepRun]) -> None:
    run.status, run.fraction, run.message = "unchanged", 1.0, "unchanged, skipped"
    run.seconds = plan.read_done(run.folder).get("seconds", 0.0)
    if not shelf.report_path(profile, run.step).exists():
        shelf.write_report(profile, run, runs)


def _start(profile: Profile, run: StepRun, force: bool, share: int) -> subprocess.Popen:
    last = _last_run(run.folder)
    stopped = last.get("status") == "partial"
    previous = plan.read_done(run.folder).get("seconds") or (0 if stopped else last.get("seconds"))
    (run.folder / "done.json").unlink(missing_ok=True)
    goes_on = not force and plan.may_go_on(run.step, profile.run_folder)
    if not goes_on:
        shutil.rmtree(run.folder, ignore_errors=True)
    run.folder.mkdir(parents=True, exist_ok=True)
    inputs = plan.inputs_of(run.step, profile.run_folder)
    write_json(run.folder / "started.json", plan.describe_work(run.step, inputs))
    description = describe_run(run.step, step_key(run.step, inputs), inputs)
    description["portable_key"] = portable_key(run.step, inputs)
    description["stale"] = plan.stale_needs(profile, [run.step.name])
    if goes_on and stopped:
        description["seconds_before"] = round(last["seconds"] + last.get("seconds_before", 0.0), 1)
    if goes_on:
        description["versions_before"] = _versions_before(last, description["versions"])
    description["start"] = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(run.folder / "run.json", description)
    for left_over in ("summary.json", "failure.json", "executed.ipynb"):
        (run.folder / left_over).unlink(missing_ok=True)
    (run.folder / "progress.jsonl").write_text("")
    request = {
        "notebook": str(run.step.notebook),
        "output": str(executed_notebook(run)),
        "values": run.step.values,
        "cwd": str(project_home()),
    }
    write_json(run.folder / "request.json", request)
    run.status, run.started, run.estimate = "running", time.time(), previous
    with open(run.folder / "process.log", "w", encoding="utf-8") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "unmask.suite.step_process", str(run.folder / "request.json")],
            env=_environment(run, share),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def executed_notebook(run: StepRun) -> Path:
    """Returns where the executed notebook of a step lies."""
    return run.folder / "executed.ipynb"


def _environment(run: StepRun, share: int) -> dict[str, str]:
    library = str(Path(__file__).resolve().parents[2])
    return {
        **os.environ,
        **(share_of_cores(share) if share > 1 else {}),
        "UNMASK_HOME": str(project_home()),
        "UNMASK_PROGRESS": str(run.folder / "progress.jsonl"),
        "PYTHONPATH": os.pathsep.join(filter(None, (library, os.environ.get("PYTHONPATH", "")))),
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def _read_progress(run: StepRun) -> None:
    run.seconds = time.time() - run.started
    with suppress(OSError, ValueError, IndexError):
        event = json.loads((run.folder / "progress.jsonl").read_text().splitlines()[-1])
        run.fraction, run.message = event["fraction"], event["message"]


def _finish(profile: Profile, run: StepRun, returncode: int, runs: list[StepRun]) -> None:
    run.seconds = time.time() - run.started
    described = read_json(run.folder / "run.json")
    described["seconds"] = round(run.seconds, 1)
    try:
        if returncode != 0:
            raise DataError(_failure_message(run, returncode))
        done = plan.describe_outputs(run.folder, run.step.name)
        run.status, run.fraction, run.message = "done", 1.0, ""
    except (DataError, UsageError) as error:
        run.status, run.message = "failed", (str(error).splitlines() or ["failed"])[0]
        run.failure = {"message": str(error)}
    described |= {
        "status": run.status,
        **({"failure": str(run.failure["message"])} if run.failure else {}),
    }
    write_json(run.folder / "run.json", described)
    if run.status == "done":
        kept = {name: described.get(name, "") for name in ("key", "portable_key", "place")}
        write_json(run.folder / "done.json", {**kept, "seconds": described["seconds"], **done})
    try:
        shelf.write_report(profile, run, runs)
        shelf.write_index(profile, runs)
    except OSError as error:
        run.status, run.message = "failed", f"its report cannot be written: {error}"
        run.failure = {"message": f"The step is finished and kept, but {run.message}"}


def _end_early(profile: Profile, run: StepRun, why: str, runs: list[StepRun]) -> None:
    """Notes of a stopped step how far it was, and that the next run goes on from there."""
    _read_progress(run)
    reached = f" ({run.message})" if run.message else ""
    far = f", at {run.fraction:.0%}{reached}" if run.fraction else ""
    run.status, run.message = "partial", f"stopped {why}{far}; run again to go on"
    with suppress(OSError, ValueError):
        described = read_json(run.folder / "run.json") | {
            "seconds": round(run.seconds, 1),
            "status": run.status,
            "stopped": f"It was stopped {why}{far}. What it had written is kept: run it again and "
            "it goes on from there, a training from its last whole epoch.",
        }
        write_json(run.folder / "run.json", described)
        shelf.write_report(profile, run, runs)
        shelf.write_index(profile, runs)


def _failure_message(run: StepRun, returncode: int) -> str:
    try:
        return read_json(run.folder / "failure.json")["message"]
    except (OSError, ValueError, KeyError):
        log = (run.folder / "process.log").read_text(encoding="utf-8", errors="replace")
        tail = "\n".join(log.splitlines()[-5:])
        return f"The step's process ended with code {returncode}.\n{tail}"


def _versions_before(last: dict[str, Any], now: dict[str, str]) -> dict[str, str]:
    """Returns the other versions under which earlier parts of a step ran: half-done work is gone
    on with on Kaggle when its image has changed."""
    known = {**last.get("versions_before", {}), **last.get("versions", {})}
    left_out = ENGINE_PACKAGES  # no training depends on them
    differ = {name: value for name, value in known.items() if value != now.get(name)}
    return {name: value for name, value in differ.items() if name not in left_out}


def _last_run(folder: Path) -> dict[str, Any]:
    try:
        return read_json(folder / "run.json")
    except (OSError, ValueError):
        return {}


def _stop(processes: list[subprocess.Popen]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
