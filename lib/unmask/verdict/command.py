"""`unmask score`: what a trained detector says of photos and clips, a line for each file."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UnmaskError, UsageError
from ..parser import Parser
from .choosing import find_model
from .listing import Listing, list_files
from .output import Output, own_stdout

if TYPE_CHECKING:
    from .detector import Detector

UNUSABLE, STOPPED, NOBODY_READS = 2, 130, 141


def main(arguments: list[str] | None = None) -> int:
    """Scores what `arguments` name; returns the exit code.

    0 verdicts on all files, 1 some could not be read, 2 command or detector unusable, 130 stopped,
    141 nobody reads the output any more.
    """
    options = _parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("UNMASK_PROGRESS", os.devnull)  # this command shows its own
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        with own_stdout() as stream, _terminable():
            return _score(options, stream)
    except UnmaskError as error:
        print(f"error: {error}", file=sys.stderr)
        return UNUSABLE
    except BrokenPipeError:
        _forget_stdout()
        return NOBODY_READS
    except OSError as error:
        print(f"A file cannot be read or written: {error}", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        words = "Stopped. What was said so far is kept: the same command goes on from there."
        print(f"\n{words}", file=sys.stderr)
        return STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="unmask score",
        allow_abbrev=False,
        description="Says of photos and clips: real, fake, unsure or no face. A score is no proof.",
        epilog="Verdicts are kept in runs/scores/ of the project, so that a second call goes on "
        "where the first ended. Exit codes: 0 a verdict on every file; 1 some files could not be "
        "read (they are listed); 2 wrong command, or no detector that can be used; 130 stopped.",
    )
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="files, folders, or patterns in quotes"
    )
    parser.add_argument(
        "--model",
        metavar="RUN",
        help="a run's name, or the path of a run, of a detector in it, of a detector.json or of a "
        ".keras file (default: the best detector of the newest run)",
    )
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="a line of JSON for each file")
    forms.add_argument("--csv", action="store_true", help="a table for spreadsheets")
    parser.add_argument(
        "--report", type=Path, metavar="FILE.html", help="write a page with pictures there"
    )
    parser.add_argument(
        "--every", type=int, default=10, metavar="N", help="look at each n-th frame (default: 10)"
    )
    parser.add_argument(
        "--faces",
        choices=("auto", "yunet", "mtcnn", "whole"),
        default="auto",
        help="what finds faces; whole: each picture is a face crop already (default: auto)",
    )
    parser.add_argument(
        "--jobs", type=int, default=min(4, os.cpu_count() or 1), metavar="N",
        help="files read at once (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--fresh", action="store_true", help="look again at files whose verdict is known"
    )
    return parser


def _score(options: argparse.Namespace, stream: Any) -> int:
    _check(options)
    listing = list_files(options.paths)
    model = find_model(options.model)
    from .detector import Detector  # only here: a wrong command is told at once

    form = "json" if options.json else "csv" if options.csv else "text"
    output = Output(form, stream, listing.paths, listing.folder)
    detector = Detector.load(model, faces=options.faces, every=options.every)
    output.say(f"Detector: {detector.title}")
    output.notice([*detector.notices, *listing.notices()])
    with output:
        for record in verdicts(detector, listing, options, output):
            output.show(record)
    output.notice(detector.notices)  # again: engines are opened when they are first needed
    output.end(detector.error_rates())
    if options.report:
        from .page import write_page

        with output.waiting("Writing the report"):
            left = write_page(options.report, output.records, detector, listing.folder)
        output.notice(left)
        output.say(f"Report: {options.report}")
    return 1 if output.unreadable or listing.closed else 0


def verdicts(
    detector: Detector, listing: Listing, options: argparse.Namespace, output: Output
) -> Iterator[dict[str, Any]]:
    """Yields the verdict on each file as plain data, in order; those known are not asked again."""
    from .resume import Known, key_of, stamp_of

    key = key_of(detector.card, faces=options.faces, every=options.every, told=detector.notices)
    known = Known(key, fresh=options.fresh)
    found = {path: known.find(path) for path in listing.paths}
    unknown = [path for path, record in found.items() if record is None]
    if done := len(found) - len(unknown):
        output.say(
            f"{done:,} of {len(found):,} known from an earlier call (--fresh looks again); "
            f"{len(unknown):,} to go."
        )
    stamps = {path: stamp_of(path) for path in unknown}
    answers = detector.score_files(unknown, jobs=options.jobs)
    with contextlib.closing(answers):
        for path, record in found.items():
            if record is None:
                verdict = dataclasses.replace(next(answers), file=os.fspath(path))
                record = verdict.as_dict()
                try:
                    known.add(path, stamps[path], record)
                except OSError as error:
                    output.notice([f"Verdicts cannot be kept for a later call: {error}"])
            yield record


def _check(options: argparse.Namespace) -> None:
    for name in ("every", "jobs"):
        if (value := getattr(options, name)) < 1:
            raise UsageError(f"--{name} {value} is not possible.", expected="1 or more")
    report = options.report
    if report and report.is_dir():
        raise UsageError(f"{report} is a folder.", fix="name a file, such as report.html")
    if report and not os.access(report.parent, os.W_OK):
        raise UsageError(f"{report} cannot be written: {report.parent} is no folder to write to.")


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Makes a request to end the process (SIGTERM) end the work as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _forget_stdout() -> None:
    """Keeps the interpreter from complaining, on its way out, that nobody reads."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
