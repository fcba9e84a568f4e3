"""What an ensemble gains over the best single member, beside what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from .comparison import Comparison, Difference, format_difference
from .members import Result


@dataclass(frozen=True)
class Gain:
    """One ensemble against the best single member, on the same test faces.

    Attributes:
        name: of the ensemble.
        members: how many members count in it.
        auc: its test AUC minus that of the best member, with a paired 95% interval.
        milliseconds, megabytes: of all its networks together.
        times: how many times the best member's milliseconds that is.
    """

    name: str
    members: int
    auc: Difference
    milliseconds: float
    megabytes: float
    times: float


def gains_of(
    ensembles: Sequence[Result], best: Result, comparisons: Mapping[str, Comparison]
) -> list[Gain]:
    """Returns the gain of each ensemble that was compared with `best`.

    Args:
        ensembles: evaluated ensembles.
        best: the best single member on validation.
        comparisons: by name, of `comparisons_on_test(ensembles, best)`; empty where test holds
            one class.
    """
    own = best.member["milliseconds_per_image"] * len(best.member["seeds"])
    return [
        Gain(
            name=each.name,
            members=sum(weight != 0 for weight in each.member["weights"].values()),
            auc=comparisons[each.name].auc,
            milliseconds=each.member["milliseconds_per_image"],
            megabytes=each.member["bytes_on_disk"] / 1e6,
            times=each.member["milliseconds_per_image"] / own,
        )
        for each in ensembles
        if each.name in comparisons
    ]


def gains_beside_costs(gains: Sequence[Gain], best: Result) -> pd.DataFrame:
    """Returns a row an ensemble, all cells text: what it gains and what it costs."""
    return pd.DataFrame(
        [
            {
                "ensemble": gain.name,
                "members used": str(gain.members),
                f"AUC minus that of {best.name}": format_difference(gain.auc),
                "ms per image": f"{gain.milliseconds:.2f}",
                f"times {best.name}": f"{gain.times:.1f}",
                "size (MB)": f"{gain.megabytes:,.1f}",
            }
            for gain in gains
        ]
    )
