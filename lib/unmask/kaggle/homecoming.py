"""Puts fetched outputs into runs/<profile>/ and renders the reports, as after a run at home."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..runs import project_home, read_json, sha256_file, write_json
from ..session.outputs import read_manifest, restore
from ..suite import shelf
from ..suite.guards import locked
from ..suite.plan import StepRun
from ..suite.profiles import Profile
from .client import Client
from .fetch import fetch_files, fetch_manifest, is_fetched
from .pushing import belongs
from .state import Push, staging_folder
from .table import Display

# In a run folder: which steps came from Kaggle, each with the run id of the push, the hash of its
# run.json and how many files of the push's output were here.
MARKER = "from_kaggle.json"


@dataclass
class Homecoming:
    """Fetches the results of pushes and puts them where a local run would have them.

    Attributes:
        with_data: whether arrays of faces and pictures come as well.
        problems: by slug, why the results of a push could not be fetched.
        came: whether any results were put here.
        asked: run ids of the pushes that Kaggle was asked about.
    """

    client: Client
    profile: Profile
    display: Display
    with_data: bool = False
    problems: dict[str, str] = field(default_factory=dict)
    came: bool = False
    asked: set[str] = field(default_factory=set)

    def take(self, pushes: Sequence[Push]) -> bool:
        """Brings what these pushes left home, if it is not here yet; returns whether any came.

        Args:
            pushes: that have ended; older parts first.

        Raises:
            DataError: a run of the profile is in progress here.
        """
        fetched = [push for push in pushes if self._fetch(push)]
        if all(_is_home(self.profile, push) for push in fetched):
            return False
        moved = move_own_run_aside(self.profile)
        if moved:
            self.display.say(moved)
        steps = put_home(self.profile, fetched)
        self.came = True
        for problem in render(self.profile, steps):
            self.display.say(problem)
        return True

    def _manifest(self, push: Push, folder: Path) -> dict[str, Any] | None:
        """Returns what a push says it left; asks Kaggle once where that was deleted here."""
        manifest = read_manifest(folder)
        if manifest is not None and belongs(manifest, push):
            return manifest
        known = steps_from_kaggle(self.profile.run_folder)
        was_home = all(known.get(step, {}).get("run_id") == push.run_id for step in push.steps)
        if was_home or push.run_id in self.asked:
            return None
        self.asked.add(push.run_id)
        try:
            manifest = fetch_manifest(self.client, push.slug, folder)
        except DataError:  # Kaggle gives nothing of a kernel that did not end well
            return None
        return manifest if manifest is not None and belongs(manifest, push) else None

    def finish(self) -> None:
        """Renders all pages once more where results came: now it is known which link to which."""
        if self.came:
            for problem in render(self.profile, [step.name for step in self.profile.steps]):
                self.display.say(problem)

    def _fetch(self, push: Push) -> bool:
        """Fetches the results of a push; returns whether it left any."""
        folder = staging_folder(self.profile.name, push.slug)
        manifest = self._manifest(push, folder)
        if manifest is None:
            return False
        if push.fetched and is_fetched(folder, self.with_data):
            return True
        if push.slug in self.problems:
            return False
        try:
            fetch_files(
                self.client,
                push.slug,
                folder,
                manifest,
                with_data=self.with_data,
                tell=self.display.tell,
            )
        except DataError as error:  # the other kernels are followed all the same
            self.problems[push.slug] = str(error)
            return False
        finally:
            self.display.tell("")
        push.fetched = True
        return True


def steps_from_kaggle(run_folder: Path) -> dict[str, dict[str, str]]:
    """Returns {step: {"run_id", "run", "files"}} of what this module put into a run folder."""
    try:
        content = read_json(run_folder / MARKER)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def move_own_run_aside(profile: Profile) -> str:
    """Moves a run that was made here to runs/<profile>-home-<date>; returns a sentence, or "".

    Raises:
        DataError: that run is in progress.
    """
    folder = profile.run_folder
    known = steps_from_kaggle(folder)
    own = [
        path.parent.name
        for path in sorted(folder.glob("*/run.json"))
        if known.get(path.parent.name, {}).get("run") != sha256_file(path)
    ]
    if not own:
        return ""
    locked(profile).release()
    target = _free(folder.with_name(f"{folder.name}-home-{datetime.date.today():%Y-%m-%d}"))
    folder.rename(target)
    place = target.relative_to(project_home()).as_posix()
    return f"The run made here ({', '.join(own)}) was moved to {place}."


def put_home(profile: Profile, pushes: Sequence[Push]) -> list[str]:
    """Puts fetched outputs below runs/<profile>/; returns the steps that are new there.

    Args:
        profile: a checked profile.
        pushes: with results fetched, older parts first.

    Raises:
        DataError: an archive is damaged; a run of the profile is in progress here.
    """
    fresh: list[str] = []
    for push in pushes:
        if _is_home(profile, push):
            continue
        profile.run_folder.mkdir(parents=True, exist_ok=True)
        lock = locked(profile)
        try:
            fresh += _put(profile, push)
        finally:
            lock.release()
    return list(dict.fromkeys(fresh))


def _put(profile: Profile, push: Push) -> list[str]:
    staged = staging_folder(profile.name, push.slug)
    restore(staged, project_home())
    known, fresh = steps_from_kaggle(profile.run_folder), []
    for step in read_manifest(staged)["steps"]:
        folder = profile.run_folder / step
        known[step] = {"run_id": push.run_id, "run": "", "files": _count(staged)}
        if (folder / "run.json").is_file():
            _note_what_stayed(folder)
            known[step]["run"] = sha256_file(folder / "run.json")
            fresh.append(step)
    write_json(profile.run_folder / MARKER, known)
    return fresh


def _is_home(profile: Profile, push: Push) -> bool:
    staged = staging_folder(profile.name, push.slug)
    manifest, known = read_manifest(staged), steps_from_kaggle(profile.run_folder)
    if manifest is None:
        return True
    marks = [known.get(step, {}) for step, told in manifest["steps"].items() if _has_run(told)]
    wanted = {"run_id": push.run_id, "files": _count(staged)}
    return all(wanted.items() <= mark.items() for mark in marks)


def _has_run(told: dict[str, Any]) -> bool:
    return told.get("status") in ("done", "unchanged", "partial", "failed")


def _count(staged: Path) -> int:
    """How many files of an output are here: more once data was asked for."""
    return sum((staged / item["path"]).is_file() for item in read_manifest(staged)["files"])


def _note_what_stayed(folder: Path) -> None:
    """Lets a step count as done although its array of faces stayed on Kaggle.

    Its key is emptied, so that a run at home makes the step again before it builds on it.
    """
    try:
        done = read_json(folder / "done.json")
    except (OSError, ValueError):
        return
    gone = [name for name in done.get("sizes", {}) if not (folder / name).exists()]
    if gone:
        sizes = {name: size for name, size in done["sizes"].items() if name not in gone}
        stayed = {"sizes": sizes, "key": "", "left_on_kaggle": gone}
        write_json(folder / "done.json", {**done, **stayed})


def render(profile: Profile, steps: Iterable[str]) -> list[str]:
    """Renders the reports of these steps and the index; returns what could not be rendered."""
    runs = [_as_run(profile, step.name) for step in profile.steps]
    problems = []
    for run in runs:
        if run.step.name in steps and (run.folder / "run.json").is_file():
            try:
                shelf.write_report(profile, run, runs)
            except Exception as error:  # a report must not stop the ones after it
                problems.append(f"The report of {run.step.name} cannot be rendered: {error}")
    shelf.write_index(profile, runs)
    return problems


def _as_run(profile: Profile, name: str) -> StepRun:
    """Returns a step of another machine as if it had been run here just now."""
    step = profile.step(name)
    folder = profile.run_folder / name
    there = (folder / "run.json").is_file()
    return StepRun(step, folder, status=shelf.outcome_of(folder) if there else "not run")


def _free(path: Path) -> Path:
    candidates = [path, *(path.with_name(f"{path.name}-{number}") for number in range(2, 1000))]
    return next(each for each in candidates if not each.exists())
