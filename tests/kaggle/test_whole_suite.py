"""A whole profile through `unmask kaggle run`, in containers, against the same run at home.

The real client, a Kaggle on the loopback, kernels that are executed without repository and
network; the reports that come back hold the same scores, tables and pictures.
"""

import json

import kaggle_home
import pandas as pd
import pytest
from at_home import kaggle
from cloud import Cloud
from cloud_http import KEY, TOKEN
from compare import compare_runs

pytestmark = pytest.mark.slow
SLUGS = ["download", "preprocess", "baseline-cnn", "report"]


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The profile, run at home."""
    home = kaggle_home.make_home(tmp_path_factory.mktemp("local") / "home")
    done = kaggle_home.run_all(home, "--profile", "tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    return home


def run(cloud, home, *more, **options):
    wheels = home.parent / "wheels"
    if not wheels.exists():
        kaggle_home.make_wheels(wheels)
    asked = ["run", "--profile", "tiny", "--every", "0.3", "--packages", str(wheels), *more]
    return kaggle(cloud, home, *asked, **options)


def check_no_secrets(folder, said):
    """Neither credentials nor signed addresses lie in a file, here or on Kaggle, or were said."""
    kept = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(kept) > 100
    secrets = (KEY.encode(), TOKEN.encode(), b"?signature=")
    found = [path for path in kept if any(each in path.read_bytes() for each in secrets)]
    assert found == []
    assert not any(each in said.encode() for each in secrets)


def check_like_local(local, home):
    """The run that came back is the local one; and a changed number would be seen."""
    assert compare_runs(local, home, "tiny") == []
    place = home / "runs" / "tiny" / "baseline_cnn" / "member" / "scores.parquet"
    scores = pd.read_parquet(place)
    kept = place.read_bytes()
    scores.loc[0, "score"] += 1e-9
    scores.to_parquet(place)
    assert len(compare_runs(local, home, "tiny")) == 1
    place.write_bytes(kept)


def test_a_chain_of_kernels_brings_home_what_a_local_run_makes(local, tmp_path, replay):
    home = kaggle_home.make_home(tmp_path / "home")
    with Cloud(tmp_path, execute=replay) as cloud:
        done = run(cloud, home)
        assert done.returncode == 0, done.stdout
        assert cloud.pushes() == {f"unmask-tiny-{name}": 1 for name in SLUGS}
        pushes = {body["slug"].split("/")[1]: body for body in cloud.pushed}
        shapes = [push.get("machineShape", "") for push in pushes.values()]
        assert shapes == ["", "", "NvidiaTeslaT4", ""]
        assert not any(push.get("enableInternet", False) for push in pushes.values())
        needs = pushes["unmask-tiny-report"]["kernelDataSources"]
        assert sorted(needs) == [f"ada/unmask-tiny-{name}" for name in sorted(SLUGS[:3])]
        check_like_local(local, home)
        page = (home / "reports" / "tiny" / "04_baseline_cnn.html").read_text()
        assert "Kaggle; this page was made at home" in page
        assert "ortable key" not in (home / "reports" / "tiny" / "index.html").read_text()
        page = (home / "reports" / "tiny" / "02_preprocess.html").read_text()
        assert 'href="10_report.html"' in page and 'href="04_baseline_cnn.html"' in page
        ledger = (home / "runs" / "test_ledger.jsonl").read_text().splitlines()
        assert [json.loads(line)["member"] for line in ledger] == ["member"]

        again = run(cloud, home)
        assert again.returncode == 0, again.stdout
        assert cloud.count("SaveKernel") == 4
        check_no_secrets(tmp_path, done.stdout)
        versions = {slug.split("/")[1]: len(it.versions) for slug, it in cloud.datasets.all.items()}
        assert versions == {"unmask-code": 1, "unmask-packages": 1}


def test_all_steps_in_one_kernel_with_inputs_in_the_old_layout(local, tmp_path):
    home = kaggle_home.make_home(tmp_path / "home")
    with Cloud(tmp_path, layout="old") as cloud:
        done = run(cloud, home, "--single", token=True)
        assert done.returncode == 0, done.stdout
        check_no_secrets(tmp_path, done.stdout)
        assert cloud.pushes() == {"unmask-tiny-suite": 1}
        check_like_local(local, home)
