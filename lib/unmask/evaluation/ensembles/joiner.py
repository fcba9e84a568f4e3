"""What an ensemble does to its members' scores, kept so that a new face can be scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from ...errors import DataError
from ...runs import read_json, write_json
from ..calibration import clipped_logit

JOINER = "joiner.json"
LOGIT_EDGE = 1e-6  # so that no single sure mistake pulls without limit
KINDS = ("mean", "rank", "stack")


@dataclass(frozen=True)
class Joiner:
    """How the scores of m members become one.

    Attributes:
        kind: "mean" (weighted), "rank" (mean of the ranks among validation faces) or "stack"
            (logistic regression on the members' logits).
        members: their names, in the order of the scores.
        weights: [m], shares that sum to 1; for the stack coefficients of the logits.
        intercept: of the stack.
        references: for "rank", of each member its validation scores, rising.
    """

    kind: str
    members: tuple[str, ...]
    weights: tuple[float, ...]
    intercept: float = 0.0
    references: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        count = len(self.members)
        whole = len(self.weights) == count > 0
        if self.kind == "rank":
            whole = whole and len(self.references) == count and all(map(len, self.references))
        if self.kind not in KINDS or not whole:
            raise DataError(
                f"{count} members cannot be joined by {self.kind!r} as it is written down.",
                expected=f"one of {', '.join(KINDS)}, and a weight for each member",
                fix="run the step ensemble again",
            )

    def used(self) -> tuple[str, ...]:
        """Returns the members that count at all: the others need not score a face."""
        return tuple(
            name for name, weight in zip(self.members, self.weights, strict=True) if weight
        )

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        """Returns P(fake), float64 `[n]`, of the members' scores `[n, m]`.

        A column of a member with the weight 0 counts nothing, whatever it holds.
        """
        matrix = np.where(np.asarray(self.weights) == 0, 0.5, np.asarray(matrix, np.float64))
        if self.kind == "stack":
            return expit(stack_logits(matrix) @ np.asarray(self.weights) + self.intercept)
        if self.kind == "rank":
            columns = zip(self.references, matrix.T, strict=True)
            ranks = [rank_among(np.asarray(known), scores) for known, scores in columns]
            matrix = np.column_stack(ranks)
        return np.clip(matrix @ np.asarray(self.weights), 0.0, 1.0)

    def as_dict(self) -> dict[str, Any]:
        """Returns plain data, for JSON."""
        found: dict[str, Any] = {
            "kind": self.kind,
            "members": list(self.members),
            "weights": list(self.weights),
        }
        if self.kind == "stack":
            found["intercept"] = self.intercept
        if self.kind == "rank":
            found["references"] = [list(known) for known in self.references]
        return found

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Joiner:
        """Returns what `as_dict` gave.

        Raises:
            DataError: it is not whole.
        """
        try:
            return cls(
                str(data["kind"]),
                tuple(map(str, data["members"])),
                tuple(map(float, data["weights"])),
                float(data.get("intercept", 0.0)),
                tuple(tuple(map(float, known)) for known in data.get("references", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"How the ensemble joins its members cannot be read ({error!r}).",
                expected="what Joiner.as_dict gives",
                fix="run the step ensemble again",
            ) from error


def write_joiner(folder: Path, joiner: Joiner) -> None:
    """Writes joiner.json into the folder of an ensemble."""
    write_json(Path(folder) / JOINER, joiner.as_dict())


def read_joiner(folder: Path) -> Joiner | None:
    """Returns the joiner of the ensemble in `folder`, None where none was written.

    Raises:
        DataError: it cannot be read.
    """
    path = Path(folder) / JOINER
    return Joiner.from_dict(read_json(path)) if path.exists() else None


def stack_logits(matrix: np.ndarray) -> np.ndarray:
    """Returns the members' log-odds of fake, of scores `[n, m]`."""
    return clipped_logit(matrix, LOGIT_EDGE)


def rank_among(ordered: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Returns for each score the share of `ordered` (rising) that is lower; ties count half."""
    below = np.searchsorted(ordered, scores, side="left")
    not_above = np.searchsorted(ordered, scores, side="right")
    return (below + not_above) / (2 * len(ordered))
