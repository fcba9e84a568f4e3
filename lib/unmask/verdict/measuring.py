"""What only asking a detector tells: how often a mild change turns a verdict, what is usual."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..dataset.equalise import Equaliser
from ..dataset.face_set import FaceSet
from ..errors import UnmaskError
from ..evaluation.stress.networks import sample_faces
from ..evidence import FEWEST, Evidence, measure_normal
from ..media import Rejected, kind_of
from ..media.faces import FaceFinder, make_finder, track_faces
from ..media.images import decode_image
from ..media.videos import open_frames, read_frame
from ..runs import report_progress, resolve
from .card import make_card, save_card, scores_on_test
from .changes import CHANGES, variants_of
from .learned import Learned
from .looking import evidence_of_clip, evidence_of_photo
from .opening import Opened
from .rates import but_too_small, three_way_rates
from .rules import Limits
from .scoring import Scorer

FACES_AT_ONCE = 16
MOST_CLIPS = 24
EVERY = 10  # of a clip, for where its main person is


def write_card(
    run_folder: str | Path, *, changed_faces: int = 200, evidence_files: int = 64
) -> dict[str, Any]:
    """Makes a run's card, measures what only asking the detector tells, and writes it.

    Its path is <run>/report/detector/detector.json. Error rates are then those of the verdicts as
    they are given, with the changes of `changes.CHANGES` made to each test face; and `parity` says
    how far the scores of these very files lie from those of scores.parquet.

    Args:
        run_folder: of the run.
        changed_faces: test faces that this is measured on, at most; 0 to leave it out.
        evidence_files: real validation pictures, at most, that say what is usual; 0 for none.

    Raises:
        MissingStepError, DataError: see `make_card`.
    """
    root = resolve(run_folder)
    card = make_card(root)
    if changed_faces:
        _measure_rates(root, card, changed_faces)
    if evidence_files:
        card["evidence"] = _usual(root, card, evidence_files)
    save_card(root, card)
    return card


def card_of_report(
    run_folder: str | Path, *, changed_faces: int = 200, evidence_files: int = 64
) -> tuple[dict[str, Any] | None, list[str]]:
    """Returns the card that `write_card` writes, and notices; None where it cannot be made.

    The rest of a report does not depend on it.
    """
    settings = {"changed_faces": changed_faces, "evidence_files": evidence_files}
    try:
        card = write_card(run_folder, **settings)
    except UnmaskError as error:
        return None, [f"This run has no detector to be asked about new pictures. {error.what}"]
    return card, card["notices"]


def _measure_rates(root: Path, card: dict[str, Any], most: int) -> None:
    """Puts the rates of the verdicts as they are given, and `parity`, into the card."""
    faces = FaceSet.load(root)
    chosen = sample_faces(scores_on_test(root, card), most).reset_index(drop=True)
    scorer = Opened(card, root, ()).scorer()
    scores, whole = _scores(chosen, faces, card, scorer)
    level = card["faces"]
    band = level["band"]["low"], level["band"]["high"]
    limits = Limits(level["threshold"]["value"], band)
    verdicts = limits.judge_all(chosen["score"].to_numpy(), scores[:, 1:])
    learned = Learned(**card["learned"]) if card["learned"] else None
    verdicts = but_too_small(verdicts, chosen, learned)
    level["error_rates"] = three_way_rates(chosen, verdicts, "face", changes=True)
    apart = np.abs(scores[:, 0] - chosen["score"].to_numpy())[whole]
    card["parity"] = {
        "faces": len(apart),
        "largest_difference": float(apart.max()) if len(apart) else None,
    }


def _scores(
    chosen: pd.DataFrame, faces: FaceSet, card: dict[str, Any], scorer: Scorer
) -> tuple[np.ndarray, np.ndarray]:
    """Returns scores `[n, 1 + changes]`, and `[n]` whether the face's own file was read again."""
    common = card["equalise"]
    equaliser = Equaliser(common.get("size"), common.get("jpeg_quality"))
    from_file = ((card["framing"] or {}).get("faces", "whole")) == "whole"
    parts, whole = [], []
    for start in range(0, len(chosen), FACES_AT_ONCE):
        batch = []
        for row in chosen.iloc[start : start + FACES_AT_ONCE].itertuples():
            pixels = _pixels(row.path, int(row.frame)) if from_file else None
            whole.append(pixels is not None)
            if pixels is None:  # faces that were cut out, or files that are gone: what was kept
                pixels = np.array(faces.pixels[row.row])
            batch.append(variants_of(pixels, card["size"], equaliser))
        parts.append(scorer(np.concatenate(batch)).reshape(-1, 1 + len(CHANGES)))
        report_progress(min(1.0, (start + FACES_AT_ONCE) / len(chosen)), "verdicts on test faces")
    return np.concatenate(parts), np.array(whole)


def _pixels(path: str, frame: int) -> np.ndarray | None:
    """Returns a face's own picture or frame, uint8 `[h, w, 3]`; None where it is gone."""
    try:
        if kind_of(path) == "video":
            return read_frame(path, frame)
        return decode_image(Path(path).read_bytes()).pixels
    except (Rejected, OSError):
        return None


def _usual(root: Path, card: dict[str, Any], most: int) -> dict[str, Any]:
    """Returns what is usual on real validation pictures and clips, by kind; None for too few."""
    table = pd.read_parquet(root / "preprocess" / "faces.parquet")
    real = table[(table["split"] == "val") & (table["label"] == 0)].drop_duplicates("file_id")
    kinds = real["path"].map(kind_of)
    found: dict[str, Any] = {"image": None, "video": None}
    try:
        finder = make_finder((card["framing"] or {}).get("finder") or "auto")
    except UnmaskError as error:
        card["notices"].append(f"What is usual on real faces was not measured. {error.what}")
        return found
    for kind, limit in (("image", most), ("video", min(most, MOST_CLIPS))):
        paths = list(real.loc[kinds == kind, "path"])
        if len(paths) >= FEWEST:
            places = np.unique(np.linspace(0, len(paths) - 1, limit).astype(int))
            look = _look_at_photo if kind == "image" else _look_at_clip
            people = _looked_at([paths[place] for place in places], look, finder)
            found[kind] = measure_normal(people)
    return found


def _looked_at(paths: list[str], look: Any, finder: FaceFinder) -> Iterator[list[Evidence]]:
    for number, path in enumerate(paths, start=1):
        try:
            found = look(path, finder)
        except (Rejected, OSError):
            found = None
        report_progress(number / len(paths), "what is usual on real faces")
        if found:
            yield found


def _look_at_photo(path: str, finder: FaceFinder) -> list[Evidence] | None:
    pixels = decode_image(Path(path).read_bytes()).pixels
    faces = finder.find([pixels])[0]
    return evidence_of_photo(pixels, faces[0], None) if faces else None


def _look_at_clip(path: str, finder: FaceFinder) -> list[Evidence] | None:
    found, places = [], []
    with open_frames(path, every=EVERY, most=100) as frames:
        for frame in frames:
            found.append(finder.find([frame.pixels])[0])
            places.append((frame.index, frame.time))
        clip = frames.clip
    tracks = track_faces(found, times=[time for _, time in places])
    if not tracks:
        return None
    seen = [
        (*places[place], face)
        for place, face in zip(tracks[0].frames, tracks[0].faces, strict=True)
    ]
    return evidence_of_clip(path, clip, [seen], finder, None)[0]
