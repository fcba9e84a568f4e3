import re

import pytest
import yaml
from locks import EXTRAS, MADE, PROJECT, REPOSITORY, lock_lines, pins, ranges
from packaging.version import Version


def environment() -> dict:
    return yaml.safe_load((REPOSITORY / "environment.yml").read_text())


def test_the_environment_names_the_lock_s_versions_of_all_that_make_installs():
    inside_pip = next(
        item["pip"] for item in environment()["dependencies"] if isinstance(item, dict)
    )
    locked, named = pins(lock_lines("requirements.lock")), pins(inside_pip)
    assert named == {name: locked[name] for name in ranges(MADE)}
    assert len(named) == len(MADE)


@pytest.mark.parametrize(
    "line", [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]
)
def test_every_range_has_an_oldest_and_a_first_that_is_not_allowed(line):
    assert re.fullmatch(r"[a-z0-9-]+(\[[a-z-]+\])?>=[0-9.]+,<[0-9.]+", line)
    oldest, end = re.findall(r"[<>]=?([0-9.]+)", line)
    assert Version(oldest) < Version(end)


def test_no_package_is_both_in_the_core_and_in_an_extra_that_makes_it_optional():
    core = ranges(PROJECT["dependencies"]).keys()
    for name in ("fast", "page", "test", "tunnel"):
        assert not core & ranges(EXTRAS[name]).keys()
    (gpu,) = ranges(EXTRAS["gpu"]).values()
    assert gpu.specifier == ranges(PROJECT["dependencies"])["tensorflow"].specifier


def test_every_line_of_the_environment_has_a_reason():
    lines = (REPOSITORY / "environment.yml").read_text().splitlines()
    items = [line for line in lines if re.match(r"\s+- \S", line)]
    without = [
        line for line in items if "#" not in line and not line.endswith(("pip:", "conda-forge"))
    ]
    assert not without


def outside(locked: dict[str, str], lines) -> dict[str, str]:
    """Returns what a lock lacks of `lines`, or holds in a version that they do not allow."""
    found = {}
    for name, requirement in ranges(lines).items():
        version = locked.get(name, "")
        if not version or not requirement.specifier.contains(version):
            found[name] = f"{version} is not {requirement}"
    return found


def test_the_locks_are_inside_the_ranges_with_hashes_and_no_address():
    for name in ("requirements.lock", "requirements-test.lock"):
        locked = pins(lock_lines(name))
        assert not outside(locked, MADE)
        text = (REPOSITORY / name).read_text()
        assert "://" not in text and "--index" not in text and "--find-links" not in text
        assert text.count("--hash=sha256:") >= len(locked)


def test_the_test_lock_extends_the_lock():
    run, test = pins(lock_lines("requirements.lock")), pins(lock_lines("requirements-test.lock"))
    assert run.items() <= test.items()
    assert not outside(test, EXTRAS["test"])


def test_the_newest_lock_moves_the_network_s_packages_forward_and_no_other():
    run, newest = (
        pins(lock_lines("requirements.lock")),
        pins(lock_lines("requirements-newest.lock")),
    )
    assert newest.keys() == {"tensorflow", "keras", "tensorboard", "h5py"}
    assert not outside({**run, **newest}, MADE)
    for name in ("tensorflow", "keras", "tensorboard"):
        assert Version(newest[name]) > Version(run[name])
    text = "\n".join(lock_lines("requirements-newest.lock"))
    assert "://" not in text and text.count("--hash=sha256:") > len(newest)


def test_python_versions_agree():
    python = next(item for item in environment()["dependencies"] if str(item).startswith("python="))
    assert PROJECT["requires-python"] == ">=3.11,<3.13"
    assert python == "python=3.12"
