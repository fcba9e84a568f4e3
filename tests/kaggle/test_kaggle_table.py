"""The table of kernels: live in a terminal, lines that are said once elsewhere."""

import io
import time

from rich.console import Console
from unmask.kaggle.state import Push
from unmask.kaggle.table import Display, Row, kernel_table, row_of


def console(terminal=False):
    return Console(file=io.StringIO(), force_terminal=terminal, width=120, color_system=None)


def printed(table):
    out = console()
    out.print(table)
    return [line.rstrip() for line in out.file.getvalue().splitlines()]


def push(**changes):
    return Push("unmask-tiny-download", ["download"], 1, "key", "0a1b2c3d", **changes)


def test_a_kernel_that_was_never_pushed_waits():
    assert row_of("download", "CPU", None) == Row("download", "waiting", "CPU")
    assert row_of("report", "CPU", None, "not run", "needs download").state == "not run"


def test_what_is_left_is_known_from_the_last_time_or_asked():
    now = time.time()
    first = push(status="running", since=now, running=now - 60, ended=now)
    assert row_of("download", "GPU", first).left is None
    again = push(status="running", since=now, running=now - 60, ended=now, last_seconds=200.0)
    row = row_of("download", "GPU", again)
    assert (row.elapsed, row.left) == (60.0, 140.0)
    late = push(status="running", since=now, running=now - 60, ended=now, last_seconds=20.0)
    assert row_of("download", "GPU", late).left == 0.0
    lines = printed(kernel_table([row_of("download", "GPU", each) for each in (first, again)]))
    assert lines[1].split()[-2:] == ["1:00", "?"]
    assert lines[2].split()[-2:] == ["1:00", "2:20"]


def test_a_time_of_another_day_is_told_with_its_day():
    now = time.time()
    rows = [Row(f"{days}", "done", "CPU", since=now - days * 86400) for days in (0, 3)]
    today, earlier = [line.split() for line in printed(kernel_table(rows))[1:]]
    assert today[-1] == earlier[-1] == time.strftime("%H:%M", time.localtime(now))
    assert (len(today), len(earlier)) == (5, 7)


def test_a_further_part_is_named_and_only_the_first_line_of_a_message_is_shown():
    failed = Push("a-part-2", ["download"], 2, "key", "1", status="failed", message="one\ntwo")
    row = row_of("download", "CPU", failed)
    assert row.message == "part 2; one\ntwo"
    assert printed(kernel_table([row]))[-1].endswith("part 2; one")
    assert row_of("download", "CPU", push(attempt=3)).message == "attempt 3"


def test_lines_come_once_for_each_change():
    out = console()
    with Display(out) as display:
        waiting, queued = Row("download", "waiting", "CPU"), Row("download", "queued", "CPU")
        for row in (waiting, waiting, queued, queued):
            display.show([row])
        display.tell("no connection for 0:01, trying again")
        display.tell("no connection for 0:02, trying again")
        display.tell("")
        display.tell("no connection for 0:01, trying again")
        display.say("[bold]as it is[/]")
    lines = [line.rstrip() for line in out.file.getvalue().splitlines()]
    assert lines == [
        "…  download                queued  CPU",
        "no connection for 0:01, trying again",
        "no connection for 0:01, trying again",
        "[bold]as it is[/]",
    ]


def test_a_terminal_shows_the_table_with_the_note_and_in_the_end_without():
    out = console(terminal=True)
    with Display(out) as display:
        display.show([Row("download", "queued", "CPU")])
        display.tell("no connection for 0:01, trying again")
        display.live.refresh()
        assert "no connection for 0:01" in out.file.getvalue()
        out.file.truncate(0)
    assert "download" in out.file.getvalue()
    assert "no connection" not in out.file.getvalue()
