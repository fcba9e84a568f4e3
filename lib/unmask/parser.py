"""The parser of every command line of Unmask."""

from __future__ import annotations

import argparse
import sys

from .errors import nearest


class Parser(argparse.ArgumentParser):
    """Offers the nearest option for a mistyped one; exits with 2 like every usage error."""

    def error(self, message: str) -> None:
        if "unrecognized arguments" in message:
            wrong = message.split(": ")[-1].split()[0]
            message += "." + nearest(wrong, self._option_string_actions)
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: {message}\n")
