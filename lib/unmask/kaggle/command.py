"""`unmask kaggle push|status|pull|run`: a profile on Kaggle, its results and reports here."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from ..errors import UnmaskError, UsageError
from ..parser import Parser
from ..suite import plan
from ..suite.alarms import alarms_of_run, console_lines
from ..suite.profiles import Profile, load_profile
from .chain import MACHINES, make_chain
from .client import Client
from .follow import Follower, Options
from .internet import Attached, check_chain
from .preparing import prepare
from .pushing import KAGGLE_HOURS
from .retrying import IMPATIENT, PATIENT
from .state import load_state, locked
from .table import Display, kernel_table

PUSHING = ("push", "run")


def main(arguments: list[str]) -> int:
    """Runs the command; returns the exit code.

    0 all done, 1 something failed or could not start, 2 usage, 130 stopped.
    """
    options = _parser().parse_args(arguments)
    errors = Console(stderr=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(options)
    except UnmaskError as error:
        errors.print(f"[bold red]error[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return error.exit_code
    except OSError as error:
        words = f"A file cannot be read or written: {error}\nPut that right and run again."
        errors.print(words, markup=False, highlight=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        again = f"unmask kaggle run --profile {options.profile}"
        words = f"Stopped. Kernels go on on Kaggle; to follow and fetch them: {again}"
        errors.print(words, markup=False, highlight=False, soft_wrap=True)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="unmask kaggle",
        allow_abbrev=False,
        description="Runs a profile's notebooks on Kaggle, a kernel a step, and brings their "
        "results and reports here.",
        epilog="push: start what can start now. status: how it stands. pull: fetch what is done. "
        "run: all of it until everything is done. Exit codes: 0 done; 1 something failed, could "
        "not start (no GPU hours left) or, with --strict, has a red alarm; 2 wrong command or "
        "profile; 130 stopped, while kernels go on.",
    )
    add = parser.add_argument
    add("action", choices=("push", "status", "pull", "run"))
    add("--profile", default="demo", help="a name from params/ (default: demo)")
    add(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="STEP.PARAM=VALUE",
        help="change parameters",
    )
    add("--only", nargs="+", default=[], metavar="STEP", help="these steps")
    add("--until", default="", metavar="STEP", help="last step")
    add("--single", action="store_true", help="one kernel for all steps, instead of one a step")
    add(
        "--weights", default="", metavar="SOURCE", help="dataset or model with weights; no internet"
    )
    add("--accelerator", choices=tuple(MACHINES), default="t4", help="default: t4, two of them")
    add("--jobs", type=int, default=2, metavar="N", help="kernels side by side (default: 2)")
    add("--every", type=float, default=30.0, metavar="SECONDS", help="between looks (default: 30)")
    add("--hours", type=float, default=KAGGLE_HOURS, help="that a kernel may take (default: 12)")
    add("--packages", default="", metavar="DIR", help="wheels that the image lacks; or: none")
    add("--with-data", action="store_true", help="fetch arrays of faces and pictures as well")
    add("--again", action="store_true", help="push finished kernels anew")
    add("--strict", action="store_true", help="exit 1 when a finished step has a red alarm")
    return parser


def _run(options: argparse.Namespace) -> int:
    _check_options(options)
    profile = load_profile(options.profile, options.set)
    asked = plan.select_steps(profile, options.only, "", options.until)
    check_chain(profile, asked, options.weights)
    # rich would follow a standard output that is muted while the official client speaks.
    console = Console(file=sys.stdout)
    looking = options.action == "status"
    with contextlib.nullcontext() if looking else locked(options.profile):
        display = Display(console)
        patience = PATIENT if options.action == "run" else IMPATIENT
        client = Client.login(display.tell, patience)
        follower = _follower(options, profile, asked, client, display)
        with display:
            if options.action in PUSHING:
                prepare(options, follower)
            _act(options.action, follower)
            follower.home.finish()
        return _conclude(options, follower, console)


def _follower(
    options: argparse.Namespace,
    profile: Profile,
    asked: list[str],
    client: Client,
    display: Display,
) -> Follower:
    state = load_state(profile.name)
    if state.rebuilt:
        display.say("The notes of what was pushed are damaged; Kaggle is asked instead.")
    if state.owner not in ("", client.owner):
        display.say(f"The notes are of the account {state.owner}; {client.owner} is asked instead.")
        state.pushes = {}
    state.owner, state.overrides = client.owner, list(options.set)
    state.keep = options.action != "status"
    single = asked if options.single else ()
    kernels = make_chain(
        profile,
        client.owner,
        Attached(weights=options.weights),
        accelerator=options.accelerator,
        single=single,
    )
    wanted = [kernel.slug for kernel in kernels if set(kernel.steps) <= set(asked)]
    settings = Options(
        jobs=options.jobs,
        every=options.every,
        hours=options.hours,
        again=options.again,
        with_data=options.with_data,
        as_pushed=options.action not in PUSHING,
    )
    return Follower(client, profile, kernels, wanted, state, settings, display)


def _check_options(options: argparse.Namespace) -> None:
    """Raises UsageError for numbers that make no sense and options that do not go together."""
    if options.jobs < 1:
        raise UsageError(f"--jobs {options.jobs} is not possible.", expected="1 or more")
    if not options.every > 0:
        raise UsageError(f"--every {options.every:g} is not possible.", expected="above 0")
    if not 0 < options.hours <= KAGGLE_HOURS:
        raise UsageError(
            f"--hours {options.hours:g} is not possible.",
            expected=f"above 0, and no more than the {KAGGLE_HOURS:g} that Kaggle gives",
        )
    if options.single and options.only:
        raise UsageError(
            "--single does not go together with --only: its one kernel reads no other's output.",
            fix="leave one of them out; --single --until STEP is possible",
        )


def _act(action: str, follower: Follower) -> None:
    follower.show()
    if action == "run":
        follower.run()
        return
    follower.look()
    if not follower.state.pushes:
        follower.recall()
    if action == "pull":
        follower.take_home(partial=True)
    if action == "push":
        follower.take_home()
        follower.push_ready()
    follower.show()


def _conclude(options: argparse.Namespace, follower: Follower, console: Console) -> int:
    """Prints how it ended; returns the exit code."""
    follower.state.save()
    rows = follower.rows()
    if not console.is_terminal:
        console.print()
        console.print(kernel_table(rows))
    for row in rows:
        if row.state in ("failed", "cancelled") or "\n" in row.message:
            console.print(f"\n[bold red]{escape(row.name)} {row.state}[/]", highlight=False)
            console.print(row.message, markup=False, highlight=False, soft_wrap=True)
    notes = [*follower.notes.values(), *follower.home.problems.values()]
    for note in dict.fromkeys(filter(None, notes)):
        console.print(f"\n{note}", markup=False, highlight=False, soft_wrap=True)
    red = _print_alarms(console, follower.profile, options.strict)
    _print_next(options, follower, console)
    bad = any(row.state in ("failed", "cancelled", "not run") for row in rows)
    if options.action == "run":
        bad = any(follower.is_open(kernel) for kernel in follower.kernels)
    bad = bad or bool(follower.pushing.no_gpu) or bool(follower.home.problems)
    return 1 if (bad and options.action != "status") or (options.strict and red) else 0


def _print_alarms(console: Console, profile: Profile, strict: bool) -> int:
    """Prints the alarms of all finished steps; returns how many are red."""
    found = alarms_of_run(profile)
    for text in console_lines(found):
        console.print(f"\n{text}", markup=False, highlight=False, soft_wrap=True)
    red = sum(alarm["light"] == "red" for alarm in found)
    if red and strict:
        words = "1 red alarm" if red == 1 else f"{red} red alarms"
        console.print(f"\n--strict: {words}, so this run counts as failed.", highlight=False)
    return red


def _print_next(options: argparse.Namespace, follower: Follower, console: Console) -> None:
    lines = []
    still_open = [kernel for kernel in follower.kernels if follower.is_open(kernel)]
    if options.action in ("push", "pull", "status") and still_open:
        steps = ", ".join(step for kernel in still_open for step in kernel.steps)
        lines.append(f"Not done yet: {steps}. Follow and go on: unmask kaggle run --profile "
                     f"{follower.profile.name}")  # fmt: skip
    index = follower.profile.report_folder / "index.html"
    if index.is_file():
        lines.append(f"Reports: {_from_here(index)}")
    for line in lines:
        console.print(f"\n{line}", markup=False, highlight=False, soft_wrap=True)


def _from_here(path: Path) -> str:
    try:
        return os.path.relpath(path)
    except ValueError:  # on another drive of Windows
        return str(path)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
