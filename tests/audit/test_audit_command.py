"""`unmask audit` as a person calls it: exit codes, streams, JSON."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faults import change_fakes, copy_bytes, rename_fakes, save
from unmask import runs
from unmask.__main__ import COMMANDS, dispatch

LIBRARY = Path(__file__).resolve().parents[2] / "lib"


def test_a_clean_set_ends_with_0_and_says_so(drawn, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "_last_line", float("-inf"))  # so the first report is not too soon
    target = tmp_path / "out" / "audit.json"
    assert dispatch(["audit", str(drawn), "--jobs", "2", "--json", str(target)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("Audit of set: 108 files (54 real, 54 fake)\nGreen: ")
    assert "RED" not in out
    assert "of 23 checks could not be made" in out
    assert "files" in err and "\r" not in out
    content = json.loads(target.read_text())
    assert content["lights"]["red"] == 0
    assert (content["files"], content["sample"]) == (108, 108)
    assert {"key", "light", "sentence", "fix", "evidence"} <= content["findings"][0].keys()


def test_red_findings_end_with_1_and_stand_first(drawn, capsys):
    rename_fakes(drawn)
    copy_bytes(drawn)
    shutil.copy(next((drawn / "test" / "fake").iterdir()), drawn / "nowhere.jpg")
    assert dispatch(["audit", str(drawn), "--jobs", "1"]) == 1
    out, err = capsys.readouterr()
    assert err.startswith("1 files below")
    lines = out.splitlines()
    assert lines[1].startswith("Red: ")
    lights = [line.split()[0] for line in lines[4:] if line[:1].isupper()]
    assert lights[:2] == ["RED", "RED"] and "RED" not in lights[2:]
    assert any(line.strip().startswith("to fix:") for line in lines)


def test_the_sample_is_said_and_the_seed_decides_it(drawn, capsys, tmp_path):
    for number, seed in enumerate((3, 3, 4)):
        target = tmp_path / f"{number}.json"
        options = ["--sample", "80", "--seed", str(seed), "--json", str(target)]
        dispatch(["audit", str(drawn), *options])
    assert "a seeded sample of 80" in capsys.readouterr().out
    areas = [json.loads((tmp_path / f"{n}.json").read_text())["areas"] for n in range(3)]
    assert areas[0] == areas[1] != areas[2]


def test_two_datasets(drawn, tmp_path, capsys):
    other = Path(shutil.copytree(drawn, tmp_path / "elsewhere" / "set"))
    change_fakes(other, lambda image, stem: save(image.rotate(90), stem))
    assert dispatch(["audit", str(drawn), "--against", str(other)]) == 1
    out = capsys.readouterr().out
    assert "108 pictures of 108 also stand in elsewhere/set" in out


def test_what_is_unusable_ends_with_2(drawn, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    one_class = tmp_path / "one"
    shutil.copytree(drawn / "train" / "real", one_class / "real")
    broken = Path(shutil.copytree(drawn, tmp_path / "broken"))
    for path in broken.rglob("*.jpg"):
        path.write_bytes(b"nothing")
    half = Path(shutil.copytree(drawn, tmp_path / "half"))
    for path in half.glob("*/fake/*.jpg"):
        path.write_bytes(b"")
    for source in (tmp_path / "missing", empty, one_class, broken, half, empty / "no.csv"):
        assert dispatch(["audit", str(source)]) == 2, source
        out, err = capsys.readouterr()
        assert out == ""
        assert "error: " in err and "expected:" in err


@pytest.mark.parametrize(
    "options", [["--jobs", "0"], ["--sample", "0"], ["--seed", "-1"], ["--jbos", "2"], ["x", "y"]]
)
def test_wrong_options_end_with_2(drawn, options, capsys):
    assert dispatch(["audit", str(drawn), *options]) == 2
    assert capsys.readouterr().err


def test_a_folder_for_the_json_is_refused_before_work(drawn, tmp_path, capsys):
    assert dispatch(["audit", str(drawn), "--json", str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err


def test_the_word_chooses(capsys):
    assert dispatch([]) == 2
    assert dispatch(["--help"]) == 0
    assert "unmask audit" in capsys.readouterr().out
    assert dispatch(["audt"]) == 2
    assert "Did you mean 'audit'?" in capsys.readouterr().err
    assert dispatch(["run", "--help"]) == 0
    assert "usage: unmask run " in capsys.readouterr().out
    assert dispatch(["run", "--profile", "smoke", "--list"]) == 0
    assert "steps" in capsys.readouterr().out.lower()
    assert all(dispatch([word, "--help"]) == 0 for word in COMMANDS)


def test_as_a_process_without_tensorflow(drawn):
    code = (
        "import sys, unmask.__main__ as command; code = command.dispatch(sys.argv[1:]);"
        "assert 'tensorflow' not in sys.modules; sys.exit(code)"
    )
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY)}
    arguments = ["audit", drawn.name]  # relative to the working folder
    for start in (["-c", code], ["-m", "unmask"]):
        result = subprocess.run(
            [sys.executable, *start, *arguments],
            env=environment, cwd=drawn.parent, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith("Audit of set")


def test_the_package_installs_the_command():
    scripts = importlib.metadata.entry_points(group="console_scripts", name="unmask")
    if not scripts:
        pytest.skip("the package was installed before it had the command; run: make")
    assert next(iter(scripts)).value == "unmask.__main__:main"
