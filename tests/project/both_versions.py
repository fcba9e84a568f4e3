"""Networks written under one TensorFlow and Keras and read under another; run as a script.

python both_versions.py write FOLDER    # a .keras file and its scores for each network by name
python both_versions.py read FOLDER     # opens them; JSON: how far the scores are from those
python both_versions.py rescore RUN     # the same for the trained networks of a run
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras
import numpy as np
import pandas
from unmask import detectors
from unmask.detectors.saving import save_network
from unmask.detectors.together import together
from unmask.training.optimizers import compile_for_training
from unmask.training.settings import TrainingSettings
from unmask.verdict.safe_loading import load_network

# Saved as a training leaves them: with the state of an optimizer of ours and its schedule.
TRAINED = {
    "two_block": TrainingSettings(optimizer="adam", schedule="cosine"),
    "residual_net": TrainingSettings(optimizer="adamw", weight_decay=0.01, clip_norm=1.0),
    "resnet_small": TrainingSettings(optimizer="sgd", schedule="one_cycle"),
    "mobilenet_v2": TrainingSettings(optimizer="adamw", weight_decay=0.01, rate_decay=0.5),
}
JOINED, MEMBERS = "together", ("lenet", "meso4")
PICTURES, SIDE = 4, 32


def pictures(side: int) -> np.ndarray:
    """Returns uint8 `[PICTURES, side, side, 3]`: noise around a grey of each picture's own."""
    levels = np.linspace(40, 200, PICTURES)[:, None, None, None]
    noise = np.random.default_rng(0).normal(0, 25, (PICTURES, side, side, 3))
    return np.clip(levels + noise, 0, 255).astype(np.uint8)


def score(model: keras.Model) -> np.ndarray:
    """Returns P(fake) of `pictures`, float64 `[PICTURES]`."""
    return np.asarray(model(pictures(model.input_shape[1])), np.float64)[:, 0]


def build(name: str, side: int = 0) -> keras.Model:
    """Returns the network by its name, trained a little where `TRAINED` says how.

    Args:
        name: of the network.
        side: of its pictures; the smallest from `SIDE` on when 0.
    """
    keras.utils.set_random_seed(1)
    side = side or max(SIDE, detectors.smallest(name))
    model = detectors.build(name, (side, side, 3))
    if name in TRAINED:
        train(model, TRAINED[name])
    spread(model)
    return model


def train(model: keras.Model, settings: TrainingSettings) -> None:
    """Trains `model` for two steps."""
    compile_for_training(model, settings, 1e-3, epochs=2, steps=1)
    labels = np.arange(PICTURES)[:, None] % 2
    model.fit(pictures(model.input_shape[1]), labels, epochs=2, verbose=0)


def spread(model: keras.Model) -> None:
    """Gives `model` a head whose logits of `pictures` spread around 0.

    One that starts at zeros would give all the same score, whatever is lost on the way.
    """
    head = model.get_layer("fake")
    extract = keras.Model(model.input, head.input)
    features = np.asarray(extract(pictures(model.input_shape[1])), np.float64)
    weights = np.random.default_rng(1).normal(size=head.kernel.shape)
    logits = features @ weights
    head.kernel.assign(weights / logits.std())
    head.bias.assign(-logits.mean(axis=0) / logits.std())


def write(folder: Path) -> dict[str, list[float]]:
    """Saves every network by name below `folder`; returns their scores."""
    folder.mkdir(parents=True)
    found = {}
    for name in (*detectors.names(), JOINED):
        model = together([build(each, 32) for each in MEMBERS]) if name == JOINED else build(name)
        save_network(model, folder / f"{name}.keras")
        found[name] = score(model).tolist()
        keras.backend.clear_session()
    (folder / "scores.json").write_text(json.dumps(found))
    return found


def read(folder: Path) -> dict[str, float]:
    """Opens what `write` saved; returns the largest difference of a score of each.

    Files are removed as they are read: together they are large.
    """
    differences = {}
    for name, expected in json.loads((folder / "scores.json").read_text()).items():
        path = folder / f"{name}.keras"
        model = load_network(path)
        differences[name] = float(np.abs(score(model) - expected).max())
        if name in TRAINED:  # and training goes on from it
            train(model, TRAINED[name])
            assert np.isfinite(score(model)).all()
        path.unlink()
        keras.backend.clear_session()
    return differences


def rescore(run: Path) -> dict[str, float]:
    """Scores a run's faces with its networks; returns the largest difference to the run's scores.

    Networks that score crops or joined ones are not asked; they are made of the same layers.
    """
    table = pandas.read_parquet(run / "preprocess" / "faces.parquet").set_index("face_id")
    (array,) = (run / "preprocess").glob("faces_*.npy")
    faces = np.load(array, mmap_mode="r")
    differences = {}
    for path in sorted(run.glob("*/*/seed_1/model.keras")):
        member = path.parents[1]
        scores = pandas.read_parquet(member / "scores.parquet").query("seed == 1")
        rows = table.loc[scores["face_id"], "row"]
        found = np.asarray(load_network(path)(faces[rows]), np.float64)[:, 0]
        name = f"{member.parent.name}/{member.name}"
        differences[name] = float(np.abs(found - scores["score"]).max())
    return differences


if __name__ == "__main__":
    command = {"write": write, "read": read, "rescore": rescore}[sys.argv[1]]
    print(json.dumps(command(Path(sys.argv[2]))))
