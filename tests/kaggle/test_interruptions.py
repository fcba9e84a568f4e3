"""Stopped at home or out of time on Kaggle: the next call goes on, and pushes nothing twice."""

import json
import signal
import subprocess
import threading
import time

import kaggle_home
import pytest
from at_home import command, environment, kaggle
from cloud import Cloud
from person import Person
from unmask.session.outputs import MANIFEST


@pytest.fixture
def home(tmp_path):
    return kaggle_home.make_home(tmp_path / "home")


def asked(home):
    wheels = home.parent / "wheels"
    if not wheels.exists():
        kaggle_home.make_wheels(wheels)
    only = ["run", "--profile", "tiny", "--until", "download"]
    return [*only, "--every", "0.2", "--packages", str(wheels)]


def start(cloud, home):
    return subprocess.Popen(
        command(*asked(home)), env=environment(cloud, home), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@pytest.mark.parametrize(
    "how", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGKILL]
)
def test_stopped_while_a_kernel_runs(tmp_path, home, replay, how):
    gate = threading.Event()

    def execute(*arguments, **options):
        gate.wait(100)
        return replay(*arguments, **options)

    with Cloud(tmp_path, execute=execute) as cloud:
        process = start(cloud, home)
        said = next(line for line in process.stdout if "running" in line)
        process.send_signal(how)
        said += process.communicate(timeout=60)[0]
        assert process.returncode == (130 if how == signal.SIGINT else -9), said
        assert ("Kernels go on" in said) == (how == signal.SIGINT)
        assert [session.state for session in cloud.kernels.sessions] == ["RUNNING"]
        gate.set()
        done = kaggle(cloud, home, *asked(home))
        assert done.returncode == 0, done.stdout
        assert cloud.pushes() == {"unmask-tiny-download": 1}


@pytest.mark.parametrize("kind", ["lost_answer", "drop"])
def test_killed_before_kaggle_said_whether_it_took_a_push(tmp_path, home, replay, kind):
    with Cloud(tmp_path, execute=replay) as cloud:
        cloud.faults.add(kind, on="SaveKernel")
        process = start(cloud, home)
        while process.poll() is None and not cloud.count("SaveKernel"):
            time.sleep(0.01)
        process.kill()
        assert process.communicate(timeout=60) and process.returncode == -9
        assert cloud.count("SaveKernel") == 1
        done = kaggle(cloud, home, *asked(home))
        assert done.returncode == 0, done.stdout
        assert cloud.pushes() == {"unmask-tiny-download": 1}


def test_out_of_time_goes_on_in_a_second_part(tmp_path, home, replay, monkeypatch, capsys):
    """The first part of preprocess says that its time was up; the second is given its output."""

    def execute(source, inputs, working, **options):
        outcome = replay(source, inputs, working, **options)
        manifest = json.loads((working / MANIFEST).read_text())
        if "preprocess" in manifest["steps"] and manifest["part"] == 1:
            manifest["status"] = manifest["steps"]["preprocess"]["status"] = "partial"
            (working / MANIFEST).write_text(json.dumps(manifest))
        return outcome

    with Cloud(tmp_path, execute=execute) as cloud:
        person = Person(cloud, home, monkeypatch, capsys)
        assert person.runs("preprocess") == 0, person.said
        expected = {"unmask-tiny-download": 1, "unmask-tiny-preprocess": 1}
        assert cloud.pushes() == {**expected, "unmask-tiny-preprocess-part-2": 1}
        sources = cloud.pushed[-1]["kernelDataSources"]
        assert sources == ["ada/unmask-tiny-download", "ada/unmask-tiny-preprocess"]
        assert "partial" in person.said
        assert person.runs("preprocess") == 0, person.said
        assert cloud.count("SaveKernel") == 3


@pytest.mark.slow
def test_a_step_that_runs_out_of_time_goes_on_from_what_it_kept(tmp_path, home):
    """Nothing is replayed: the clock stops the first part, the second has the first's files."""
    with Cloud(tmp_path) as cloud:
        slow = ["--until", "preprocess", "--hours", "0.04", "--set", "preprocess.pause=130"]
        done = kaggle(cloud, home, *asked(home), *slow, seconds=900)
        assert done.returncode == 0, done.stdout
        expected = {"unmask-tiny-download": 1, "unmask-tiny-preprocess": 1}
        assert cloud.pushes() == {**expected, "unmask-tiny-preprocess-part-2": 1}
        first, second = (session.working for session in cloud.kernels.sessions[1:])
        states = [json.loads((each / MANIFEST).read_text())["status"] for each in (first, second)]
        assert states == ["partial", "done"]
        kept = home / "runs" / "tiny" / "preprocess" / "kept.txt"
        assert kept.read_text() == "130"
        log = (home / "runs" / "tiny" / "preprocess" / "executed.ipynb").read_text()
        assert "second 129" in log and "second 0\\n" not in log


def test_two_at_the_same_time_are_refused(tmp_path, home, replay, monkeypatch, capsys):
    from unmask.kaggle.state import locked

    with Cloud(tmp_path, execute=replay) as cloud:
        person = Person(cloud, home, monkeypatch, capsys)
        with locked("tiny"):
            assert person.runs() == 1
        assert "Another `unmask kaggle`" in person.said
        assert cloud.count("SaveKernel") == 0
