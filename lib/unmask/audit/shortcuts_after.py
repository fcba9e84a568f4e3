"""What preprocessing does to each family of shortcuts, and what is left of it on the faces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from ..evaluation.intervals import Interval
from ..evaluation.summary import format_interval
from .families import FAMILIES, FILE, Family
from .findings import NOT_CHECKED, Finding
from .shortcuts import light_of

# What equalising takes away, by the value of preprocess.equalise that does it.
EQUALISED_BY = {
    "size": "size",
    "format": "jpeg_quality",
    "subsampling": "jpeg_quality",
    "quantisation": "jpeg_quality",
    "bytes": "jpeg_quality",
}
# The family of the picture in which traces of a fact of the file would still stand.
TRACES_IN = {
    "bytes": "detail",
    "size": "spectrum",
    "format": "residuals",
    "subsampling": "residuals",
    "quantisation": "residuals",
}
QUOTE = (
    "Nothing more can be equalised here: quote every detector beside the floors of this audit, as "
    "what storing did to the pixels before may still tell."
)


def shortcut_rows(
    findings: Mapping[str, Finding],
    came: Mapping[str, Interval],
    left: Mapping[str, Interval],
    equalised: Mapping[str, int],
) -> list[dict[str, str]]:
    """Returns a row for each family: its AUC on the files as they came, and after preprocessing.

    Args:
        findings: of the files, by key.
        came: areas of the files.
        left: areas of the picture families on the faces.
        equalised: what all pictures were brought to.
    """
    rows = []
    for key, family in FAMILIES.items():
        finding = findings.get(f"{family.kind}_{key}")
        light = finding.light if finding else NOT_CHECKED
        rows.append(
            {
                "check": family.title,
                "as it came": f"{light.upper()}: {_area(came.get(key))}",
                "after preprocessing": _after(family, left, equalised),
            }
        )
    return rows


def is_mended(key: str, equalised: Mapping[str, int]) -> bool:
    """Whether what tells by this family of the file was equalised."""
    return EQUALISED_BY.get(key) in equalised


def what_is_left(key: str, left: Mapping[str, Interval], equalised: Mapping[str, int]) -> str:
    """Returns in sentences what was done about a family of the file and what the faces show."""
    done = f" Preprocessing: {_done(key, equalised)}." if is_mended(key, equalised) else ""
    trace = TRACES_IN.get(key, "")
    if trace not in left:
        return f"{done} What is left of it on the faces was not measured."
    return f"{done} On the faces, {FAMILIES[trace].title}: {_area(left[trace])}."


def _after(family: Family, left: Mapping[str, Interval], equalised: Mapping[str, int]) -> str:
    key = family.key
    if family.kind != FILE:
        light = light_of(left[key], family) if key in left else NOT_CHECKED
        return f"{light.upper()}: {_area(left.get(key))}"
    if key == "bytes":
        return f"of the faces, when all are encoded alike: {_area(left.get('detail'))}"
    if key in ("names", "exif"):
        return "detectors see pixels only"
    if key == "colour_profile":
        return "detectors see pixels only, and these are left as they are stored"
    return f"the same in all faces: {_done(key, equalised)}"


def _done(key: str, equalised: Mapping[str, int]) -> str:
    words = "decoded, resized"
    if key == "size" and "size" in equalised:
        words = f"equalised to at most {equalised['size']} pixels a side, then resized"
    elif key != "size" and is_mended(key, equalised):
        words += f" and equalised to JPEG quality {equalised['jpeg_quality']}"
    return words


def _area(area: Interval | None) -> str:
    if area is None:
        return "not measured, too few"
    if area.value == 0.5 and area.low in (None, 0.5):
        return "does not differ" if area.low == area.high == 0.5 else "does not tell at all"
    return f"AUC {format_interval(asdict(area))}"
