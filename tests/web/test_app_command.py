"""`unmask app` as a person starts it."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from unmask.web.command import main


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--port", "70000"], "no port 70000"),
        (["--at-once", "0"], "--at-once 0"),
        (["--queue", "-1"], "--queue -1"),
        (["--largest", "0"], "--largest 0"),
        (["--seconds", "nan"], "--seconds nan"),
        (["--threads", "3"], "67 or more"),
        (["--model", "no-such-run"], "no-such-run"),
        (["--tunnel", "ngrok"], "pyngrok"),
    ],
)
def test_what_cannot_be_is_told_before_any_work(arguments, word, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyngrok", None)  # not installed, wherever this runs
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert word in told
    assert "expected:" in told


WITHOUT = """
import sys
sys.modules[sys.argv.pop(1)] = None
from unmask.__main__ import main
main()
"""


@pytest.mark.parametrize("name", ["flask", "waitress"])
def test_without_the_extra_the_page_says_what_to_install(name):
    command = [sys.executable, "-c", WITHOUT, name, "app"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2
    assert f"error: The page needs the package {name}, which is not installed." in result.stderr
    assert "to fix:   pip install 'unmask[page]'" in result.stderr
    assert "Traceback" not in result.stderr
    helped = subprocess.run([*command, "--help"], capture_output=True, text=True)
    assert helped.returncode == 0 and "--port" in helped.stdout


def test_a_mistyped_option_names_the_nearest(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--prot", "1"])
    assert ended.value.code == 2
    assert "--port" in capsys.readouterr().err


def test_a_taken_port_is_told(model_path, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code = main(["--model", str(model_path), "--faces", "whole", "--port", str(port)])
    assert code == 2
    told = capsys.readouterr().err
    assert f"127.0.0.1:{port} already" in told
    assert "--port 0" in told


def test_the_page_runs_until_ctrl_c(model_path):
    arguments = ["app", "--model", str(model_path), "--faces", "whole", "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "unmask", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
    )
    try:
        line = process.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+/", line)[0]
        with urllib.request.urlopen(address + "health") as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "Traceback" not in errors
