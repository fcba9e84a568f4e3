"""unmask score as a person calls it: its lines, exit codes, report, and going on where it ended."""

import contextlib
import csv
import html.parser
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading

import pytest
from tiny_run import RUN, test_files
from unmask.__main__ import dispatch
from unmask.verdict.lines import NO_PROOF

HOSTILE = "caf\udce9 \n\x1b[2J<script>alert(1)<b>.jpg"


@pytest.fixture(scope="module")
def folder(tiny_home, tmp_path_factory):
    """A folder with six photos, one of a hostile name, a clip, a torn photo and a text."""
    folder = tmp_path_factory.mktemp("asked")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNMASK_HOME", str(tiny_home))
        found = test_files()
    names = ["a1.jpg", "a2.jpg", "a10.jpg", "b.jpg", "c.jpg", HOSTILE]
    for name, path in zip(names, found, strict=False):
        (folder / name).write_bytes(path.read_bytes())
    (folder / "clip.mp4").write_bytes(found[-1].read_bytes())
    (folder / "torn.jpg").write_bytes(found[0].read_bytes()[:900])
    (folder / "notes.txt").write_text("none")
    return folder


@pytest.fixture
def score(tiny_home, folder, monkeypatch, capfd):
    """Returns a function that calls the command in `folder`: exit code, output, errors."""
    monkeypatch.setenv("UNMASK_HOME", str(tiny_home))
    monkeypatch.chdir(folder)

    def call(*arguments):
        capfd.readouterr()
        code = dispatch(["score", *map(str, arguments)])
        return code, *capfd.readouterr()

    return call


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required: PATH"),
        (["nowhere.jpg"], "no file or folder nowhere.jpg"),
        (["a1.jpg", "--every", "0"], "--every 0"),
        (["a1.jpg", "--json", "--csv"], "not allowed with"),
        (["a1.jpg", "--modle", "x"], "Did you mean '--model'"),
        (["a1.jpg", "--model", "tinny"], "Did you mean 'tiny'"),
        (["a1.jpg", "--report", "."], "is a folder"),
        (["a1.jpg", "--report", "no/where.html"], "no folder to write to"),
        (["a1.jpg", "--model", "notes.txt"], "notes.txt"),
    ],
)
def test_a_wrong_command_ends_with_2_and_says_nothing_else(score, arguments, words):
    code, output, errors = score(*arguments)
    assert (code, output) == (2, "")
    assert words in errors and "Traceback" not in errors


def test_a_folder_gives_a_line_a_file_then_the_summary(score):
    code, output, errors = score(".", "--faces", "whole", "--fresh")
    assert code == 1
    lines, _, summary = output.partition("\n\n")
    names = [line.split("  ")[0] for line in lines.splitlines()]
    shown = r"caf\xe9 \n\x1b[2J<script>alert(1)<b>.jpg"
    assert names == ["a1.jpg", "a2.jpg", "a10.jpg", "b.jpg", "c.jpg", shown, "clip.mp4", "torn.jpg"]
    assert all(
        re.match(
            rf".{{{len(shown)}}}  (real|fake|unsure) +score 0\.\d+  calibrated 0\.\d+  \S", line
        )
        for line in lines.splitlines()[:-1]
    )
    assert re.search(r"torn\.jpg +unreadable  truncated: the end", lines)
    first, second, third, rates, *others = summary.splitlines()
    assert re.match(r"8 files: .*, 1 could not be read\.$", first)
    assert (second, third.split(":")[0]) == ("Could not be read:", "  torn.jpg")
    assert "of the 18 real ones fake" in rates and others[0] == NO_PROOF
    assert "\x1b" not in output + errors
    assert "1 .txt" in errors and errors.count("no card of its detector") == 1


def test_json_is_all_there_is_on_standard_output_and_a_second_call_knows_it(score):
    code, output, errors = score(".", "--faces", "whole", "--json")
    found = [json.loads(line) for line in output.splitlines()]
    assert code == 1 and len(found) == 8
    assert found[5]["file"] == HOSTILE
    assert [each["verdict"] for each in found].count("") == 1
    assert all(len(each["people"]) == 1 for each in found[:-1])
    assert "8 files" in errors
    again = score(".", "--faces", "whole", "--json")
    assert again[:2] == (code, output)
    assert "7 of 8 known" in again[2] or "8 of 8 known" in again[2]
    assert score("a1.jpg", "--faces", "whole")[0] == 0


def test_csv_has_a_row_a_file(score):
    code, output, _ = score(".", "--faces", "whole", "--csv")
    rows = list(csv.DictReader(io.StringIO(output)))
    assert code == 1 and [row["kind"] for row in rows[:-1]] == 6 * ["image"] + ["video"]
    assert rows[-1]["error"] == "truncated" and float(rows[0]["score"]) <= 1


class Page(html.parser.HTMLParser):
    """What a page would load, its tags, and what pictures say of themselves."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.loaded, self.unnamed = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        self.loaded += [given[key] for key in ("src", "href") if key in given]
        if tag in ("img", "svg") and not (given.get("alt") or given.get("aria-label")):
            self.unnamed.append(tag)


def test_the_report_is_one_page_that_loads_nothing_and_runs_nothing(score, folder, tmp_path):
    code, _, errors = score(".", "--faces", "whole", "--report", tmp_path / "out.html")
    assert code == 1 and "Report:" in errors
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    page = Page(text)
    assert "script" not in page.tags and page.unnamed == []
    assert all(each.startswith(("data:image/jpeg;base64,", "#file-")) for each in page.loaded)
    ids = set(re.findall(r'id="(file-\d+)"', text))
    assert {each[1:] for each in page.loaded if each[0] == "#"} == ids and len(ids) == 7
    assert r"caf\xe9 \n\x1b[2J&lt;script&gt;alert(1)&lt;b&gt;" in text
    assert text.count('class="timeline"') == 1 and NO_PROOF in text
    judged = re.findall(r'<h2 id="name-\d+"><span class="verdict (\w+)', text)
    assert judged == sorted(judged, key=["fake", "unsure", "real"].index)
    explained = sum(each != "real" for each in judged)
    assert explained and text.count("Heat map of small: ") == explained


def test_the_report_of_files_that_are_gone_says_so(score, folder, tmp_path):
    gone = tmp_path / "gone.jpg"
    gone.write_bytes((folder / "a1.jpg").read_bytes())
    page = _page_of_lost_file(score, gone, tmp_path / "out.html")
    assert "no longer what was looked at" in page


def _page_of_lost_file(score, gone, report):
    from unmask.verdict import Detector
    from unmask.verdict.page import write_page

    code, output, _ = score(gone, "--faces", "whole", "--json")
    gone.unlink()
    write_page(report, [json.loads(output)], Detector.load(RUN, faces="whole"))
    assert code == 0
    return report.read_text(encoding="utf-8")


def test_nobody_who_reads_is_no_error_and_what_was_done_is_kept(score, folder, monkeypatch, capfd):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as nobody, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", nobody)
        assert dispatch(["score", str(folder / "b.jpg"), "--faces", "whole", "--fresh"]) == 141
        with contextlib.suppress(BrokenPipeError):
            nobody.flush()
    assert "Traceback" not in capfd.readouterr().err
    assert "1 of 1 known" in score("b.jpg", "--faces", "whole")[2]


def test_a_terminal_gets_colours_and_a_bar_and_no_name_moves_its_cursor(score, folder, monkeypatch):
    master, slave = os.openpty()
    seen = []

    def read():
        with contextlib.suppress(OSError):  # the other end was closed
            while data := os.read(master, 4096):
                seen.append(data)

    reader = threading.Thread(target=read)
    reader.start()
    monkeypatch.setenv("TERM", "xterm")
    with open(slave, "w") as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", terminal)
        patch.setattr(sys, "stderr", terminal)
        code = dispatch(["score", HOSTILE, "torn.jpg", "--faces", "whole"])
    reader.join()
    os.close(master)
    text = b"".join(seen).decode()
    assert code == 1
    assert r"caf\xe9 \n\x1b[2J<script>" in text and "\x1b[2J" not in text
    assert re.search(r"\x1b\[\S*35munreadable", text) and re.search(r"[012]/2\b", text)
    assert "2 files: " in text


def test_stopped_in_the_middle_it_keeps_what_it_has_and_goes_on(tiny_home, tmp_path, score):
    found = test_files()
    for number in range(300):
        path = tmp_path / f"{number:03d}.jpg"
        path.write_bytes(found[number % 20].read_bytes() + number.to_bytes(2, "big"))
    running = subprocess.Popen(
        [sys.executable, "-m", "unmask", "score", str(tmp_path), "--faces", "whole", "--json"],
        env={**os.environ, "UNMASK_HOME": str(tiny_home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # what a buffer had read ahead, communicate() would not give
    )
    first = running.stdout.readline()
    running.send_signal(signal.SIGINT)
    rest, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert b"Stopped." in errors and b"Traceback" not in errors
    lines = [json.loads(line) for line in (first, *rest.splitlines())]
    assert 1 <= len(lines) < 300 and all(line["verdict"] for line in lines)
    names = [line["file"] for line in lines[-3:]]
    code, output, errors = score(*names, tmp_path / "299.jpg", "--faces", "whole", "--json")
    again = [json.loads(line) for line in output.splitlines()]
    assert code == 0 and again[:-1] == lines[-3:] and again[-1]["verdict"]
    assert f"{len(names)} of {len(names) + 1} known" in errors
