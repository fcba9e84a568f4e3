"""`unmask kaggle` on the command line: what it refuses, what it says, how it is stopped."""

import json
import signal
import subprocess
import time

import kaggle_home
import pytest
from at_home import command, environment, kaggle
from cloud import Cloud
from person import Person
from unmask.__main__ import dispatch


@pytest.fixture
def home(tmp_path):
    kaggle_home.make_wheels(tmp_path / "wheels")
    return kaggle_home.make_home(tmp_path / "home")


@pytest.fixture
def cloud(tmp_path):
    """A Kaggle whose machines never get to a kernel."""
    with Cloud(tmp_path) as cloud:
        cloud.faults.add("queue", times=100, polls=10**9)
        yield cloud


def asked(home, *arguments):
    wheels = str(home.parent / "wheels")
    return [*arguments, "--profile", "tiny", "--packages", wheels, "--every", "0.1"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--profil", "tiny"], "Did you mean '--profile'?"),
        (["fly"], "invalid choice: 'fly'"),
        (["run", "--profile", "tini"], "Did you mean 'tiny'?"),
        (["run", "--profile", "tiny", "--only", "reports"], "Did you mean 'report'?"),
        (["run", "--profile", "tiny", "--jobs", "0"], "expected: 1 or more"),
        (["run", "--profile", "tiny", "--hours", "13"], "no more than the 12 that Kaggle gives"),
        (["run", "--profile", "tiny", "--single", "--only", "download"], "--single --until STEP"),
        (["run", "--profile", "tiny", "--set", "download.source=folder"], "upload the folder"),
        (["push", "--profile", "tiny", "--weights", "w.h5"], "neither a dataset nor a model"),
    ],
)
def test_wrong_commands_end_with_2_before_anything_is_asked(
    cloud, tmp_path, monkeypatch, capsys, arguments, words
):
    Person(cloud, kaggle_home.make_home(tmp_path / "home"), monkeypatch, capsys)
    assert dispatch(["kaggle", *arguments]) == 2
    said = capsys.readouterr()
    assert words in " ".join((said.out + said.err).split())
    assert cloud.requests == []


def test_push_says_what_runs_where_and_what_is_left(cloud, home):
    done = kaggle(cloud, home, *asked(home, "push"))
    assert done.returncode == 0, done.stdout
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "unmask-tiny-download CPU no internet" in lines
    assert "unmask-tiny-baseline-cnn GPU (T4 x2) no internet" in lines
    assert any(line.startswith("GPU hours left this week: 30.0 (renewed") for line in lines)
    assert "Not done yet: download, preprocess, baseline_cnn, report." in done.stdout
    assert cloud.pushes() == {"unmask-tiny-download": 1}

    other = kaggle(cloud, home, *asked(home, "status"), "--set", "download.seed=5")
    (row,) = [line.split() for line in other.stdout.splitlines() if " download " in line][-1:]
    assert row[2] == "queued"
    assert " ".join(row[-8:]) == "pushed with other code or settings than now"

    again = kaggle(cloud, home, *asked(home, "push"))
    assert again.returncode == 0, again.stdout
    (home / "runs" / "kaggle" / "tiny.json").unlink()
    lost = kaggle(cloud, home, *asked(home, "push"))
    assert lost.returncode == 0, lost.stdout
    assert cloud.count("SaveKernel") == 1
    state = json.loads((home / "runs" / "kaggle" / "tiny.json").read_text())
    assert state["pushes"]["unmask-tiny-download"]["status"] == "queued"


def test_without_wheels_kernels_get_the_network_and_that_is_said(cloud, home):
    done = kaggle(cloud, home, *asked(home, "push"), "--packages", "none")
    assert "internet for packages that the image lacks" in done.stdout
    assert cloud.pushed[0]["enableInternet"] is True
    assert cloud.pushed[0]["datasetDataSources"] == ["ada/unmask-code"]


def test_a_dataset_that_is_not_there_is_told_before_a_push(cloud, home):
    done = kaggle(cloud, home, *asked(home, "push", "--weights", "ada/gone"))
    assert done.returncode == 2
    assert "Kaggle has no dataset ada/gone" in done.stdout
    assert cloud.pushes() == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_stop_leaves_the_kernels_alone_and_says_how_to_go_on(cloud, home, number):
    arguments = command(*asked(home, "run"))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(arguments, env=environment(cloud, home), cwd="/", **pipes) as running:
        while cloud.count("GetKernelSessionStatus") < 3 and running.poll() is None:
            time.sleep(0.02)
        second = kaggle(cloud, home, *asked(home, "run"))
        look = kaggle(cloud, home, *asked(home, "status"))
        running.send_signal(number)
        said, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Stopped. Kernels go on on Kaggle" in said
    assert "unmask kaggle run --profile tiny" in said
    assert second.returncode == 1
    assert "Another `unmask kaggle` already works on the profile 'tiny'" in second.stdout
    assert look.returncode == 0 and "queued" in look.stdout
    assert not cloud.kernels.sessions[0].stop.is_set()
    assert cloud.count("SaveKernel") == 1
