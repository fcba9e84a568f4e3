"""Compares a run that came from Kaggle with one made at home: scores, tables, pictures, sentences.

Left out, by name, is what has to differ: times, places, the machine, hashes of files that hold a
time. Everything else must be the same, to the last bit of a score and the last byte of a picture.
"""

from __future__ import annotations

import json
import math
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bs4 import BeautifulSoup

# The runner's own files: commands, times, machine, versions, hashes over all of them.
RUNNERS = {
    *("process.log", "run.json", "request.json", "started.json", "done.json", "executed.ipynb"),
    *("progress.jsonl", "failure.json", "alive"),
}
# Keys and columns with what was timed.
TIMED = re.compile(r".*(seconds|_per_second|milliseconds_per_image)")
# Heads of columns and rows of the reports' tables.
TIMED_HEADS = re.compile(
    r"seconds|time|time of training|ms per image|ms for one picture|pictures a second|times \w+"
    r"|machine|command",
    re.IGNORECASE,
)
# In the words of a picture or a sentence: an amount of time, or of pictures in one.
TIMED_WORDS = re.compile(r"[\d.,]+( and [\d.,]+)? (?P<unit>ms|pictures a second)\b")
PLACE = re.compile(r"(/[\w.-]+)+(?=/(data|runs)/)")
# Another Python has other packages; the image of the slow test is one.
MACHINES = ("machine", "versions")
# Hashes of saved networks, whose files hold the time; names that a library counts or draws.
OF_SAVED_FILES = ("sha256", "model_sha256", "models", "tried_so_far", "float32.xml", "int8.xml")
STAYS_ON_KAGGLE = re.compile(r".*/faces_\d+\.npy")
NAMED_AT_RANDOM = ("engine_files/float32.xml", "engine_files/int8.xml")


def compare_runs(local: Path, other: Path, profile: str) -> list[str]:
    """Returns what differs in the run folders and reports of two homes; empty when all is alike.

    Files of the other home may lack what is not fetched: arrays of faces.
    """
    differences = []
    ours, theirs = (_files(home / "runs" / profile) for home in (local, other))
    missing = sorted(ours.keys() - theirs.keys())
    differences += [f"missing: {name}" for name in missing if not STAYS_ON_KAGGLE.fullmatch(name)]
    differences += [f"only there: {name}" for name in sorted(theirs.keys() - ours.keys())]
    for name in sorted(ours.keys() & theirs.keys()):
        if words := _compare_files(ours[name], theirs[name]):
            differences.append(f"{name}: {words}")
    pages, found = (_pages(home / "reports" / profile) for home in (local, other))
    differences += [f"report of one alone: {name}" for name in sorted(pages.keys() ^ found.keys())]
    for name in sorted(pages.keys() & found.keys()):
        differences += [f"{name}: {words}" for words in compare_reports(pages[name], found[name])]
    return differences


def _pages(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in folder.glob("*.html")}


def compare_reports(page: Path, other: Path) -> list[str]:
    """Returns what differs between two reports: headings, tables, pictures, sentences."""
    ours, theirs = _content(page), _content(other)
    return [
        f"{part} differ: {_first_difference(ours[part], theirs[part])}"
        for part in ours
        if ours[part] != theirs[part]
    ]


def _files(folder: Path) -> dict[str, Path]:
    """The files of the steps: what lies above them is bookkeeping."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file()
        and path.name not in RUNNERS
        and path.parent != folder
        and "tensorboard" not in path.parts
        and not path.as_posix().endswith(NAMED_AT_RANDOM)
    }


def _compare_files(path: Path, other: Path) -> str:
    read = {
        ".parquet": _table, ".csv": _table, ".json": _json, ".jsonl": _lines, ".npz": _arrays,
        ".keras": _weights,
    }.get(path.suffix, Path.read_bytes)  # fmt: skip
    ours, theirs = read(path), read(other)
    return "" if _alike(ours, theirs) else _first_difference(ours, theirs)


def _table(path: Path) -> dict[str, list[Any]]:
    table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    kept = [name for name in table.columns if not TIMED.fullmatch(str(name))]
    return {str(name): [_plain(value) for value in table[name]] for name in kept}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return PLACE.sub("HOME", value)
    return value.item() if isinstance(value, np.generic) else value


def _json(path: Path) -> Any:
    content = _without_times(json.loads(path.read_text()))
    if path.name == "engine.json":  # its key is made of the hash of a saved network
        del content["key"]
    return content


def _lines(path: Path) -> Any:
    return [_without_times(json.loads(line)) for line in path.read_text().splitlines()]


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_times(item)
            for name, item in value.items()
            if not TIMED.fullmatch(name) and name not in (*MACHINES, *OF_SAVED_FILES)
        }
    if isinstance(value, list):
        return [_without_times(item) for item in value]
    return _words(value) if isinstance(value, str) else value


def _words(text: str) -> str:
    """A text less the home it was written in and how fast something was."""
    return TIMED_WORDS.sub(r"# \g<unit>", PLACE.sub("HOME", text))


def _arrays(path: Path) -> dict[str, list]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name].tolist() for name in arrays.files}


def _weights(path: Path) -> dict[str, Any]:
    """The weights of a network: the file around them holds the time at which it was saved."""
    import io

    import h5py

    found: dict[str, Any] = {}
    with zipfile.ZipFile(path) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content) as file:
        file.visititems(
            lambda name, item: (
                found.update({name: item[()].tolist()}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return found


def _alike(ours: Any, theirs: Any) -> bool:
    """Equality that takes a missing number for equal to a missing number."""
    if isinstance(ours, float) and isinstance(theirs, float):
        return ours == theirs or (math.isnan(ours) and math.isnan(theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_alike(ours[k], theirs[k]) for k in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_alike, ours, theirs))
    return ours == theirs


def _content(page: Path) -> dict[str, list]:
    """What a reader sees of numbers, pictures and sentences in the article of a report."""
    soup = BeautifulSoup(page.read_text(), "html.parser")
    article = soup.find("article")
    body = article or soup.find("main")
    # The shelf's own lines are about durations and versions; its tables and headings are not.
    lines = article.find_all(["p", "li", "pre"]) if article else []
    return {
        "pictures": [
            (image.get("alt"), image["src"])
            for image in body.find_all("img")
            if not TIMED_WORDS.search(image.get("alt") or "")
        ],
        "headings": [heading.get_text(" ", strip=True) for heading in body.find_all(["h2", "h3"])],
        "tables": [_rows(table) for table in body.find_all("table")],
        "sentences": [_words(" ".join(line.get_text(" ").split())) for line in lines],
    }


def _rows(table: Any) -> list[list[str]]:
    """The cells of a table, less columns and rows that are headed by something timed."""
    rows = [
        [cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])]
        for row in table.find_all("tr")
    ]
    heads = rows[0] if rows else []
    timed = {number for number, text in enumerate(heads) if TIMED_HEADS.fullmatch(text)}
    return [
        [_words(text) for number, text in enumerate(row) if number not in timed]
        for row in rows
        if not (row and TIMED_HEADS.fullmatch(row[0]))
    ]


def _first_difference(ours: Any, theirs: Any, place: str = "") -> str:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in [*ours, *(set(theirs) - set(ours))]:
            if not _alike(ours.get(name), theirs.get(name)):
                return _first_difference(ours.get(name), theirs.get(name), f"{place}.{name}")
    if isinstance(ours, list | tuple) and isinstance(theirs, list | tuple):
        for number, (one, another) in enumerate(zip(ours, theirs, strict=False)):
            if not _alike(one, another):
                return _first_difference(one, another, f"{place}[{number}]")
        return f"{place}: {len(ours)} and {len(theirs)} items"
    return f"{place} {str(ours)[:200]!r} is {str(theirs)[:200]!r} there"
