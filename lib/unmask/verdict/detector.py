"""A trained detector that is asked about pictures and clips."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .records import HeatMap, Person, Verdict

Progress = Callable[[float, str], None]  # share done, 0 to 1, and a few words


class Detector:
    """A trained detector with its preprocessing, calibration, threshold and error rates.

    Attributes:
        name: of the member that scores, such as "weighted_ensemble".
        title: for the reader, with the run it comes from.
        notices: what a reader must know of how it scores; empty when all is as it was trained.
        card: everything that is known of it, see `card.make_card`.
    """

    name: str
    title: str
    notices: tuple[str, ...]
    card: dict[str, Any]

    @classmethod
    def load(cls, path: str | Path, *, faces: str = "auto", every: int = 10) -> Detector:
        """Opens a detector.

        Args:
            path: a run folder, a member's folder (<run>/<step>/<member>), a detector.json, or a
                .keras file.
            faces: how faces are found: "auto", "yunet", "mtcnn", or "whole" to take each picture
                for a face crop as it is.
            every: of a clip, each n-th frame is looked at.

        Raises:
            DataError, UsageError: nothing there can be opened safely.
        """
        raise NotImplementedError

    def score_image(self, data: bytes, *, name: str = "") -> Verdict:
        """Returns the verdict on a picture's bytes; broken ones give one with `error`."""
        raise NotImplementedError

    def score_video(
        self, path: str | Path, *, name: str = "", progress: Progress | None = None
    ) -> Verdict:
        """Returns the verdict on a clip; what `progress` raises stops the work and is passed on."""
        raise NotImplementedError

    def score_file(self, path: str | Path) -> Verdict:
        """Returns the verdict on a file, picture or clip by its content; never raises."""
        raise NotImplementedError

    def score_folder(self, path: str | Path, *, jobs: int = 1) -> Iterator[Verdict]:
        """Yields the verdict on each picture and clip below a folder, sorted by path."""
        raise NotImplementedError

    def score_files(self, paths: Sequence[str | Path], *, jobs: int = 1) -> Iterator[Verdict]:
        """Yields the verdict on each file in the order given; `jobs` files are read at a time."""
        raise NotImplementedError

    def explain(self, people: Sequence[Person]) -> list[HeatMap | None]:
        """Returns which places spoke for each person's score; None for one without a crop."""
        raise NotImplementedError

    def error_rates(self) -> str:
        """Returns one sentence: how often it is wrong on faces it never saw."""
        raise NotImplementedError
