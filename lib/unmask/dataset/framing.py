"""How the faces of a run are framed: chosen where they were cut out, else measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import runs
from ..errors import UnmaskError
from ..media import Rejected, kind_of
from ..media.faces import FaceFinder, Framing, make_finder, measure_framing
from ..media.images import decode_image
from ..media.videos import read_frame
from .face_choice import FaceChoice
from .seeking import FaceSeeker
from .settings import PreprocessSettings
from .squares import middle_square

MEASURED_ON = 64  # pictures at most


@dataclass(frozen=True)
class RunFraming:
    """How the faces of a run are framed.

    Attributes:
        framing: None where it could not be measured.
        finder: the name of the finder of faces; "" where none could be had.
        sentence: for the reader.
        notices: what a reader must know, such as why no framing is known.
    """

    framing: Framing | None
    finder: str
    sentence: str
    notices: tuple[str, ...]


def write_framing(
    run_folder: str | Path,
    faces: pd.DataFrame,
    settings: PreprocessSettings,
    seeker: FaceSeeker,
    *,
    finder: FaceFinder | None = None,
) -> RunFraming:
    """Writes `preprocess/framing.json`: enough to cut faces out of other pictures as training did.

    Where pictures were taken whole, their framing is measured on up to `MEASURED_ON` training
    pictures; it costs seconds and changes no face.

    Args:
        run_folder: <run folder>.
        faces: the faces table.
        settings, seeker: what `build_faces` was called with.
        finder: to measure with; that of `seeker.choice` when None.
    """
    choice = seeker.choice
    if choice.searched:
        name = seeker.finder.name
        found = RunFraming(choice.framing, name, _chosen(choice, name), seeker.finder.notices)
    else:
        found = _measure(faces, choice, finder)
    record: dict[str, Any] = {
        "faces": choice.faces,
        "finder": found.finder,
        "framing": found.framing.as_dict() if found.framing else None,
        "frames_per_clip": settings.frames_per_clip,
        "every": choice.every,
        "choice": choice.as_dict() | ({"finder": found.finder} if choice.searched else {}),
        "sentence": found.sentence,
    }
    runs.write_json(runs.step_folder(run_folder, "preprocess") / "framing.json", record)
    return found


def _chosen(choice: FaceChoice, finder: str) -> str:
    which = {
        "largest": "the largest face of each picture and frame was",
        "all": "every face was",
        "tracked": "every face was",
    }[choice.faces]
    turned = ", turned upright" if choice.align else ""
    followed = "; people were followed through clips" if choice.faces == "tracked" else ""
    return (
        f"Faces were looked for with {finder}: {which} cut out with a margin of "
        f"{choice.margin:.0%} around its box{turned}{followed}."
    )


def _measure(faces: pd.DataFrame, choice: FaceChoice, finder: FaceFinder | None) -> RunFraming:
    unknown = "How the pictures frame the face is not known: {}. A photo or a clip with more "
    unknown += "around the face is then scored as the finder frames it."
    try:
        finder = finder or make_finder(choice.finder)
        framing = measure_framing(_training_pictures(faces), finder)
    except UnmaskError as error:
        sentence = unknown.format(error.what.rstrip("."))
        return RunFraming(None, "", sentence, (sentence,))
    if framing is None:
        why = f"{finder.title} finds a face in fewer than a third of them"
        return RunFraming(None, finder.name, unknown.format(why), (unknown.format(why),))
    wider = "wider" if framing.margin >= 0 else "narrower"
    sentence = (
        f"Pictures were taken whole; they are {abs(framing.margin):.0%} {wider} than the box of "
        f"the face in them ({finder.name}, median of {framing.found} of {framing.measured_on} "
        "training pictures)."
    )
    return RunFraming(framing, finder.name, sentence, ())


def _training_pictures(faces: pd.DataFrame) -> Iterator[np.ndarray]:
    """Yields the squares that training saw of a few files, at their own size; as many of a class
    as of the other where there are as many.
    """
    files = faces[faces["split"] == "train"].drop_duplicates("file_id")
    turn = files.groupby("label").cumcount()
    order = files.assign(turn=turn).sort_values(["turn", "label"], kind="stable")
    # Spread over the table: neighbours in it may be pictures of one person.
    places = (
        np.unique(np.linspace(0, len(order) - 1, MEASURED_ON).astype(int)) if len(order) else []
    )
    for row in order.iloc[places].itertuples():
        try:
            yield middle_square(_pixels(row.path, int(row.frame)))
        except (Rejected, OSError):
            continue


def _pixels(path: str, frame: int) -> np.ndarray:
    if kind_of(path) == "video":
        return read_frame(path, frame)
    return decode_image(Path(path).read_bytes()).pixels
