"""Which networks are stressed, and on which faces."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ...errors import MissingStepError, UsageError, nearest
from ..members import Result, best_on_validation

DEFAULT_COUNT = 2


@dataclass(frozen=True)
class Network:
    """A trained network on disk: the first seed of a member.

    Attributes:
        name: of the member.
        step: that trained it.
        seed: of this training.
        seeds: how many trainings the member has.
        threshold: chosen on validation for this seed; at or above it a face is called fake.
        model_path: the saved model.
    """

    name: str
    step: str
    seed: int
    seeds: int
    threshold: float
    model_path: Path

    def as_dict(self) -> dict[str, str | int | float]:
        """Returns the fields but the path as plain data, for JSON."""
        kept = ("name", "step", "seed", "seeds", "threshold")
        return {name: getattr(self, name) for name in kept}


def choose_networks(
    results: Sequence[Result], names: Sequence[str] = ()
) -> tuple[list[Network], list[str]]:
    """Returns the networks to stress, the best on validation first, and notices for the reader.

    Without names: the best on validation and the next. Test has no say in it. An ensemble is no
    network that could be attacked; when it is the best member, its place is taken by the best
    single network, with a notice.

    Raises:
        UsageError: a name that is not that of a single network.
        MissingStepError: there is no saved network at all.
    """
    single = {result.name: result for result in results if _model_path(result).exists()}
    if not single:
        raise MissingStepError(
            "No member of this run has a saved network.",
            expected="model.keras of at least one member",
            fix="run notebooks/04_baseline_cnn.ipynb first, or: python run_all.py",
        )
    for name in names:
        if name not in single:
            raise UsageError(
                f"No network is called {name!r}.{nearest(name, single)}",
                expected=f"one of: {', '.join(single)}",
                fix="correct stress.members in the profile",
            )
    chosen = [single[name] for name in names] or _best_first(list(single.values()))
    networks = [_network(result) for result in chosen]
    notices = [] if names else _on_the_best(best_on_validation(results), networks[0])
    repeated = [each.name for each in networks if each.seeds > 1]
    if repeated:
        notices.append(f"Of {', '.join(repeated)} only the training with the first seed is tested.")
    return networks, notices


def networks_table(networks: Sequence[Network]) -> pd.DataFrame:
    """Returns the networks for a reader, all cells text."""
    return pd.DataFrame(
        [
            {
                "network": each.name,
                "trained by": each.step,
                "seed": f"{each.seed} (of {each.seeds})",
                "threshold": f"{each.threshold:.3f}",
            }
            for each in networks
        ]
    )


def sample_faces(
    faces: pd.DataFrame, most: int, seed: int = 0, *, even: bool = False
) -> pd.DataFrame:
    """Returns at most `most` faces, each class and generator in its proportion.

    Which ones follows from the seed and the face ids, not from their order.

    Args:
        faces: face_id, label, generator, a row a face.
        most: faces to take.
        seed: of the draw.
        even: as many real as fake faces, instead of the proportion of the two classes.
    """
    if even:
        half = min(most // 2, int(faces["label"].value_counts().reindex([0, 1]).fillna(0).min()))
        parts = [
            sample_faces(faces[faces["label"] == label], half, seed) for label in (0, 1) if half
        ]
        return pd.concat(parts).reset_index(drop=True) if parts else faces.iloc[:0]
    draws = [_draw(seed, name) for name in faces["face_id"]]
    strata = faces.assign(draw=draws).groupby(["label", "generator"])["draw"]
    place = (strata.rank(method="first") - 0.5) / strata.transform("size")
    order = np.lexsort((draws, place))
    return faces.iloc[np.sort(order[:most])].reset_index(drop=True)


def _best_first(results: list[Result]) -> list[Result]:
    ordered = []
    while results and len(ordered) < DEFAULT_COUNT:
        ordered.append(best_on_validation(results))
        results = [result for result in results if result is not ordered[-1]]
    return ordered


def _on_the_best(best: Result, network: Network) -> list[str]:
    if best.name == network.name:
        return []
    return [
        f"{best.name}, the best member on validation, joins several networks; "
        f"{network.name}, the best single one, is stressed in its place."
    ]


def _network(result: Result) -> Network:
    seeds = result.member["seeds"]
    return Network(
        name=result.name,
        step=result.member["step"],
        seed=int(seeds[0]),
        seeds=len(seeds),
        threshold=float(result.metrics["threshold"]["by_seed"][str(seeds[0])]),
        model_path=_model_path(result),
    )


def _model_path(result: Result) -> Path:
    return result.folder / f"seed_{result.member['seeds'][0]}" / "model.keras"


def _draw(seed: int, name: str) -> float:
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") / 2**64
