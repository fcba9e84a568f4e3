"""One step a network: what a profile lists under `architecture: networks:` becomes steps."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from ..errors import UsageError, nearest
from ..runs import NOTEBOOK_OF_STEP, REPEATED_STEP, kind_of_step, read_json

NAMES_FILE = Path(__file__).resolve().parents[1] / "detectors" / "names.json"
LIST = "networks"
EXPECTED = (
    f"{REPEATED_STEP}: {{{LIST}: [lenet, vgg16], epochs: 5}}, or a mapping from a label to that "
    f"network's own parameters: {{{LIST}: {{lenet: {{epochs: 9}}}}}}"
)


def known_networks() -> list[str]:
    """Returns `detectors.names()` without importing Keras."""
    return read_json(NAMES_FILE)


def expand(settings: dict[str, dict], where: str) -> dict[str, dict]:
    """Returns the steps in the order in which they run, `architecture` replaced by its steps.

    Args:
        settings: parameters by step, as a profile gives them.
        where: the profile's file, for errors.

    Raises:
        UsageError: the list of networks is missing, empty or wrong, or names an unknown network.
    """
    expanded = {}
    for step in NOTEBOOK_OF_STEP:
        if step == REPEATED_STEP and step in settings:
            expanded |= _steps_of(settings[step], where)
        elif step in settings:
            expanded[step] = settings[step]
    return expanded


def steps_named(names: Iterable[str], settings: dict[str, dict]) -> list[str]:
    """Returns the steps among `settings` that `names` (steps or kinds of steps) mean."""
    names = set(names)
    return [step for step in settings if {step, kind_of_step(step)} & names]


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
    shared = dict(shared)
    networks = _as_mapping(shared.pop(LIST, None), where)
    steps = {}
    for label, own in networks.items():
        values = {"network": label, **shared, **own}
        if values["network"] not in known_networks():
            raise UsageError(
                f"{where}, step {REPEATED_STEP!r}: there is no detector {values['network']!r}."
                f"{nearest(values['network'], known_networks())}",
                expected="one of: " + ", ".join(known_networks()),
            )
        steps[f"{REPEATED_STEP}_{label}"] = {"label": label, **values}
    return steps


def _as_mapping(networks: Any, where: str) -> dict[str, dict]:
    """Returns a list or mapping of networks as a mapping from label to own parameters."""
    if isinstance(networks, str):  # typed behind --set
        networks = yaml.safe_load(networks)
    if isinstance(networks, list):
        if len(set(map(str, networks))) < len(networks):
            raise UsageError(f"{where}: {LIST} names a network twice.", expected=EXPECTED)
        networks = {name: {} for name in map(str, networks)}
    if not isinstance(networks, dict) or not networks:
        raise UsageError(f"{where}: the step {REPEATED_STEP!r} names no {LIST}.", expected=EXPECTED)
    for label, own in networks.items():
        if not re.fullmatch(r"[a-z0-9_]+", str(label)) or not isinstance(own or {}, dict):
            raise UsageError(
                f"{where}: the network {label!r} is not understood.",
                expected=f"a label of small letters, digits and _; {EXPECTED}",
            )
    return {str(label): dict(own or {}) for label, own in networks.items()}
