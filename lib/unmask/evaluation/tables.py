"""Tables of a report as accessible HTML; every cell from data is escaped."""

from __future__ import annotations

import html
import re

import pandas as pd

INTERVAL = re.compile(r"^([-+]?[\d.]+%?) (\[[-+\d.,% ]+\])(?: (±[\d.]+%? over seeds))?$")


def html_table(frame: pd.DataFrame, caption: str) -> str:
    """Returns a table with a caption, column heads and, from the first column, row heads.

    An interval stands below its value, a spread over seeds below both, so that a table of many
    numbers fits on a page. No cell is marked as best: whether a difference means anything is said
    by its interval.

    Example:
        display(HTML(html_table(comparison_table(models), "Test faces, 95% intervals")))
    """
    heads = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in frame.columns)
    rows = frame.itertuples(index=False, name=None)
    body = "".join(f"<tr>{_cells([_text(value) for value in row])}</tr>" for row in rows)
    title = html.escape(caption)
    return (
        f'<div class="table-scroll" role="region" aria-label="{title}" tabindex="0" '
        'style="overflow-x:auto">'
        f"<table><caption>{title}</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _cells(row: list[str]) -> str:
    head, *others = (INTERVAL.sub(_below, html.escape(text)) for text in row)
    return f'<th scope="row">{head}</th>' + "".join(f"<td>{text}</td>" for text in others)


def _below(found: re.Match[str]) -> str:
    return " <br>".join(filter(None, found.groups()))


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
