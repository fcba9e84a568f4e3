"""Leave one generator out: train on all the other fakes, and meet this one in the test only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import keras
import numpy as np
import pandas as pd

from .. import detectors
from ..runs import progress_share, read_json
from .member import Member, train_member
from .settings import TrainingSettings

# Of the networks that learn much in few epochs, the one that costs least: a third of two_block.
SMALL = {"blocks": (16, 32, 64), "head": "flatten", "dropout": 0.2}
NETWORKS = ("small", "two_block", "four_block")
# With fewer test fakes of a generator, or fewer fakes of the others to learn from, the number
# would say nothing.
FEWEST = 8


def generators_to_leave_out(faces: pd.DataFrame) -> tuple[list[str], str]:
    """Returns the generators that can be left out one by one, and why there are none.

    Each needs fakes to test on, and fakes of other generators to train and validate on.

    Args:
        faces: the faces table.

    Returns:
        Names in alphabetical order; and a sentence when the list is empty, else "".
    """
    fakes = faces[faces["label"] == 1]
    counts = fakes.groupby(["split", "generator"]).size().unstack(fill_value=0)
    counts = counts.reindex(["train", "val", "test"], fill_value=0)
    trained = [name for name in counts if counts.at["train", name]]
    if len(trained) < 2:
        return [], (
            f"All fakes in training come from one generator ({', '.join(trained) or 'none'}): "
            "how a detector does on a generator left out cannot be measured here."
        )
    rest = counts[trained].sum(axis=1)
    able = [
        name
        for name in trained
        if counts.at["test", name] >= FEWEST
        and rest["train"] - counts.at["train", name] >= FEWEST
        and rest["val"] > counts.at["val", name]
    ]
    if able:
        return sorted(able), ""
    return [], (
        f"None of the {len(trained)} generators has {FEWEST} fakes in test and leaves as many of "
        "others in training: leaving one out cannot be measured here."
    )


def without_generator(faces: pd.DataFrame, generator: str) -> pd.DataFrame:
    """Returns the faces table without this generator's fakes in train and val; test keeps them."""
    learned = faces["split"].isin(["train", "val"])
    return faces[~(learned & (faces["label"] == 1) & (faces["generator"] == generator))]


def short_training(epochs: int, seed: int) -> TrainingSettings:
    """Returns settings that get far in few epochs: small batches, no early stopping.

    Args:
        epochs: at least 1.
        seed: of the weights and the order of the faces.
    """
    return TrainingSettings(
        epochs=epochs, patience=epochs, batch_size=16, learning_rate=1e-3, seed=seed
    )


def train_left_out(
    generators: Sequence[str],
    pixels: np.ndarray,
    faces: pd.DataFrame,
    settings: TrainingSettings,
    folder: str | Path,
    network: str = "small",
) -> dict[str, pd.DataFrame]:
    """Trains once without each generator; what is finished in `folder` is not done again.

    Args:
        generators: names from `generators_to_leave_out`.
        pixels: uint8 `[N, side, side, 3]`.
        faces: the faces table.
        settings: how to train, the same for each.
        folder: gets one folder a generator, see `train_member`.
        network: one of `NETWORKS`.

    Returns:
        For each generator the scores of the training without it, of val (without it too), test
        and unseen: face_id, split, label, score, seed.
    """
    shape = pixels.shape[1:]
    scores = {}
    for number, generator in enumerate(generators):
        member = Member(
            name=f"without {generator}",
            step="stress",
            architecture=network,
            build=lambda seed: _build(network, shape),
        )
        with progress_share(number, len(generators)):
            scores[generator] = train_member(
                member,
                pixels,
                without_generator(faces, generator),
                settings,
                folder_of(folder, generator),
                (settings.seed,),
            )
    return scores


def notices_left_out(generators: Sequence[str], folder: str | Path) -> list[str]:
    """Returns what the trainings of `train_left_out` have to say, each sentence once."""
    said = [
        f"Trainings without one generator: {notice}"
        for generator in generators
        for notice in read_json(folder_of(folder, generator) / "member.json")["notices"]
    ]
    return list(dict.fromkeys(said))


def _build(network: str, shape: tuple[int, int, int]) -> keras.Model:
    if network == "small":
        return detectors.build("searched", shape, **SMALL)
    return detectors.build(network, shape)


def folder_of(folder: str | Path, generator: str) -> Path:
    """Returns where the training without `generator` lies; its name may hold any character."""
    return Path(folder) / f"without_{quote(generator, safe=' ')}"
