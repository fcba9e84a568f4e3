"""A notebook opened too early says which one to run first."""

import pytest
from unmask.dataset.face_set import FaceSet
from unmask.errors import MissingStepError
from unmask.evaluation.members import find_results
from unmask.runs import require


def test_missing_files_name_the_notebook(tmp_path, monkeypatch):
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path))
    with pytest.raises(MissingStepError, match="01_download"):
        require("runs/demo", "download", "files.parquet")
    with pytest.raises(MissingStepError, match="02_preprocess"):
        FaceSet.load("runs/demo")
    with pytest.raises(MissingStepError, match="04_baseline_cnn"):
        find_results("runs/demo", None, ["baseline_cnn"])
