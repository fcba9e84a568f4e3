"""From an executed notebook to the body of a report: cells to clean HTML, headings to contents."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from bs4 import BeautifulSoup, Tag
from nbconvert import HTMLExporter
from nbconvert.filters import strip_ansi
from traitlets.config import Config

from .streams import tidy_outputs

TEMPLATES = Path(__file__).parent / "templates"
FAILED_CELL = "failed-cell"
LONGEST_TEXT = 30  # lines; longer output is folded away

_FOLDED_BY_TAG = {
    "parameters": "Default parameters",
    "injected-parameters": "Parameters of this run",
}
_REMOVAL_TAGS = {"remove-input", "remove-output", "remove-cell"}
_NO_ALT = {"", "No description has been provided for this image"}
_MISSING = {"", "-", "–", "—", "NaN", "nan", "NaT", "None", "<NA>"}


@dataclass
class Body:
    """The part of a report that comes from the notebook.

    `html` is the article without its H1, `title` the text of that H1 (empty when there is none),
    `contents` the H2 headings as {"id", "text", "children"}, children being H3 headings, and
    `failed_anchor` the id of the cell the run stopped at (empty when there is none).
    """

    title: str = ""
    html: str = ""
    contents: list[dict[str, Any]] = field(default_factory=list)
    failed_anchor: str = ""


def render_body(notebook: Path, *, failed: bool, interrupted: bool = False) -> Body:
    """Returns the body of the report on an executed `notebook`.

    Args:
        notebook: an .ipynb file as papermill leaves it, complete or not.
        failed: the run of this notebook stopped before its end.
        interrupted: it was stopped from outside: where its cell says so is no error to show.

    Raises:
        nbformat.reader.NotJSONError: the file is not a notebook (cut off while being written).
    """
    node = nbformat.read(notebook, as_version=4)
    failed_cell = _failed_cell(node.cells) if failed else None
    if failed_cell is not None and interrupted:
        failed_cell.outputs = [each for each in failed_cell.outputs if not _is_interrupt(each)]
    for cell in node.cells:
        _prepare(cell, is_failed=cell is failed_cell)
    html, _ = _exporter().from_notebook_node(node)
    soup = BeautifulSoup(html, "html.parser")
    title = _take_title(soup)
    contents = _number_headings(soup)
    _describe_pictures(soup)
    for table in soup.find_all("table"):
        _polish_table(soup, table)
    return Body(title, str(soup), contents, FAILED_CELL if failed_cell is not None else "")


def is_number(text: str) -> bool:
    """Tells whether a table cell reads as a number: "0.91", "-3 %", "0.91 (0.88–0.94)", "12 ms"."""
    letters = sum(character.isalpha() for character in text)
    return bool(re.match(r"[−+<>~≈-]?\s?\.?\d", text)) and letters <= 3


def _failed_cell(cells: list[Any]) -> Any | None:
    """Returns the cell with an error; after a killed kernel, the last one that was started.

    None when every cell ended: the step failed for another reason than its notebook.
    """
    code = [cell for cell in cells if cell.cell_type == "code"]
    for cell in code:
        expected = "raises-exception" in cell.metadata.get("tags", [])
        if not expected and any(output.output_type == "error" for output in cell.outputs):
            return cell
    code = [cell for cell in code if cell.source.strip()]
    started = [cell for cell in code if _was_started(cell)]
    return started[-1] if started and code[-1].execution_count is None else None


def _was_started(cell: Any) -> bool:
    """A kernel killed at once may not have said which cell it began; papermill knows when."""
    noted = cell.metadata.get("papermill") or {}
    return cell.execution_count is not None or noted.get("start_time") is not None


def _is_interrupt(output: Any) -> bool:
    return output.output_type == "error" and output.ename == "KeyboardInterrupt"


def _prepare(cell: Any, *, is_failed: bool) -> None:
    """Cleans the outputs of a cell and leaves what the template needs in its metadata."""
    tags = set(cell.metadata.get("tags", []))
    label = next((_FOLDED_BY_TAG[tag] for tag in sorted(tags) if tag in _FOLDED_BY_TAG), "Code")
    cell.metadata["unmask"] = {"label": label, "failed": is_failed}
    if is_failed:
        cell.metadata["tags"] = sorted(tags - _REMOVAL_TAGS)
    if cell.cell_type != "code":
        return
    cell.outputs = tidy_outputs(cell.outputs)


def _exporter() -> HTMLExporter:
    config = Config()
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_input_tags = {"remove-input"}
    config.TagRemovePreprocessor.remove_all_outputs_tags = {"remove-output"}
    config.TagRemovePreprocessor.remove_cell_tags = {"remove-cell", "papermill-error-cell-tag"}
    # Neither scripts nor widgets: a report is a document.
    config.NbConvertBase.display_data_priority = [
        *("text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg"),
        *("text/latex", "text/plain"),
    ]
    return HTMLExporter(
        config=config,
        template_name="notebook",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_anchor_links=True,
        filters={"text_block": text_block, "figure": figure},
    )


def text_block(text: str, kind: str) -> str:
    """Returns plain text as an escaped <pre>, folded when it is longer than LONGEST_TEXT lines."""
    text = strip_ansi(text).strip("\n")
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", text)
    if not text.strip():
        return ""
    block = f'<pre class="text {kind}">{escape(text)}</pre>'
    lines = text.count("\n") + 1
    if lines <= LONGEST_TEXT:
        return block
    name = {"stderr": "Messages", "traceback": "Traceback"}.get(kind, "Log")
    return f'<details class="log"><summary>{name}, {lines} lines</summary>{block}</details>'


def figure(output: Any, mimetype: str) -> str:
    """Returns a picture as a <figure> that carries its bytes, its alt text and its caption."""
    data = output["data"][mimetype]
    if mimetype == "image/svg+xml":
        data = base64.b64encode(data.encode("utf-8")).decode("ascii")
    metadata = output.get("metadata", {}).get(mimetype, {})
    width = metadata.get("width")
    size = f' width="{int(width)}"' if isinstance(width, int | float) else ""
    picture = (
        f'<img src="data:{mimetype};base64,{escape("".join(data.split()))}"'
        f' alt="{escape(str(metadata.get("alt") or ""))}"{size}>'
    )
    caption = metadata.get("caption")
    words = f"<figcaption>{escape(str(caption))}</figcaption>" if caption else ""
    return f"<figure>{picture}{words}</figure>"


def _take_title(soup: BeautifulSoup) -> str:
    """Removes the first H1 and returns its text; further ones become H2 (a page has one)."""
    first, *others = soup.find_all("h1") or [None]
    for heading in others:
        heading.name = "h2"
    return " ".join(first.extract().get_text().split()) if first else ""


def _number_headings(soup: BeautifulSoup) -> list[dict[str, Any]]:
    """Gives every H2 and H3 an id of its own; returns them as a tree."""
    contents: list[dict[str, Any]] = []
    taken = {FAILED_CELL, "content"}
    for heading in soup.find_all(["h2", "h3"]):
        text = " ".join(heading.get_text().split())
        slug = re.sub(r"[^\w]+", "-", text.lower()).strip("-_") or "section"
        name, number = slug, 1
        while name in taken:
            number += 1
            name = f"{slug}-{number}"
        taken.add(name)
        heading["id"] = name
        entry = {"id": name, "text": text, "children": []}
        inside = heading.name == "h3" and contents
        (contents[-1]["children"] if inside else contents).append(entry)
    return contents


def _describe_pictures(soup: BeautifulSoup) -> None:
    for picture in soup.find_all("img"):
        if picture.get("alt", "").strip() in _NO_ALT:
            section = picture.find_previous("h2")
            name = " ".join(section.get_text().split()) if section else ""
            picture["alt"] = f"Figure in section {name}" if name else "Figure"


def _polish_table(soup: BeautifulSoup, table: Tag) -> None:
    """Wraps a table so that it scrolls by itself, marks header scopes, aligns numbers right."""
    if "table-scroll" in table.parent.get("class", []):
        table.parent.unwrap()
    for style in table.parent.find_all("style", attrs={"scoped": True}):
        style.decompose()
    for attribute in ("border", "style"):
        table.attrs.pop(attribute, None)
    section = table.find_previous(["h2", "h3"])
    name = f"Table in section {section.get_text().strip()}" if section else "Table"
    wrapper = soup.new_tag(
        "div", attrs={"class": "table", "role": "region", "tabindex": "0", "aria-label": name}
    )
    table.wrap(wrapper)
    header, body = table.select("thead tr"), table.select("tbody tr")
    for row, scope in [*((row, "col") for row in header), *((row, "row") for row in body)]:
        for cell in row.find_all("th"):
            cell["scope"] = scope
    columns = zip(*(row.find_all(["td", "th"]) for row in body), strict=False)
    for position, cells in enumerate(columns):
        texts = [cell.get_text().strip() for cell in cells]
        known = [text for text in texts if text not in _MISSING]
        if not known or not all(map(is_number, known)) or cells[0].name == "th":
            continue
        heads = [row.find_all(["th", "td"])[position : position + 1] for row in header]
        for cell in [*cells, *(head for found in heads for head in found)]:
            cell["class"] = [*cell.get("class", []), "number"]
