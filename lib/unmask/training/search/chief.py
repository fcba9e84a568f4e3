"""Several workers on one search: keras-tuner's oracle served over gRPC, and a watch over them.

The chief lives in the process that searches (a notebook's kernel); it hands out trials and trains
none. Workers are processes, started here or by hand on other machines; they ask the chief for
trials with keras-tuner's own client and train them in the search's folder, which all must see.

keras-tuner's chief waits for ever when its workers die. Here a worker that ends, falls silent or
hangs (its trial gets no further for an hour, or for UNMASK_SEARCH_PATIENCE seconds) loses its
trial: another one goes on with it from its last epoch; the second time it counts as failed. A
worker started here is started again. When none is left, the search ends with an error, and what
is finished is kept. Workers end with their chief.

gRPC, on which keras-tuner builds all this, is installed by TensorFlow and TensorBoard, in the
version that the locks name.

To let other machines join, set UNMASK_SEARCH_ADDRESS=HOST:PORT, this machine's address in a
network that you trust (whoever reaches the port can talk to the chief), start the search here,
and on the others, in the same (shared) project folder:

    python -m unmask.training.search.worker runs/PROFILE/hp_search/search --count 2
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
import uuid
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer

from ...errors import DataError, UsageError
from ...runs import read_json, write_json
from ..fit import Progress
from .headway import PATIENCE, Headway, patience
from .job import write_job
from .oracles import trainings_planned
from .processes import beat_path, command_of, environment_of, gone_path, last_words, why_ended
from .trials import Tuner, write_reason

ADDRESS = "UNMASK_SEARCH_ADDRESS"
EVERYWHERE = ("0.0.0.0", "[::]")
POLL_SECONDS = 0.3
# A worker of another machine beats every two seconds; after this long without it is gone.
SILENT_SECONDS = 60.0
# So often in a row may a worker end without having had a trial, before it is given up.
MOST_STARTS = 3
# So long workers have to hear that the search is over.
LEAVE_SECONDS = 10.0
LONGER = f"one that needs longer from one step to the next needs a larger {PATIENCE}"
MEMORY = "most often memory ran out: fewer workers, smaller batches or smaller faces need less"


@dataclass
class _Local:
    """A worker that the chief started; `ends` counts its ends in a row without a trial."""

    name: str
    process: subprocess.Popen
    ends: int = 0

    @property
    def given_up(self) -> bool:
        return self.ends >= MOST_STARTS


@dataclass
class _Remote:
    """A worker of another machine: its last beat, and when that was seen here."""

    beat: int
    seen: float = field(default_factory=time.monotonic)


def run_with_workers(tuner: Tuner, workers: int, progress: Progress) -> list[str]:
    """Lets `workers` processes of this machine, and others that join, finish a search.

    Args:
        tuner: the opened search; its oracle is served.
        workers: how many processes to start here.
        progress: told the share of trainings that ended and what is going on.

    Returns:
        Sentences on workers that died.

    Raises:
        DataError: no worker is left before the search is over.
        UsageError: the address cannot be listened at, or the patience is no number of seconds.
    """
    headway = Headway(patience())
    own = Path(tuner.project_dir)
    write_job(own, tuner.data, tuner.settings)
    tuner.oracle.verbose = 0
    server, servicer, host, port = _serve(tuner)
    session = uuid.uuid4().hex
    everywhere = host in EVERYWHERE
    reached = socket.gethostname() if everywhere else host
    write_json(own / "chief.json", {"host": reached, "port": port, "session": session})
    watch = _Watch(tuner, servicer, own, progress, headway)
    try:
        watch.start(workers, f"{'127.0.0.1' if everywhere else host}:{port}")
        while not watch.over():
            watch.look()
            time.sleep(POLL_SECONDS)
        watch.let_leave()
    finally:
        (own / "chief.json").unlink(missing_ok=True)
        watch.end()
        server.stop(None)
    return watch.notices


class _Watch:
    """Starts workers, takes trials back from those that die, and knows when all is done."""

    def __init__(
        self,
        tuner: Tuner,
        servicer: OracleServicer,
        own: Path,
        progress: Progress,
        headway: Headway,
    ):
        self.oracle, self.tuner, self.servicer = tuner.oracle, tuner, servicer
        self.own, self.progress, self.headway = own, progress, headway
        self.locals: list[_Local] = []
        self.remotes: dict[str, _Remote] = {}
        self.notices: list[str] = []
        self.planned = trainings_planned(tuner.settings, tuner.data.pixels.shape[1])

    def start(self, workers: int, address: str) -> None:
        self.address, self.share = address, workers
        for path in (self.own / "workers").glob("*"):
            path.unlink()
        (self.own / "workers").mkdir(exist_ok=True)
        for place in range(workers):
            name = f"worker{place + 1}"
            self.locals.append(_Local(name, self._spawn(name, place)))

    def over(self) -> bool:
        """Whether the oracle wants no more trials and none is being trained."""
        return self.servicer.stop_triggered and not self.oracle.work_left()

    def look(self) -> None:
        for place, worker in enumerate(self.locals):
            code, hung = worker.process.poll(), False
            if code is None and self._hangs(worker.name):
                worker.process.kill()
                code, hung = worker.process.wait(), True
            if code is not None and not worker.given_up:
                self._ended(worker, place, code, hung)
        self._listen()
        if all(worker.given_up for worker in self.locals) and not self.remotes:
            self._no_worker_left()
        self._tell()

    def let_leave(self) -> None:
        """Waits until the workers have heard that the search is over, for a while."""
        deadline = time.monotonic() + LEAVE_SECONDS
        while time.monotonic() < deadline:
            self._listen()
            if not self.remotes and all(one.process.poll() is not None for one in self.locals):
                return
            time.sleep(0.05)

    def end(self) -> None:
        """Ends the workers that still run."""
        for worker in self.locals:
            worker.process.kill()
            worker.process.wait()

    def _spawn(self, name: str, place: int) -> subprocess.Popen:
        with open(self.own / "workers" / f"{name}.log", "ab") as log:
            return subprocess.Popen(
                command_of(self.own, name),
                env=environment_of(name, self.address, self.share, place),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A Ctrl-C of the terminal goes to the chief, which ends its workers.
                start_new_session=True,
            )

    def _hangs(self, name: str) -> bool:
        """Whether a worker has a trial and gets no further with it."""
        trial = self.oracle.ongoing_trials.get(name)
        beat = _read(beat_path(self.own, name))
        place = trial and (trial.trial_id, beat.get("trial"), beat.get("fraction"))
        return self.headway.lacks(name, place)

    def _ended(self, worker: _Local, place: int, code: int, hung: bool) -> None:
        why = self.headway.words() if hung else why_ended(code)
        had_trial = self._take_back(worker.name, why, LONGER if hung else MEMORY)
        if code == 0 and not had_trial and not self.oracle.waiting():
            return
        worker.ends = 0 if had_trial or code == 0 else worker.ends + 1
        if worker.given_up:
            self.notices.append(
                f"{worker.name} of the search was given up: it {why}, {MOST_STARTS} times."
            )
            return
        beat_path(self.own, worker.name).unlink(missing_ok=True)
        worker.process = self._spawn(worker.name, place)

    def _take_back(self, name: str, why: str, hint: str = MEMORY) -> bool:
        """Gives the trial of a dead worker to others; tells whether it had one."""
        self.headway.forget(name)
        trial, failed = self.oracle.give_back(name)
        if not trial:
            return False
        if failed:
            reason = f"the worker that trained it {why}, twice ({hint})"
            write_reason(self.tuner.trial_folder(trial), reason)
        what = "counts as failed" if failed else "was given to a worker again"
        self.notices.append(f"{name} of the search {why}; its trial {trial} {what}.")
        return True

    def _listen(self) -> None:
        """Looks for the beats of workers on other machines."""
        own = {worker.name for worker in self.locals}
        now = time.monotonic()
        for path in (self.own / "workers").glob("*.json"):
            name = path.stem
            if name in own or gone_path(self.own, name).exists():
                continue
            beat = _read(path).get("beat", 0)
            if name not in self.remotes or beat != self.remotes[name].beat:
                self.remotes[name] = _Remote(beat)
        for name, remote in list(self.remotes.items()):
            left = _read(beat_path(self.own, name)).get("left", False)
            hung = self._hangs(name)
            if left or hung or now - remote.seen > SILENT_SECONDS:
                gone_path(self.own, name).touch()
                beat_path(self.own, name).unlink(missing_ok=True)
                del self.remotes[name]
                why = "left" if left else self.headway.words() if hung else "fell silent"
                self._take_back(name, why, LONGER if hung else MEMORY)

    def _no_worker_left(self) -> None:
        done = sum(trial.status == "COMPLETED" for trial in self.oracle.trials.values())
        raise DataError(
            f"No worker of the search is left; {done} trials are finished and kept. The last words "
            f"of the first one: {last_words(self.own / 'workers' / f'{self.locals[0].name}.log')}",
            expected="workers that live until all trials are done",
            fix="put right what they say, or use fewer workers, and run again to go on",
        )

    def _tell(self) -> None:
        beats = [_read(path) for path in (self.own / "workers").glob("*.json")]
        busy = [beat["fraction"] for beat in beats if beat.get("trial")]
        ended = len(self.oracle.end_order)
        share = min(1.0, (ended + sum(busy)) / self.planned)
        self.progress(share, f"{ended} of {self.planned} trials, {len(busy)} in training")


def _serve(tuner: Tuner) -> tuple[grpc.Server, OracleServicer, str, int]:
    asked = os.environ.get(ADDRESS, "127.0.0.1:0")
    host, _, port = asked.rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(
            f"{ADDRESS} is {asked!r}.", expected="host:port, for instance 192.168.0.5:8500"
        )
    # One thread: keras-tuner's lock is held by the name of a thread.
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    servicer = OracleServicer(tuner.oracle)
    protos.get_service_grpc().add_OracleServicer_to_server(servicer, server)
    try:
        bound = server.add_insecure_port(asked)
    except RuntimeError:
        bound = 0
    if not bound:
        raise UsageError(
            f"The search cannot listen at {asked}.",
            expected="an address of this machine and a port that is free",
            fix=f"set {ADDRESS} to another one, or unset it",
        )
    server.start()
    return server, servicer, host, bound


def _read(path: Path) -> dict:
    try:
        return read_json(path)
    except (OSError, ValueError):
        return {}
