"""The chain: which kernels a profile becomes, what each reads, and what it runs on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..runs import TRAINING_STEPS, kind_of_step, sha256_of
from ..suite.fingerprint import SPEED_PARAMETERS, library_digest
from ..suite.notebook_parameters import code_of, read_notebook
from ..suite.profiles import Profile
from .internet import Attached, internet_reasons

LONGEST = 50  # characters of a kernel's title and slug
PART_ENDING = len("-part-2")
MOST_PARTS = 6
SINGLE = "suite"
CODE_DATASET = "unmask-code"
PACKAGES_DATASET = "unmask-packages"
MACHINES = {"t4": "NvidiaTeslaT4", "p100": "NvidiaTeslaP100", "none": ""}
# Rooms around a notebook: no result depends on them.
AROUND = ("suite", "session", "kaggle", "web")
GPU_STEPS = (*TRAINING_STEPS, "ablation", "lesson", "stress")


@dataclass(frozen=True)
class Kernel:
    """One kernel of the chain.

    Attributes:
        slug: its name in addresses, which Kaggle derives from `title`.
        title: at most 50 characters.
        steps: that it runs, in order.
        needs: slugs of the kernels whose outputs it reads, all in any depth.
        datasets: attached, as "owner/slug" or "owner/slug/version".
        models: attached, as "owner/model/framework/variation/version".
        machine_shape: as Kaggle names it; "" for no GPU.
        internet: why it needs the network, in words; empty when it does not.
        key: hash of what its steps depend on: notebooks, code, parameters and the keys of what
            they need. Versions of packages are left out, for home and Kaggle differ in them.
    """

    slug: str
    title: str
    steps: tuple[str, ...]
    needs: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    machine_shape: str = ""
    internet: tuple[str, ...] = ()
    key: str = ""

    @property
    def gpu(self) -> bool:
        return bool(self.machine_shape)

    def part(self, number: int) -> tuple[str, str]:
        """Returns slug and title of a part: the kernel's own for the first."""
        if number == 1:
            return self.slug, self.title
        return f"{self.slug}-part-{number}", f"{self.title} part {number}"


def make_chain(
    profile: Profile,
    owner: str,
    attached: Attached = Attached(),  # noqa: B008 (frozen)
    *,
    accelerator: str = "t4",
    single: Sequence[str] = (),
) -> list[Kernel]:
    """Returns the kernels of a profile in the order in which they run.

    Args:
        profile: a checked profile.
        owner: the account's name on Kaggle.
        attached: what else kernels get.
        accelerator: "t4" (two of them), "p100" or "none".
        single: the steps that one kernel runs together; empty for a kernel a step.
    """
    shape = MACHINES[accelerator]
    keys = step_keys(profile)
    groups = [tuple(single)] if single else [(step.name,) for step in profile.steps]
    titles = [(SINGLE,)] if single else groups
    named = _named(profile.name, [names[0] for names in titles])
    slug_of = {step: slug for names, (slug, _) in zip(groups, named, strict=True) for step in names}
    kernels = []
    for names, (slug, title) in zip(groups, named, strict=True):
        steps = [profile.step(name) for name in names]
        needs = [slug_of[each] for each in _all_needs(profile, names) if each in slug_of]
        reasons = [internet_reasons(step, profile, attached) for step in steps]
        own = [keys[name] for name in names]
        kernels.append(
            Kernel(
                slug=slug,
                title=title,
                steps=names,
                needs=tuple(dict.fromkeys(each for each in needs if each != slug)),
                datasets=_datasets(profile, owner, attached),
                models=(attached.weights,) if attached.is_model else (),
                machine_shape=shape if any(map(_wants_gpu, names)) else "",
                internet=tuple(dict.fromkeys(word for each in reasons for word in each)),
                key=own[0] if len(own) == 1 else sha256_of(own),
            )
        )
    return kernels


def step_keys(profile: Profile) -> dict[str, str]:
    """Returns the key of every step; one depends on those of the steps that it needs."""
    keys: dict[str, str] = {}
    for step in profile.steps:
        sources = code_of(read_notebook(step.notebook))
        values = {name: each for name, each in step.values.items() if name not in SPEED_PARAMETERS}
        keys[step.name] = sha256_of(
            {
                "notebook": sources,
                "library": library_digest(sources, without=AROUND),
                "values": values,
                "needs": {need: keys[need] for need in step.needs},
            }
        )
    return keys


def _datasets(profile: Profile, owner: str, attached: Attached) -> tuple[str, ...]:
    found = [f"{owner}/{CODE_DATASET}"]
    if attached.packages:
        found.append(f"{owner}/{PACKAGES_DATASET}")
    if attached.weights and not attached.is_model:
        found.append(attached.weights)
    # The download alone reads it whole; later steps show or change single pictures of it.
    for step in profile.steps:
        if step.values.get("source") == "kaggle":
            version = step.values.get("version")
            found.append(step.values["handle"] + (f"/{version}" if version else ""))
    return tuple(dict.fromkeys(found))


def _all_needs(profile: Profile, names: Sequence[str]) -> list[str]:
    wanted = set(names)
    for step in reversed(profile.steps):
        if step.name in wanted:
            wanted |= set(step.needs)
    return [step.name for step in profile.steps if step.name in wanted]


def _wants_gpu(step: str) -> bool:
    return kind_of_step(step) in GPU_STEPS


def _named(profile: str, names: Sequence[str]) -> list[tuple[str, str]]:
    """Returns a slug and the title that Kaggle makes it of, for each name, no two alike."""
    slugs = [_slug(profile, name) for name in names]
    slugs = [
        _shortened(slug, f"{profile}/{name}", always=slugs.count(slug) > 1)
        for slug, name in zip(slugs, names, strict=True)
    ]
    return [(slug, slug.replace("-", " ").capitalize()) for slug in slugs]


def _slug(profile: str, step: str) -> str:
    # Two names that only differ in what a slug cannot hold get different ones.
    plain = bool(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", profile))
    mark = "" if plain else f"-{sha256_of(profile)[:6]}"
    words = re.findall("[a-z0-9]+", f"{profile}{mark} {step}".lower())
    return "-".join(["unmask", *words])


def _shortened(slug: str, name: str, always: bool) -> str:
    most = LONGEST - PART_ENDING
    if len(slug) <= most and not always:
        return slug
    return f"{slug[: most - 7].rstrip('-')}-{sha256_of(name)[:6]}"
