"""Peak memory of preprocessing, for a number of pictures and for ten times as many.

    python benchmarks/memory_preprocess.py --pictures 300 --side 64 --size 64

Each run is a process of its own; its peak is what the kernel counted for it and its children.
Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

RUN = """
import json, resource, sys
from unmask.dataset.preprocess import build_faces
from unmask.dataset.settings import PreprocessSettings
from unmask.sources.files_table import build_files_table
from unmask.sources.folder import list_folder
files = build_files_table(list_folder(sys.argv[1]), jobs=2)
settings = PreprocessSettings(size=int(sys.argv[3]), jobs=2, shard_size=128)
summary = build_faces(files, sys.argv[2], settings)
kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
peak = sum(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024
print(json.dumps({"pictures": len(files), "faces": summary.faces, "peak_mib": round(peak, 1)}))
"""


def write_pictures(root: Path, count: int, side: int) -> None:
    """Writes `count` different JPEGs of noise, half of them into each class."""
    generator = np.random.default_rng(0)
    for number in range(count):
        folder = root / ("real", "fake")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:06d}.jpg", quality=80)


def measure(pictures: int, side: int, size: int) -> dict[str, float]:
    """Returns `pictures`, `faces` and `peak_mib` of one run in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        write_pictures(Path(name) / "in", pictures, side)
        command = [sys.executable, "-c", RUN, f"{name}/in", f"{name}/out", str(size)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--side", type=int, default=64, help="of the JPEGs, in pixels")
    parser.add_argument("--size", type=int, default=64, help="of the faces, in pixels")
    options = parser.parse_args()
    few, many = (
        measure(count, options.side, options.size)
        for count in (options.pictures, 10 * options.pictures)
    )
    print(json.dumps({"few": few, "many": many, "ratio": many["peak_mib"] / few["peak_mib"]}))


if __name__ == "__main__":
    main()
