"""The folder profile on real faces, where they lie beside the repository, with official splits."""

import json

import pandas as pd
import pytest
from real_home import link_home, run_all
from unmask.runs import read_json

QUICK = (
    "preprocess.size=32",
    "audit.sample=300",
    "audit.resamples=100",
    "baseline_cnn.networks=[two_block]",
    "baseline_cnn.epochs=2",
    "baseline_cnn.resamples=200",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dataset", "counts"),
    [
        ("faces_140k", {"train": 2600, "val": 400, "test": 600}),
        ("faces_dfdc", {"train": 2800, "val": 400, "test": 800}),
    ],
)
def test_real_faces_keep_their_official_splits_to_the_end(shared_data, tmp_path, dataset, counts):
    home = link_home(tmp_path / "home")
    root = f"download.root={shared_data / dataset}"
    result = run_all(home, "--profile", "folder", "--until", "baseline_cnn", "--set", root, *QUICK)
    assert result.returncode == 0, result.stdout + result.stderr
    run = home / "runs" / "folder"
    faces = pd.read_parquet(run / "preprocess" / "faces.parquet")
    rejected = pd.read_parquet(run / "preprocess" / "rejected.parquet")
    # What shows a picture of test, or of val, is left out elsewhere; test keeps every face.
    assert set(rejected["reason"]) == {"copy in another split"}
    left_out = rejected["path"].str.split("/").str[-3].value_counts()
    assert "test" not in left_out and 0 < left_out.sum() < 0.03 * sum(counts.values())
    found = faces["split"].value_counts()
    assert found.add(left_out, fill_value=0).astype(int).to_dict() == counts
    folders = faces["path"].str.split("/").str[-3:-1].str.join("/")
    names = faces["split"] + "/" + faces["label"].map({0: "real", 1: "fake"})
    assert (folders == names).all()
    metrics = read_json(run / "baseline_cnn" / "two_block" / "metrics.json")
    assert metrics["splits"]["test"]["n"] == counts["test"]
    assert json.loads((run / "baseline_cnn" / "done.json").read_text())["outputs"]
