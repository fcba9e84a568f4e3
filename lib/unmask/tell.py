"""What a notebook concludes: kept as JSON for the shelf and the report, shown to its reader."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from .runs import read_json, write_json

LIGHTS = ("red", "amber")
ALARM_KEYS = {"name", "light", "sentence", "fix"}


def conclude(
    folder: Path,
    sentences: Sequence[str],
    notices: Sequence[str] = (),
    alarms: Sequence[Mapping[str, str]] = (),
) -> None:
    """Writes <folder>/summary.json and displays, from that file, what it says.

    Args:
        folder: the step's folder.
        sentences: what the step tells its reader; the first also stands on the shelf.
        notices: fallbacks and losses a reader must see on top of the page.
        alarms: patterns that mean a mistake: `name`, `light` ("red" or "amber"), `sentence` and
            `fix` each. They stand above the notices, and under --strict a red one fails the run.
            One that is repeated from another step says its `step`, and is not displayed.

    Raises:
        ValueError: an alarm lacks one of these, or has another light.
    """
    for alarm in alarms:
        if not alarm.keys() >= ALARM_KEYS or alarm["light"] not in LIGHTS:
            raise ValueError(f"{alarm} is no alarm: it needs {', '.join(sorted(ALARM_KEYS))}")
    summary = {
        "sentence": sentences[0],
        "sentences": list(sentences),
        "notices": list(notices),
        "alarms": [dict(alarm) for alarm in alarms],
    }
    write_json(folder / "summary.json", summary)
    written = read_json(folder / "summary.json")
    own = [alarm for alarm in written["alarms"] if "step" not in alarm]
    show_sentences([*map(alarm_in_words, own), *written["sentences"]])


def alarm_in_words(alarm: Mapping[str, str]) -> str:
    """Returns "Red alarm, flipped labels: what it is. To fix: what to do." """
    light, fix = alarm["light"].capitalize(), alarm["fix"].rstrip(".")
    return f"{light} alarm, {alarm['name']}: {alarm['sentence']} To fix: {fix}."


def show_sentences(sentences: Sequence[str]) -> None:
    """Displays sentences as a list; anything in them that looks like HTML is shown as text."""
    from IPython.display import HTML, display

    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    writable = items.encode("utf-8", "backslashreplace").decode("utf-8")
    display(HTML(f"<ul>{writable}</ul>"))


def counted(number: int, thing: str, things: str = "") -> str:
    """Returns "1 face", "2 faces", "12,890 faces"."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"
