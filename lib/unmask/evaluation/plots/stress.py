"""Figures of the stress tests: what changes of the picture do to a detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..scores import CLASS_NAMES
from ..stress.transforms import TRANSFORMS, Transform, apply
from .faces import face_sheet
from .style import (
    CLASS_COLORS,
    CLASS_LINES,
    FAINT,
    INK,
    MODEL_MARKERS,
    described,
    new_figure,
    panels,
    shortened,
    styled,
)

COLUMNS = 3
SIDE_LOOKS = {
    "both": ("all faces changed", INK, "-"),
    "reals": ("only real faces changed", CLASS_COLORS[0], (0, (5, 1.5))),
    "fakes": ("only fake faces changed", CLASS_COLORS[1], (0, (1.2, 1.2))),
}
RECALL_LOOKS = {
    "recall_real": ("real faces accepted", CLASS_COLORS[0], CLASS_LINES[0]),
    "recall_fake": ("fake faces found", CLASS_COLORS[1], CLASS_LINES[1]),
}


@styled
def stress_curves(network: str, curves: Mapping[str, Any]) -> Figure:
    """Returns the AUC under each change of the picture, a panel a change, with 95% bands.

    Args:
        network: its name, for the title.
        curves: of one network, see `stress.curves.measure_curves`.
    """
    figure, grid = _grid(curves, f"AUC of {shortened(network)} on changed faces")
    texts = []
    for axes, transform, conditions in grid:
        for side, (_, color, line) in SIDE_LOOKS.items():
            entries = _with_clean(transform, conditions, curves["clean"]["auc"], (side, "auc"))
            _draw_line(axes, entries, color, line, band=side == "both")
        axes.axhline(0.5, color=FAINT, linewidth=1, linestyle=":")
        values = [f"{each['label']} {each['both']['auc']['value']:.2f}" for each in conditions]
        texts.append(f"{transform.title}: {', '.join(values)}")
    _finish_grid(figure, grid, SIDE_LOOKS)
    return described(
        figure,
        f"AUC of {network}, {curves['clean']['auc']['value']:.2f} on unchanged faces, when all "
        f"faces are changed. {'. '.join(texts)}.",
    )


@styled
def stress_recalls(network: str, curves: Mapping[str, Any]) -> Figure:
    """Returns the share of each class that is called right under each change, threshold fixed.

    Args:
        network, curves: see `stress_curves`.
    """
    title = f"Called right by {shortened(network)} at its threshold of {curves['threshold']:.2f}"
    figure, grid = _grid(curves, title)
    texts = []
    for axes, transform, conditions in grid:
        for name, (_, color, line) in RECALL_LOOKS.items():
            entries = _with_clean(transform, conditions, curves["clean"][name], ("both", name))
            _draw_line(axes, entries, color, line, band=True)
        values = [
            f"{each['label']} {each['both']['recall_real']['value']:.2f} and "
            f"{each['both']['recall_fake']['value']:.2f}"
            for each in conditions
        ]
        texts.append(f"{transform.title}: {', '.join(values)}")
    _finish_grid(figure, grid, RECALL_LOOKS)
    clean = [f"{curves['clean'][name]['value']:.2f}" for name in RECALL_LOOKS]
    return described(
        figure,
        f"Share of real faces accepted and of fake faces found by {network} at its fixed "
        f"threshold; unchanged {' and '.join(clean)}. {'. '.join(texts)}.",
    )


@styled
def shift_by_class(network: str, curves: Mapping[str, Any]) -> Figure:
    """Returns how far each change moves the mean score of real and of fake faces.

    Of each change the level is shown that moves the two classes most. Both markers on one side of
    zero: the change itself looks real or fake (bias). Markers that approach each other across
    zero: the classes can no longer be told apart (weakness).

    Args:
        network, curves: see `stress_curves`.
    """
    rows = [max(group, key=_movement) for group in _by_transform(curves).values()]
    figure = new_figure(1.5 + 0.34 * len(rows))
    axes = figure.subplots()
    texts = []
    for place, row in enumerate(rows):
        shifts = [row["shift_real"], row["shift_fake"]]
        ends = [shift["value"] for shift in shifts]
        axes.plot(ends, [place, place], color="#C8C8C8", linewidth=3, zorder=1)
        for label, shift in enumerate(shifts):
            _draw_shift(axes, shift, place + (label - 0.5) * 0.22, label, named=place == 0)
        texts.append(f"{_title(row)} real {ends[0]:+.2f}, fake {ends[1]:+.2f}")
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_yticks(range(len(rows)), [_title(row) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    farthest = max(0.1, *(abs(end) for end in axes.get_xlim()))
    axes.set_xlim(-farthest, farthest)
    axes.set_xlabel("← taken for more real     shift of the mean score     more fake →")
    title = f"What each change does to the scores of {shortened(network)}"
    figure.suptitle(title, fontsize=11, fontweight="bold", x=0.01, ha="left")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower center", ncols=2)
    return described(figure, f"Shift of {network}'s mean score by class. {'; '.join(texts)}.")


def transform_sheet(
    pictures: Sequence[np.ndarray],
    labels: Sequence[int],
    names: Sequence[str],
    transforms: Mapping[str, Transform] = TRANSFORMS,
    seed: int = 0,
) -> Figure:
    """Returns a few faces as they are and under the last level of each transform.

    Args:
        pictures: uint8 [side, side, 3] each, usually one real and one fake face.
        labels: 0 real, 1 fake, of each.
        names: their face ids, so that the sheet shows what was scored.
        transforms: what to show.
        seed: of what is drawn at random.
    """
    columns = 6
    changes = [None, *transforms.values()]
    shown, captions, classes = [], [], []
    for start in range(0, len(changes), columns):
        for picture, label, name in zip(pictures, labels, names, strict=True):
            for change in changes[start : start + columns]:
                level = None if change is None else change.levels[-1]
                face = np.asarray(picture)
                if change is not None:
                    face = apply(change, level, face[None], [name], seed)[0]
                shown.append(face)
                title = "as it is" if change is None else change.title
                captions.append(title if change is None else f"{title}\n{change.label(level)}")
                classes.append(int(label))
    title = "What the changes look like, each at its last level"
    return face_sheet(shown, captions, classes, columns=columns, title=title)


def _grid(
    curves: Mapping[str, Any], title: str
) -> tuple[Figure, list[tuple[Axes, Transform, list[Mapping[str, Any]]]]]:
    groups = _by_transform(curves)
    figure, all_axes = panels(len(groups), COLUMNS, 1.75, sharey=True)
    figure.suptitle(title, fontsize=11, fontweight="bold", x=0.01, ha="left")
    found = []
    for axes, (name, conditions) in zip(all_axes, groups.items(), strict=True):
        transform = TRANSFORMS[name]
        labels = [f"{level:g}" for level in transform.levels]
        labels.insert(transform.clean_at, "as is")
        axes.set_xticks(range(len(labels)), labels)
        axes.set_title(transform.title)
        axes.set_xlabel(transform.axis, fontsize=9)
        axes.margins(x=0.08)
        found.append((axes, transform, conditions))
    return figure, found


def _finish_grid(figure: Figure, grid: list, looks: Mapping[str, tuple]) -> None:
    lowest = min(axes.dataLim.y0 for axes, _, _ in grid)
    for axes, _, _ in grid:
        axes.set_ylim(max(-0.02, lowest - 0.03), 1.02)
    lines = [
        grid[0][0].plot([], [], color=color, linestyle=line)[0] for _, color, line in looks.values()
    ]
    titles = [title for title, _, _ in looks.values()]
    figure.legend(lines, titles, loc="outside lower center", ncols=len(titles))


def _with_clean(
    transform: Transform,
    conditions: Sequence[Mapping[str, Any]],
    clean: Mapping[str, Any],
    path: tuple[str, str],
) -> list[Mapping[str, Any]]:
    """Returns value, low and high along the axis, the unchanged picture in its place."""
    entries = [condition[path[0]][path[1]] for condition in conditions]
    return [*entries[: transform.clean_at], clean, *entries[transform.clean_at :]]


def _draw_line(axes: Axes, entries: Sequence[Mapping[str, Any]], color, line, band: bool) -> None:
    places = range(len(entries))
    axes.plot(
        places, [entry["value"] for entry in entries], color=color, linestyle=line, marker="o",
        markersize=3,
    )  # fmt: skip
    if band:
        ends = [[entry["value"] if entry[end] is None else entry[end] for entry in entries]
                for end in ("low", "high")]  # fmt: skip
        axes.fill_between(places, *ends, color=color, alpha=0.13, linewidth=0)


def _draw_shift(axes: Axes, shift: Mapping[str, Any], place: float, label: int, named: bool):
    low, high = (shift["value"] if shift[end] is None else shift[end] for end in ("low", "high"))
    axes.errorbar(
        shift["value"],
        place,
        xerr=[[shift["value"] - low], [high - shift["value"]]],
        color=CLASS_COLORS[label],
        marker=MODEL_MARKERS[label],
        markersize=6,
        capsize=2.5,
        label=f"{CLASS_NAMES[label]} faces" if named else None,
    )


def _by_transform(curves: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for condition in curves["conditions"]:
        groups.setdefault(condition["transform"], []).append(condition)
    return groups


def _movement(condition: Mapping[str, Any]) -> float:
    return abs(condition["shift_real"]["value"]) + abs(condition["shift_fake"]["value"])


def _title(condition: Mapping[str, Any]) -> str:
    return f"{TRANSFORMS[condition['transform']].title}, {condition['label']}"
