"""What was pushed and how it stands: runs/kaggle/<profile>.json."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..errors import DataError
from ..runs import project_home, read_json, write_json

FORMAT = 1
# sending: whether Kaggle got it is not known yet; complete: what it left is not read yet
UNDER_WAY = ("sending", "queued", "running", "complete")
PASSING = ("rebuilt", "keep")
ENDED_BADLY = ("failed", "cancelled")
# A kernel that was not looked at for longer began to run nobody knows when.
LOOKED_SECONDS = 300


@dataclass
class Push:
    """One kernel as it was pushed last. Times are seconds since 1970, 0 for not yet.

    Attributes:
        slug: of the kernel, below its owner.
        steps: that it runs.
        part: 1, or higher where it goes on from a part that ran out of time.
        key: of what the steps depend on.
        run_id: of this push; what the kernel leaves carries it.
        attempt: how often this key and part were pushed.
        gpu: whether it runs on a GPU.
        status: sending, queued, running, complete, done, partial, failed or cancelled.
        message: of how it stands, for the reader.
        fetched: whether its results are here.
        last_seconds: what the kernel took the time before, 0 when that is not known.
        looked: when Kaggle was asked about it last.
    """

    slug: str
    steps: list[str]
    part: int
    key: str
    run_id: str
    attempt: int = 1
    gpu: bool = False
    status: str = "sending"
    message: str = ""
    pushed: float = 0.0
    since: float = 0.0
    running: float = 0.0
    ended: float = 0.0
    fetched: bool = False
    last_seconds: float = 0.0
    looked: float = 0.0

    def becomes(self, status: str, message: str = "") -> None:
        """Notes a new status, and since when it has it."""
        now = time.time()
        if status != self.status:
            late = now - max(self.looked, self.pushed) > LOOKED_SECONDS
            self.since = 0.0 if late and status == "running" else now
            if status == "running":
                self.running = self.since
            over = status not in UNDER_WAY or status == "complete"
            self.ended = (self.ended or self.since) if over else 0.0
        self.looked = now
        self.status, self.message = status, message

    @property
    def seconds(self) -> float:
        """What it ran: until now while it runs, else from start to end; 0 when not known."""
        if not self.running:
            return 0.0
        return (self.ended or time.time()) - self.running


@dataclass
class State:
    """All pushes of a profile by kernel, and what was asked last.

    Attributes:
        rebuilt: whether the file was damaged.
        keep: whether changes are written; a mere look at the state writes none.
    """

    profile: str
    owner: str = ""
    overrides: list[str] = field(default_factory=list)
    pushes: dict[str, Push] = field(default_factory=dict)
    rebuilt: bool = False
    keep: bool = True

    def save(self) -> None:
        """Writes the state, atomically; does nothing where `keep` is off."""
        if self.keep:
            content = {name: each for name, each in asdict(self).items() if name not in PASSING}
            write_json(state_path(self.profile), {"format": FORMAT, **content})

    def of(self, slug: str, key: str) -> Push | None:
        """Returns the last push of a kernel when it was for the same key, else None."""
        push = self.pushes.get(slug)
        return push if push and push.key == key else None


def kaggle_folder() -> Path:
    """Returns where states and fetched outputs lie: runs/kaggle."""
    return project_home() / "runs" / "kaggle"


def state_path(profile: str) -> Path:
    """Returns the file that holds the state of a profile."""
    return kaggle_folder() / f"{profile}.json"


def staging_folder(profile: str, slug: str) -> Path:
    """Returns where a kernel's output is fetched to before it goes to runs/<profile>/."""
    return kaggle_folder() / profile / slug


def load_state(profile: str) -> State:
    """Returns the state of a profile; an empty one, marked `rebuilt`, when its file is damaged.

    Kaggle knows what was pushed, so a lost file costs nothing but a few questions.
    """
    path = state_path(profile)
    try:
        content = read_json(path)
        if content["format"] != FORMAT or content["profile"] != profile:
            raise ValueError("another format or profile")
        pushes = {slug: _push(each) for slug, each in content["pushes"].items()}
        return State(profile, content["owner"], content["overrides"], pushes)
    except FileNotFoundError:
        return State(profile)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return State(profile, rebuilt=True)


def new_run_id() -> str:
    """Returns 8 hex digits that no other push has."""
    return secrets.token_hex(4)


@contextlib.contextmanager
def locked(profile: str) -> Iterator[None]:
    """Holds the lock of a profile on Kaggle, which the system releases even after a kill.

    Raises:
        DataError: another command holds it.
    """
    kaggle_folder().mkdir(parents=True, exist_ok=True)
    lock = FileLock(kaggle_folder() / f"{profile}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DataError(
            f"Another `unmask kaggle` already works on the profile {profile!r}.",
            expected="one at a time",
            fix="wait until it ends or stop it (kernels go on), then run again",
        ) from None
    try:
        yield
    finally:
        lock.release()


def _push(content: dict[str, Any]) -> Push:
    known = {each.name for each in fields(Push)}
    return Push(**{name: value for name, value in content.items() if name in known})
