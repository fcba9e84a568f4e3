"""HTML tables: escaped, with caption and scopes, well formed."""

from html.parser import HTMLParser

import pandas as pd
from unmask.evaluation.tables import html_table


class Cells(HTMLParser):
    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_names_from_data_are_text_and_never_markup():
    hostile = '<script>alert("x")</script>'
    frame = pd.DataFrame({hostile: [hostile], "AUC": ["0.9 [0.8, 1.0]"]})
    page = Cells(html_table(frame, f'"><b>{hostile}'))
    names = {tag for tag, _ in page.tags}
    assert names == {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "br"}
    assert page.texts.count(hostile) == 2
    assert page.tags[0][1]["aria-label"] == f'"><b>{hostile}'


def test_heads_have_scopes():
    frame = pd.DataFrame({"model": ["a", "b"], "AUC": ["0.9", "–"], "note": ["3 x", "none"]})
    page = Cells(html_table(frame, "Models"))
    heads = [attributes["scope"] for tag, attributes in page.tags if tag == "th"]
    assert heads == ["col", "col", "col", "row", "row"]
    assert page.texts[0] == "Models"


def test_intervals_stand_below_their_value_and_other_brackets_stay():
    frame = pd.DataFrame({"m": ["a"], "AUC": ["0.9 [0.8, 1.0]"], "b": ["-1% [-2%, +3%]"]})
    assert Cells(html_table(frame, "x")).texts[-5:] == [
        "a",
        "0.9 ",
        "[0.8, 1.0]",
        "-1% ",
        "[-2%, +3%]",
    ]
    spread = pd.DataFrame({"m": ["a"], "AUC": ["0.9 [0.8, 1.0] ±0.1 over seeds"]})
    assert Cells(html_table(spread, "x")).texts[-3:] == ["0.9 ", "[0.8, 1.0] ", "±0.1 over seeds"]
    plain = pd.DataFrame({"m": ["a"], "built as": ["blocks [32, 64]"], "b": ["x [<b>]"]})
    assert Cells(html_table(plain, "x")).texts[-2:] == ["blocks [32, 64]", "x [<b>]"]


def test_values_are_written_for_people():
    frame = pd.DataFrame({"n": [12345], "share": [0.123456], "none": [None], "flag": [True]})
    assert Cells(html_table(frame, "x")).texts[-4:] == ["12,345", "0.1235", "–", "True"]


def test_an_empty_table_is_still_a_table():
    page = Cells(html_table(pd.DataFrame({"a": [], "b": []}), "Nothing"))
    assert page.texts == ["Nothing", "a", "b"]
