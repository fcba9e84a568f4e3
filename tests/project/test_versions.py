import re

import yaml
from locks import PROJECT, REPOSITORY, lock_lines, pins
from packaging.version import Version


def environment() -> dict:
    return yaml.safe_load((REPOSITORY / "environment.yml").read_text())


def test_environment_and_project_name_the_same_versions():
    inside_pip = next(
        item["pip"] for item in environment()["dependencies"] if isinstance(item, dict)
    )
    assert pins(inside_pip) == pins(PROJECT["dependencies"])
    assert len(pins(inside_pip)) == len(PROJECT["dependencies"])


def test_every_line_of_the_environment_has_a_reason():
    lines = (REPOSITORY / "environment.yml").read_text().splitlines()
    items = [line for line in lines if re.match(r"\s+- \S", line)]
    without = [
        line for line in items if "#" not in line and not line.endswith(("pip:", "conda-forge"))
    ]
    assert not without


def test_the_locks_hold_the_project_s_versions_with_hashes_and_no_address():
    wanted = pins(PROJECT["dependencies"])
    for name in ("requirements.lock", "requirements-test.lock"):
        locked = pins(lock_lines(name))
        assert wanted.items() <= locked.items()
        text = (REPOSITORY / name).read_text()
        assert "://" not in text and "--index" not in text and "--find-links" not in text
        assert text.count("--hash=sha256:") >= len(locked)


def test_the_test_lock_extends_the_lock():
    run, test = pins(lock_lines("requirements.lock")), pins(lock_lines("requirements-test.lock"))
    assert run.items() <= test.items()
    assert pins(PROJECT["optional-dependencies"]["test"]).items() <= test.items()


def test_the_newest_lock_moves_the_network_s_packages_forward_and_no_other():
    run, newest = (
        pins(lock_lines("requirements.lock")),
        pins(lock_lines("requirements-newest.lock")),
    )
    assert newest.keys() == {"tensorflow", "keras", "tensorboard", "h5py"}
    for name in ("tensorflow", "keras", "tensorboard"):
        assert Version(newest[name]) > Version(run[name])
    text = "\n".join(lock_lines("requirements-newest.lock"))
    assert "://" not in text and text.count("--hash=sha256:") > len(newest)


def test_python_versions_agree():
    python = next(item for item in environment()["dependencies"] if str(item).startswith("python="))
    assert PROJECT["requires-python"] == ">=3.11,<3.13"
    assert python == "python=3.12"
