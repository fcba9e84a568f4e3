"""What a reader is shown of the numbers per clip: a table, sentences, and scores to draw."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from .clips import Pooling, clip_rows, pool_clips
from .formats import ABOUT_SPREAD, format_interval, format_percent
from .members import Result

WHY = "figures of a report"


def clips_table(results: Sequence[Result], split: str = "test") -> tuple[pd.DataFrame, str] | None:
    """Returns a row a detector with its numbers per clip, all cells text, and the caption.

    Args:
        results: evaluated members.
        split: a key of `splits` of metrics.json.

    Returns:
        None where no member has numbers per clip in this split.
    """
    rows, notes, chosen = [], [], True
    for result in results:
        clips = result.metrics.get("clips", {})
        block = clips.get("splits", {}).get(split)
        if not block:
            continue
        found = block["metrics"]
        rows.append(
            {
                "detector": result.name,
                "a clip's score is": clips["meaning"],
                "real clips": f"{block['n_real']:,}",
                "fake clips": f"{block['n_fake']:,}",
                "AUC": format_interval(found["auc"], spread=True),
                "balanced accuracy": format_interval(found["balanced_accuracy"], spread=True),
                "fakes found": format_percent(found["recall_fake"], spread=True),
                "reals accepted": format_percent(found["recall_real"], spread=True),
                "threshold": f"{clips['threshold']['value']:.3f}",
            }
        )
        chosen = chosen and bool(clips["chosen_on"])
        notes += [*clips["notes"], *block["notes"]]
        if block["seeds"] > 1:
            notes.append(ABOUT_SPREAD)
    if not rows:
        return None
    which = {"test": "Test clips", "val": "Validation clips", "unseen": "Clips of unseen fakes"}
    caption = f"{which[split]}, with 95% intervals: one score per clip and person. "
    what = "Pooling and thresholds" if chosen else "Thresholds"
    caption += f"{what} were chosen on validation clips; intervals draw whole groups."
    return pd.DataFrame(rows), " ".join([caption, *dict.fromkeys(notes)])


def describe_clips(result: Result) -> list[str]:
    """Returns the sentences on a detector's numbers per clip; none where it has none."""
    clips = result.metrics.get("clips")
    if not clips:
        return []
    block = clips["splits"]["test"]
    how = "chosen on validation clips" if clips["chosen_on"] else "taken without a choice"
    return [
        f"{result.name} per clip: AUC {format_interval(block['metrics']['auc'])} on {block['n']:,} "
        f"test clips ({block['n_fake']:,} of them fake); a clip's score is {clips['meaning']}, "
        f"{how}."
    ]


def scores_of_clips(result: Result) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns the scores of a detector's test clips: a row a face, and a row a clip.

    Of several seeds the first. Both have `file_id`, `person`, `label`, `score`; empty where test
    has no clips.
    """
    rows = clip_rows(result.select("test", WHY))
    rows = rows[rows["seed"] == rows["seed"].min()]
    clips = result.metrics.get("clips")
    if not clips or rows.empty:
        return rows.iloc[:0], rows.iloc[:0]
    return rows, pool_clips(rows, Pooling(clips["pooling"], clips["k"]))
