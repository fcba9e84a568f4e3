"""Profiles: one YAML file says which steps run, with which parameters. Every key is checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..errors import UsageError, nearest
from ..runs import (
    NOTEBOOK_OF_STEP,
    REPEATED_STEP,
    kind_of_step,
    notebook_of,
    project_home,
)
from .networks import check_networks, detector_steps, expand, own_settings
from .notebook_parameters import Parameter, read_parameters

TOP_LEVEL_KEYS = ("title", "question", "jobs", "steps")
RUNNER_PARAMETERS = ("run_folder",)
# Folders of runs/ that hold no run: a profile of that name would write into them.
RESERVED_NAMES = ("kaggle", "scores")
# Steps that no other step reads.
ASIDE = ("score", "lesson")


class _Typed(str):
    """A value as typed behind --set; what it means depends on the parameter."""


@dataclass(frozen=True)
class Step:
    """One step of a plan: a notebook with its parameters.

    `values` holds every parameter that goes into the notebook; `changed` names the ones that
    differ from the notebook's own defaults; `label` tells apart the steps of one notebook.
    """

    name: str
    notebook: Path
    needs: tuple[str, ...]
    values: dict[str, Any]
    changed: tuple[str, ...]
    parameters: dict[str, Parameter]

    @property
    def label(self) -> str:
        kind = kind_of_step(self.name)
        return "" if kind == self.name else self.name.removeprefix(f"{kind}_")


@dataclass(frozen=True)
class Profile:
    """A checked profile: its name, the words for the reader, and its steps in order.

    `jobs` is how many steps may run side by side on a processor.
    """

    name: str
    title: str
    question: str
    steps: tuple[Step, ...]
    jobs: int = 1

    @property
    def run_folder(self) -> Path:
        return project_home() / "runs" / self.name

    @property
    def report_folder(self) -> Path:
        return project_home() / "reports" / self.name

    def step(self, name: str) -> Step:
        """Returns the step called `name`.

        Raises:
            UsageError: the profile has no such step.
        """
        for step in self.steps:
            if step.name == name:
                return step
        known = [step.name for step in self.steps]
        raise UsageError(
            f"The profile {self.name!r} has no step {name!r}.{nearest(name, known)}",
            expected=f"one of: {', '.join(known)}",
        )

    def named(self, name: str) -> list[str]:
        """Returns the steps that `name` means: one, or all of a kind such as "architecture".

        Raises:
            UsageError: the profile has no such step.
        """
        of_kind = [step.name for step in self.steps if kind_of_step(step.name) == name]
        return of_kind or [self.step(name).name]


def profile_names() -> list[str]:
    """Returns the names of the profiles in params/, sorted."""
    found = (project_home() / "params").glob("*.yaml")
    return sorted(path.stem for path in found if path.is_file())


def load_profile(name: str, overrides: list[str] | None = None) -> Profile:
    """Reads params/<name>.yaml, applies `STEP.PARAM=VALUE` overrides and checks everything.

    Raises:
        UsageError: an unknown profile, key, step or parameter, a wrong type or value.
    """
    path = project_home() / "params" / f"{name}.yaml"
    if not profile_names():
        raise UsageError(
            f"There are no profiles in {path.parent}.",
            expected="the project's folder, with params/ and notebooks/ in it",
            fix="go to that folder, or name it in the variable UNMASK_HOME",
        )
    if name not in profile_names():
        raise UsageError(
            f"There is no profile {name!r}.{nearest(name, profile_names())}",
            expected=f"one of: {', '.join(profile_names())}",
            fix="pass --profile NAME, or write params/NAME.yaml",
        )
    if name.lower() in RESERVED_NAMES:
        raise UsageError(
            f"A profile cannot be called {name!r}: runs/{name.lower()}/ holds other things.",
            expected=f"any name but {' and '.join(RESERVED_NAMES)}",
            fix=f"rename params/{path.name}",
        )
    content = _read_yaml(path)
    _check_keys(content, TOP_LEVEL_KEYS, f"{path.name}")
    title, question = content.get("title", name), content.get("question", "")
    if not (isinstance(title, str) and isinstance(question, str)):
        raise UsageError(f"{path.name}: title and question must be text.")
    jobs = content.get("jobs", 1)
    if type(jobs) is not int or jobs < 1:
        raise UsageError(f"{path.name}: jobs is {jobs!r}.", expected="a whole number, 1 or more")
    settings = _step_settings(content, path)
    _apply_overrides(settings, overrides or [], name)
    settings = expand(settings, path.name)
    injected = {"run_folder": f"runs/{name}", **({"question": question} if question else {})}
    steps = tuple(_build_step(step, settings, name, injected) for step in settings)
    return Profile(name, title, question, steps, jobs)


def expected_of(name: str) -> list[str]:
    """Returns the comment lines a profile begins with (command, time, numbers)."""
    text = (project_home() / "params" / f"{name}.yaml").read_text(encoding="utf-8")
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    return lines


def _read_yaml(path: Path) -> dict:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} is not valid YAML in UTF-8: {error}") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path.name} is empty or no mapping.", expected="title: … and steps: …")
    return content


def _step_settings(content: dict, path: Path) -> dict[str, dict]:
    settings = content.get("steps") or {}
    if not isinstance(settings, dict) or not settings:
        raise UsageError(f"{path.name} names no steps.", expected="steps: {download: {…}, …}")
    _check_keys(settings, NOTEBOOK_OF_STEP, f"{path.name}, steps")
    for step, values in settings.items():
        if not isinstance(values or {}, dict):
            raise UsageError(
                f"{path.name}: the step {step!r} is {values!r}, not parameters.",
                expected=f"{step}: {{parameter: value, …}}, or {step}: {{}}",
            )
    return {step: dict(values or {}) for step, values in settings.items()}


def _check_keys(found: dict, known: Any, where: str) -> None:
    for key in found:
        if key not in known:
            raise UsageError(
                f"{where}: unknown key {key!r}.{nearest(key, known)}",
                expected=f"one of: {', '.join(known)}",
            )


def _apply_overrides(settings: dict[str, dict], overrides: list[str], profile: str) -> None:
    for override in overrides:
        target, separator, text = override.partition("=")
        step, dot, parameter = target.partition(".")
        if not separator or not dot or not parameter:
            raise UsageError(
                f"--set {override!r} is not understood.",
                expected="--set STEP.PARAMETER=VALUE, such as --set baseline_cnn.epochs=3",
            )
        own = own_settings(step, settings)
        if own is None:
            raise UsageError(
                f"--set {override!r}: the profile {profile!r} has no step {step!r}."
                f"{nearest(step, settings)}",
                expected=f"one of: {', '.join(settings)}",
            )
        own[parameter] = _Typed(text)


def _build_step(
    name: str, settings: dict[str, dict], profile: str, injected: dict[str, str]
) -> Step:
    notebook = project_home() / "notebooks" / f"{notebook_of(name)}.ipynb"
    parameters = read_parameters(notebook)
    own = {key: value for key, value in parameters.items() if key not in RUNNER_PARAMETERS}
    for key, value in list(settings[name].items()):
        if key not in own:
            raise UsageError(
                f"Profile {profile!r}, step {name!r}: unknown parameter {key!r}."
                f"{nearest(key, own)}",
                expected=f"one of: {', '.join(own)}",
            )
        if isinstance(value, _Typed):
            value = _seen_from_here(key, own[key].typed(value))
        value = settings[name][key] = own[key].read(value)
        wrong = own[key].problem_with(value)
        if wrong:
            raise UsageError(
                f"Profile {profile!r}, step {name!r}, parameter {key!r}: {wrong}.",
                expected=f"{own[key].name}: {' | '.join(own[key].kinds)}  ({own[key].help})",
            )
    values = {key: settings[name].get(key, item.default) for key, item in own.items()}
    changed = tuple(key for key in own if values[key] != own[key].default)
    where = f"Profile {profile!r}, step {name!r}"
    check_networks(name, values, where)
    if "steps" in own:
        # A folder left by another version of the profile must not take part.
        named = settings[name].get("steps", [])
        values["steps"] = detector_steps(name, named, own["steps"].default, settings, where)
    for key, value in injected.items():
        if key in parameters and key not in settings[name]:
            values[key] = value
    needs = _needs(name, settings, values.get("steps", []))
    return Step(name, notebook, needs, values, changed, parameters)


def _seen_from_here(parameter: str, value: Any) -> Any:
    """A path typed in another working folder than the project's may be meant from there."""
    if parameter == "paths" and isinstance(value, list):
        return [_seen_from_here("root", each) if isinstance(each, str) else each for each in value]
    here = parameter == "root" and value and not (project_home() / value).exists()
    return str(Path(value).resolve()) if here and Path(value).exists() else value


def _needs(name: str, settings: dict[str, dict], read: list[str]) -> tuple[str, ...]:
    """Returns the steps that must end before step `name`; `read` are those whose detectors it
    reads."""

    def listed(*steps: str) -> tuple[str, ...]:
        return tuple(step for step in steps if step in settings)

    repeated = tuple(step for step in settings if kind_of_step(step) == REPEATED_STEP)
    models = (*listed("baseline_cnn", "hp_search", "resnet50"), *repeated)
    # The audit's floors stand in every later table; a profile without an audit has no such rows.
    base = ("preprocess", *listed("audit"))
    needs = {
        "download": (),
        "preprocess": ("download",),
        "audit": ("preprocess",),
        "ensemble": (*base, *read),
        "stress": (*base, *read),
        "report": ("preprocess", *settings),
        "score": (*base, *models, *listed("ensemble", "report")),
        "lesson": ("preprocess",),
        "ablation": base,
    }
    wanted = tuple(
        dict.fromkeys(need for need in needs.get(name, base) if need not in (name, *ASIDE))
    )
    for step in wanted:
        if step not in settings:
            raise UsageError(
                f"The step {name!r} needs {step!r}, which the profile does not list.",
                fix=f"add `{step}:` under `steps:`",
            )
    return wanted
