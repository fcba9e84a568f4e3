"""What a launcher kernel does on Kaggle: it runs the asked steps and leaves a packed output.

A kernel whose notebook raises is an error to Kaggle, and its files are lost. So whatever happens
to a step, the kernel ends well, and the truth stands in the manifest of its output.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from ..errors import DataError, UnmaskError, UsageError
from ..runs import write_json
from ..session.inputs import link_inputs
from ..session.mounts import missing_inputs, on_kaggle, working_folder
from ..session.outputs import FORMAT as OUTPUT_FORMAT
from ..session.outputs import MANIFEST, REQUEST_KEYS, pack
from ..suite import plan, shelf
from ..suite.display import Display, clock
from ..suite.plan import StepRun
from ..suite.profiles import Profile, load_profile
from ..suite.provenance import describe_machine
from ..suite.runner import run_plan
from .launcher import FORMAT

# A dataset that was uploaded by hand may hold its folders one level deeper.
ATTACHED = Path(__file__).resolve().parents[3:5]
FOLDERS = ("notebooks", "params")
# What is kept of the time for packing: arrays and archives are written and hashed.
PACKING_SHARE, PACKING_SECONDS = 0.05, 300
# A process that says it began longer ago has a wrong clock.
LONGEST_SESSION = 24 * 3600
MEBIBYTE = 2**20


def run_request(request: Mapping[str, Any], home: str | Path | None = None) -> dict[str, Any]:
    """Runs the steps that a request asks for and packs what they leave; returns the manifest.

    The home is laid out first: profiles and notebooks from the dataset that this code came with,
    and what the attached outputs of earlier kernels hold. A step that fails, or is stopped because
    the time is up, ends in the manifest, never in an exception; so does a mistake of our own.

    Args:
        request: {"format", "run_id", "key", "part", "profile", "overrides", "steps", "seconds",
            "attached"}, see `launcher.make_request`.
        home: where it works and where the output goes; None: Kaggle's working folder.

    Raises:
        UsageError: this is no session on Kaggle, whose working folder could be emptied.

    Example:
        run_request({"format": 1, "run_id": "0a1b2c3d", "key": "", "part": 1, "profile": "smoke",
                     "overrides": [], "steps": ["download"], "seconds": 41400})
    """
    if not on_kaggle():
        raise UsageError(
            "This notebook is for Kaggle's machines: it empties the folder it works in.",
            fix=f"python run_all.py --profile {request['profile']}",
        )
    began, started = session_start(), datetime.now(UTC).isoformat(timespec="seconds")
    home = Path(home or working_folder()).resolve()
    runs: list[StepRun] = []
    message = ""
    with _ending_as_interrupts():
        try:
            _run(request, home, began, runs)
        except KeyboardInterrupt:
            print("Stopped from outside: what is there is packed.", flush=True)
        except UnmaskError as error:
            message = str(error)
        except Exception as error:
            traceback.print_exc(file=sys.stdout)
            message = f"{type(error).__name__}: {error}\n{_where(error)}"
    return _leave(request, home, runs, started, message)


def session_start() -> float:
    """Returns when this session's process began, in seconds since 1970."""
    now = time.time()
    try:
        began = psutil.Process().create_time()
    except psutil.Error:
        return now
    return began if now - LONGEST_SESSION < began <= now else now


def _run(request: Mapping[str, Any], home: Path, began: float, runs: list[StepRun]) -> None:
    """Runs the steps; keeps `runs` filled while they run, so that nothing is lost at an end."""
    if request["format"] != FORMAT:
        raise DataError(
            f"The kernel was asked in the format {request['format']!r}.",
            expected=f"format {FORMAT}, which the attached code of Unmask knows",
            fix="unmask kaggle push, then run again",
        )
    _check_attached(request)
    profile = _lay_out(request, home)
    steps = list(request["steps"])
    _check_inputs(profile, steps)
    plan.check_needs(profile, steps)
    seconds = float(request["seconds"])
    deadline = began + seconds - min(PACKING_SHARE * seconds, PACKING_SECONDS)
    print(f"Running {', '.join(steps)} until {_moment(deadline)} at the latest.", flush=True)
    console = Console(file=sys.stdout, force_terminal=False, force_jupyter=False, width=120)
    with Display(console) as show:

        def show_and_keep(all_runs: list[StepRun]) -> None:
            runs[:] = [run for run in all_runs if run.asked]
            show(all_runs)

        all_runs = run_plan(profile, steps, deadline=deadline, show=show_and_keep)
    _complete_shelf(profile, all_runs)
    for run in runs:
        if run.failure:
            print(f"\n{run.step.name} failed: {run.failure['message']}", flush=True)


def _complete_shelf(profile: Profile, runs: list[StepRun]) -> None:
    """Writes the pages of steps that earlier kernels ran: the shelf of this one links to them."""
    for run in runs:
        page = shelf.report_path(profile, run.step)
        if plan.read_done(run.folder) and not page.exists():
            with contextlib.suppress(Exception):  # the results are there, whatever the page
                shelf.write_report(profile, run, runs)


def _lay_out(request: Mapping[str, Any], home: Path) -> Profile:
    home.mkdir(parents=True, exist_ok=True)
    os.environ["UNMASK_HOME"] = str(home)
    changes = [word for override in request["overrides"] for word in ("--set", override)]
    command = ["unmask", "kaggle", "run", "--profile", request["profile"], *changes]
    os.environ["UNMASK_COMMAND"] = shlex.join(command)
    for name in FOLDERS:
        found = [root / name for root in ATTACHED if (root / name).is_dir()]
        if not found:
            raise DataError(
                f"The attached code of Unmask has no folder {name}/.",
                expected=f"{ATTACHED[0] / name}, beside lib/",
                fix="unmask kaggle push, which uploads all of it",
            )
        _link_folder(found[0], home / name)
    for sentence in link_inputs(home):
        print(sentence, flush=True)
    return load_profile(request["profile"], list(request["overrides"]))


def _link_folder(source: Path, target: Path) -> None:
    if target.exists() or source == target:
        return
    try:
        target.symlink_to(source, target_is_directory=True)
    except OSError:
        shutil.copytree(source, target, copy_function=shutil.copyfile)


def _check_attached(request: Mapping[str, Any]) -> None:
    """Checks that Kaggle attached what was asked for: it starts a kernel without it all the same.

    Raises:
        DataError: with the names of what is missing, before hours are spent without it.
    """
    if missing := missing_inputs(request.get("attached", ())):
        raise DataError(
            f"Kaggle did not attach {', '.join(missing)}.",
            expected="every source of this kernel among its inputs",
            fix="correct the name or accept its terms on Kaggle, then run again: unmask kaggle run "
            f"--profile {request['profile']}",
        )


def _check_inputs(profile: Profile, steps: list[str]) -> None:
    """Checks that what the steps read was made by themselves or came with an attached output.

    Raises:
        DataError: with the names of the kernels whose outputs are missing.
    """
    missing = {
        need: name
        for name in steps
        for need in profile.step(name).needs
        if need not in steps and not plan.read_done(profile.run_folder / need)
    }
    if not missing:
        return
    from .chain import make_chain

    kernels = {step: kernel.slug for kernel in make_chain(profile, "") for step in kernel.steps}
    slugs = ", ".join(kernels[need] for need in missing)
    raise DataError(
        f"The step {next(iter(missing.values()))!r} needs what {', '.join(missing)} leaves, and it "
        "is not attached (or not finished).",
        expected=f"the output of: {slugs}",
        fix=f"unmask kaggle run --profile {profile.name}, which attaches it; by hand: Add Input > "
        f"Your Work > {slugs}",
    )


def _leave(
    request: Mapping[str, Any], home: Path, runs: list[StepRun], started: str, message: str
) -> dict[str, Any]:
    statuses = {name: {"status": "not run", "seconds": 0.0} for name in request["steps"]}
    statuses |= {run.step.name: _status(run) for run in runs}
    statuses = {name: {"message": "", **status} for name, status in statuses.items()}
    arguments = (home, request["profile"], request["steps"], request, statuses, home)
    try:
        manifest = pack(*arguments, started=started, machine=describe_machine(), message=message)
    except Exception as error:
        traceback.print_exc(file=sys.stdout)
        manifest = _manifest_alone(request, statuses, started, f"Nothing could be packed: {error}")
        write_json(home / MANIFEST, manifest)
    for line in _summary(manifest):
        print(line, flush=True)
    return manifest


def _status(run: StepRun) -> dict[str, Any]:
    # A crash of ours, or an end from outside, may leave a step that seems to run.
    ended = run.status if run.status not in ("waiting", "running") else "not run"
    message = run.failure.get("message") or run.message
    return {"status": ended, "seconds": round(run.seconds, 1), "message": message}


def _manifest_alone(
    request: Mapping[str, Any], statuses: dict[str, Any], started: str, message: str
) -> dict[str, Any]:
    return {
        "format": OUTPUT_FORMAT,
        **{name: request.get(name) for name in REQUEST_KEYS},
        "status": "failed",
        "message": message,
        "steps": statuses,
        "files": [],
        "machine": {},
        "started": started,
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _summary(manifest: Mapping[str, Any]) -> list[str]:
    lines = [f"\nThis kernel is {manifest['status']}. {manifest['message']}".rstrip()]
    for name, step in manifest["steps"].items():
        first = (step["message"].splitlines() or [""])[0]
        lines.append(f"  {name}: {step['status']}  {clock(step['seconds'])}  {first}".rstrip())
    for item in manifest["files"]:
        lines.append(f"  {item['path']}: {item['bytes'] / MEBIBYTE:,.1f} MiB")
    return lines


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return "\n".join(f"  {Path(each.filename).name}:{each.lineno} {each.line}" for each in frames)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S UTC")


@contextlib.contextmanager
def _ending_as_interrupts() -> Iterator[None]:
    """Makes the signal that ends a session stop the steps, so that what is there is packed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
