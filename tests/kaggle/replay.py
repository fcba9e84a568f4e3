"""Executes a kernel in the container once; asked for the same again, gives the same files.

For tests of what goes wrong between home and Kaggle: what a kernel leaves is real, and only the
first costs seconds. The request's own names (run id, key, part) are put into the manifest.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from container import Outcome, run_kernel
from filelock import FileLock
from unmask.kaggle.launcher import read_request
from unmask.session.outputs import MANIFEST


class Replay:
    """An `execute` for Cloud; `folder` keeps what kernels left, also for other processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def __call__(self, source: str, inputs: dict, working: Path, **options: Any) -> Outcome:
        request = read_request(source)
        steps = request["steps"]
        concerned = [each for each in request["overrides"] if each.split(".")[0] in steps]
        asked = [options["layout"], request["profile"], *steps, *concerned]
        name = "-".join(str(word).replace("/", "_") for word in asked)
        kept = self.folder / name
        with FileLock(self.folder / f"{name}.lock"):
            if not kept.exists():
                outcome = run_kernel(source, inputs, working, **options)
                if outcome.returncode == 0 and (working / MANIFEST).exists():
                    shutil.copytree(working, self.folder / f"{name}.new")
                    (self.folder / f"{name}.new").rename(kept)
                return outcome
        shutil.copytree(kept, working)
        manifest = json.loads((working / MANIFEST).read_text())
        manifest |= {word: request[word] for word in ("run_id", "key", "part")}
        (working / MANIFEST).write_text(json.dumps(manifest))
        options["tell"]("replayed\n")
        stopped = options["stop"].is_set()
        return Outcome(-9 if stopped else 0, "replayed\n", True, 0.1, stopped)
