"""Before anything is pushed: the datasets are brought to Kaggle, and what will run is said."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from ..errors import UsageError
from .chain import Kernel, make_chain
from .client import Client
from .datasets import ensure_code, ensure_packages
from .existing import dataset_exists, model_exists
from .follow import Follower
from .internet import Attached
from .packing import NoWheelsError

NAMES = {"NvidiaTeslaT4": "GPU (T4 x2)", "NvidiaTeslaP100": "GPU (P100)", "": "CPU"}


def prepare(options: argparse.Namespace, follower: Follower) -> None:
    """Brings the datasets to Kaggle and says what will be pushed.

    Raises:
        UsageError: a dataset that is attached does not exist; a step needs one that is neither
            asked for nor done.
        DataError: Kaggle refuses or cannot process a dataset.
    """
    client, profile, display = follower.client, follower.profile, follower.display
    follower.look()
    follower.recall()
    follower.take_home()
    _check_needs(follower)
    waiting = [kernel for kernel in follower.kernels if follower.is_open(kernel)]
    if not waiting:
        return
    _check_sources(client, waiting)
    follower.code = ensure_code(client, display.tell, options.every)
    attached = _ensure_packages(options, client, display.tell)
    follower.use(
        make_chain(
            profile,
            client.owner,
            attached,
            accelerator=options.accelerator,
            single=follower.kernels[0].steps if options.single else (),
        )
    )
    display.tell("")
    _announce(follower, {kernel.slug for kernel in waiting})


def _check_needs(follower: Follower) -> None:
    under_way = {push.slug for push in follower.under_way()}
    for kernel in follower.kernels:
        for need in kernel.needs if follower.is_open(kernel) else ():
            needed = follower.by_slug[need]
            last = follower.current(needed)
            stands = follower.is_done(needed) or (last is not None and last.slug in under_way)
            if need not in follower.asked and not stands:
                name = follower.profile.name
                raise UsageError(
                    f"The step {kernel.steps[0]!r} needs {needed.steps[0]!r}, which has not been "
                    "run on Kaggle as it is asked for now.",
                    fix=f"unmask kaggle run --profile {name} --until {kernel.steps[0]}",
                )


def _check_sources(client: Client, kernels: list[Kernel]) -> None:
    named = {name for kernel in kernels for name in kernel.datasets}
    for handle in sorted(named):
        if not handle.startswith(f"{client.owner}/unmask-") and not dataset_exists(client, handle):
            raise UsageError(
                f"Kaggle has no dataset {handle}, or does not show it to {client.owner}.",
                expected="owner/slug of a dataset, as in its address, and terms accepted",
                fix=f"compare with https://www.kaggle.com/datasets/{'/'.join(handle.split('/')[:2])}",
            )
    for handle in sorted({name for kernel in kernels for name in kernel.models}):
        if not model_exists(client, handle):
            raise UsageError(
                f"Kaggle has no model {handle}, or does not show it to {client.owner}.",
                expected="owner/model/framework/variation/version, and terms accepted",
                fix=f"compare with https://www.kaggle.com/models/{'/'.join(handle.split('/')[:2])}",
            )


def _ensure_packages(
    options: argparse.Namespace, client: Client, tell: Callable[[str], None]
) -> Attached:
    if options.packages == "none":
        return Attached(options.weights, packages=False)
    given = Path(options.packages).expanduser() if options.packages else None
    try:
        yunet = ensure_packages(client, tell, options.every, given)
    except NoWheelsError as error:
        tell(f"{error.what} Kernels fetch them instead, with internet on.")
        return Attached(options.weights, packages=False)
    return Attached(options.weights, packages=True, yunet=yunet)


def _announce(follower: Follower, slugs: set[str]) -> None:
    """Says which kernels are open, what they run on, and what is left of the quota."""
    say, owner = follower.display.say, follower.client.owner
    say(f"Kernels of the profile {follower.profile.name}, private, in the account {owner}:")
    open_ones = [kernel for kernel in follower.kernels if kernel.slug in slugs]
    width = max(len(kernel.slug) for kernel in open_ones)
    for kernel in open_ones:
        internet = (
            f"internet for {', '.join(kernel.internet)}" if kernel.internet else "no internet"
        )
        say(f"  {kernel.slug:<{width}}  {NAMES[kernel.machine_shape]:<11}  {internet}")
    quota = follower.client.quota() if any(kernel.gpu for kernel in open_ones) else None
    if quota:
        say(
            f"GPU hours left this week: {quota.hours_left:.1f} (renewed {quota.refresh_words}). "
            "An hour of a kernel on a GPU takes one of them."
        )
