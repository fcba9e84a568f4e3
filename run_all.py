"""Runs the whole suite, or a part of it: `python run_all.py --help`."""

import os
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent
os.environ.setdefault("UNMASK_HOME", str(HOME))
sys.path.insert(0, str(HOME / "lib"))

from unmask.suite.command_line import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
