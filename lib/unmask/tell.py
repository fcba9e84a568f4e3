"""What a notebook concludes: kept as JSON for the shelf and the report, shown to its reader."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from .runs import read_json, write_json


def conclude(folder: Path, sentences: Sequence[str], notices: Sequence[str] = ()) -> None:
    """Writes <folder>/summary.json and displays, from that file, what it says.

    Args:
        folder: the step's folder.
        sentences: what the step tells its reader; the first also stands on the shelf.
        notices: fallbacks and losses a reader must see on top of the page.
    """
    summary = {"sentence": sentences[0], "sentences": list(sentences), "notices": list(notices)}
    write_json(folder / "summary.json", summary)
    show_sentences(read_json(folder / "summary.json")["sentences"])


def show_sentences(sentences: Sequence[str]) -> None:
    """Displays sentences as a list; anything in them that looks like HTML is shown as text."""
    from IPython.display import HTML, display

    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    writable = items.encode("utf-8", "backslashreplace").decode("utf-8")
    display(HTML(f"<ul>{writable}</ul>"))


def counted(number: int, thing: str, things: str = "") -> str:
    """Returns "1 face", "2 faces", "12,890 faces"."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"
