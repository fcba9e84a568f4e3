"""Decides what a command runs: which steps are asked for, which still stand, what is missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..runs import TRAINING_STEPS, kind_of_step, read_json, sha256_of
from ..session.mounts import on_kaggle
from .fingerprint import (
    files_stand,
    outputs_digest,
    paths_state,
    portable_key,
    source_state,
    step_key,
    work_key,
)
from .profiles import Profile, Step

MODEL_OUTPUTS = ("*/scores.parquet", "*/member.json", "*/metrics.json", "*/seed_*/model.keras")
SKIPPED = "skipped.json"
OUTPUTS = {
    "download": ("files.parquet",),
    "preprocess": ("faces.parquet", "faces_*.npy", "rejected.parquet"),
    "audit": ("audit.json", "*/scores.parquet", "*/member.json", "*/metrics.json"),
    # skipped.json: why it was not trained, and which file was missing.
    "resnet50": (*MODEL_OUTPUTS, SKIPPED),
    "stress": ("stress.json", "explanations.*"),
    "ablation": ("ablation.json", *MODEL_OUTPUTS),
    "lesson": ("lesson.json", "scores.parquet"),
    "report": ("report.json",),
    "score": ("verdicts.json",),
}


KAGGLE = "Kaggle"  # the place of a step that was run there


@dataclass
class StepRun:
    """One step of a running plan; the runner changes it, the display reads it."""

    step: Step
    folder: Path
    asked: bool = True
    status: str = "waiting"  # waiting, running, done, unchanged, partial, failed, not run
    started: float = 0.0
    seconds: float = 0.0
    estimate: float | None = None
    fraction: float = 0.0
    message: str = ""
    failure: dict[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        return self.status in ("done", "unchanged")


def select_steps(profile: Profile, only: list[str], start: str, until: str) -> list[str]:
    """Returns the names of the steps that --only, --from and --until ask for.

    Raises:
        UsageError: an unknown step, or --from behind --until.
    """
    names = [step.name for step in profile.steps]
    if only and (start or until):
        raise UsageError("--only does not go together with --from and --until.")
    if only:
        wanted = {name for each in only for name in profile.named(each)}
        return [name for name in names if name in wanted]
    first = names.index(profile.named(start)[0]) if start else 0
    last = names.index(profile.named(until)[-1]) if until else len(names) - 1
    if first > last:
        raise UsageError(f"--from {start} comes after --until {until}: no step is left to run.")
    return names[first : last + 1]


def outputs_of(step: str) -> tuple[str, ...]:
    """Returns the patterns of the files that later steps read."""
    return OUTPUTS.get(step, MODEL_OUTPUTS)


def read_done(folder: Path) -> dict[str, Any]:
    """Returns done.json, or an empty mapping when the step never finished or files are gone."""
    try:
        done = read_json(folder / "done.json")
        sizes = {name: (folder / name).stat().st_size for name in done["sizes"]}
    except (OSError, ValueError, KeyError):
        return {}
    return done if sizes == done["sizes"] else {}


def describe_outputs(folder: Path, step: str) -> dict[str, Any]:
    """Returns the hashes and sizes of what a finished step leaves behind.

    Raises:
        UsageError: the notebook ended well but left nothing.
    """
    hashes = outputs_digest(folder, outputs_of(step))
    if not hashes:
        raise UsageError(
            f"The step {step!r} ended without an error but left none of its files.",
            expected=f"{', '.join(outputs_of(step))} in {folder}",
        )
    return {"outputs": hashes, "sizes": {name: (folder / name).stat().st_size for name in hashes}}


def inputs_of(step: Step, run_folder: Path) -> dict[str, Any]:
    """Returns a digest per needed step, and of the files that `download` and `score` look at."""
    inputs = {
        need: sha256_of(read_done(run_folder / need).get("outputs", {})) for need in step.needs
    }
    if step.name == "download":
        inputs["source"] = sha256_of(source_state(step.values))
    if step.name == "score":
        inputs["paths"] = sha256_of(paths_state(step.values.get("paths", [])))
    return inputs


def still_stands(step: Step, run_folder: Path) -> bool:
    """Returns whether the step was finished with the same code, versions, parameters and inputs.

    On Kaggle versions do not count: the image may change between two kernels of one run.
    """
    kind = "portable_key" if on_kaggle() else "key"
    if not _has_key(step, run_folder, kind) or _could_now_run(run_folder / step.name):
        return False
    return step.name != "download" or files_stand(run_folder / step.name / "files.parquet")


def _could_now_run(folder: Path) -> bool:
    """Returns whether the file is there now for want of which the step in `folder` was skipped."""
    skipped = folder / SKIPPED
    return skipped.exists() and Path(read_json(skipped)["missing"]).exists()


def stands_to_read(step: Step, run_folder: Path) -> bool:
    """Returns whether what the step left is what is asked now: it still stands, or it was run on
    Kaggle with the same code, parameters and inputs."""
    elsewhere = read_done(run_folder / step.name).get("place") == KAGGLE
    return (elsewhere and _has_key(step, run_folder, "portable_key")) or still_stands(
        step, run_folder
    )


def place_here() -> str:
    """Returns "Kaggle" there, and "" elsewhere."""
    return KAGGLE if on_kaggle() else ""


def _has_key(step: Step, run_folder: Path, kind: str) -> bool:
    done = read_done(run_folder / step.name)
    key_of = portable_key if kind == "portable_key" else step_key
    try:
        return bool(done) and done.get(kind) == key_of(step, inputs_of(step, run_folder))
    except UsageError:  # the source folder is gone or no longer fit
        return False


def stale_needs(profile: Profile, asked: list[str]) -> list[str]:
    """Returns the steps that asked ones build on, that are not asked, and no longer stand."""
    others = [step.name for step in profile.steps if step.name not in asked]
    needed = {need for name in asked for need in profile.step(name).needs}
    return [name for name in stale_steps(profile, others) if name in needed]


def stale_steps(profile: Profile, names: list[str]) -> list[str]:
    """Returns those of `names` that are not what is asked now, or build on one that is not."""
    stale: list[str] = []
    for step in profile.steps:
        above = any(need in stale for need in step.needs)
        if step.name in names and (above or not stands_to_read(step, profile.run_folder)):
            stale.append(step.name)
    return stale


def may_go_on(step: Step, run_folder: Path) -> bool:
    """Returns whether half-done work in the step's folder fits what is asked now.

    On Kaggle versions do not count: the image may change between two parts of a training.
    """
    try:
        started = read_json(run_folder / step.name / "started.json")
    except (OSError, ValueError):
        return False
    kind = "portable_work_key" if on_kaggle() else "work_key"
    return started.get(kind) == describe_work(step, inputs_of(step, run_folder))[kind]


def describe_work(step: Step, inputs: dict[str, Any]) -> dict[str, str]:
    """Returns what is noted when a step begins, so that a later run knows whether to go on."""
    portable = work_key(step, inputs, portable=True)
    return {"work_key": work_key(step, inputs), "portable_work_key": portable}


def check_needs(profile: Profile, asked: list[str]) -> None:
    """Checks that what the asked steps need is asked too or finished.

    Raises:
        UsageError: something needed was never run, an ensemble would have one member, or no
            detector is there to be asked.
    """
    if "ensemble" in asked:
        _check_members(profile)
    if "score" in asked:
        _check_detectors(profile)
    for name in asked:
        for need in profile.step(name).needs:
            if need not in asked and not read_done(profile.run_folder / need):
                raise UsageError(
                    f"The step {name!r} needs {need!r}, which has not been run.",
                    fix=f"python run_all.py --profile {profile.name} --until {name}",
                )


def _check_members(profile: Profile) -> None:
    steps = [profile.step(name) for name in profile.step("ensemble").values["steps"]]
    # One step trains several networks: baseline_cnn, which lists them.
    if sum(len(step.values.get("networks", [step.name])) for step in steps) < 2:
        names = ", ".join(step.name for step in steps)
        raise UsageError(
            f"The step 'ensemble' joins detectors, and the profile {profile.name!r} gives it one "
            f"({names}).",
            expected="two detectors or more",
            fix="add a detector, run without it (--until or --only), or leave `ensemble:` out of "
            f"params/{profile.name}.yaml",
        )


def _check_detectors(profile: Profile) -> None:
    if not any(kind_of_step(step.name) in TRAINING_STEPS for step in profile.steps):
        raise UsageError(
            f"The step 'score' asks a detector, and the profile {profile.name!r} trains none.",
            expected=f"one of: {', '.join(TRAINING_STEPS)}",
            fix=f"add one to params/{profile.name}.yaml",
        )
