"""What a step needs of the network on Kaggle, and what it cannot have there: files from home."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from ..suite.profiles import Profile, Step

IMAGENET = ("imagenet", "imagenet_or_random", "imagenet_or_none")
# Networks that keras.applications has ImageNet weights of.
PRETRAINED = (
    *("resnet50", "vgg16", "vgg19", "xception", "efficientnet", "mobilenet_v2"),
    "convnext_tiny",
)
IMAGENET_REASON = "ImageNet weights"
YUNET_REASON = "YuNet, which finds faces"
PACKAGES_REASON = "packages that the image lacks"
INPUTS = "/kaggle/input/"


@dataclass(frozen=True)
class Attached:
    """What kernels get besides the code: found out before anything is pushed.

    Attributes:
        weights: "owner/slug" or "owner/slug/version" of a dataset, or
            "owner/model/framework/variation/version"; "" for none.
        packages: whether the dataset of wheels is there.
        yunet: whether that dataset holds YuNet's file.
    """

    weights: str = ""
    packages: bool = True
    yunet: bool = False

    @property
    def is_model(self) -> bool:
        return self.weights.count("/") == 4


def internet_reasons(step: Step, profile: Profile, attached: Attached) -> list[str]:
    """Returns why a step needs the network, in words; empty when it does not.

    With `--weights` nothing is fetched but packages: what lies there is all there is.
    """
    reasons = [] if attached.packages else [PACKAGES_REASON]
    if attached.weights:
        return reasons
    if _wants_imagenet(step):
        reasons.append(IMAGENET_REASON)
    if not attached.yunet and _looks_for_faces(step, profile):
        reasons.append(YUNET_REASON)
    return reasons


def check_chain(profile: Profile, asked: Sequence[str], weights: str = "") -> None:
    """Checks that what is asked can run on Kaggle, where no file of this machine is.

    Raises:
        UsageError: a step reads a folder or file of this machine, or `weights` is malformed.
    """
    name = r"[\w-]+"
    if weights and not re.fullmatch(rf"{name}/{name}(/\d+|/{name}/{name}/\d+)?", weights):
        raise UsageError(
            f"--weights {weights!r} is neither a dataset nor a model of Kaggle.",
            expected="owner/slug of a dataset, or owner/model/framework/variation/version",
        )
    for step in profile.steps:
        if step.name in asked:
            _check_source(step)
            _check_paths(step)


def _check_source(step: Step) -> None:
    source, handle = step.values.get("source"), step.values.get("handle", "")
    if source == "folder":
        raise UsageError(
            f"{step.name} reads a folder of this machine, which Kaggle's machines do not have.",
            expected="a dataset on Kaggle",
            fix=f"upload the folder as a dataset, then add --set {step.name}.source=kaggle "
            f"{step.name}.handle=OWNER/SLUG",
        )
    if source == "kaggle" and not re.fullmatch(r"[\w-]+/[\w-]+", handle):
        raise UsageError(
            f"{step.name}.handle is {handle!r}.",
            expected="owner/slug, as in the dataset's address on Kaggle",
        )


def _check_paths(step: Step) -> None:
    values = step.values
    weights = values.get("weights", "random")
    named = {
        "weights": [] if weights in (*IMAGENET, "random") else [weights],
        "other": values.get("other", []),
        "reals": [values["reals"]] if values.get("reals") else [],
        "paths": values.get("paths", []),
    }
    for parameter, paths in named.items():
        for path in paths:
            if not str(path).startswith(INPUTS):
                raise UsageError(
                    f"{step.name}.{parameter} names {str(path)!r}, which is on this machine and "
                    "not on Kaggle's.",
                    expected=f"nothing, or a path below {INPUTS}",
                    fix="upload it as a dataset, attach that with --weights OWNER/SLUG, and name "
                    f"the path it has there ({INPUTS}datasets/OWNER/SLUG/…)",
                )


def _wants_imagenet(step: Step) -> bool:
    values = step.values
    if step.name == "ablation":
        recipe, changes = values.get("recipe", {}), values.get("changes", {})
        variants = [recipe, *({**recipe, **change} for change in changes.values())]
        return any(_imagenet(each, each.get("network", "")) for each in variants)
    return "weights" in values and _imagenet(values, values.get("network", step.name))


def _imagenet(values: dict[str, Any], network: str) -> bool:
    return values.get("weights", "imagenet_or_random") in IMAGENET and network in PRETRAINED


def _looks_for_faces(step: Step, profile: Profile) -> bool:
    """Whether YuNet takes part: it also measures how pictures that are taken whole frame faces."""
    if step.name == "score":
        return step.values.get("faces") in ("auto", "yunet")
    chosen = [each.values.get("face_finder", "mtcnn") for each in profile.steps]
    measures = step.name == "report" and step.values.get("evidence_files", 0) > 0
    return (step.name == "preprocess" or measures) and any(each != "mtcnn" for each in chosen)
