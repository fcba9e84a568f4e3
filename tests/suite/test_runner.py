import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tiny_home import command, done_of, environment, make_home, run_all
from unmask.suite.alarms import read_alarms


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A home in which every step has run once."""
    home = make_home(tmp_path_factory.mktemp("finished"))
    result = run_all(home)
    assert result.returncode == 0, result.stdout + result.stderr
    return home, result


@pytest.fixture
def home(tmp_path):
    return make_home(tmp_path / "home")


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def processes_of(home: Path) -> list[psutil.Process]:
    """Processes that work for `home`, whoever their parent is."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("UNMASK_HOME") == str(home):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return [process for process in found if process.pid != os.getpid()]


def test_a_run_leaves_stamps_reports_and_a_shelf(finished):
    home, result = finished
    for step in ("download", "preprocess", "report"):
        assert done_of(home, step)["outputs"]
        described = json.loads((home / "runs/demo" / step / "run.json").read_text())
        assert described["status"] == "done"
        assert described["versions"]["keras"]
        assert described["seconds"] > 0
    pages = {path.name for path in (home / "reports/demo").iterdir()}
    assert pages == {"01_download.html", "02_preprocess.html", "10_report.html", "index.html"}
    assert "reports/demo/index.html" in result.stdout


def test_a_second_run_skips_everything_and_says_so(finished):
    home, _ = finished
    before = done_of(home, "preprocess")
    result = run_all(home)
    assert result.returncode == 0
    assert result.stdout.count("unchanged, skipped") >= 3
    assert done_of(home, "preprocess") == before


def test_a_changed_parameter_runs_that_step_and_what_follows(finished):
    home, _ = finished
    result = run_all(home, "--set", "preprocess.pause=1", "--dry-run")
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.startswith("  ")}
    assert "unchanged, skip" in lines["download"]
    assert "run" in lines["preprocess"] and "unchanged" not in lines["preprocess"]
    assert "unchanged" not in lines["report"]


def test_the_same_output_of_a_forced_step_lets_later_steps_stand(finished):
    home, _ = finished
    result = run_all(home, "--only", "download", "--force")
    assert result.returncode == 0 and "done" in result.stdout
    result = run_all(home)
    assert result.stdout.count("unchanged, skipped") >= 3


def test_a_deleted_output_runs_its_step_again(tmp_path):
    home = make_home(tmp_path / "home")
    assert run_all(home).returncode == 0
    (home / "runs/demo/preprocess/faces.parquet").unlink()
    result = run_all(home, "--dry-run")
    assert "preprocess    run" in result.stdout


def test_a_red_alarm_fails_a_strict_run_also_when_nothing_is_left_to_do(home):
    red = ("--set", "preprocess.alarm=red")
    words = "Red alarm in preprocess, planted: A <b>mark</b>.\n  to fix:   look"
    loose = run_all(home, *red)
    assert loose.returncode == 0 and loose.stdout.count(words) == 1
    strict = run_all(home, *red, "--strict")
    assert strict.stdout.count("unchanged, skipped") >= 3
    assert strict.returncode == 1 and strict.stdout.count(words) == 1
    assert "--strict: 1 red alarm, so this run counts as failed." in strict.stdout
    only = run_all(home, *red, "--strict", "--only", "report")
    assert only.returncode == 1 and words in only.stdout
    pages = home / "reports/demo"
    for name in ("02_preprocess", "10_report", "index"):
        page = (pages / f"{name}.html").read_text()
        assert page.count('<aside class="box alarm red"') == 1, name
        assert "A &lt;b&gt;mark&lt;/b&gt;." in page and "A <b>mark</b>" not in page
    assert "1 red alarm</p>" in (pages / "index.html").read_text()


def test_amber_alarms_are_told_and_fail_nothing(home):
    result = run_all(home, "--strict", "--set", "preprocess.alarm=amber", "--until", "preprocess")
    assert result.returncode == 0 and "Amber alarm in preprocess, planted" in result.stdout


@pytest.mark.parametrize(
    "text", ['{"alarms": ["red", {"light": "red"}, {"light": "blue"}]}', "[]", "{", '{"alarms": 1}']
)
def test_a_damaged_conclusion_raises_no_alarm(tmp_path, text):
    (tmp_path / "summary.json").write_text(text)
    assert read_alarms(tmp_path, "preprocess") == []


def test_the_help_says_what_strict_does(home):
    words = " ".join(run_all(home, "--help").stdout.split())
    assert "--strict exit 1 when a finished step has a red alarm" in words
    red = "1 a step failed, the time was up or, with --strict, a finished step has a red alarm; 2"
    assert red in words


def test_a_failed_step_is_rendered_with_its_error_and_stops_the_rest(home):
    result = run_all(home, "--set", "download.fail=error")
    assert result.returncode == 1
    assert "download failed" in result.stdout and "planted <b>error</b>" in result.stdout
    page = (home / "reports/demo/01_download.html").read_text()
    assert "planted &lt;b&gt;error&lt;/b&gt;" in page and "planted <b>error</b>" not in page
    assert not (home / "runs/demo/download/done.json").exists()
    assert not (home / "runs/demo/preprocess").exists()


def test_a_killed_kernel_fails_its_step_and_leaves_the_rest(home):
    assert run_all(home, "--until", "download").returncode == 0
    stamp = done_of(home, "download")
    result = run_all(home, "--set", "download.fail=kill", "--from", "download")
    assert result.returncode == 1
    assert "The kernel died" in result.stdout
    assert not (home / "runs/demo/download/done.json").exists()
    assert run_all(home, "--until", "download").returncode == 0
    assert done_of(home, "download")["outputs"] == stamp["outputs"]


def test_a_step_that_leaves_nothing_is_failed(home):
    result = run_all(home, "--set", "download.fail=nothing")
    assert result.returncode == 1
    assert "none of its files" in result.stdout


def test_a_full_disk_is_told_in_words(home):
    result = run_all(home, "--set", "download.fail=full")
    assert result.returncode == 1
    assert "The disk is full" in result.stdout and "free some space" in result.stdout


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB, mounted for the test."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root on Linux")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_fills_up_ends_the_step_and_keeps_the_rest(home, small_disk):
    assert run_all(home, "--until", "download").returncode == 0
    stamp = done_of(home, "download")
    shutil.move(home / "runs", small_disk / "runs")
    (home / "runs").symlink_to(small_disk / "runs")
    result = run_all(home, "--set", "preprocess.fail=fill")
    assert result.returncode == 1
    assert "The disk is full" in result.stdout + result.stderr
    assert done_of(home, "download") == stamp
    assert not (small_disk / "runs/demo/preprocess/done.json").exists()


def test_a_second_run_at_the_same_time_is_refused(home):
    first = subprocess.Popen(
        command("--set", "preprocess.pause=60"),
        env=environment(home),
        stdout=subprocess.DEVNULL,
    )
    try:
        assert wait_for((home / "runs/demo/preprocess/alive").exists)
        second = run_all(home)
        assert second.returncode == 1
        assert "already in progress" in second.stderr
    finally:
        first.send_signal(signal.SIGINT)
        first.wait(90)
    assert first.returncode == 130
    assert wait_for(lambda: not processes_of(home), 15), processes_of(home)
    assert done_of(home, "download")["outputs"]


def test_kill_9_leaves_no_process_behind_and_the_next_run_goes_on(home):
    first = subprocess.Popen(
        command("--set", "preprocess.pause=60"), env=environment(home), stdout=subprocess.DEVNULL
    )
    assert wait_for((home / "runs/demo/preprocess/alive").exists)
    first.kill()
    first.wait()
    assert wait_for(lambda: not processes_of(home), 20), processes_of(home)
    assert run_all(home, "--only", "download").returncode == 0
    index = (home / "reports/demo/index.html").read_text()
    assert "1 of 3 done" in index
    result = run_all(home)
    assert result.returncode == 0
    assert "unchanged, skipped" in result.stdout
    assert done_of(home, "preprocess")


def test_reports_that_cannot_be_written_stop_the_run_before_work(home):
    (home / "reports").mkdir()
    (home / "reports/demo").write_text("a file where the folder belongs")
    result = run_all(home)
    assert result.returncode == 1
    assert "Nothing can be written to" in result.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to drop")
def test_a_read_only_reports_folder_keeps_what_is_finished(home):
    assert run_all(home, "--until", "download").returncode == 0
    stamp = done_of(home, "download")
    reports = home / "reports/demo"
    script = (
        "import os, sys; from pathlib import Path; from unmask.errors import DataError;"
        "from unmask.suite.guards import check_writable;"
        "os.setgid(65534); os.setuid(65534)\n"
        f"try: check_writable(Path({str(reports)!r}))\n"
        "except DataError as error: print(error); sys.exit(error.exit_code)"
    )
    for folder in (home, *home.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    reports.chmod(0o555)
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 1, result.stderr
    assert "Permission denied" in result.stdout
    assert done_of(home, "download") == stamp


def test_independent_steps_run_side_by_side(home):
    pauses = ("--set", "baseline_cnn.pause=8", "resnet50.pause=8")
    result = run_all(home, "--profile", "wide", "--jobs", "2", *pauses)
    assert result.returncode == 0, result.stdout + result.stderr
    first, second = (
        json.loads((home / "runs/wide" / step / "member/member.json").read_text())
        for step in ("baseline_cnn", "resnet50")
    )
    assert max(first["start"], second["start"]) < min(first["end"], second["end"])


def test_only_one_step_runs_when_asked(finished):
    home, _ = finished
    before = done_of(home, "preprocess")
    result = run_all(home, "--only", "report", "--set", "report.resamples=6")
    assert result.returncode == 0
    assert "preprocess" not in result.stdout
    assert done_of(home, "preprocess") == before


def test_only_on_changed_inputs_says_so_on_the_page(home):
    assert run_all(home).returncode == 0
    result = run_all(home, "--only", "report", "--force", "--set", "preprocess.pause=1")
    assert result.returncode == 0
    assert "preprocess changed since the last run" in result.stdout
    page = (home / "reports/demo/10_report.html").read_text()
    assert "Built on an earlier run of preprocess" in page


def test_a_damaged_file_of_the_source_runs_the_download_again(home):
    assert run_all(home, "--until", "download").returncode == 0
    (home / "runs/demo/download/raw").write_bytes(b"longer than it was")
    assert "download      run" in run_all(home, "--dry-run").stdout


def test_a_deleted_reports_folder_comes_back(home):
    assert run_all(home, "--until", "preprocess").returncode == 0
    shutil.rmtree(home / "reports")
    result = run_all(home, "--until", "preprocess")
    assert result.returncode == 0 and "unchanged, skipped" in result.stdout
    assert {path.name for path in (home / "reports/demo").iterdir()} == {
        "01_download.html", "02_preprocess.html", "index.html",
    }  # fmt: skip


def test_an_error_without_words_still_has_a_name(home):
    notebook = home / "notebooks/02_preprocess.ipynb"
    notebook.write_text(notebook.read_text().replace("import time\\n", "assert False\\n", 1))
    result = run_all(home, "--until", "preprocess")
    assert result.returncode == 1
    assert "AssertionError" in result.stdout


def test_braces_and_spaces_in_the_path_are_no_fields(tmp_path):
    home = make_home(tmp_path / "a {home} with spaces")
    assert run_all(home, "--until", "download").returncode == 0
