"""A worker of a search: `python -m unmask.training.search.worker FOLDER [--count N]`.

FOLDER is the search's own folder, or the one above it (runs/PROFILE/hp_search/search) while a
search is in progress there. See `chief` (chief.py) for what goes on.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

from ...errors import UnmaskError, UsageError
from ...runs import read_json, write_json
from .job import read_job
from .oracles import make_oracle
from .processes import beat_path, command_of, environment_of, gone_path
from .trials import Tuner

BEAT_SECONDS = 2.0
# A chief that cannot be reached for so long is gone.
UNREACHED_SECONDS = 20.0


def main(arguments: list[str] | None = None) -> int:
    """Takes part in a search until it is over; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the search")
    parser.add_argument("--count", type=int, default=1, help="workers to start (default: 1)")
    parser.add_argument("--as", dest="name", default="", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        own = _own_folder(options.folder.resolve())
        return _work(own, options.name) if options.name else _start(own, options.count)
    except UnmaskError as error:
        print(str(error).replace("\n", " "), file=sys.stderr)
        return error.exit_code


def _own_folder(folder: Path) -> Path:
    """Returns the search in or at `folder` that has a chief now."""
    for path in (folder / "chief.json", *sorted(folder.glob("*/chief.json"))):
        if path.exists():
            return path.parent
    raise UsageError(
        f"No search that takes workers is in progress in {folder}.",
        expected="the folder of a search whose chief runs, such as runs/demo/hp_search/search",
        fix="start run_all.py with --workers, and UNMASK_SEARCH_ADDRESS set, on the first machine",
    )


def _start(own: Path, count: int) -> int:
    """Starts `count` workers on this machine and waits for them; they end with this process."""
    chief = read_json(own / "chief.json")
    address = f"{chief['host']}:{chief['port']}"
    processes = []
    try:
        for place in range(count):
            # keras-tuner takes whoever has the word for its head in his name to be it.
            name = f"machine-{uuid.uuid4().hex[:12]}"
            processes.append(
                subprocess.Popen(
                    command_of(own, name),
                    env=environment_of(name, address, count, place),
                    stdin=subprocess.DEVNULL,
                )
            )
        return max(process.wait() for process in processes)
    finally:
        for process in processes:
            process.kill()


def _work(own: Path, name: str) -> int:
    beat = _Beat(own, name)
    data, settings = read_job(own)
    tuner = _WorkerTuner(
        oracle=make_oracle(settings, data.pixels.shape[1]),
        directory=str(own.parent),
        project_name=own.name,
    )
    tuner.prepare(data, settings, beat.progress)
    tuner.beat = beat
    try:
        tuner.search(verbose=0)
    finally:
        beat.leave()
    return 0


class _WorkerTuner(Tuner):
    """Trains what the chief's oracle hands out; all that is kept of a search, the chief keeps."""

    def save(self):
        """The chief does."""

    def reload(self):
        """The chief did."""

    def report(self, trial_id):
        self.beat.begin(trial_id)
        return self.beat.progress

    def on_trial_end(self, trial):
        self.beat.begin("")
        super().on_trial_end(trial)


class _Beat:
    """Says in a file that this worker lives, and ends it when its chief or its parent is gone."""

    def __init__(self, own: Path, name: str):
        self.own, self.name = own, name
        self.trial, self.fraction, self.number, self.left = "", 0.0, 0, False
        self.session = read_json(own / "chief.json")["session"]
        self.address = (
            os.environ["KERASTUNER_ORACLE_IP"],
            int(os.environ["KERASTUNER_ORACLE_PORT"]),
        )
        self.parent = os.getppid()
        self.reached = time.monotonic()
        self.lock = threading.Lock()
        threading.Thread(target=self._watch, daemon=True).start()

    def begin(self, trial: str) -> None:
        """Says which trial is trained now, "" for none."""
        self.trial, self.fraction = trial, 0.0
        self._write()

    def progress(self, fraction: float, message: str) -> None:
        """Takes how far a training is."""
        self.fraction = fraction

    def leave(self) -> None:
        """Says that this worker needs no watching any more."""
        self.left = True
        self._write()

    def _watch(self) -> None:
        written = 0.0
        while not self.left:
            if os.getppid() != self.parent:
                os._exit(3)
            if time.monotonic() - written >= BEAT_SECONDS:
                written = time.monotonic()
                if self._given_up():
                    # No clean-up: what it was training is somebody else's now.
                    os._exit(3)
                with contextlib.suppress(OSError):
                    self._write()
            time.sleep(0.5)

    def _write(self) -> None:
        with self.lock:
            self.number += 1
            record = {
                "beat": self.number,
                "process": os.getpid(),
                "trial": self.trial,
                "fraction": self.fraction,
                "left": self.left,
            }
            write_json(beat_path(self.own, self.name), record)

    def _given_up(self) -> bool:
        """Whether the chief has ended, is another one, or takes this worker for dead."""
        try:
            chief = read_json(self.own / "chief.json")
            if chief["session"] != self.session or gone_path(self.own, self.name).exists():
                return True
            socket.create_connection(self.address, timeout=2).close()
            self.reached = time.monotonic()
        except (OSError, ValueError, KeyError):
            return time.monotonic() - self.reached > UNREACHED_SECONDS
        return False


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # A library's thread that aborts the interpreter on its way out must not change the exit code.
    os._exit(code)
