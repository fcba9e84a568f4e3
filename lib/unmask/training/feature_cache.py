"""What a frozen network sees in each face, computed once and kept on disk."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ..errors import DataError
from ..runs import atomic_path, read_json, sha256_of, write_json
from .augmentation import augment_batch
from .fast import accelerate
from .features import features_of
from .memory import with_smaller_batches
from .results import describe_layers
from .self_blended import self_blended_batch
from .settings import TrainingData, TrainingSettings

SHARD = 256  # faces of a file: what a kill can cost
PARTS = {"train": 0, "val": 1}
# A block of faces: memory-mapped float32 features [n, d] and float64 labels [n].
Block = tuple[np.ndarray, np.ndarray]


class FeatureCache:
    """The features of the faces of a training, in files that later trainings read.

    A file holds up to 256 faces of one split, as they are (copy 0) or augmented (copy 1 and on),
    as float32 `[n, d]`. Its folder is named by a hash of the network before its last layer, of
    its weights and of the data, so faces as they are serve every seed and every head. What is
    drawn (augmented copies, self-blended fakes) lies in a folder of its own for each seed and
    augmentation. Beside each file stands how many seconds it took.
    """

    def __init__(
        self,
        model: keras.Model,
        data: TrainingData,
        settings: TrainingSettings,
        folder: str | Path,
        progress: Callable[[int], None] = lambda faces: None,
    ):
        """Takes a network for whole faces, and the folder `features` of its member.

        `progress` is told the number of faces after each that many are computed.
        """
        self.body, self.data, self.settings = features_of(model), data, settings
        self.progress = progress
        key = sha256_of([network_hash(model), data.fingerprint(), settings.fakes])
        self.folder = Path(folder) / key[:16]
        recipe = sha256_of([settings.augment, sorted(settings.augmentations), settings.seed])
        self.augmented = self.folder / f"augmented_{recipe[:8]}"
        self.blended = self.folder / f"blended_{settings.seed}"
        self.batch_size = settings.batch_size
        self.seconds_found = 0.0  # that files which were there already had taken
        self._compiled: Callable | None = None

    def blocks(self, part: str, copy: int) -> list[Block]:
        """Returns the faces of "train" or "val", computing what is not on disk yet.

        With self-blended fakes each real face comes twice, as it is and with a fake made of it.

        Raises:
            DataError: features that are no numbers, or too little memory for one picture.
        """
        rows, labels = self._table(part)
        found = []
        for start in range(0, len(rows), SHARD):
            chosen = slice(start, start + SHARD)
            path = self._path(part, copy, start // SHARD)
            truth = labels[chosen].astype(np.float64)
            if self._blends(part):
                truth = np.concatenate([truth, np.ones(len(truth))])
            if path.exists():
                self.seconds_found += _seconds_of(path)
            else:
                self._compute(part, copy, start, rows[chosen], path)
            found.append((np.load(path, mmap_mode="r"), truth))
        return found

    def missing(self, part: str, copies: int) -> int:
        """Returns how many faces of the copies 0 to `copies` are still to be computed."""
        rows, _ = self._table(part)
        starts = range(0, len(rows), SHARD)
        return sum(
            min(SHARD, len(rows) - start)
            for copy in range(copies + 1)
            for start in starts
            if not self._path(part, copy, start // SHARD).exists()
        )

    def _table(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        data = self.data
        rows, labels = {
            "train": (data.train_rows, data.train_labels),
            "val": (data.val_rows, data.val_labels),
        }[part]
        if self._blends(part):
            rows, labels = rows[labels == 0], labels[labels == 0]
        return np.asarray(rows), np.asarray(labels)

    def _blends(self, part: str) -> bool:
        given = part == "val" and self.data.val_labels.any()
        return self.settings.fakes == "self_blended" and not given

    def _path(self, part: str, copy: int, number: int) -> Path:
        plain = self.blended if self._blends(part) else self.folder
        folder = self.augmented if copy else plain
        return folder / f"{part}_{copy:03d}" / f"{number:05d}.npy"

    def _compute(self, part: str, copy: int, start: int, rows: np.ndarray, path: Path) -> None:
        started = time.perf_counter()
        draws = [self.settings.seed, PARTS[part], copy, start]
        pictures = np.asarray(self.data.pixels[rows])
        if self._blends(part):
            pairs = self_blended_batch(pictures, np.random.default_rng([*draws, 1]))
            pictures = np.concatenate(pairs)
        if copy:
            pictures = augment_batch(
                pictures,
                self.settings.augment,
                np.random.default_rng(draws),
                self.settings.augmentations,
            )
        features, self.batch_size = with_smaller_batches(
            lambda batch: self._run(pictures, batch), self.batch_size, "computing features"
        )
        wrong = np.flatnonzero(~np.isfinite(features).all(axis=1))
        if len(wrong):
            raise DataError(
                f"What the network {self.body.name} sees in face {start + wrong[0] % len(rows) + 1}"
                f" of the {part} split is not a number.",
                expected="features that are numbers",
                fix="check the weights it was given",
            )
        write_json(path.with_suffix(".json"), {"seconds": time.perf_counter() - started})
        with atomic_path(path) as temporary:
            np.save(temporary, features)

    def _run(self, pictures: np.ndarray, batch_size: int) -> np.ndarray:
        if self._compiled is None:
            self._compiled = _compile(self.body)
        parts = []
        for start in range(0, len(pictures), batch_size):
            parts.append(self._compiled(pictures[start : start + batch_size]).numpy())
            self.progress(len(parts[-1]))
        return np.concatenate(parts).astype(np.float32)


def _seconds_of(path: Path) -> float:
    beside = path.with_suffix(".json")
    return read_json(beside)["seconds"] if beside.exists() else 0.0


def network_hash(model: keras.Model) -> str:
    """Returns a hash of the layers of `model` before its last one, and of their weights."""
    body = features_of(model)
    weights = sha256_of([_hash_of(array) for array in body.get_weights()])
    # Dropout does nothing here, so another rate is another head at most.
    layers = [layer for layer in body.layers if not isinstance(layer, keras.layers.Dropout)]
    return sha256_of([keras.__version__, describe_layers(layers), weights])


def _hash_of(array: np.ndarray) -> list:
    return [array.shape, hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()]


def _compile(body: keras.Model) -> Callable:
    fast = accelerate(body, "float32")
    signature = tf.TensorSpec((None, *body.input_shape[1:]), tf.uint8)

    @tf.function(input_signature=[signature], autograph=False)
    def forward(pictures):
        return fast(pictures, training=False)

    return forward
