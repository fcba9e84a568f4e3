"""A run of the demo so small that it is made in seconds, with one detector fitted at once."""

from __future__ import annotations

from pathlib import Path

from unmask.dataset.face_set import FaceSet
from unmask.dataset.preprocess import build_faces
from unmask.dataset.settings import PreprocessSettings
from unmask.evaluation.calibration import add_calibrated
from unmask.evaluation.members import evaluate_and_write
from unmask.runs import step_folder, write_table
from unmask.sources.collect import Source, collect
from unmask.sources.files_table import build_files_table
from unmask.training.member import train_member
from unmask.training.recipe import Recipe, plan_training

RUN = "runs/tiny"


def make_tiny_run() -> None:
    """Writes runs/tiny below the project's home: download, preprocess, architecture_small."""
    demo = Source(kind="demo", identities=24, pictures=2, clips=8, size=160)
    files = build_files_table(collect(demo, jobs=2), dataset="demo", jobs=2)
    write_table(step_folder(RUN, "download") / "files.parquet", files)
    settings = PreprocessSettings(size=64, frames_per_clip=2, fractions=(0.4, 0.3, 0.3))
    build_faces(files, step_folder(RUN, "preprocess"), settings)
    faces = FaceSet.load(RUN)
    recipe = Recipe(network="cooccurrences")
    plan = plan_training(recipe, faces.pixels.shape[1:], "small", "architecture_small")
    folder = step_folder(RUN, "architecture_small") / "small"
    train_member(
        plan.member, faces.pixels, faces.table, plan.settings, folder, (1,), add_calibrated
    )
    evaluate_and_write(folder, faces.table, rule="balanced_accuracy", resamples=50)


def test_files() -> list[Path]:
    """Returns the files of the test split: photos first, then clips, each sorted."""
    faces = FaceSet.load(RUN).table
    paths = sorted(set(faces[faces["split"] == "test"]["path"]))
    return [Path(path) for path in sorted(paths, key=lambda path: path.endswith(".mp4"))]


test_files.__test__ = False
