"""Facts of files as numbers that a logistic regression can use: one design for each family."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import HashingVectorizer

MOST_WORDS = 20
PARTS_OF_NAMES = 512  # hashed pieces of one to three characters


def design_of(family: str, facts: pd.DataFrame) -> np.ndarray:
    """Returns the numbers of one family, float64 `[files, columns]`; columns that vary only.

    Args:
        family: a key of `DESIGNS`.
        facts: a table of `file_facts_table`.
    """
    columns = DESIGNS[family](facts)
    return columns[:, np.ptp(columns, axis=0) > 0] if len(columns) else columns


def _bytes(facts: pd.DataFrame) -> np.ndarray:
    return _bent(np.log(facts["bytes"].clip(lower=1)))


def _size(facts: pd.DataFrame) -> np.ndarray:
    width, height = (facts[side].fillna(0).clip(lower=1) for side in ("width", "height"))
    words = facts["width"].astype(str) + " x " + facts["height"].astype(str)
    return np.hstack(
        [
            _bent(np.log(width)),
            _bent(np.log(height)),
            _bent(np.log(width / height)),
            _one_hot(words),
        ]
    )


def _format(facts: pd.DataFrame) -> np.ndarray:
    return np.hstack([_one_hot(facts[name]) for name in ("format", "extension", "mode")])


def _progressive(facts: pd.DataFrame) -> np.ndarray:
    return _one_hot(facts["progressive"])


def _subsampling(facts: pd.DataFrame) -> np.ndarray:
    return _one_hot(facts["subsampling"])


def _quantisation(facts: pd.DataFrame) -> np.ndarray:
    parts = [_one_hot(facts["quantisation"])]
    for name in ("coarseness", "coarseness_of_colour", "quality"):
        known = facts[name].notna().to_numpy(float)[:, None]
        parts += [known, _bent(np.log(facts[name].fillna(1).clip(lower=0.5)))]
    return np.hstack(parts)


def _exif(facts: pd.DataFrame) -> np.ndarray:
    others = facts["other_metadata"].str.get_dummies(" ").to_numpy(float)
    tags = np.log1p(facts[["exif_tags"]].to_numpy(float))
    return np.hstack([_one_hot(facts["exif"]), tags, others])


def _colour_profile(facts: pd.DataFrame) -> np.ndarray:
    return _one_hot(facts["colour_profile"])


def _names(facts: pd.DataFrame) -> np.ndarray:
    """Length, kinds of characters, first number, shape ("aa00"), and pieces of the name."""
    names = facts["name"]
    counts = [names.str.len(), *(names.str.count(kind) for kind in ("[0-9]", "[a-z]", "[A-Z]"))]
    first_number = names.str.extract(r"(\d{1,15})")[0].astype("float64").fillna(-1)
    hashing = HashingVectorizer(
        analyzer="char", ngram_range=(1, 3), n_features=PARTS_OF_NAMES, lowercase=False, norm=None
    )
    pieces = np.sign(hashing.transform(names).toarray())
    numbers = np.column_stack([*counts, np.log1p(first_number + 1)]).astype(float)
    return np.hstack([numbers, _one_hot(names.map(shape_of_name)), pieces])


def shape_of_name(name: str) -> str:
    """Returns the pattern of a name: "p0001_Ab" becomes "a0000_Aa"."""
    return re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"\d", "0", name)))


def _bent(values: pd.Series) -> np.ndarray:
    """Returns a number and its square, both around its mean: a middle can stand out too."""
    centred = (values - values.mean()).to_numpy(float)
    return np.column_stack([centred, centred**2])


def _one_hot(values: pd.Series) -> np.ndarray:
    """Returns a column for each of the most usual values; the rest shares none."""
    words = values.astype(str)
    usual = words.value_counts().index[:MOST_WORDS]
    return np.column_stack([(words == word).to_numpy(float) for word in usual])


DESIGNS: dict[str, Callable[[pd.DataFrame], np.ndarray]] = {
    "bytes": _bytes,
    "size": _size,
    "format": _format,
    "progressive": _progressive,
    "subsampling": _subsampling,
    "quantisation": _quantisation,
    "exif": _exif,
    "colour_profile": _colour_profile,
    "names": _names,
}
