"""The command line of the suite: `python run_all.py`, the same as `unmask run`."""

from __future__ import annotations

import argparse
import errno
import os
import re
import signal
import sys
import time

from rich.console import Console
from rich.markup import escape

from ..errors import UnmaskError, UsageError, nearest
from ..parser import Parser
from ..runs import notebook_of
from ..session.processor import available_cores
from . import plan
from .alarms import alarms_of_run, console_lines
from .display import Display, clock, summary_table
from .profiles import Profile, expected_of, load_profile, profile_names
from .provenance import gpus


def main(arguments: list[str] | None = None) -> int:
    """Runs the suite; returns the exit code.

    0 all done; 1 a step failed, the time was up or (with --strict) a red alarm; 2 usage; 130
    stopped.
    """
    # Without arguments of its own it was called by run_all.py.
    prog = "run_all.py" if arguments is None else "unmask run"
    options = _parser(prog).parse_args(arguments)
    errors = Console(stderr=True)
    try:
        return _run(options)
    except UnmaskError as error:
        errors.print(f"[bold red]error[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        return error.exit_code
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "The disk is full" if full else "A file cannot be read or written"
        errors.print(
            f"{what}: {error}\nPut that right and run again; finished steps are kept.",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        return 1
    except KeyboardInterrupt:
        errors.print("Stopped. Finished steps are kept; run again to go on.")
        return 130


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = Parser(
        prog=prog,
        allow_abbrev=False,
        description="Runs the Unmask notebooks in order and writes HTML reports.",
        epilog="Exit codes: 0 all steps done; 1 a step failed, the time was up or, with --strict, "
        "a finished step has a red alarm; 2 wrong command or profile; 130 stopped.",
    )
    parser.add_argument("--profile", default="demo", help="a name from params/ (default: demo)")
    parser.add_argument("--list", action="store_true", help="list profiles, steps and parameters")
    parser.add_argument("--dry-run", action="store_true", help="say what would run, and stop")
    parser.add_argument("--only", nargs="+", default=[], metavar="STEP", help="run these steps")
    parser.add_argument("--from", dest="start", default="", metavar="STEP", help="first step")
    parser.add_argument("--until", default="", metavar="STEP", help="last step")
    parser.add_argument("--force", action="store_true", help="run again from scratch")
    parser.add_argument(
        "--strict", action="store_true", help="exit 1 when a finished step has a red alarm"
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="steps side by side (default: as the profile says)"
    )
    parser.add_argument(
        "--stop-after", type=float, metavar="MINUTES", help="stop then; the next run goes on"
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes that train hp_search's trials"
    )
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="STEP.PARAM=VALUE",
        help="change parameters",
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    console = Console()
    if options.jobs is not None and options.jobs < 1:
        raise UsageError(f"--jobs {options.jobs} is not possible.", expected="1 or more")
    if options.stop_after is not None and not 0 < options.stop_after < float("inf"):
        raise UsageError(
            f"--stop-after {options.stop_after:g} is not possible.", expected="more than 0 minutes"
        )
    profile = load_profile(options.profile, [*options.set, *_workers(options)])
    if options.list:
        _print_list(console, profile)
        return 0
    asked = plan.select_steps(profile, options.only, options.start, options.until)
    plan.check_needs(profile, asked)
    _check_source(profile, asked)
    _check_weights(profile, asked)
    stale = plan.stale_needs(profile, asked)
    if stale:
        words = f"{', '.join(stale)} changed since the last run and will be used as they are."
        console.print(f"notice: {words}", highlight=False, soft_wrap=True)
    if options.dry_run:
        _print_plan(console, profile, asked, options.force)
        return 0
    return _execute(console, profile, asked, options)


def _jobs_here(profile: Profile) -> int:
    """Returns how many steps run side by side: as the profile says, but one where a GPU is, which
    belongs to one training at a time, and no more than there are cores."""
    return 1 if gpus() else min(profile.jobs, available_cores())


def _workers(options: argparse.Namespace) -> list[str]:
    """Returns --workers N as what it means: a parameter of the step hp_search."""
    if options.workers is None:
        return []
    if options.workers < 1:
        raise UsageError(f"--workers {options.workers} is not possible.", expected="1 or more")
    if "hp_search" not in [step.name for step in load_profile(options.profile).steps]:
        raise UsageError(
            f"--workers is for the step hp_search, which the profile {options.profile!r} lacks.",
            fix="name a profile that searches, or leave --workers out",
        )
    return [f"hp_search.workers={options.workers}"]


def _execute(
    console: Console, profile: Profile, asked: list[str], options: argparse.Namespace
) -> int:
    from .runner import run_plan

    signal.signal(signal.SIGTERM, _interrupt)
    deadline = None if options.stop_after is None else time.time() + 60 * options.stop_after
    index = os.path.relpath(profile.report_folder / "index.html")
    words = f"Reports appear in {index} as steps end."
    console.print(words, markup=False, highlight=False, soft_wrap=True)
    jobs = options.jobs or _jobs_here(profile)
    with Display(console) as show:
        runs = run_plan(
            profile, asked, force=options.force, jobs=jobs, deadline=deadline, show=show
        )
    console.print()
    console.print(summary_table(runs))
    for run in runs:
        if run.status == "failed":
            console.print(f"\n[bold red]{run.step.name} failed[/]", highlight=False)
            console.print(run.failure["message"], markup=False, highlight=False, soft_wrap=True)
    if any(run.status == "partial" for run in runs):
        console.print(
            f"\nStopped after {options.stop_after:g} minutes, as --stop-after asked. What is "
            "finished or half done is kept; run again to go on.",
            highlight=False,
            soft_wrap=True,
        )
    red = _print_alarms(console, profile, options.strict)
    console.print(f"\nReports: {index}", markup=False, highlight=False, soft_wrap=True)
    failed = any(run.status in ("failed", "partial", "not run") for run in runs if run.asked)
    return 1 if failed or (options.strict and red) else 0


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


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _check_source(profile: Profile, asked: list[str]) -> None:
    """Looks at a folder source before any work starts.

    Raises:
        UsageError: it is missing, empty, one-sided or has a wrong manifest; or fakes are to be
            blended from another source.
    """
    if "download" not in asked:
        return
    values = profile.step("download").values
    if values["source"] == "folder":
        from ..runs import resolve
        from ..sources.folder import list_source

        if not values["root"]:
            raise UsageError(
                "The profile reads a folder, but none is named.",
                fix="add --set download.root=PATH (a folder with real/ and fake/, or a CSV)",
            )
        list_source(resolve(values["root"]), reals_only=values.get("make_fakes", False))
    elif values.get("make_fakes"):
        raise UsageError(
            f"download.make_fakes blends fakes from a folder's pictures, not from the source "
            f"{values['source']!r}.",
            fix="add --set download.source=folder download.root=PATH",
        )
    if values["source"] == "kaggle" and not re.fullmatch(r"[\w.-]+/[\w.-]+", values["handle"]):
        raise UsageError(
            f"download.handle is {values['handle']!r}.",
            expected="owner/slug, as in the dataset's address on Kaggle",
        )


def _check_weights(profile: Profile, asked: list[str]) -> None:
    """Looks for files of weights before any work starts.

    Raises:
        UsageError: one is neither a word that the networks know nor a file.
    """
    from ..runs import resolve

    words = ("imagenet", "imagenet_or_random", "random")
    for step in profile.steps:
        weights = step.values.get("weights", "random")
        known = (*words, "imagenet_or_none") if step.name == "resnet50" else words
        if step.name in asked and weights not in known and not resolve(weights).is_file():
            raise UsageError(
                f"{step.name}.weights is {weights!r}, which is no file.{nearest(weights, known)}",
                expected=f"one of: {', '.join(known)}, or the path of an .h5 file",
            )


def _print_list(console: Console, profile: Profile) -> None:
    console.print("[bold]Profiles[/] (params/NAME.yaml, run with --profile NAME)")
    for name in profile_names():
        about = expected_of(name)[1:2]
        console.print(f"  {name:<10} {escape(about[0] if about else '')}", highlight=False)
    console.print(f"\n[bold]Steps and parameters of {escape(profile.name)}[/] (* changed here)")
    for step in profile.steps:
        console.print(
            f"  [bold]{step.name}[/]  notebooks/{notebook_of(step.name)}.ipynb",
            highlight=False,
        )
        for name, parameter in step.parameters.items():
            if name == "run_folder":
                continue
            mark = "*" if name in step.changed else " "
            text = f"   {mark} {name} = {step.values[name]!r}  ({parameter.help})"
            console.print(text, markup=False, highlight=False, soft_wrap=True)


def _print_plan(console: Console, profile: Profile, asked: list[str], force: bool) -> None:
    earlier_runs = False
    width = max(13, *(len(name) for name in asked))
    for step in profile.steps:
        if step.name not in asked:
            continue
        done = plan.read_done(profile.run_folder / step.name)
        stands = plan.still_stands(step, profile.run_folder) and not earlier_runs
        again = force or not stands
        earlier_runs = earlier_runs or again
        last = f" (last time {clock(done['seconds'])})" if done else ""
        words = f"run{last}" if again else "unchanged, skip"
        console.print(f"  {step.name:<{width}} {words}", highlight=False)
    console.print(
        f"Reports: {os.path.relpath(profile.report_folder / 'index.html')}", soft_wrap=True
    )


if __name__ == "__main__":
    sys.exit(main())
