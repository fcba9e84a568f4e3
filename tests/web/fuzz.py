"""Photos and clips broken in every way we can think of, sent to the page.

    python tests/web/fuzz.py [COUNT] [--model RUN] [--seed N]

starts `unmask app` and sends COUNT (2000) files from four hands at once. Prints how they were
answered and how much memory the server held meanwhile. Exit code 1 for an answer above 499 other
than 503, for no answer, or for a server that is gone.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import requests
import upload_files as files

ALLOWED = {200, 400, 403, 404, 413, 415, 422, 429, 503}
PATHS = ("/api/score", "/api/score", "/", "/look", "/api/heat-map")
HOSTILE = (
    b"<html><script>alert(1)</script></html>",
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    b"%PDF-1.7\n1 0 obj",
    b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    b"ffconcat version 1.0\nfile /etc/passwd\n",
    b"<?php system($_GET[0]); ?>",
    b"PK\x03\x04" + bytes(30) + b"PK\x05\x06" + bytes(18),
    b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\xff\xff\xff\xffWEBPVP8X",
    b"\0\0\0\x18ftypmp42", b"\x1a\x45\xdf\xa3",
)  # fmt: skip
NAMES = (
    "photo.jpg", "clip.mp4", "../../../etc/passwd", "C:\\windows\\win.ini", "a.svg", "b.html",
    "<img src=x onerror=alert(1)>.png", "{{7*7}}.jpg", "%00.jpg", "x" * 4000, "gpj.\u202eexe",
    "\U0001f600.webp", " ", "CON", "-rf", "a;b|c&d$(e)`f`.mov", "\u212a\ufb01.png",
)  # fmt: skip
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


@dataclass(frozen=True)
class Case:
    """One file to send: its bytes, name, stated type, the address, and what was done to it."""

    data: bytes
    name: str
    kind: str
    path: str
    done: str


@dataclass
class Report:
    """Answers by status, and a line for each that must not be."""

    statuses: collections.Counter[int]
    wrong: list[str]
    seconds: float = 0.0


def seeds() -> dict[str, bytes]:
    """Whole files of every family, small so that many fit into a minute."""
    side = 96
    kinds = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "JPEG2000", "PPM", "AVIF")
    clips = (("mpeg4", "mp4"), ("mpeg4", "mov"), ("mpeg4", "matroska"), ("mpeg4", "avi"),
             ("flv1", "flv"), ("wmv2", "asf"), ("libx264", "mp4"), ("libvpx", "webm"))  # fmt: skip
    whole = {kind: files.photo(kind, side) for kind in kinds}
    for codec, container in clips:
        with contextlib.suppress(Exception):  # an encoder that this build of FFmpeg lacks
            whole[f"{container}-{codec}"] = files.clip(codec, container, count=5, side=side)
    return {**whole, "sound": files.sound(), "bomb": files.bomb()}


def cases(count: int, seed: int = 0) -> Iterator[Case]:
    """Yields `count` cases, the same ones for the same seed."""
    random = np.random.default_rng(seed)
    whole = seeds()
    for _ in range(count):
        name = str(random.choice(list(whole)))
        data, done = bytearray(whole[name]), [name]
        for _ in range(int(random.integers(1, 4))):
            change = CHANGES[int(random.integers(len(CHANGES)))]
            data = change(data, random, whole)
            done.append(change.__name__.strip("_"))
        kind = str(random.choice(["image/jpeg", "video/mp4", "text/html", "image/svg+xml", "x/y"]))
        shown, path = NAMES[int(random.integers(len(NAMES)))], PATHS[int(random.integers(5))]
        yield Case(bytes(data), shown, kind, path, "+".join(done))


def _flip_bits(data, random, _whole):
    for _ in range(int(2 ** random.uniform(0, 7))):
        if data:
            data[int(random.integers(len(data)))] ^= 1 << int(random.integers(8))
    return data


def _flip_header(data, random, _whole):
    for _ in range(int(random.integers(1, 6))):
        if data:
            data[int(random.integers(min(64, len(data))))] = int(random.integers(256))
    return data


def _lie_in_numbers(data, random, _whole):
    size = int(random.choice([1, 2, 4]))
    for _ in range(int(random.integers(1, 4))):
        if len(data) > size:
            place = int(random.integers(min(512, len(data) - size)))
            number = NUMBERS[int(random.integers(len(NUMBERS)))] % 256**size
            order = "big" if random.random() < 0.5 else "little"
            data[place : place + size] = number.to_bytes(size, order)
    return data


def _cut(data, random, _whole):
    return data[: int(random.integers(len(data) + 1))]


def _drop_part(data, random, _whole):
    start, end = sorted(int(each) for each in random.integers(0, len(data) + 1, 2))
    return data[:start] + data[end:]


def _repeat_part(data, random, _whole):
    start, end = sorted(int(each) for each in random.integers(0, len(data) + 1, 2))
    return data[:end] + data[start:end] * int(random.integers(1, 5)) + data[end:]


def _empty_part(data, random, _whole):
    start, end = sorted(int(each) for each in random.integers(0, len(data) + 1, 2))
    return data[:start] + bytes(end - start) + data[end:]


def _splice(data, random, whole):
    other = whole[str(random.choice(list(whole)))]
    start, end = sorted(int(each) for each in random.integers(0, len(other) + 1, 2))
    place = int(random.integers(len(data) + 1))
    return data[:place] + other[start:end] + data[place:]


def _other_head(data, random, whole):
    other, length = whole[str(random.choice(list(whole)))], int(random.integers(1, 64))
    return bytearray(other[:length]) + data[length:]


def _add_hostile(data, random, _whole):
    part = HOSTILE[int(random.integers(len(HOSTILE)))]
    place = int(random.choice([0, 2, 12, 40, len(data)]))
    return data[:place] + part + data[place:]


def _only_hostile(_data, random, _whole):
    return bytearray(HOSTILE[int(random.integers(len(HOSTILE)))])


CHANGES = (
    *(_flip_bits, _flip_bits, _flip_header, _lie_in_numbers, _lie_in_numbers, _cut, _drop_part),
    *(_repeat_part, _empty_part, _splice, _other_head, _add_hostile, _only_hostile),
)


def send(address: str, case: Case) -> tuple[int, str]:
    """Sends a case until it is let in; returns the status and what is wrong with it, or ""."""
    while True:
        form = {"file": (case.name, case.data, case.kind)}
        try:
            answer = requests.post(address + case.path, files=form, timeout=180)
        except requests.RequestException as error:
            return 0, f"no answer: {type(error).__name__}"
        if answer.status_code != 429:
            return answer.status_code, wrong_with(answer, case)
        time.sleep(min(int(answer.headers["Retry-After"]), 2))


def wrong_with(answer: requests.Response, case: Case) -> str:
    """Returns what an answer must not be, or ""."""
    status = answer.status_code
    if case.path == "/look" and status == 200:
        told = json.loads(answer.text.strip().splitlines()[-1])
        status = told.get("status", 200)
    if status not in ALLOWED:
        return f"status {status}"
    if "Traceback" in answer.text:
        return "a traceback"
    if case.path.startswith("/api"):
        return "" if isinstance(answer.json(), dict) else "no JSON object"
    return "a name as markup" if "<img src=x" in answer.text else ""


def run(address: str, count: int, seed: int = 0, hands: int = 4) -> Report:
    """Sends `count` cases from `hands` threads."""
    started, report = time.perf_counter(), Report(collections.Counter(), [])
    with ThreadPoolExecutor(hands) as pool:
        chosen = list(cases(count, seed))
        for number, (case, (status, wrong)) in enumerate(
            zip(chosen, pool.map(lambda case: send(address, case), chosen), strict=True)
        ):
            report.statuses[status] += 1
            if wrong:
                report.wrong.append(f"{number} {case.path} {case.done} {case.name[:20]!r}: {wrong}")
    report.seconds = time.perf_counter() - started
    return report


@contextlib.contextmanager
def page(model: str, *more: str) -> Iterator[tuple[str, psutil.Process]]:
    """Yields address and process of an `unmask app` of its own."""
    command = [sys.executable, "-m", "unmask", "app", "--model", model, "--port", "0", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        found = re.search(r"http://[^/ ]+", line)
        if not found:
            sys.exit("the page did not start")
        yield found[0], psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def small_model(folder: str) -> str:
    """Writes a network that never learnt anything; returns its path."""
    from unmask import detectors

    path = os.path.join(folder, "small.keras")
    detectors.build_from_choices((32, 32, 3), blocks=(4,), name="small").save(path)
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", nargs="?", type=int, default=2000)
    parser.add_argument("--model", help="run or file (default: a small network without training)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or small_model(folder)
        before = set(Path(tempfile.gettempdir()).glob("unmask-*"))
        with page(model, "--faces", "mtcnn") as (address, server):
            part, held, wrong, statuses = max(1, options.count // 8), [], [], collections.Counter()
            run(address, 20, seed=options.seed + 10_000)  # what is loaded once is loaded
            for number in range(8):
                report = run(address, part, seed=options.seed + number)
                held.append(server.memory_info().rss / 1e6)
                wrong += report.wrong
                statuses += report.statuses
                rate = part / report.seconds
                print(f"{part} files, {rate:.1f}/s, the server holds {held[-1]:.0f} MB", flush=True)
            healthy = requests.get(address + "/health", timeout=60).json()
        left = set(Path(tempfile.gettempdir()).glob("unmask-*")) - before
    print("answers:", dict(sorted(statuses.items())))
    print(f"memory after each part, MB: {[round(each) for each in held]}; at the end: {healthy}")
    print(f"files left behind: {len(left)}; wrong answers: {len(wrong)}")
    print("\n".join(wrong[:50]))
    return int(bool(wrong or left))


if __name__ == "__main__":
    sys.exit(main())
