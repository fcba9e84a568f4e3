"""Tables of a report as accessible HTML; every cell from data is escaped."""

from __future__ import annotations

import html
import re

import pandas as pd

NUMBER = re.compile(r"^[+\-–−]?\s*[\d–]")


def html_table(frame: pd.DataFrame, caption: str) -> str:
    """Returns a table with a caption, column heads and, from the first column, row heads.

    No cell is marked as best: whether a difference means anything is said by its interval.

    Example:
        display(HTML(html_table(comparison_table(models), "Test faces, 95% intervals")))
    """
    names = list(frame.columns)
    texts = [[_text(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    numeric = [bool(texts) and all(NUMBER.match(row[place]) for row in texts if row[place])
               for place in range(len(names))]  # fmt: skip
    heads = "".join(
        f'<th scope="col"{_align(numeric[place])}>{html.escape(str(name))}</th>'
        for place, name in enumerate(names)
    )
    body = "".join(f"<tr>{_cells(row, numeric)}</tr>" for row in texts)
    title = html.escape(caption)
    return (
        f'<div class="table-scroll" role="region" aria-label="{title}" tabindex="0" '
        'style="overflow-x:auto">'
        f"<table><caption>{title}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _cells(row: list[str], numeric: list[bool]) -> str:
    cells = []
    for place, text in enumerate(row):
        tag, scope = ("th", ' scope="row"') if place == 0 else ("td", "")
        align = _align(numeric[place] and place > 0)
        cells.append(f"<{tag}{scope}{align}>{html.escape(text)}</{tag}>")
    return "".join(cells)


def _align(numeric: bool) -> str:
    return ' style="text-align:right"' if numeric else ' style="text-align:left"'


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
