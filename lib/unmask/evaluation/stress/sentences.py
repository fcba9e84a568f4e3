"""What the stress tests found, in sentences made from the numbers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..summary import format_interval, format_percent
from .curves import falls, format_signed
from .measure import opposite
from .slices import TITLES
from .transforms import TRANSFORMS


def describe_curves(network: str, curves: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Returns the sentences on what changes of the picture do to one network; [] without curves."""
    if network not in curves:
        return []
    own = curves[network]
    return [describe_weakest(network, own), describe_bias(network, own)]


def describe_weakest(network: str, curves: Mapping[str, Any]) -> str:
    """Returns the sentence on the condition under which the AUC falls most, if it falls."""
    doubt = _doubt(curves["clean"])
    if doubt:
        return f"{network} {doubt}: what changes do to it cannot be judged."
    conditions = [each for each in curves["conditions"] if falls(each)]
    if not conditions:
        return (
            f"{network}: under none of {len(curves['conditions'])} changes of the picture is a "
            f"fall of the AUC beyond chance shown on {_count(curves['clean'])} faces."
        )
    worst = min(conditions, key=lambda each: each["auc_change"]["value"])
    return (
        f"{network} is weakest under “{_named(worst)}”: AUC "
        f"{format_interval(worst['both']['auc'])} where it was "
        f"{format_interval(curves['clean']['auc'])}; "
        f"it falls under {len(conditions)} of {len(curves['conditions'])} changes, Holm's "
        "correction made."
    )


def describe_bias(network: str, curves: Mapping[str, Any]) -> str:
    """Returns the sentence on the change that moves both classes most to one side."""
    biased = [each for each in curves["conditions"] if "biased" in each["verdict"]]
    if not biased:
        return (
            f"{network}: no bias shown on {_count(curves['clean'])} faces, that is, no change for "
            "which both real and fake faces are seen to move towards one verdict."
        )
    worst = max(biased, key=lambda each: abs(each["bias"]["value"]))
    towards = "fake" if worst["bias"]["value"] > 0 else "real"
    return (
        f"{network} takes “{_named(worst)}” itself for a sign of a {towards} face: the mean score "
        f"moves by {format_signed(worst['shift_real'])} for real and "
        f"{format_signed(worst['shift_fake'])} for fake faces; {_recalls(worst, curves, towards)} "
        f"({len(biased)} of {len(curves['conditions'])} changes show a bias)."
    )


def describe_attacks(
    network: str, entries: Sequence[Mapping[str, Any]], sample: int, budget: int = 2
) -> str:
    """Returns the sentence on what is left of the accuracy under attack; "" without entries."""
    if not entries:
        return ""
    clean = _entry(entries, network, "", "clean", 0)
    noise = _entry(entries, network, "", "noise", budget)
    noisy = f"with as much random noise {format_percent(noise['accuracy'])}"
    if any(each["source"] == network for each in entries):
        own = _entry(entries, network, network, "pgd", budget)
        text = (
            f"Attacked with full knowledge of it by {budget} of 255 grey levels (PGD), {network} "
            f"gets {format_percent(own['accuracy'])} of {sample} test faces right; unattacked "
            f"{format_percent(clean['accuracy'])}, {noisy}"
        )
    else:
        text = (
            f"The score of {network} does not change smoothly with single pixels, so attacks that "
            "follow its slope cannot be made, which is no robustness: attacks without a slope were "
            f"not tried. It gets {format_percent(clean['accuracy'])} of {sample} test faces right, "
            f"{noisy}"
        )
    transferred = [
        each
        for each in entries
        if each["network"] == network
        and each["source"] not in ("", network)
        and (each["method"], each["budget"]) == ("pgd", budget)
    ]
    for each in transferred[:1]:
        text += (
            f"; with pictures made against {each['source']} instead "
            f"{format_percent(each['accuracy'])}"
        )
    return text + "."


def describe_left_out(cells: Sequence[Mapping[str, Any]], epochs: int) -> str:
    """Returns the sentence on generators left out of short trainings; "" when there were none."""
    left_out = [cell for cell in cells if cell["relation"] == "left out" and cell["auc"]]
    if not left_out:
        return ""
    parts = []
    for cell in left_out:
        seen = [
            other["auc"]
            for other in cells
            if other["tested_on"] == cell["tested_on"]
            and other["trained_on"] in {each["trained_on"] for each in left_out}
            and other["relation"] == "same"
            and other["auc"]
        ]
        parts.append(f"{cell['tested_on']} {format_interval(cell['auc'])}{_learned_from(seen)}")
    return (
        f"Generators left out of a training of {_epochs(epochs)}, AUC on their fakes: "
        f"{'; '.join(parts)}."
    )


def describe_elsewhere(network: str, cells: Sequence[Mapping[str, Any]]) -> list[str]:
    """Returns a sentence for each other dataset: its AUC, and what the threshold does there."""
    return [
        f"On {cell['tested_on']} ({cell['n_real']:,} real, {cell['n_fake']:,} fake faces) "
        f"{network} has AUC {format_interval(cell['auc'])}; at its threshold it finds "
        f"{format_percent(cell['recall_fake'])} of the fakes and accepts "
        f"{format_percent(cell['recall_real'])} of the real faces."
        for cell in cells
        if cell["trained_on"] == network and cell["relation"] == "elsewhere"
    ]


def describe_reals(found: Mapping[str, Any]) -> str:
    """Returns the sentence on the false alarms on a folder of real photographs."""
    name = found["network"]
    return (
        f"Of {found['n']:,} real faces from {found['name']} {name} calls "
        f"{format_percent(found['false_alarms'])} fake at its threshold."
    )


def describe_slices(network: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """Returns the sentence on the part of the test faces with the lowest AUC."""
    known = [entry for entry in entries if entry["auc"] and entry["kind"] != "all"]
    if len(known) < 2:
        return ""
    worst = min(known, key=lambda entry: entry["auc"]["value"])
    best = max(known, key=lambda entry: entry["auc"]["value"])
    return (
        f"Among {len(known)} parts of the test faces {network} does worst on {_part(worst)} (AUC "
        f"{format_interval(worst['auc'])}) and best on {_part(best)} "
        f"({format_interval(best['auc'])}); picked as extremes, both look further apart than "
        "they are."
    )


def describe_limits(test: int, chosen: int, generators: Sequence[str], epochs: int) -> list[str]:
    """Returns notices on what was cut short to save time.

    Args:
        test: test faces there are; `chosen` of them were changed for the curves.
        generators: left out one by one, each in a training of `epochs` epochs.
    """
    notices = []
    if chosen < test:
        notices.append(
            f"The curves rest on {chosen:,} of {test:,} test faces, drawn from each class and "
            "generator in proportion."
        )
    if generators:
        notices.append(
            f"Leaving one generator out was measured on trainings of {_epochs(epochs)}: longer "
            "ones would do better on what they learn from."
        )
    return notices


def _learned_from(seen: Sequence[Mapping[str, Any]]) -> str:
    """Returns the AUC of the trainings that knew these fakes; of many, the lowest and highest."""
    if not seen:
        return ""
    ordered = sorted(seen, key=lambda auc: auc["value"])
    ends = [ordered[0], ordered[-1]][: len(ordered)]
    return f", where they were learned from {' to '.join(map(format_interval, ends))}"


def _doubt(clean: Mapping[str, Any]) -> str:
    """Returns why a fall from the AUC on unchanged faces would say little; "" where it says much.

    Below 0.5 there is nothing to lose either.
    """
    auc, faces = clean["auc"], f"{_count(clean)} unchanged faces"
    if auc is None:
        return f"has no AUC on {faces}"
    if auc["low"] is None or auc["high"] is None:
        return f"has AUC {format_interval(auc)} on {faces}, for which there is no interval"
    if auc["high"] < 0.5:
        return f"ranks {faces} worse than guessing does (AUC {format_interval(auc)})"
    if auc["low"] <= 0.5:
        return f"cannot be told from guessing on {faces} (AUC {format_interval(auc)})"
    return ""


def _count(measured: Mapping[str, Any]) -> str:
    return f"{measured['n_real'] + measured['n_fake']:,}"


def _epochs(count: int) -> str:
    return "one epoch" if count == 1 else f"at most {count} epochs"


def _part(entry: Mapping[str, Any]) -> str:
    return f"{TITLES[entry['kind']]}: {entry['slice']}"


def _recalls(condition: Mapping[str, Any], curves: Mapping[str, Any], towards: str) -> str:
    parts = condition["both"], curves["clean"]
    if towards == "fake":
        alarms = [format_percent(opposite(part["recall_real"])) for part in parts]
        return f"{alarms[0]} of real faces are then called fake instead of {alarms[1]}"
    found = [format_percent(part["recall_fake"]) for part in parts]
    return f"{found[0]} of fakes are then found instead of {found[1]}"


def _named(condition: Mapping[str, Any]) -> str:
    return f"{TRANSFORMS[condition['transform']].title}, {condition['label']}"


def _entry(
    entries: Sequence[Mapping[str, Any]], network: str, source: str, method: str, budget: int
) -> Mapping[str, Any]:
    return next(
        each
        for each in entries
        if (each["network"], each["source"], each["method"], each["budget"])
        == (network, source, method, budget)
    )
