"""`--profile folder` on folders as people have them: broken files, hostile names, too few."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from real_home import link_home, run_all

HOSTILE = "!<img src=x onerror=alert(1)>.jpg"
QUICK = (
    "--profile", "folder", "--until", "baseline_cnn",
    "--set", "preprocess.size=32",
    "--set", "baseline_cnn.epochs=2",
    "--set", "baseline_cnn.networks=[two_block]",
    "--set", "baseline_cnn.resamples=100",
)  # fmt: skip


def make_pictures(folder, count, seed, level):
    """JPEGs of noise around a grey `level`: enough for a network to tell the folders apart."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(count):
        pixels = np.clip(rng.normal(level, 40, (40, 40, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.jpg", quality=90)


@pytest.fixture(scope="module")
def broken_run(tmp_path_factory):
    """A folder with 30% corrupt files and one hostile name, run once."""
    base = tmp_path_factory.mktemp("broken")
    home = link_home(base / "home")
    make_pictures(base / "Faces" / "Real", 100, 1, 110)
    make_pictures(base / "Faces" / "Fake", 100, 2, 150)
    for label in ("Real", "Fake"):
        for path in sorted((base / "Faces" / label).iterdir())[:30]:
            path.write_bytes(path.read_bytes()[:200])
    shutil.move(base / "Faces" / "Fake" / "000.jpg", base / "Faces" / "Fake" / HOSTILE)
    (base / "Faces" / "Real" / "loop.jpg").symlink_to("loop.jpg")
    with open(bytes(base / "Faces" / "Real") + b"/\xff\xfe.jpg", "wb") as stream:
        stream.write(b"a name that is not UTF-8")
    result = run_all(home, *QUICK, "--set", f"download.root={base / 'Faces'}")
    return home, result


def test_corrupt_files_do_not_stop_a_run(broken_run):
    home, result = broken_run
    assert result.returncode == 0, result.stdout + result.stderr
    rejected = pd.read_parquet(home / "runs/folder/preprocess/rejected.parquet")
    assert len(rejected) == 60
    assert rejected["label"].value_counts().to_dict() == {0: 30, 1: 30}
    faces = pd.read_parquet(home / "runs/folder/preprocess/faces.parquet")
    assert len(faces) == 140


def test_the_report_says_so_on_top(broken_run):
    home, _ = broken_run
    page = (home / "reports/folder/02_preprocess.html").read_text()
    assert "60 files of 200 left out (30.0%)" in page
    assert page.index("60 files of 200 left out") < page.index("<h2")


def test_hostile_names_are_shown_as_text(broken_run):
    home, _ = broken_run
    for page in (home / "reports/folder").glob("*.html"):
        assert "<img src=x" not in page.read_text()
    assert "!&lt;img src=x" in (home / "reports/folder/02_preprocess.html").read_text()


def test_a_dataset_too_small_to_split_fails_its_step_and_keeps_the_rest(tmp_path):
    home = link_home(tmp_path / "home")
    make_pictures(tmp_path / "faces" / "real", 3, 1, 110)
    make_pictures(tmp_path / "faces" / "fake", 3, 2, 150)
    result = run_all(home, *QUICK, "--set", f"download.root={tmp_path / 'faces'}")
    assert result.returncode == 1
    assert "preprocess failed" in result.stdout
    assert "to fix:" in result.stdout
    assert json.loads((home / "runs/folder/download/done.json").read_text())["outputs"]
    assert (home / "reports/folder/01_download.html").exists()
    assert not (home / "runs/folder/baseline_cnn").exists()


@pytest.mark.slow
def test_real_pictures_alone_get_blended_fakes(tmp_path):
    home = link_home(tmp_path / "home")
    make_pictures(tmp_path / "faces" / "real", 4, 1, 110)
    broken = tmp_path / "faces" / "real" / "000.jpg"
    broken.write_bytes(broken.read_bytes()[:200])
    asked = ("--profile", "reals", "--until", "download")
    result = run_all(home, *asked, "--set", f"download.root={tmp_path / 'faces'}")
    assert result.returncode == 0, result.stdout + result.stderr
    files = pd.read_parquet(home / "runs/reals/download/files.parquet")
    assert files.groupby("generator").size().to_dict() == {"real": 3, "self_blended": 3}
    assert pd.read_parquet(home / "runs/reals/download/left_out.parquet")["label"].tolist() == [0]
    page = (home / "reports/reals/01_download.html").read_text()
    for words in ("not how well any generator", "1 of 4 pictures left out"):
        assert page.index(words) < page.index("<h2")
    again = run_all(home, *asked, "--set", f"download.root={tmp_path / 'faces'}")
    assert "unchanged" in again.stdout


def test_fakes_are_blended_from_a_folder_of_reals_only(tmp_path):
    home = link_home(tmp_path / "home")
    for number, label in enumerate(("real", "fake")):
        make_pictures(tmp_path / "faces" / label, 2, number, 100)
    asked = ("--profile", "reals", "--set")
    result = run_all(home, *asked, f"download.root={tmp_path / 'faces'}")
    assert (result.returncode, "holds fakes (2 of 4" in result.stderr) == (2, True)
    result = run_all(home, *asked, "download.source=demo")
    assert (result.returncode, "not from the source 'demo'" in result.stderr) == (2, True)
    assert not (home / "runs").exists()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda root: None, "does not exist"),
        (lambda root: root.mkdir(), "holds no pictures"),
        (lambda root: make_pictures(root / "real", 2, 1, 100), "only"),
        (lambda root: make_pictures(root / "people", 2, 1, 100), "names its class"),
        (lambda root: make_pictures(root / "real" / "x", 1, 1, 100), "only"),
    ],
)
def test_a_wrong_folder_ends_with_2_before_any_work(tmp_path, make, words):
    home = link_home(tmp_path / "home")
    make(tmp_path / "faces")
    result = run_all(home, *QUICK, "--set", f"download.root={tmp_path / 'faces'}")
    assert result.returncode == 2
    assert words in result.stderr
    assert not (home / "runs").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,label\na.jpg,maybe\n", "maybe"),
        ("path,label\na.jpg,real\nb.jpg,fake\n", "a.jpg"),
        ("file,kind\na.jpg,real\n", "path"),
    ],
)
def test_a_wrong_manifest_ends_with_2_before_any_work(tmp_path, text, words):
    home = link_home(tmp_path / "home")
    (tmp_path / "faces.csv").write_text(text)
    result = run_all(home, *QUICK, "--set", f"download.root={tmp_path / 'faces.csv'}")
    assert result.returncode == 2
    assert words in result.stderr
    assert not (home / "runs").exists()
