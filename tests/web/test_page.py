"""The page in a real browser, with the real server and a real, if untaught, detector."""

import re
from itertools import pairwise

import pytest
import upload_files as files

READY = 60_000  # milliseconds within which an answer must be there


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "photo.jpg").write_bytes(files.photo())
    (folder / "two.png").write_bytes(files.encoded(files.two_people(), "PNG"))
    codec = ("libvpx", "webm")
    (folder / "clip.webm").write_bytes(files.clip(*codec, count=12))
    (folder / "bad.jpg").write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "<b>hi.jpg").write_bytes(files.photo())
    return folder


@pytest.fixture
def open_page(chromium, address):
    """Opens the page; what its console says of errors fails the test in the end."""
    contexts, said = [], []

    def opened(**options):
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
        page.goto(address + "/")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [line for line in said if "status of 4" not in line] == []


def answered(page):
    page.wait_for_selector(".answer", timeout=READY)
    return page


def choose(page, path):
    page.set_input_files("#file", path)
    return answered(page)


def test_a_photo_gets_its_verdict_box_and_heat_map(open_page, folder):
    page = choose(open_page(), folder / "photo.jpg")
    assert page.inner_text("#verdict") == "Cannot tell"  # nothing is known of this network
    assert page.title() == "Cannot tell: photo.jpg · Unmask"
    assert page.evaluate("document.activeElement.id") == "verdict"
    box, frame = (page.locator(each).bounding_box() for each in (".frame .box", ".frame"))
    assert 0.2 < box["width"] / frame["width"] < 0.9
    assert page.locator(".person").count() == 1
    page.click("[data-heat]")
    page.wait_for_selector("[data-heat-place] img[src]", timeout=READY)
    assert "not whether it is right" in page.inner_text("[data-heat-words]")
    assert page.evaluate("document.querySelector('[data-heat-place] img').naturalWidth") == 320
    assert page.locator("[data-heat]").count() == 0
    assert page.evaluate("document.activeElement.hasAttribute('data-heat-words')")


def test_every_face_has_its_own_box_and_number(open_page, folder):
    page = choose(open_page(), folder / "two.png")
    assert page.locator(".frame .box").count() == 2
    assert page.locator(".frame text").all_text_contents() == ["1", "2"]
    heads = page.locator(".person h3").all_inner_texts()
    assert [head.split(":")[0] for head in heads] == ["Face 1", "Face 2"]


def test_a_clip_gets_its_timeline_and_moments(open_page, folder):
    page = choose(open_page(), folder / "clip.webm")
    assert "4 frames looked at" in page.inner_text(".facts")
    assert "highest at" in page.get_attribute(".timeline svg", "aria-label")
    moments = page.locator("[data-seek]")
    assert 1 <= moments.count() <= 3
    page.wait_for_selector("video", state="visible", timeout=READY)
    last = moments.nth(moments.count() - 1)
    last.click()
    at = float(last.get_attribute("data-seek"))
    page.wait_for_function(
        f"Math.abs(document.querySelector('video').currentTime - {at}) < 0.11", timeout=READY
    )


def test_what_is_refused_is_told_and_the_next_file_is_taken(open_page, folder):
    page = open_page()
    page.set_input_files("#file", folder / "bad.jpg")
    page.wait_for_selector(".problem", timeout=READY)
    assert "HTML, SVG or XML" in page.inner_text(".problem")
    assert page.get_attribute(".problem", "role") == "alert"
    assert page.is_hidden("#work")
    choose(page, folder / "photo.jpg")
    assert page.locator(".problem").count() == 0


def test_too_large_a_file_is_told_before_it_is_sent(open_page, tmp_path):
    path = tmp_path / "large.mp4"
    path.write_bytes(bytes(2_000_001))
    page, asked = open_page(), []
    page.on("request", lambda request: asked.append(request.method))
    page.set_input_files("#file", path)
    page.wait_for_selector(".problem")
    assert "at most 2 MB" in page.inner_text(".problem")
    assert "POST" not in asked  # the page's icon may still be on its way


def test_files_can_be_dropped_and_pasted(open_page, folder):
    page = open_page()
    for kind, property_name in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        page.evaluate("document.getElementById('answer').replaceChildren()")
        page.evaluate(
            """async ([kind, name, address]) => {
                const bytes = await (await fetch(address)).arrayBuffer();
                const transfer = new DataTransfer();
                transfer.items.add(new File([bytes], "dropped.svg", { type: "image/png" }));
                const event = new Event(kind, { bubbles: true, cancelable: true });
                Object.defineProperty(event, name, { value: transfer });
                document.body.dispatchEvent(event);
            }""",
            [kind, property_name, "static/mark.svg"],
        )
        page.wait_for_selector(".problem", timeout=READY)
        assert "SVG" in page.inner_text(".problem")


def test_by_keyboard_alone(open_page, folder):
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "file"
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(folder / "photo.jpg")
    answered(page)
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.heat") == "0":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-heat-place] img[src]", timeout=READY)


def test_the_same_file_can_be_chosen_again(open_page, folder):
    page = open_page()
    for _ in range(2):
        page.evaluate("document.getElementById('answer').replaceChildren()")
        with page.expect_file_chooser() as chooser:
            page.click("#file")
        chooser.value.set_files(folder / "bad.jpg")
        page.wait_for_selector(".problem", timeout=READY)
        assert page.title() == "No verdict · Unmask"


def test_a_heat_map_that_comes_late_is_not_put_onto_another_file(open_page, folder):
    page, held = choose(open_page(), folder / "photo.jpg"), []
    page.route("**/api/heat-map", lambda route: held.append(route))
    page.click("[data-heat]")
    page.wait_for_function("document.querySelector('[data-heat]').disabled")
    page.evaluate("document.getElementById('answer').replaceChildren()")
    choose(page, folder / "two.png")
    with page.expect_response("**/api/heat-map"):
        held[0].fulfill(json={"person": 0, "sentence": "late", "picture": "data:,"})
    page.wait_for_timeout(200)  # in which the script has read it
    assert page.locator("[data-heat-place]:visible").count() == 0
    assert "late" not in page.inner_text("body")


def test_work_can_be_stopped(open_page, folder):
    page = open_page()
    page.route("**/look", lambda route: None)  # an answer that never comes
    page.set_input_files("#file", folder / "photo.jpg")
    page.wait_for_selector("#stop", state="visible")
    page.click("#stop")
    assert page.is_hidden("#work")
    assert page.inner_text("#status") == "Stopped"
    assert page.evaluate("document.activeElement.id") == "file"


def test_a_busy_page_is_asked_again(open_page, folder):
    page, times = open_page(), []

    def first_busy(route):
        times.append(1)
        if len(times) == 1:
            body = '{"error": {"reason": "busy", "detail": "d", "expected": "", "fix": ""}}'
            route.fulfill(status=429, headers={"Retry-After": "1"}, body=body)
        else:
            route.continue_()

    page.route("**/look", first_busy)
    page.set_input_files("#file", folder / "photo.jpg")
    answered(page)
    assert len(times) == 2


def test_without_javascript(open_page, folder):
    page = open_page(java_script_enabled=False)
    page.set_input_files("#file", folder / "two.png")
    page.check("[name=heat_maps]")
    page.click("button[type=submit]")
    answered(page)
    assert page.locator(".frame .box").count() == 2
    assert page.locator("text=Where it looked").count() == 2
    assert "A score is no proof" in page.inner_text("main")
    assert page.locator("#answer button").count() == 0
    page.set_input_files("#file", folder / "clip.webm")
    page.click("button[type=submit]")
    assert page.locator(".worst li").count() >= 1
    page.set_input_files("#file", folder / "bad.jpg")
    page.click("button[type=submit]")
    assert "HTML, SVG or XML" in page.inner_text(".problem")


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1200, "light")])
def test_narrow_wide_light_and_dark(open_page, folder, width, scheme):
    page = open_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    choose(page, folder / "clip.webm")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for selector in ("body", ".lead", "#verdict", ".facts", ".hint", "a", "button.quiet", "summary",
                     ".chip", ".notice"):  # fmt: skip
        for contrast in contrasts(page, selector):
            assert contrast >= 4.5, selector
    sizes = page.locator("button:visible, summary:visible, input:visible")
    assert all(each.bounding_box()["height"] >= 24 for each in sizes.all())


def test_names_are_shown_as_text(open_page, folder):
    page = choose(open_page(), folder / "<b>hi.jpg")
    assert page.inner_text(".facts b") == "<b>hi.jpg"
    assert "<b>hi.jpg" in page.title()


def test_structure_for_screen_readers(open_page, folder):
    page = choose(open_page(), folder / "photo.jpg")
    assert page.locator("h1").count() == 1
    levels = page.eval_on_selector_all("h1,h2,h3", "all => all.map(each => +each.tagName[1])")
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert page.eval_on_selector_all("img", "all => all.every(each => each.hasAttribute('alt'))")
    ids = page.eval_on_selector_all("[id]", "all => all.map(each => each.id)")
    assert len(ids) == len(set(ids))
    for name in ("aria-labelledby", "aria-describedby", "for"):
        named = page.eval_on_selector_all(
            f"[{name}]", f"all => all.flatMap(each => each.getAttribute('{name}').split(' '))"
        )
        assert set(named) <= set(ids)
    assert page.get_attribute("#status", "role") == "status"
    assert page.get_attribute("html", "lang") == "en"


def contrasts(page, selector: str) -> list[float]:
    """Contrast ratios (WCAG 2.2) of what `selector` finds, text against the nearest ground."""
    pairs = page.eval_on_selector_all(
        selector,
        """all => all.filter(each => each.checkVisibility()).map(each => {
            let ground = each;
            const clear = (node) => /rgba\\(.*, 0\\)|transparent/.test(
                getComputedStyle(node).backgroundColor);
            while (ground && clear(ground)) ground = ground.parentElement;
            return [getComputedStyle(each).color,
                    getComputedStyle(ground || document.body).backgroundColor];
        })""",
    )
    return [ratio(*map(luminance, pair)) for pair in pairs]


def luminance(colour: str) -> float:
    parts = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def test_contrast_is_measured_right():
    assert ratio(luminance("rgb(255, 255, 255)"), luminance("rgb(0, 0, 0)")) == pytest.approx(21)
