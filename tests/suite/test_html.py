"""Reports, rendered from notebooks that a real kernel ran and read in a real browser."""

from __future__ import annotations

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import nbformat
import papermill
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_markdown_cell, new_notebook, new_output
from report_pages import (
    ALARMS,
    ERROR,
    HOSTILE,
    LOWEST_CONTRASTS,
    PROVENANCE,
    STEPS,
    code,
    context,
    run,
)
from unmask.suite.html import _line, format_duration, render_index, render_report
from unmask.suite.html_body import is_number


@pytest.fixture(scope="module")
def shelf(tmp_path_factory) -> dict[str, Path]:
    """Paths of one page of each kind: a finished report, a failed one, the shelf."""
    folder = tmp_path_factory.mktemp("reports")
    pages = {name: folder / f"{name}.html" for name in ("done", "failed", "index")}
    render_report(run(folder, ""), pages["done"], context=context())
    failing = run(folder, "raise ValueError('no <b>faces</b> in ' + 'here')")
    render_report(failing, pages["failed"], context=context("failed"))
    steps = [step | {"duration": 65.0, "sentence": f"Of {HOSTILE}."} for step in STEPS]
    steps[1]["alarms"] = [alarm for alarm in ALARMS if alarm["step"] == "cnn"] * 2
    rows = [{"model": HOSTILE, "AUC": 0.91234, "faces": 1200}, {"model": "cnn", "AUC": None}]
    render_index(pages["index"], profile="demo", steps=steps, provenance=PROVENANCE, headline=rows)
    return pages


@pytest.fixture(scope="module")
def soups(shelf) -> dict[str, BeautifulSoup]:
    return {name: BeautifulSoup(path.read_text(), "html.parser") for name, path in shelf.items()}


def texts(soup: BeautifulSoup, selector: str) -> list[str]:
    return [" ".join(found.get_text().split()) for found in soup.select(selector)]


def test_title_comes_from_the_first_heading_and_is_the_only_one(soups):
    assert texts(soups["done"], "h1") == ["Scores & faces"]
    assert soups["done"].title.get_text() == "Scores & faces · Unmask"
    assert texts(soups["done"], "article h2")[3] == "A second title"


def test_contents_list_every_section_in_order(soups):
    links = soups["done"].select("nav.contents a")
    assert [link.get_text() for link in links] == [
        *("Setup", "The data", "By class", "Training", "A second title", "The data"),
        "What this tells us",
    ]
    targets = [link["href"] for link in links]
    assert targets[1] == "#the-data" and targets[5] == "#the-data-2"
    assert texts(soups["done"], "nav.contents ol ol a") == ["By class"]


def test_neighbours_skip_a_report_that_does_not_exist(soups):
    links = soups["done"].select("nav.neighbours a")
    assert [link["href"] for link in links] == ["01_download.html", "10_report.html"]
    bar = soups["done"].select("nav.reports a")
    assert [link["href"] for link in bar] == ["01_download.html", "04%20cnn.html", "10_report.html"]
    assert texts(soups["done"], "nav.reports [aria-current=page]") == ["Scores & faces"]


def test_code_is_folded_and_parameters_are_named(soups):
    blocks = soups["done"].select("article details.code")
    assert not any(block.has_attr("open") for block in blocks)
    assert texts(soups["done"], "article details.code > summary")[:3] == [
        *("Default parameters", "Parameters of this run", "Code"),
    ]
    assert soups["done"].select_one("details.code .highlight .kn").get_text() == "import"


def test_tags_remove_what_they_say(soups):
    article = soups["done"].article.get_text()
    assert "output only" in article and "print('output only')" not in article
    assert "# source only" in article
    assert [text for text in texts(soups["done"], "pre.text") if "secret" in text] == []
    assert "secret cell" not in article


def test_start_up_noise_goes_and_warnings_stay(soups):
    messages = texts(soups["done"], "pre.stderr")
    assert len(messages) == 2 and messages[0] == "E weights are broken"
    assert "UserWarning: the input ran out" in messages[1]
    assert "ready" in texts(soups["done"], "pre.stdout")
    assert "oneDNN is on" not in soups["done"].select_one("pre.stdout").get_text()


def test_long_output_is_folded_with_its_line_count(soups):
    assert texts(soups["done"], "details.log > summary") == ["Log, 412 lines"]
    assert "epoch 411" in soups["done"].select_one("details.log > pre").get_text()


def test_output_is_escaped_and_free_of_colour_codes(soups):
    assert f"{HOSTILE} red" in texts(soups["done"], "pre.stdout")
    for soup in soups.values():
        assert soup.select("[onerror]") == [] and soup.select("b") == []


def test_pictures_have_words(soups):
    given, fallback = soups["done"].select("figure")
    assert given.img["alt"] == "Loss falls from 0.7 to 0.4 & stays"
    assert given.img["src"].startswith("data:image/png;base64,iVBOR")
    assert given.figcaption.get_text() == "Loss <per> epoch"
    assert fallback.img["alt"] == "Figure in section The data"


def test_numbers_in_tables_are_aligned(soups):
    first, second = soups["done"].select("article div.table > table")
    assert texts(first, ".number") == ["faces", "1,200"]
    assert texts(second, ".number") == ["score", "0.91", "0.52", "NaN"]
    assert texts(second, "tbody td")[0] == HOSTILE
    assert not second.has_attr("border") and second.select_one("thead th")["scope"] == "col"


def test_the_words_in_sight_say_when_a_step_ran_elsewhere():
    for place in ("Kaggle", "Kaggle; this page was made at home, of what it left"):
        assert _line({"seconds": 192.0, "place": place}) == ["took 3 min 12 s on Kaggle"]
    assert _line({"seconds": 192.0}) == ["took 3 min 12 s"]


def test_provenance_says_what_made_the_page(soups):
    box = soups["done"].select_one("details.provenance")
    assert texts(box, "summary .words") == [
        *("20 November 2026, 14:05 UTC", "took 3 min 12 s"),
        *("revision add504b with uncommitted changes", "seed 1, 2", "1 parameter changed"),
    ]
    assert texts(box, "tr.changed") == ["epochs 3 changed, default 10 passes <at most>"]
    facts = dict(zip(texts(box, "dt"), texts(box, "dd"), strict=True))
    assert facts["Command"] == PROVENANCE["command"]
    assert facts["Versions"] == "python 3.11.9 keras 3.13.2"
    assert facts["Inputs (SHA-256)"] == "preprocess " + "a" * 64
    assert texts(soups["done"], "aside.notice") == ["ResNet50 started from <random> weights."]


def test_alarms_stand_above_the_notices_red_ones_first_and_in_words(soups):
    boxes = soups["done"].select("aside.box")
    assert [box["class"][1:] for box in boxes] == [["alarm", "red"], ["alarm", "amber"], ["notice"]]
    assert texts(boxes[0], "p, li") == ["Red alarm, flipped. To fix: turn.", f"{HOSTILE}."]
    assert texts(boxes[1], "p, li") == [
        "Amber alarm, few faces. To fix: add some.",
        "download: Few.",
    ]
    assert texts(soups["index"], "aside.alarm p") == ["Red alarm, flipped. To fix: turn."]
    assert texts(soups["index"], "aside.alarm li") == [f"cnn: {HOSTILE}."] * 2
    cards = soups["index"].select(".card")
    assert texts(cards[1], ".alarms") == ["2 red alarms"] and not cards[0].select(".alarms")


def test_failed_report_says_why_and_where(soups):
    box = soups["failed"].select_one("aside.failure")
    assert box.pre.get_text() == ERROR
    cell = soups["failed"].select_one(box.a["href"])
    assert texts(cell, "pre.error") == ["ValueError: no <b>faces</b> in here"]
    assert cell.select_one("details.code").has_attr("open")
    assert texts(soups["failed"], "pre.stdout")[-1] != "never reached"
    assert "An Exception was encountered" not in soups["failed"].get_text()
    assert soups["failed"].select_one("p.stopped") and not soups["done"].select("p.stopped")


def test_killed_kernel_is_found_though_papermill_marks_its_cells_completed(tmp_path):
    killing = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)  # the end"
    notebook = new_notebook(cells=[code("print(1)"), code(killing), code("print(2)")])
    nbformat.write(notebook, tmp_path / "in.ipynb")
    with pytest.raises(RuntimeError):
        papermill.execute_notebook(
            tmp_path / "in.ipynb", tmp_path / "out.ipynb", kernel_name="python3", progress_bar=False
        )
    render_report(tmp_path / "out.ipynb", tmp_path / "page.html", context=context("failed"))
    soup = BeautifulSoup((tmp_path / "page.html").read_text(), "html.parser")
    assert "SIGKILL" in soup.select_one("#failed-cell").get_text()
    assert texts(soup, "h1") == ["Scores & faces: a try"]


def test_index_shelves_reports_and_numbers(soups):
    cards = soups["index"].select(".card")
    links = [card.a["href"] if card.a else None for card in cards]
    assert links == ["01_download.html", "04%20cnn.html", None, None]
    assert texts(cards[0], ".state") == ["done1 min 05 s"]
    assert texts(cards[3], "h3, p")[:2] == [HOSTILE, f"Of {HOSTILE}."]
    assert texts(soups["index"], "table tbody tr")[0] == f"{HOSTILE}0.9121,200"
    assert "2 of 4 done" in texts(soups["index"], "h2")[1]
    assert texts(soups["index"], "summary .words") == [
        "20 November 2026, 14:05 UTC",
        "took 4 min 20 s",
        "revision add504b with uncommitted changes",
    ]


def test_pages_are_small(shelf, soups):
    for name, path in shelf.items():
        pictures = sum(len(picture["src"]) for picture in soups[name].select("img"))
        assert path.stat().st_size - pictures < 60_000


@pytest.fixture
def open_page(chromium, shelf):
    """Opens a page of the shelf; whatever it asks for, says or pops up is kept in `page.seen`."""
    opened = []

    def open_one(name: str, width: int = 1400, scheme: str = "light"):
        size = {"width": width, "height": 900}
        page = chromium.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        opened.append(page)
        page.seen = []
        page.on("request", lambda request: page.seen.append(request.url))
        page.on("console", lambda message: page.seen.append(message.text))
        page.on("pageerror", lambda error: page.seen.append(str(error)))
        page.on("dialog", lambda dialog: (page.seen.append("dialog"), dialog.dismiss()))
        page.goto(shelf[name].as_uri())
        return page

    yield open_one
    for page in opened:
        page.close()


@pytest.mark.parametrize("name", ["done", "failed", "index"])
def test_page_opens_offline_and_in_silence(open_page, shelf, name):
    page = open_page(name)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.wait_for_timeout(100)
    outside = [seen for seen in page.seen if not seen.startswith("data:")]
    assert outside == [shelf[name].as_uri()]


class Outside(BaseHTTPRequestHandler):
    """A server that no report may ever call; it notes who does."""

    called: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.called.append(self.path)
        self.send_error(404)


def test_hostile_output_neither_runs_nor_calls_out(chromium, tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Outside)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    outside = f"http://127.0.0.1:{server.server_port}"
    hostile = (
        f"<script>document.title = 'taken'</script><img src='{outside}/a.png' alt='a'>"
        f"<link rel=stylesheet href='{outside}/b.css'><iframe src='{outside}/c'></iframe>"
        "<img src='data:,' alt='d' onerror=\"document.title = 'taken'\">"
    )
    cell = code("1")
    cell.outputs = [new_output("display_data", {"text/html": hostile})]
    notebook = new_notebook(cells=[new_markdown_cell("# Calm"), cell])
    nbformat.write(notebook, tmp_path / "in.ipynb")
    render_report(tmp_path / "in.ipynb", tmp_path / "page.html", context=context())
    page = chromium.new_page()
    page.goto((tmp_path / "page.html").as_uri(), wait_until="networkidle")
    assert page.title() == "Calm · Unmask"
    assert Outside.called == []
    page.goto(f"{outside}/reachable")
    assert "/reachable" in Outside.called
    page.close()
    server.shutdown()


@pytest.mark.parametrize("width", [360, 1400])
@pytest.mark.parametrize("name", ["done", "failed", "index"])
def test_page_never_scrolls_sideways(open_page, name, width):
    page = open_page(name, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["done", "failed", "index"])
def test_all_text_has_contrast(open_page, name, scheme):
    page = open_page(name, scheme=scheme)
    assert [found for found in page.evaluate(LOWEST_CONTRASTS) if found["contrast"] < 4.5] == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in background[4:-1].split(","))
    assert brightness > 600 if scheme == "light" else brightness < 150


def test_page_is_sound_for_a_reader_with_a_keyboard(open_page):
    page = open_page("done")
    assert page.locator("h1").count() == 1
    assert page.evaluate("[...document.images].every(image => image.alt && image.naturalWidth)")
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids))
    targets = page.evaluate("[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.hash)")
    assert {target[1:] for target in targets} <= set(ids) and len(targets) == 8
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["y"] >= 0
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"


def test_contents_stand_beside_the_text_or_fold_away(open_page):
    wide, narrow = open_page("done", 1400), open_page("done", 360)
    assert wide.locator(".contents ol").first.is_visible()
    assert not narrow.locator(".contents ol").first.is_visible()
    narrow.click(".contents summary")
    narrow.click(".contents a >> text=Training")
    assert not narrow.locator(".contents ol").first.is_visible()
    top = narrow.locator("#training").bounding_box()["y"]
    assert 0 <= top < 60


def test_one_button_shows_all_code(open_page):
    page = open_page("done")
    block = page.locator("details.code pre").first
    assert not block.is_visible()
    page.click("button.show-code")
    assert block.is_visible() and page.inner_text("button.show-code") == "Hide all code"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.96, "10 s"),
        (59.7, "1 min 00 s"),
        (192.4, "3 min 12 s"),
        (3840, "1 h 04 min"),
    ],
)
def test_durations_read_as_people_say_them(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    "text", ["0.91", "-3 %", "−0.2", "0.91 (0.88–0.94)", "1,200", "12 ms", ".5"]
)
def test_numbers_are_known(text):
    assert is_number(text)


@pytest.mark.parametrize("text", ["04_baseline_cnn", "real", "", "3f2ab9cd", "n/a"])
def test_words_are_not_numbers(text):
    assert not is_number(text)


def test_rendering_needs_no_tensorflow():
    check = "import sys, unmask.suite.html; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
