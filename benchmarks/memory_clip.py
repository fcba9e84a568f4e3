"""Peak memory of reading every tenth frame of a long clip, and of a clip a tenth as long.

    python benchmarks/memory_clip.py --minutes 10

The clips are made here: 1280 x 720, MPEG-4, 25 frames a second. Each is read by a process of its
own, and the peak is what the kernel counted for it. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import av
from bench_frames import write_clip

READ = """
import json, resource, sys, time
from unmask.media.videos import open_frames
started = time.perf_counter()
with open_frames(sys.argv[1], every=10) as frames:
    count = sum(1 for _ in frames)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
seconds = round(time.perf_counter() - started, 1)
print(json.dumps({"frames": count, "seconds": seconds, "peak_mib": round(peak, 1)}))
"""
SECONDS = 4  # of the clip whose packets the long one repeats


def measure(minutes: float) -> dict:
    """Returns frames read, seconds and the peak in MiB for a clip of that length."""
    with tempfile.TemporaryDirectory() as folder:
        short = write_clip(Path(folder) / "short.mp4", "mpeg4", {"b": "3M"}, SECONDS)
        clip = repeat(short, Path(folder) / "clip.mp4", round(60 * minutes / SECONDS))
        command = [sys.executable, "-c", READ, str(clip)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {"minutes": minutes, **json.loads(said)}


def repeat(short: Path, long: Path, times: int) -> Path:
    """Writes the packets of `short`, which begins with a key frame, again and again."""
    with av.open(str(long), "w") as written:
        stream, shift = None, 0
        for _ in range(times):
            with av.open(str(short)) as container:
                stream = stream or written.add_stream_from_template(container.streams.video[0])
                step = container.streams.video[0].duration
                for packet in container.demux(video=0):
                    if packet.size:
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        packet.stream = stream
                        written.mux(packet)
                shift += step
    return long


def main() -> int:
    """Measures both lengths and prints them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long the longer clip is")
    options = parser.parse_args()
    print(json.dumps([measure(options.minutes / 10), measure(options.minutes)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
