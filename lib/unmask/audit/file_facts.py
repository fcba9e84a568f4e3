"""What is known of a file without looking at its picture: header, encoding, metadata, name."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from .. import runs
from ..media.images import FORMATS, describe_image

NO_JPEG = "no JPEG"
SUBSAMPLING = {
    ((1, 1),): "grey",
    ((1, 1), (1, 1), (1, 1)): "4:4:4",
    ((2, 1), (1, 1), (1, 1)): "4:2:2",
    ((2, 2), (1, 1), (1, 1)): "4:2:0",
    ((4, 1), (1, 1), (1, 1)): "4:1:1",
    ((1, 2), (1, 1), (1, 1)): "4:4:0",
}
# What Pillow finds in a header besides EXIF, and what writes it.
OTHER_METADATA = ("xmp", "comment", "photoshop", "dpi", "adobe", "Software", "parameters", "prompt")
CAMERA_TAGS = (0x010F, 0x0110)  # maker and model
NOTHING_KNOWN = {
    "mode": "",
    "progressive": NO_JPEG,
    "subsampling": NO_JPEG,
    "quantisation": NO_JPEG,
    "coarseness": math.nan,
    "coarseness_of_colour": math.nan,
    "quality": math.nan,
    "exif": "none",
    "exif_tags": 0,
    "other_metadata": "",
    "colour_profile": "none",
}


def read_file_facts(path: str, kind: str = "image") -> dict[str, Any]:
    """Returns what the header and the name of a file say; the pixels are not decoded.

    Args:
        path: of the file.
        kind: "image", or "video", of which only size and name are looked at.

    Returns:
        `bytes`, `name` (without folder and ending), `extension`, and of a picture `format`,
        `width` and `height` (pixels, upright), `mode`, `progressive`, `subsampling` (such as
        "4:2:0"), `quantisation` (a short hash of all tables), `coarseness` and
        `coarseness_of_colour` (mean of the luminance and chrominance tables), `quality` (of
        libjpeg's scale, else NaN), `exif` ("none", "present" or "camera"), `exif_tags`,
        `other_metadata` (names) and `colour_profile` (a short hash, or "none").
    """
    stem, extension = os.path.splitext(os.path.basename(path))
    facts = {**NOTHING_KNOWN, "name": stem, "extension": extension.lower()}
    facts |= {"bytes": os.path.getsize(path), "format": "", "width": math.nan, "height": math.nan}
    if kind == "video":
        return facts | {"format": extension[1:].upper()}
    try:
        with open(path, "rb") as stream:
            data = stream.read()
        described = describe_image(data)
        with Image.open(path, formats=FORMATS) as image:
            facts |= _of_header(image)
    except Exception:  # a broken header says nothing, and is a finding of its own
        return facts
    quality = described.pop("jpeg_quality")
    return facts | described | {"quality": math.nan if quality is None else quality}


def file_facts_table(files: pd.DataFrame, jobs: int) -> pd.DataFrame:
    """Returns `read_file_facts` of every row of `files` (`path`, `kind`), indexed like it.

    The width and height of clips come from `files`.
    """
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        rows = []
        for facts in pool.map(read_file_facts, files["path"], files["kind"]):
            rows.append(facts)
            if len(rows) % 500 == 0:
                runs.report_progress(len(rows) / len(files), f"{len(rows)} headers read")
    table = pd.DataFrame(rows, index=files.index)
    for side in ("width", "height"):
        table[side] = table[side].astype("float64").fillna(files[side])
    return table


def _of_header(image: Image.Image) -> dict[str, Any]:
    exif = image.getexif()
    profile = image.info.get("icc_profile")
    facts: dict[str, Any] = {
        "mode": image.mode,
        "exif_tags": len(exif),
        "exif": "camera" if any(tag in exif for tag in CAMERA_TAGS) else "present",
        "other_metadata": " ".join(name for name in OTHER_METADATA if name in image.info),
        "colour_profile": _short_hash(profile) if profile else "none",
    }
    if not len(exif):
        facts["exif"] = "none"
    if image.format in ("JPEG", "MPO"):
        facts |= _of_jpeg(image)
    return facts


def _of_jpeg(image: Image.Image) -> dict[str, Any]:
    factors = tuple((across, down) for _, across, down, _ in image.layer)
    tables = image.quantization
    colour = [table for number, table in tables.items() if number]
    return {
        "progressive": "progressive" if "progressive" in image.info else "baseline",
        "subsampling": SUBSAMPLING.get(factors, " ".join(f"{a}x{b}" for a, b in factors)),
        "quantisation": _short_hash(repr(sorted(tables.items())).encode()),
        "coarseness": float(np.mean(tables[0])) if 0 in tables else math.nan,
        "coarseness_of_colour": float(np.mean(colour)) if colour else math.nan,
    }


def _short_hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:8]


def describe_values(values: Sequence[Any], labels: np.ndarray, most: int = 6) -> list[dict]:
    """Returns rows that show how a fact differs between the classes.

    Numbers give their quartiles per class, words the share of each of the `most` most usual ones.

    Returns:
        Rows with `what`, `real` and `fake`, all text.
    """
    series = pd.Series(list(values)).reset_index(drop=True)
    labels = np.asarray(labels)
    if pd.api.types.is_numeric_dtype(series):
        rows = []
        for name, share in (("lower quartile", 0.25), ("median", 0.5), ("upper quartile", 0.75)):
            ends = [series[labels == label].quantile(share) for label in (0, 1)]
            rows.append({"what": name, "real": f"{ends[0]:,.4g}", "fake": f"{ends[1]:,.4g}"})
        return rows
    rows = []
    for word in series.value_counts().index[:most]:
        shares = [float((series[labels == label] == word).mean()) for label in (0, 1)]
        shown = str(word) or "(nothing)"
        rows.append({"what": shown, "real": f"{shares[0]:.1%}", "fake": f"{shares[1]:.1%}"})
    return rows
