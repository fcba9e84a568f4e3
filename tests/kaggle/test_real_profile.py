"""The profile `smoke`, all notebooks, through Kaggle's container against a run at home.

Takes about a quarter of an hour, so it runs only when UNMASK_SLOW is set. UNMASK_IMAGE_PYTHON may
name an interpreter that has the packages of Kaggle's image for the kernels to run under.
"""

import functools
import os
from pathlib import Path

import pytest
from at_home import REPOSITORY, kaggle
from cloud import Cloud
from compare import compare_runs
from container import can_isolate, run_kernel
from kaggle_home import make_wheels, run_all

IMAGE = os.environ.get("UNMASK_IMAGE_PYTHON", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not can_isolate(), reason="this machine grants no namespaces (unshare)"),
    pytest.mark.timeout(7200),
]


def make_home(folder):
    """A project whose notebooks/ and params/ are the repository's."""
    folder.mkdir(parents=True)
    for name in ("notebooks", "params"):
        (folder / name).symlink_to(REPOSITORY / name)
    return folder


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The profile, run at home; or a home where it was, named by UNMASK_LOCAL_RUN."""
    if os.environ.get("UNMASK_LOCAL_RUN"):
        return Path(os.environ["UNMASK_LOCAL_RUN"])
    home = make_home(tmp_path_factory.mktemp("local") / "home")
    done = run_all(home, "--profile", "smoke", seconds=3600)
    assert done.returncode == 0, done.stdout + done.stderr
    return home


@pytest.mark.parametrize("how", ["chain", "single"])
def test_the_smoke_profile_is_the_same_on_kaggle(local, tmp_path, how):
    home = make_home(tmp_path / "home")
    wheels = [] if IMAGE else ["--packages", str(make_wheels(tmp_path / "wheels"))]
    execute = functools.partial(run_kernel, python=IMAGE or None)
    more = ["--single"] if how == "single" else []
    with Cloud(tmp_path, execute=execute, places=1) as cloud:
        asked = ["run", "--profile", "smoke", "--every", "1", *wheels, *more]
        done = kaggle(cloud, home, *asked, seconds=7000)
        assert done.returncode == 0, done.stdout
        assert set(cloud.pushes().values()) == {1}
        times = {session.kernel: round(session.seconds) for session in cloud.kernels.sessions}
        print(times)
    differences = compare_runs(local, home, "smoke")
    assert differences == []
