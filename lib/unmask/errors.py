"""Errors that tell a person what happened, what was expected and how to fix it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UnmaskError(Exception):
    """A problem the user can act on. Ends a step or a command with `exit_code`.

    Example:
        raise DataError(
            "The folder faces/ holds pictures of one class only (fake).",
            expected="a real/ and a fake/ folder with at least one picture each",
            fix="add real faces, or pass a CSV manifest with path and label",
        )
    """

    exit_code = 1

    def __init__(self, what: str, *, expected: str = "", fix: str = ""):
        self.what, self.expected, self.fix = what, expected, fix
        lines = [what]
        if expected:
            lines.append(f"  expected: {expected}")
        if fix:
            lines.append(f"  to fix:   {fix}")
        super().__init__("\n".join(lines))


class UsageError(UnmaskError):
    """The command, the profile or the folder it names is wrong: said before any work starts."""

    exit_code = 2


class DataError(UnmaskError):
    """The data or the machine does not allow a step to go on (too small, no space, no weights)."""


class MissingStepError(UnmaskError):
    """A notebook needs what an earlier notebook writes, and it is not there."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns " Did you mean 'x'?" for the known name closest to `name`, or an empty string."""
    matches = difflib.get_close_matches(str(name), [str(item) for item in known], n=1, cutoff=0.5)
    return f" Did you mean '{matches[0]}'?" if matches else ""
