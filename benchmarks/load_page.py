"""Many at once ask the page: is anybody lost, and how long does it take?

    python benchmarks/load_page.py [--model RUN] [--clients 50] [--seconds 60] [--photo FILE]

starts `unmask app` on this machine's loopback alone (it asks nobody else's server) and lets each
client send a photo, wait for the verdict, and send the next. A client that is told to come back
later (429) does so after the time it is told. In the end every photo must have had its verdict.
Exit code 1 when one had not.
"""

from __future__ import annotations

import argparse
import collections
import io
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib.cbook
import numpy as np
import psutil
import requests
from PIL import Image

STOPPED_AFTER = 600  # seconds for what is under way when the time is up


@dataclass
class Tally:
    """What the clients saw; `lock` guards it.

    Attributes:
        waits: seconds from a photo's first try to its verdict.
        looks: seconds of the try that brought the verdict.
        busy: how often a client was told to come back.
        lost: what else happened: nothing should.
    """

    waits: list[float] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    busy: int = 0
    lost: collections.Counter[str] = field(default_factory=collections.Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)


def ask(address: str, photo: bytes, end: float, tally: Tally) -> None:
    """One client: photo after photo until `end`, a time of `time.monotonic`."""
    with requests.Session() as session:
        while time.monotonic() < end:
            first = time.monotonic()
            while True:
                started = time.monotonic()
                try:
                    answer = session.post(
                        f"{address}/api/score",
                        files={"file": ("photo.jpg", photo)},
                        timeout=STOPPED_AFTER,
                    )
                except requests.RequestException as error:
                    with tally.lock:
                        tally.lost[type(error).__name__] += 1
                    break
                now = time.monotonic()
                if answer.status_code == 429:
                    with tally.lock:
                        tally.busy += 1
                    time.sleep(int(answer.headers["Retry-After"]))
                    continue
                with tally.lock:
                    if answer.status_code == 200 and answer.json()["verdict"]:
                        tally.waits.append(now - first)
                        tally.looks.append(now - started)
                    else:
                        tally.lost[f"status {answer.status_code}"] += 1
                break


def usual_photo() -> bytes:
    """The portrait of Grace Hopper (public domain) that comes with Matplotlib, as a JPEG."""
    path = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    stream = io.BytesIO()
    Image.open(path).convert("RGB").save(stream, "JPEG", quality=90)
    return stream.getvalue()


def describe(name: str, seconds: list[float]) -> str:
    """Returns a line of quantiles."""
    if not seconds:
        return f"{name}: none"
    told = [f"{part}% {np.percentile(seconds, part):.2f}" for part in (50, 90, 99)]
    return f"{name}, seconds: {', '.join(told)}, longest {max(seconds):.2f}"


def start_page(options: argparse.Namespace) -> tuple[subprocess.Popen[str], str]:
    """Starts the page on a free port of the loopback; returns the process and the address."""
    model = ["--model", options.model] if options.model else []
    command = [sys.executable, "-m", "unmask", "app", "--port", "0", *model]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    found = re.search(r"http://[^/ ]+", process.stdout.readline())
    if not found:
        sys.exit("The page did not start.")
    return process, found[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="as of unmask app (default: the newest run)")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--photo", help="a photo file (default: a portrait of 512 x 600)")
    options = parser.parse_args()
    photo = Path(options.photo).read_bytes() if options.photo else usual_photo()
    process, address = start_page(options)
    try:
        return measure(options, photo, address, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(30)


def measure(options: argparse.Namespace, photo: bytes, address: str, server: psutil.Process) -> int:
    """Lets the clients loose and prints what they saw; returns the exit code."""
    alone = Tally()
    ask(address, photo, time.monotonic() + 3, alone)
    print(describe("one client alone", alone.waits))
    before, tally = server.memory_info().rss, Tally()
    started = time.monotonic()
    arguments = (address, photo, started + options.seconds, tally)
    clients = [threading.Thread(target=ask, args=arguments) for _ in range(options.clients)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    took = time.monotonic() - started
    after, served = server.memory_info().rss, len(tally.waits)
    lost = dict(tally.lost) if tally.lost else "nothing"
    print(
        f"{options.clients} clients, {took:.0f} s: {served} verdicts, {served / took:.1f} a second"
    )
    print(f"asked to come back {tally.busy} times; lost: {lost}")
    print(describe("first try to verdict", tally.waits))
    print(describe("the try that was served", tally.looks))
    print(f"memory of the server: {before / 1e6:.0f} MB before, {after / 1e6:.0f} MB after")
    return int(bool(tally.lost) or not served)


if __name__ == "__main__":
    sys.exit(main())
