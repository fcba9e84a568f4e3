"""What a search is asked to do, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from ... import detectors
from ...errors import UsageError, nearest
from ..checks import check_number, check_whole
from ..settings import TrainingSettings

SPACES = ("reference", "large", "best")
METHODS = ("random", "hyperband", "bayesian", "grid", "halving")
OBJECTIVES = {"val_auc": "max", "val_loss": "min"}
# The network of the space `best` where none is named.
BEST_NETWORK = "residual_net"


@dataclass(frozen=True)
class SearchSettings:
    """How to search.

    Attributes:
        space: of the network "searched": "reference" (blocks, head, learning rate), "large", or
            "best", the ingredients of a forensic network, or of any other one that is named
            (front end and truncation where it has them, dropout, augmentation, crop, schedule,
            optimizer, weight decay, learning rate).
        method: "random"; "hyperband" (Li et al., 2018, arXiv:1603.06560); "bayesian"; "grid", all
            combinations of `dropouts`, `learning_rates`, `batch_sizes` and `options`; "halving",
            random networks of which the worse ones stop early (Jamieson and Talwalkar, 2016,
            arXiv:1502.07943) and the others train on with the weights they have.
        trials: at most so many networks (hyperband and grid decide on their own how many).
        epochs: of a trial, at most.
        objective: "val_auc" or "val_loss", at the epoch of the lowest validation loss.
        training: what every trial shares: batch size, patience, precision, seed.
        network: "searched", or any of `detectors.names()`, whose space is `dropouts`,
            `learning_rates`, `batch_sizes` and `options`, but for the space "best".
        dropouts, learning_rates, batch_sizes: the values to try. A network without dropout is
            tried without it.
        options: names of options of the network to vary as well, see `spaces.varied_options`.
        keep: halving lets one in so many train on, and gives it so many times the epochs.
    """

    space: str = "reference"
    method: str = "random"
    trials: int = 8
    epochs: int = 3
    objective: str = "val_auc"
    training: TrainingSettings = field(default_factory=TrainingSettings)
    network: str = "searched"
    dropouts: tuple[float, ...] = (0.2, 0.0, 0.5)
    learning_rates: tuple[float, ...] = (1e-3, 1e-4)
    batch_sizes: tuple[int, ...] = (32, 64)
    options: tuple[str, ...] = ()
    keep: int = 3

    def __post_init__(self):
        known_words = {
            "space": SPACES,
            "method": METHODS,
            "objective": tuple(OBJECTIVES),
            "network": detectors.names(),
        }
        for name, known in known_words.items():
            value = getattr(self, name)
            if value not in known:
                raise UsageError(
                    f"A search has no {name} {value!r}.{nearest(value, known)}",
                    expected="one of " + ", ".join(known),
                )
        for name, least in (("trials", 1), ("epochs", 1), ("keep", 2)):
            check_whole(f"{name} of a search", getattr(self, name), least)
        self._check_lists()
        self._check_space()

    def _check_space(self) -> None:
        """Refuses what would have no part in the search."""
        if self.options and not self.plain:
            raise UsageError(
                f"The space {self.space} of the network {self.network} has no place for the "
                f"options {', '.join(self.options)}.",
                expected="options with the method grid, or with the space reference of a named "
                "network",
                fix="leave options out, or set method: grid",
            )
        if self.space != "reference" and self.method == "grid":
            raise UsageError(
                f"A grid tries the values that are listed: the space {self.space} has no part in "
                "it.",
                fix="set space: reference, or another method",
            )
        if self.space == "large" and self.network != "searched":
            raise UsageError(
                f"The space large is of the network searched, not of {self.network}.",
                expected="space: reference or best, or network: searched",
            )

    def _check_lists(self) -> None:
        lists = (self.dropouts, self.learning_rates, self.batch_sizes)
        listed = all(isinstance(values, tuple | list) and values for values in lists)
        if not listed or any(len(set(values)) < len(values) for values in lists):
            raise UsageError(
                "dropouts, learning_rates and batch_sizes must each name one value or more, and "
                "none twice.",
                expected="for instance dropouts: [0.0, 0.2]",
            )
        for value in self.dropouts:
            check_number("A dropout of a search", value, most=1, below=True)
        for value in self.learning_rates:
            check_number("A learning rate of a search", value, above=True)
        for value in self.batch_sizes:
            check_whole("A batch size of a search", value, 1)

    @property
    def plain(self) -> bool:
        """Whether the space is the plain one: dropout, learning rate, batch size, options."""
        named = self.network != "searched" and self.space != "best"
        return self.method == "grid" or named

    @property
    def detector(self) -> str:
        """The name of the network that the trials build."""
        best = self.space == "best" and not self.plain and self.network == "searched"
        return BEST_NETWORK if best else self.network


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes:
        trials: a row a trial, best first, failed ones last: trial, status ("done", "stopped" when
            halving ended it early, "failed"), the choices, epochs, val_auc, val_loss,
            val_accuracy, parameters, seconds, batch_used (pictures a step in fact, fewer than
            asked for where memory did not suffice), reason.
        best: the choices of the best trial, see `split_choices`.
        notices: sentences to put in front of a reader.
        folder: the search's own folder; its name is a hash of space, data and settings.
        network: the name of the detector that the trials built.
    """

    trials: pd.DataFrame
    best: dict
    notices: list[str]
    folder: Path
    network: str = "searched"
