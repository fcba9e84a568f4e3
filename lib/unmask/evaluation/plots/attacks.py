"""Figures of the stress tests: attacks, and other fakes and data than those learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .faces import face_sheet
from .style import (
    MODEL_MARKERS,
    described,
    heat_map,
    model_look,
    new_figure,
    panels,
    shortened,
    styled,
)


@styled
def attack_curves(entries: Sequence[Mapping[str, Any]]) -> Figure:
    """Returns the accuracy left under attack by budget, a panel a network, with 95% intervals.

    Args:
        entries: see `stress.robustness.measure_attacks`.
    """
    networks = list(dict.fromkeys(entry["network"] for entry in entries))
    figure, all_axes = panels(len(networks), 2, 3.2, sharey=True)
    texts, looks = [], {}
    for axes, network in zip(all_axes, networks, strict=True):
        own = [entry for entry in entries if entry["network"] == network]
        clean = next(entry for entry in own if entry["method"] == "clean")
        for kind, line in _attack_lines(own, network).items():
            look = looks.setdefault(kind, len(looks))
            shown = sorted([clean, *line], key=lambda entry: entry["budget"])
            _draw_attack(axes, shown, look, kind)
            values = [f"{each['budget']}: {each['accuracy']['value']:.2f}" for each in shown]
            texts.append(f"{network}, {kind}: {', '.join(values)}")
        budgets = sorted({entry["budget"] for entry in own})
        axes.set_xticks(range(len(budgets)), [str(budget) for budget in budgets])
        axes.set(ylim=(-0.03, 1.03), xlabel="grey levels of 255 a pixel may move")
        axes.set_title(shortened(network))
    all_axes[0].set_ylabel("faces still called right")
    handles, labels = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return described(figure, f"Accuracy under attack by budget. {'; '.join(texts)}.")


def attack_example(
    pictures: np.ndarray,
    attacked: np.ndarray,
    scores: Sequence[tuple[float, float]],
    labels: Sequence[int],
    amplify: int = 16,
) -> Figure:
    """Returns faces, what the attack added (amplified), and the sum, with the scores.

    Args:
        pictures, attacked: uint8 `[n, side, side, 3]`.
        scores: for each face P(fake) before and after.
        labels: 0 real, 1 fake.
        amplify: how many times stronger the difference is drawn, around grey.
    """
    shown, captions, classes = [], [], []
    for before, after, (clean, fooled), label in zip(
        pictures, attacked, scores, labels, strict=True
    ):
        difference = after.astype(int) - before
        drawn = np.clip(128 + amplify * difference, 0, 255).astype(np.uint8)
        shown += [before, drawn, after]
        captions += [f"score {clean:.2f}", f"difference ×{amplify}", f"score {fooled:.2f}"]
        classes += [int(label)] * 3
    most = int(np.abs(attacked.astype(int) - pictures).max())
    title = f"Attacked in several steps, by at most {most} of 255 grey levels"
    return face_sheet(shown, captions, classes, columns=6, title=title)


@styled
def cross_matrix(cells: Sequence[Mapping[str, Any]]) -> Figure:
    """Returns the AUC of each training (rows) on each test set (columns).

    Args:
        cells: see `stress.elsewhere.measure_row`.
    """
    rows = list(dict.fromkeys(cell["trained_on"] for cell in cells))
    columns = list(dict.fromkeys(cell["tested_on"] for cell in cells))
    shades, words = np.zeros((len(rows), len(columns))), np.full((len(rows), len(columns)), "–")
    words = words.astype(object)
    texts = []
    for cell in cells:
        place = rows.index(cell["trained_on"]), columns.index(cell["tested_on"])
        if cell["auc"] is None:
            continue
        value = cell["auc"]["value"]
        shades[place] = max(0.0, 2 * (value - 0.5))
        mark = "" if cell["relation"] == "same" else f"\n{cell['relation']}"
        words[place] = f"{value:.2f}{mark}"
        texts.append(
            f"{cell['trained_on']} on {cell['tested_on']} {value:.2f} ({cell['relation']})"
        )
    figure = new_figure(1.5 + 0.62 * len(rows), min(7.0, 2.6 + 0.95 * len(columns)))
    axes = figure.subplots()
    heat_map(axes, shades, words, "Greens", darkest=1.2)
    axes.set_aspect("auto")
    for text in axes.texts:
        text.set_fontsize(8.5)
    middles = np.arange(len(columns)) + 0.5
    names = [shortened(name, 18) for name in columns]
    axes.set_xticks(middles, names, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(np.arange(len(rows)) + 0.5, [shortened(row, 24) for row in rows], rotation=0)
    axes.set(xlabel="tested on", ylabel="trained")
    axes.set_title("AUC (0.5 is guessing)")
    return described(figure, f"AUC by what was trained on and what is tested: {'; '.join(texts)}.")


def _draw_attack(axes: Axes, shown: Sequence[Mapping[str, Any]], look: int, kind: str) -> None:
    ends = [[each["accuracy"][end] for end in ("value", "low", "high")] for each in shown]
    values = np.array([[row[0] if end is None else end for end in row] for row in ends])
    places = np.arange(len(shown)) + (look - 1.5) * 0.06
    errors = np.maximum([values[:, 0] - values[:, 1], values[:, 2] - values[:, 0]], 0)
    axes.errorbar(
        places, values[:, 0], yerr=errors, marker=MODEL_MARKERS[look % len(MODEL_MARKERS)],
        markersize=5, elinewidth=1, capsize=2, label=kind, **model_look(look),
    )  # fmt: skip


def _attack_lines(
    own: Sequence[Mapping[str, Any]], network: str
) -> dict[str, list[Mapping[str, Any]]]:
    """Groups one network's entries: random noise, its own attacks, and those of others."""
    lines: dict[str, list[Mapping[str, Any]]] = {}
    for entry in own:
        kind = {
            "noise": "random noise",
            "fgsm": "one step (FGSM)",
            "pgd": "several steps (PGD)",
        }.get(entry["method"])
        if entry["source"] not in ("", network):
            kind = "PGD made against the other network" if entry["method"] == "pgd" else None
            if kind in lines and lines[kind][0]["source"] != entry["source"]:
                kind = None  # one line is enough: that of the first other network
        if kind:
            lines.setdefault(kind, []).append(entry)
    return lines
