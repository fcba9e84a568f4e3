"""From a path to everything a detector needs: its card, its networks, how it cuts faces out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..dataset.equalise import Equaliser
from ..dataset.face_choice import FaceChoice
from ..errors import DataError, UnmaskError, UsageError
from ..evaluation.ensembles.joiner import Joiner
from ..media.faces import FaceFinder, Framing, make_finder, measure_framing
from ..runs import resolve, sha256_file
from .card import CARD, VERSION, make_card, networks_are_those_of, read_card
from .reading import FaceReader
from .safe_loading import Refused, check_network
from .scoring import Scorer, open_networks

WHOLE = "whole"
MEASURED_ON = 64  # faces of training, for how they are framed
ANY_SIZE = 224  # pixels of a face, for a model that takes any
IN_MEMORY = (
    "This run has no card of its detector yet (the step report writes it): it was made from the "
    "run's scores, without counting the verdicts that a mild change of the picture turns."
)


@dataclass(frozen=True)
class Opened:
    """A detector that was found: its card, the folder that its paths start from, and notices."""

    card: dict[str, Any]
    root: Path
    notices: tuple[str, ...]

    def scorer(self) -> Scorer:
        """Returns its networks; their files are looked at, and opened when first asked."""
        joiner = self.card["joiner"]
        engines = (self.root / CARD).parent
        return open_networks(
            self.root,
            self.card["members"],
            None if joiner is None else Joiner.from_dict(joiner),
            engines if engines.is_dir() else None,
        )

    def reader(self, faces: str) -> tuple[FaceReader, tuple[str, ...]]:
        """Returns how pictures become faces, and notices.

        Args:
            faces: a name of `media.faces.FINDERS`, or "whole".

        Raises:
            UsageError: another name.
            DataError: the finder that was asked for cannot be had.
        """
        common = self.card["equalise"]
        equaliser = Equaliser(common.get("size"), common.get("jpeg_quality"))
        known = self.card["framing"] or {}
        choice = FaceChoice.from_dict(known.get("choice", {}))
        limits = {
            "minimum_side": choice.minimum_face,
            "minimum_sharpness": choice.minimum_sharpness,
        }
        if faces == WHOLE:
            framing = Framing(source=WHOLE)
            return FaceReader(None, framing, self.card["size"], equaliser, **limits), ()
        finder = _finder(faces, known.get("finder", ""))
        framing, notices = self._framing(finder, known)
        reader = FaceReader(finder, framing, self.card["size"], equaliser, **limits)
        return reader, (*finder.notices, *notices)

    def _framing(
        self, finder: FaceFinder, known: Mapping[str, Any]
    ) -> tuple[Framing, tuple[str, ...]]:
        """Returns how faces are cut out: as it is known, else measured on the run's own faces."""
        framing = Framing.from_dict(known["framing"]) if known.get("framing") else None
        if framing is not None and known["finder"] == finder.name:
            return framing, ()
        if framing is not None and known.get("faces", WHOLE) != WHOLE:
            return framing, (
                f"The faces this detector learned from were found by {known['finder']}; "
                f"{finder.title} may frame them a little otherwise.",
            )
        measured = measure_framing(_faces_of(self.root), finder)
        if measured is not None:
            return measured, ()
        return Framing(), (
            f"How this detector's faces were framed is not known: {finder.title} cuts them out "
            f"with a margin of {Framing().margin:.0%} around the face.",
        )


def open_detector(path: str | Path) -> Opened:
    """Returns the detector that lies at a path.

    Args:
        path: a run folder, a member's folder (<run>/<step>/<member>), a detector.json, or a .keras
            file; as typed, or from the project's home.

    Raises:
        UsageError: nothing is there, or nothing of this kind.
        DataError: what is there cannot be used, or opened safely (see `safe_loading`).
    """
    given = Path(path).expanduser()
    found = given.resolve() if given.exists() else resolve(path)
    if not found.exists():
        raise UsageError(
            f"There is no detector at {path}.",
            expected="a run folder, a member's folder, a detector.json or a .keras file",
        )
    if found.is_file():
        return _of_card(found) if found.suffix == ".json" else _of_file(found)
    if (found / "member.json").is_file():
        return Opened(make_card(found.parents[1], found), found.parents[1], (IN_MEMORY,))
    if (found / "detector.json").is_file():
        return _of_card(found / "detector.json")
    if (found / CARD).is_file():
        return _of_card(found / CARD)
    if (found / "saved_model.pb").exists():
        check_network(found)
    if not (found / "preprocess").is_dir():
        raise UsageError(
            f"The folder {path} holds no detector.",
            expected="a run folder, or a member's folder in one (<run>/<step>/<member>)",
        )
    return Opened(make_card(found), found, (IN_MEMORY,))


def _of_card(path: Path) -> Opened:
    card, root = read_card(path), path.parents[2]
    same = networks_are_those_of(root, card)
    if same and card["version"] == VERSION:
        return Opened(card, root, ())
    if not (root / "preprocess").is_dir():
        raise DataError(
            f"The networks that {path} describes are not where they should be.",
            expected=f"them below {root}, as the run that wrote the card has them",
            fix="copy the whole run folder",
        )
    wrong = "is of another version of Unmask" if same else "describes other networks than lie in it"
    again = f"The card of this run {wrong}: run the step report again."
    return Opened(make_card(root), root, (again, IN_MEMORY))


def _of_file(path: Path) -> Opened:
    checked = check_network(path)
    height, width, _ = checked.input_shape
    if height != width:
        raise Refused(path, f"it takes pictures of {width} x {height} pixels, which are not square")
    notices = []
    if height is None:
        notices.append(f"The model takes any size; faces are brought to {ANY_SIZE} pixels.")
    if (path.parent / "training.json").exists() or (path.parent / "detector.json").exists():
        notices.append("This model lies in a run: name the run to have its error rates as well.")
    network = {"seed": None, "path": path.name, "sha256": sha256_file(path)}
    member = {"name": path.stem, "step": "", "architecture": "", "weight": 1.0}
    card = {
        "version": VERSION,
        "name": path.stem,
        "title": f"the model file {path.name}",
        "run": "",
        "about": "a model file of unknown training",
        "members": [{**member, "networks": [network]}],
        "joiner": None,
        "faces": None,
        "clips": None,
        "size": height or ANY_SIZE,
        "equalise": {},
        "framing": None,
        "learned": None,
        "evidence": None,
        "dataset": None,
        "notices": [],
    }
    return Opened(card, path.parent, tuple(notices))


def _finder(faces: str, trained_with: str) -> FaceFinder:
    """Returns the finder that was asked for; without a wish the one that training used."""
    if faces == "auto" and trained_with:
        try:
            return make_finder(trained_with)
        except UnmaskError:
            pass  # not to be had here: the other one, which says so
    return make_finder(faces)


def _faces_of(root: Path) -> Iterator[np.ndarray]:
    """Yields some training faces of a run, spread over it; none of a model without a run."""
    folder = root / "preprocess"
    arrays = sorted(folder.glob("faces_*.npy"))
    if len(arrays) != 1 or not (folder / "faces.parquet").exists():
        return
    table = pd.read_parquet(folder / "faces.parquet", columns=["split", "row", "file_id"])
    rows = table[table["split"] == "train"].drop_duplicates("file_id")["row"].to_numpy()
    pixels = np.load(arrays[0], mmap_mode="r")
    for place in np.unique(np.linspace(0, len(rows) - 1, MEASURED_ON).astype(int)):
        yield np.array(pixels[rows[place]])
