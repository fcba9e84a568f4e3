"""The committed example reports: small, whole, and what the README quotes."""

import re
from html import unescape
from pathlib import Path

import pytest
from unmask.suite.profiles import load_profile

REPOSITORY = Path(__file__).resolve().parents[2]
REPORTS = REPOSITORY / "reports" / "demo"
PAGES = sorted(REPORTS.glob("*.html"))
STEPS = load_profile("demo").steps
NARROW, WIDE = 360, 1400


def stem_of(step):
    return "_".join(filter(None, (step.notebook.stem, step.label)))


def text_of(page: Path) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page.read_text())).split())


def test_all_pages_are_there_and_small():
    assert {page.stem for page in PAGES} == {"index", *map(stem_of, STEPS)}
    assert sum(page.stat().st_size for page in PAGES) < 10_000_000


def test_they_come_from_a_finished_run():
    index = text_of(REPORTS / "index.html")
    assert f"{len(STEPS)} of {len(STEPS)} done" in index


def test_the_readme_quotes_the_report():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (REPOSITORY / "README.md").read_text().splitlines()
        if line.startswith("| ") and "---" not in line
    ]
    index = text_of(REPORTS / "index.html")
    assert len(rows) > 6
    for row in rows[1:]:
        assert all(cell in index for cell in row), row
        assert re.search(re.escape(row[0]) + ".*?" + re.escape(row[1]), index)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_opens_offline_with_alt_texts_and_without_sideways_scrolling(chromium, page):
    tab = chromium.new_page(viewport={"width": WIDE, "height": 900})
    requests, problems = [], []
    tab.on("request", lambda request: requests.append(request.url))
    tab.on("console", lambda message: problems.append(message.text))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.goto(page.as_uri())
    for width in (WIDE, NARROW):
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    alts = tab.eval_on_selector_all("img", "images => images.map(image => image.alt)")
    tab.close()
    assert not problems
    assert [url for url in requests if not url.startswith(("data:", page.as_uri()))] == []
    assert all(len(alt) > 20 for alt in alts)
    # ResNet50 was not trained: its page has no figures.
    assert alts or page.stem in ("index", "06_resnet50")
