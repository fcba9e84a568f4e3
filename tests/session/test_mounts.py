"""Where Kaggle mounts things: both layouts, and nothing that holds pictures is walked through."""

import pytest
from unmask.session import mounts


def first_attached(name, depth=mounts.DEPTH):
    return next(mounts.attached_files(name, depth), None)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty /kaggle/input."""
    folder = tmp_path / "input"
    folder.mkdir()
    monkeypatch.setenv("UNMASK_KAGGLE_INPUT", str(folder))
    return folder


def write(path, text="here"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_kaggle_is_known_by_its_variable(monkeypatch):
    monkeypatch.delenv("KAGGLE_KERNEL_RUN_TYPE", raising=False)
    assert not mounts.on_kaggle()
    for kind in ("Batch", "Interactive"):
        monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", kind)
        assert mounts.on_kaggle()


def test_folders_are_kaggles_own_unless_named(monkeypatch, tmp_path):
    for name in ("UNMASK_KAGGLE_INPUT", "UNMASK_KAGGLE_WORKING"):
        monkeypatch.delenv(name, raising=False)
    assert mounts.input_root().as_posix() == "/kaggle/input"
    assert mounts.working_folder().as_posix() == "/kaggle/working"
    monkeypatch.setenv("UNMASK_KAGGLE_WORKING", str(tmp_path))
    assert mounts.working_folder() == tmp_path


def test_what_was_not_attached_is_named(root):
    assert mounts.missing_inputs([]) == []
    for place in ("datasets/ada/code", "models/ada/net/keras/small/1", "step-one"):
        (root / place).mkdir(parents=True)
    there = ["datasets/Ada/code", "datasets/ada/code/3", "models/ada/Net/Keras/small/1"]
    assert mounts.missing_inputs([*there, "notebooks/ada/step-one", "datasets/ada/step-one"]) == []
    gone = ["datasets/ada/data", "datasets/bob/code", "models/bob/net/keras/small/1"]
    assert mounts.missing_inputs([*there, *gone]) == gone


def test_without_inputs_there_is_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("UNMASK_KAGGLE_INPUT", str(tmp_path / "nowhere"))
    assert mounts.attached_folders() == []
    assert first_attached("weights.h5") is None


def test_both_layouts_of_every_kind(root):
    model = "ada/resnet/keras/notop/2"
    new = [
        "competitions/faces",
        "datasets/ada/unmask-code",
        "datasets/ada/pictures",
        f"models/{model}",
        "notebooks/ada/nb-01",
    ]
    for name in [*new, "unmask-code", "old-model/keras/notop/2"]:
        (root / name).mkdir(parents=True)
    write(root / "datasets" / "a stray file")
    found = {folder.relative_to(root).as_posix() for folder in mounts.attached_folders()}
    assert found == {*new, "unmask-code", "old-model"}
    assert mounts.dataset_folders("ada", "pictures") == [
        root / "datasets" / "ada" / "pictures",
        root / "pictures",
    ]


def test_a_file_is_found_in_a_model_of_either_layout(root):
    name = "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"
    old = write(root / "resnet" / "keras" / "notop" / "2" / name)
    assert first_attached(name) == old
    new = write(root / "models" / "ada" / "resnet" / "keras" / "notop" / "2" / name)
    assert first_attached(name) == new, "the one nearer to the top comes first"
    assert list(mounts.attached_files("resnet50_*.h5")) == [new, old]
    assert first_attached("other.h5") is None


def test_folders_of_pictures_are_passed_over(root, monkeypatch):
    monkeypatch.setattr(mounts, "ENTRIES_LOOKED_AT", 5)
    for number in range(6):
        write(root / "pictures" / f"{number}.jpg")
    write(root / "pictures" / "more" / "weights.h5")
    assert first_attached("weights.h5") is None
    assert first_attached("3.jpg") is None
    few = write(root / "few" / "a" / "weights.h5")
    assert first_attached("weights.h5") == few
    assert first_attached("weights.h5", depth=0) is None
