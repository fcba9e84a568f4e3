"""`unmask score` on a folder of photos: photos a second, against a plain loop, and where time goes.

python benchmarks/bench_scoring.py [--photos N] [--model RUN] [--faces NAME] [--jobs N]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("UNMASK_PROGRESS", os.devnull)

import cv2
import numpy as np
from harness import as_record, compare, describe_machine, show
from rich.console import Console
from rich.table import Table
from unmask.sources.demo import render_demo
from unmask.verdict import Detector

SIDE = 128  # of the network's input, pixels
JOBS = min(4, os.cpu_count() or 1)
SAMPLED = 0.004  # seconds between two looks at what the threads do
# What a line of code in this file of the package means, the first that fits.
STAGES = (
    ("media/images", "decoding"),
    ("media/faces/crops", "cutting faces out"),
    ("media/faces", "finding faces"),
    ("evidence", "what a careful viewer looks at"),
    ("verdict/changes", "saving faces once more"),
    ("dataset", "resizing to the network's input"),
    ("engines", "the networks"),
    ("training", "the networks"),
)


def make_photos(folder: Path, count: int) -> list[Path]:
    """Writes `count` JPEG photos of 1,600 x 1,200 pixels with one or two rendered people each."""
    render_demo(folder / "people", identities=24, pictures=2, clips=0, size=320)
    people = [cv2.imread(str(path)) for path in sorted((folder / "people/raw").rglob("*.jpg"))]
    generator = np.random.default_rng(0)
    paths = []
    for number in range(count):
        photo = draw_background(generator)
        for place in range(1 + number % 3 // 2):
            side = int(generator.integers(180, 420))
            person = cv2.resize(people[generator.integers(len(people))], (side, side))
            left = int(generator.integers(0, 700 - side)) + 800 * place
            top = int(generator.integers(0, 1200 - side))
            photo[top : top + side, left : left + side] = person
        paths.append(folder / f"photo_{number:04d}.jpg")
        quality = int(generator.integers(75, 96))
        cv2.imwrite(str(paths[-1]), photo, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return paths


def draw_background(generator: np.random.Generator) -> np.ndarray:
    """Returns uint8 [1200, 1600, 3]: soft shapes with the noise of a camera."""
    coarse = generator.integers(30, 226, (6, 8, 3)).astype(np.uint8)
    smooth = cv2.resize(coarse, (1600, 1200), interpolation=cv2.INTER_CUBIC)
    noise = np.empty(smooth.shape, np.int16)
    cv2.setRNGSeed(int(generator.integers(2**31)))
    cv2.randn(noise, 0, 3)
    return np.clip(smooth + noise, 0, 255).astype(np.uint8)


def make_detector(folder: Path) -> Path:
    """Writes a two-block network with random weights; returns its path."""
    import keras
    from unmask import detectors

    keras.utils.set_random_seed(1)
    path = folder / "model.keras"
    detectors.build("two_block", (SIDE, SIDE, 3)).save(path)
    return path


def plain_loop(model_path: Path, paths: list[Path]) -> Callable[[], int]:
    """Returns the way of tutorials: MTCNN on each whole photo, `predict` on each face."""
    import keras
    from mtcnn import MTCNN

    finder, model = MTCNN(), keras.models.load_model(model_path)

    def run() -> int:
        for path in paths:
            pixels = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
            for face in finder.detect_faces(pixels):
                left, top, width, height = (max(int(value), 0) for value in face["box"])
                crop = cv2.resize(pixels[top : top + height, left : left + width], (SIDE, SIDE))
                model.predict(crop[None], verbose=0)
        return len(paths)

    return run


def unmask_way(detector: Detector, paths: list[Path], jobs: int) -> Callable[[], int]:
    """Returns what `unmask score` does, without printing."""

    def run() -> int:
        return sum(1 for _ in detector.score_files(paths, jobs=jobs))

    return run


class Sampler(threading.Thread):
    """Counts, in short intervals, which stage each thread of this process is in."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.counts: Counter[str] = Counter()
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(SAMPLED):
            for identity, frame in sys._current_frames().items():
                if identity != self.ident and (stage := stage_of(frame)):
                    self.counts[stage] += 1


def stage_of(frame) -> str:
    """Returns the stage of a thread's innermost line in the package; "" while it waits."""
    waiting = Path(frame.f_code.co_filename).stem in ("threading", "queue", "selectors", "_base")
    while frame and not waiting:
        _, found, name = frame.f_code.co_filename.rpartition("/unmask/")
        if found:
            return next((words for start, words in STAGES if name.startswith(start)), "the rest")
        frame = frame.f_back
    return ""


def where_time_goes(run: Callable[[], int]) -> tuple[float, dict[str, float]]:
    """Returns photos a second of one run, and the share of the threads' time in each stage."""
    sampler, started = Sampler(), time.perf_counter()
    sampler.start()
    count = run()
    seconds = time.perf_counter() - started
    sampler.ended.set()
    sampler.join()
    total = max(sum(sampler.counts.values()), 1)
    shares = {stage: number / total for stage, number in sampler.counts.most_common()}
    return count / seconds, shares


def measure(
    photos: int, compared: int, rounds: int, *, model: str | None = None, jobs: int, faces: str
) -> dict:
    """Measures and prints; returns the comparison, with `photos`: rate and shares of time.

    Args:
        photos: in the folder.
        compared: of them, for the plain loop.
        rounds: of the comparison.
        model: a run or a model; None for a two-block network with random weights.
        jobs: files read at once.
        faces: what finds faces.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain_model = make_detector(folder)
        detector = Detector.load(model or plain_model, faces=faces)
        for words in (detector.title, *detector.notices):
            print(words)
        paths = make_photos(folder, photos)
        some = paths[:compared]
        ways = {
            "unmask score, all of a verdict": unmask_way(detector, some, jobs),
            "plain loop, one score a face": plain_loop(plain_model, some),
        }
        timings = compare(ways, rounds)
        title = f"Scoring photos of 1,600 x 1,200 pixels, {jobs} jobs"
        show(title, timings, "photo")
        for timing in timings:
            print(f"{timing.way}: {1 / timing.images_per_second:.2f} s a photo")
        rate, shares = where_time_goes(unmask_way(detector, paths, jobs))
    table = Table(title=f"{photos:,} photos: {rate:.1f} a second", title_justify="left")
    table.add_column("where the threads' time goes")
    table.add_column("share", justify="right")
    for stage, share in shares.items():
        table.add_row(stage, f"{share:.0%}")
    Console(width=120).print(table)
    whole = {"count": photos, "a_second": rate, "shares": shares}
    return {**as_record(title, timings), "photos": whole}


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=1000, help="in the folder")
    parser.add_argument("--compared", type=int, default=24, help="of them, for the plain loop")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", help="a run or a model; a random two-block network without")
    parser.add_argument("--jobs", type=int, default=JOBS)
    parser.add_argument("--faces", default="auto")
    options = parser.parse_args()
    machine = describe_machine()
    print(f"{machine['device']}; TensorFlow {machine['tensorflow']}")
    measure(**vars(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
