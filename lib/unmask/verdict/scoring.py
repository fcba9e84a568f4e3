"""The networks behind a detector: opened when first asked, each with its fastest engine."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError
from ..runs import read_json, sha256_file
from .safe_loading import NetworkFile, check_network, load_network

if TYPE_CHECKING:
    from ..evaluation.ensembles.joiner import Joiner

BATCH = 8  # of 64 pictures a large network needs 1.3 GiB more, and is no faster on a processor
MODEL, ENGINE = "model.keras", "engine.json"


@dataclass
class Network:
    """One trained network; its file was looked at, and is opened when it is first asked.

    Attributes:
        member: the detector it is a training of.
        seed: of the training; None when not known.
        file: its .keras file.
        engine_folder: of engine.json for this very network; None where Keras has to score.
        notices: why it does not score with the engine that was chosen for it; known once opened.
    """

    member: str
    seed: int | None
    file: NetworkFile
    engine_folder: Path | None = None
    notices: tuple[str, ...] = ()
    _score: Callable[[np.ndarray], np.ndarray] | None = field(default=None, repr=False)
    _model: Any = field(default=None, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Returns float64 P(fake) `[n]` of uint8 pictures `[n, size, size, 3]`."""
        score = self.open()
        starts = range(0, len(pictures), BATCH)
        parts = [score(pictures[start : start + BATCH]) for start in starts]
        return np.concatenate(parts) if parts else np.empty(0)

    def open(self) -> Callable[[np.ndarray], np.ndarray]:
        """Opens the network, once; returns its scorer.

        Raises:
            Refused: the file has changed into one that is not opened.
        """
        with self._lock:
            if self._score is None:
                self._score = self._with_engine() or self._with_keras()
            return self._score

    def model(self) -> Any:
        """Returns the Keras model, which explanations need; loads TensorFlow."""
        with self._lock:
            if self._model is None:
                self._model = load_network(self.file.path)
            return self._model

    def _with_engine(self) -> Callable[[np.ndarray], np.ndarray] | None:
        if self.engine_folder is None:
            return None
        from ..engines.loading import load_engine

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are notices of the detector
            engine = load_engine(self.engine_folder)
        self.notices = engine.notices
        return engine

    def _with_keras(self) -> Callable[[np.ndarray], np.ndarray]:
        from ..training.predict import compile_scorer

        logging.getLogger("tensorflow").addFilter(_is_no_retracing)
        return compile_scorer(self.model())


@dataclass(frozen=True)
class Scorer:
    """The networks of a detector, joined.

    Attributes:
        networks: of each member, one a seed; a member's score is the mean over its seeds.
        joiner: of an ensemble; None for a single member.
    """

    networks: dict[str, tuple[Network, ...]]
    joiner: Joiner | None = None

    def members(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """Returns float64 P(fake) `[n]` of each member, of uint8 `[n, size, size, 3]`."""
        return {
            name: np.mean([network(pictures) for network in networks], axis=0)
            for name, networks in self.networks.items()
        }

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Returns float64 P(fake) `[n]`."""
        if not len(pictures):
            return np.empty(0)
        return self.join(self.members(pictures), len(pictures))

    def join(self, scores: dict[str, np.ndarray], count: int) -> np.ndarray:
        """Returns the detector's scores `[count]` from those of its members."""
        if self.joiner is None:
            (single,) = scores.values()
            return single
        unused = np.zeros(count)
        return self.joiner(
            np.column_stack([scores.get(name, unused) for name in self.joiner.members])
        )

    def leading(self) -> tuple[Network, ...]:
        """Returns the networks that count most, the first seed of each, most weight first.

        Only members that speak for fake when they score high, and at least half as much as the
        first of them.
        """
        if self.joiner is None:
            return tuple(networks[0] for networks in self.networks.values())
        weight = dict(zip(self.joiner.members, self.joiner.weights, strict=True))
        names = sorted(self.networks, key=lambda name: -weight[name])
        most = weight[names[0]]
        return tuple(self.networks[name][0] for name in names if weight[name] >= most / 2)

    def notices(self) -> tuple[str, ...]:
        """Returns the notices of the networks that are open."""
        found = [
            notice for each in self.networks.values() for one in each for notice in one.notices
        ]
        return tuple(dict.fromkeys(found))


def open_networks(
    root: Path, members: Sequence[dict[str, Any]], joiner: Joiner | None, engines: Path | None
) -> Scorer:
    """Returns the scorer of the members that a card lists; every file is looked at first.

    Args:
        root: the run folder that their paths start from.
        members: `members` of the card.
        joiner: of an ensemble.
        engines: a folder with engine.json of one of the networks, if there is one.

    Raises:
        DataError: a network is missing, or is not the one that the card was written for.
        Refused: a file that is not opened.
    """
    # TensorFlow has to be loaded for the other networks anyway, and Keras gave the run's scores.
    alone = len(members) == 1 and len(members[0]["networks"]) == 1
    engine_of = _engine_in(engines) if alone else ""
    found: dict[str, tuple[Network, ...]] = {}
    for member in members:
        if joiner is not None and member["name"] not in joiner.used():
            continue
        found[member["name"]] = tuple(
            _network(root, member["name"], each, engines, engine_of) for each in member["networks"]
        )
    return Scorer(found, joiner)


def _network(
    root: Path, name: str, about: dict[str, Any], engines: Path | None, engine_of: str
) -> Network:
    path = (root / about["path"]).resolve()
    if not path.is_relative_to(root.resolve()) or not path.is_file():
        raise DataError(
            f"The network {about['path']} of {name} is not there.",
            expected=f"the file in {root}",
            fix="give the whole run folder, not a part of it",
        )
    file = check_network(path)
    digest = sha256_file(path)
    if digest != about["sha256"]:
        raise DataError(
            f"The network {about['path']} is another one than {name} was described with.",
            expected=f"the SHA-256 {about['sha256'][:16]}…",
            fix="run the step report again",
        )
    return Network(name, about["seed"], file, engines if digest == engine_of else None)


def _is_no_retracing(record: logging.LogRecord) -> bool:
    """Each network has a compiled function of its own, which TensorFlow takes for a mistake."""
    return "triggered tf.function retracing" not in str(record.msg)


def _engine_in(folder: Path | None) -> str:
    """Returns the hash of the network that an exported engine belongs to; "" without one."""
    try:
        report = read_json(folder / ENGINE) if folder else {}
        # The engine falls back to the file that it names: only one that is looked at, too.
        if report.get("model") != MODEL or not (folder / MODEL).is_file():
            return ""
        check_network(folder / MODEL)
        return str(report["model_sha256"])
    except (OSError, ValueError, KeyError, AttributeError, DataError):
        return ""
