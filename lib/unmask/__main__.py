"""The command `unmask`: a word chooses what it does, and only that is imported."""

from __future__ import annotations

import importlib
import os
import sys

from .errors import nearest

# word: (module with a main that takes arguments and returns the exit code, what it does)
COMMANDS = {
    "run": ("unmask.suite.command_line", "run the notebooks and write the reports (run_all.py)"),
    "score": ("unmask.verdict.command", "say of photos and clips: real, fake, unsure or no face"),
    "app": ("unmask.web.command", "the same on a web page of your own machine"),
    "kaggle": ("unmask.kaggle.command", "run the notebooks on Kaggle, fetch what they leave"),
    "audit": ("unmask.suite.audit_command", "look for leaks and shortcuts in any dataset"),
}


def main() -> None:
    """Runs what the command line asks for, and ends the process with its exit code."""
    code = dispatch(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is written. A library's thread that aborts the interpreter on its way out must not
    # change the exit code.
    os._exit(code)


def dispatch(arguments: list[str]) -> int:
    """Calls the command that the first argument names; returns the exit code, 2 for none."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage(), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    word, *rest = arguments
    if word not in COMMANDS:
        print(
            f"unmask has no command {word!r}.{nearest(word, COMMANDS)}\n{usage()}", file=sys.stderr
        )
        return 2
    try:
        return importlib.import_module(COMMANDS[word][0]).main(rest)
    except SystemExit as end:  # argparse, after --help or a wrong option
        return end.code if isinstance(end.code, int) else int(end.code is not None)


def usage() -> str:
    """Returns the lines of `unmask --help`."""
    lines = [f"  unmask {word:<8} {about}" for word, (_, about) in COMMANDS.items()]
    return "\n".join(["usage: unmask COMMAND ...", *lines, "More: unmask COMMAND --help"])


if __name__ == "__main__":
    main()
