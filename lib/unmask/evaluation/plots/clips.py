"""The figure of clips: the scores of their faces, and what they are pooled into."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..scores import CLASS_NAMES
from .style import CLASS_COLORS, described, new_figure, shortened, styled

MOST = 40  # clips of a class that are told apart at the width of a page
THRESHOLD_LINE = {"color": "black", "linewidth": 1.2, "linestyle": ":"}
MARKERS = ("o", "s")


@styled
def clip_scores(
    faces: pd.DataFrame, clips: pd.DataFrame, threshold: float, name: str, meaning: str
) -> Figure:
    """Returns for each clip the scores of its faces as dots and its own score as a mark.

    Clips of a class stand side by side, by rising score; of more than `MOST` of a class an even
    draw is shown.

    Args:
        faces: a row a face: `file_id`, `person`, `score`.
        clips: a row a clip: `file_id`, `person`, `label`, `score`.
        threshold: from which on a clip is called fake.
        name: of the detector.
        meaning: what a clip's score is, as "the mean of its faces' scores".
    """
    figure = new_figure(3.4)
    axes = figure.subplots()
    of_clip = faces.groupby(["file_id", "person"])["score"]
    start, texts, ticks = 0, [], []
    for label in (0, 1):
        part = clips[clips["label"] == label].sort_values("score")
        called = int((part["score"] >= threshold).sum())
        texts.append(f"{called} of {len(part)} {CLASS_NAMES[label]} clips are called fake")
        shown = part.iloc[np.unique(np.linspace(0, len(part) - 1, MOST).astype(int))]
        for place, clip in enumerate(shown.itertuples(), start):
            scores = of_clip.get_group((clip.file_id, clip.person))
            axes.plot([place] * len(scores), scores, ".", color=CLASS_COLORS[label], alpha=0.35)
        places = np.arange(start, start + len(shown))
        look = {"color": CLASS_COLORS[label], "marker": MARKERS[label], "markersize": 5}
        axes.plot(places, shown["score"], linestyle="none", label=CLASS_NAMES[label], **look)
        ticks.append((start + (len(shown) - 1) / 2, f"{len(shown)} {CLASS_NAMES[label]} clips"))
        start += len(shown) + 1
    axes.axhline(threshold, label="threshold", **THRESHOLD_LINE)
    axes.set_xticks([place for place, _ in ticks], [text for _, text in ticks])
    axes.grid(axis="x", visible=False)
    axes.set(ylim=(-0.03, 1.03), ylabel="score, P(fake)")
    axes.set_title(f"{shortened(name)}: mark = {meaning}, dots = faces")
    figure.legend(loc="outside lower center", ncols=3)
    alt = f"Scores of the test clips of {name}, and of the faces in them; a clip's score is "
    return described(
        figure, f"{alt}{meaning}. {'; '.join(texts)} at the threshold {threshold:.2f}."
    )
