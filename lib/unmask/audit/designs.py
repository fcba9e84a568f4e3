"""Facts of files as numbers that a logistic regression can use: one design for each family."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import HashingVectorizer

MOST_WORDS = 20
PARTS_OF_NAMES = 512  # hashed pieces of one to three characters


def design_of(family: str, facts: pd.DataFrame, learned: pd.DataFrame | None = None) -> np.ndarray:
    """Returns the numbers of one family, float64 `[files, columns]`; columns that vary only.

    Args:
        family: a key of `DESIGNS`.
        facts: a table of `file_facts_table`.
        learned: the facts that decide which words get a column, around which mean a number lies
            and which columns vary; `facts` themselves when None.
    """
    learned = facts if learned is None else learned
    columns = DESIGNS[family](facts, learned)
    if not len(learned):
        return columns
    own = columns if learned is facts else DESIGNS[family](learned, learned)
    return columns[:, np.ptp(own, axis=0) > 0]


def _bytes(facts: pd.DataFrame, learned: pd.DataFrame) -> np.ndarray:
    return _bent(*(np.log(each["bytes"].clip(lower=1)) for each in (facts, learned)))


def _size(facts: pd.DataFrame, learned: pd.DataFrame) -> np.ndarray:
    numbers = zip(_logs_of_size(facts), _logs_of_size(learned), strict=True)
    words = (
        each["width"].astype(str) + " x " + each["height"].astype(str) for each in (facts, learned)
    )
    return np.hstack([*(_bent(*each) for each in numbers), _one_hot(*words)])


def _logs_of_size(facts: pd.DataFrame) -> tuple[pd.Series, ...]:
    width, height = (facts[side].fillna(0).clip(lower=1) for side in ("width", "height"))
    return np.log(width), np.log(height), np.log(width / height)


def _words(*names: str) -> Callable[[pd.DataFrame, pd.DataFrame], np.ndarray]:
    """Returns a design with a column for each usual word of each of these facts."""

    def design(facts: pd.DataFrame, learned: pd.DataFrame) -> np.ndarray:
        return np.hstack([_one_hot(facts[name], learned[name]) for name in names])

    return design


def _quantisation(facts: pd.DataFrame, learned: pd.DataFrame) -> np.ndarray:
    parts = [_one_hot(facts["quantisation"], learned["quantisation"])]
    for name in ("coarseness", "coarseness_of_colour", "quality"):
        known = facts[name].notna().to_numpy(float)[:, None]
        logs = (np.log(each[name].fillna(1).clip(lower=0.5)) for each in (facts, learned))
        parts += [known, _bent(*logs)]
    return np.hstack(parts)


def _exif(facts: pd.DataFrame, learned: pd.DataFrame) -> np.ndarray:
    words = sorted({word for text in learned["other_metadata"] for word in text.split()})
    others = [facts["other_metadata"].str.split().map(lambda has, w=w: w in has) for w in words]
    tags = np.log1p(facts[["exif_tags"]].to_numpy(float))
    shown = [column.to_numpy(float)[:, None] for column in others]
    return np.hstack([_one_hot(facts["exif"], learned["exif"]), tags, *shown])


def _names(facts: pd.DataFrame, learned: pd.DataFrame) -> np.ndarray:
    """Length, kinds of characters, first number, shape ("aa00"), and pieces of the name."""
    names = facts["name"]
    counts = [names.str.len(), *(names.str.count(kind) for kind in ("[0-9]", "[a-z]", "[A-Z]"))]
    first_number = names.str.extract(r"(\d{1,15})")[0].astype("float64").fillna(-1)
    hashing = HashingVectorizer(
        analyzer="char", ngram_range=(1, 3), n_features=PARTS_OF_NAMES, lowercase=False, norm=None
    )
    pieces = np.sign(hashing.transform(names).toarray())
    numbers = np.column_stack([*counts, np.log1p(first_number + 1)]).astype(float)
    shapes = (each["name"].map(shape_of_name) for each in (facts, learned))
    return np.hstack([numbers, _one_hot(*shapes), pieces])


def shape_of_name(name: str) -> str:
    """Returns the pattern of a name: "p0001_Ab" becomes "a0000_Aa"."""
    return re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"\d", "0", name)))


def _bent(values: pd.Series, learned: pd.Series) -> np.ndarray:
    """Returns a number and its square, both around the learned mean: a middle can stand out too."""
    centred = (values - learned.mean()).to_numpy(float)
    return np.column_stack([centred, centred**2])


def _one_hot(values: pd.Series, learned: pd.Series) -> np.ndarray:
    """Returns a column for each of the most usual learned values; the rest shares none."""
    words = values.astype(str)
    usual = learned.astype(str).value_counts().index[:MOST_WORDS]
    return np.column_stack([(words == word).to_numpy(float) for word in usual])


DESIGNS: dict[str, Callable[[pd.DataFrame, pd.DataFrame], np.ndarray]] = {
    "bytes": _bytes,
    "size": _size,
    "format": _words("format", "extension", "mode"),
    "progressive": _words("progressive"),
    "subsampling": _words("subsampling"),
    "quantisation": _quantisation,
    "exif": _exif,
    "colour_profile": _words("colour_profile"),
    "names": _names,
}
