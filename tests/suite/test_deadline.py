"""A run with a time limit stops cleanly, says so, and the next run goes on."""

import io
import json
import subprocess
from types import SimpleNamespace

import pytest
from counting_home import leaping_clock, make_counting_home
from rich.console import Console
from tiny_home import command, done_of, environment, make_home, run_all
from unmask.suite.display import Display
from unmask.suite.plan import StepRun
from unmask.suite.runner import LEAST_SECONDS, _is_late


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A home whose run was stopped in the middle of preprocess, and what the run said."""
    home = make_counting_home(tmp_path_factory.mktemp("stopped") / "home")
    assert run_all(home, "--until", "download").returncode == 0
    python, *words = command("--stop-after", "20")
    code = f"{leaping_clock(home)}\nimport runpy, sys\nsys.argv = {words}\n"
    code += "runpy.run_path(sys.argv[0], run_name='__main__')"
    result = subprocess.run(
        [python, "-c", code], env=environment(home), capture_output=True, text=True, timeout=120
    )
    return home, result


def test_a_partial_run_ends_with_1_and_says_what_is_kept(stopped):
    home, result = stopped
    assert result.returncode == 1, result.stdout + result.stderr
    assert "stopped because its time was up, at 50% (epoch 2 of 4); run again" in result.stdout
    assert "Stopped after 20 minutes, as --stop-after asked." in result.stdout
    assert "not begun: the time was up" in result.stdout
    described = json.loads((home / "runs/demo/preprocess/run.json").read_text())
    assert described["status"] == "partial" and described["seconds"] > 1
    assert not (home / "runs/demo/preprocess/done.json").exists()
    assert not (home / "runs/demo/report").exists()


def test_the_reports_of_a_partial_run_say_so_on_top(stopped):
    home, _ = stopped
    page = (home / "reports/demo/02_preprocess.html").read_text()
    assert "This report is partial: the step was stopped before its end." in page
    assert "It was stopped because its time was up, at 50% (epoch 2 of 4)." in page
    assert "This step failed" not in page and 'class="box failure"' not in page
    assert 'id="failed-cell"' in page and "KeyboardInterrupt" not in page
    shelf = (home / "reports/demo/index.html").read_text()
    assert (
        "is partial: it was stopped before its end" in shelf
        and "failed" not in shelf.split("</style>")[1]
    )
    assert '<li class="card partial">' in shelf and "1 of 3 done" in shelf


def test_the_next_run_goes_on_where_it_was(stopped):
    home, _ = stopped
    before = json.loads((home / "runs/demo/preprocess/run.json").read_text())["seconds"]
    result = run_all(home)
    assert result.returncode == 0, result.stdout + result.stderr
    epochs = json.loads((home / "runs/demo/preprocess/epochs.json").read_text())
    assert epochs == [0, 0, 2, 2]
    assert done_of(home, "preprocess")["outputs"]
    described = json.loads((home / "runs/demo/preprocess/run.json").read_text())
    assert described["seconds_before"] == before
    page = (home / "reports/demo/02_preprocess.html").read_text()
    assert "<dt>Seconds of stopped runs before</dt>" in page
    for name in ("02_preprocess", "index"):
        assert "partial:" not in (home / f"reports/demo/{name}.html").read_text()


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf"])
def test_a_limit_that_is_none_is_refused(tmp_path, minutes):
    result = run_all(make_home(tmp_path / "home"), "--stop-after", minutes)
    assert result.returncode == 2 and "more than 0 minutes" in result.stderr


def test_no_further_step_begins_in_the_last_minute(monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1000.0)
    waiting, begun = StepRun(None, None), StepRun(None, None, started=900.0)
    assert not _is_late(None, [begun])
    assert not _is_late(1001.0, [waiting])
    assert _is_late(1000.0, [waiting])
    assert _is_late(1000.0 + LEAST_SECONDS, [waiting, begun])
    assert not _is_late(1001.0 + LEAST_SECONDS, [waiting, begun])


def test_a_log_hears_of_a_long_step_now_and_then(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    written = io.StringIO()
    run = StepRun(SimpleNamespace(name="train"), None, status="running", message="epoch 1")
    with Display(Console(file=written, width=100)) as show:
        for now[0], run.fraction in ((20.0, 0.01), (200.0, 0.02), (400.0, 0.03), (500.0, 0.04)):
            show([run])
    shares = [line.split()[3] for line in written.getvalue().splitlines()]
    assert shares == ["1%", "3%"]
