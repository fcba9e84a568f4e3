"""Runs the whole suite, or a part of it: `python run_all.py --help`."""

import os
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent
os.environ.setdefault("UNMASK_HOME", str(HOME))
sys.path.insert(0, str(HOME / "lib"))

from unmask.suite.command_line import main  # noqa: E402

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is written. A library's thread that aborts the interpreter on its way out must not
    # change the exit code.
    os._exit(code)
