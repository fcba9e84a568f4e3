"""`unmask audit`: is a dataset fit to measure anything?"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnmaskError, UsageError
from ..parser import Parser

if TYPE_CHECKING:
    import pandas as pd

    from ..audit.run import Audit

STOPPED = 130
UNUSABLE = 2


def main(arguments: list[str] | None = None) -> int:
    """Audits the dataset that `arguments` name; prints what was found; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        audit = _audit(options)
    except UnmaskError as error:
        print(f"\nerror: {error}", file=sys.stderr)
        return UNUSABLE
    except OSError as error:
        print(f"\nA file cannot be read or written: {error}", file=sys.stderr)
        return UNUSABLE
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return STOPPED
    return audit.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="unmask audit",
        allow_abbrev=False,
        description="Looks for leaks, shortcuts and wrong labels in a dataset of faces.",
        epilog="Exit codes: 0 no red finding, 1 red findings, 2 dataset or command unusable.",
    )
    parser.add_argument(
        "source", metavar="FOLDER|CSV", help="a folder with real/ and fake/, or a CSV of paths"
    )
    parser.add_argument(
        "--against",
        nargs="+",
        action="extend",
        default=[],
        metavar="FOLDER|CSV",
        help="other datasets, to look for pictures that stand in both",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all findings there")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="files read at once"
    )
    parser.add_argument(
        "--sample",
        type=int,
        default=5000,
        metavar="N",
        help="files that shortcuts are measured on, at most; copies are looked for in all "
        "(default: 5000)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the sample")
    return parser


def _audit(options: argparse.Namespace) -> Audit:
    _check(options)
    from ..audit.run import AuditSettings, audit_files
    from ..audit.summary import describe_audit
    from ..runs import write_json

    files = _files(options.source, options.jobs)
    names = _names([options.source, *options.against])
    against = {
        name: _files(source, options.jobs)
        for name, source in zip(names[1:], options.against, strict=True)
    }
    settings = AuditSettings(sample=options.sample, seed=options.seed, jobs=options.jobs)
    audit = audit_files(files, settings, name=names[0], against=against)
    print(file=sys.stderr)  # ends the line of the progress
    if options.json:
        write_json(options.json, audit.as_dict())
    print(describe_audit(audit))
    return audit


def _check(options: argparse.Namespace) -> None:
    for name, least in (("jobs", 1), ("sample", 1), ("seed", 0)):
        if getattr(options, name) < least:
            raise UsageError(
                f"--{name} {getattr(options, name)} is not possible.", expected=f"{least} or more"
            )
    if options.json and options.json.is_dir():
        raise UsageError(f"{options.json} is a folder.", fix="name a file, such as audit.json")


def _files(source: str, jobs: int) -> pd.DataFrame:
    from ..sources.files_table import build_files_table
    from ..sources.folder import list_source

    entries = list_source(source)
    if ignored := len(entries.attrs["ignored"]):
        words = f"{ignored:,} files below {source} lie in no folder that names a class"
        print(f"{words}; they are left out.", file=sys.stderr)
    return build_files_table(entries, dataset=_names([source])[0], jobs=jobs)


def _names(sources: list[str]) -> list[str]:
    from ..audit.names import names_of

    return names_of([os.path.abspath(os.path.expanduser(source)) for source in sources])
