"""One step a network: what a profile lists under `architecture: networks:` becomes steps.

Also which steps' detectors another step reads, and whether the networks that steps name exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from ..errors import UsageError, nearest
from ..runs import (
    DETECTOR_STEPS,
    NOTEBOOK_OF_STEP,
    REPEATED_STEP,
    TRAINING_STEPS,
    kind_of_step,
    read_json,
)

NAMES_FILE = Path(__file__).resolve().parents[1] / "detectors" / "names.json"
LIST = "networks"
# What an ensemble's table calls its columns beside those of the members.
RESERVED = ("face_id", "split", "label", "cluster")
EXPECTED = (
    f"{REPEATED_STEP}: {{{LIST}: [lenet, vgg16], epochs: 5}}, or a mapping from a label to that "
    f"network's own parameters: {{{LIST}: {{lenet: {{epochs: 9}}}}}}"
)


def known_networks() -> list[str]:
    """Returns `detectors.names()` without importing Keras."""
    return read_json(NAMES_FILE)


def expand(settings: dict[str, dict], where: str) -> dict[str, dict]:
    """Returns the steps in the order in which they run, `architecture` replaced by its steps.

    The steps that train run in the order in which the profile lists them, the others in that of
    the notebooks.

    Args:
        settings: parameters by step, as a profile gives them.
        where: the profile's file, for errors.

    Raises:
        UsageError: the list of networks is missing, empty or wrong, or names an unknown network.
    """
    training = iter([step for step in settings if step in TRAINING_STEPS])
    expanded = {}
    for place in NOTEBOOK_OF_STEP:
        if place not in settings:
            continue
        step = next(training) if place in TRAINING_STEPS else place
        if step == REPEATED_STEP:
            expanded |= _steps_of(settings[step], where)
        else:
            expanded[step] = settings[step]
    return expanded


def detector_steps(
    step: str,
    named: Iterable[str],
    default: Iterable[str],
    settings: Mapping[str, dict],
    where: str,
) -> list[str]:
    """Returns the steps of a profile whose detectors `step` reads.

    Never none: to a notebook an empty list means every folder of the run, also those that another
    version of the profile has left there.

    Args:
        step: ensemble, stress or report.
        named: steps, or kinds of steps, as the profile names them; `default` when it names none.
        default: as the notebook names them; those the profile lacks are passed over. All if empty.
        settings: parameters by step.
        where: the profile and step, for errors.

    Raises:
        UsageError: a name that no detector step of the profile has, or no network is trained.
    """
    kinds = TRAINING_STEPS if step == "ensemble" else DETECTOR_STEPS
    there = [each for each in settings if kind_of_step(each) in kinds]
    known = tuple(dict.fromkeys(name for each in there for name in (kind_of_step(each), each)))
    for name in named:
        if name not in known:
            raise UsageError(
                f"{where}: the profile has no step {name!r} whose detectors could be read."
                f"{nearest(name, known)}",
                expected=f"one of: {', '.join(known)}" if known else "",
            )
    wanted = set(named or default or kinds)
    chosen = [each for each in there if {each, kind_of_step(each)} & wanted]
    if not any(kind_of_step(each) in TRAINING_STEPS for each in chosen):
        raise UsageError(
            f"{where}: it needs a trained detector, and no step that it reads trains one.",
            expected=f"at least one of: {', '.join(TRAINING_STEPS)}",
            fix=f"add one under `steps:`, or leave {step} out",
        )
    return chosen


def check_networks(step: str, values: Mapping[str, Any], where: str) -> None:
    """Checks that the networks exist which a search or an ablation names.

    Args:
        step: any step.
        values: its parameters.
        where: the profile and step, for errors.

    Raises:
        UsageError: one does not exist, or a recipe or a change of it cannot be read.
    """
    if step == "hp_search" and "network" in values:
        _check_network(values["network"], f"{where}, parameter 'network'")
    if step != "ablation" or "recipe" not in values:
        return
    if "network" not in values["recipe"]:
        raise UsageError(
            f"{where}: the recipe names no network.",
            expected="recipe: {network: traces, …}, the parameters as of notebook 07",
        )
    _check_network(values["recipe"]["network"], f"{where}, parameter 'recipe'")
    for title, change in values.get("changes", {}).items():
        if not isinstance(change, dict):
            raise UsageError(
                f"{where}: the change {title!r} is {change!r}, not parameters.",
                expected="changes: {title: {parameter: value, …}, …}",
            )
        if "network" in change:
            _check_network(change["network"], f"{where}, change {title!r}")


def own_settings(step: str, settings: dict[str, dict]) -> dict[str, Any] | None:
    """Returns the parameters that a typed `--set STEP.…` changes; None when there is no such step.

    `architecture_lenet` means that network's own parameters; `architecture` those which all
    networks share unless they have their own.
    """
    if step in settings or kind_of_step(step) not in settings:
        return settings.get(step)
    shared = settings[REPEATED_STEP]
    shared[LIST] = _as_mapping(shared.get(LIST), "--set")
    return shared[LIST].get(step.removeprefix(f"{REPEATED_STEP}_"))


def _steps_of(shared: dict[str, Any], where: str) -> dict[str, dict]:
    where = f"{where}, step {REPEATED_STEP!r}"
    shared = dict(shared)
    networks = _as_mapping(shared.pop(LIST, None), where)
    for key in ("network", "label"):
        if key in shared:
            raise UsageError(
                f"{where}: {key!r} cannot be shared by all networks.",
                expected=EXPECTED,
                fix=f"name the networks: --set '{REPEATED_STEP}.{LIST}=[{shared[key]}]'",
            )
    return {
        f"{REPEATED_STEP}_{label}": _values_of(label, shared, own, where)
        for label, own in networks.items()
    }


def _values_of(label: str, shared: dict, own: dict, where: str) -> dict[str, Any]:
    if "label" in own:
        raise UsageError(
            f"{where}: the network {label!r} is given another label, {own['label']!r}.",
            expected="the label once, as the name before the colon; its step is called after it",
        )
    values = {"label": label, "network": label, **shared, **own}
    _check_network(values["network"], where)
    if label in known_networks() and values["network"] != label:
        raise UsageError(
            f"{where}: {label!r} would train {values['network']!r} under another network's name.",
            expected="a label that is no network's name, or that of its own",
        )
    return values


def _check_network(name: Any, where: str) -> None:
    if name not in known_networks():
        raise UsageError(
            f"{where}: there is no detector {name!r}.{nearest(name, known_networks())}",
            expected="one of: " + ", ".join(known_networks()),
        )


def _as_mapping(networks: Any, where: str) -> dict[str, dict]:
    """Returns a network, or a list or mapping of them, as mapping from label to own parameters."""
    if isinstance(networks, str):  # typed behind --set, or one word in a profile
        networks = _read_typed(networks, where)
    if isinstance(networks, list):
        if len(set(map(str, networks))) < len(networks):
            raise UsageError(f"{where}: {LIST} names a network twice.", expected=EXPECTED)
        networks = {name: {} for name in map(str, networks)}
    if not isinstance(networks, dict) or not networks:
        raise UsageError(f"{where} names no {LIST}.", expected=EXPECTED)
    for label, own in networks.items():
        understood = own is None or isinstance(own, dict)
        if not re.fullmatch(r"[a-z0-9_]+", str(label)) or not understood:
            raise UsageError(
                f"{where}: the network {label!r} is not understood."
                f"{nearest(label, known_networks())}",
                expected=f"a label of small letters, digits and _; {EXPECTED}",
            )
        if label in RESERVED:
            raise UsageError(
                f"{where}: no network can be called {label!r}.",
                expected=f"none of {', '.join(RESERVED)}, which are columns of tables of scores",
            )
    return {str(label): dict(own or {}) for label, own in networks.items()}


def _read_typed(text: str, where: str) -> Any:
    try:
        read = yaml.safe_load(text)
    except yaml.YAMLError:
        raise UsageError(
            f"{where}: {str(text)!r} is no list of {LIST}.", expected=EXPECTED
        ) from None
    return [read] if isinstance(read, str) else read
