"""Runs the benchmarks: python benchmarks/run.py [--quick] [--only NAME] [--output FILE]"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("UNMASK_PROGRESS", os.devnull)  # progress of parts is of no interest here

import bench_architectures
import bench_demo
import bench_faces
import bench_frames
import bench_inference
import bench_scoring
import bench_search
import keras
from bench_bootstrap import FACES, RESAMPLES
from bench_bootstrap import ways as bootstrap_ways
from bench_feeding import ways as feeding_ways
from bench_feeding import write_pictures
from bench_near_copies import all_pairs_way, growth, hashing_ways, search_ways
from bench_training_step import ways as training_ways
from harness import as_record, compare, describe_machine, show
from unmask.runs import write_json

# network, side in pixels, batch size, steps a round
NETWORKS = (("two_block", 128, 32, 8), ("two_block", 256, 16, 6), ("resnet50", 128, 32, 2))
SEARCHED = (1000, 10_000, 100_000)  # fingerprints
QUICK_NETWORKS = (("two_block", 128, 32, 4), ("resnet50", 128, 32, 1))


def main(arguments: list[str] | None = None) -> int:
    """Measures the comparisons asked for, prints tables and writes the numbers as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer pictures, networks and rounds")
    parser.add_argument("--only", choices=list(BENCHMARKS), action="append", help="not the others")
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parent / "results" / "benchmarks.json"
    )
    options = parser.parse_args(arguments)
    machine = describe_machine()
    print(f"{machine['device']}; TensorFlow {machine['tensorflow']}, Keras {machine['keras']}")
    rounds = 3 if options.quick else 5
    found, seconds = {}, {}
    for name in options.only or BENCHMARKS:
        started = time.perf_counter()
        found[name] = BENCHMARKS[name](options.quick, rounds)
        seconds[name] = round(time.perf_counter() - started, 1)
        print(f"{name} took {seconds[name]:.0f} s", flush=True)
    record = {"machine": machine, "rounds": rounds, "seconds": seconds}
    write_json(options.output, {**record, "comparisons": found})
    print(f"written to {options.output}")
    return 0


def feeding(quick: bool, rounds: int) -> list[dict]:
    """Measures epochs 2 and later of each way to feed a training."""
    count = 640 if quick else 3200
    records = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pictures(folder, count)
        for side in (256, 128):
            with contextlib.redirect_stdout(io.StringIO()):
                ways = feeding_ways(folder, side, count)
            title = f"Feeding {count:,} JPEGs of 256 pixels at {side} pixels, epochs 2 and later"
            records.append(_measure(title, ways, rounds))
    return records


def training(quick: bool, rounds: int) -> list[dict]:
    """Measures training steps."""
    records = []
    for name, side, batch_size, steps in QUICK_NETWORKS if quick else NETWORKS:
        ways = training_ways(name, side, batch_size, steps)
        title = f"Training {name}, all layers, {side} pixels, batches of {batch_size}"
        records.append(_measure(title, ways, rounds))
        del ways
        keras.backend.clear_session()
        gc.collect()
    return records


def architectures(quick: bool, rounds: int) -> list[dict]:
    """Measures every network by name."""
    records = []
    with tempfile.TemporaryDirectory() as name:
        for record in bench_architectures.measure_all(quick, rounds, Path(name)):
            print(f"{record.name} measured", flush=True)
            records.append(record)
            gc.collect()
    bench_architectures.show(records)
    return [asdict(record) for record in records]


def inference(quick: bool, rounds: int) -> list[dict]:
    """Measures the engines that can score in place of Keras."""
    records = []
    networks = bench_inference.QUICK_NETWORKS if quick else bench_inference.NETWORKS
    for name, side, count in networks:
        title = f"Scoring with {name}, {side} pixels, random weights, batches of 32"
        report = bench_inference.measure(name, side, count, rounds)
        bench_inference.show(title, report)
        records.append(bench_inference.as_record(title, report))
        gc.collect()
    return records


def searching(quick: bool, rounds: int) -> list[dict]:
    """Measures how soon a search finds good networks."""
    title = "Searching the reference space, the same networks and faces"
    with tempfile.TemporaryDirectory() as name:
        ways = bench_search.measure(quick, Path(name))
    bench_search.show(title, ways)
    return [bench_search.as_record(title, ways)]


def bootstrap(quick: bool, rounds: int) -> list[dict]:
    """Measures the intervals of every metric on many scores, on one core."""
    resamples = RESAMPLES // 4 if quick else RESAMPLES
    title = f"Intervals of every metric, {resamples:,} resamples of {FACES:,} scores, one core"
    return [_measure(title, bootstrap_ways(resamples), rounds, "resample")]


def near_copies(quick: bool, rounds: int) -> list[dict]:
    """Measures hashing pictures, and searching for near copies among more and more of them."""
    with tempfile.TemporaryDirectory() as name:
        write_pictures(Path(name), 500 if quick else 2000)
        title = "Fingerprints of JPEGs of 256 pixels, decoded for it"
        records = [_measure(title, hashing_ways(Path(name)), 3, "picture")]
    sizes = SEARCHED[: 2 if quick else 3]
    ways = search_ways(sizes)
    largest = f"{sizes[-1]:,} pictures"
    # the first way is the one that the others are compared with
    ways = {largest: ways.pop(largest), **ways}
    ways[f"all pairs of {largest}"] = all_pairs_way(sizes[-1])
    record = _measure(
        "Searching near copies; ratios are those of a picture to the first row", ways, 1, "picture"
    )
    times = {timing["way"]: timing["cpu_milliseconds"] for timing in record["timings"]}
    record["growth_exponent"] = growth(sizes, [times[f"{size:,} pictures"] for size in sizes])
    print(f"time grows with the number of pictures to the power {record['growth_exponent']:.2f}")
    return [*records, record]


def frames(quick: bool, rounds: int) -> list[dict]:
    """Measures frames delivered from clips, against OpenCV's loops."""
    seconds = 6 if quick else 20
    records = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (file, codec, options) in bench_frames.CODECS.items():
            clip = bench_frames.write_clip(Path(folder) / file, codec, options, seconds)
            title = f"Every {bench_frames.EVERY}th frame of {seconds} s of {name}, 1280 x 720"
            records.append(_measure(title, bench_frames.every_ways(clip), rounds, "frame"))
            if name == "H.264":
                title = f"{bench_frames.SPREAD} frames spread over the same clip"
                ways = bench_frames.spread_ways(clip, seconds * bench_frames.RATE)
                records.append(_measure(title, ways, rounds, "frame"))
    return records


def faces(quick: bool, rounds: int) -> list[dict]:
    """Measures how fast faces are found, and whether they are those that MTCNN's package finds."""
    return bench_faces.measure(quick, rounds)


def scoring(quick: bool, rounds: int) -> list[dict]:
    """Measures `unmask score` on a folder of photos, against a plain loop."""
    photos, compared = (60, 6) if quick else (1000, 24)
    settings = {"jobs": bench_scoring.JOBS, "faces": "auto"}
    return [bench_scoring.measure(photos, compared, min(rounds, 3), **settings)]


def demo(quick: bool, rounds: int) -> list[dict]:
    """Measures what each step of the demo costs, or with `quick` of the profile of that name."""
    with tempfile.TemporaryDirectory() as name:
        record = bench_demo.measure("quick" if quick else "demo", Path(name))
    bench_demo.show(record)
    return [record]


def _measure(title: str, ways: dict, rounds: int, unit: str = "image") -> dict:
    timings = compare(ways, rounds)
    show(title, timings, unit)
    return as_record(title, timings)


BENCHMARKS = {
    "feeding": feeding,
    "training": training,
    "architectures": architectures,
    "inference": inference,
    "search": searching,
    "bootstrap": bootstrap,
    "near_copies": near_copies,
    "frames": frames,
    "faces": faces,
    "scoring": scoring,
    "demo": demo,
}

if __name__ == "__main__":
    sys.exit(main())
