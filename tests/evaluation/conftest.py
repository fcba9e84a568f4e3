"""Synthetic scores: two normal distributions, so that the true AUC is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit


def make_scores(n: int, gap: float, seed: int, digits: int | None = None):
    """Returns labels [n] (half fake) and scores [n] whose logits lie `gap` sigmas apart."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    scores = expit(generator.normal(size=n) + gap * labels - gap / 2)
    return labels, scores if digits is None else np.round(scores, digits)


@pytest.fixture
def synthetic():
    return make_scores


DEFAULT_FACES = {
    "train": {"real": 30, "swap": 20, "blend": 10},
    "val": {"real": 60, "swap": 30, "blend": 30},
    "test": {"real": 80, "swap": 40, "blend": 40},
    "unseen": {"real": 20, "gan": 40},
}


def build_faces(per_class=None, people: int = 0) -> pd.DataFrame:
    """Returns faces by split and generator, `people` of each generator in a group."""
    rows = []
    for split, kinds in (per_class or DEFAULT_FACES).items():
        for generator, count in kinds.items():
            for number in range(count):
                name = f"{split}-{generator}-{number}"
                rows.append(
                    {
                        "face_id": f"{name}-0",
                        "file_id": f"file-{name}",
                        "path": f"/pictures/{name}.jpg",
                        "frame": 0,
                        "label": int(generator != "real"),
                        "dataset": "synthetic",
                        "generator": generator,
                        "group": f"{split}-{number // people}" if people else "",
                        "split": split,
                        "row": len(rows),
                    }
                )
    return pd.DataFrame(rows)


def build_scores(faces: pd.DataFrame, gap: float = 2.0, seeds=(0,), salt: int = 0) -> pd.DataFrame:
    """Returns a scores table of all but the training faces, a row a face and seed."""
    scored = faces[faces["split"] != "train"]
    parts = []
    for seed in seeds:
        generator = np.random.default_rng([seed, salt])
        logits = generator.normal(size=len(scored)) + gap * (scored["label"] - 0.5)
        part = scored[["face_id", "split", "label"]].assign(score=expit(logits), seed=seed)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="session")
def make_faces():
    return build_faces


@pytest.fixture(scope="session")
def score_faces():
    return build_scores
