"""How fast faces are found, against MTCNN's own package frame by frame at full size.

As a script: python benchmarks/bench_faces.py [--quick]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from harness import Timing, as_record, compare, show
from unmask.errors import DataError
from unmask.media.faces import Face, FaceFinder, make_finder
from unmask.media.faces.boxes import corners, overlaps
from unmask.media.images import decode_image
from unmask.media.videos import read_frames
from unmask.sources.demo import render_demo

SAME = 0.5  # IoU from which two boxes are taken for the same face
PLAIN = "MTCNN's package, frame by frame, full size"
SENTENCE = (
    "  {way}: {times_faster:.1f} times as fast as the package ({times_less_cpu:.1f} by CPU time); "
    "a face in {with_face:.1%} of {count}, the package's largest "
    "in {same_face:.1%}, {further} more"
)

Frames = list[np.ndarray]


def measure(quick: bool, rounds: int) -> list[dict]:
    """Measures every set of frames; returns records with speed, recall and further faces."""
    finders = _finders()
    package = _package()
    records = []
    for name, frames in _sets(quick).items():
        title = f"Searching faces, {name}"
        ways = _ways(frames, package, finders)
        timings = compare(ways, rounds)
        show(title, timings)
        reference = [package(pixels) for pixels in frames]
        found = [*(finder.find(frames) for finder in finders), reference]
        record = as_record(title, timings)
        record["found"] = [
            {"way": way, **compare_faces(reference, faces), **_gain(timing, timings[-1])}
            for way, faces, timing in zip(ways, found, timings, strict=True)
        ]
        for told in record["found"][:-1]:
            print(SENTENCE.format(count=len(frames), **told))
        records.append(record)
    return records


def compare_faces(reference: list[list[Face]], found: list[list[Face]]) -> dict[str, float]:
    """Returns how what was found compares with what the package found.

    Returns:
        `with_face`: share of the frames with a face; `same_face`: of the frames where the package
        found one, the share where its largest is among those found; `further`: how many faces
        beyond one a frame.
    """
    same = [
        any(_overlap(theirs[0], face) >= SAME for face in ours)
        for theirs, ours in zip(reference, found, strict=True)
        if theirs
    ]
    return {
        "with_face": float(np.mean([bool(faces) for faces in found])),
        "same_face": float(np.mean(same)) if same else 0.0,
        "further": sum(max(0, len(faces) - 1) for faces in found),
    }


def _gain(timing: Timing, package: Timing) -> dict[str, float]:
    """How many times as fast as the package, from the medians of all rounds."""
    return {
        "times_faster": timing.images_per_second / package.images_per_second,
        "times_less_cpu": package.cpu_milliseconds / timing.cpu_milliseconds,
    }


def _ways(
    frames: Frames, package: Callable[[np.ndarray], list[Face]], finders: list[FaceFinder]
) -> dict[str, Callable[[], int]]:
    def plain() -> int:
        for pixels in frames:
            package(pixels)
        return len(frames)

    def search_with(finder: FaceFinder) -> Callable[[], int]:
        def search() -> int:
            return len(finder.find(frames))

        return search

    return {**{finder.title: search_with(finder) for finder in finders}, PLAIN: plain}


def _finders() -> list[FaceFinder]:
    finders = [make_finder("mtcnn")]
    try:
        finders.insert(0, make_finder("yunet", weights=_shared("weights/yunet_n_640_640.onnx")))
    except DataError as error:
        print(f"without YuNet: {error.what}")
    return finders


def _package() -> Callable[[np.ndarray], list[Face]]:
    from mtcnn import MTCNN

    detector = MTCNN()

    def find(pixels: np.ndarray) -> list[Face]:
        faces = [
            Face(tuple(map(float, face["box"])), np.zeros((5, 2)), float(face["confidence"]))
            for face in detector.detect_faces(pixels)
        ]
        return sorted(faces, key=lambda face: -face.area)

    return find


def _sets(quick: bool) -> dict[str, Frames]:
    """Rendered pictures, and frames of the real clips where they are."""
    with tempfile.TemporaryDirectory() as folder:
        table = render_demo(folder, identities=10 if quick else 50, pictures=2, clips=0, jobs=2)
        demo = [decode_image(Path(path).read_bytes()).pixels for path in table["path"]]
    sets = {f"{len(demo)} pictures of the demo, 160 pixels": demo}
    clips = _shared("videos_ffpp_c23")
    paths = sorted(clips.glob("*/*.mp4")) if clips else []
    by_size: dict[str, Frames] = {}
    for path in paths:
        for _, pixels in read_frames(path, 2 if quick else 8):
            height, width = pixels.shape[:2]
            by_size.setdefault(f"{width} x {height}", []).append(pixels)
    for size, frames in by_size.items():
        sets[f"{len(frames)} frames of real clips, {size}"] = frames
    return sets


def _shared(name: str) -> Path | None:
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("UNMASK_SHARED_DATA", beside)) / name
    return path if path.exists() else None


def _overlap(first: Face, second: Face) -> float:
    return float(overlaps(np.array([corners(first.box)]), np.array([corners(second.box)]))[0, 0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer frames and rounds")
    asked = parser.parse_args()
    measure(asked.quick, 2 if asked.quick else 3)
    sys.exit(0)
